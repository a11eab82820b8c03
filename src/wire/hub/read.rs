//! Reads Anthropic's JSON into the hub. Strict where a wrong type would change the meaning, and keeps the rest.

use serde_json::{Map, Number, Value};

use super::{Block, Message, Prompt, Rest, Role, Sampling, Source, Tool, ToolChoice, ToolKind};
use crate::wire::request::RequestError;

type Read<T> = Result<T, RequestError>;

fn wrong(field: impl Into<String>, why: &str) -> RequestError {
    RequestError::Field { field: field.into(), why: why.into() }
}

impl Prompt {
    /// Reads a whole request in the Anthropic dialect.
    pub fn from_slice(bytes: &[u8]) -> Read<Self> {
        let text = simdutf8::basic::from_utf8(bytes).map_err(|_not_utf8| RequestError::NotUtf8)?;
        let value = serde_json::from_str(text).map_err(|error| RequestError::json(&error))?;
        Self::from_value(value)
    }

    /// Reads a whole request in the Anthropic dialect from its JSON.
    pub fn from_value(value: Value) -> Read<Self> {
        let Value::Object(mut map) = value else {
            return Err(RequestError::Json("a request object was expected".into()));
        };
        let model = take_string(&mut map, "model").ok_or(RequestError::NoModel)?;
        let messages = match map.shift_remove("messages") {
            Some(Value::Array(messages)) => messages.into_iter().enumerate().map(read_message).collect::<Read<_>>()?,
            None => return Err(wrong("messages", "field required")),
            Some(_) => return Err(wrong("messages", "an array was expected")),
        };
        let (tool_choice, one_tool_at_a_time) = read_choice(map.shift_remove("tool_choice"))?;
        Ok(Self {
            model,
            system: read_content(map.shift_remove("system"), "system")?,
            messages,
            tools: read_tools(map.shift_remove("tools"))?,
            tool_choice,
            one_tool_at_a_time,
            max_tokens: map.shift_remove("max_tokens").and_then(|most| most.as_u64()),
            sampling: Sampling {
                temperature: take_number(&mut map, "temperature"),
                top_p: take_number(&mut map, "top_p"),
                top_k: take_number(&mut map, "top_k"),
            },
            stop_sequences: strings(map.shift_remove("stop_sequences")),
            thinking: map.shift_remove("thinking").filter(Value::is_object),
            output_config: map.shift_remove("output_config").filter(Value::is_object),
            metadata: map.shift_remove("metadata").filter(Value::is_object),
            stream: map.shift_remove("stream").and_then(|stream| stream.as_bool()).unwrap_or(false),
            rest: map,
        })
    }
}

fn read_message((number, value): (usize, Value)) -> Read<Message> {
    let at = format!("messages.{number}");
    let Value::Object(mut map) = value else { return Err(wrong(at, "an object was expected")) };
    let role = match take_string(&mut map, "role").as_deref() {
        Some("user") => Role::User,
        Some("assistant") => Role::Assistant,
        Some("system") => Role::System,
        Some(other) => return Err(wrong(format!("{at}.role"), &format!("`{other}` is not user, assistant or system"))),
        None => return Err(wrong(format!("{at}.role"), "field required")),
    };
    let content = read_content(map.shift_remove("content"), &at)?;
    Ok(Message { role, content, rest: map })
}

/// Content as a string, as blocks, or none.
pub(super) fn read_content(value: Option<Value>, at: &str) -> Read<Vec<Block>> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Block::text(text)]),
        Some(Value::Array(blocks)) => blocks.into_iter().map(|block| read_block(block, at)).collect(),
        Some(_) => Err(wrong(format!("{at}.content"), "a string or an array of blocks was expected")),
    }
}

