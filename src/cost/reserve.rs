//! Budgets that hold while many requests are under way: what a request may cost is set aside before it is sent, and
//! exchanged for what it did cost when it is over. Pure: sums and days come in as values.
//!
//! A request is let through at once where even the most that it may cost fits beside everything that is set aside. Where
//! it does not, and others are under way, it waits for them: they will cost less than the most. Where it is alone, what
//! requests usually cost has to fit; so a budget is neither overrun by many requests at once, nor blocked by one that
//! asks for more output than it will get. What such a last request costs beyond the usual is all that a budget can be
//! overrun by: whoever stands in for the model that was let through, and every other attempt, has to fit with the most
//! that it may cost ([`Reserve::cover`]).
//!
//! What was spent is what the books have, and what has ended here and is not in them yet. Each request that ends leaves
//! a number with its costs; the books say which numbers they have when they tell their sums. So nothing is counted
//! twice or not at all, whichever of both comes first, and nothing is kept of what is written down.

use std::collections::{BTreeMap, BTreeSet};

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

    /// What is said once, when a step of a budget is reached.
    pub fn step(&self, refuse: bool) -> String {
        let Verdict { level, spent_usd, limit_usd, .. } = self.verdict;
        let percent = spent_usd.share_of(limit_usd).map_or(100, |share| share / 100);
        let spent = format!("{percent} % of {} is spent ({})", self.scope.words(), self.verdict.sums());
        match (level, refuse) {
            (Level::Over, true) => format!("{spent}; what comes now is refused"),
            (Level::Over, false) => format!("{spent}; going on"),
            (Level::Within | Level::Near, _) => spent,
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

/// What the books have of a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Booked {
    /// Which.
    pub scope: Scope,
    /// What was spent, by anybody: on the day, or in the conversation.
    pub spent: Usd,
    /// How many attempts beside it have no known price.
    pub unpriced: u64,
    /// What a request has cost there in the mean.
    pub usual: Usd,
}

/// What one attempt of a request did cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// The day for which the books count it.
    pub day: Date,
    /// How much; `None` where that is not known.
    pub cost: Option<Usd>,
}

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
    /// What the books have, as they have told it last: of limited scopes alone.
    books: BTreeMap<Scope, Booked>,
    /// What they do not have: only of scopes with requests under way, or over and not in the books.
    accounts: BTreeMap<Scope, Account>,
    open: BTreeMap<u64, Open>,
    /// What was spent by requests that are over, until the books have it.
    unwritten: BTreeMap<u64, Vec<Share>>,
    last: u64,
}

/// A request under way.
#[derive(Debug)]
struct Open {
    scopes: Vec<Scope>,
    held: Usd,
}

/// What a request has spent from one scope.
#[derive(Debug)]
struct Share {
    scope: Scope,
    spent: Usd,
    unpriced: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    /// Set aside.
    held: Usd,
    /// How many requests are under way.
    open: u32,
    /// Spent by requests that are over, and not in the books.
    spent: Usd,
    unpriced: u64,
    /// How many requests that is.
    unwritten: u32,
    /// What requests cost of late.
    usual: Usd,
}

/// How a scope is at this moment.
struct Now {
    spent: Usd,
    unpriced: u64,
    held: Usd,
    open: u32,
    usual: Usd,
}

impl Reserve {
    /// Begins a day: what is counted by the day starts from nothing, what is set aside stays so. Says whether it is
    /// another one.
    pub fn begin(&mut self, day: Date) -> bool {
        if self.day.replace(day) == Some(day) {
            return false;
        }
        let lasts = |scope: &Scope| matches!(scope, Scope::Session(_));
        self.books.retain(|scope, _| lasts(scope));
        for shares in self.unwritten.values_mut() {
            shares.retain(|share| lasts(&share.scope));
        }
        self.unwritten.retain(|_, shares| !shares.is_empty());
        for (_, account) in self.accounts.iter_mut().filter(|(scope, _)| !lasts(scope)) {
            *account = Account { held: account.held, open: account.open, usual: account.usual, ..Account::default() };
        }
        self.accounts.retain(|_, account| account.is_needed());
        true
    }

