//! `moai route`: a prompt goes in, the right model answers. Here is its command line; the work is below.
//!
//! - `input`: the prompt, or the lines of a batch
//! - `place`: which checkout and which SPEC it belongs to
//! - `desk`: everything that a decision needs, and the decision
//! - `send`: a decided prompt on its way, and into the books
//! - `hear`: the answer as it comes
//! - `report`: the JSON of a request; `explain`: the same for a person
//! - `one`, `batch`: a single prompt, many

mod batch;
mod desk;
mod explain;
mod hear;
mod input;
mod one;
mod place;
mod report;
mod send;
mod sink;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use serde_json::Number;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::exchange::session::Next;
use crate::model::{SessionId, SpecId, Tier};
use crate::route::Strategy;

use super::ui::Ui;
use desk::Desk;
use input::Input;
use place::Place;

/// Ask the model that fits: classify, choose, send, and account for it
///
/// Planning goes to tier 1 (Claude Opus), implementation to tier 2 (GLM); what decides is, in this order: --model and
/// --tier, a slash command (/moai:1-plan, /moai:2-run), the worktree's own model, the agent and its task, the
/// conversation, the words of the prompt. Where a model fails, the other tier and then the configured chain stand in,
/// and you are told. The answer streams to standard output; what was decided and what it cost goes to standard error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai route \"API 설계해줘\"                      the planner answers
  moai route \"코드 구현해줘\" --dry-run --explain  who would answer, and why; nothing is sent
  git diff | moai route \"review this\" -         the prompt with standard input below it
  moai route -f prompt.md -o answer.md           from a file into a file
  moai route --session auth \"and the tests?\"     go on with a conversation
  moai route --spec SPEC-AUTH-001 \"구현해줘\"      in the SPEC's worktree, on its model
  moai route --agent data_agent --task data_processing --context large_dataset \"요약해줘\"
  moai route --json \"이 버그 수정해줘\" | jq .cost_usd
  moai route --batch prompts.jsonl --dry-run     one line of JSON for each line")]
pub(super) struct Args {
    /// The prompt; a `-` in it stands for standard input
    #[arg(value_name = "TEXT")]
    words: Vec<String>,
    /// Read the prompt from a file; a TEXT goes before it
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// One prompt a line: text, or {"id": …, "text": …}; answers are lines of JSON (`-`: standard input)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["words", "file"])]
    batch: Option<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    wish: Wish,
    /// Decide and say so; send nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Say why: the evidence with its weights, what decided, who else was looked at
    #[arg(long)]
    explain: bool,
    /// Write the answer to a file once it is whole; a file that is there is replaced (`-`: standard output)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What the choice of the model goes by.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Choosing")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct Choice {
    /// Ask this model: its name, its vendor's id, or PROVIDER/ID
    #[arg(short, long, value_name = "MODEL", value_parser = NonEmptyStringValueParser::new())]
    model: Option<String>,
    /// Ask a model of this tier: 1 plans, 2 implements
    #[arg(long, value_name = "TIER")]
    tier: Option<Tier>,
    /// Among the models that would do, prefer quality, cost or speed
    #[arg(long, value_name = "STRATEGY")]
    strategy: Option<Strategy>,
    /// The agent that asks (`agent_model.yaml`)
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    agent: Option<String>,
    /// Its task (`task_model_mapping.yaml`)
    #[arg(long, value_name = "TASK", value_parser = NonEmptyStringValueParser::new())]
    task: Option<String>,
    /// A circumstance of the task, such as `large_dataset`; may be repeated
    #[arg(long, value_name = "CONTEXT")]
    context: Vec<String>,
    /// Money matters most
    #[arg(long)]
    budget_constraint: bool,
    /// The quality of the answer matters most
    #[arg(long)]
    quality_critical: bool,
    /// Time matters most
    #[arg(long)]
    time_critical: bool,
    /// Ask nobody else where the chosen model fails
    #[arg(long)]
    no_fallback: bool,
    /// Go on with this conversation, or begin it; kept for 24 hours
    #[arg(short, long, value_name = "ID")]
    session: Option<SessionId>,
    /// Ask as if in this checkout: its configuration and its model hold
    #[arg(long, value_name = "PATH")]
    worktree: Option<PathBuf>,
    /// The SPEC that it is for; its worktree is used where it has one
    #[arg(long, value_name = "SPEC")]
    spec: Option<SpecId>,
}

/// What the model is asked for beside the prompt.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Asking")]
struct Wish {
    /// The system prompt
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// The most tokens to answer with
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = tokens)]
    max_tokens: Option<u64>,
    /// How freely to choose words: 0 is the least
    #[arg(long, value_name = "NUMBER", allow_negative_numbers = true, value_parser = temperature)]
    temperature: Option<Number>,
    /// Give up after so long: seconds, or 500ms, 30s, 5m
    #[arg(long, value_name = "TIME", allow_negative_numbers = true, value_parser = time)]
    timeout: Option<Duration>,
    /// Show the answer when it is whole, not as it comes
    #[arg(long)]
    no_stream: bool,
}

impl Args {
    /// `text` as the next thing that is said.
    fn next<'a>(&'a self, text: &'a str) -> Next<'a> {
        Next { text, system: self.wish.system.as_deref() }
    }
}

/// Runs `moai route`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let input = Input::of(args, world)?;
    let place = Place::find(args, world, ui)?;
    let desk = Desk::open(args, place, ui)?;
    match input {
        Input::One(text) => one::run(args, &text, desk, ui),
        Input::Batch(lines) => batch::run(args, lines, desk, ui),
    }
}

fn tokens(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("a number of tokens is 1 or more".into()),
    }
}

fn temperature(text: &str) -> Result<Number, String> {
    let number: Number = text.parse().map_err(|_not_a_number| format!("`{text}` is not a number such as 0.7"))?;
    match number.as_f64() {
        Some(value) if (0.0..=2.0).contains(&value) => Ok(number),
        _ => Err("a temperature is between 0 and 2".into()),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        other => return Err(format!("unknown unit `{other}`: expected ms, s or m")),
    };
    let number: f64 = digits.parse().map_err(|_not_a_number| format!("`{text}` is not a time such as 30s"))?;
    match Duration::try_from_secs_f64(number * unit) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err(format!("`{text}` is not a time that can be waited for")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_are_not_nothing() {
        assert_eq!(time("30"), Ok(Duration::from_secs(30)));
        assert_eq!(time("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "0", "-1", "5h", "s", "1e999", "nan"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tokens_are_at_least_one() {
        assert_eq!(tokens("4096"), Ok(4096));
        for wrong in ["0", "-1", "", "many", "99999999999999999999"] {
            assert!(tokens(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn temperatures_keep_their_spelling() {
        assert_eq!(temperature("0.70").unwrap().to_string(), "0.7");
        assert!(temperature("hot").is_err() && temperature("3").is_err() && temperature("-1").is_err());
    }
}
