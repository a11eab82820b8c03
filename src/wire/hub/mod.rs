//! The hub: a request in Anthropic's terms, typed as far as other dialects need it. What is not typed is kept.
//!
//! Every dialect is read into this and written from it, so that a new one costs one reader and one writer.

mod read;
mod turns;

pub(super) use read::{strings, take_number, take_string};
pub(super) use turns::{Piece, Result as ToolAnswer, Turn, joined, turns};

use serde_json::{Map, Value};

/// A JSON object whose fields nobody here knows.
pub type Rest = Map<String, Value>;

/// One request: a conversation and what to do with it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prompt {
    /// The model that was asked for; where it is sent is decided elsewhere.
    pub model: String,
    /// The system prompt's blocks, in order.
    pub system: Vec<Block>,
    /// The conversation. [`Role::System`] may stand anywhere in it.
    pub messages: Vec<Message>,
    /// The tools that the model may call.
    pub tools: Vec<Tool>,
    /// Which tool it must call.
    pub tool_choice: Option<ToolChoice>,
    /// `disable_parallel_tool_use`.
    pub one_tool_at_a_time: bool,
    /// The most tokens to generate.
    pub max_tokens: Option<u64>,
    /// Sampling, as the client spelled the numbers.
    pub sampling: Sampling,
    /// Texts that end the answer.
    pub stop_sequences: Vec<String>,
    /// `thinking` as it came: see [`Prompt::thinks`].
    pub thinking: Option<Value>,
    /// `output_config` as it came: see [`Prompt::effort`] and [`Prompt::schema`].
    pub output_config: Option<Value>,
    /// `metadata` as it came: see [`Prompt::user`].
    pub metadata: Option<Value>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Every other field of the request.
    pub rest: Rest,
}

/// The numbers that steer sampling.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sampling {
    /// `temperature`.
    pub temperature: Option<serde_json::Number>,
    /// `top_p`.
    pub top_p: Option<serde_json::Number>,
    /// `top_k`.
    pub top_k: Option<serde_json::Number>,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said; a plain string is one [`Block::Text`].
    pub content: Vec<Block>,
    /// Every other field of the message.
    pub rest: Rest,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The user, and tools through the user.
    User,
    /// The model.
    Assistant,
    /// The client, in the middle of a conversation.
    System,
}

/// A piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Text.
    Text {
        /// The text.
        text: String,
        /// `cache_control`, `citations`, …
        rest: Rest,
    },
    /// A picture.
    Image {
        /// Where it is.
        source: Source,
        /// Every other field.
        rest: Rest,
    },
    /// A PDF or a text as a document.
    Document {
        /// Where it is.
        source: Source,
        /// Its name.
        title: Option<String>,
        /// `context`, `citations`, `cache_control`, …
        rest: Rest,
    },
    /// The model calls a tool.
    ToolUse {
        /// The call's id, repeated by its result.
        id: String,
        /// The tool.
        name: String,
        /// Its arguments; an object in a well-formed conversation.
        input: Value,
        /// Every other field.
        rest: Rest,
    },
    /// What a tool answered.
    ToolResult {
        /// The id of the call.
        id: String,
        /// The answer.
        content: Vec<Block>,
        /// Whether the tool failed.
        is_error: bool,
        /// Every other field.
        rest: Rest,
    },
    /// A tool that tool search has found.
    ToolReference {
        /// The tool.
        name: String,
    },
    /// The model's thinking.
    Thinking {
        /// The text; may be empty.
        thinking: String,
        /// The signature of whoever thought it: see `wire::signature`.
        signature: String,
    },
    /// Thinking that only its author can read.
    RedactedThinking {
        /// The sealed text.
        data: String,
    },
    /// Everything else: server tools and their results, and what vendors will think of.
    Other {
        /// `type`.
        kind: String,
        /// The whole block.
        raw: Rest,
    },
}

/// Where a picture or a document is.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// Here, in base64.
    Base64 {
        /// Its media type, `image/png`.
        media_type: String,
        /// The data.
        data: String,
    },
    /// At an address.
    Url(String),
    /// Here, as text.
    Text(String),
    /// Here, as blocks.
    Blocks(Vec<Block>),
    /// A file that was given to the vendor before, and anything else.
    Other(Value),
}

/// A tool that the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// Who runs it.
    pub kind: ToolKind,
    /// `cache_control`, `defer_loading`, `max_uses`, …
    pub rest: Rest,
}

/// Who runs a tool.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolKind {
    /// The client; this is the schema of its arguments.
    Custom(Value),
    /// The vendor, or the client by a schema that only Anthropic's models know: `web_search_20250305`, `bash_20250124`.
    Typed(String),
}

/// Which tool the model must call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    Auto,
    /// Some tool.
    Any,
    /// No tool.
    None,
    /// This one.
    Tool(String),
}

/// What the request says about thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinks {
    /// Nothing: the model's default.
    Unsaid,
    /// Not to.
    No,
    /// To think, with at most so many tokens where a budget is given.
    Yes(Option<u64>),
}

impl Prompt {
    /// A prompt of one text by the user, streamed.
    pub fn new(model: impl Into<String>, text: impl Into<String>) -> Self {
        Self { model: model.into(), messages: vec![Message::text(Role::User, text)], stream: true, ..Self::default() }
    }

    /// What the request says about thinking.
    pub fn thinks(&self) -> Thinks {
        let Some(thinking) = &self.thinking else { return Thinks::Unsaid };
        match thinking.get("type").and_then(Value::as_str) {
            Some("enabled" | "adaptive") => Thinks::Yes(thinking.get("budget_tokens").and_then(Value::as_u64)),
            Some("disabled") => Thinks::No,
            _ => Thinks::Unsaid,
        }
    }

    /// `output_config.effort`: low, medium, high, xhigh or max.
    pub fn effort(&self) -> Option<&str> {
        self.output_config.as_ref()?.get("effort")?.as_str()
    }

    /// The schema that the answer must have: `output_config.format` of type `json_schema`.
    pub fn schema(&self) -> Option<&Value> {
        let format = self.output_config.as_ref()?.get("format")?;
        (format.get("type").and_then(Value::as_str) == Some("json_schema")).then(|| format.get("schema"))?
    }

    /// `metadata.user_id`.
    pub fn user(&self) -> Option<&str> {
        self.metadata.as_ref()?.get("user_id")?.as_str()
    }

    /// The session inside [`Prompt::user`], or all of it where it is not Claude Code's.
    pub fn session(&self) -> Option<String> {
        let user = self.user()?;
        let inner = serde_json::from_str::<Value>(user).ok();
        let session = inner.as_ref().and_then(|id| id.get("session_id")).and_then(Value::as_str);
        Some(session.or_else(|| user.rsplit_once("_session_").map(|(_, id)| id)).unwrap_or(user).to_owned())
    }
}

impl Message {
    /// A message of one text.
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, content: vec![Block::text(text)], rest: Rest::new() }
    }
}

impl Block {
    /// A text block.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), rest: Rest::new() }
    }

    /// Whether this is the line that Claude Code puts in front of its system prompt for Anthropic's accounting. It
    /// changes with every build, so anybody else's prompt cache would miss because of it.
    pub(super) fn is_billing(&self) -> bool {
        matches!(self, Self::Text { text, .. } if text.starts_with("x-anthropic-billing-header:"))
    }
}