    /// Takes what the books have now, in place of what they had before: the sums of `day`, in which the requests of
    /// these numbers are. `false`: they are of another day than today's, and count for nothing; they have to be told
    /// again, the numbers too.
    pub fn set_books(&mut self, day: Date, books: Vec<Booked>, written: &[u64]) -> bool {
        if self.day.is_some_and(|today| today != day) {
            return false;
        }
        self.books = books.into_iter().map(|booked| (booked.scope.clone(), booked)).collect();
        for number in written {
            for share in self.unwritten.remove(number).unwrap_or_default() {
                let Some(account) = self.accounts.get_mut(&share.scope) else { continue };
                account.spent = account.spent.saturating_sub(share.spent);
                account.unpriced = account.unpriced.saturating_sub(share.unpriced);
                account.unwritten = account.unwritten.saturating_sub(1);
            }
        }
        self.accounts.retain(|_, account| account.is_needed());
        true
    }

    /// Nothing is limited any more: forgets all that was counted for it.
    pub fn forget(&mut self) {
        self.books.clear();
        self.unwritten.clear();
        for account in self.accounts.values_mut() {
            *account = Account { held: account.held, open: account.open, ..Account::default() };
        }
        self.accounts.retain(|_, account| account.is_needed());
    }

    /// Asks whether a request may be sent that counts for these scopes; where it may, the most that it may cost is set
    /// aside.
    pub fn enter(&mut self, scopes: &[Scope], budgets: &Budgets, estimate: Estimate) -> Entry {
        let mut waits = None;
        let limited = scopes.iter().filter_map(|scope| Some((scope, budgets.limit(scope)?)));
        for (scope, limit) in limited.filter(|_| budgets.refuse && estimate.most != Some(Usd::ZERO)) {
            let Now { spent, held, open, usual, .. } = self.now(scope);
            let most = estimate.most.unwrap_or(usual);
            if spent < limit && spent.saturating_add(held).saturating_add(most) <= limit {
                continue;
            }
            if spent >= limit || spent.saturating_add(usual.max(estimate.least)) > limit {
                return Entry::Refused(self.standing(scope, limit));
            }
            if open > 0 {
                waits.get_or_insert((scope, limit));
            }
        }
        if let Some((scope, limit)) = waits {
            return Entry::Wait(self.standing(scope, limit));
        }
        // In all scopes, limited or not: a limit may be set while it is under way.
        let held = estimate.most.unwrap_or_default();
        for scope in scopes {
            let account = self.accounts.entry(scope.clone()).or_default();
            account.held = account.held.saturating_add(held);
            account.open += 1;
        }
        self.last += 1;
        self.open.insert(self.last, Open { scopes: scopes.to_vec(), held });
        Entry::Open(Hold(self.last))
    }

    /// Asks whether a request that is under way, and has spent `so_far`, may be sent once more: to another model, or
    /// again. Where it may, as much is set aside for it as both may cost. Unlike the first time the most has to fit:
    /// whoever stands in was not chosen, and may be dearer by far.
    pub fn cover(&mut self, hold: &Hold, budgets: &Budgets, so_far: Usd, next: Estimate) -> Result<(), Standing> {
        let Some(Open { scopes, held }) = self.open.get(&hold.0) else { return Ok(()) };
        let (scopes, before) = (scopes.clone(), *held);
        for scope in scopes.iter().filter(|_| budgets.refuse && next.most != Some(Usd::ZERO)) {
            let Some(limit) = budgets.limit(scope) else { continue };
            let Now { spent, held, usual, .. } = self.now(scope);
            let wanted = so_far.saturating_add(next.most.unwrap_or(usual));
            let others = spent.saturating_add(held.saturating_sub(before));
            if wanted > before && others.saturating_add(wanted) > limit {
                return Err(self.standing(scope, limit));
            }
        }
        let wanted = so_far.saturating_add(next.most.unwrap_or_default());
        for scope in &scopes {
            let account = self.accounts.entry(scope.clone()).or_default();
            account.held = account.held.saturating_sub(before).saturating_add(wanted);
        }
        if let Some(open) = self.open.get_mut(&hold.0) {
            open.held = wanted;
        }
        Ok(())
    }

