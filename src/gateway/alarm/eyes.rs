//! What is measured: the rows of the journal as they come, whoever has written them, and what the gateway knows of
//! itself.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::alert::{Reading, Rule, Rules, Seen, Window};
use crate::cost::Standing;
use crate::journal::{Arrived, Outcome};

use super::super::state::Gateway;

/// How many rows are read at once.
const PAGE: u32 = 2_000;
/// How often at the most in one look; the rest is read at the next.
const PAGES: usize = 20;

/// The last hour, and how far it was read.
#[derive(Debug, Default)]
pub(super) struct Eyes {
    window: Window,
    last: Option<i64>,
}

impl Eyes {
    /// What there is now, and the rules of which nothing can be said.
    pub(super) fn look(&mut self, gateway: &Gateway, rules: &Rules, now: Timestamp) -> (Vec<Reading>, Vec<Rule>) {
        let mut blind = Vec::new();
        let mut readings = Vec::new();
        if self.read(gateway, now) {
            readings = self.window.readings(rules, now);
        } else {
            blind.extend([Rule::CostPerHour, Rule::SlowResponse, Rule::ErrorRate, Rule::Unpriced]);
        }
        let trouble = gateway.ledger.condition().trouble;
        if trouble.is_some() || !gateway.limits.knows() {
            blind.push(Rule::Budget);
        } else {
            let budgets = &gateway.snapshot().allowance.budgets;
            let standings = gateway.limits.all_standings(budgets);
            readings.extend(standings.iter().map(|standing| budget(standing, budgets.refuse)));
        }
        readings.extend(trouble.map(|trouble| Reading {
            rule: Rule::Journal,
            subject: String::new(),
            value: 1,
            text: format!("the journal cannot be written: {}", trouble.message),
        }));
        readings.extend(down(gateway));
        readings.retain(|reading| rules.is_on(reading.rule));
        (readings, blind)
    }

    /// Reads on; `false` where the journal does not answer.
    fn read(&mut self, gateway: &Gateway, now: Timestamp) -> bool {
        let since = now.checked_sub(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MIN);
        for _ in 0..PAGES {
            let last = self.last;
            let asked = gateway.ledger.ask_waiting(move |journal| journal.arrivals(last, since, PAGE));
            let Ok(rows) = asked else { return false };
            let rows = rows.unwrap_or_default();
            self.last = rows.last().map(|row| row.row).or(self.last);
            // Rows that waited in the spool may be old.
            for row in rows.iter().filter(|row| row.at >= since) {
                self.window.add(seen(row));
            }
            if rows.len() < PAGE as usize {
                return true;
            }
        }
        true
    }
}

fn seen(row: &Arrived) -> Seen<'_> {
    Seen {
        at: row.at,
        model: &row.model,
        cost: row.cost,
        millis: row.first_ms.unwrap_or(row.total_ms),
        answered: match row.outcome {
            Outcome::Ok => Some(true),
            Outcome::Failed | Outcome::Cut => Some(false),
            Outcome::Cancelled | Outcome::Cached | Outcome::Shadow => None,
        },
    }
}

/// How a budget stands.
pub(super) fn budget(standing: &Standing, refuse: bool) -> Reading {
    let verdict = &standing.verdict;
    let (spent, limit) = (i128::from(verdict.spent_usd.nanos()), i128::from(verdict.limit_usd.nanos()));
    // Rounded down: what is just below a step has not reached it. A budget of nothing is spent from the start.
    let share = if limit > 0 { i64::try_from(spent * 10_000 / limit).unwrap_or(i64::MAX) } else { 10_000 };
    let scope = standing.scope.as_str();
    let subject = standing.scope.name().map_or_else(|| scope.to_owned(), |name| format!("{scope} {name}"));
    Reading { rule: Rule::Budget, subject, value: share, text: standing.step(refuse) }
}

/// The providers of whose models that were asked none can be asked now: one that nobody has asked says nothing. Models
/// that answer only when named do not count.
fn down(gateway: &Gateway) -> Vec<Reading> {
    let snapshot = gateway.snapshot();
    let mut providers: BTreeMap<String, (bool, Option<String>)> = BTreeMap::new();
    for health in gateway.board.health(&snapshot.roster) {
        let asked = health.answered + health.failed > 0 || health.state != "closed";
        if !asked || snapshot.roster.ready(&health.model).is_ok_and(|ready| ready.model().named_only) {
            continue;
        }
        let (up, why) = providers.entry(health.provider).or_default();
        *up |= health.state == "closed";
        *why = why.take().or(health.reason);
    }
    let reading = |(provider, (up, why)): (String, (bool, Option<String>))| {
        let because = why.map(|why| format!(": {why}")).unwrap_or_default();
        let text =
            if up { format!("{provider} answers") } else { format!("no model of {provider} can be asked{because}") };
        Reading { rule: Rule::ProviderDown, subject: provider, value: i64::from(!up), text }
    };
    providers.into_iter().map(reading).collect()
}
