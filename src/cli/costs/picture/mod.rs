//! `moai costs report`: the costs as a page or a picture for people who were not there: one file, nothing fetched, no
//! script.

mod charts;
mod page;
mod words;

use std::path::{Path, PathBuf};

use jiff::ToSpan as _;
use jiff::civil::Date;
use serde_json::json;

use crate::base::disk::{self, Access};
use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::books::Books;
use crate::cli::here::Here;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::journal::panels::{ProviderHealth, Series, Split, Tiles, TimesLine, Window};
use crate::journal::{By, Days, Journal, JournalError, Line, Period};
use crate::plot::standalone;

use super::range::Range;
use words::{ENGLISH, KOREAN, Words};

/// The longest time that a picture shows day by day.
const MOST_DAYS: i32 = 366;

/// Write the costs as a page or a picture: one file, with everything in it
///
/// The page has the sums, cost, requests, tokens and response times day by day, what was saved against Claude alone, how
/// the providers did, and the sums by model, agent and project. It fetches nothing and runs nothing, so it can be sent to
/// anybody; names of projects, worktrees and agents are in it. The last 30 days where nothing else is said, at most 366.
#[derive(Debug, clap::Args)]
#[command(
    group(clap::ArgGroup::new("form").required(true).args(["html", "svg"])),
    after_help = "Examples:
  moai costs report --html costs.html
  moai costs report --html costs.html --since 3m --lang ko
  moai costs report --svg cost-by-day.svg --since 2026-01-01 --until 2026-01-31
  moai costs report --svg - > cost-by-day.svg"
)]
pub(super) struct Args {
    /// Write a page into this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write a picture of the cost by day and model into this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    #[command(flatten)]
    range: Range,
    /// The language: en or ko; else that of the locale
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<Language>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Language {
    /// English
    En,
    /// Korean
    Ko,
}

impl Language {
    fn of(world: &World) -> Self {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| world.env.text(name).filter(|value| !value.is_empty()));
        if set.is_some_and(|value| value.starts_with("ko")) { Self::Ko } else { Self::En }
    }

    const fn words(self) -> &'static Words {
        match self {
            Self::En => &ENGLISH,
            Self::Ko => &KOREAN,
        }
    }
}

/// What the page is made of.
struct Story {
    since: Date,
    until: Date,
    days: Vec<Date>,
    tiles: Tiles,
    models: Series,
    times: Vec<TimesLine>,
    health: Vec<ProviderHealth>,
    tables: [(By, Vec<Line>); 3],
}

/// Runs `moai costs report`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let mut books = Books::open(world, &here, None)?;
    let days = args.range.days(books.today())?;
    let until = days.until.unwrap_or_else(|| books.today());
    let since = days.since.unwrap_or_else(|| until.checked_sub(29.days()).unwrap_or(until)).min(until);
    if since.until(until).map_or(true, |span| span.get_days() >= MOST_DAYS) {
        return Err(Failure::usage(format!("from {since} to {until} are more than {MOST_DAYS} days"))
            .with_code("usage")
            .hint("give a later --since, or an earlier --until"));
    }
    let Some(journal) = books.reported(ui)? else {
        return Err(Failure::expected("nothing was recorded yet").with_code("nothing-recorded"));
    };
    let story = Story::read(journal, since, until)?;
    let words = args.lang.unwrap_or_else(|| Language::of(world)).words();
    let (file, text) = match (&args.html, &args.svg) {
        (Some(file), _) => (file, page::page(&story, words)),
        (None, Some(file)) => (file, standalone(&charts::cost(&story, words, true))),
        (None, None) => return Err(Failure::usage("give --html FILE or --svg FILE").with_code("usage")),
    };
    give(file, &text, &story, world, ui)
}

fn give(file: &Path, text: &str, story: &Story, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if file == Path::new("-") {
        if ui.json {
            return Err(Failure::usage("--json and a page do not both fit on standard output").with_code("usage"));
        }
        return ui.answer_bytes(text.as_bytes());
    }
    let path = world.cwd()?.join(file);
    if disk::is_stream(&path) {
        disk::pour(&path, text.as_bytes())?;
    } else {
        disk::replace(&path, text.as_bytes(), Access::Keep)?;
    }
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "file": path,
            "bytes": text.len(),
            "since": story.since,
            "until": story.until,
            "total_cost_usd": story.tiles.totals.known(),
            "total_requests": story.tiles.totals.requests,
        }));
    }
    let place = clean(&world.tilde(&path));
    ui.say(format!("{place}: {} to {}, {} KB", story.since, story.until, text.len().div_ceil(1024)))
}

impl Story {
    fn read(journal: &Journal, since: Date, until: Date) -> Result<Self, JournalError> {
        let range = Days { since: Some(since), until: Some(until) };
        let window = Window::between(since, until);
        let table = |by| Ok::<_, JournalError>((by, journal.report(Period::All, Some(by), range)?));
        Ok(Self {
            since,
            until,
            days: since.series(1.day()).take(window.len()).collect(),
            tiles: journal.tiles(range)?,
            models: journal.series(window, Split::Model)?,
            times: journal.times(window)?.1,
            health: journal.health(window)?.1,
            tables: [table(By::Model)?, table(By::Agent)?, table(By::Project)?],
        })
    }
}