    /// Exchanges what was set aside for what the request did cost: nothing for one that was never sent. Gives the number
    /// under which the books are to say that they have it, where there is anything to say.
    pub fn settle(&mut self, hold: &Hold, charges: &[Charge]) -> Option<u64> {
        let Open { scopes, held } = self.open.remove(&hold.0)?;
        let mut shares = Vec::new();
        for scope in scopes {
            let of_today = |charge: &&Charge| matches!(scope, Scope::Session(_)) || self.day == Some(charge.day);
            let costs = charges.iter().filter(of_today).map(|charge| charge.cost);
            let spent = costs.clone().flatten().fold(Usd::ZERO, Usd::saturating_add);
            let unpriced = costs.filter(Option::is_none).count() as u64;
            let account = self.accounts.entry(scope.clone()).or_default();
            account.held = account.held.saturating_sub(held);
            account.open = account.open.saturating_sub(1);
            if spent == Usd::ZERO && unpriced == 0 {
                continue;
            }
            account.spent = account.spent.saturating_add(spent);
            account.unpriced = account.unpriced.saturating_add(unpriced);
            account.unwritten += 1;
            if spent > Usd::ZERO {
                let step = Usd::from_nanos(spent.saturating_sub(account.usual).nanos() / 4);
                account.usual = if account.usual == Usd::ZERO { spent } else { account.usual.saturating_add(step) };
            }
            shares.push(Share { scope, spent, unpriced });
        }
        self.accounts.retain(|_, account| account.is_needed());
        if shares.is_empty() {
            return None;
        }
        self.unwritten.insert(hold.0, shares);
        Some(hold.0)
    }

    /// How the limited scopes among these stand.
    pub fn standings<'a>(&self, scopes: impl IntoIterator<Item = &'a Scope>, budgets: &Budgets) -> Vec<Standing> {
        let limited = scopes.into_iter().filter_map(|scope| Some((scope, budgets.limit(scope)?)));
        limited.map(|(scope, limit)| self.standing(scope, limit)).collect()
    }

    /// How every limited scope stands that anything is known of, and the day.
    pub fn all_standings(&self, budgets: &Budgets) -> Vec<Standing> {
        let known: BTreeSet<&Scope> = self.books.keys().chain(self.accounts.keys()).collect();
        let others = known.into_iter().filter(|scope| **scope != Scope::Day);
        self.standings(std::iter::once(&Scope::Day).chain(others), budgets)
    }

    /// Whether anything is known of a scope.
    pub fn knows(&self, scope: &Scope) -> bool {
        self.books.contains_key(scope) || self.accounts.contains_key(scope)
    }

    fn now(&self, scope: &Scope) -> Now {
        let Account { held, open, spent, unpriced, usual, .. } = self.accounts.get(scope).copied().unwrap_or_default();
        let booked = self.books.get(scope);
        Now {
            spent: booked.map_or(Usd::ZERO, |booked| booked.spent).saturating_add(spent),
            unpriced: booked.map_or(0, |booked| booked.unpriced).saturating_add(unpriced),
            held,
            open,
            usual: if usual == Usd::ZERO { booked.map_or(Usd::ZERO, |booked| booked.usual) } else { usual },
        }
    }

    fn standing(&self, scope: &Scope, limit: Usd) -> Standing {
        let Now { spent, unpriced, held, .. } = self.now(scope);
        Standing { scope: scope.clone(), verdict: Budget { limit }.verdict(spent, unpriced), held }
    }
}

