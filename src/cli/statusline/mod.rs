//! `moai statusline`: one line for Claude Code: who really answers, what today has cost, what the budget leaves.
//!
//! It runs each time Claude Code draws its line, so it looks and nothing else: it makes, migrates and waits for nothing,
//! and whatever is wrong it says what it knows, on one line, with exit 0.

mod install;

use std::io::Read as _;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cost::{Level, Verdict};
use crate::journal::panels::Recent;
use crate::journal::{Days, Totals};
use crate::model::Usd;

use super::books::{daily_budget, recorder};
use super::costs::{cost, dollars};
use super::here::Here;
use super::ui::{SCHEMA, Ui, clean};

/// How long Claude Code's words are waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// More than Claude Code ever says.
const MOST: u64 = 1 << 20;

/// Print a line for Claude Code: who really answers, what today has cost, what the budget leaves
///
/// Claude Code runs it and gives it, on standard input, a JSON document with the session. `moai statusline install`
/// puts it into Claude Code's settings, `uninstall` takes it out again. Without a gateway the line has what Claude Code
/// itself knows. It never fails: what cannot be found out is left out. With `--color always` a spent budget is red.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  moai statusline install --dry-run      what would change in ~/.claude/settings.json
  moai statusline install
  moai statusline uninstall
  echo '{\"session_id\":\"…\"}' | moai statusline"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<install::Command>,
}

/// What Claude Code says of itself; all of it may be missing.
#[derive(Debug, Default)]
struct Told {
    session: Option<String>,
    /// The model as it calls it.
    model: Option<String>,
    /// What it thinks that the session has cost, in dollars.
    cost: Option<f64>,
}

/// What the journal says.
struct Seen {
    last: Option<Recent>,
    today: Totals,
    budget: Option<Verdict>,
}

/// Runs `moai statusline`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if let Some(command) = &args.command {
        return install::run(command, world, ui);
    }
    let told = listen(world);
    // What cannot be read is left out of the line: a line that complains is in the way.
    let seen = look(&told, world).ok().flatten();
    if ui.json {
        return ui.answer_json(&document(&told, seen.as_ref()));
    }
    ui.answer(line(&told, seen.as_ref(), ui))
}

/// What Claude Code says; nothing where nobody says anything.
fn listen(world: &World) -> Told {
    if world.terminal.stdin {
        return Told::default();
    }
    let (say, hear) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // Half a document is none.
        drop(std::io::stdin().lock().take(MOST).read_to_end(&mut bytes));
        drop(say.send(bytes));
    });
    let bytes = hear.recv_timeout(PATIENCE).unwrap_or_default();
    // Read through a value: one field of another form does not take the others with it.
    let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let at = |place: &str| value.pointer(place);
    let text = |place: &str| at(place).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    Told {
        session: text("/session_id"),
        model: text("/model/display_name").or_else(|| text("/model/id")),
        cost: at("/cost/total_cost_usd").and_then(Value::as_f64).filter(|cost| cost.is_finite() && *cost > 0.0),
    }
}

fn look(told: &Told, world: &World) -> Result<Option<Seen>, Failure> {
    let here = Here::quietly(world)?;
    let Some(journal) = recorder(world, &here)?.look()? else { return Ok(None) };
    let day = world.zone().to_datetime(world.now()).date();
    let today = journal.totals(Days::only(day))?;
    let last = told.session.as_deref().map(|session| journal.recent_of(session, day)).transpose()?.flatten();
    let budget = daily_budget(&here.config).map(|budget| budget.verdict(today.cost, today.unpriced));
    Ok(Some(Seen { last, today, budget }))
}

fn line(told: &Told, seen: Option<&Seen>, ui: &Ui) -> String {
    let last = seen.and_then(|seen| seen.last.as_ref());
    let mut parts = Vec::new();
    match last {
        Some(last) => {
            let stood = if last.fallback { " (stood in)" } else { "" };
            parts.push(format!("{}{stood}", ui.style.bold(&one_line(&last.model))));
        }
        None => parts.extend(told.model.as_deref().map(|name| ui.style.bold(&one_line(name)))),
    }
    if let Some(seen) = seen.filter(|seen| seen.today.attempts > 0) {
        parts.push(format!("{} today", cost(&seen.today)));
        if seen.today.saved() > Usd::ZERO {
            parts.push(ui.style.green(&format!("{} saved", dollars(seen.today.saved()))));
        }
    }
    // What Claude Code thinks that the session has cost is right only where it asks Anthropic itself.
    if let (None, Some(dollars)) = (last, told.cost) {
        parts.push(format!("${dollars:.2} this session"));
    }
    if let Some(verdict) = seen.and_then(|seen| seen.budget) {
        let left = verdict.limit_usd.saturating_sub(verdict.spent_usd);
        parts.push(match verdict.level {
            Level::Within => format!("{} left", dollars(left)),
            Level::Near => ui.style.yellow(&format!("{} left", dollars(left))),
            Level::Over => ui.style.red(&format!("budget spent ({})", verdict.sums())),
        });
    }
    if parts.is_empty() { "moai".into() } else { parts.join(" · ") }
}

fn document(told: &Told, seen: Option<&Seen>) -> Value {
    let last = seen.and_then(|seen| seen.last.as_ref());
    json!({
        "schema": SCHEMA,
        "session_id": told.session,
        "model": last.map(|last| last.model.as_str()).or(told.model.as_deref()),
        "model_is_known": last.is_some(),
        "stood_in": last.is_some_and(|last| last.fallback),
        "today_cost_usd": seen.and_then(|seen| seen.today.known()),
        "today_saved_usd": seen.map(|seen| seen.today.saved()),
        "budget": seen.and_then(|seen| seen.budget),
    })
}

fn one_line(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ")
}
