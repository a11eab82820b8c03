//! What is known of models when a strategy chooses among them.

use std::collections::BTreeMap;
use std::time::Duration;

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
