//! A client's request, bytes first: what routing needs is peeked, the rest is never parsed, and an upstream of the
//! same dialect gets the client's own bytes with the model's name changed.
//!
//! Prompt caches are prefix-exact and thinking blocks are signed, so a request that is parsed and written again
//! costs money or fails. `docs/architecture.md` has the measurements behind this shape.

mod adapt;
mod addition;
mod estimate;
mod foreign;
mod head;
mod splice;

pub use adapt::{Adapt, Adapted};
pub use estimate::estimate_tokens;
pub(in crate::wire) use foreign::SERVER_TOOL;
pub(in crate::wire) use head::{Entries, Items, place};
pub use head::{Head, Turn};
pub(in crate::wire) use splice::Splice;

use bytes::Bytes;

use super::hub::Prompt;

/// A body that is not the request it should be. The text is fit for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The body is not UTF-8.
    #[error("the request body is not UTF-8")]
    NotUtf8,
    /// The body is not JSON, or a field has the wrong type.
    #[error("the request body is not valid: {0}")]
    Json(String),
    /// `model` is missing or not a string.
    #[error("model: field required")]
    NoModel,
    /// A field is there and cannot be what it is.
    #[error("{field}: {why}")]
    Field {
        /// Its path.
        field: String,
        /// What is wrong with it.
        why: String,
    },
}

impl RequestError {
    /// Says what is wrong and where, and never quotes the body: it may hold anything.
    pub(in crate::wire) fn json(error: &serde_json::Error) -> Self {
        use serde_json::error::Category;
        let what = match error.classify() {
            Category::Syntax => "syntax error",
            Category::Eof => "it ends too early",
            Category::Data | Category::Io => "a field has the wrong type",
        };
        Self::Json(format!("{what} at line {} column {}", error.line(), error.column()))
    }
}

/// A request as it came, with its head.
#[derive(Debug, Clone)]
pub struct Request {
    bytes: Bytes,
    head: Head,
    places: head::Places,
    /// The user's last own words, where they end the conversation.
    words: Option<String>,
}

impl Request {
    /// Peeks into a body in the Anthropic or the `OpenAI` Chat dialect.
    ///
    /// Only the shape of the top level is checked: what else is wrong with a body is for the vendor to say.
    pub fn peek(bytes: impl Into<Bytes>) -> Result<Self, RequestError> {
        let bytes = bytes.into();
        let text = simdutf8::basic::from_utf8(&bytes).map_err(|_not_utf8| RequestError::NotUtf8)?;
        let (head, places, words) = head::peek(text)?;
        Ok(Self { bytes, head, places, words })
    }

    /// The client's bytes, untouched.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What routing reads.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The last thing that the user said, without what the client wrote in `<system-reminder>` tags.
    ///
    /// In a long tool loop it is far back, so it is looked for only when it is asked for.
    pub fn last_user_text(&self) -> Option<String> {
        if self.words.is_some() {
            return self.words.clone();
        }
        let text = self.text();
        head::last_words(self.places.messages.iter().filter_map(|place| text.get(place.clone())))
    }

    /// The bytes as text. `peek` has proved that they are UTF-8, so this is never the empty text.
    fn text(&self) -> &str {
        simdutf8::basic::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// The client's bytes with every top-level `model` replaced by `model`; all other bytes are the same.
    pub fn with_model(&self, model: &str) -> Bytes {
        if self.places.models.len() == 1 && self.head.model == model {
            return self.bytes.clone();
        }
        let mut splice = Splice::new(&self.bytes);
        self.splice_model(&mut splice, model);
        splice.apply()
    }

    /// The whole request, typed: for an upstream of another dialect.
    pub fn prompt(&self) -> Result<Prompt, RequestError> {
        Prompt::from_slice(&self.bytes)
    }

    fn splice_model(&self, splice: &mut Splice<'_>, model: &str) {
        let quoted = serde_json::Value::from(model).to_string();
        for place in &self.places.models {
            splice.replace(place.clone(), quoted.clone());
        }
    }
}
