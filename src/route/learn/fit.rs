//! Learning anew from labelled cases: logistic regression over the names of what was seen, with the built-in score as
//! a fixed offset and the weights of before as the place to which it is drawn back. Deterministic.

use std::collections::BTreeMap;

use super::evidence::{Case, Why};
use super::{CONSISTENT, MOST, Weights};
use crate::base::sort;
use crate::model::Tier;

/// How far one training moves a name at most, in logits.
const STEP: f64 = 0.5;
/// How strongly a weight is drawn back to what it was.
const DRAW: f64 = 0.5;
const ROUNDS: usize = 200;
const RATE: f64 = 0.2;
/// Into so many parts the cases are cut to see what was learned on those that were not.
const PARTS: usize = 5;
/// Fewer cases than this, other than accepted answers, teach nothing.
pub const FEWEST: usize = 5;

/// How many cases are decided as they are labelled, each counted as much as it weighs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// What the right ones weigh.
    pub right: f64,
    /// What all weigh.
    pub all: f64,
}

impl Share {
    /// From 0 to 1; nothing at all is 1.
    pub fn rate(self) -> f64 {
        if self.all > 0.0 { self.right / self.all } else { 1.0 }
    }
}

/// The weights that fit the cases, near `before`.
pub fn fit(cases: &[Case], before: &Weights) -> Weights {
    let all: Vec<&Case> = cases.iter().collect();
    let mut fitted = fitted(&all, before);
    fitted.prompts = cases.len() as u64;
    fitted
}

/// How well cases are decided by weights that were fitted without them, a fifth at a time; and by `before` as it is.
pub fn cross(cases: &[Case], before: &Weights) -> (Share, Share) {
    let mut share = (Share { right: 0.0, all: 0.0 }, Share { right: 0.0, all: 0.0 });
    for part in 0..PARTS {
        let here = |at: &usize| at % PARTS == part;
        let (held, taught): (Vec<_>, Vec<_>) = cases.iter().enumerate().partition(|(at, _)| here(at));
        let taught: Vec<&Case> = taught.into_iter().map(|(_, case)| case).collect();
        let after = fitted(&taught, before);
        for (_, case) in held {
            for (share, weights) in [(&mut share.0, before), (&mut share.1, &after)] {
                share.all += case.why.weight();
                share.right += if decides(weights, case) == case.label { case.why.weight() } else { 0.0 };
            }
        }
    }
    share
}

/// How many cases say more than that nobody complained.
pub fn telling(cases: &[Case]) -> usize {
    cases.iter().filter(|case| case.why != Why::Accepted).count()
}

fn decides(weights: &Weights, case: &Case) -> Tier {
    let moved: i32 = case.evidence.iter().map(|name| weights.of(name)).sum();
    if case.score + moved.clamp(-MOST, MOST) > 0 { Tier::One } else { Tier::Two }
}

fn fitted(cases: &[&Case], before: &Weights) -> Weights {
    let names = known(cases);
    let number = sort::map(names.iter().enumerate().map(|(at, (name, _))| (*name, at)));
    let rows: Vec<Row> = cases.iter().map(|case| Row::new(case, &number)).collect();
    let start: Vec<f64> = names.iter().map(|(name, _)| logits(before.of(name))).collect();
    let mut now = start.clone();
    for _ in 0..ROUNDS {
        let mut slope: Vec<f64> = start.iter().zip(&now).map(|(start, now)| DRAW * (start - now)).collect();
        for row in &rows {
            row.pull(&now, &mut slope);
        }
        for (((weight, slope), start), (_, many)) in now.iter_mut().zip(slope).zip(&start).zip(&names) {
            // A name that many cases have is moved by about their mean, so that the rounds do not overshoot.
            let step = RATE * slope / (1.0 + f64::from(*many) * 0.25);
            *weight = (*weight + step).clamp(start - STEP, start + STEP).clamp(-logits(MOST), logits(MOST));
        }
    }
    let mut weights = before.names.clone();
    weights.extend(names.into_iter().zip(now).map(|((name, _), weight)| (name.to_owned(), thousandths(weight))));
    Weights::new(weights)
}

/// A case in numbers.
struct Row {
    names: Vec<usize>,
    score: f64,
    target: f64,
    weight: f64,
}

impl Row {
    fn new(case: &Case, number: &BTreeMap<&str, usize>) -> Self {
        Self {
            names: case.evidence.iter().filter_map(|name| number.get(name.as_str()).copied()).collect(),
            score: logits(case.score),
            target: if case.label == Tier::One { 1.0 } else { 0.0 },
            weight: case.why.weight(),
        }
    }

