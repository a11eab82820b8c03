//! Who may send how much: budgets with what is set aside for requests under way, requests and tokens a minute, requests
//! at once with a bounded queue. The rules are pure (`cost::Reserve`, `route::limit`); here is the state, and the
//! waiting.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use crate::cost::{self, Budgets, Estimate, Hold, Reserve, Scope, Standing};
use crate::journal::Attempt;
use crate::model::{Usage, Usd};
use crate::route::limit::{self, Limiter};
use crate::wire::{Fault, FaultKind};

use super::ledger::{Ledger, Told};

/// What a configuration allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allowance {
    /// How much money.
    pub budgets: Budgets,
    /// How many requests and tokens.
    pub limits: limit::Limits,
}

/// A request that asks to be let through.
#[derive(Debug, Clone, Copy, Default)]
pub struct Visit<'a> {
    /// The name of its access key.
    pub key: Option<&'a str>,
    /// Its conversation.
    pub session: Option<&'a str>,
    /// Its agent.
    pub agent: Option<&'a str>,
    /// Its project.
    pub project: Option<&'a str>,
    /// What it may cost (`exchange::book::estimate`).
    pub estimate: Estimate,
    /// About how many tokens its prompt has.
    pub tokens: u64,
}

/// What is allowed, and what of it is used.
pub struct Limits {
    state: Mutex<State>,
    /// Something has ended.
    freed: Notify,
    started: Instant,
    zone: TimeZone,
}

#[derive(Debug, Default)]
struct State {
    reserve: Reserve,
    limiter: Limiter,
    waiting: u64,
}

/// A request that was let through. What was set aside for it is free again when this is settled or dropped, whatever
/// became of the request.
#[derive(Debug)]
pub struct Permit {
    open: Option<Open>,
    standings: Vec<Standing>,
    refuse: bool,
}

#[derive(Debug)]
struct Open {
    limits: Arc<Limits>,
    allowance: Arc<Allowance>,
    hold: Hold,
    key: String,
    tokens: u64,
}

/// What becomes of a request now.
enum Step {
    Through(Permit),
    Wait(Why),
    Refused(Fault),
}

/// What a request waits for.
enum Why {
    Others,
    Money(Standing),
}

