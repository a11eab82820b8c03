//! One row: an attempt to get an answer from one model.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::Variant;
use crate::model::{RequestId, TaskKind, Tier, Usage, Usd};

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// A whole answer.
    Ok,
    /// No answer: an error of the vendor, the network, or a time limit.
    Failed,
    /// The answer stopped in the middle.
    Cut,
    /// The person stopped it.
    Cancelled,
    /// Answered from the cache, without asking anybody.
    Cached,
    /// A copy that was sent beside the answer and thrown away, whatever came of it: money, and nothing else.
    Shadow,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Ok, Self::Failed, Self::Cut, Self::Cancelled, Self::Cached, Self::Shadow];

    /// The word in rows and `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Cut => "cut",
            Self::Cancelled => "cancelled",
            Self::Cached => "cached",
            Self::Shadow => "shadow",
        }
    }

    /// Whether it counts into the error rate: what the person stopped does not.
    pub const fn is_error(self) -> bool {
        matches!(self, Self::Failed | Self::Cut)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An attempt with everything that is known of it when it is over. No text of the prompt or the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The request that it belongs to.
    #[serde(with = "text")]
    pub request: RequestId,
    /// Its number within the request, from 1.
    pub number: u32,
    /// When it started.
    pub at: Timestamp,
    /// The machine's name.
    pub machine: String,
    /// The conversation.
    pub session: Option<String>,
    /// The project's name.
    pub project: Option<String>,
    /// The worktree.
    pub worktree: Option<String>,
    /// The SPEC.
    pub spec: Option<String>,
    /// The agent.
    pub agent: Option<String>,
    /// The agent's task.
    #[serde(default)]
    pub task: Option<String>,
    /// The name of the gateway's access key that the request came with.
    #[serde(default)]
    pub key: Option<String>,
    /// The experiment that it was in, with its arm: `faster-tests/glm-4.7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<String>,
    /// What decided on the model: `force`, `command`, `worktree`, `agent`, `classifier`, …
    pub decided_by: String,
    /// Why, in a few words; never the prompt's.
    pub decision: Option<String>,
    /// The model that was asked for, where somebody asked for one.
    pub model_asked: Option<String>,
    /// The model that was tried, by moai's name: `claude-opus`, `glm-4.7`.
    pub model: String,
    /// Its id at the vendor.
    pub model_id: String,
    /// The vendor.
    pub provider: String,
    /// Which of its deployments: `zai/eu`; `None` where it has none.
    #[serde(default)]
    pub deployment: Option<String>,
    /// The tier of the model that was tried.
    #[serde(with = "text")]
    pub tier: Tier,
    /// What the prompt is about.
    #[serde(with = "text_option", default)]
    pub kind: Option<TaskKind>,
    /// How sure the classification was, from 0 to 1.
    pub confidence: Option<f64>,
    /// Tokens; `None` where the vendor reported none.
    pub usage: Option<Usage>,
    /// The tokens are our own estimate, for an answer that was cut.
    #[serde(default)]
    pub estimated: bool,
    /// How it was sent.
    #[serde(default)]
    pub variant: Variant,
    /// What it cost in nano-dollars; `None` is unknown.
    #[serde(with = "nanos")]
    pub cost: Option<Usd>,
    /// What the same tokens would have cost on Claude alone.
    #[serde(with = "nanos")]
    pub baseline: Option<Usd>,
    /// The price book.
    pub book: String,
    /// Its version.
    pub book_version: String,
    /// The row of the book.
    pub price_key: Option<String>,
    /// Milliseconds to the first token.
    pub first_ms: Option<u64>,
    /// Milliseconds to the end.
    pub total_ms: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// The error's stable name.
    pub error: Option<String>,
    /// It stands in for another model.
    pub fallback: bool,
    /// 1 where the same model was asked before in this request, else 0; an older row may count more at once.
    pub retries: u32,
}

impl Attempt {
    /// The experiment and the arm of a copy.
    pub fn shadowed(&self) -> Option<(&str, &str)> {
        self.arm.as_deref().filter(|_| self.outcome == Outcome::Shadow)?.split_once('/')
    }

    /// Whether it cost money, or may have.
    pub fn is_paid(&self) -> bool {
        self.cost != Some(Usd::ZERO)
    }

    /// Whether the vendor reported nothing although there was an answer to pay for.
    pub fn is_unmetered(&self) -> bool {
        self.usage.is_none() && self.cost != Some(Usd::ZERO) && self.outcome != Outcome::Cached
    }
}

/// Values that have a text form of their own.
mod text {
    use super::{Deserialize, FromStr, fmt};

    pub(super) fn serialize<T: fmt::Display, S: serde::Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: fmt::Display>,
        D: serde::Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[expect(clippy::ref_option, reason = "serde hands the field over like this")]
mod text_option {
    use super::{Deserialize, FromStr, fmt};

    pub(super) fn serialize<T, S>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error>
    where
        T: fmt::Display,
        S: serde::Serializer,
    {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr<Err: fmt::Display>,
        D: serde::Deserializer<'de>,
    {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
    }
}

/// Money as whole nano-dollars: a float would not come back as it went.
#[expect(clippy::ref_option, reason = "serde hands the field over like this")]
mod nanos {
    use super::{Deserialize, Serialize, Usd};

    pub(super) fn serialize<S: serde::Serializer>(value: &Option<Usd>, to: S) -> Result<S::Ok, S::Error> {
        value.map(Usd::nanos).serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Usd>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(Usd::from_nanos))
    }
}
