//! Budgets that hold while many requests are under way: what a request may cost is set aside before it is sent, and
//! exchanged for what it did cost when it is over. Pure: sums and days come in as values.
//!
//! A request is let through at once where even the most that it may cost fits beside everything that is set aside. Where
//! it does not, and others are under way, it waits for them: they will cost less than the most. Where it is alone, what
//! requests usually cost has to fit; so a budget is neither overrun by many requests at once, nor blocked by one that
//! asks for more output than it will get. What such a last request costs beyond the usual is all that a budget can be
//! overrun by.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::budget::{Budget, Level, Verdict};
use crate::model::Usd;

/// What a budget counts. All but a conversation are counted by the day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everything.
    Day,
    /// A conversation, from its beginning to its end.
    Session(String),
    /// An agent.
    Agent(String),
    /// A project.
    Project(String),
    /// An access key of the gateway.
    Key(String),
}

impl Scope {
    /// The word for programs: `day`, `session`, `agent`, `project`, `key`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Session(_) => "session",
            Self::Agent(_) => "agent",
            Self::Project(_) => "project",
            Self::Key(_) => "key",
        }
    }

    /// Whose it is; `None` for the day.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Day => None,
            Self::Session(name) | Self::Agent(name) | Self::Project(name) | Self::Key(name) => Some(name),
        }
    }

    /// `today's budget`, `today's budget of the agent data_agent`, `the budget of the session abc`.
    fn words(&self) -> String {
        match self {
            Self::Day => "today's budget".into(),
            Self::Session(name) => format!("the budget of the session {name}"),
            Self::Agent(name) | Self::Project(name) | Self::Key(name) => {
                format!("today's budget of the {} {name}", self.as_str())
            }
        }
    }
}

/// The limits of one sort of scope: one for each name that has its own, another for all others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// What each may cost.
    pub each: Option<Usd>,
    /// What these may cost.
    pub named: BTreeMap<String, Usd>,
}

impl Limits {
    fn of(&self, name: &str) -> Option<Usd> {
        self.named.get(name).copied().or(self.each)
    }

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.each.is_none() && self.named.is_empty()
    }
}

/// The budgets of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Budgets {
    /// What a day may cost.
    pub day: Option<Usd>,
    /// What a conversation may cost.
    pub session: Option<Usd>,
    /// What an agent may cost a day.
    pub agents: Limits,
    /// What a project may cost a day.
    pub projects: Limits,
    /// What an access key may cost a day.
    pub keys: Limits,
    /// A request that does not fit is refused; else there is a warning, and it goes on.
    pub refuse: bool,
}

impl Budgets {
    /// What a scope may cost, where somebody has said so.
    pub fn limit(&self, scope: &Scope) -> Option<Usd> {
        match scope {
            Scope::Day => self.day,
            Scope::Session(_) => self.session,
            Scope::Agent(name) => self.agents.of(name),
            Scope::Project(name) => self.projects.of(name),
            Scope::Key(name) => self.keys.of(name),
        }
    }

    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.day.is_none()
            && self.session.is_none()
            && [&self.agents, &self.projects, &self.keys].iter().all(|limits| limits.is_empty())
    }
}

/// What a request may cost before anybody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Estimate {
    /// At least so much: its prompt from the cache, and no answer.
    pub least: Usd,
    /// At most so much: its prompt at its dearest, and all the output that it allows. `None`: the price is unknown,
    /// which is not free.
    pub most: Option<Usd>,
}

impl Estimate {
    /// A request that costs nothing, wherever it goes.
    pub const FREE: Self = Self { least: Usd::ZERO, most: Some(Usd::ZERO) };
}

/// A scope and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub scope: Scope,
    /// Spent, of what, and what is unpriced beside it.
    pub verdict: Verdict,
    /// What is set aside for requests under way.
    pub held: Usd,
}

impl Standing {
    /// The warning for a person, `None` while there is nothing to warn of.
    pub fn warning(&self, refuse: bool) -> Option<String> {
        let Verdict { level, spent_usd, limit_usd, .. } = self.verdict;
        let percent = spent_usd.share_of(limit_usd).map_or(100, |share| share / 100);
        let words = self.scope.words();
        let spent = format!("{percent} % of {words} is spent ({})", self.verdict.sums());
        match level {
            Level::Within => None,
            Level::Over if !refuse => Some(format!("{spent}; going on")),
            Level::Near | Level::Over => Some(spent),
        }
    }

    /// Why a request is refused.
    pub fn refusal(&self) -> String {
        let (words, sums) = (self.scope.words(), self.verdict.sums());
        match self.verdict.level {
            Level::Over => format!("{words} is spent ({sums})"),
            Level::Within | Level::Near => {
                format!("what is left of {words} is less than a request costs ({sums} is spent)")
            }
        }
    }
}

