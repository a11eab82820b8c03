//! Ollama's own `/api/chat`.

use serde_json::{Map, Value, json};

use super::parts::{self, Media, Part};
use super::{Draft, object, put, schema, system_text, tools};
use crate::wire::hub::{Block, Piece, Prompt, Thinks, ToolChoice, Turn, turns};
use crate::wire::quirks::Effort;

/// The context that is asked for where nothing else was said: Ollama's own default cuts Claude Code's prompt off
/// silently, and its documentation asks for 64k for coding tools.
const LEAST_CONTEXT: u64 = 65_536;

/// Models that think, by the start of their name (ollama.com/search?c=thinking, 2026-11): the others answer 400
/// when they are told to.
const THINKERS: [&str; 12] = [
    "deepseek-r1",
    "deepseek-v3",
    "deepseek-v4",
    "glm-4",
    "glm-5",
    "gpt-oss",
    "kimi-k2",
    "magistral",
    "minimax-m",
    "nemotron",
    "qwen3",
    "qwq",
];

pub(super) fn body(prompt: &Prompt, draft: &mut Draft<'_>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".into(), draft.target.model.into());
    body.insert("messages".into(), messages(prompt, draft).into());
    put_tools(&mut body, prompt, draft);
    put_thinking(&mut body, prompt, draft);
    put(&mut body, "format", prompt.schema().map(schema::for_chat));
    body.insert("options".into(), options(prompt, draft).into());
    body.insert("stream".into(), draft.target.stream.into());
    if prompt.metadata.is_some() {
        draft.drop("metadata", "this API does not have it");
    }
    draft.drop_what_is_anthropics(prompt);
    body
}

fn options(prompt: &Prompt, draft: &mut Draft<'_>) -> Map<String, Value> {
    let mut options = Map::new();
    options.insert("num_ctx".into(), draft.target.context.unwrap_or(LEAST_CONTEXT).into());
    put(&mut options, "num_predict", draft.max_tokens(prompt));
    put(&mut options, "temperature", prompt.sampling.temperature.clone());
    put(&mut options, "top_p", prompt.sampling.top_p.clone());
    put(&mut options, "top_k", prompt.sampling.top_k.clone());
    put(&mut options, "stop", draft.stops(prompt, usize::MAX));
    options
}

fn messages(prompt: &Prompt, draft: &mut Draft<'_>) -> Vec<Value> {
    let mut messages = Vec::new();
    if let Some(text) = system_text(prompt, draft) {
        messages.push(json!({"role": "system", "content": text}));
    }
    for turn in turns(&prompt.messages) {
        if turn.assistant {
            messages.extend(assistant(&turn, draft));
        } else {
            user(&turn, draft, &mut messages);
        }
    }
    messages
}

fn user(turn: &Turn<'_>, draft: &mut Draft<'_>, messages: &mut Vec<Value>) {
    let mut shown = Vec::new();
    for result in &turn.results {
        let (text, media) = parts::of_answer(result, draft);
        shown.extend(media);
        let mut message = object([("role", "tool".into()), ("tool_call_id", result.id.into())]);
        put(&mut message, "tool_name", result.name.map(|name| draft.names.to_wire(name).to_owned()));
        message.insert("content".into(), parts::flagged(text, result.is_error).into());
        messages.push(Value::Object(message));
    }
    shown.extend(parts::of_pieces(&turn.blocks, draft));
    if !shown.is_empty() {
        messages.push(said("user", &shown));
    }
}

fn said(role: &str, parts: &[Part<'_>]) -> Value {
    let mut texts = Vec::new();
    let mut images: Vec<Value> = Vec::new();
    for part in parts {
        match part {
            Part::Text { text, .. } => texts.push(text.as_ref()),
            Part::Image(Media::Data { data, .. }) => images.push((*data).into()),
            Part::Image(Media::Url(_)) | Part::File { .. } => {} // parts made text of these
        }
    }
    let mut message = object([("role", role.into()), ("content", texts.join("\n\n").into())]);
    if !images.is_empty() {
        message.insert("images".into(), images.into());
    }
    Value::Object(message)
}

fn assistant(turn: &Turn<'_>, draft: &mut Draft<'_>) -> Option<Value> {
    let mut calls = Vec::new();
    let mut thoughts = Vec::new();
    for piece in &turn.blocks {
        match piece {
            Piece::Block(Block::ToolUse { id, name, input, .. }) => {
                let arguments = if input.is_object() { input.clone() } else { json!({}) };
                calls.push(json!({"id": id, "function": {"name": draft.names.to_wire(name), "arguments": arguments}}));
            }
            Piece::Block(Block::Thinking { thinking, .. }) if !thinking.is_empty() => thoughts.push(thinking.as_str()),
            Piece::Block(Block::RedactedThinking { .. }) => {
                draft.drop("redacted_thinking", "only its author can read it");
            }
            _ => {}
        }
    }
    let parts = parts::of_pieces(&turn.blocks, draft);
    if parts.is_empty() && calls.is_empty() {
        return None;
    }
    let Value::Object(mut message) = said("assistant", &parts) else { return None };
    if !thoughts.is_empty() {
        if thinks(draft.target.model) {
            message.insert("thinking".into(), thoughts.join("\n\n").into());
        } else {
            draft.drop("thinking", "this model does not think");
        }
    }
    if !calls.is_empty() {
        message.insert("tool_calls".into(), calls.into());
    }
    Some(Value::Object(message))
}

fn put_tools(body: &mut Map<String, Value>, prompt: &Prompt, draft: &mut Draft<'_>) {
    let toolbox = tools::of(prompt, draft);
    if toolbox.web_search {
        draft.drop("tools: web_search", "this model cannot search the web");
    }
    if prompt.one_tool_at_a_time {
        draft.drop("disable_parallel_tool_use", "the API has no such switch");
    }
    match &prompt.tool_choice {
        None | Some(ToolChoice::Auto) => {}
        Some(ToolChoice::None) => return, // no tools is the same
        Some(_) => draft.drop("tool_choice", "the API has no such setting"),
    }
    let written: Vec<Value> = toolbox
        .functions
        .iter()
        .map(|(tool, parameters)| {
            let mut function = object([("name", draft.names.to_wire(&tool.name).into())]);
            put(&mut function, "description", tool.description.clone());
            function.insert("parameters".into(), schema::for_chat(parameters));
            json!({"type": "function", "function": function})
        })
        .collect();
    if !written.is_empty() {
        body.insert("tools".into(), written.into());
    }
}

fn put_thinking(body: &mut Map<String, Value>, prompt: &Prompt, draft: &mut Draft<'_>) {
    let said = prompt.thinks() != Thinks::Unsaid || prompt.effort().is_some();
    let wanted = Draft::effort(prompt);
    if !thinks(draft.target.model) {
        if said && wanted != Some(Effort::None) {
            draft.drop("thinking", "this model does not think");
        }
        return;
    }
    // gpt-oss takes a level and cannot be switched off; the others take a switch.
    if base_name(draft.target.model).starts_with("gpt-oss") {
        let level = wanted.and_then(|wanted| wanted.nearest(&[Effort::Low, Effort::Medium, Effort::High]));
        put(body, "think", level.map(Effort::as_str));
    } else if said {
        body.insert("think".into(), (wanted != Some(Effort::None)).into());
    }
}

fn thinks(model: &str) -> bool {
    let name = base_name(model);
    THINKERS.iter().any(|family| name.starts_with(family)) && !name.starts_with("qwen3-coder")
}

/// `qwen3` of `library/qwen3:8b`.
fn base_name(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}
