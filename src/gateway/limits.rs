//! Who may send how much: budgets with what is set aside for requests under way, requests and tokens a minute, requests
//! at once with a bounded queue. The rules are pure (`cost::Reserve`, `route::limit`); here is the state, and the
//! waiting.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use crate::cost::{self, Budgets, Charge, Estimate, Hold, Reserve, Scope, Standing, Steps};
use crate::journal::Attempt;
use crate::model::{Usage, Usd};
use crate::route::limit::{self, Limiter};
use crate::wire::{Fault, FaultKind};

use super::ledger::{Ledger, Telling, Told};

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

/// Hears of every budget that has reached a step, and whether it refuses requests. It must not wait: a request's own
/// task calls it.
pub type Reached = Box<dyn Fn(Standing, bool) + Send + Sync>;

/// The time, asked anew whenever something is counted: a request may wait beyond midnight.
pub type Clock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// What is allowed, and what of it is used.
pub struct Limits {
    state: Mutex<State>,
    /// Something has ended.
    freed: Notify,
    started: Instant,
    zone: TimeZone,
    clock: Clock,
    reached: Option<Reached>,
}

#[derive(Debug, Default)]
struct State {
    reserve: Reserve,
    /// What the books have is still to be told: nothing is let through on budgets that refuse.
    untold: bool,
    /// The budgets of the configuration that holds.
    budgets: Budgets,
    /// Which steps of budgets were told of.
    steps: Steps,
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
    /// `None` where no budget is set.
    hold: Option<Hold>,
    scopes: Vec<Scope>,
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
    Books,
}

impl Limits {
    /// Nothing is used yet. `zone` is where a day begins and ends; `reached` hears of every step of a budget
    /// that is reached, once.
    pub fn new(zone: TimeZone, clock: Clock, reached: Option<Reached>) -> Arc<Self> {
        let (state, freed, started) = (Mutex::default(), Notify::new(), Instant::now());
        Arc::new(Self { state, freed, started, zone, clock, reached })
    }

