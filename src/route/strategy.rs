//! Which of several models that would all do is taken: the best, the cheapest or the fastest.

use std::cmp::Ordering;

use super::facts::Facts;
use super::policy::Strategy;
use super::roster::Ready;

/// How a strategy looks at some models.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judge<'a> {
    strategy: Strategy,
    facts: &'a Facts,
    /// Speed was measured for all of them; a measurement of some would favour those that were tried, not the fast.
    measured: bool,
}

impl<'a> Judge<'a> {
    /// Somebody to compare `models` by `strategy`.
    pub(super) fn new(strategy: Strategy, models: &[Ready], facts: &'a Facts) -> Self {
        let measured = models.iter().all(|ready| facts.of(ready.name()).median.is_some());
        Self { strategy, facts, measured }
    }

    /// The models, the best first; equals stay in their order.
    pub(super) fn order(&self, mut models: Vec<Ready>) -> Vec<Ready> {
        // One order for all strategies: each that is sorted by on its own is six kilobytes more.
        models.sort_by(|a, b| self.compare(a, b));
        models
    }

    fn compare(&self, a: &Ready, b: &Ready) -> Ordering {
        let fact = |ready: &Ready| self.facts.of(ready.name());
        match self.strategy {
            Strategy::Quality => b.model().quality.cmp(&a.model().quality),
            Strategy::Cost => {
                let (a, b) = (fact(a).price(), fact(b).price());
                (a.is_none(), a).cmp(&(b.is_none(), b))
            }
            Strategy::Speed if self.measured => fact(a).median.cmp(&fact(b).median),
            Strategy::Speed => b.model().speed.cmp(&a.model().speed),
        }
    }

    /// What speaks for or against a model: `0.6 + 2.2 USD per MTok`.
    pub(super) fn says(&self, ready: &Ready) -> String {
        let fact = self.facts.of(ready.name());
        match self.strategy {
            Strategy::Quality => format!("quality {} of 100", ready.model().quality),
            Strategy::Cost => match (fact.input, fact.output) {
                (Some(input), Some(output)) => format!("{input} + {output} USD per MTok"),
                _ => "price unknown".into(),
            },
            Strategy::Speed => match fact.median.filter(|_| self.measured) {
                Some(median) => format!("{:.1} s in the median", median.as_secs_f64()),
                None => format!("speed {} of 100", ready.model().speed),
            },
        }
    }
}