impl Limits {
    /// Nothing is used yet. `zone` is where a day begins and ends.
    pub fn new(zone: TimeZone) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), freed: Notify::new(), started: Instant::now(), zone })
    }

    /// Lets a request through, now or when others have ended, or says why not: in the words on which the client does
    /// the right thing.
    pub async fn admit(
        self: &Arc<Self>,
        allowance: &Arc<Allowance>,
        visit: Visit<'_>,
        now: Timestamp,
    ) -> Result<Permit, Fault> {
        if allowance.budgets.is_empty() && allowance.limits.is_empty() {
            return Ok(Permit { open: None, standings: Vec::new(), refuse: false });
        }
        let deadline = tokio::time::Instant::now() + allowance.limits.longest_wait;
        let mut queued: Option<Queued<'_>> = None;
        loop {
            // Who has begun to listen before looking does not miss what ends in between.
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            let why = match self.step(allowance, visit, now) {
                Step::Through(permit) => return Ok(permit),
                Step::Refused(fault) => return Err(fault),
                Step::Wait(why) => why,
            };
            if queued.is_none() {
                queued = Some(Queued::join(self, allowance.limits.queue).ok_or_else(|| too_many(&why, allowance))?);
            }
            if timeout_at(deadline, freed).await.is_err() {
                return Err(too_long(&why, allowance));
            }
        }
    }

    /// How the scopes among these stand that have a budget.
    pub fn standings(&self, scopes: &[Scope], budgets: &Budgets, now: Timestamp) -> Vec<Standing> {
        let mut state = self.lock();
        state.reserve.begin(self.zone.to_datetime(now).date());
        state.reserve.standings(scopes, budgets)
    }

    /// How every scope stands that has a budget and was spent from.
    pub fn all_standings(&self, budgets: &Budgets, now: Timestamp) -> Vec<Standing> {
        let mut state = self.lock();
        state.reserve.begin(self.zone.to_datetime(now).date());
        state.reserve.all_standings(budgets)
    }

    /// How many requests are under way that something limits, and how many wait.
    pub fn load(&self) -> (u64, u64) {
        let state = self.lock();
        (state.limiter.running(), state.waiting)
    }

    /// Has the ledger tell what others have spent, from now on and as these budgets want to know it.
    pub fn watch(self: &Arc<Self>, ledger: &Ledger, budgets: &Budgets) {
        let limits = Arc::downgrade(self);
        self.lock().reserve.hand_over();
        let tell = move |day, spent: Vec<super::ledger::Spent>| {
            let Some(limits) = limits.upgrade() else { return };
            let mut state = limits.lock();
            state.reserve.begin(day);
            for one in spent {
                state.reserve.set_elsewhere(&one.scope, one.usd, one.unpriced);
                state.reserve.set_usual(&one.scope, one.usual);
            }
        };
        ledger.watch(Told { budgets: budgets.clone(), tell: Box::new(tell) });
    }

    fn step(self: &Arc<Self>, allowance: &Arc<Allowance>, visit: Visit<'_>, now: Timestamp) -> Step {
        let scopes = visit.scopes();
        let key = visit.key.unwrap_or_default();
        let mut state = self.lock();
        let State { reserve, limiter, .. } = &mut *state;
        reserve.begin(self.zone.to_datetime(now).date());
        match limiter.enter(key, &allowance.limits, visit.tokens, self.started.elapsed()) {
            limit::Entry::Open => {}
            limit::Entry::Wait => return Step::Wait(Why::Others),
            limit::Entry::TooMany(why) => {
                let fault = Fault::new(FaultKind::RateLimit, why.told());
                return Step::Refused(Fault { retry_after: Some(why.wait), ..fault });
            }
        }
        let step = match reserve.enter(&scopes, &allowance.budgets, visit.estimate) {
            cost::Entry::Open(hold) => {
                let open = Open {
                    limits: Arc::clone(self),
                    allowance: Arc::clone(allowance),
                    hold,
                    key: key.to_owned(),
                    tokens: visit.tokens,
                };
                let standings = reserve.standings(&scopes, &allowance.budgets);
                let refuse = allowance.budgets.refuse;
                return Step::Through(Permit { open: Some(open), standings, refuse });
            }
            cost::Entry::Wait(standing) => Step::Wait(Why::Money(standing)),
            cost::Entry::Refused(standing) => Step::Refused(self.spent(&standing, now)),
        };
        limiter.cancel(key, &allowance.limits, visit.tokens);
        step
    }

    /// The refusal for a budget that is spent; what is counted by the day begins anew at midnight.
    fn spent(&self, standing: &Standing, now: Timestamp) -> Fault {
        let fault = Fault::new(FaultKind::Quota, format!("spend limit reached: {}", standing.refusal()));
        let local = now.to_zoned(self.zone.clone());
        let midnight = local.tomorrow().and_then(|day| day.start_of_day()).ok();
        let reset = midnight.filter(|_| !matches!(standing.scope, Scope::Session(_)));
        Fault { reset: reset.map(|time| time.strftime("%Y-%m-%d %H:%M %Z").to_string().into()), ..fault }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Limits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limits").finish_non_exhaustive()
    }
}

impl Visit<'_> {
    /// What the request counts for.
    fn scopes(&self) -> Vec<Scope> {
        let own = |name: Option<&str>, scope: fn(String) -> Scope| name.map(|name| scope(name.to_owned()));
        let named = [
            own(self.session, Scope::Session),
            own(self.agent, Scope::Agent),
            own(self.project, Scope::Project),
            own(self.key, Scope::Key),
        ];
        std::iter::once(Scope::Day).chain(named.into_iter().flatten()).collect()
    }
}

impl Permit {
    /// What a person should know of the budgets that this request counts for: each that is nearly or wholly spent.
    pub fn warnings(&self) -> Vec<String> {
        self.standings.iter().filter_map(|standing| standing.warning(self.refuse)).collect()
    }

    /// Exchanges what was set aside for what these attempts did cost and use.
    pub fn settle(mut self, rows: &[Attempt]) {
        let cost = rows.iter().filter_map(|row| row.cost).fold(Usd::ZERO, Usd::saturating_add);
        let unpriced = rows.iter().filter(|row| row.cost.is_none()).count() as u64;
        let tokens = rows.iter().filter_map(|row| row.usage).map(Usage::total).fold(0, u64::saturating_add);
        self.close(cost, unpriced, tokens);
    }

    fn close(&mut self, cost: Usd, unpriced: u64, tokens: u64) {
        let Some(Open { limits, allowance, hold, key, tokens: counted }) = self.open.take() else { return };
        let mut state = limits.lock();
        state.reserve.settle(&hold, cost, unpriced);
        state.limiter.leave(&key, &allowance.limits, counted, tokens);
        drop(state);
        limits.freed.notify_waiters();
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.close(Usd::ZERO, 0, 0);
    }
}

/// A place in the queue, until it is dropped.
struct Queued<'a>(&'a Limits);

