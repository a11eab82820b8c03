//! The hub itself: for prompts that came in another dialect or from the command line. A request that came as
//! Anthropic's goes out as its own bytes (`wire::Request`).

use serde_json::{Map, Value, json};

use super::{Draft, names, object, put};
use crate::wire::hub::{Block, Message, Prompt, Role, Source, Tool, ToolChoice, ToolKind};
use crate::wire::reminder;
use crate::wire::request::SERVER_TOOL;
use crate::wire::signature::{self, Thought};

/// Anthropic's API wants a limit; this one is taken where nobody has said one.
const OUTPUT: u64 = 32_000;

pub(super) fn body(prompt: &Prompt, draft: &mut Draft<'_>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".into(), draft.target.model.into());
    let most = draft.max_tokens(prompt).or(draft.target.most_output).unwrap_or(OUTPUT);
    body.insert("max_tokens".into(), most.into());
    let system: Vec<Value> = prompt
        .system
        .iter()
        .filter(|block| draft.target.quirks.anthropic || !block.is_billing())
        .map(write_block)
        .collect();
    if !system.is_empty() {
        body.insert("system".into(), system.into());
    }
    body.insert("messages".into(), messages(prompt, draft).into());
    put_tools(&mut body, prompt, draft);
    put(&mut body, "temperature", prompt.sampling.temperature.clone());
    put(&mut body, "top_p", prompt.sampling.top_p.clone());
    put(&mut body, "top_k", prompt.sampling.top_k.clone());
    put(&mut body, "stop_sequences", draft.stops(prompt, usize::MAX));
    put(&mut body, "thinking", prompt.thinking.clone());
    put(&mut body, "output_config", prompt.output_config.clone());
    put(&mut body, "metadata", prompt.metadata.clone());
    body.insert("stream".into(), draft.target.stream.into());
    for (field, value) in &prompt.rest {
        body.insert(field.clone(), value.clone());
    }
    for field in &draft.target.quirks.refuses {
        if body.shift_remove(&**field).is_some() {
            draft.drop(field.clone().into_owned(), "this host refuses it");
        }
    }
    body
}

/// The tools that the host takes; a choice of one that is gone is gone with it.
fn put_tools(body: &mut Map<String, Value>, prompt: &Prompt, draft: &mut Draft<'_>) {
    let (taken, others): (Vec<&Tool>, Vec<&Tool>) = prompt.tools.iter().partition(|tool| match &tool.kind {
        ToolKind::Typed(kind) => draft.quirks().takes_tool(kind),
        ToolKind::Custom(_) => true,
    });
    for tool in &others {
        if let ToolKind::Typed(kind) = &tool.kind {
            draft.drop(format!("tools: {kind}"), SERVER_TOOL);
        }
    }
    let chosen = match &prompt.tool_choice {
        Some(ToolChoice::Tool(name)) => taken.iter().any(|tool| tool.name == *name),
        _ => !taken.is_empty(),
    };
    if !taken.is_empty() {
        body.insert("tools".into(), taken.into_iter().map(tool).collect());
    }
    if others.is_empty() || chosen {
        put(body, "tool_choice", choice(prompt));
    }
}

fn choice(prompt: &Prompt) -> Option<Value> {
    let mut choice = match prompt.tool_choice.as_ref() {
        None if prompt.one_tool_at_a_time && !prompt.tools.is_empty() => object([("type", "auto".into())]),
        None => return None,
        Some(ToolChoice::Auto) => object([("type", "auto".into())]),
        Some(ToolChoice::Any) => object([("type", "any".into())]),
        Some(ToolChoice::None) => object([("type", "none".into())]),
        Some(ToolChoice::Tool(name)) => object([("type", "tool".into()), ("name", name.as_str().into())]),
    };
    if prompt.one_tool_at_a_time && prompt.tool_choice != Some(ToolChoice::None) {
        choice.insert("disable_parallel_tool_use".into(), true.into());
    }
    Some(Value::Object(choice))
}

fn tool(tool: &Tool) -> Value {
    let mut written = Map::new();
    if let ToolKind::Typed(kind) = &tool.kind {
        written.insert("type".into(), kind.as_str().into());
    }
    written.insert("name".into(), tool.name.as_str().into());
    put(&mut written, "description", tool.description.clone());
    if let ToolKind::Custom(schema) = &tool.kind {
        let mut schema = schema.as_object().cloned().unwrap_or_default();
        schema.entry("type").or_insert_with(|| "object".into());
        written.insert("input_schema".into(), schema.into());
    }
    written.extend(tool.rest.clone());
    Value::Object(written)
}

