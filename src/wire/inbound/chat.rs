//! An `OpenAI` Chat Completions request as a prompt.

use serde_json::{Map, Value, json};

use crate::wire::encode::Dropped;
use crate::wire::hub::{
    Block, Message, Prompt, Rest, Role, Sampling, Source, Tool, ToolChoice, ToolKind, strings, take_number, take_string,
};
use crate::wire::request::RequestError;

/// A chat request in the hub's terms.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The prompt.
    pub prompt: Prompt,
    /// Whether the usage is to be told in the stream (`stream_options.include_usage`).
    pub include_usage: bool,
    /// What no other dialect has a word for.
    pub dropped: Vec<Dropped>,
}

type Read<T> = Result<T, RequestError>;

fn wrong(field: impl Into<String>, why: &str) -> RequestError {
    RequestError::Field { field: field.into(), why: why.into() }
}

/// Reads a chat request.
pub fn chat(bytes: &[u8]) -> Read<ChatRequest> {
    let text = simdutf8::basic::from_utf8(bytes).map_err(|_not_utf8| RequestError::NotUtf8)?;
    let value = serde_json::from_str(text).map_err(|error| RequestError::json(&error))?;
    let Value::Object(mut map) = value else {
        return Err(RequestError::Json("a request object was expected".into()));
    };
    if map.get("n").and_then(Value::as_u64).is_some_and(|answers| answers > 1) {
        return Err(wrong("n", "only one answer can be given"));
    }
    let mut prompt =
        Prompt { model: take_string(&mut map, "model").ok_or(RequestError::NoModel)?, ..Prompt::default() };
    let Some(Value::Array(messages)) = map.shift_remove("messages") else {
        return Err(wrong("messages", "field required"));
    };
    let mut dropped = Vec::new();
    read_messages(messages, &mut prompt, &mut dropped)?;
    read_tools(&mut map, &mut prompt)?;
    read_settings(&mut map, &mut prompt);
    let include_usage = map.get("stream_options").and_then(|options| options.get("include_usage")?.as_bool());
    for known in ["n", "stream_options"] {
        map.shift_remove(known);
    }
    // What is not wanted is not lost.
    map.retain(|field, value| {
        !(value.is_null() || matches!(field.as_str(), "store" | "logprobs") && *value == Value::Bool(false))
    });
    for field in map.keys() {
        dropped.push(Dropped { field: field.clone().into(), why: "only OpenAI's API has this field" });
    }
    Ok(ChatRequest { prompt, include_usage: include_usage.unwrap_or(false), dropped })
}

fn read_messages(messages: Vec<Value>, prompt: &mut Prompt, dropped: &mut Vec<Dropped>) -> Read<()> {
    for (number, message) in messages.into_iter().enumerate() {
        let at = format!("messages[{number}]");
        let Value::Object(mut map) = message else { return Err(wrong(at, "an object was expected")) };
        let content = map.shift_remove("content");
        match take_string(&mut map, "role").as_deref() {
            Some("system" | "developer") => {
                let content = blocks(content, &at, dropped)?;
                if prompt.messages.is_empty() {
                    prompt.system.extend(content);
                } else {
                    prompt.messages.push(Message { role: Role::System, content, rest: Rest::new() });
                }
            }
            Some("user") => {
                if map.contains_key("name") {
                    dropped.push(Dropped { field: "messages: name".into(), why: "only OpenAI's API has this field" });
                }
                let content = blocks(content, &at, dropped)?;
                prompt.messages.push(Message { role: Role::User, content, rest: Rest::new() });
            }
            Some("assistant") => prompt.messages.push(assistant(content, map, &at, dropped)?),
            Some("tool" | "function") => tool_result(content, &mut map, &at, prompt, dropped)?,
            Some(other) => return Err(wrong(format!("{at}.role"), &format!("`{other}` is not a role"))),
            None => return Err(wrong(format!("{at}.role"), "field required")),
        }
    }
    Ok(())
}

fn assistant(content: Option<Value>, mut map: Rest, at: &str, dropped: &mut Vec<Dropped>) -> Read<Message> {
    let mut content = blocks(content, at, dropped)?;
    if let Some(thinking) = take_string(&mut map, "reasoning_content").filter(|thinking| !thinking.is_empty()) {
        content.insert(0, Block::Thinking { thinking, signature: String::new() });
    }
    for call in map.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
        let id = call.get("id").and_then(Value::as_str).unwrap_or_default();
        content.push(tool_use(id, call.get("function").unwrap_or(&Value::Null)));
    }
    // The old way had no ids: its answer, of role function, names the function.
    if let Some(function) = map.get("function_call").filter(|function| function.is_object()) {
        content.push(tool_use(function.get("name").and_then(Value::as_str).unwrap_or_default(), function));
    }
    Ok(Message { role: Role::Assistant, content, rest: Rest::new() })
}

fn tool_use(id: &str, function: &Value) -> Block {
    let text = |key| function.get(key).and_then(Value::as_str).unwrap_or_default();
    let arguments = text("arguments");
    let input = match serde_json::from_str(arguments) {
        Ok(input @ Value::Object(_)) => input,
        _ if arguments.trim().is_empty() => json!({}),
        _ => json!({"__unparsedToolInput": arguments}),
    };
    Block::ToolUse { id: id.to_owned(), name: text("name").to_owned(), input, rest: Rest::new() }
}