impl<'a> Queued<'a> {
    fn join(limits: &'a Limits, most: u64) -> Option<Self> {
        let mut state = limits.lock();
        (state.waiting < most).then(|| {
            state.waiting += 1;
            Self(limits)
        })
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

/// There is no room in the queue.
fn too_many(why: &Why, allowance: &Allowance) -> Fault {
    later(format!("{}, and {} wait already", why.told(), allowance.limits.queue))
}

/// Waiting was in vain.
fn too_long(why: &Why, allowance: &Allowance) -> Fault {
    later(format!("{}; none ended within {:?}", why.told(), allowance.limits.longest_wait))
}

fn later(message: String) -> Fault {
    Fault { retry_after: Some(Duration::from_secs(1)), ..Fault::new(FaultKind::RateLimit, message) }
}

impl Why {
    fn told(&self) -> String {
        match self {
            Self::Others => "as many requests are under way as may be at once".into(),
            Self::Money(standing) => format!(
                "what is left of the budget of the {} is set aside for requests under way",
                standing.scope.as_str()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-09T12:00:00Z".parse().unwrap()
    }

    fn allowance(concurrent: u64, queue: u64) -> Arc<Allowance> {
        let all = limit::Rates { concurrent: Some(concurrent), ..limit::Rates::default() };
        let limits = limit::Limits { all, queue, ..limit::Limits::default() };
        Arc::new(Allowance { limits, ..Allowance::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_in_the_queue_goes_when_one_ends_and_one_too_many_is_told_so() {
        let (limits, rules) = (Limits::new(TimeZone::UTC), allowance(1, 1));
        let first = limits.admit(&rules, Visit::default(), now()).await.unwrap();
        let waiting = tokio::spawn({
            let (limits, rules) = (Arc::clone(&limits), Arc::clone(&rules));
            async move { limits.admit(&rules, Visit::default(), now()).await.map(drop) }
        });
        while limits.load() != (1, 1) {
            tokio::task::yield_now().await;
        }
        let refused = limits.admit(&rules, Visit::default(), now()).await.unwrap_err();
        assert_eq!(refused.kind, FaultKind::RateLimit);
        assert!(refused.message.ends_with("and 1 wait already"), "{refused}");
        first.settle(&[]);
        waiting.await.unwrap().unwrap();
        assert_eq!(limits.load(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_in_vain_is_told_when_to_come_back() {
        let (limits, rules) = (Limits::new(TimeZone::UTC), allowance(1, 1));
        let _first = limits.admit(&rules, Visit::default(), now()).await.unwrap();
        let late = limits.admit(&rules, Visit::default(), now()).await.unwrap_err();
        assert_eq!((late.kind, late.retry_after), (FaultKind::RateLimit, Some(Duration::from_secs(1))));
        assert!(late.message.contains("none ended within 30s"), "{late}");
        assert_eq!(limits.load(), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_given_up_leaves_nothing_behind() {
        let usd = |text: &str| text.parse::<Usd>().unwrap();
        let budgets = Budgets { day: Some(usd("1")), refuse: true, ..Budgets::default() };
        let rules = Arc::new(Allowance { budgets, ..Allowance::default() });
        let limits = Limits::new(TimeZone::UTC);
        let estimate = Estimate { least: usd("0.1"), most: Some(usd("1")) };
        let visit = Visit { estimate, ..Visit::default() };
        drop(limits.admit(&rules, visit, now()).await.unwrap());
        let standing = limits.standings(&[Scope::Day], &rules.budgets, now());
        assert_eq!((standing[0].held, limits.load()), (Usd::ZERO, (0, 0)));
        let open = limits.admit(&rules, visit, now()).await.unwrap();
        let waiting = limits.admit(&rules, visit, now());
        assert!(tokio::time::timeout(Duration::from_secs(1), waiting).await.is_err(), "it waits for the first");
        assert_eq!(limits.load(), (1, 0));
        drop(open);
        assert_eq!(limits.load(), (0, 0));
    }

    #[tokio::test]
    async fn a_spent_budget_says_so_in_claude_codes_words() {
        let budgets = Budgets { day: Some(Usd::ZERO), refuse: true, ..Budgets::default() };
        let rules = Arc::new(Allowance { budgets, ..Allowance::default() });
        let limits = Limits::new(TimeZone::UTC);
        let estimate = Estimate { least: Usd::from_nanos(1), most: Some(Usd::from_nanos(2)) };
        let refused = limits.admit(&rules, Visit { estimate, ..Visit::default() }, now()).await.unwrap_err();
        assert_eq!(refused.kind, FaultKind::Quota);
        let reply = refused.reply(crate::wire::Dialect::Anthropic, "r");
        assert_eq!(reply.status, 429);
        let body = String::from_utf8(reply.body).unwrap();
        assert!(
            body.contains("billing_error") && body.contains("spend limit reached: today's budget is spent"),
            "{body}"
        );
        assert!(body.contains("resets at 2026-01-10 00:00 UTC"), "{body}");
        assert!(reply.headers.contains(&("x-should-retry", "false".into())));
    }
}
