//! What every command costs that needs no network: CPU and peak memory, and how many times `moai --version` in the same
//! run that is: the start of the process alone.
//!
//! `cargo bench --bench commands -- [--rounds 10] [--only WORD] [--check]`; a round is the mean of five runs. The limits
//! are 10 ms of CPU and 15 MiB. Set `MOAI_BENCH_BIN` to measure another binary.

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

const RUNS: u32 = 5;
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
    "shell-init bash",
    "completions fish",
    "route --dry-run write unit tests for the parser",
    "route --dry-run --json write unit tests for the parser",
    "route --dry-run --explain write unit tests for the parser",
    "route --dry-run --session auth and the tests?",
    "route --dry-run --agent data_agent --task data_processing --context large_dataset 요약해줘",
    "route --dry-run --strategy cost 코드 구현해줘",
    "route --dry-run --tier 1 --json API 설계해줘",
    "route --dry-run --file prompt.md",
    "session list",
    "costs today",
    "costs today --json",
    "costs daily",
    "costs monthly",
    "prices show glm-4.7",
    "stats",
];

fn main() {
    let rounds: usize = option("--rounds").map_or(10, |rounds| rounds.parse().unwrap());
    let ground = Ground::new();
    let project = prepare(&ground);
    let moai = measure::moai();
    let only = option("--only");
    println!(
        "{:<66} {:>22} {:>10} {:>8} {:>9}",
        "command", "CPU ms min/median/max", "x version", "wall ms", "peak MiB"
    );
    let run = |program: &Path, args: &[&str]| {
        let took: Vec<_> = (0..rounds).map(|_| ground.mean(&project, program, args, RUNS)).collect();
        Line {
            cpu: spread(took.iter().map(|took| took.cpu).collect()),
            wall: spread(took.iter().map(|took| took.wall).collect()).1,
            peak: ground.peak(&project, program, args),
            ok: took.iter().all(|took| took.ok),
        }
    };
    let version = run(&moai, &["--version"]);
    run(Path::new("/bin/true"), &[]).print("/bin/true", &version);
    let mut over = Vec::new();
    for command in COMMANDS.iter().filter(|command| only.as_ref().is_none_or(|only| command.contains(only.as_str()))) {
        let args: Vec<&str> = command.split(' ').collect();
        let line = run(&moai, &args);
        line.print(&format!("moai {command}"), &version);
        if line.is_over() {
            over.push(*command);
        }
    }
    println!("limits: {CPU_LIMIT} ms CPU, {PEAK_LIMIT} MiB; over: {over:?}");
    assert!(over.is_empty() || !std::env::args().any(|arg| arg == "--check"), "over the limits: {over:?}");
}

/// What a command took.
struct Line {
    cpu: (f64, f64, f64),
    wall: f64,
    peak: Option<f64>,
    ok: bool,
}

impl Line {
    fn is_over(&self) -> bool {
        self.cpu.1 > CPU_LIMIT || self.peak.is_some_and(|peak| peak > PEAK_LIMIT)
    }

    fn print(&self, name: &str, reference: &Self) {
        let peak = self.peak.map_or_else(|| "?".into(), |peak| format!("{peak:.1}"));
        let note = match (self.is_over(), self.ok) {
            (true, _) => "OVER",
            (false, true) => "",
            (false, false) => "(exit not 0)",
        };
        let (least, median, most) = self.cpu;
        let ratio = median / reference.cpu.1;
        println!("{name:<66} {least:>6.1} {median:>7.1} {most:>7.1} {ratio:>10.1} {:>8.1} {peak:>9} {note}", self.wall);
    }
}

/// A project with 300 files, a key, seed 003's files, a conversation, a journal, and two worktrees.
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
    route(ground, &project);
    for name in ["SPEC-001", "SPEC-002"] {
        ground.run(&project, measure::moai().to_str().unwrap(), &["worktree", "create", name]);
    }
    project
}

/// What `moai route` finds in a home where it is in use: agents with their tasks, a long prompt, and a journal with a
/// conversation in it, answered by the simulated model.
fn route(ground: &Ground, project: &Path) {
    std::fs::create_dir_all(project.join("config")).unwrap();
    let agents = "data_agent:\n  primary_model: \"gemini-pro\"\n  fallback_model: \"claude-opus\"\n";
    std::fs::write(project.join("config/agent_model.yaml"), agents).unwrap();
    let tasks = "task_mappings:\n  data_processing:\n    large_dataset: \"gemini-pro\"\n    simple: \"glm-4.7\"\n";
    std::fs::write(project.join("config/task_model_mapping.yaml"), tasks).unwrap();
    let log = "2026-01-09 12:00:01 ERROR worker: design of the plan failed, retry 3\n".repeat(1500);
    std::fs::write(project.join("prompt.md"), format!("이 버그 수정해줘\n```\n{log}```\n")).unwrap();
    for text in ["API 설계해줘", "코드 구현해줘"] {
        ground.run(project, measure::moai().to_str().unwrap(), &["route", "--model", "sim", "--session", "auth", text]);
    }
}
