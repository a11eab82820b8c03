//! Real clients against a real `moai serve`, which forwards to a loopback vendor: in Anthropic's dialect as it came,
//! and converted to chat as `OpenAI` has it and to Gemini. Each case is a model of its own, so that one gateway serves them all.
//!
//! The clients are installed by `tests/run.sh`: Claude Code (`$MOAI_TEST_CLAUDE`), the Python SDKs of Anthropic and
//! `OpenAI` (`$MOAI_TEST_PYTHON`, an interpreter that has both), curl. A client that is missing is told on standard
//! error, and with `CI=true` it is a failure.

mod claude_code;
mod curl;
mod python;
mod stage;

use std::io::Write as _;
use std::path::PathBuf;

/// A client, or a loud line and `None`; in CI a failure.
#[track_caller]
fn found(what: &str, program: Option<PathBuf>) -> Option<PathBuf> {
    if program.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{what} is missing, and CI needs it");
        // Past the test harness's capture: a skipped proof must be seen.
        let line = format!("SKIPPED: no {what} to test with; tests/run.sh installs it\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    program
}

/// A program of this name on the `PATH`.
fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|path| path.is_file())
}

/// The program that a variable names.
fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_file())
}
