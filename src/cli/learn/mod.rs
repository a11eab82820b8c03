//! `moai learn`: what the classifier has learned of a person, learned anew, shown, taken back and carried elsewhere.

mod show;
mod store;
mod train;

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;
use crate::journal::JournalError;
use crate::route::learn::evidence::{Case, Past, Why, cases};
use crate::route::learn::regression::{Measure, measure};
use crate::route::learn::{Learned, Lesson, Weights};

use super::books::Books;
use super::here::Here;
use super::serve;
use super::ui::{SCHEMA, Ui, clean};
use store::Store;

pub(super) use store::{file, load};

/// See and steer what the classifier learns of you
///
/// Feedback counts at once. `train` learns anew from everything of the last 30 days: feedback, models that you forced,
/// prompts that you asked again, and answers that you worked on with. What it learns are small weights for the names of
/// what the classifier sees (`moai route --explain` shows them), in ~/.moai/learn/weights.json; no text is in them. New
/// weights that decide the regression set or your own prompts worse than those of before are refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai learn show               what is learned, and from what
  moai learn train --dry-run    what a training would change
  moai learn train
  moai learn undo               the weights of before, to the byte
  moai learn export > mine.json")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show what is learned, from what, and how well it decides
    #[command(after_help = "Examples:\n  moai learn show\n  moai learn show --json")]
    Show,
    /// Learn anew from what you said and did in the last 30 days
    #[command(after_help = "Examples:\n  moai learn train --dry-run\n  moai learn train --json")]
    Train {
        /// Show what would change, and change nothing
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
    /// Take the last training or import back, to the byte
    #[command(after_help = "Examples:\n  moai learn undo")]
    Undo,
    /// Print the learned weights, to keep them or to give them to somebody
    #[command(after_help = "Examples:\n  moai learn export > mine.json")]
    Export,
    /// Take weights over that `moai learn export` has printed
    #[command(after_help = "Examples:\n  moai learn import mine.json\n  moai learn import theirs.json --dry-run")]
    Import {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Show what would change, and change nothing
        #[arg(short = 'n', long)]
        dry_run: bool,
    },
}

/// Runs `moai learn`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let store = Store::of(world)?;
    match &args.command {
        Command::Show => show::run(&store, &Evidence::gather(world, ui)?, world, ui),
        Command::Train { dry_run } => {
            let _lock = store.lock()?;
            train::train(&store, &Evidence::gather(world, ui)?, *dry_run, world, ui)
        }
        Command::Import { file, dry_run } => {
            let _lock = store.lock()?;
            train::import(&store, file, *dry_run, world, ui)
        }
        Command::Undo => undo(&store, world, ui),
        Command::Export => ui.answer_bytes(store.load()?.render().as_bytes()),
    }
}

fn undo(store: &Store, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let _lock = store.lock()?;
    if !store.undo()? {
        return Err(Failure::expected("no training is there to take back").with_code("nothing-learned"));
    }
    serve::nudge(world);
    let weights = store.load()?;
    if ui.json {
        return ui.answer_json(&document("undo", store, &weights, &[]));
    }
    ui.answer(format!(
        "the weights of before are back: {} names, in {}",
        weights.names.len(),
        world.tilde(&store.file())
    ))
}

/// What there is to learn from.
struct Evidence {
    lessons: Vec<Lesson>,
    cases: Vec<Case>,
}

impl Evidence {
    fn gather(world: &World, ui: &mut Ui) -> Result<Self, Failure> {
        let here = Here::look(world, ui)?;
        let mut books = Books::open(world, &here, None)?;
        let read = |journal: &mut crate::journal::Journal| Ok((journal.past()?, journal.lessons()?));
        let found: Option<(Vec<Past>, Vec<Lesson>)> =
            books.reported(ui)?.map(read).transpose().map_err(|error: JournalError| Failure::from(error))?;
        let (past, lessons) = found.unwrap_or_default();
        let cases = cases(&past, &lessons);
        Ok(Self { lessons, cases })
    }

    /// The number of the last opinion.
    fn opinions(&self) -> i64 {
        self.lessons.iter().map(|lesson| lesson.opinion).max().unwrap_or_default()
    }

    fn counts(&self) -> Map<String, Value> {
        let count = |why: Why| self.cases.iter().filter(|case| case.why == why).count();
        Why::ALL.iter().map(|why| (why.as_str().replace('-', "_"), json!(count(*why)))).collect()
    }

    /// `4 corrected, 130 accepted`.
    fn told(&self) -> String {
        let count = |why: Why| self.cases.iter().filter(|case| case.why == why).count();
        let told = Why::ALL.iter().map(|why| (count(*why), why.as_str().replace('-', " ")));
        let told: Vec<String> =
            told.filter(|(count, _)| *count > 0).map(|(count, why)| format!("{count} {why}")).collect();
        if told.is_empty() { "nothing".into() } else { told.join(", ") }
    }
}

/// What every answer in JSON has, and more.
fn document(action: &str, store: &Store, weights: &Weights, more: &[(&str, Value)]) -> Value {
    let mut document = json!({
        "schema": SCHEMA,
        "action": action,
        "file": store.file(),
        "changes": store.changes(),
        "trained_at": weights.trained_at,
        "opinions": weights.opinions,
        "prompts": weights.prompts,
        "names": weights.names,
    });
    if let Some(map) = document.as_object_mut() {
        map.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
    document
}

/// How the regression set fares, in JSON.
fn fares(measure: &Measure) -> Value {
    json!({ "right": measure.right, "all": measure.all, "rate": measure.rate() })
}

/// How the regression set fares with these weights alone.
fn with(weights: &Weights) -> Measure {
    measure(&Learned::with(weights.clone(), []))
}

/// Fails where the set fares worse than before.
fn require_no_worse(before: &Measure, after: &Measure) -> Result<(), Failure> {
    if after.right >= before.right {
        return Ok(());
    }
    let lost = after.wrong.iter().find(|text| !before.wrong.contains(text));
    let message = format!(
        "refused: {} of {} of the regression set would be decided rightly, {} are now",
        after.right, after.all, before.right
    );
    let failure = Failure::new(Kind::Expected, message).with_code("worse-weights");
    Err(lost.into_iter().fold(failure, |failure, text| {
        failure.hint(format!("wrong then: `{}`", clean(text.lines().next().unwrap_or_default())))
    }))
}