/// Tool messages in a row are one message of the user: Anthropic wants all results right after the calls.
fn tool_result(
    content: Option<Value>,
    map: &mut Rest,
    at: &str,
    prompt: &mut Prompt,
    dropped: &mut Vec<Dropped>,
) -> Read<()> {
    let id = take_string(map, "tool_call_id")
        .or_else(|| take_string(map, "name"))
        .ok_or_else(|| wrong(format!("{at}.tool_call_id"), "field required"))?;
    let content = blocks(content, at, dropped)?;
    let result = Block::ToolResult { id, content, is_error: false, rest: Rest::new() };
    let results = |message: &&mut Message| {
        message.role == Role::User
            && message.content.iter().all(|block| matches!(block, Block::ToolResult { .. }))
            && !message.content.is_empty()
    };
    match prompt.messages.last_mut().filter(results) {
        Some(message) => message.content.push(result),
        None => prompt.messages.push(Message { role: Role::User, content: vec![result], rest: Rest::new() }),
    }
    Ok(())
}

fn blocks(content: Option<Value>, at: &str, dropped: &mut Vec<Dropped>) -> Read<Vec<Block>> {
    match content {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) if text.is_empty() => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Block::text(text)]),
        Some(Value::Array(parts)) => Ok(parts.iter().filter_map(|part| block(part, dropped)).collect()),
        Some(_) => Err(wrong(format!("{at}.content"), "a string or an array of parts was expected")),
    }
}

fn block(part: &Value, dropped: &mut Vec<Dropped>) -> Option<Block> {
    let text = |pointer: &str| part.pointer(pointer).and_then(Value::as_str);
    match text("/type").unwrap_or("text") {
        "text" | "input_text" | "output_text" => {
            let mut rest = Rest::new();
            if let Some(cache) = part.get("cache_control") {
                rest.insert("cache_control".into(), cache.clone());
            }
            Some(Block::Text { text: text("/text")?.to_owned(), rest })
        }
        "refusal" => Some(Block::text(text("/refusal")?)),
        "image_url" => {
            let url = text("/image_url/url").or_else(|| text("/image_url"))?;
            Some(Block::Image { source: source(url), rest: Rest::new() })
        }
        "file" if text("/file/file_data").is_some() => Some(Block::Document {
            source: source(text("/file/file_data")?),
            title: text("/file/filename").map(str::to_owned),
            rest: Rest::new(),
        }),
        other => {
            let field = format!("content: {other}").into();
            dropped.push(Dropped { field, why: "no other API takes this part" });
            None
        }
    }
}

fn source(url: &str) -> Source {
    let inline = url.strip_prefix("data:").and_then(|data| data.split_once(";base64,"));
    match inline {
        Some((media_type, data)) => Source::Base64 { media_type: media_type.to_owned(), data: data.to_owned() },
        None => Source::Url(url.to_owned()),
    }
}

fn read_tools(map: &mut Rest, prompt: &mut Prompt) -> Read<()> {
    let tools = map.shift_remove("tools").or_else(|| map.shift_remove("functions"));
    for tool in tools.as_ref().and_then(Value::as_array).into_iter().flatten() {
        let function = tool.get("function").unwrap_or(tool);
        let text = |key| function.get(key).and_then(Value::as_str).map(str::to_owned);
        let schema = function.get("parameters").cloned().unwrap_or_else(|| json!({"type": "object"}));
        prompt.tools.push(Tool {
            name: text("name").ok_or_else(|| wrong("tools.function.name", "field required"))?,
            description: text("description"),
            kind: ToolKind::Custom(schema),
            rest: Rest::new(),
        });
    }
    prompt.tool_choice = match map.shift_remove("tool_choice") {
        Some(Value::String(word)) => match word.as_str() {
            "required" => Some(ToolChoice::Any),
            "none" => Some(ToolChoice::None),
            _ => Some(ToolChoice::Auto),
        },
        Some(choice) => {
            choice.pointer("/function/name").and_then(Value::as_str).map(|name| ToolChoice::Tool(name.to_owned()))
        }
        None => None,
    };
    let parallel = map.shift_remove("parallel_tool_calls").and_then(|parallel| parallel.as_bool());
    prompt.one_tool_at_a_time = parallel == Some(false);
    Ok(())
}

fn read_settings(map: &mut Rest, prompt: &mut Prompt) {
    let older = map.shift_remove("max_tokens");
    prompt.max_tokens = map.shift_remove("max_completion_tokens").or(older).and_then(|most| most.as_u64());
    prompt.sampling = Sampling {
        temperature: take_number(map, "temperature"),
        top_p: take_number(map, "top_p"),
        top_k: take_number(map, "top_k"),
    };
    prompt.stop_sequences = strings(map.shift_remove("stop"));
    prompt.stream = map.shift_remove("stream").and_then(|stream| stream.as_bool()).unwrap_or(false);
    let session = take_string(map, "prompt_cache_key");
    let user = take_string(map, "safety_identifier").or_else(|| take_string(map, "user"));
    prompt.metadata = session.or(user).map(|user| json!({"user_id": user}));
    let mut output = Map::new();
    match take_string(map, "reasoning_effort").as_deref() {
        Some("none") => prompt.thinking = Some(json!({"type": "disabled"})),
        Some("minimal") => {
            output.insert("effort".into(), "low".into());
        }
        Some(effort) => {
            output.insert("effort".into(), effort.into());
        }
        None => {}
    }
    if let Some(format) = map.shift_remove("response_format") {
        match format.pointer("/json_schema/schema") {
            Some(schema) => {
                output.insert("format".into(), json!({"type": "json_schema", "schema": schema}));
            }
            // Plain JSON is asked for in words: only a schema can be enforced everywhere.
            None if format.get("type").and_then(Value::as_str) == Some("json_object") => {
                prompt.system.push(Block::text("Answer with one JSON object and nothing else."));
            }
            None => {}
        }
    }
    prompt.output_config = (!output.is_empty()).then_some(Value::Object(output));
}
