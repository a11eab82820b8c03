//! `moai feedback`: what a person thinks of a decision or an answer (R-OPT-001). A correction holds at once for the same
//! prompt; several that agree move prompts like them, a little. Everything can be taken back.

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use serde_json::{Value, json};

use crate::base::failure::Failure;
use crate::base::sort;
use crate::base::world::World;
use crate::journal::{Feedback, Judged, NoRequest, Opinion};
use crate::route::learn::{Learned, Lesson};

use super::books::Books;
use super::costs::Csv;
use super::here::Here;
use super::serve;
use super::ui::{SCHEMA, Ui, clean};

/// Say what you think of a decision or an answer
///
/// `plan` and `implement` correct the tier: the same prompt goes there from now on, and when three prompts have taught
/// the same, prompts like them lean that way a little. `good` speaks for the decision; `bad` is only counted. No text of
/// prompts is kept, only hashes and the names of what the classifier saw.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  moai feedback 019ba2c0 plan     that request should have been planned
  moai feedback last implement    so should the last one not
  moai feedback last good
  moai feedback undo              take the last one back
  moai feedback export --json"
)]
pub(super) struct Args {
    /// The request, or the beginning of its id, or `last`
    #[arg(value_name = "ID", required = true)]
    request: Option<String>,
    /// plan, implement, good or bad
    #[arg(value_name = "OPINION", required = true, value_parser = PossibleValuesParser::new(Opinion::ALL.map(Opinion::as_str)).try_map(|word| word.parse::<Opinion>()))]
    opinion: Option<Opinion>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Take the last opinion back that still stands
    #[command(after_help = "Examples:\n  moai feedback undo\n  moai feedback undo --json")]
    Undo,
    /// Print every opinion, and what was learned from them; CSV, or JSON with --json
    #[command(after_help = "Examples:\n  moai feedback export > feedback.csv\n  moai feedback export --json")]
    Export,
}

/// Runs `moai feedback`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let mut books = Books::open(world, &here, None)?;
    match (&args.command, &args.request, args.opinion) {
        (Some(Command::Undo), ..) => undo(&mut books, world, ui)?,
        (Some(Command::Export), ..) => return export(&mut books, ui),
        (None, Some(request), Some(opinion)) => give(&mut books, request, opinion, world, ui)?,
        _ => return Err(Failure::usage("a request and an opinion are needed: `moai feedback last plan`")),
    }
    // A gateway that runs has learned it with its next request, too.
    serve::nudge(world);
    Ok(())
}

fn give(books: &mut Books, wanted: &str, opinion: Opinion, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let now = world.now();
    let Some(journal) = books.reported(ui)? else {
        return Err(Failure::from(NoRequest::Unknown(wanted.to_owned()))
            .hint("there is no journal yet; the first request makes one, and dry runs are kept from then on"));
    };
    let request = journal.request(wanted)?;
    let Judged { id, lesson, decided, answered, .. } = journal.judge(&request, opinion, now)?;
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "id": id,
            "request_id": request.as_str(),
            "opinion": opinion,
            "tier": lesson.as_ref().map(|lesson| lesson.tier().number()),
            "learned": lesson.is_some(),
            "decided_tier": decided.as_ref().map(|decided| decided.tier.number()),
            "answered": answered,
        }));
    }
    ui.answer(format!("noted: {} is {opinion}", request.as_str()))?;
    match (&lesson, opinion) {
        (Some(lesson), Opinion::Plan | Opinion::Implement) => {
            let tier = lesson.tier();
            ui.say(format!("the same prompt goes to tier {tier} ({}) from now on", tier.as_str()))?;
            if answered.is_some_and(|answered| matches!(answered.decided_by.as_str(), "force" | "command" | "worktree"))
            {
                ui.say("but where the command line, a command or the worktree decides, it still does")?;
            }
        }
        (None, Opinion::Plan | Opinion::Implement | Opinion::Good) => {
            ui.warn("what was seen in this prompt is no longer kept (30 days), so nothing can be learned from it")?;
        }
        _ => {}
    }
    ui.hint("take it back: `moai feedback undo`")
}

fn undo(books: &mut Books, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let now = world.now();
    let undone = match books.reported(ui)? {
        None => None,
        Some(journal) => journal.feedback_undo(now)?,
    };
    let Some(undone) = undone else {
        return Err(Failure::expected("there is no opinion to take back").with_code("no-feedback"));
    };
    if ui.json {
        return ui.answer_json(&json!({ "schema": SCHEMA, "undone": document(&undone) }));
    }
    ui.answer(format!("taken back: {} is {}", clean(&undone.request), undone.opinion))
}

fn export(books: &mut Books, ui: &mut Ui) -> Result<(), Failure> {
    let (opinions, learned) = match books.reported(ui)? {
        None => (Vec::new(), Learned::default()),
        Some(journal) => (journal.feedback()?, Learned::new(journal.lessons()?)),
    };
    if ui.json {
        let weights = sort::map(learned.weights());
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "feedback": opinions.iter().map(document).collect::<Vec<_>>(),
            "learned": { "prompts": learned.prompts(), "weights": weights },
        }));
    }
    let mut csv = Csv::new(&["id", "at", "request", "opinion", "undone", "fingerprint", "evidence"]);
    for one in &opinions {
        let lesson = taught(one);
        csv.row(&[
            one.id.to_string(),
            one.at.to_string(),
            one.request.clone(),
            one.opinion.to_string(),
            one.undone.map(|at| at.to_string()).unwrap_or_default(),
            lesson.as_ref().map(|lesson| lesson.fingerprint.clone()).unwrap_or_default(),
            lesson.map(|lesson| lesson.evidence.join(" ")).unwrap_or_default(),
        ]);
    }
    ui.answer_bytes(csv.text().as_bytes())
}

fn taught(one: &Feedback) -> Option<Lesson> {
    serde_json::from_str(one.note.as_deref()?).ok()
}

fn document(one: &Feedback) -> Value {
    json!({
        "id": one.id,
        "at": one.at,
        "request_id": one.request,
        "opinion": one.opinion,
        "undone": one.undone,
        "lesson": taught(one),
    })
}
