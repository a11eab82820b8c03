//! The form of what was trained: a file of a person's own, in front of the built-in weights. Names of moai's own
//! lexicon and whole numbers; nothing of a prompt, so that it can be given to somebody else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{MOST, is_name};
use crate::base::failure::{Explain, Kind};

/// The version of the form that this program writes.
const VERSION: u32 = 1;

/// Weights that were trained, by the name of what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// The version of this form.
    pub version: u32,
    /// When they were trained, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_at: Option<String>,
    /// The number of the last opinion that they have learned from: what was said later counts beside them.
    #[serde(default)]
    pub opinions: i64,
    /// From how many prompts they were learned.
    #[serde(default)]
    pub prompts: u64,
    /// What each name moves a score by, in thousandths of a logit; positive is tier 1.
    pub names: BTreeMap<String, i32>,
}

/// What is wrong with a file of weights.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// It is not of the form that moai writes.
    #[error("no learned weights")]
    Form(#[source] serde_json::Error),
    /// A newer moai wrote it.
    #[error("learned weights of version {0}, which a newer moai has written")]
    Newer(u32),
    /// It names something that the classifier does not learn from.
    #[error("learned weights for `{0}`, which the classifier does not learn from")]
    Name(String),
    /// A weight is larger than any that training makes.
    #[error("a weight of {weight} for `{name}`: {MOST} is the most")]
    Large {
        /// The name.
        name: String,
        /// Its weight.
        weight: i32,
    },
}

impl Explain for WeightsError {
    fn kind(&self) -> Kind {
        Kind::Config
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Newer(_) => vec!["update moai".into()],
            _ => vec!["`moai learn undo` brings back the weights of before".into()],
        }
    }

    fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Newer(_) => "newer-weights",
            _ => "broken-weights",
        })
    }
}

impl Weights {
    /// Weights by name; what weighs nothing is left out.
    pub fn new(names: impl IntoIterator<Item = (String, i32)>) -> Self {
        let names = names.into_iter().filter(|(_, weight)| *weight != 0).collect();
        Self { version: VERSION, names, ..Self::default() }
    }

    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<Self, WeightsError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let head: Head = serde_json::from_str(text).map_err(WeightsError::Form)?;
        if head.version > VERSION {
            return Err(WeightsError::Newer(head.version));
        }
        let weights: Self = serde_json::from_str(text).map_err(WeightsError::Form)?;
        for (name, weight) in &weights.names {
            if !is_name(name) || name.chars().any(char::is_control) {
                return Err(WeightsError::Name(name.escape_debug().to_string()));
            }
            if !(-MOST..=MOST).contains(weight) {
                return Err(WeightsError::Large { name: name.clone(), weight: *weight });
            }
        }
        Ok(weights)
    }

    /// The text of the file.
    pub fn render(&self) -> String {
        // A struct of strings and numbers always becomes JSON.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// What a name moves a score by.
    pub fn of(&self, name: &str) -> i32 {
        self.names.get(name).copied().unwrap_or_default()
    }

    /// Whether nothing was trained.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_wrong_is_refused() {
        let weights = Weights {
            trained_at: Some("2026-11-21T12:00:00Z".into()),
            opinions: 7,
            prompts: 12,
            ..Weights::new([("op:explain".to_owned(), 400), ("fin:fix>code".to_owned(), -30), ("op:x".to_owned(), 0)])
        };
        assert_eq!(weights.names.len(), 2);
        assert_eq!(Weights::parse(&weights.render()).unwrap(), weights);
        assert_eq!(weights.render(), Weights::parse(&weights.render()).unwrap().render());
        for (text, code) in [
            ("", "broken-weights"),
            ("{}", "broken-weights"),
            (r#"{"version": 1, "names": {"op:a": 1.5}}"#, "broken-weights"),
            (r#"{"version": 1, "names": {"op:a": 1501}}"#, "broken-weights"),
            (r#"{"version": 1, "names": {"w:secret": 10}}"#, "broken-weights"),
            (r#"{"version": 1, "names": {}, "more": 1}"#, "broken-weights"),
            (r#"{"version": 2, "shape": []}"#, "newer-weights"),
        ] {
            let error = Weights::parse(text).unwrap_err();
            assert_eq!((error.code(), error.kind()), (Some(code), Kind::Config), "{text}");
        }
    }
}
