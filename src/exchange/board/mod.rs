//! The board: which deployment of a provider is asked, and how each of them does. One for a process; it survives a new
//! configuration, so that a broken deployment stays known.
//!
//! ```text
//! let mut run = board.run(plan, rules, seed);
//! // For each Step::Try(attempt):
//! let mut seat = board.seat(next.take(), &attempt.ready, session);
//! let call = Call::new(seat.provider(), …, lines.key(seat.provider()), …);
//! // With the first piece of an answer:
//! seat.speaks();
//! // Another deployment that can be asked at once, where this one failed before anything was shown:
//! next = seat.finish(&Ended { fault, shown, latency });
//! // and then the run is told Outcome::Elsewhere instead of Outcome::Failed.
//! ```
//!
//! A seat that is dropped counts as cancelled: nobody is to blame.

mod health;
mod seat;
mod sticky;
mod watch;

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::lines::Lines;
use crate::route::balance::{self, Blame, Cause, Entry, Lane, Limits, Pass, choose};
use crate::route::retry::{Rules, Run};
use crate::route::{Plan, Provider, Ready, Roster};

use crate::wire::Fault;
use sticky::Sticky;

pub use health::Health;
pub use seat::{Ended, Seat};

/// The state of every deployment. Clones are the same board.
#[derive(Debug, Clone)]
pub struct Board(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: Instant,
    limits: Limits,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By provider, then by model.
    pools: BTreeMap<String, BTreeMap<String, Vec<Slot>>>,
    /// What each way led to when it was last looked at, by its name.
    marks: BTreeMap<String, u64>,
    sticky: Sticky,
    /// Counts the choices.
    seed: u64,
}

/// Weight and priority of a way of the provider; `None`: it has no such way.
fn share(provider: &Provider, way: &str) -> Option<(u32, u32)> {
    if provider.deployments.is_empty() {
        return (provider.name == way).then_some((1, 0));
    }
    let found = provider.deployments.iter().find(|deployment| deployment.at.name == way)?;
    Some((found.weight, found.priority))
}

/// A model at a deployment.
#[derive(Debug)]
struct Slot {
    /// The way's name: `zai/eu`, or `zai` for a provider without deployments.
    way: String,
    lane: Lane,
    why: Option<String>,
}

impl State {
    /// The slots of a model, with one for each way that its provider has.
    fn slots(&mut self, ready: &Ready, limits: Limits, now: Duration) -> Option<&mut Vec<Slot>> {
        let provider = ready.provider();
        // Names are copied the first time only.
        if !self.pools.get(&provider.name).is_some_and(|models| models.contains_key(ready.name())) {
            let models = self.pools.entry(provider.name.clone()).or_default();
            models.insert(ready.name().to_owned(), Vec::new());
        }
        let models = self.pools.get_mut(&provider.name);
        let slots = models.and_then(|models| models.get_mut(ready.name()))?;
        for way in provider.ways() {
            if !slots.iter().any(|slot| slot.way == way.name) {
                slots.push(Slot { way: way.name.clone(), lane: Lane::new(limits, now), why: None });
            }
        }
        Some(slots)
    }

    /// The slot of a model at a way, where there is one.
    fn slot(&mut self, ready: &Ready, way: &str) -> Option<&mut Slot> {
        let slots = self.pools.get_mut(&ready.provider().name)?.get_mut(ready.name())?;
        slots.iter_mut().find(|slot| slot.way == way)
    }
}

impl Slot {
    fn is_shut(&self, now: Duration) -> bool {
        match self.lane.breaker().state(now) {
            balance::State::Closed => false,
            balance::State::Open(cause, _) => cause != Cause::Busy,
            balance::State::HalfOpen(cause, out) => out && cause != Cause::Busy,
        }
    }
}

