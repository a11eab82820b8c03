//! `moai models ps`, `load` and `unload`: what the Ollamas have in memory. Nothing here touches what lies on their disks.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value as Json, json};
use tokio::time::{Instant, sleep};

use crate::base::failure::{Explain as _, Failure, Kind};
use crate::base::interrupt::Interrupted;
use crate::base::world::World;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui, clean};
use crate::route::Provider;
use crate::route::memory::{Budget, Gib, Loaded, tagged};
use crate::wire::Fault;

use super::list::window;
use super::shop::Shop;

/// How long an unloaded model may take to be gone, and how often that is looked at.
const GONE: Duration = Duration::from_secs(15);
const STEP: Duration = Duration::from_millis(50);
/// What stays longer than this stays for ever.
const FOR_EVER: i64 = 365 * 86_400;

/// Show what is in the memory of Ollama: models, sizes, how long they stay
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai models ps
  moai models ps --json | jq '.servers[].models[].model'")]
pub(super) struct PsArgs {}

/// Load a model into memory, so that the next request does not wait for it
///
/// Where `local.memory` is set, room is made for it first, or waited for, as `local.when_full` says.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai models load qwen2.5-coder
  moai models load ollama/llama3.1:8b --keep 1h
  moai models load deepseek-r1 --keep -1         until it is unloaded")]
pub(super) struct LoadArgs {
    /// The model: its name, or PROVIDER/ID
    #[arg(value_name = "MODEL")]
    model: String,
    /// For how long it stays when nobody asks it, such as 30m; -1: for ever. Unset: as Ollama is set up
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = keep)]
    keep: Option<String>,
}

/// Take models out of memory; on disk they stay
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai models unload qwen2.5-coder
  moai models unload --all")]
pub(super) struct UnloadArgs {
    /// The models: their names, or PROVIDER/ID
    #[arg(value_name = "MODEL", required_unless_present = "all", conflicts_with = "all")]
    models: Vec<String>,
    /// Everything that is loaded
    #[arg(short, long)]
    all: bool,
}

/// An Ollama, and what it has in memory.
pub(super) struct Server {
    pub(super) name: String,
    pub(super) url: String,
    pub(super) loaded: Result<Vec<Loaded>, Fault>,
}

/// A time as Ollama takes it: `30m`, `1h30m`, seconds.
fn keep(text: &str) -> Result<String, String> {
    let units = text.trim_start_matches('-');
    let good = units.starts_with(|c: char| c.is_ascii_digit())
        && units.chars().all(|c| c.is_ascii_digit() || matches!(c, 'h' | 'm' | 's' | '.'));
    if good { Ok(text.to_owned()) } else { Err("a time is written like 30m, 1h, 90s, or -1".into()) }
}

/// Looks at every Ollama.
pub(super) fn servers(shop: &Shop) -> Result<Vec<Server>, Interrupted> {
    shop.wait(async {
        let mut servers = Vec::new();
        for way in shop.ollamas() {
            let loaded = shop.lines.upstream().loaded(way, shop.lines.key(way)).await;
            servers.push(Server { name: way.name.clone(), url: way.base_url.clone(), loaded });
        }
        servers
    })
}

/// Fails where no Ollama answers.
fn require_one(servers: &[Server]) -> Result<(), Failure> {
    let mut faults = servers.iter().filter_map(|server| server.loaded.as_ref().err().map(|fault| (server, fault)));
    if servers.iter().any(|server| server.loaded.is_ok()) {
        return Ok(());
    }
    let Some((server, fault)) = faults.next() else {
        return Err(Failure::new(Kind::Config, "no Ollama is configured").hint("name one: OLLAMA_HOST=127.0.0.1:11434"));
    };
    Err(Failure::new(Kind::Upstream, format!("{} does not answer: {}", server.name, fault.told()))
        .with_code("no-ollama")
        .hint("start it: `ollama serve`; where it listens elsewhere, OLLAMA_HOST says so"))
}

/// Runs `moai models ps`.
pub(super) fn ps(_args: &PsArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let shop = Shop::open(world, &[], ui)?;
    let servers = servers(&shop)?;
    require_one(&servers)?;
    if ui.json {
        return ui.answer_json(&document(&servers, shop.budget));
    }
    let table = table(&servers, world.now());
    if servers.iter().all(|server| server.loaded.as_ref().map_or(true, Vec::is_empty)) {
        ui.answer("nothing is loaded")?;
    } else {
        ui.answer_table(&table)?;
    }
    for line in sums(&servers, shop.budget) {
        ui.say(clean(&line))?;
    }
    Ok(())
}

