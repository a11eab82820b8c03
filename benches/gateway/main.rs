//! What the gateway costs, against calling the vendor directly, a hyper proxy that does nothing, and nginx, all measured
//! in the same run in paired, interleaved rounds: `cargo bench --bench gateway`.
//!
//! `-- [--rounds 5] [--seconds 1] [--load 60] [--only WORD] [--check]`; `MOAI_BENCH_BIN` measures another binary. For
//! latencies everybody shares one core, so that nothing waits for the other one to wake up; for throughput the gateway
//! has a core of its own. `--load` is how long 64 connections stay before the memory is read.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a bench fails by panicking and prints its figures"
)]

mod body;
mod load;
#[path = "../measure.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod measure;
mod reference;
mod stage;
mod wire;

use std::path::Path;
use std::time::{Duration, Instant};

use body::Reply;
use load::{Round, Target};
use measure::option;
use stage::{Home, Running};

/// The core for latencies and for the gateway.
const CORE: &str = "1";
/// The core for the load and the vendor when the gateway has one of its own.
const OTHER: &str = "0";
const CONNECTIONS: usize = 64;
/// A stream that waits for delayed acknowledgements takes 40 ms.
const STALL: f64 = 20_000.0;

/// One line of the verdict.
struct Line {
    what: &'static str,
    limit: f64,
    unit: &'static str,
    best_peer: &'static str,
    /// Whether more is better.
    more: bool,
    here: f64,
    /// The same of the hyper reference in this run.
    hyper: Option<f64>,
}

impl Line {
    fn is_met(&self) -> bool {
        if self.more { self.here >= self.limit } else { self.here <= self.limit }
    }

    fn print(&self) {
        let hyper = self.hyper.map_or_else(String::new, |hyper| format!("{hyper:.0}"));
        let verdict = if self.is_met() { "ok" } else { "MISSED" };
        let sign = if self.more { "≥" } else { "≤" };
        println!(
            "{:<58} {sign} {:>6} {:<5} {:>9.1} {hyper:>7} {:>15}  {verdict}",
            self.what, self.limit, self.unit, self.here, self.best_peer
        );
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("vendor") => wire::vendor(),
        Some("hyper") => reference::hyper(args[2].parse().unwrap()),
        _ => measure_all(),
    }
}

fn seconds(name: &str, default: f64) -> Duration {
    Duration::from_secs_f64(option(name).map_or(default, |seconds| seconds.parse().unwrap()))
}

/// Everybody who takes part, for one kind of answer.
struct Cast {
    reply: Reply,
    home: Home,
    moai: Running,
    hyper: Running,
    direct: u16,
    nginx: Option<(u16, Vec<u32>)>,
}

impl Cast {
    fn targets(&self, body: &[u8]) -> Vec<Target> {
        let key = self.home.key();
        let target = |name, port, pids| Target { name, port, pids, request: body::request(port, &key, body) };
        let mut targets = vec![
            target("direct", self.direct, Vec::new()),
            target("hyper", self.hyper.ports[0], self.hyper.pids()),
            target("moai", self.moai.ports[0], self.moai.pids()),
        ];
        targets.extend(self.nginx.as_ref().map(|(port, pids)| target("nginx", *port, pids.clone())));
        for target in &targets {
            let answer = String::from_utf8_lossy(&target.ask()).into_owned();
            assert!(answer.starts_with("HTTP/1.1 200"), "{}: {answer}", target.name);
            assert!(body::is_whole(&answer), "{} does not give the whole answer: {answer}", target.name);
        }
        targets
    }
}