/// What is set aside for one request.
#[derive(Debug, PartialEq, Eq)]
pub struct Hold(u64);

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry {
    /// It may be sent; this is set aside for it.
    Open(Hold),
    /// It may be sent when others are over, if they leave enough.
    Wait(Standing),
    /// It may not be sent.
    Refused(Standing),
}

/// The accounts of all scopes.
#[derive(Debug, Default)]
pub struct Reserve {
    day: Option<Date>,
    accounts: BTreeMap<Scope, Account>,
    open: BTreeMap<u64, (Vec<Scope>, Usd)>,
    last: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    /// Spent by others: what the journal has beyond our own.
    elsewhere: Usd,
    /// Spent by requests that were settled here.
    own: Usd,
    /// Set aside.
    held: Usd,
    /// How many requests are under way.
    open: u32,
    /// What requests cost of late.
    usual: Usd,
    /// Attempts of unknown price, by others and here.
    unpriced_elsewhere: u64,
    unpriced: u64,
}

impl Account {
    fn spent(&self) -> Usd {
        self.elsewhere.saturating_add(self.own)
    }

    fn verdict(&self, limit: Usd) -> Verdict {
        Budget { limit }.verdict(self.spent(), self.unpriced_elsewhere.saturating_add(self.unpriced))
    }
}

impl Reserve {
    /// Begins a new day: what is counted by the day starts from nothing, what is set aside stays so.
    pub fn begin(&mut self, day: Date) {
        if self.day.replace(day).is_some_and(|before| before != day) {
            for (_, account) in self.accounts.iter_mut().filter(|(scope, _)| !matches!(scope, Scope::Session(_))) {
                *account =
                    Account { held: account.held, open: account.open, usual: account.usual, ..Account::default() };
            }
        }
    }

    /// Takes what was spent here for spent elsewhere: whoever tells what others spend counts it from now on.
    pub fn hand_over(&mut self) {
        for account in self.accounts.values_mut() {
            account.elsewhere = account.spent();
            account.unpriced_elsewhere = account.unpriced_elsewhere.saturating_add(account.unpriced);
            (account.own, account.unpriced) = (Usd::ZERO, 0);
        }
    }

    /// Sets what others have spent in a scope, and how many attempts of unknown price they have made.
    pub fn set_elsewhere(&mut self, scope: &Scope, spent: Usd, unpriced: u64) {
        let account = self.accounts.entry(scope.clone()).or_default();
        account.elsewhere = spent;
        account.unpriced_elsewhere = unpriced;
    }

    /// Says what requests usually cost in a scope, where that is not known from requests here.
    pub fn set_usual(&mut self, scope: &Scope, usual: Usd) {
        let account = self.accounts.entry(scope.clone()).or_default();
        if account.usual == Usd::ZERO {
            account.usual = usual;
        }
    }

    /// Asks whether a request may be sent that counts for these scopes; where it may, the most that it may cost is set
    /// aside.
    pub fn enter(&mut self, scopes: &[Scope], budgets: &Budgets, estimate: Estimate) -> Entry {
        let mut waits = None;
        let limited = || scopes.iter().filter_map(|scope| Some((scope, budgets.limit(scope)?)));
        for (scope, limit) in limited().filter(|_| budgets.refuse && estimate.most != Some(Usd::ZERO)) {
            let account = self.accounts.get(scope).copied().unwrap_or_default();
            let (spent, most) = (account.spent(), estimate.most.unwrap_or(account.usual));
            if spent < limit && spent.saturating_add(account.held).saturating_add(most) <= limit {
                continue;
            }
            if spent >= limit || spent.saturating_add(account.usual.max(estimate.least)) > limit {
                return Entry::Refused(self.standing(scope, limit));
            }
            if account.open > 0 {
                waits.get_or_insert((scope, limit));
            }
        }
        if let Some((scope, limit)) = waits {
            return Entry::Wait(self.standing(scope, limit));
        }
        let scopes: Vec<Scope> = limited().map(|(scope, _)| scope.clone()).collect();
        let held = estimate.most.unwrap_or_default();
        for scope in &scopes {
            let account = self.accounts.entry(scope.clone()).or_default();
            account.held = account.held.saturating_add(held);
            account.open += 1;
        }
        self.last += 1;
        self.open.insert(self.last, (scopes, held));
        Entry::Open(Hold(self.last))
    }

    /// Exchanges what was set aside for what the request did cost: nothing for one that was never sent. `unpriced`
    /// attempts of it have no known price.
    pub fn settle(&mut self, hold: &Hold, cost: Usd, unpriced: u64) {
        let Some((scopes, aside)) = self.open.remove(&hold.0) else { return };
        for scope in scopes {
            let account = self.accounts.entry(scope).or_default();
            account.held = account.held.saturating_sub(aside);
            account.open = account.open.saturating_sub(1);
            account.own = account.own.saturating_add(cost);
            account.unpriced = account.unpriced.saturating_add(unpriced);
            if cost > Usd::ZERO {
                let step = Usd::from_nanos(cost.saturating_sub(account.usual).nanos() / 4);
                account.usual = if account.usual == Usd::ZERO { cost } else { account.usual.saturating_add(step) };
            }
        }
    }

