//! What others have spent: the sums of the journal less what this process has written into it.

use std::collections::HashMap;

use jiff::civil::Date;

use crate::cost::{Budgets, Scope};
use crate::journal::{Attempt, By, Days, Journal, JournalError, Period, Totals};
use crate::model::Usd;

/// For how long a conversation that nobody has touched counts as going on.
const SESSION_DAYS: i64 = 30;

/// What others have spent in a scope, and how many attempts of unknown price they have made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::gateway) struct Spent {
    pub(in crate::gateway) scope: Scope,
    pub(in crate::gateway) usd: Usd,
    pub(in crate::gateway) unpriced: u64,
    /// What a request has cost there in the mean, by anybody.
    pub(in crate::gateway) usual: Usd,
}

/// Who wants to know what others spend.
pub(in crate::gateway) struct Told {
    /// Of which scopes.
    pub(in crate::gateway) budgets: Budgets,
    /// Is told of a day.
    pub(in crate::gateway) tell: Box<dyn Fn(Date, Vec<Spent>) + Send>,
}

/// What this process has written, by day and scope; a conversation's without a day.
#[derive(Debug, Default)]
pub(super) struct Own(HashMap<(Option<Date>, Scope), (Usd, u64)>);

impl Own {
    /// Counts a row of that day.
    pub(super) fn add(&mut self, day: Date, row: &Attempt) {
        let named = [
            row.session.clone().map(|name| (None, Scope::Session(name))),
            row.agent.clone().map(|name| (Some(day), Scope::Agent(name))),
            row.project.clone().map(|name| (Some(day), Scope::Project(name))),
            row.key.clone().map(|name| (Some(day), Scope::Key(name))),
        ];
        for key in named.into_iter().flatten().chain([(Some(day), Scope::Day)]) {
            let (usd, unpriced) = self.0.entry(key).or_default();
            *usd = usd.saturating_add(row.cost.unwrap_or_default());
            *unpriced += u64::from(row.cost.is_none());
        }
    }

    /// Takes over what `other` has counted.
    pub(super) fn absorb(&mut self, other: Self) {
        for (key, (usd, unpriced)) in other.0 {
            let own = self.0.entry(key).or_default();
            *own = (own.0.saturating_add(usd), own.1 + unpriced);
        }
    }

    /// Forgets the days before `day`.
    pub(super) fn forget_before(&mut self, day: Date) {
        self.0.retain(|(of, _), _| of.is_none_or(|of| of >= day));
    }

    fn of(&self, day: Date, scope: &Scope) -> (Usd, u64) {
        let day = (!matches!(scope, Scope::Session(_))).then_some(day);
        self.0.get(&(day, scope.clone())).copied().unwrap_or_default()
    }
}

/// What others have spent on `day` in the scopes that `budgets` limit.
pub(super) fn others(journal: &Journal, day: Date, budgets: &Budgets, own: &Own) -> Result<Vec<Spent>, JournalError> {
    let mut spent = Vec::new();
    let mut add = |scope: Scope, totals: &Totals| {
        let (own_usd, own_unpriced) = own.of(day, &scope);
        let usd = totals.cost.saturating_sub(own_usd).max(Usd::ZERO);
        let requests = i64::try_from(totals.requests.max(1)).unwrap_or(i64::MAX);
        let usual = Usd::from_nanos(totals.cost.nanos() / requests);
        spent.push(Spent { scope, usd, unpriced: totals.unpriced.saturating_sub(own_unpriced), usual });
    };
    if budgets.day.is_some() {
        add(Scope::Day, &journal.totals(Days::only(day))?);
    }
    let today = Days::only(day);
    let since = Days { since: day.checked_sub(jiff::Span::new().days(SESSION_DAYS)).ok(), until: None };
    for (limited, by) in [
        (budgets.session.is_some(), By::Session),
        (!budgets.agents.is_empty(), By::Agent),
        (!budgets.projects.is_empty(), By::Project),
        (!budgets.keys.is_empty(), By::Key),
    ] {
        if !limited {
            continue;
        }
        let (days, scope): (Days, fn(String) -> Scope) = match by {
            By::Session => (since, Scope::Session),
            By::Agent => (today, Scope::Agent),
            By::Project => (today, Scope::Project),
            _ => (today, Scope::Key),
        };
        for line in journal.report(Period::All, Some(by), days)? {
            let Some(name) = line.value else { continue };
            add(scope(name), &line.totals);
        }
    }
    Ok(spent)
}