/// The servers as a document.
pub(super) fn document(servers: &[Server], budget: Option<Budget>) -> Json {
    let rows: Vec<Json> = servers
        .iter()
        .map(|server| {
            let loaded = server.loaded.as_deref().unwrap_or_default();
            let models: Vec<Json> = loaded
                .iter()
                .map(|one| {
                    json!({
                        "model": one.model,
                        "bytes": one.bytes,
                        "vram_bytes": one.vram,
                        "context": one.context,
                        "until": one.until.map(|until| until.to_string()),
                    })
                })
                .collect();
            json!({
                "provider": server.name,
                "url": server.url,
                "health": if server.loaded.is_ok() { "ok" } else { "down" },
                "error": server.loaded.as_ref().err().map(Fault::told),
                "bytes": loaded.iter().fold(0_u64, |sum, one| sum.saturating_add(one.bytes)),
                "models": models,
            })
        })
        .collect();
    json!({ "schema": SCHEMA, "servers": rows, "budget_bytes": budget.map(|budget| budget.bytes) })
}

/// The models that are loaded, the server named where there are several.
pub(super) fn table(servers: &[Server], now: Timestamp) -> Table {
    let several = servers.len() > 1;
    let mut columns = vec![
        Column::fixed("model"),
        Column::number("size"),
        Column::number("graphics card"),
        Column::number("window"),
        Column::fixed("stays"),
    ];
    columns.extend(several.then_some(Column::fixed("at")));
    let mut table = Table::new(columns);
    for server in servers {
        for one in server.loaded.as_deref().unwrap_or_default() {
            let share = (u128::from(one.vram) * 100).checked_div(u128::from(one.bytes));
            let mut row = vec![
                (one.model.clone(), Style::Bold),
                (Gib(one.bytes).to_string(), Style::Plain),
                (share.map_or_else(|| "–".to_owned(), |share| format!("{share} %")), Style::Plain),
                (one.context.map_or_else(|| "–".to_owned(), window), Style::Plain),
                (one.until.map_or_else(|| "–".to_owned(), |until| stays(until, now)), Style::Plain),
            ];
            row.extend(several.then(|| (server.name.clone(), Style::Dim)));
            table.row(row);
        }
    }
    table
}

/// How full each server is, and which do not answer.
pub(super) fn sums(servers: &[Server], budget: Option<Budget>) -> Vec<String> {
    let line = |server: &Server| match &server.loaded {
        Err(fault) => format!("{} does not answer: {}", server.name, fault.told()),
        Ok(loaded) => {
            let used = Gib(loaded.iter().fold(0, |sum, one| sum.saturating_add(one.bytes)));
            match budget {
                Some(budget) => format!("{}: {used} of {} (`local.memory`)", server.name, Gib(budget.bytes)),
                None => format!("{}: {used}", server.name),
            }
        }
    };
    servers.iter().map(line).collect()
}

/// `4 min`, `40 s`, `for ever`.
fn stays(until: Timestamp, now: Timestamp) -> String {
    match until.as_second().saturating_sub(now.as_second()) {
        ..=0 => "leaves now".into(),
        seconds @ 1..=119 => format!("{seconds} s"),
        seconds @ 120..=7_199 => format!("{} min", seconds / 60),
        seconds if seconds < FOR_EVER => format!("{} h", seconds / 3_600),
        _ => "for ever".into(),
    }
}

