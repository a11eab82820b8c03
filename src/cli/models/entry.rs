//! A model in the documents of `moai models`: the same fields in a list and by itself.

use serde_json::{Value as Json, json};

use crate::route::{Fact, Model, Provider};
use crate::upstream::Offered;

use super::survey::State;

/// What is told of a model wherever one is told of.
#[derive(Debug, serde::Serialize)]
pub(super) struct Entry {
    model: String,
    provider: String,
    id: String,
    aliases: Vec<String>,
    tier: Option<u8>,
    kinds: Vec<String>,
    context: Option<u64>,
    input_per_million_usd: Option<String>,
    output_per_million_usd: Option<String>,
    state: &'static str,
    named_only: bool,
    bytes: Option<u64>,
}

impl Entry {
    /// One that is configured; `bytes` is how large its files are at its server.
    pub(super) fn of(model: &Model, price: &Fact, state: State, bytes: Option<u64>) -> Self {
        Self {
            model: model.name.clone(),
            provider: model.provider.clone(),
            id: model.id.clone(),
            aliases: model.aliases.clone(),
            tier: Some(model.tier.number()),
            kinds: model.kinds.iter().map(ToString::to_string).collect(),
            context: model.context,
            input_per_million_usd: price.input.map(|rate| rate.to_string()),
            output_per_million_usd: price.output.map(|rate| rate.to_string()),
            state: state.as_str(),
            named_only: model.named_only,
            bytes,
        }
    }

    /// One that a provider lists and nobody has configured.
    pub(super) fn stranger(provider: &Provider, one: &Offered, state: State) -> Self {
        Self {
            model: format!("{}/{}", provider.name, one.id),
            provider: provider.name.clone(),
            id: one.id.clone(),
            aliases: Vec::new(),
            tier: None,
            kinds: Vec::new(),
            context: None,
            input_per_million_usd: None,
            output_per_million_usd: None,
            state: state.as_str(),
            named_only: true,
            bytes: one.bytes,
        }
    }

    /// With what only one of the documents tells.
    pub(super) fn and(&self, more: Json) -> Json {
        let mut document = json!(self);
        if let (Some(fields), Json::Object(more)) = (document.as_object_mut(), more) {
            fields.extend(more);
        }
        document
    }
}
