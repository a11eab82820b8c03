//! What is told of the journal beside the answers to questions: its sums, to whoever counts budgets, and what was
//! learned, to whoever decides.

use jiff::civil::Date;

use crate::cost::{Booked, Budgets, Scope};
use crate::journal::{By, Days, Journal, JournalError, Period, Totals};
use crate::model::Usd;
use crate::route::learn::Lesson;

/// For how long a conversation that nobody has touched counts as going on.
const SESSION_DAYS: i64 = 30;

/// Who wants to know the sums.
pub(in crate::gateway) struct Told {
    /// Of which scopes.
    pub(in crate::gateway) budgets: Budgets,
    /// Is told of a day, and of the requests that are in the sums since they were told last. `false`: it has not taken
    /// them, and is to be told again.
    pub(in crate::gateway) tell: Box<dyn Fn(Telling<'_>) -> bool + Send>,
}

/// What is told.
#[derive(Debug)]
pub(in crate::gateway) struct Telling<'a> {
    /// The day of the sums.
    pub(in crate::gateway) day: Date,
    /// The sums; `None`: the journal cannot be read.
    pub(in crate::gateway) books: Option<Vec<Booked>>,
    /// The requests that were written down since.
    pub(in crate::gateway) written: &'a [u64],
}

/// Who wants to know what is learned: told of all lessons, at first and when others have changed them.
pub(in crate::gateway) type Learn = Box<dyn Fn(Vec<Lesson>) + Send>;

/// What was spent on `day` in the scopes that `budgets` limit.
pub(super) fn booked(journal: &Journal, day: Date, budgets: &Budgets) -> Result<Vec<Booked>, JournalError> {
    let mut booked = Vec::new();
    let mut add = |scope: Scope, totals: &Totals| {
        let requests = i64::try_from(totals.requests.max(1)).unwrap_or(i64::MAX);
        let usual = Usd::from_nanos(totals.cost.nanos() / requests);
        booked.push(Booked { scope, spent: totals.cost, unpriced: totals.unpriced, usual });
    };
    if budgets.day.is_some() {
        let (all, beside) = (journal.totals(Days::only(day))?, journal.shadowed(Days::only(day))?);
        let cost = all.cost.saturating_sub(beside.cost);
        add(Scope::Day, &Totals { cost, unpriced: all.unpriced.saturating_sub(beside.unpriced), ..all });
    }
    let today = Days::only(day);
    let since = Days { since: day.checked_sub(jiff::Span::new().days(SESSION_DAYS)).ok(), until: None };
    for (limited, by, days, scope) in [
        (budgets.session.is_some(), By::Session, since, Scope::Session as fn(String) -> Scope),
        (!budgets.agents.is_empty(), By::Agent, today, Scope::Agent),
        (!budgets.projects.is_empty(), By::Project, today, Scope::Project),
        (!budgets.keys.is_empty(), By::Key, today, Scope::Key),
    ] {
        if !limited {
            continue;
        }
        for line in journal.report(Period::All, Some(by), days)? {
            let Some(name) = line.value else { continue };
            add(scope(name), &line.totals);
        }
    }
    Ok(booked)
}
