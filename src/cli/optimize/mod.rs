//! `moai optimize`: what the journal shows about models, as proposals that can be applied and taken back.

mod apply;
mod past;

use jiff::civil::Date;
use serde_json::{Value, json};

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::config::{Config, Routing};
use crate::journal::{Days, day_said};
use crate::model::Usd;
use crate::route::optimize::{ALPHA, FEWEST, GROUPS, Proposal, Study, proposals};
use crate::statistics::Interval;

use super::books::Books;
use super::here::Here;
use super::ui::{SCHEMA, Ui, clean};

/// Say what would be cheaper or quicker, from the journal, and change it
///
/// Compares what models did of the same work: an agent's, a tier's, as stand-ins, by the hour. A proposal needs at least
/// 30 attempts in 10 conversations on either side, and an interval that excludes that there is no difference, at an error
/// of 5 % over everything that is compared in a run. Nothing is changed unless you say --apply.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai optimize                       what the last 30 days show
  moai optimize --since 3m --json
  moai optimize --apply --dry-run     the changes as a diff
  moai optimize --apply agents.coder.primary_model=glm-4.7
  moai optimize --undo                take the last change back
  moai optimize --auto                within the bounds of optimize.*, for a cron job")]
pub(super) struct Args {
    /// The first day to look at: 2026-01-31, 30d, 2w or 3m
    #[arg(long, value_name = "DAY", default_value = "30d")]
    since: String,
    /// Write the proposals with these ids, or all of them, into the configuration
    #[arg(long, value_name = "ID", num_args = 0.., conflicts_with_all = ["undo", "auto"])]
    apply: Option<Vec<String>>,
    /// Take back what was applied last
    #[arg(long, conflicts_with = "auto")]
    undo: bool,
    /// Apply what lies within the bounds of `optimize.auto`, `optimize.most_changes`, `optimize.least_saving_usd` and
    /// `optimize.models`
    #[arg(long)]
    auto: bool,
    /// Show what would change, and change nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
}

/// Runs `moai optimize`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    if args.undo {
        return apply::undo(args.dry_run, world, ui);
    }
    let here = Here::look(world, ui)?;
    let found = Found::look(args, &here, world, ui)?;
    let chosen = match (&args.apply, args.auto) {
        (Some(ids), _) => found.named(ids)?,
        (None, true) => found.within(&Bounds::of(&here.config)?),
        (None, false) => return found.tell(ui),
    };
    apply::apply(&found, &chosen, args.dry_run, &here, world, ui)
}

/// What there is to propose.
struct Found {
    since: Date,
    attempts: u64,
    compared: u64,
    proposals: Vec<Proposal>,
}

impl Found {
    fn look(args: &Args, here: &Here, world: &World, ui: &mut Ui) -> Result<Self, Failure> {
        let mut books = Books::open(world, here, None)?;
        let today = books.today();
        let since = day_said(&args.since, today).filter(|since| *since <= today).ok_or_else(|| {
            Failure::usage(format!("--since: `{}` is no day of the past", args.since))
                .hint("a day looks like 2026-01-31, 30d, 2w or 3m")
        })?;
        let routing = Routing::load(world, &here.project, &here.config)?;
        let study = match books.reported(ui)? {
            None => Study::default(),
            Some(journal) => journal.study(Days { since: Some(since), until: None })?,
        };
        let days = f64::from((today - since).get_days()) + 1.0;
        let (proposals, compared) = proposals(&study, &routing.policy, days);
        Ok(Self { since, attempts: study.attempts(), compared, proposals })
    }

    /// The proposals of these ids that can be applied; all of them where none is named.
    fn named(&self, ids: &[String]) -> Result<Vec<&Proposal>, Failure> {
        if let Some(unknown) = ids.iter().find(|id| !self.proposals.iter().any(|one| one.id == **id)) {
            let message = format!("nothing is proposed under the id {}", clean(unknown));
            return Err(Failure::expected(message)
                .with_code("no-proposal")
                .hint("`moai optimize` lists the proposals"));
        }
        let wanted = |one: &&Proposal| one.change.is_some() && (ids.is_empty() || ids.contains(&one.id));
        Ok(self.proposals.iter().filter(wanted).collect())
    }

