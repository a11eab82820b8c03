//! Shadow mode: a copy of a share of the requests goes to one model more, once the client has its answer. It never
//! answers, delays or fails anything: few are under way at once, one that finds no room is dropped and counted, and each
//! experiment has a budget of its own, which is asked before anything is sent. What a copy cost is in the journal, marked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::base::random;
use crate::exchange::book::{Page, estimate};
use crate::exchange::{End, Finished, Heard, Query, Shadow, shadow};
use crate::model::{RequestId, Usd};
use crate::route::shadow::{Agreement, Gist};
use crate::route::trial::{Experiment, Form};
use crate::route::{Decision, Ready};
use crate::wire::estimate_tokens;

use super::entry::Entry;

/// So many copies are under way at once.
const MOST: usize = 4;

/// A request, and everything that is known of it.
pub(in crate::gateway) struct Original {
    pub(in crate::gateway) entry: Entry,
    pub(in crate::gateway) query: Query,
}

/// What became of a request that was to be copied.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered,
    Failed,
    Busy,
    Budget,
    NotReady,
}

/// Their words, in the order in which they are counted.
const FATES: [&str; 5] = ["answered", "failed", "busy", "budget", "not-ready"];

/// The copies that are under way, and what is set aside for them.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Shadows {
    under_way: AtomicUsize,
    /// By experiment.
    purses: Mutex<BTreeMap<String, Purse>>,
    counts: [AtomicU64; FATES.len()],
}

/// What an experiment has spent, as far as the journal cannot say it.
#[derive(Debug, Default)]
struct Purse {
    /// What is set aside for copies under way.
    held: Usd,
    /// What copies of a day may have cost whose cost nobody knows.
    unknown: Option<(Date, Usd)>,
}

impl Purse {
    fn unknown_of(&self, day: Date) -> Usd {
        self.unknown.filter(|(of, _)| *of == day).map(|(_, usd)| usd).unwrap_or_default()
    }
}