impl Account {
    fn is_needed(&self) -> bool {
        self.open > 0 || self.unwritten > 0
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

    fn today() -> Date {
        "2026-01-09".parse().unwrap()
    }

    fn new() -> Reserve {
        let mut reserve = Reserve::default();
        reserve.begin(today());
        reserve
    }

    fn booked(scope: &Scope, spent: &str, unpriced: u64) -> Booked {
        Booked { scope: scope.clone(), spent: usd(spent), unpriced, usual: Usd::ZERO }
    }

    /// One attempt of today.
    fn charged(amount: Usd) -> [Charge; 1] {
        [Charge { day: today(), cost: Some(amount) }]
    }

    fn spent(reserve: &Reserve, budgets: &Budgets, scope: &Scope) -> Usd {
        reserve.standings([scope], budgets)[0].verdict.spent_usd
    }

    fn estimate(least: &str, most: &str) -> Estimate {
        Estimate { least: usd(least), most: Some(usd(most)) }
    }

    #[test]
    fn of_twenty_at_once_five_fit_and_the_sixth_is_refused_when_they_are_over() {
        let (budgets, mut reserve) = (refusing("0.01"), new());
        let paid = usd("0.00175");
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
            reserve.settle(hold, &charged(paid));
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
        let (budgets, mut reserve) = (refusing("1"), new());
        let huge = estimate("0.01", "3.20");
        let Entry::Open(first) = reserve.enter(&[Scope::Day], &budgets, huge) else { panic!("blocked at nothing") };
        assert!(matches!(reserve.enter(&[Scope::Day], &budgets, huge), Entry::Wait(_)));
        reserve.settle(&first, &charged(usd("0.05")));
        assert!(matches!(reserve.enter(&[Scope::Day], &budgets, huge), Entry::Open(_)));
    }

    #[test]
    fn a_request_that_died_pins_nothing() {
        let (budgets, mut reserve) = (refusing("1"), new());
        let Entry::Open(hold) = reserve.enter(&[Scope::Day], &budgets, estimate("0", "1")) else { panic!() };
        assert_eq!(reserve.settle(&hold, &[]), None);
        assert_eq!(reserve.settle(&hold, &charged(usd("5"))), None);
        assert!(!reserve.knows(&Scope::Day), "and leaves nothing behind");
        let standing = reserve.standings(&[Scope::Day], &budgets);
        assert_eq!((standing[0].held, standing[0].verdict.spent_usd), (Usd::ZERO, Usd::ZERO), "and settles once");
    }

    #[test]
    fn every_scope_has_to_have_room_and_names_have_limits_of_their_own() {
        let agents = Limits { each: Some(usd("1")), named: [("dear".to_owned(), usd("5"))].into() };
        let budgets = Budgets { agents, refuse: true, ..Budgets::default() };
        let mut reserve = new();
        let (cheap, dear) = (Scope::Agent("cheap".into()), Scope::Agent("dear".into()));
        assert!(reserve.set_books(today(), vec![booked(&cheap, "1", 0), booked(&dear, "1", 2)], &[]));
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
        let (mut budgets, mut reserve) = (refusing("1"), new());
        budgets.refuse = false;
        assert!(reserve.set_books(today(), vec![booked(&Scope::Day, "2", 1)], &[]));
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
        let (mut reserve, scopes) = (new(), [Scope::Day, Scope::Session("s".into())]);
        let Entry::Open(hold) = reserve.enter(&scopes, &budgets, estimate("0", "0.5")) else { panic!() };
        let Entry::Open(late) = reserve.enter(&scopes, &budgets, estimate("0", "0.5")) else { panic!() };
        reserve.settle(&hold, &charged(usd("0.25")));
        let tomorrow = "2026-01-10".parse().unwrap();
        reserve.begin(tomorrow);
        let spent = |reserve: &Reserve| scopes.each_ref().map(|scope| spent(reserve, &budgets, scope));
        assert_eq!(spent(&reserve), [Usd::ZERO, usd("0.25")]);
        assert_eq!(reserve.standings([&Scope::Day], &budgets)[0].held, usd("0.5"), "it is still under way");
        // The books count it for the day on which it was sent.
        let charges = [("0.125", today()), ("0.5", tomorrow)];
        let charges = charges.map(|(paid, day)| Charge { day, cost: Some(usd(paid)) });
        let number = reserve.settle(&late, &charges).unwrap();
        assert_eq!(spent(&reserve), [usd("0.5"), usd("0.875")]);
        // Sums of yesterday that come late change nothing, and are told again.
        assert!(!reserve.set_books(today(), vec![booked(&Scope::Day, "0.25", 0)], &[number]));
        assert_eq!(spent(&reserve), [usd("0.5"), usd("0.875")]);
    }

    #[test]
    fn what_is_in_the_books_counts_once_and_is_not_kept_beside_them() {
        let mut budgets = refusing("10");
        let mut reserve = new();
        let scopes = [Scope::Day, Scope::Session("s".into()), Scope::Agent("a".into())];
        let Entry::Open(hold) = reserve.enter(&scopes, &budgets, estimate("0", "1")) else { panic!() };
        // Books that were read before it was over do not have it; an agent's budget comes while it is not in them.
        let first = reserve.settle(&hold, &charged(usd("1"))).unwrap();
        assert!(reserve.set_books(today(), vec![booked(&Scope::Day, "2", 0)], &[]));
        assert_eq!(spent(&reserve, &budgets, &Scope::Day), usd("3"));
        budgets.agents.each = Some(usd("1"));
        assert!(matches!(reserve.enter(&scopes, &budgets, estimate("0", "1")), Entry::Refused(_)));
        assert!(reserve.set_books(today(), vec![booked(&Scope::Day, "3", 0)], &[first]));
        assert_eq!(spent(&reserve, &budgets, &Scope::Day), usd("3"));
        assert_eq!((reserve.accounts.len(), reserve.unwritten.len(), reserve.books.len()), (0, 0, 1));
        reserve.forget();
        assert!(!reserve.knows(&Scope::Day));
    }

    #[test]
    fn a_thousand_conversations_leave_nothing_behind() {
        let (budgets, mut reserve) = (refusing("10"), new());
        let mut written = Vec::new();
        for number in 0..1_000 {
            let scopes = [Scope::Day, Scope::Session(number.to_string())];
            let Entry::Open(hold) = reserve.enter(&scopes, &budgets, estimate("0", "0.001")) else { panic!() };
            written.extend(reserve.settle(&hold, &charged(usd("0.001"))));
        }
        assert!(reserve.set_books(today(), vec![booked(&Scope::Day, "1", 0)], &written));
        assert_eq!((reserve.accounts.len(), reserve.unwritten.len()), (0, 0));
    }

    #[test]
    fn a_dearer_stand_in_has_to_fit_as_well() {
        let (budgets, mut reserve) = (refusing("0.10"), new());
        let Entry::Open(hold) = reserve.enter(&[Scope::Day], &budgets, estimate("0.001", "0.01")) else { panic!() };
        let aside = |reserve: &Reserve| reserve.standings([&Scope::Day], &budgets)[0].held;
        let why = reserve.cover(&hold, &budgets, Usd::ZERO, estimate("0.01", "0.50")).unwrap_err();
        assert!(why.refusal().starts_with("what is left of today's budget is less"), "{}", why.refusal());
        assert_eq!(aside(&reserve), usd("0.01"), "what was set aside stays so");
        assert_eq!(reserve.cover(&hold, &budgets, usd("0.005"), estimate("0.01", "0.08")), Ok(()));
        assert_eq!(aside(&reserve), usd("0.085"));
        assert!(matches!(reserve.enter(&[Scope::Day], &budgets, estimate("0", "0.02")), Entry::Wait(_)));
        assert_eq!(reserve.cover(&hold, &budgets, usd("0.05"), Estimate::FREE), Ok(()), "free goes on");
        assert_eq!(aside(&reserve), usd("0.05"));
        let warns = Budgets { refuse: false, ..budgets.clone() };
        assert_eq!(reserve.cover(&hold, &warns, Usd::ZERO, estimate("1", "9")), Ok(()));
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
            let mut reserve = new();
            let mut open: Vec<(Hold, i64)> = Vec::new();
            let (mut spent, mut dearest) = (0_i64, 0_i64);
            for (most, part, finish) in steps {
                let cost = most * i64::from(part) / 100;
                if finish && !open.is_empty() {
                    let (hold, cost) = open.remove(0);
                    reserve.settle(&hold, &charged(Usd::from_nanos(cost)));
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
                reserve.settle(&hold, &charged(Usd::from_nanos(cost)));
                spent += cost;
            }
            prop_assert!(spent <= limit + dearest);
            let standing = reserve.standings(&[Scope::Day], &budgets);
            prop_assert_eq!(standing[0].held, Usd::ZERO);
            prop_assert_eq!(standing[0].verdict.spent_usd, Usd::from_nanos(spent));
        }

        /// The same with models that stand in and are dearer by far, and books that are told now and then: whatever
        /// a request is sent to, and however often, what is spent stays within the budget, but for what a request
        /// that was let through alone cost beyond the least that was said of it.
        #[test]
        fn whoever_stands_in_never_overruns(
            limit in 1_i64..10_000,
            sure in any::<bool>(),
            steps in prop::collection::vec((1_i64..2_000, 0_u8..=100, 1_i64..60, 0_u8..4), 1..200),
        ) {
            let budgets = Budgets { day: Some(Usd::from_nanos(limit)), refuse: true, ..Budgets::default() };
            let mut reserve = new();
            // Under way: what it has cost so far, and the most that its last attempt may cost yet.
            let mut open: Vec<(Hold, i64, i64)> = Vec::new();
            let (mut spent, mut booked, mut beyond) = (0_i64, 0_i64, 0_i64);
            let mut unwritten: Vec<(u64, i64)> = Vec::new();
            for (most, part, factor, step) in steps {
                let least = if sure { most } else { 0 };
                let paid = |most: i64| most * i64::from(part) / 100;
                match step {
                    0 | 1 => {
                        let ask = Estimate { least: Usd::from_nanos(least), most: Some(Usd::from_nanos(most)) };
                        let held: i64 = open.iter().map(|(_, so_far, last)| so_far + last).sum();
                        let fits = spent + held + most <= limit;
                        if let Entry::Open(hold) = reserve.enter(&[Scope::Day], &budgets, ask) {
                            if !fits {
                                prop_assert!(open.is_empty() && !sure, "only one that is alone");
                                beyond = beyond.max(most);
                            }
                            open.push((hold, 0, most));
                        }
                    }
                    2 if !open.is_empty() => {
                        // It failed, and has cost something all the same; another model is asked, or nobody.
                        let (hold, so_far, last) = open.remove(0);
                        let so_far = so_far + paid(last);
                        let next = Estimate { least: Usd::ZERO, most: Some(Usd::from_nanos(most * factor)) };
                        if reserve.cover(&hold, &budgets, Usd::from_nanos(so_far), next).is_ok() {
                            open.push((hold, so_far, most * factor));
                        } else {
                            unwritten.extend(reserve.settle(&hold, &charged(Usd::from_nanos(so_far))).map(|of| (of, so_far)));
                            spent += so_far;
                        }
                    }
                    3 if !unwritten.is_empty() => {
                        let (number, paid) = unwritten.remove(0);
                        booked += paid;
                        let sums = Booked { scope: Scope::Day, spent: Usd::from_nanos(booked), unpriced: 0, usual: Usd::ZERO };
                        prop_assert!(reserve.set_books(today(), vec![sums], &[number]));
                    }
                    _ if !open.is_empty() => {
                        let (hold, so_far, last) = open.remove(0);
                        let paid = so_far + paid(last);
                        unwritten.extend(reserve.settle(&hold, &charged(Usd::from_nanos(paid))).map(|of| (of, paid)));
                        spent += paid;
                    }
                    _ => {}
                }
                prop_assert!(spent <= limit + beyond, "{spent} of {limit} and {beyond}");
                let standing = &reserve.standings([&Scope::Day], &budgets)[0];
                prop_assert_eq!(standing.verdict.spent_usd, Usd::from_nanos(spent));
            }
        }

        /// Where every request costs as much as the first did, nothing is overrun at all.
        #[test]
        fn equal_requests_fill_a_budget_and_not_more(limit in 1_i64..10_000, cost in 1_i64..500, slack in 0_i64..500) {
            let budgets = Budgets { day: Some(Usd::from_nanos(limit)), refuse: true, ..Budgets::default() };
            let mut reserve = new();
            let ask = Estimate { least: Usd::from_nanos(1), most: Some(Usd::from_nanos(cost + slack)) };
            let mut spent = 0;
            for _ in 0..(limit / cost + 5) {
                if let Entry::Open(hold) = reserve.enter(&[Scope::Day], &budgets, ask) {
                    reserve.settle(&hold, &charged(Usd::from_nanos(cost)));
                    spent += cost;
                }
            }
            prop_assert!(spent <= limit.max(cost));
            prop_assert!(spent + cost > limit, "no room is left unused: {spent} of {limit}");
        }
    }
}