impl Default for Board {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Board {
    /// A board on which nothing is known yet.
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Inner { started: Instant::now(), limits, hasher: RandomState::new(), state: Mutex::default() }))
    }

    /// Takes a deployment for one request to a model; there is always one, if need be one that is left alone.
    ///
    /// `session`: whose conversation it is. It stays at its deployment, where its prompts are cached, as long as that
    /// one works.
    pub fn pick(&self, ready: &Ready, session: Option<&str>) -> Seat {
        let provider = ready.provider();
        let several = !provider.deployments.is_empty();
        let session = session.filter(|_| several).map(|id| self.0.hasher.hash_one((&provider.name, id)));
        self.take(ready, session, &[]).unwrap_or_else(|| {
            // Not to be: every way has its slot. The request goes its way all the same.
            Seat::new(self.clone(), ready.clone(), provider.name.clone(), None, None, Vec::new())
        })
    }

    /// A run over a plan, in which the models that are known to fail come last.
    pub fn run(&self, plan: &Plan, rules: Rules, jitter_seed: u64) -> Run {
        Run::around(plan, |ready| self.is_shut(ready).is_some(), rules, jitter_seed)
    }

    /// The seat for an attempt: the one that was kept for it after another deployment failed, else a new one.
    pub fn seat(&self, kept: Option<Seat>, ready: &Ready, session: Option<&str>) -> Seat {
        kept.filter(|seat| seat.ready() == ready).unwrap_or_else(|| self.pick(ready, session))
    }

    /// Whether a model is better not asked now, and why: every deployment that has it failed and is left alone. One
    /// that is only busy does not count: it says itself how long to wait.
    pub fn is_shut(&self, ready: &Ready) -> Option<String> {
        let now = self.now();
        let state = self.lock();
        let provider = ready.provider();
        // Nobody has asked a way without a slot.
        let slots = state.pools.get(&provider.name)?.get(ready.name())?;
        let slot = |way: &Provider| slots.iter().find(|slot| slot.way == way.name);
        if !provider.ways().all(|way| slot(way).is_some_and(|slot| slot.is_shut(now))) {
            return None;
        }
        let why = provider.ways().find_map(|way| slot(way)?.why.clone());
        Some(why.unwrap_or_else(|| "it failed just now".to_owned()))
    }

    /// Looks at where the ways lead now: what is known of one that leads somewhere else, or with another key, is
    /// forgotten, and so are those that are no more. Call it with every new configuration.
    pub fn renew(&self, roster: &Roster, lines: &Lines) {
        let mut marks = BTreeMap::new();
        for provider in roster.providers() {
            for way in provider.ways() {
                let mark = self.0.hasher.hash_one((&way.base_url, &way.headers, lines.key(way)));
                marks.insert(way.name.clone(), mark);
            }
        }
        let now = self.now();
        let mut state = self.lock();
        let State { pools, marks: old, .. } = &mut *state;
        for slot in pools.values_mut().flat_map(BTreeMap::values_mut).flatten() {
            if marks.get(&slot.way) != old.get(&slot.way) {
                slot.lane.renew(now);
                slot.why = None;
            }
        }
        for slots in pools.values_mut().flat_map(BTreeMap::values_mut) {
            slots.retain(|slot| marks.contains_key(&slot.way) || slot.lane.in_flight() > 0);
        }
        *old = marks;
        // Also those that nobody has asked yet can be looked after.
        for ready in roster.all_ready() {
            state.slots(&ready, self.0.limits, now);
        }
    }

    /// The next seat, among those that were not tried; notes it as under way.
    fn take(&self, ready: &Ready, session: Option<u64>, tried: &[String]) -> Option<Seat> {
        let now = self.now();
        let mut state = self.lock();
        state.seed = state.seed.wrapping_add(1);
        let seed = self.0.hasher.hash_one(state.seed);
        let favourite = session.and_then(|session| state.sticky.of(session, now)).map(str::to_owned);
        let provider = ready.provider();
        let slots = state.slots(ready, self.0.limits, now)?;
        let mut entries = Vec::with_capacity(slots.len());
        let mut places = Vec::with_capacity(slots.len());
        for (place, slot) in slots.iter_mut().enumerate() {
            // Another configuration, which somebody still works with, may have others.
            let Some((weight, priority)) = share(provider, &slot.way) else { continue };
            entries.push(Entry { tried: tried.contains(&slot.way), lane: &mut slot.lane, weight, priority });
            places.push((place, favourite.as_ref() == Some(&slot.way)));
        }
        let favourite = places.iter().position(|(_, favourite)| *favourite);
        let chosen = choose(provider.balance, &mut entries, favourite, now, seed)?;
        let (at, _) = *places.get(chosen)?;
        let slot = slots.get_mut(at)?;
        let pass = slot.lane.begin(now);
        let way = slot.way.clone();
        if let Some(session) = session {
            state.sticky.stay(session, &way, now);
        }
        drop(state);
        Some(Seat::new(self.clone(), ready.clone(), way, Some(pass), session, tried.to_vec()))
    }

    /// A request at a way has the first piece of its answer; gives the leave with which it goes on.
    fn speaks(&self, ready: &Ready, way: &str, pass: Pass) -> Pass {
        let now = self.now();
        let mut state = self.lock();
        state.slot(ready, way).map_or(pass, |slot| slot.lane.speaks(pass, now))
    }

    /// A request at a way is over.
    fn end(&self, ready: &Ready, way: &str, pass: Pass, blame: Blame, latency: Option<Duration>, why: Option<&Fault>) {
        let now = self.now();
        let mut state = self.lock();
        let Some(slot) = state.slot(ready, way) else { return };
        slot.lane.end(pass, blame, latency, now);
        if let Some(fault) = why.filter(|_| blame != Blame::Nobody) {
            slot.why = Some(fault.told());
        }
    }

    fn now(&self) -> Duration {
        self.0.started.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
