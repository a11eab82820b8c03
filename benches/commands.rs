//! What every command costs that needs no network: CPU and peak memory, with `/bin/true` in the same run.
//!
//! `cargo bench --bench commands -- [--rounds 20] [--check]`. The limits are 10 ms of CPU and 15 MiB.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench fails by panicking and prints its figures"
)]

#[path = "measure.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod measure;

use std::path::Path;

use measure::{Ground, option, spread};

const CPU_LIMIT: f64 = 10.0;
const PEAK_LIMIT: f64 = 15.0;

/// Each is run as it stands, in the project; the ones that change something are undone by the next.
const COMMANDS: &[&str] = &[
    "--version",
    "--help",
    "worktree --help",
    "status",
    "status --json",
    "key list",
    "key show glm",
    "key where glm",
    "key glm --print",
    "glm --dry-run",
    "glm",
    "claude",
    "mode",
    "mode mashup",
    "mode claude-only",
    "config list",
    "config get llm.mode",
    "config explain llm.mode",
    "config path",
    "phase plan idea",
    "phase run SPEC-001",
    "phase sync SPEC-001 --json",
    "init --dry-run",
    "worktree list",
    "worktree list --format json",
    "worktree go SPEC-001",
    "worktree status SPEC-001",
    "worktree config",
    "worktree doctor",
    "worktree clean",
    "worktree create SPEC-009 --dry-run",
    "worktree remove SPEC-001 --dry-run",
    "doctor",
    "shell-init bash",
    "completions fish",
];

fn main() {
    let rounds: usize = option("--rounds").map_or(20, |rounds| rounds.parse().unwrap());
    let ground = Ground::new();
    let project = prepare(&ground);
    let moai = measure::moai();
    let reference = (0..rounds).map(|_| ground.time(&project, Path::new("/bin/true"), &[] as &[&str]));
    let reference: Vec<_> = reference.collect();
    println!("{:<40} {:>22} {:>12} {:>10}", "command", "CPU ms min/median/max", "wall ms", "peak MiB");
    let line = |name: &str, cpu: (f64, f64, f64), wall: f64, peak: Option<f64>, note: &str| {
        let peak = peak.map_or_else(|| "?".into(), |peak| format!("{peak:.1}"));
        println!("{name:<40} {:>6.1} {:>7.1} {:>7.1} {wall:>12.1} {peak:>10} {note}", cpu.0, cpu.1, cpu.2);
    };
    let cpu = |took: &[measure::Took]| spread(took.iter().map(|took| took.cpu).collect());
    let wall = |took: &[measure::Took]| spread(took.iter().map(|took| took.wall).collect()).1;
    line(
        "/bin/true",
        cpu(&reference),
        wall(&reference),
        ground.peak(&project, Path::new("/bin/true"), &[] as &[&str]),
        "",
    );
    let mut over = Vec::new();
    for command in COMMANDS {
        let args: Vec<&str> = command.split(' ').collect();
        let took: Vec<_> = (0..rounds).map(|_| ground.time(&project, &moai, &args)).collect();
        let peak = ground.peak(&project, &moai, &args);
        let used = cpu(&took);
        let too_much = used.1 > CPU_LIMIT || peak.is_some_and(|peak| peak > PEAK_LIMIT);
        let failed = if took.iter().all(|took| took.ok) { "" } else { "(exit not 0)" };
        let note = if too_much { "OVER" } else { failed };
        line(&format!("moai {command}"), used, wall(&took), peak, note);
        if too_much {
            over.push(*command);
        }
    }
    println!("limits: {CPU_LIMIT} ms CPU, {PEAK_LIMIT} MiB; over: {over:?}");
    assert!(over.is_empty() || !std::env::args().any(|arg| arg == "--check"), "over the limits: {over:?}");
}

/// A project with 300 files, a key, and two worktrees.
fn prepare(ground: &Ground) -> std::path::PathBuf {
    let project = ground.root().join("Project");
    std::fs::create_dir_all(project.join("src")).unwrap();
    for number in 0..300 {
        std::fs::write(project.join(format!("src/file{number}.rs")), format!("// {number}\n").repeat(100)).unwrap();
    }
    std::fs::write(project.join(".gitignore"), ".claude/settings.local.json\n").unwrap();
    ground.run(&project, "git", &["init", "-q", "-b", "main"]);
    ground.run(&project, "git", &["add", "."]);
    ground.run(&project, "git", &["commit", "-q", "-m", "first"]);
    std::fs::create_dir_all(ground.home().join(".moai")).unwrap();
    let key = "GLM_API_KEY=\"0123456789abcdef0123456789abcdef.BenchBenchBench\"\n";
    std::fs::write(ground.home().join(".moai/.env.glm"), key).unwrap();
    for name in ["SPEC-001", "SPEC-002"] {
        ground.run(&project, measure::moai().to_str().unwrap(), &["worktree", "create", name]);
    }
    project
}
