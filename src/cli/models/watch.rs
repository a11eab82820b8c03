//! `moai models watch`: seed 004's monitor script as a live view: what is loaded, and how full the machine is.

use std::fs;
use std::time::Duration;

use serde_json::json;

use crate::base::failure::Failure;
use crate::base::program::{Program, Spoken};
use crate::base::world::World;
use crate::cli::ui::{Ui, clean};
use crate::route::memory::Gib;

use super::bench::bar;
use super::room::{Server, document, servers, sums, table};
use super::shop::Shop;

/// To the top left, and everything below is cleared.
const ANEW: &[u8] = b"\x1b[H\x1b[J";
const CLEAR: &[u8] = b"\x1b[2J";

/// Watch the memory of this machine's models, until Ctrl-C
///
/// On a terminal the view is drawn anew at every look. Elsewhere it is printed once, or --count times; with --json
/// each look is a line.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai models watch
  moai models watch --interval 30
  moai models watch --json --count 10 --interval 5 >> memory.jsonl")]
pub(super) struct Args {
    /// How many seconds lie between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    interval: u64,
    /// How many looks; on a terminal: without end, elsewhere: 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

/// Runs `moai models watch`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let shop = Shop::open(world, &[], ui)?;
    let live = world.terminal.stdout && !ui.json;
    let most = args.count.or((!live).then_some(1));
    if live {
        ui.answer_bytes(CLEAR)?;
    }
    let mut looks = 0;
    loop {
        // Ctrl-C is how this ends, and no failure.
        let Ok(servers) = servers(&shop) else { return Ok(()) };
        show(&servers, &shop, live, ui)?;
        looks += 1;
        if most.is_some_and(|most| looks >= most) {
            return Ok(());
        }
        let rest = async { tokio::time::sleep(Duration::from_secs(args.interval)).await };
        if shop.wait(rest).is_err() {
            return Ok(());
        }
    }
}

fn show(servers: &[Server], shop: &Shop, live: bool, ui: &mut Ui) -> Result<(), Failure> {
    let machine = machine_memory(&shop.world);
    let now = shop.world.now();
    if ui.json {
        let mut document = document(servers, shop.budget);
        if let Some(object) = document.as_object_mut() {
            object.insert("at".into(), json!(now.to_string()));
            object.insert("used_bytes".into(), json!(machine.map(|(used, _)| used)));
            object.insert("total_bytes".into(), json!(machine.map(|(_, total)| total)));
        }
        return ui.answer(document.to_string());
    }
    if live {
        ui.answer_bytes(ANEW)?;
    }
    let time = shop.world.zone().to_datetime(now).strftime("%Y-%m-%d %H:%M:%S").to_string();
    ui.answer(ui.style.bold(&time))?;
    if servers.iter().any(|server| server.loaded.as_ref().is_ok_and(|loaded| !loaded.is_empty())) {
        ui.answer_table(&table(servers, now))?;
    } else {
        ui.answer(ui.style.dim("nothing is loaded"))?;
    }
    for line in sums(servers, shop.budget) {
        ui.answer(clean(&line))?;
    }
    if let Some((used, total)) = machine.filter(|(_, total)| *total > 0) {
        let share = mib(used) / mib(total);
        ui.answer(format!("machine: {} of {}  {}", Gib(used), Gib(total), ui.style.cyan(&bar(share))))?;
    }
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    f64::from(u32::try_from(bytes >> 20).unwrap_or(u32::MAX)).max(1.0)
}

/// What this machine's memory is used of, and how much there is: Linux says it in a file, macOS by `vm_stat`.
fn machine_memory(world: &World) -> Option<(u64, u64)> {
    if let Ok(text) = fs::read_to_string("/proc/meminfo") {
        let kib = |name: &str| of_meminfo(&text, name);
        let total = kib("MemTotal:")?;
        return Some((total.saturating_sub(kib("MemAvailable:")?) << 10, total << 10));
    }
    let said = |name: &str, args: &[&str]| {
        let spoken = Program::new(world, name).ok()?.args(args).run().ok().filter(Spoken::ok)?;
        String::from_utf8(spoken.stdout).ok()
    };
    let total = said("sysctl", &["-n", "hw.memsize"])?.trim().parse().ok()?;
    Some((of_vm_stat(&said("vm_stat", &[])?)?, total))
}

fn of_meminfo(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// What macOS cannot give away: active, wired and compressed pages.
fn of_vm_stat(text: &str) -> Option<u64> {
    let page: u64 = text.split_once("page size of ")?.1.split(' ').next()?.parse().ok()?;
    let pages = |name: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches('.').parse().ok()
    };
    let used =
        pages("Pages active:")? + pages("Pages wired down:")? + pages("Pages occupied by compressor:").unwrap_or(0);
    used.checked_mul(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_systems_are_read() {
        let linux = "MemTotal:       32768 kB\nMemFree:  1 kB\nMemAvailable:   8192 kB\n";
        assert_eq!((of_meminfo(linux, "MemTotal:"), of_meminfo(linux, "MemAvailable:")), (Some(32_768), Some(8_192)));
        let mac = "Mach Virtual Memory Statistics: (page size of 16384 bytes)\nPages free: 10.\nPages active:   100.\n\
                   Pages wired down:   50.\nPages occupied by compressor:  25.\n";
        assert_eq!(of_vm_stat(mac), Some(175 * 16_384));
        assert_eq!(of_vm_stat("nothing"), None);
    }
}
