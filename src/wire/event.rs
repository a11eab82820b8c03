//! An answer as events, in Anthropic's order: start, blocks with their pieces, stop, end.

use serde_json::Value;

use super::fault::Fault;
use crate::model::Usage;

/// One event of an answer.
///
/// A well-formed answer is `Start`, then blocks (each `Open`, any number of `Delta`, `Close`; several may be open at
/// once, and their indices count up from 0), then `Stop` and `End`. An `Error` may come at any point and is the last.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The answer begins.
    Start {
        /// The vendor's id of it, or one made from the request's.
        id: String,
        /// The model that answers, as the vendor calls it; may be empty.
        model: String,
        /// What the vendor says at the start: the prompt's tokens.
        usage: Option<Usage>,
    },
    /// A block begins.
    Open {
        /// Its place in the answer.
        index: usize,
        /// What it is.
        block: Opened,
    },
    /// A piece of an open block.
    Delta {
        /// The block.
        index: usize,
        /// The piece.
        delta: Delta,
    },
    /// A block ends.
    Close {
        /// The block.
        index: usize,
    },
    /// Why the answer ends, and what it used.
    Stop {
        /// Why.
        reason: StopReason,
        /// The stop sequence that ended it.
        sequence: Option<String>,
        /// What the vendor says at the end; `None` where it never said anything.
        usage: Option<Usage>,
    },
    /// The answer is whole.
    End,
    /// The vendor is still there.
    Ping,
    /// The answer fails here.
    Error(Fault),
}

/// What a block is.
#[derive(Debug, Clone, PartialEq)]
pub enum Opened {
    /// Text.
    Text,
    /// Thinking.
    Thinking,
    /// Thinking that only its author can read.
    Redacted(String),
    /// A call of a tool; its arguments come as pieces of JSON.
    Tool {
        /// The call's id.
        id: String,
        /// The client's name of the tool.
        name: String,
    },
    /// Anything else, as Anthropic sends it.
    Other(Value),
}

/// A piece of a block.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// Of a text.
    Text(String),
    /// Of thinking.
    Thinking(String),
    /// The signature of a thinking block.
    Signature(String),
    /// Of a call's arguments; only all pieces together are JSON.
    Json(String),
    /// Anything else, as Anthropic sends it.
    Other(Value),
}

/// Why an answer ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// The model had no more to say.
    EndTurn,
    /// The output limit.
    MaxTokens,
    /// A stop sequence.
    StopSequence,
    /// It waits for tools.
    ToolUse,
    /// The vendor or the model refused.
    Refusal,
    /// Any other, in Anthropic's words: `pause_turn`, …
    Other(String),
}

impl Event {
    /// Whether the client would see something of this: until then another model can take over unnoticed.
    pub fn is_content(&self) -> bool {
        matches!(self, Self::Open { .. } | Self::Delta { .. } | Self::Stop { .. })
    }
}

impl StopReason {
    /// Anthropic's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::EndTurn => "end_turn",
            Self::MaxTokens => "max_tokens",
            Self::StopSequence => "stop_sequence",
            Self::ToolUse => "tool_use",
            Self::Refusal => "refusal",
            Self::Other(word) => word,
        }
    }

    /// The reason of Anthropic's word.
    pub fn of_word(word: &str) -> Self {
        match word {
            "end_turn" => Self::EndTurn,
            "max_tokens" => Self::MaxTokens,
            "stop_sequence" => Self::StopSequence,
            "tool_use" => Self::ToolUse,
            "refusal" => Self::Refusal,
            other => Self::Other(other.to_owned()),
        }
    }
}
