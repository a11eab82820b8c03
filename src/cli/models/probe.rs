//! One real request to one model: sent like any other, written into the journal like any other, and measured.

use std::time::Duration;

use crate::base::failure::{Failure, Kind};
use crate::base::interrupt::Interrupted;
use crate::base::random;
use crate::classify::{Options, classify};
use crate::cli::ui::{Ui, clean};
use crate::exchange::book::Page;
use crate::exchange::{Audience, End, ExchangeError, Finished, Note, Order, drive, stopped};
use crate::model::{RequestId, Usage, Usd};
use crate::route::retry::Rules;
use crate::route::{Ask, Facts, Ready, decide};
use crate::wire::Event;
use crate::wire::hub::Prompt;

use super::shop::Shop;

/// What came of one request.
pub(super) struct Probe {
    /// From sending to the first piece of the answer.
    pub(super) first: Option<Duration>,
    /// From sending to the end.
    pub(super) total: Duration,
    pub(super) usage: Option<Usage>,
    /// The tokens are our own count.
    pub(super) estimated: bool,
    /// What it cost; `None` where that is not known.
    pub(super) cost: Option<Usd>,
    /// The answer.
    pub(super) text: String,
    /// Why there is no whole answer.
    pub(super) failed: Option<ExchangeError>,
}

impl Probe {
    /// Tokens a second after the first piece of the answer.
    pub(super) fn speed(&self) -> Option<f64> {
        let lasted = self.total.checked_sub(self.first?)?.as_secs_f64();
        let tokens = self.usage?.output.checked_sub(1)?;
        let tokens = f64::from(u32::try_from(tokens).ok()?);
        (lasted > 0.001 && tokens > 0.0).then(|| tokens / lasted)
    }
}

/// Tells what a model waits for, and nothing else.
struct Listener<'a>(&'a mut Ui);

impl Audience for Listener<'_> {
    fn event(&mut self, _event: &Event) {}

    fn note(&mut self, note: &Note) {
        if let Note::Memory { model, why } = note {
            // Where nobody can be told, the answer still comes.
            drop(self.0.say(clean(&format!("{model} waits for memory: {why}"))));
        }
    }
}

/// Sends `text` to a model, once, and asks for `most` tokens at most. Nobody stands in, nothing is repeated.
pub(super) fn send(shop: &mut Shop, ready: &Ready, text: &str, most: u64, ui: &mut Ui) -> Result<Probe, Failure> {
    let ask = Ask { force_model: Some(ready.name().to_owned()), no_fallback: true, ..Ask::default() };
    let seen = classify(text, Options::default());
    let decision = decide(&ask, &seen, &shop.policy, &shop.roster, &Facts::default())?;
    let id = RequestId::new(shop.world.now(), random::bytes()?);
    let prompt = Prompt { max_tokens: Some(most), ..Prompt::new("", text) };
    let world = shop.world.clone();
    let now = || world.now();
    let order = Order {
        decision: &decision,
        prompt: &prompt,
        rules: Rules { rate_limit: 0, server: 0, ..shop.policy.retry },
        id: &id,
        lines: &shop.lines,
        board: None,
        session: None,
        now: &now,
        affords: None,
    };
    let finished = shop.run(async { Box::pin(drive(&order, &mut Listener(ui), stopped(&world.interrupt))).await });
    let cost = record(shop, &decision, &id, &finished, ui)?;
    if let End::Stopped(Interrupted(signal)) = finished.end {
        return Err(Failure::new(Kind::Interrupted(signal), "stopped before the answer was whole"));
    }
    let last = finished.trials.last();
    Ok(Probe {
        first: last.and_then(|trial| trial.first),
        total: last.map_or(finished.tally.took, |trial| trial.total),
        usage: last.and_then(|trial| trial.usage),
        estimated: last.is_some_and(|trial| trial.estimated),
        cost,
        failed: finished.check().err(),
        text: finished.answer.map(|answer| answer.text).unwrap_or_default(),
    })
}

/// Writes what was sent into the journal: it costs what it costs, whoever asked.
fn record(
    shop: &mut Shop,
    decision: &crate::route::Decision,
    id: &RequestId,
    finished: &Finished,
    ui: &mut Ui,
) -> Result<Option<Usd>, Failure> {
    let (machine, project) = (shop.world.machine(), shop.here.project.name());
    let prices = shop.books.prices().clone();
    let page = Page {
        request: id,
        decision,
        machine: &machine,
        session: None,
        project: Some(&project),
        worktree: None,
        spec: None,
        agent: None,
        task: None,
        key: None,
        asked: Some(decision.plan().first().name()),
        prices: &prices,
    };
    let mut cost = Some(Usd::ZERO);
    for trial in &finished.trials {
        let row = page.row(trial);
        cost = cost.zip(row.cost).map(|(sum, one)| sum.saturating_add(one));
        if let Some((warning, hints)) = shop.books.record(&row).warning() {
            ui.warn(clean(&warning))?;
            hints.into_iter().try_for_each(|hint| ui.hint(clean(&hint)))?;
        }
    }
    Ok(cost)
}