impl Shadows {
    /// What became of the copies since the start.
    pub(in crate::gateway) fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        FATES.into_iter().zip(self.counts.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    fn count(&self, fate: Fate) {
        if let Some(count) = self.counts.get(fate as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A place for one copy, until it is dropped.
    fn enter(self: &Arc<Self>) -> Option<Place> {
        let room = |now| (now < MOST).then_some(now + 1);
        let took = self.under_way.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room);
        took.is_ok().then(|| Place(Arc::clone(self)))
    }

    /// Sets `most` aside, and says how much that makes with what is set aside or lost already.
    fn hold(self: &Arc<Self>, experiment: &str, most: Usd, day: Date) -> (Held, Usd) {
        let mut purses = self.purses.lock().unwrap_or_else(PoisonError::into_inner);
        let purse = purses.entry(experiment.to_owned()).or_default();
        purse.held = purse.held.saturating_add(most);
        let all = purse.held.saturating_add(purse.unknown_of(day));
        drop(purses);
        (Held { shadows: Arc::clone(self), experiment: experiment.to_owned(), most }, all)
    }
}

/// A place for a copy.
struct Place(Arc<Shadows>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Money that is set aside, until it is dropped.
struct Held {
    shadows: Arc<Shadows>,
    experiment: String,
    most: Usd,
}

impl Held {
    fn purse(&self, change: impl FnOnce(&mut Purse, Usd)) {
        let mut purses = self.shadows.purses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(purse) = purses.get_mut(&self.experiment) {
            change(purse, self.most);
        }
    }

    /// What it cost nobody knows: it counts as the most that it may have.
    fn is_lost(&self, day: Date) {
        self.purse(|purse, most| purse.unknown = Some((day, purse.unknown_of(day).saturating_add(most))));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.purse(|purse, most| purse.held = purse.held.saturating_sub(most));
    }
}

/// The experiment that wants a copy of the request.
fn wanted(entry: &Entry) -> Option<&Experiment> {
    let policy = &entry.snapshot.policy;
    if policy.experiments.is_empty() {
        return None;
    }
    let experiment = policy.shadow(entry.turn.decision.tier())?;
    (entry.turn.may_be_copied() && experiment.copies(entry.id.as_str())).then_some(experiment)
}

/// What listens to the answer, where a copy of the request is wanted.
pub(in crate::gateway) fn ear(entry: &Entry) -> Option<Heard> {
    wanted(entry).map(|_| Heard::default())
}

/// Sends a copy of a request that was answered, where one is wanted: as a task of its own. The client has its answer;
/// nothing of this is on its way.
pub(in crate::gateway) fn follow(original: &Arc<Original>, finished: &Finished, heard: Option<&Heard>) {
    let Some(heard) = heard.filter(|_| finished.end == End::Answered) else { return };
    let (entry, given) = (&original.entry, heard.gist());
    let Some(experiment) = wanted(entry) else { return };
    let (shadows, snapshot) = (&entry.gateway.shadows, &entry.snapshot);
    let to = experiment.arms.first().and_then(|arm| snapshot.roster.ready(&arm.model).ok());
    // One that shares this machine's memory could cost the model that answers its place.
    let Some(to) = to.filter(|to| !snapshot.lines.counts_memory(to.provider())) else {
        return shadows.count(Fate::NotReady);
    };
    let Some(decision) = experiment.copy(&entry.turn.decision, to) else { return };
    let Some(place) = shadows.enter() else { return shadows.count(Fate::Busy) };
    let cast = Cast { original: Arc::clone(original), experiment: experiment.clone(), decision, given };
    entry.gateway.work.begin(Box::pin(async move {
        let fate = cast.run().await;
        cast.original.entry.gateway.shadows.count(fate);
        drop(place);
    }));
}

/// A copy that is to be sent.
struct Cast {
    original: Arc<Original>,
    experiment: Experiment,
    decision: Decision,
    /// What the answer was.
    given: Gist,
}

impl Cast {
    async fn run(&self) -> Fate {
        let Entry { gateway, snapshot, .. } = &self.original.entry;
        let now = || gateway.world.now();
        let at = now();
        let day = gateway.world.zone().to_datetime(at).date();
        let Some(held) = self.afforded(self.decision.plan().first(), at, day).await else { return Fate::Budget };
        let Ok(seed) = random::bytes() else { return Fate::NotReady };
        let id = RequestId::new(at, seed);
        let order = Shadow {
            decision: &self.decision,
            query: &self.original.query,
            rules: snapshot.policy.retry,
            id: &id,
            lines: &snapshot.lines,
            now: &now,
        };
        let (finished, gist) = Box::pin(shadow(&order)).await;
        let well = finished.end == End::Answered;
        let agreement = if well { Agreement::of(&gist, &self.given) } else { Agreement::Failed };
        let page = self.page(&id);
        let given = &self.original.entry.id;
        let rows: Vec<_> = finished.trials.iter().map(|trial| page.copied_row(trial, agreement, given)).collect();
        if rows.iter().any(|row| row.cost.is_none()) {
            held.is_lost(day);
        }
        // Free again only behind its row: whoever asks the journal after this finds it there.
        gateway.ledger.record(rows, None);
        drop(held);
        gateway.dashboard.pulse.beat();
        if well { Fate::Answered } else { Fate::Failed }
    }

    /// What its row has: nobody's conversation, project or key, so that it counts for no budget of theirs.
    fn page<'a>(&'a self, id: &'a RequestId) -> Page<'a> {
        let Entry { gateway, snapshot, .. } = &self.original.entry;
        Page {
            request: id,
            decision: &self.decision,
            machine: &gateway.machine,
            session: None,
            project: None,
            worktree: None,
            spec: None,
            agent: None,
            task: None,
            key: None,
            asked: None,
            prices: &snapshot.prices,
        }
    }

    /// Sets aside what the copy may cost, where the experiment's budget of the day has it. What a model without a price
    /// may cost nobody knows, so it has none.
    async fn afforded(&self, to: &Ready, at: Timestamp, day: Date) -> Option<Held> {
        let Entry { gateway, snapshot, .. } = &self.original.entry;
        let Form::Shadow { budget, .. } = self.experiment.form else { return None };
        let request = &self.original.query.request;
        let (tokens, most) = (estimate_tokens(request.bytes()), request.head().max_tokens);
        let most = estimate(to, tokens, most, &snapshot.prices, at).most?;
        // First set aside, then asked: what others write down in between is counted twice rather than not at all.
        let (held, all) = gateway.shadows.hold(&self.experiment.name, most, day);
        let name = self.experiment.name.clone();
        let spent = gateway.ledger.ask(move |journal| journal.shadowed_by(&name, day)).await.ok()?;
        let spent = spent.unwrap_or_default().cost;
        (spent.saturating_add(all) <= budget).then_some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_under_way_and_money_is_set_aside_until_they_are_over() {
        let shadows = Arc::<Shadows>::default();
        let places: Vec<_> = (0..MOST).map(|_| shadows.enter().unwrap()).collect();
        assert!(shadows.enter().is_none());
        drop(places);
        assert!(shadows.enter().is_some());

        let day = |text: &str| text.parse::<Date>().unwrap();
        let (today, dollar) = (day("2026-01-09"), Usd::from_nanos(1_000_000_000));
        let two = dollar.saturating_add(dollar);
        let (first, all) = shadows.hold("one", dollar, today);
        let (second, more) = shadows.hold("one", dollar, today);
        assert_eq!((all, more, shadows.hold("other", dollar, today).1), (dollar, two, dollar));
        drop(first);
        second.is_lost(today);
        drop(second);
        assert_eq!(shadows.hold("one", dollar, today).1, two, "what nobody knows is not free");
        assert_eq!(shadows.hold("one", dollar, day("2026-01-10")).1, dollar, "each day has its own");
    }
}
