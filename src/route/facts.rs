//! What is known of models when a strategy chooses among them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::ask::Ask;
use super::model::Model;
use super::policy::Policy;
use crate::catalog::{Prices, Variant};
use crate::model::Rate;

/// Facts by moai's name of the model. An empty set is fine: then the built-in ranks decide.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// By [`super::Model::name`].
    pub models: BTreeMap<String, Fact>,
}

/// What is known of one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fact {
    /// The price of a prompt token, from the price book; `None` is unknown, not free.
    pub input: Option<Rate>,
    /// The price of a generated token.
    pub output: Option<Rate>,
    /// The median time to the whole answer, measured by the journal.
    pub median: Option<Duration>,
}

impl Facts {
    /// Whether a strategy could decide this request, so that facts are worth looking up.
    pub fn matter(ask: &Ask, policy: &Policy) -> bool {
        let of_agent = || ask.agent.as_deref().and_then(|name| policy.agent(name)).and_then(|agent| agent.strategy);
        ask.wanted_strategy().or(policy.strategy).or_else(of_agent).is_some()
    }

    /// The prices that `prices` has for these models at `at`, for plain requests of no great length.
    pub fn priced<'a>(models: impl IntoIterator<Item = &'a Model>, prices: &Prices, at: Timestamp) -> Self {
        let fact = |model: &Model| {
            let (_, row) = prices.find(&format!("{}/{}", model.provider, model.id))?;
            let rates = &row.at(at, Variant::Standard)?.rates;
            Some(Fact { input: Some(rates.input), output: Some(rates.output), median: None })
        };
        let models = models.into_iter().filter_map(|model| Some((model.name.clone(), fact(model)?)));
        Self { models: models.collect() }
    }

    /// Adds how long a model takes in the median, as the journal has measured it.
    pub fn set_median(&mut self, model: &str, median: Duration) {
        self.models.entry(model.into()).or_default().median = Some(median);
    }

    /// What is known of a model.
    pub fn of(&self, model: &str) -> Fact {
        self.models.get(model).copied().unwrap_or_default()
    }
}

impl Fact {
    /// The price of three prompt tokens and one generated token, about what work on code comes to; `None` where a
    /// part is unknown.
    pub fn price(&self) -> Option<u128> {
        Some(self.input?.times(3).saturating_add(self.output?.times(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::{Strategy, fixture};

    #[test]
    fn prices_come_from_the_book_by_the_vendors_id() {
        let models = fixture::models(true);
        let mut facts = Facts::priced(&models, &Prices::list(), "2026-11-20T12:00:00Z".parse().unwrap());
        let price = |name: &str| {
            let fact = facts.of(name);
            fact.input.zip(fact.output).map(|(input, output)| format!("{input}/{output}"))
        };
        for (name, expected) in [
            ("claude-opus", Some("5/25")),
            ("glm-4.7", Some("0.6/2.2")),
            ("gemini-pro", Some("1.25/10")),
            ("qwen2.5-coder", Some("0/0")),
            ("sim", Some("0/0")),
            ("house", None),
        ] {
            assert_eq!(price(name).as_deref(), expected, "{name}");
        }
        facts.set_median("house", Duration::from_secs(2));
        assert_eq!((facts.of("house").median, facts.of("house").price()), (Some(Duration::from_secs(2)), None));
    }

    #[test]
    fn facts_matter_where_somebody_has_a_strategy() {
        let policy = fixture::policy();
        let agent = |name: &str| Ask { agent: Some(name.into()), ..Ask::default() };
        assert!(!Facts::matter(&agent("data_agent"), &policy));
        assert!(Facts::matter(&agent("strategy_agent"), &policy));
        assert!(Facts::matter(&Ask { time_critical: true, ..Ask::default() }, &policy));
        assert!(Facts::matter(&Ask::default(), &Policy { strategy: Some(Strategy::Cost), ..policy }));
    }
}