fn measure_all() {
    let (rounds, time) = (option("--rounds").map_or(5, |rounds| rounds.parse().unwrap()), seconds("--seconds", 1.0));
    let only = option("--only").unwrap_or_default();
    stage::hurry();
    stage::pin(CORE);
    let ground = tempfile::Builder::new().prefix("moai-bench-").tempdir().unwrap();
    let moai = measure::moai();
    let vendor = Running::role(&["vendor"]);
    let nginx = Running::nginx(ground.path(), &vendor.ports);
    if nginx.is_none() {
        println!("note: nginx is not there; its rows are left out");
    }
    let cast = |reply: Reply| {
        let at = Reply::ALL.iter().position(|own| *own == reply).unwrap();
        let home = Home::new(ground.path(), &moai, reply, vendor.ports[at]);
        Cast {
            reply,
            moai: home.served(),
            home,
            hyper: Running::role(&["hyper", &vendor.ports[at].to_string()]),
            direct: vendor.ports[at],
            nginx: nginx.as_ref().map(|nginx| (nginx.ports[at], nginx.pids())),
        }
    };
    let casts = Reply::ALL.map(cast);
    let mut lines = Vec::new();
    if "latency".contains(only.as_str()) {
        lines.extend(latencies(&casts, rounds, time));
    }
    if "throughput".contains(only.as_str()) {
        lines.extend(throughput(&casts[0], &vendor, rounds, time));
    }
    if "memory".contains(only.as_str()) {
        lines.extend(memory(&casts[0], ground.path(), &vendor));
    }
    if "start".contains(only.as_str()) {
        lines.push(cold_start(&casts[0], ground.path(), rounds));
    }
    println!("\n{:<58} {:>14} {:>9} {:>7} {:>15}", "", "limit", "moai", "hyper", "best peer");
    lines.iter().for_each(Line::print);
    let missed: Vec<&str> = lines.iter().filter(|line| !line.is_met()).map(|line| line.what).collect();
    assert!(missed.is_empty() || !std::env::args().any(|arg| arg == "--check"), "missed: {missed:?}");
}

/// The median of the rounds' differences to the direct call in the same round.
fn added(rounds: &[Vec<Round>], target: usize, of: fn(&Round) -> f64) -> f64 {
    measure::spread(rounds.iter().map(|round| of(&round[target]) - of(&round[0])).collect()).1
}

/// Rounds of all targets, one after the other, each round beginning with another one.
fn interleaved(targets: &[Target], rounds: usize, run: impl Fn(&Target) -> Round) -> Vec<Vec<Round>> {
    let mut all = vec![vec![Round::default(); targets.len()]; rounds];
    for (number, round) in all.iter_mut().enumerate() {
        for step in 0..targets.len() {
            let at = (number + step) % targets.len();
            round[at] = run(&targets[at]);
        }
    }
    all
}

fn latencies(casts: &[Cast; 3], rounds: usize, time: Duration) -> Vec<Line> {
    let bodies = [body::small(false), body::claude_code(), body::claude_code()];
    let titles = ["1 KB JSON", "Claude Code body, 55 frames", "the same, converted to OpenAI chat and back"];
    let mut found = Vec::new();
    for ((cast, body), title) in casts.iter().zip(&bodies).zip(titles) {
        println!("\n{title} ({} bytes, one core, one connection, {rounds} rounds)", body.len());
        println!("{:<8} {:>9} {:>9} {:>10} {:>10} {:>8}", "", "p50 µs", "p99 µs", "added p50", "added p99", "CPU µs");
        let targets = cast.targets(body);
        let all = interleaved(&targets, rounds, |target| target.one_by_one(time));
        for (at, target) in targets.iter().enumerate() {
            let middle = |of: fn(&Round) -> f64| measure::spread(all.iter().map(|round| of(&round[at])).collect()).1;
            println!(
                "{:<8} {:>9.1} {:>9.1} {:>10.1} {:>10.1} {:>8.1}",
                target.name,
                middle(|round| round.p50),
                middle(|round| round.p99),
                added(&all, at, |round| round.p50),
                added(&all, at, |round| round.p99),
                middle(|round| round.cpu),
            );
        }
        let slowest = all.iter().map(|round| round[2].p50).fold(0.0, f64::max);
        assert!(slowest < STALL, "{:?}: a stream of 55 frames takes {slowest:.0} µs: TCP_NODELAY?", cast.reply);
        found.push(all);
    }
    let line = |what, case: usize, limit, best_peer, of: fn(&Round) -> f64| Line {
        what,
        limit,
        unit: "µs",
        best_peer,
        more: false,
        here: added(&found[case], 2, of),
        hyper: Some(added(&found[case], 1, of)),
    };
    vec![
        line("1 KB JSON: added p50", 0, 30.0, "36", |round| round.p50),
        line("1 KB JSON: added p99", 0, 90.0, "112", |round| round.p99),
        line("1 KB JSON: CPU per request", 0, 30.0, "35", |round| round.cpu),
        line("Claude Code body: added total p50", 1, 220.0, "515", |round| round.p50),
        line("Claude Code body: CPU per request", 1, 260.0, "544", |round| round.cpu),
        line("converted to OpenAI chat and back: added total p50", 2, 600.0, "1420", |round| round.p50),
        line("converted to OpenAI chat and back: CPU per request", 2, 550.0, "1276", |round| round.cpu),
    ]
}