fn read_block(value: Value, at: &str) -> Read<Block> {
    let Value::Object(mut map) = value else {
        return Err(wrong(format!("{at}.content"), "a block is an object"));
    };
    let kind = map.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    match kind.as_str() {
        "" => return Err(wrong(format!("{at}.content.type"), "field required")),
        "text" | "image" | "document" | "tool_use" | "tool_result" | "tool_reference" | "thinking"
        | "redacted_thinking" => {
            map.shift_remove("type");
        }
        _ => return Ok(Block::Other { kind, raw: map }),
    }
    let mut text = |key| take_string(&mut map, key).unwrap_or_default();
    Ok(match kind.as_str() {
        "text" => Block::Text { text: text("text"), rest: map },
        "thinking" => Block::Thinking { thinking: text("thinking"), signature: text("signature") },
        "redacted_thinking" => Block::RedactedThinking { data: text("data") },
        "tool_reference" => Block::ToolReference { name: text("tool_name") },
        "image" => Block::Image { source: read_source(map.shift_remove("source"), at)?, rest: map },
        "document" => Block::Document {
            source: read_source(map.shift_remove("source"), at)?,
            title: take_string(&mut map, "title"),
            rest: map,
        },
        "tool_use" => Block::ToolUse {
            id: text("id"),
            name: text("name"),
            input: map.shift_remove("input").unwrap_or_else(|| Value::Object(Map::new())),
            rest: map,
        },
        _ => Block::ToolResult {
            id: text("tool_use_id"),
            content: read_content(map.shift_remove("content"), at)?,
            is_error: map.shift_remove("is_error").and_then(|error| error.as_bool()).unwrap_or(false),
            rest: map,
        },
    })
}

fn read_source(value: Option<Value>, at: &str) -> Read<Source> {
    let Some(Value::Object(mut map)) = value else {
        return Err(wrong(format!("{at}.content.source"), "field required"));
    };
    let kind = map.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut text = |key| take_string(&mut map, key).unwrap_or_default();
    Ok(match kind.as_str() {
        "base64" => Source::Base64 { media_type: text("media_type"), data: text("data") },
        "url" => Source::Url(text("url")),
        "text" => Source::Text(text("data")),
        "content" => Source::Blocks(read_content(map.shift_remove("content"), at)?),
        _ => Source::Other(Value::Object(map)),
    })
}

fn read_tools(value: Option<Value>) -> Read<Vec<Tool>> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(tools)) => tools.into_iter().enumerate().map(read_tool).collect(),
        Some(_) => Err(wrong("tools", "an array was expected")),
    }
}

fn read_tool((number, value): (usize, Value)) -> Read<Tool> {
    let Value::Object(mut map) = value else {
        return Err(wrong(format!("tools.{number}"), "an object was expected"));
    };
    let kind = take_string(&mut map, "type").filter(|kind| kind != "custom");
    let schema = map.shift_remove("input_schema");
    Ok(Tool {
        name: take_string(&mut map, "name").unwrap_or_default(),
        description: take_string(&mut map, "description"),
        kind: match (kind, schema) {
            (Some(kind), None) => ToolKind::Typed(kind),
            (_, schema) => ToolKind::Custom(schema.unwrap_or_else(|| Value::Object(Map::new()))),
        },
        rest: map,
    })
}

fn read_choice(value: Option<Value>) -> Read<(Option<ToolChoice>, bool)> {
    let Some(Value::Object(mut map)) = value else { return Ok((None, false)) };
    let one = map.get("disable_parallel_tool_use").and_then(Value::as_bool).unwrap_or(false);
    let choice = match take_string(&mut map, "type").as_deref() {
        Some("auto") => ToolChoice::Auto,
        Some("any") => ToolChoice::Any,
        Some("none") => ToolChoice::None,
        Some("tool") => {
            ToolChoice::Tool(take_string(&mut map, "name").ok_or_else(|| wrong("tool_choice.name", "field required"))?)
        }
        _ => return Err(wrong("tool_choice.type", "auto, any, tool or none was expected")),
    };
    Ok((Some(choice), one))
}

/// Takes a string out of an object; anything that is no string is left where it is.
pub(in crate::wire) fn take_string(map: &mut Rest, key: &str) -> Option<String> {
    if !map.get(key)?.is_string() {
        return None;
    }
    match map.shift_remove(key) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

pub(in crate::wire) fn take_number(map: &mut Rest, key: &str) -> Option<Number> {
    if !map.get(key)?.is_number() {
        return None;
    }
    match map.shift_remove(key) {
        Some(Value::Number(number)) => Some(number),
        _ => None,
    }
}

/// The strings of an array, or one string on its own.
pub(in crate::wire) fn strings(value: Option<Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items
            .into_iter()
            .filter_map(|item| if let Value::String(text) = item { Some(text) } else { None })
            .collect(),
        _ => Vec::new(),
    }
}