    /// Lets a request through, now or when others have ended, or says why not: in the words on which the client does
    /// the right thing.
    pub async fn admit(self: &Arc<Self>, allowance: &Arc<Allowance>, visit: Visit<'_>) -> Result<Permit, Fault> {
        if allowance.budgets.is_empty() && allowance.limits.is_empty() {
            return Ok(Permit { open: None, standings: Vec::new(), refuse: false });
        }
        let deadline = tokio::time::Instant::now() + allowance.limits.longest_wait;
        let mut queued: Option<Queued<'_>> = None;
        loop {
            // Who has begun to listen before looking does not miss what ends in between.
            let mut freed = std::pin::pin!(self.freed.notified());
            freed.as_mut().enable();
            let why = match self.step(allowance, visit) {
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
    pub fn standings(&self, scopes: &[Scope], budgets: &Budgets) -> Vec<Standing> {
        self.today().reserve.standings(scopes, budgets)
    }

    /// How every scope stands that has a budget and was spent from.
    pub fn all_standings(&self, budgets: &Budgets) -> Vec<Standing> {
        self.today().reserve.all_standings(budgets)
    }

    /// How many requests are under way that something limits, and how many wait.
    pub fn load(&self) -> (u64, u64) {
        let state = self.lock();
        (state.limiter.running(), state.waiting)
    }

    /// Has the ledger tell what was spent, from now on and as these budgets want to know it.
    pub fn watch(self: &Arc<Self>, ledger: &Ledger, budgets: &Budgets) {
        let mut state = self.lock();
        if state.budgets == *budgets {
            return;
        }
        state.budgets = budgets.clone();
        state.untold = !budgets.is_empty();
        if budgets.is_empty() {
            state.reserve.forget();
        }
        drop(state);
        let limits = Arc::downgrade(self);
        let tell = move |telling: Telling<'_>| limits.upgrade().is_none_or(|limits| limits.tell(telling));
        ledger.watch(Told { budgets: budgets.clone(), tell: Box::new(tell) });
    }

    /// The books have told what they have.
    fn tell(&self, telling: Telling<'_>) -> bool {
        let Telling { day, books, written } = telling;
        let mut state = self.today();
        let taken = books.is_none_or(|books| state.reserve.set_books(day, books, written));
        let mut said = Vec::new();
        let refuse = state.budgets.refuse;
        if taken {
            let State { reserve, steps, budgets, untold, .. } = &mut *state;
            *untold = false;
            steps.keep(|scope| *scope == Scope::Day || reserve.knows(scope));
            said = steps_of(steps, reserve.standings([&Scope::Day], budgets));
        }
        drop(state);
        self.say(said, refuse);
        self.freed.notify_waiters();
        taken
    }

    fn say(&self, said: Vec<Standing>, refuse: bool) {
        let Some(reached) = &self.reached else { return };
        for standing in said {
            reached(standing, refuse);
        }
    }

    /// Whether what was spent before the start is known already.
    pub(in crate::gateway) fn knows(&self) -> bool {
        !self.lock().untold
    }

    fn step(self: &Arc<Self>, allowance: &Arc<Allowance>, visit: Visit<'_>) -> Step {
        let key = visit.key.unwrap_or_default();
        let mut state = self.today();
        let State { reserve, limiter, untold, .. } = &mut *state;
        let budgets = &allowance.budgets;
        if *untold && budgets.refuse && visit.estimate.most != Some(Usd::ZERO) {
            return Step::Wait(Why::Books);
        }
        match limiter.enter(key, &allowance.limits, visit.tokens, self.started.elapsed()) {
            limit::Entry::Open => {}
            limit::Entry::Wait => return Step::Wait(Why::Others),
            limit::Entry::TooMany(why) => {
                let fault = Fault::new(FaultKind::RateLimit, why.told());
                return Step::Refused(Fault { retry_after: Some(why.wait), ..fault });
            }
        }
        let through = |hold, scopes, standings| {
            let (limits, allowance) = (Arc::clone(self), Arc::clone(allowance));
            let open = Open { limits, allowance, hold, scopes, key: key.to_owned(), tokens: visit.tokens };
            Step::Through(Permit { open: Some(open), standings, refuse: budgets.refuse })
        };
        if budgets.is_empty() {
            return through(None, Vec::new(), Vec::new());
        }
        let scopes = visit.scopes();
        let step = match reserve.enter(&scopes, budgets, visit.estimate) {
            cost::Entry::Open(hold) => {
                let standings = reserve.standings(&scopes, budgets);
                return through(Some(hold), scopes, standings);
            }
            cost::Entry::Wait(standing) => Step::Wait(Why::Money(standing)),
            cost::Entry::Refused(standing) => Step::Refused(self.spent(&standing)),
        };
        limiter.cancel(key, &allowance.limits, visit.tokens);
        step
    }

    /// The refusal for a budget that is spent; what is counted by the day begins anew at midnight.
    fn spent(&self, standing: &Standing) -> Fault {
        let fault = Fault::new(FaultKind::Quota, format!("spend limit reached: {}", standing.refusal()));
        let local = (self.clock)().to_zoned(self.zone.clone());
        let midnight = local.tomorrow().and_then(|day| day.start_of_day()).ok();
        let reset = midnight.filter(|_| !matches!(standing.scope, Scope::Session(_)));
        Fault { reset: reset.map(|time| time.strftime("%Y-%m-%d %H:%M %Z").to_string().into()), ..fault }
    }

    /// The state, as it is today.
    fn today(&self) -> std::sync::MutexGuard<'_, State> {
        let mut state = self.lock();
        // Looked at with the state in hand: who waited for it does not bring yesterday back.
        let today = self.zone.to_datetime((self.clock)()).date();
        if state.reserve.begin(today) {
            state.steps.keep(|scope| matches!(scope, Scope::Session(_)));
        }
        state
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

    /// Whether anything is counted of what the request costs.
    pub fn counts_money(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.hold.is_some())
    }

    /// Sets aside what another attempt may cost, beside what those before it have: to another model, or again. Where
    /// that does not fit, why.
    pub fn cover(&self, so_far: Usd, next: Estimate) -> Result<(), String> {
        let Some(Open { limits, allowance, hold: Some(hold), .. }) = &self.open else { return Ok(()) };
        let covered = limits.today().reserve.cover(hold, &allowance.budgets, so_far, next);
        // It may be less than what was set aside before.
        limits.freed.notify_waiters();
        covered.map_err(|standing| standing.refusal())
    }

    /// Exchanges what was set aside for what these attempts did cost and use. `record` writes them down, before the
    /// request counts as over, under the number by which the books say that they have them.
    pub fn settle(mut self, rows: Vec<Attempt>, record: impl FnOnce(Vec<Attempt>, Option<u64>)) {
        let number = self.pay(&rows);
        let tokens = rows.iter().filter_map(|row| row.usage).map(Usage::total).fold(0, u64::saturating_add);
        record(rows, number);
        self.close(tokens);
    }

    fn pay(&mut self, rows: &[Attempt]) -> Option<u64> {
        let Open { limits, allowance, hold, scopes, .. } = self.open.as_mut()?;
        let hold = hold.take()?;
        let day = |at| limits.zone.to_datetime(at).date();
        let charges: Vec<Charge> = rows.iter().map(|row| Charge { day: day(row.at), cost: row.cost }).collect();
        let mut state = limits.today();
        let number = state.reserve.settle(&hold, &charges);
        let State { reserve, steps, .. } = &mut *state;
        let standings = reserve.standings(&*scopes, &allowance.budgets);
        let said = if number.is_some() { steps_of(steps, standings) } else { Vec::new() };
        drop(state);
        limits.say(said, allowance.budgets.refuse);
        number
    }

    fn close(&mut self, tokens: u64) {
        self.pay(&[]);
        let Some(Open { limits, allowance, key, tokens: counted, .. }) = self.open.take() else { return };
        limits.lock().limiter.leave(&key, &allowance.limits, counted, tokens);
        limits.freed.notify_waiters();
    }
}

/// Those that have reached a step that nobody was told of.
fn steps_of(steps: &mut Steps, standings: Vec<Standing>) -> Vec<Standing> {
    standings.into_iter().filter(|standing| steps.reached(standing)).collect()
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.close(0);
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
            Self::Books => "what was spent so far is still being read from the journal".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-09T12:00:00Z".parse().unwrap()
    }

    fn new() -> Arc<Limits> {
        Limits::new(TimeZone::UTC, Box::new(now), None)
    }

    fn allowance(concurrent: u64, queue: u64) -> Arc<Allowance> {
        let all = limit::Rates { concurrent: Some(concurrent), ..limit::Rates::default() };
        let limits = limit::Limits { all, queue, ..limit::Limits::default() };
        Arc::new(Allowance { limits, ..Allowance::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_in_the_queue_goes_when_one_ends_and_one_too_many_is_told_so() {
        let (limits, rules) = (new(), allowance(1, 1));
        let first = limits.admit(&rules, Visit::default()).await.unwrap();
        let waiting = tokio::spawn({
            let (limits, rules) = (Arc::clone(&limits), Arc::clone(&rules));
            async move { limits.admit(&rules, Visit::default()).await.map(drop) }
        });
        while limits.load() != (1, 1) {
            tokio::task::yield_now().await;
        }
        let refused = limits.admit(&rules, Visit::default()).await.unwrap_err();
        assert_eq!(refused.kind, FaultKind::RateLimit);
        assert!(refused.message.ends_with("and 1 wait already"), "{refused}");
        first.settle(Vec::new(), |_, _| {});
        waiting.await.unwrap().unwrap();
        assert_eq!(limits.load(), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_in_vain_is_told_when_to_come_back() {
        let (limits, rules) = (new(), allowance(1, 1));
        let _first = limits.admit(&rules, Visit::default()).await.unwrap();
        let late = limits.admit(&rules, Visit::default()).await.unwrap_err();
        assert_eq!((late.kind, late.retry_after), (FaultKind::RateLimit, Some(Duration::from_secs(1))));
        assert!(late.message.contains("none ended within 30s"), "{late}");
        assert_eq!(limits.load(), (1, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_given_up_leaves_nothing_behind() {
        let budgets = Budgets { day: Some(usd("1")), refuse: true, ..Budgets::default() };
        let rules = Arc::new(Allowance { budgets, ..Allowance::default() });
        let limits = new();
        let estimate = Estimate { least: usd("0.1"), most: Some(usd("1")) };
        let visit = Visit { estimate, ..Visit::default() };
        drop(limits.admit(&rules, visit).await.unwrap());
        let standing = limits.standings(&[Scope::Day], &rules.budgets);
        assert_eq!((standing[0].held, limits.load()), (Usd::ZERO, (0, 0)));
        let open = limits.admit(&rules, visit).await.unwrap();
        let waiting = limits.admit(&rules, visit);
        assert!(tokio::time::timeout(Duration::from_secs(1), waiting).await.is_err(), "it waits for the first");
        assert_eq!(limits.load(), (1, 0));
        drop(open);
        assert_eq!(limits.load(), (0, 0));
    }

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    /// An attempt that was paid.
    fn paid(at: Timestamp, cost: &str) -> Attempt {
        let row = r#"{"request": "0190b5c2-7a4e-7f3d-8c21-5b6a7d8e9f01", "number": 1, "at": "2026-01-09T12:00:00Z",
            "machine": "m", "decided_by": "classifier", "model": "m", "model_id": "m", "provider": "p", "tier": "1",
            "book": "b", "book_version": "1", "total_ms": 1, "outcome": "ok", "fallback": false, "retries": 0,
            "session": null, "project": null, "worktree": null, "spec": null, "agent": null, "decision": null,
            "model_asked": null, "confidence": null, "usage": null, "cost": null, "baseline": null, "price_key": null,
            "first_ms": null, "error": null}"#;
        Attempt { at, cost: Some(usd(cost)), ..serde_json::from_str(row).unwrap() }
    }

    /// A day's budget of a dollar that refuses, a clock that can be set, and what was said.
    struct Town {
        limits: Arc<Limits>,
        rules: Arc<Allowance>,
        clock: Arc<Mutex<Timestamp>>,
        said: Arc<Mutex<Vec<String>>>,
    }

    fn town() -> Town {
        let (clock, said) = (Arc::new(Mutex::new(now())), Arc::new(Mutex::new(Vec::new())));
        let (at, told) = (Arc::clone(&clock), Arc::clone(&said));
        let reached: Reached = Box::new(move |standing, refuse| told.lock().unwrap().push(standing.step(refuse)));
        let limits = Limits::new(TimeZone::UTC, Box::new(move || *at.lock().unwrap()), Some(reached));
        let budgets = Budgets { day: Some(usd("1")), refuse: true, ..Budgets::default() };
        limits.lock().budgets = budgets.clone();
        let rules = Arc::new(Allowance { budgets, ..Allowance::default() });
        Town { limits, rules, clock, said }
    }

    fn asks(most: &str) -> Visit<'static> {
        Visit { estimate: Estimate { least: usd("0.1"), most: Some(usd(most)) }, ..Visit::default() }
    }

    fn spent(limits: &Limits, rules: &Allowance) -> Usd {
        limits.standings(&[Scope::Day], &rules.budgets)[0].verdict.spent_usd
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_over_midnight_does_not_bring_yesterday_back() {
        let Town { limits, rules, clock, .. } = town();
        let first = limits.admit(&rules, asks("1")).await.unwrap();
        let mut waiting = Box::pin(limits.admit(&rules, asks("1")));
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut waiting).await.is_err());
        let tomorrow: Timestamp = "2026-01-10T00:00:01Z".parse().unwrap();
        *clock.lock().unwrap() = tomorrow;
        // What it cost is yesterday's, and the sums of yesterday come late.
        first.settle(vec![paid(now(), "0.75")], |_, _| {});
        let late = Telling { day: "2026-01-09".parse().unwrap(), books: Some(Vec::new()), written: &[1] };
        assert!(!limits.tell(late));
        let second = waiting.await.unwrap();
        assert_eq!(spent(&limits, &rules), Usd::ZERO);
        second.settle(vec![paid(tomorrow, "0.5")], |_, _| {});
        assert_eq!(spent(&limits, &rules), usd("0.5"), "today's is not lost");
        assert_eq!(limits.standings(&[Scope::Day], &rules.budgets)[0].held, Usd::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn budgets_that_refuse_let_nobody_through_before_it_is_known_what_is_spent() {
        let Town { limits, rules, .. } = town();
        limits.lock().untold = true;
        let mut waiting = Box::pin(limits.admit(&rules, asks("0.5")));
        assert!(tokio::time::timeout(Duration::from_secs(1), &mut waiting).await.is_err());
        drop(limits.admit(&rules, Visit::default()).await.map(drop));
        let books = vec![cost::Booked { scope: Scope::Day, spent: usd("0.75"), unpriced: 0, usual: usd("0.5") }];
        assert!(limits.tell(Telling { day: "2026-01-09".parse().unwrap(), books: Some(books), written: &[] }));
        assert_eq!(waiting.await.unwrap_err().kind, FaultKind::Quota);
        // A journal that cannot be read blocks nobody for ever.
        limits.lock().untold = true;
        assert!(limits.tell(Telling { day: "2026-01-09".parse().unwrap(), books: None, written: &[] }));
        assert!(limits.admit(&rules, asks("0.2")).await.is_ok());
    }

    #[tokio::test]
    async fn each_step_of_a_budget_is_said_once() {
        let Town { limits, rules, clock, said } = town();
        let said = || std::mem::take(&mut *said.lock().unwrap());
        for (cost, told) in [
            ("0.4", None),
            ("0.15", Some("55 % of today's budget is spent ($0.55 of $1.00)")),
            ("0.2", None),
            ("0.1", Some("85 % of today's budget is spent ($0.85 of $1.00)")),
            ("0.15", Some("100 % of today's budget is spent ($1.00 of $1.00); what comes now is refused")),
        ] {
            let permit = limits.admit(&rules, asks("0.15")).await.unwrap();
            permit.settle(vec![paid(now(), cost)], |_, _| {});
            assert_eq!(said(), told.into_iter().collect::<Vec<_>>());
            assert!(limits.tell(Telling { day: "2026-01-09".parse().unwrap(), books: None, written: &[] }));
        }
        // Another day begins anew, and what others have spent counts as well.
        let (day, spent) = ("2026-01-10", usd("0.6"));
        *clock.lock().unwrap() = format!("{day}T12:00:00Z").parse().unwrap();
        assert!(limits.standings(&[Scope::Day], &rules.budgets)[0].verdict.spent_usd == Usd::ZERO && said().is_empty());
        let books = vec![cost::Booked { scope: Scope::Day, spent, unpriced: 0, usual: spent }];
        for told in [1, 0] {
            assert!(limits.tell(Telling { day: day.parse().unwrap(), books: Some(books.clone()), written: &[] }));
            assert_eq!(said().len(), told);
        }
    }

    #[tokio::test]
    async fn a_spent_budget_says_so_in_claude_codes_words() {
        let budgets = Budgets { day: Some(Usd::ZERO), refuse: true, ..Budgets::default() };
        let rules = Arc::new(Allowance { budgets, ..Allowance::default() });
        let limits = new();
        let estimate = Estimate { least: Usd::from_nanos(1), most: Some(Usd::from_nanos(2)) };
        let refused = limits.admit(&rules, Visit { estimate, ..Visit::default() }).await.unwrap_err();
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
