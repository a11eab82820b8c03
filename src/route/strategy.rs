//! Which of several models that would all do is taken: the best, the cheapest or the fastest.

use std::cmp::Reverse;

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
        match self.strategy {
            Strategy::Quality => models.sort_by_key(|ready| Reverse(ready.model().quality)),
            Strategy::Cost => models.sort_by_key(|ready| {
                let price = self.facts.of(ready.name()).price();
                (price.is_none(), price)
            }),
            Strategy::Speed if self.measured => models.sort_by_key(|ready| self.facts.of(ready.name()).median),
            Strategy::Speed => models.sort_by_key(|ready| Reverse(ready.model().speed)),
        }
        models
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