    /// What the person lets moai change by itself.
    fn within(&self, bounds: &Bounds) -> Vec<&Proposal> {
        let fits = |one: &&Proposal| {
            let saves = one.saving_usd.is_some_and(|saving| saving.low >= bounds.least_saving);
            let allowed = |model: &String| bounds.models.is_empty() || bounds.models.contains(model);
            saves && one.change.as_ref().and_then(|change| change.to.first()).is_some_and(allowed)
        };
        self.proposals.iter().filter(fits).take(bounds.most_changes).collect()
    }

    fn document(&self) -> Value {
        json!({
            "schema": SCHEMA,
            "since": self.since,
            "attempts": self.attempts,
            "compared": self.compared,
            "error": ALPHA,
            "proposals": self.proposals.iter().map(proposal).collect::<Vec<_>>(),
        })
    }

    fn tell(&self, ui: &mut Ui) -> Result<(), Failure> {
        if ui.json {
            return ui.answer_json(&self.document());
        }
        if self.proposals.is_empty() {
            ui.answer("nothing to propose")?;
            return ui.say(format!(
                "{} attempts since {}, {} comparisons with at least {FEWEST} attempts in {GROUPS} conversations on either side",
                self.attempts, self.since, self.compared
            ));
        }
        for one in &self.proposals {
            ui.answer(ui.style.bold(&clean(&one.id)))?;
            ui.answer(format!("  {}", clean(&one.text)))?;
            ui.answer(format!("  {}", evidence(one)))?;
            if let Some(saving) = one.saving_usd {
                let (low, point, high) = (money(saving.low), money(saving.point), money(saving.high));
                ui.answer(format!("  spares about {point} in 30 days ({low} to {high})"))?;
            }
        }
        ui.say(format!(
            "{} attempts since {}, {} comparisons; the chance that any proposal here is due to chance is at most 5 %",
            self.attempts, self.since, self.compared
        ))?;
        ui.hint("`moai optimize --apply --dry-run` shows what would be written")
    }
}

fn evidence(one: &Proposal) -> String {
    let side = |side: &crate::route::optimize::Side| {
        format!("{}: {} attempts in {} groups", clean(&side.model), side.attempts, side.groups)
    };
    let Interval { point, low, high } = one.difference;
    // A request to a cheap model costs a hundredth of a cent.
    let digits = if one.unit == "usd-a-request" { 6 } else { 4 };
    format!(
        "{}; {}; difference {point:.digits$} ({low:.digits$} to {high:.digits$}, {})",
        side(&one.now),
        side(&one.other),
        one.unit.replace('-', " ")
    )
}

fn proposal(one: &Proposal) -> Value {
    let mut document = serde_json::to_value(one).unwrap_or_default();
    // Between texts and numbers there is nothing that JSON could not say but infinity, which no proposal has.
    if let Some(map) = document.as_object_mut() {
        map.insert("applicable".into(), json!(one.change.is_some()));
    }
    document
}

/// Dollars and cents.
fn money(dollars: f64) -> String {
    format!("${dollars:.2}")
}

/// What the person has set for `--auto`.
struct Bounds {
    most_changes: usize,
    least_saving: f64,
    models: Vec<String>,
}

impl Bounds {
    fn of(config: &Config) -> Result<Self, Failure> {
        let text = |name: &str| {
            let value = config.explain(name).ok().and_then(|setting| setting.value.clone());
            value.map(|value| value.to_string()).unwrap_or_default()
        };
        if text("optimize.auto") != "true" {
            return Err(Failure::expected("moai may not change anything by itself")
                .with_code("auto-off")
                .hint("allow it: `moai config set --user optimize.auto true`"));
        }
        let list = text("optimize.models");
        let least: Usd = text("optimize.least_saving_usd").parse().unwrap_or_default();
        Ok(Self {
            most_changes: text("optimize.most_changes").parse().unwrap_or(1),
            least_saving: least.as_f64(),
            models: list.split(',').map(|model| model.trim().to_owned()).filter(|model| !model.is_empty()).collect(),
        })
    }
}