fn throughput(cast: &Cast, vendor: &Running, rounds: usize, time: Duration) -> Vec<Line> {
    let targets = cast.targets(&body::small(false));
    println!("\n1 KB JSON, {CONNECTIONS} connections, {rounds} rounds: requests per second");
    println!("{:<8} {:>12} {:>12} {:>14} {:>10}", "", "shared core", "own core", "own p99 µs", "CPU µs");
    let shared = interleaved(&targets, rounds, |target| target.at_once(CONNECTIONS, time));
    stage::pin(OTHER);
    stage::pin_others(&vendor.pids(), OTHER);
    let own = interleaved(&targets, rounds, |target| target.at_once(CONNECTIONS, time));
    stage::pin(CORE);
    stage::pin_others(&vendor.pids(), CORE);
    let middle = |all: &[Vec<Round>], at: usize, of: fn(&Round) -> f64| {
        measure::spread(all.iter().map(|round| of(&round[at])).collect()).1
    };
    for (at, target) in targets.iter().enumerate() {
        println!(
            "{:<8} {:>12.0} {:>12.0} {:>14.0} {:>10.1}",
            target.name,
            middle(&shared, at, |round| round.per_second),
            middle(&own, at, |round| round.per_second),
            middle(&own, at, |round| round.p99),
            middle(&own, at, |round| round.cpu),
        );
    }
    vec![Line {
        what: "requests per second, 1 KB, 64 connections, own core",
        limit: 20_000.0,
        unit: "/s",
        best_peer: "13600-17400",
        more: true,
        here: middle(&own, 2, |round| round.per_second),
        hyper: Some(middle(&own, 1, |round| round.per_second)),
    }]
}

fn memory(cast: &Cast, ground: &Path, vendor: &Running) -> Vec<Line> {
    let time = seconds("--load", 60.0);
    let home = Home::new(&ground.join("memory"), &measure::moai(), Reply::Json, cast.direct);
    let moai = home.served();
    let target = |port, body: &[u8]| Target {
        name: "moai",
        port,
        pids: moai.pids(),
        request: body::request(port, &home.key(), body),
    };
    let small = target(moai.ports[0], &body::small(false));
    small.ask();
    let idle = load::memory(&small.pids);
    let hyper = cast.hyper.pids();
    let hyper_idle = load::memory(&hyper);
    stage::pin(OTHER);
    stage::pin_others(&vendor.pids(), OTHER);
    let round = small.at_once(CONNECTIONS, time);
    let loaded = load::memory(&small.pids);
    let count = round.per_second * time.as_secs_f64();
    target(moai.ports[0], &body::claude_code()).at_once(CONNECTIONS, time / 10);
    let heavy = load::memory(&small.pids);
    stage::pin(CORE);
    stage::pin_others(&vendor.pids(), CORE);
    println!(
        "\nmemory, MiB: idle {idle:.1}; after {count:.0} requests of 1 KB {loaded:.1}; after Claude Code's bodies {heavy:.1}"
    );
    let line =
        |what, limit, best_peer, here, hyper| Line { what, limit, unit: "MiB", best_peer, more: false, here, hyper };
    vec![
        line("memory, idle", 10.0, "7.3-14", idle, Some(hyper_idle)),
        line("memory, after --load seconds at 64 connections", 25.0, "22-27", loaded, None),
    ]
}

fn cold_start(cast: &Cast, ground: &Path, rounds: usize) -> Line {
    // A home of its own: there is one gateway for each.
    let home = Home::new(&ground.join("start"), &measure::moai(), Reply::Json, cast.direct);
    drop(home.served());
    let key = home.key();
    let took = (0..rounds.max(5)).map(|_| {
        let begun = Instant::now();
        let running = home.served();
        let port = running.ports[0];
        let request = body::request(port, &key, &body::small(false));
        let answer = Target { name: "moai", port, pids: Vec::new(), request }.ask();
        let took = begun.elapsed().as_secs_f64() * 1e3;
        assert!(body::is_whole(&String::from_utf8_lossy(&answer)));
        took
    });
    let (least, middle, most) = measure::spread(took.collect());
    println!("\nstart to first answer, ms: {least:.1} / {middle:.1} / {most:.1}");
    Line {
        what: "start to first answer",
        limit: 15.0,
        unit: "ms",
        best_peer: "750-23000",
        more: false,
        here: middle,
        hyper: None,
    }
}