/// Runs `moai models load`.
pub(super) fn load(args: &LoadArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let shop = Shop::open(world, std::slice::from_ref(&args.model), ui)?;
    let ready = shop.local(&args.model)?;
    let model = ready.model();
    let way = ready.provider().ways().next().unwrap_or(ready.provider());
    let (upstream, key) = (shop.lines.upstream(), shop.lines.key(way));
    let progress = ui.progress(1, &format!("loading {}", clean(&model.id)));
    let told = |why: &str| drop(ui.say(clean(&format!("waiting for memory: {why}"))));
    let done = shop.wait(async {
        let berth = shop.lines.berth(model, way, None, told).await.map_err(|why| no_room(&model.name, &why))?;
        upstream.load(way, key, &model.id, model.context, args.keep.as_deref()).await?;
        let loaded = upstream.loaded(way, key).await?;
        drop(berth);
        Ok::<_, Failure>(loaded)
    })?;
    progress.finish_and_clear();
    let id = tagged(&model.id);
    let held = done?.into_iter().find(|one| one.model == id);
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "model": model.name,
            "id": id,
            "loaded": held.is_some(),
            "bytes": held.as_ref().map(|held| held.bytes),
            "until": held.as_ref().and_then(|held| held.until).map(|until| until.to_string()),
        }));
    }
    let size = held.as_ref().map(|held| format!(": {}", Gib(held.bytes))).unwrap_or_default();
    let stays = held.and_then(|held| held.until).map(|until| format!(", stays {}", stays(until, world.now())));
    ui.say(clean(&format!("{id} is loaded{size}{}", stays.unwrap_or_default())))
}

fn no_room(model: &str, why: &str) -> Failure {
    Failure::new(Kind::Expected, format!("{model} is not loaded: {why}"))
        .with_code("no-memory")
        .hint("see what is loaded: `moai models ps`; make room: `moai models unload MODEL`")
}

/// Runs `moai models unload`.
pub(super) fn unload(args: &UnloadArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let shop = Shop::open(world, &args.models, ui)?;
    let mut wanted: Vec<(Provider, String)> = Vec::new();
    if args.all {
        let servers = servers(&shop)?;
        require_one(&servers)?;
        let ways = shop.ollamas();
        for (way, server) in ways.iter().zip(&servers) {
            let loaded = server.loaded.as_deref().unwrap_or_default();
            wanted.extend(loaded.iter().map(|one| ((*way).clone(), one.model.clone())));
        }
    }
    for model in &args.models {
        let ready = shop.local(model)?;
        wanted.extend(ready.provider().ways().map(|way| (way.clone(), tagged(&ready.model().id))));
    }
    let mut rows = Vec::new();
    for (way, id) in &wanted {
        let was = shop.wait(out(&shop, way, id))?;
        let was = was.map_err(|fault| {
            let hints = fault.hints();
            let failure = Failure::new(fault.kind(), format!("{id} cannot be unloaded: {}", fault.told()));
            hints.into_iter().fold(failure, Failure::hint)
        })?;
        if !ui.json {
            ui.say(clean(&if was { format!("{id} is out of memory") } else { format!("{id} is not loaded") }))?;
        }
        rows.push(json!({ "model": id, "provider": way.name, "was_loaded": was }));
    }
    if ui.json {
        return ui.answer_json(&json!({ "schema": SCHEMA, "unloaded": rows }));
    }
    if wanted.is_empty() { ui.say("nothing is loaded") } else { Ok(()) }
}

/// Unloads a model and waits until it is gone; says whether it was there. One that answers goes when it is done.
async fn out(shop: &Shop, way: &Provider, id: &str) -> Result<bool, Fault> {
    let (upstream, key) = (shop.lines.upstream(), shop.lines.key(way));
    let is_there = async || Ok::<_, Fault>(upstream.loaded(way, key).await?.iter().any(|one| one.model == id));
    if !is_there().await? {
        return Ok(false);
    }
    upstream.unload(way, key, id).await?;
    let until = Instant::now() + GONE;
    while is_there().await? {
        if Instant::now() >= until {
            let message = "it still answers somebody, and goes when that is over";
            return Err(Fault::new(crate::wire::FaultKind::Overloaded, message));
        }
        sleep(STEP).await;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_that_ollama_takes() {
        for good in ["30m", "1h30m", "-1", "0", "90s"] {
            assert_eq!(keep(good).as_deref(), Ok(good));
        }
        for bad in ["", "soon", "m", "-", "5 m"] {
            assert!(keep(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn how_long_a_model_stays_is_said_in_round_numbers() {
        let now: Timestamp = "2026-01-09T12:00:00Z".parse().unwrap();
        for (until, said) in [
            ("2026-01-09T12:04:59Z", "4 min"),
            ("2026-01-09T12:00:30Z", "30 s"),
            ("2026-01-09T11:00:00Z", "leaves now"),
            ("2026-01-10T12:00:00Z", "24 h"),
            ("2318-01-10T12:00:00Z", "for ever"),
        ] {
            assert_eq!(stays(until.parse().unwrap(), now), said);
        }
    }
}