fn messages(prompt: &Prompt, draft: &mut Draft<'_>) -> Vec<Value> {
    let mut written = Vec::with_capacity(prompt.messages.len());
    let mut waiting = Vec::new();
    let mut called = false;
    for message in &prompt.messages {
        let value = write_message(message, draft);
        match message.role {
            Role::System if called => waiting.extend(value),
            Role::Assistant => {
                written.append(&mut waiting);
                called = message.content.iter().any(|block| matches!(block, Block::ToolUse { .. }));
                written.extend(value);
            }
            Role::User | Role::System => {
                written.extend(value);
                written.append(&mut waiting);
                called = false;
            }
        }
    }
    written.append(&mut waiting);
    written
}

fn write_message(message: &Message, draft: &mut Draft<'_>) -> Option<Value> {
    let as_reminder = message.role == Role::System && !draft.quirks().system_messages;
    let role = match message.role {
        Role::Assistant => "assistant",
        Role::System if !as_reminder => "system",
        _ => "user",
    };
    let mut content = Vec::with_capacity(message.content.len());
    for block in &message.content {
        match block {
            Block::Text { text, .. } if as_reminder => {
                content.push(json!({"type": "text", "text": reminder::wrap(text)}));
            }
            // Anthropic refuses an empty text.
            Block::Text { text, .. } if text.is_empty() => {}
            Block::Thinking { thinking, signature } => match signature::thought(signature, draft.quirks()) {
                Thought::Foreign => draft.drop("thinking", "another model thought it"),
                Thought::Kept => content.push(write_block(block)),
                Thought::Own(own) => {
                    content.push(json!({"type": "thinking", "thinking": thinking, "signature": own}));
                }
            },
            Block::RedactedThinking { .. } if !draft.quirks().anthropic => {
                draft.drop("redacted_thinking", "only its author can read it");
            }
            block => content.push(write_block(block)),
        }
    }
    if content.is_empty() {
        return None;
    }
    let mut written = object([("role", role.into()), ("content", content.into())]);
    if !as_reminder {
        written.extend(message.rest.clone());
    }
    Some(Value::Object(written))
}

pub(super) fn write_block(block: &Block) -> Value {
    let typed = |kind: &str| object([("type", kind.into())]);
    let (mut map, rest) = match block {
        Block::Text { text, rest } => {
            let mut map = typed("text");
            map.insert("text".into(), text.as_str().into());
            (map, Some(rest))
        }
        Block::Image { source, rest } => {
            let mut map = typed("image");
            map.insert("source".into(), write_source(source));
            (map, Some(rest))
        }
        Block::Document { source, title, rest } => {
            let mut map = typed("document");
            map.insert("source".into(), write_source(source));
            put(&mut map, "title", title.clone());
            (map, Some(rest))
        }
        Block::ToolUse { id, name, input, rest } => {
            let mut map = typed("tool_use");
            map.insert("id".into(), names::anthropic_id(id).into());
            map.insert("name".into(), name.as_str().into());
            map.insert("input".into(), input.clone());
            (map, Some(rest))
        }
        Block::ToolResult { id, content, is_error, rest } => {
            let mut map = typed("tool_result");
            map.insert("tool_use_id".into(), names::anthropic_id(id).into());
            map.insert("content".into(), content.iter().map(write_block).collect());
            if *is_error {
                map.insert("is_error".into(), true.into());
            }
            (map, Some(rest))
        }
        Block::ToolReference { name } => {
            let mut map = typed("tool_reference");
            map.insert("tool_name".into(), name.as_str().into());
            (map, None)
        }
        Block::Thinking { thinking, signature } => {
            let mut map = typed("thinking");
            map.insert("thinking".into(), thinking.as_str().into());
            map.insert("signature".into(), signature.as_str().into());
            (map, None)
        }
        Block::RedactedThinking { data } => {
            let mut map = typed("redacted_thinking");
            map.insert("data".into(), data.as_str().into());
            (map, None)
        }
        Block::Other { raw, .. } => (raw.clone(), None),
    };
    map.extend(rest.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    Value::Object(map)
}

fn write_source(source: &Source) -> Value {
    match source {
        Source::Base64 { media_type, data } => json!({"type": "base64", "media_type": media_type, "data": data}),
        Source::Url(url) => json!({"type": "url", "url": url}),
        Source::Text(text) => json!({"type": "text", "media_type": "text/plain", "data": text}),
        Source::Blocks(blocks) => {
            json!({"type": "content", "content": blocks.iter().map(write_block).collect::<Vec<_>>()})
        }
        Source::Other(value) => value.clone(),
    }
}
