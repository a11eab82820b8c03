//! The steps of the demo that ask models: both vendors are simulated, so that neither a key nor the network is needed;
//! the decisions, the stand-in and the books are the real ones.

use serde_json::Value;

use crate::base::disk::{self, Access};
use crate::base::failure::Failure;

use super::stage::Stage;
use super::steps::{private, require, text};

/// Both vendors as simulations. `{glm}` is what GLM's calls meet.
const CONFIG: &str = r#"[providers.anthropic]
engine = "sim"
key = "none"
sim.answer = "(here stands what Claude would answer)"

[providers.zai]
engine = "sim"
key = "none"
sim.answer = "(here stands what GLM would answer)"
sim.steps = ["{glm}"]

[retry]
first_wait = 0.01
"#;

/// Both vendors answer.
pub(super) fn simulate(stage: &Stage) -> Result<(), Failure> {
    configure(stage, "answer")
}

/// GLM answers with an error, and goes on to.
pub(super) fn fail_glm(stage: &Stage) -> Result<(), Failure> {
    configure(stage, "503")
}

fn configure(stage: &Stage, glm: &str) -> Result<(), Failure> {
    let file = stage.home().join(".moai/config.toml");
    Ok(disk::replace(&file, CONFIG.replace("{glm}", glm).as_bytes(), Access::Keep)?)
}

pub(super) fn claude_planned(stage: &Stage) -> Result<String, String> {
    decided(stage, 1, "claude-opus")?;
    requests(stage, "claude-opus", 1)?;
    Ok("Claude was asked; why it was is in ~/.moai/logs/decisions.jsonl, without your words".into())
}

pub(super) fn glm_implemented(stage: &Stage) -> Result<String, String> {
    decided(stage, 2, "glm-4.7")?;
    requests(stage, "glm-4.7", 1)?;
    requests(stage, "claude-opus", 1)?;
    Ok("GLM was asked, Claude was not".into())
}

pub(super) fn claude_stood_in(stage: &Stage) -> Result<String, String> {
    decided(stage, 2, "glm-4.7")?;
    let lines = lines(stage)?;
    require(count(&lines, "glm-4.7", "errors") == 2, "GLM was not asked twice")?;
    require(count(&lines, "claude-opus", "fallbacks") == 1, "Claude did not stand in")?;
    Ok("GLM failed twice, Claude stood in, and each attempt is a row in the journal".into())
}

pub(super) fn all_is_in_the_books(stage: &Stage) -> Result<String, String> {
    let today = stage.asked(&["costs", "today"])?;
    let is = |field: &str, number: u64| today.get(field).and_then(Value::as_u64) == Some(number);
    require(is("total_requests", 5) && is("attempts", 7), "not all attempts are in the journal")?;
    let journal = stage.home().join(".moai/journal/journal.db");
    private(&journal)?;
    let bytes = std::fs::read(&journal).map_err(|error| format!("{}: {error}", journal.display()))?;
    require(!bytes.starts_with(b"SQLite format 3"), "the journal is not encrypted")?;
    Ok("5 requests in 7 attempts, in an encrypted journal that only you can read; simulated answers cost nothing"
        .into())
}

/// The last decision in the log is this one, and says why; the prompt is not in it.
fn decided(stage: &Stage, tier: u64, model: &str) -> Result<(), String> {
    let log = text(&stage.home().join(".moai/logs/decisions.jsonl"))?;
    let line: Value =
        serde_json::from_str(log.lines().last().unwrap_or_default()).map_err(|error| error.to_string())?;
    let is = |field: &str, wanted: Value| line.get(field) == Some(&wanted);
    require(is("tier", tier.into()) && is("model", model.into()), "the decision is not in the log")?;
    require(line.get("evidence").and_then(Value::as_array).is_some_and(|all| !all.is_empty()), "it says not why")?;
    require(line.get("prompt").is_none(), "the prompt is in the log")
}

/// The day by model.
fn lines(stage: &Stage) -> Result<Vec<Value>, String> {
    let today = stage.asked(&["costs", "today", "--by", "model"])?;
    today.get("lines").and_then(Value::as_array).cloned().ok_or_else(|| "the day has no lines".into())
}

fn count(lines: &[Value], model: &str, field: &str) -> u64 {
    let line = lines.iter().find(|line| line.get("value").and_then(Value::as_str) == Some(model));
    line.and_then(|line| line.get(field)?.as_u64()).unwrap_or(0)
}

pub(super) fn requests(stage: &Stage, model: &str, wanted: u64) -> Result<(), String> {
    let found = count(&lines(stage)?, model, "requests");
    require(found == wanted, &format!("{model} has {found} requests in the journal"))
}