    /// How the limited scopes among these stand.
    pub fn standings<'a>(&self, scopes: impl IntoIterator<Item = &'a Scope>, budgets: &Budgets) -> Vec<Standing> {
        let limited = scopes.into_iter().filter_map(|scope| Some((scope, budgets.limit(scope)?)));
        limited.map(|(scope, limit)| self.standing(scope, limit)).collect()
    }

    /// How every limited scope stands that anything is known of, and the day.
    pub fn all_standings(&self, budgets: &Budgets) -> Vec<Standing> {
        let others = self.accounts.keys().filter(|scope| **scope != Scope::Day);
        self.standings(std::iter::once(&Scope::Day).chain(others), budgets)
    }

    fn standing(&self, scope: &Scope, limit: Usd) -> Standing {
        let account = self.accounts.get(scope).copied().unwrap_or_default();
        Standing { scope: scope.clone(), verdict: account.verdict(limit), held: account.held }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    fn refusing(day: &str) -> Budgets {
        Budgets { day: Some(usd(day)), refuse: true, ..Budgets::default() }
    }

    fn estimate(least: &str, most: &str) -> Estimate {
        Estimate { least: usd(least), most: Some(usd(most)) }
    }

    #[test]
    fn of_twenty_at_once_five_fit_and_the_sixth_is_refused_when_they_are_over() {
        let (budgets, mut reserve) = (refusing("0.01"), Reserve::default());
        let cost = usd("0.00175");
        let ask = estimate("0.00001", "0.002");
        let mut open: Vec<Hold> = Vec::new();
        let mut waiting = 0;
        for _ in 0..20 {
            match reserve.enter(&[Scope::Day], &budgets, ask) {
                Entry::Open(hold) => open.push(hold),
                Entry::Wait(_) => waiting += 1,
                Entry::Refused(why) => panic!("{why:?}"),
            }
        }
        assert_eq!((open.len(), waiting), (5, 15));
        for hold in &open {
            reserve.settle(hold, cost, 0);
        }
        let Entry::Refused(why) = reserve.enter(&[Scope::Day], &budgets, ask) else { panic!("the sixth went through") };
        assert_eq!(why.verdict.spent_usd, usd("0.00875"));
        assert_eq!(why.held, Usd::ZERO);
        assert_eq!(
            why.refusal(),
            "what is left of today's budget is less than a request costs ($0.0088 of $0.0100 is spent)"
        );
    }

    #[test]
    fn one_that_allows_a_great_deal_of_output_is_not_blocked_when_it_is_alone() {
        let (budgets, mut reserve) = (refusing("1"), Reserve::default());
        let huge = estimate("0.01", "3.20");
        let Entry::Open(first) = reserve.enter(&[Scope::Day], &budgets, huge) else { panic!("blocked at nothing") };
        assert!(matches!(reserve.enter(&[Scope::Day], &budgets, huge), Entry::Wait(_)));
        reserve.settle(&first, usd("0.05"), 0);
        assert!(matches!(reserve.enter(&[Scope::Day], &budgets, huge), Entry::Open(_)));
    }

    #[test]
    fn a_request_that_died_pins_nothing() {
        let (budgets, mut reserve) = (refusing("1"), Reserve::default());
        let Entry::Open(hold) = reserve.enter(&[Scope::Day], &budgets, estimate("0", "1")) else { panic!() };
        reserve.settle(&hold, Usd::ZERO, 0);
        reserve.settle(&hold, usd("5"), 0);
        let standing = reserve.standings(&[Scope::Day], &budgets);
        assert_eq!((standing[0].held, standing[0].verdict.spent_usd), (Usd::ZERO, Usd::ZERO), "and settles once");
    }

    #[test]
    fn every_scope_has_to_have_room_and_names_have_limits_of_their_own() {
        let agents = Limits { each: Some(usd("1")), named: [("dear".to_owned(), usd("5"))].into() };
        let budgets = Budgets { agents, refuse: true, ..Budgets::default() };
        let mut reserve = Reserve::default();
        let (cheap, dear) = (Scope::Agent("cheap".into()), Scope::Agent("dear".into()));
        reserve.set_elsewhere(&cheap, usd("1"), 0);
        reserve.set_elsewhere(&dear, usd("1"), 2);
        let ask = estimate("0.1", "0.1");
        assert!(matches!(reserve.enter(&[Scope::Day, dear.clone()], &budgets, ask), Entry::Open(_)));
        let Entry::Refused(why) = reserve.enter(&[Scope::Day, cheap.clone()], &budgets, ask) else { panic!() };
        assert_eq!(why.refusal(), "today's budget of the agent cheap is spent ($1.00 of $1.00)");
        assert!(
            matches!(reserve.enter(std::slice::from_ref(&cheap), &budgets, Estimate::FREE), Entry::Open(_)),
            "free goes on"
        );
        let unknown = Estimate { most: None, ..Estimate::FREE };
        assert!(matches!(reserve.enter(&[cheap], &budgets, unknown), Entry::Refused(_)), "unknown is not free");
    }

    #[test]
    fn with_warn_it_warns_and_goes_on() {
        let (mut budgets, mut reserve) = (refusing("1"), Reserve::default());
        budgets.refuse = false;
        reserve.set_elsewhere(&Scope::Day, usd("2"), 1);
        assert!(matches!(reserve.enter(&[Scope::Day], &budgets, estimate("1", "9")), Entry::Open(_)));
        let standing = reserve.standings(&[Scope::Day], &budgets);
        assert_eq!(
            standing[0].warning(false).as_deref(),
            Some("200 % of today's budget is spent ($2.00 of $1.00); going on")
        );
    }

    #[test]
    fn a_new_day_starts_from_nothing_and_a_session_goes_on() {
        let mut budgets = refusing("1");
        budgets.session = Some(usd("1"));
        let (mut reserve, scopes) = (Reserve::default(), [Scope::Day, Scope::Session("s".into())]);
        reserve.begin("2026-01-09".parse().unwrap());
        let Entry::Open(hold) = reserve.enter(&scopes, &budgets, estimate("0", "1")) else { panic!() };
        reserve.settle(&hold, usd("0.75"), 0);
        reserve.begin("2026-01-10".parse().unwrap());
        let spent: Vec<Usd> =
            reserve.standings(&scopes, &budgets).into_iter().map(|one| one.verdict.spent_usd).collect();
        assert_eq!(spent, [Usd::ZERO, usd("0.75")]);
    }

    proptest! {
        /// Whatever comes in whatever order: as long as no request costs more than the most that was said of it, what is
        /// spent stays within the budget, but for the last one that was let through alone on what is usual.
        #[test]
        fn many_at_once_never_overrun(
            limit in 1_i64..10_000,
            steps in prop::collection::vec((1_i64..500, 0_u8..=100, any::<bool>()), 1..200),
        ) {
            let budgets = Budgets { day: Some(Usd::from_nanos(limit)), refuse: true, ..Budgets::default() };
            let mut reserve = Reserve::default();
            let mut open: Vec<(Hold, i64)> = Vec::new();
            let (mut spent, mut dearest) = (0_i64, 0_i64);
            for (most, part, finish) in steps {
                let cost = most * i64::from(part) / 100;
                if finish && !open.is_empty() {
                    let (hold, cost) = open.remove(0);
                    reserve.settle(&hold, Usd::from_nanos(cost), 0);
                    spent += cost;
                } else {
                    let ask = Estimate { least: Usd::ZERO, most: Some(Usd::from_nanos(most)) };
                    if let Entry::Open(hold) = reserve.enter(&[Scope::Day], &budgets, ask) {
                        open.push((hold, cost));
                        dearest = dearest.max(cost);
                    }
                }
            }
            for (hold, cost) in open {
                reserve.settle(&hold, Usd::from_nanos(cost), 0);
                spent += cost;
            }
            prop_assert!(spent <= limit + dearest);
            let standing = reserve.standings(&[Scope::Day], &budgets);
            prop_assert_eq!(standing[0].held, Usd::ZERO);
            prop_assert_eq!(standing[0].verdict.spent_usd, Usd::from_nanos(spent));
        }

        /// Where every request costs as much as the first did, nothing is overrun at all.
        #[test]
        fn equal_requests_fill_a_budget_and_not_more(limit in 1_i64..10_000, cost in 1_i64..500, slack in 0_i64..500) {
            let budgets = Budgets { day: Some(Usd::from_nanos(limit)), refuse: true, ..Budgets::default() };
            let mut reserve = Reserve::default();
            let ask = Estimate { least: Usd::from_nanos(1), most: Some(Usd::from_nanos(cost + slack)) };
            let mut spent = 0;
            for _ in 0..(limit / cost + 5) {
                if let Entry::Open(hold) = reserve.enter(&[Scope::Day], &budgets, ask) {
                    reserve.settle(&hold, Usd::from_nanos(cost), 0);
                    spent += cost;
                }
            }
            prop_assert!(spent <= limit.max(cost));
            prop_assert!(spent + cost > limit, "no room is left unused: {spent} of {limit}");
        }
    }
}