    /// Adds to the slopes of its names what would make it more likely.
    fn pull(&self, now: &[f64], slope: &mut [f64]) {
        let learned: f64 = self.names.iter().filter_map(|at| now.get(*at)).sum();
        let chance = 1.0 / (1.0 + (-(self.score + learned)).exp());
        for at in &self.names {
            if let Some(slope) = slope.get_mut(*at) {
                *slope += self.weight * (self.target - chance);
            }
        }
    }
}

/// The names that enough prompts have, with how many have them.
fn known<'a>(cases: &[&'a Case]) -> Vec<(&'a str, i32)> {
    let mut counts: BTreeMap<&str, i32> = BTreeMap::new();
    for case in cases {
        for name in &case.evidence {
            *counts.entry(name).or_default() += 1;
        }
    }
    counts.into_iter().filter(|(name, count)| *count >= CONSISTENT && super::is_name(name)).collect()
}

fn logits(thousandths: i32) -> f64 {
    f64::from(thousandths) / 1000.0
}

fn thousandths(logits: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "clamped to the most that lessons move a score by")]
    let whole = (logits * 1000.0).round() as i32;
    whole
}

impl Weights {
    /// The way from `before` to these weights, so many percent of it.
    #[must_use]
    pub fn part_of_the_way(&self, before: &Self, percent: i32) -> Self {
        let names = sort::set(self.names.keys().chain(before.names.keys()));
        let part = |name: &String| before.of(name) + (self.of(name) - before.of(name)) * percent / 100;
        let names = names.into_iter().map(|name| (name.clone(), part(name)));
        Self { prompts: self.prompts, opinions: self.opinions, ..Self::new(names) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(number: usize, names: &[&str], score: i32, label: Tier, why: Why) -> Case {
        let evidence = names.iter().map(|name| (*name).to_owned()).collect();
        Case { fingerprint: format!("{number:04}"), evidence, score, label, why }
    }

    /// A person for whom whatever is to be explained belongs to the planner.
    fn person(number: usize) -> Vec<Case> {
        let explain = (0..number).map(|at| case(at, &["op:explain"], -400, Tier::One, Why::Corrected));
        let fix = (number..3 * number).map(|at| case(at, &["op:fix"], -2_500, Tier::Two, Why::Accepted));
        explain.chain(fix).collect()
    }

    #[test]
    fn what_a_person_corrects_is_learned_and_what_was_right_stays() {
        let cases = person(10);
        let none = Weights::new([]);
        let learned = fit(&cases, &none);
        assert!(learned.of("op:explain") > 400 && learned.of("op:explain") <= 500, "{learned:?}");
        assert!(
            learned.of("op:fix").abs() < 300,
            "twenty clear decisions that were accepted teach little: {learned:?}"
        );
        let (before, after) = cross(&cases, &none);
        assert!(before.rate() < 0.2 && after.rate() > 0.99, "{before:?} {after:?}");
        assert_eq!(fit(&cases, &none), learned, "the same evidence gives the same weights");
    }

    #[test]
    fn a_training_moves_a_name_by_half_a_logit_at_most_and_all_of_them_by_one_and_a_half() {
        let cases: Vec<Case> = (0..200).map(|at| case(at, &["op:x"], -5_000, Tier::One, Why::Corrected)).collect();
        let mut weights = Weights::new([]);
        for expected in [500, 1_000, 1_500, 1_500] {
            weights = fit(&cases, &weights);
            assert_eq!(weights.of("op:x"), expected);
        }
    }

    #[test]
    fn two_prompts_are_too_few_and_words_are_not_learned() {
        let two: Vec<Case> = (0..2).map(|at| case(at, &["op:x"], -400, Tier::One, Why::Corrected)).collect();
        assert!(fit(&two, &Weights::new([])).is_empty());
        let words: Vec<Case> = (0..9).map(|at| case(at, &["w:zanzibar"], -400, Tier::One, Why::Corrected)).collect();
        assert!(fit(&words, &Weights::new([])).is_empty());
    }

    #[test]
    fn a_part_of_the_way_lies_between() {
        let (before, after) = (Weights::new([("op:x".into(), 100)]), Weights::new([("op:y".into(), -400)]));
        let half = after.part_of_the_way(&before, 50);
        assert_eq!((half.of("op:x"), half.of("op:y")), (50, -200));
        assert_eq!(after.part_of_the_way(&before, 100).names, after.names);
    }
}
