//! Peeks at the top level of a request: one pass over the text, nothing copied but what is kept.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::RequestError;
use crate::wire::reminder;

/// What routing reads of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The model that was asked for.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether a Chat stream is to tell the usage (`stream_options.include_usage`).
    pub include_usage: bool,
    /// The most tokens to generate (`max_tokens`, `max_completion_tokens`).
    pub max_tokens: Option<u64>,
    /// `metadata.user_id` (Anthropic) or `user` (`OpenAI`), as it came.
    pub user: Option<String>,
    /// The session inside `user`, where Claude Code put one, or `prompt_cache_key`.
    pub session: Option<String>,
    /// Whether the user speaks, or a tool answered.
    pub turn: Turn,
    /// How many messages there are.
    pub messages: usize,
    /// How many tools there are.
    pub tools: usize,
}

/// What the request goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Turn {
    /// The user said something: a new decision.
    #[default]
    User,
    /// Tools answered: the model that asked for them goes on. A message that holds a tool's answer counts as this
    /// even when text follows it, because clients put their own notes there.
    ToolLoop,
}

/// Where things are in the bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    pub(super) models: Vec<Range<usize>>,
    pub(super) max_tokens: Vec<Range<usize>>,
    pub(super) stream_options: Option<Range<usize>>,
    pub(super) system: Option<Range<usize>>,
    pub(super) messages: Vec<Range<usize>>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Key {
    Model,
    Stream,
    StreamOptions,
    MaxTokens,
    MaxCompletionTokens,
    Metadata,
    User,
    #[serde(rename = "prompt_cache_key")]
    CacheName,
    System,
    Messages,
    Tools,
    #[serde(other)]
    Other,
}

#[derive(Default)]
struct Top<'a> {
    models: Vec<&'a RawValue>,
    stream: Option<&'a RawValue>,
    stream_options: Option<&'a RawValue>,
    max_tokens: Vec<&'a RawValue>,
    max_completion_tokens: Option<&'a RawValue>,
    metadata: Option<&'a RawValue>,
    user: Option<&'a RawValue>,
    prompt_cache_key: Option<&'a RawValue>,
    system: Option<&'a RawValue>,
    messages: Vec<&'a RawValue>,
    tools: usize,
}

impl<'de> Deserialize<'de> for Top<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TopVisitor;
        impl<'de> Visitor<'de> for TopVisitor {
            type Value = Top<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a request object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top<'de>, A::Error> {
                let mut top = Top::default();
                while let Some(key) = map.next_key()? {
                    match key {
                        Key::Model => top.models.push(map.next_value()?),
                        Key::Stream => top.stream = Some(map.next_value()?),
                        Key::StreamOptions => top.stream_options = Some(map.next_value()?),
                        Key::MaxTokens => top.max_tokens.push(map.next_value()?),
                        Key::MaxCompletionTokens => top.max_completion_tokens = Some(map.next_value()?),
                        Key::Metadata => top.metadata = Some(map.next_value()?),
                        Key::User => top.user = Some(map.next_value()?),
                        Key::CacheName => top.prompt_cache_key = Some(map.next_value()?),
                        Key::System => top.system = Some(map.next_value()?),
                        Key::Messages => top.messages = map.next_value::<Items<'de>>()?.0,
                        Key::Tools => top.tools = map.next_value::<Option<Count>>()?.map_or(0, |count| count.0),
                        Key::Other => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(top)
            }
        }
        deserializer.deserialize_map(TopVisitor)
    }
}

/// The elements of an array, unparsed.
pub(in crate::wire) struct Items<'a>(pub(in crate::wire) Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemsVisitor;
        impl<'de> Visitor<'de> for ItemsVisitor {
            type Value = Items<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Items(items))
            }
        }
        deserializer.deserialize_seq(ItemsVisitor)
    }
}

/// The fields of an object, unparsed.
pub(in crate::wire) struct Entries<'a>(pub(in crate::wire) Vec<(&'a str, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor;
        impl<'de> Visitor<'de> for EntriesVisitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor)
    }
}

/// How many elements an array has.
struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<IgnoredAny>::deserialize(deserializer).map(|items| Self(items.len()))
    }
}

