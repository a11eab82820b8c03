//! What a bandit learns from: the conversations of its experiment by kind of work, and how many of their requests went
//! well.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Row, params};

use crate::model::{TaskKind, Usd};
use crate::route::bandit::{Beliefs, Case, HALF_LIFE};
use crate::route::trial::Experiment;

use super::attempt::Outcome;
use super::error::JournalError;
use super::store::Journal;

/// Who asks the same again so soon was not content.
const SOON: i64 = 10 * 60 * 1000;
/// What is older than so many half-lives counts for nothing: less than a hundredth.
const OLDEST: i64 = 8 * HALF_LIFE;

/// A request of the experiment.
struct Asked {
    unit: String,
    arm: String,
    kind: Option<TaskKind>,
    at: i64,
    /// The arm itself gave a whole answer; `None`: the person stopped it, which says nothing.
    well: Option<bool>,
    opinions: i64,
    fingerprint: Option<String>,
    cost: Option<Usd>,
}

impl Journal {
    /// What is believed of the arms of these experiments.
    pub fn beliefs<'a>(
        &self,
        experiments: impl IntoIterator<Item = &'a Experiment>,
        now: Timestamp,
    ) -> Result<BTreeMap<String, Beliefs>, JournalError> {
        let of = |experiment: &Experiment| {
            let cases = self.cases(&experiment.name, now)?;
            Ok((experiment.name.clone(), Beliefs::of(experiment, &cases, now.as_millisecond())))
        };
        experiments.into_iter().map(of).collect()
    }

    fn cases(&self, experiment: &str, now: Timestamp) -> Result<Vec<Case>, JournalError> {
        let sql = JournalError::sql(&self.path);
        let mut query = self
            .db
            .prepare_cached(
                "SELECT request, (SELECT text FROM names WHERE id = arm),
                 coalesce((SELECT text FROM names WHERE id = session), request),
                 (SELECT text FROM names WHERE id = kind), at, (SELECT text FROM names WHERE id = outcome), fallback, cost,
                 (SELECT sum((opinion = 'good') - (opinion = 'bad')) FROM feedback
                  WHERE feedback.request = attempts.request AND undone IS NULL),
                 (SELECT fingerprint FROM decisions WHERE decisions.request = attempts.request)
                 FROM attempts WHERE arm IN (SELECT id FROM names WHERE substr(text, 1, length(?1)) = ?1) AND at >= ?2
                 ORDER BY at, number",
            )
            .map_err(&sql)?;
        let oldest = now.as_millisecond().saturating_sub(OLDEST);
        let mut rows = query.query(params![format!("{experiment}/"), oldest]).map_err(&sql)?;
        // In the order in which they were asked.
        let (mut asked, mut places): (Vec<Asked>, BTreeMap<String, usize>) = (Vec::new(), BTreeMap::new());
        while let Some(row) = rows.next().map_err(&sql)? {
            let request: String = row.get(0).map_err(&sql)?;
            let one = read(row).map_err(&sql)?;
            // The last attempt says how it ended, and all of them what it cost.
            if let Some(known) = places.get(&request).and_then(|at| asked.get_mut(*at)) {
                known.well = one.well;
                known.cost = known.cost.zip(one.cost).map(|(sum, cost)| sum.saturating_add(cost));
            } else {
                places.insert(request, asked.len());
                asked.push(one);
            }
        }
        Ok(cases(asked, now.as_millisecond()))
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Asked> {
    let (mark, kind): (String, Option<String>) = (row.get(1)?, row.get(3)?);
    let (outcome, fallback): (String, bool) = (row.get(5)?, row.get(6)?);
    let stopped = [Outcome::Cancelled, Outcome::Cached, Outcome::Shadow].iter().any(|one| one.as_str() == outcome);
    Ok(Asked {
        unit: row.get(2)?,
        arm: mark.split_once('/').map_or("", |(_, arm)| arm).to_owned(),
        kind: kind.and_then(|kind| kind.parse().ok()),
        at: row.get(4)?,
        well: (!stopped).then_some(outcome == Outcome::Ok.as_str() && !fallback),
        opinions: row.get::<_, Option<i64>>(8)?.unwrap_or_default(),
        fingerprint: row.get(9)?,
        cost: row.get::<_, Option<i64>>(7)?.map(Usd::from_nanos),
    })
}

/// The requests by conversation, arm and kind. What went well counts once nobody can ask it again soon.
fn cases(mut asked: Vec<Asked>, now: i64) -> Vec<Case> {
    let mut last: BTreeMap<(String, String), (usize, i64)> = BTreeMap::new();
    let mut again = Vec::new();
    for (place, one) in asked.iter().enumerate() {
        let Some(fingerprint) = &one.fingerprint else { continue };
        let before = last.insert((one.unit.clone(), fingerprint.clone()), (place, one.at));
        again.extend(before.filter(|(_, at)| one.at.saturating_sub(*at) < SOON).map(|(place, _)| place));
    }
    for place in again {
        if let Some(one) = asked.get_mut(place) {
            one.well = one.well.map(|_| false);
        }
    }
    let mut cases: BTreeMap<(String, String, Option<TaskKind>), Case> = BTreeMap::new();
    for one in asked {
        let key = (one.unit.clone(), one.arm.clone(), one.kind);
        let case = cases.entry(key).or_insert_with(|| Case {
            unit: one.unit,
            arm: one.arm,
            kind: one.kind,
            at: one.at,
            requests: 0,
            well: 0,
            cost: Usd::ZERO,
            priced: 0,
        });
        case.at = case.at.max(one.at);
        let well = match one.opinions {
            0 => one.well,
            opinions => Some(opinions > 0),
        };
        let Some(well) = well.filter(|well| !well || one.opinions != 0 || now.saturating_sub(one.at) >= SOON) else {
            continue;
        };
        case.requests += 1;
        case.well += u64::from(well);
        if let Some(cost) = one.cost {
            case.priced += 1;
            case.cost = case.cost.saturating_add(cost);
        }
    }
    cases.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(unit: &str, at: i64, well: Option<bool>, words: &str) -> Asked {
        Asked {
            unit: unit.into(),
            arm: "a".into(),
            kind: Some(TaskKind::Coding),
            at,
            well,
            opinions: 0,
            fingerprint: Some(words.into()),
            cost: Some(Usd::from_nanos(500_000_000)),
        }
    }

    /// Requests, and those that went well.
    fn counted(asked: Vec<Asked>, now: i64) -> (u64, u64) {
        let cases = cases(asked, now);
        (cases.iter().map(|case| case.requests).sum(), cases.iter().map(|case| case.well).sum())
    }

    #[test]
    fn what_was_asked_again_soon_did_not_go_well_and_an_opinion_says_more() {
        let twice = |apart: i64| vec![asked("s", 0, Some(true), "x"), asked("s", apart, Some(true), "x")];
        assert_eq!(counted(twice(SOON - 1), 9 * SOON), (2, 1));
        assert_eq!(counted(twice(SOON), 9 * SOON), (2, 2));
        let elsewhere = vec![asked("s", 0, Some(true), "x"), asked("t", 1, Some(true), "x")];
        assert_eq!(counted(elsewhere, 9 * SOON), (2, 2));
        let good = vec![Asked { opinions: 1, ..asked("s", 0, Some(true), "x") }, asked("s", 1, Some(true), "x")];
        assert_eq!(counted(good, 9 * SOON), (2, 2));
        let bad = vec![Asked { opinions: -1, ..asked("s", 0, Some(true), "x") }];
        assert_eq!(counted(bad, 1), (1, 0), "it is known at once");
    }

    #[test]
    fn a_success_waits_and_what_a_person_stopped_says_nothing() {
        let of = || vec![asked("s", 0, Some(true), "x"), asked("s", 1, Some(false), "y"), asked("s", 2, None, "z")];
        assert_eq!((counted(of(), 3), counted(of(), 9 * SOON)), ((1, 0), (2, 1)));
        let cases = cases(of(), 9 * SOON);
        assert_eq!((cases.len(), cases[0].at, cases[0].priced), (1, 2, 2));
        assert_eq!(cases[0].cost, Usd::from_nanos(1_000_000_000));
    }
}