pub(super) fn peek(text: &str) -> Result<(Head, Places, Option<String>), RequestError> {
    let top: Top<'_> = serde_json::from_str(text).map_err(|error| RequestError::json(&error))?;
    let place = |raw: &RawValue| place(text, raw);
    let places = Places {
        models: top.models.iter().map(|raw| place(raw)).collect(),
        max_tokens: top.max_tokens.iter().chain(&top.max_completion_tokens).map(|raw| place(raw)).collect(),
        stream_options: top.stream_options.map(place),
        system: top.system.map(place),
        messages: top.messages.iter().map(|raw| place(raw)).collect(),
    };
    let model: String = top.models.last().and_then(|raw| read(raw)).ok_or(RequestError::NoModel)?;
    let user = top.metadata.and_then(user_of_metadata).or_else(|| top.user.and_then(read));
    let session = user.as_deref().and_then(session_of_user).or_else(|| top.prompt_cache_key.and_then(read));
    let (turn, words) = turn(top.messages.iter().map(|raw| raw.get()));
    let head = Head {
        model,
        stream: top.stream.and_then(read).unwrap_or(false),
        include_usage: top.stream_options.and_then(read::<StreamOptions>).is_some_and(|options| options.include_usage),
        max_tokens: top.max_completion_tokens.or(top.max_tokens.last().copied()).and_then(read),
        user,
        session,
        turn,
        messages: top.messages.len(),
        tools: top.tools,
    };
    Ok((head, places, words))
}

#[derive(Deserialize)]
struct StreamOptions {
    #[serde(default)]
    include_usage: bool,
}

/// Where `raw` stands in `text`, of which it is a slice.
pub(in crate::wire) fn place(text: &str, raw: &RawValue) -> Range<usize> {
    let start = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start + raw.get().len()
}

fn read<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Option<T> {
    serde_json::from_str(raw.get()).ok()
}

fn user_of_metadata(raw: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Metadata {
        #[serde(default)]
        user_id: Option<String>,
    }
    read::<Metadata>(raw)?.user_id
}

/// Claude Code's `user_id` is a JSON object in a string; before 2.1 it was `user_…_account_…_session_<uuid>`.
fn session_of_user(user: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct UserId {
        session_id: String,
    }
    if let Ok(id) = serde_json::from_str::<UserId>(user) {
        return Some(id.session_id);
    }
    let (_, session) = user.rsplit_once("_session_")?;
    (!session.is_empty()).then(|| session.to_owned())
}

/// One message as far as routing looks at it.
#[derive(Deserialize)]
pub(super) struct MessagePeek<'a> {
    #[serde(borrow, default)]
    pub(super) role: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct BlockPeek<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Cow<'a, str>,
}

/// Whether the user speaks or a tool answered: seen in the last messages, and no further back than the model's. With
/// the user's words where they were come upon.
fn turn<'a>(messages: impl DoubleEndedIterator<Item = &'a str>) -> (Turn, Option<String>) {
    for message in messages.rev().filter_map(|raw| serde_json::from_str::<MessagePeek<'_>>(raw).ok()) {
        match &*message.role {
            "user" => match own_words(message.content) {
                (_, true) => return (Turn::ToolLoop, None),
                (words @ Some(_), false) => return (Turn::User, words),
                (None, false) => {}
            },
            "tool" | "function" => return (Turn::ToolLoop, None),
            "assistant" => return (Turn::User, None),
            _ => {}
        }
    }
    (Turn::User, None)
}

/// The user's last own words.
pub(super) fn last_words<'a>(messages: impl DoubleEndedIterator<Item = &'a str>) -> Option<String> {
    messages
        .rev()
        .filter_map(|raw| serde_json::from_str::<MessagePeek<'_>>(raw).ok())
        .filter(|message| message.role == "user")
        .find_map(|message| own_words(message.content).0)
}

fn own_words(content: Option<&RawValue>) -> (Option<String>, bool) {
    let Some(content) = content else { return (None, false) };
    let owned = |text: Cow<'_, str>| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    if let Some(text) = read::<Cow<'_, str>>(content) {
        return (owned(reminder::strip(&text)), false);
    }
    let blocks: Vec<BlockPeek<'_>> = read(content).unwrap_or_default();
    let tool_answered = blocks.iter().any(|block| block.kind == "tool_result");
    let mut said = String::new();
    for block in blocks.iter().filter(|block| matches!(&*block.kind, "text" | "input_text")) {
        if let Some(text) = owned(reminder::strip(&block.text)) {
            if !said.is_empty() {
                said.push('\n');
            }
            said.push_str(&text);
        }
    }
    ((!said.is_empty()).then_some(said), tool_answered)
}
