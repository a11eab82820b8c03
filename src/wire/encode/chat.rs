//! `OpenAI` Chat Completions, and everybody who imitates it.

use serde_json::{Map, Value, json};

use super::parts::{self, Media, Part};
use super::tools::{self, Toolbox};
use super::{Draft, names, object, put, schema, system_text};
use crate::wire::hub::{Block, Piece, Prompt, Thinks, ToolChoice, Turn, turns};
use crate::wire::quirks::{Effort, WebSearch};

pub(super) fn body(prompt: &Prompt, draft: &mut Draft<'_>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".into(), draft.target.model.into());
    body.insert("messages".into(), messages(prompt, draft).into());
    put_tools(&mut body, prompt, draft);
    let limit =
        if draft.quirks().completion_field(draft.target.model) { "max_completion_tokens" } else { "max_tokens" };
    put(&mut body, limit, draft.max_tokens(prompt));
    put_sampling(&mut body, prompt, draft);
    let most = draft.quirks().stops;
    put(&mut body, "stop", draft.stops(prompt, most));
    put_thinking(&mut body, prompt, draft);
    put_format(&mut body, prompt, draft);
    put_session(&mut body, prompt, draft);
    body.insert("stream".into(), draft.target.stream.into());
    if draft.target.stream {
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    draft.drop_what_is_anthropics(prompt);
    body
}

fn messages(prompt: &Prompt, draft: &mut Draft<'_>) -> Vec<Value> {
    let mut messages = Vec::new();
    if let Some(text) = system_text(prompt, draft) {
        messages.push(system_message(prompt, &text, draft));
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

/// The system prompt: one text, or parts with their cache breakpoints where the API knows them.
fn system_message(prompt: &Prompt, text: &str, draft: &Draft<'_>) -> Value {
    if !draft.quirks().cache_control || !parts::has_cache_control(prompt) {
        return json!({"role": "system", "content": text});
    }
    let blocks = prompt.system.iter().filter(|block| !block.is_billing()).filter_map(|block| match block {
        Block::Text { text, rest } => Some(text_part(text, rest.get("cache_control"))),
        _ => None,
    });
    json!({"role": "system", "content": blocks.collect::<Vec<_>>()})
}

fn text_part(text: &str, cache: Option<&Value>) -> Value {
    let mut part = object([("type", "text".into()), ("text", text.into())]);
    put(&mut part, "cache_control", cache.cloned());
    Value::Object(part)
}

/// Tool messages right after the call, then the user's own words, with what the tools showed in front.
fn user(turn: &Turn<'_>, draft: &mut Draft<'_>, messages: &mut Vec<Value>) {
    let mut shown = Vec::new();
    for result in &turn.results {
        let (text, media) = parts::of_answer(result, draft);
        shown.extend(media);
        let text = parts::flagged(text, result.is_error);
        messages.push(json!({"role": "tool", "tool_call_id": result.id, "content": text}));
    }
    shown.extend(parts::of_pieces(&turn.blocks, draft));
    if !shown.is_empty() {
        messages.push(json!({"role": "user", "content": content(&shown, draft)}));
    }
}

/// A plain string where there is only text: imitations that know no parts take that.
fn content(parts: &[Part<'_>], draft: &Draft<'_>) -> Value {
    let keeps_cache = draft.quirks().cache_control;
    let plain: Option<Vec<&str>> = parts
        .iter()
        .map(|part| match part {
            Part::Text { text, cache } if !(keeps_cache && cache.is_some()) => Some(text.as_ref()),
            _ => None,
        })
        .collect();
    if let Some(texts) = plain {
        return texts.join("\n\n").into();
    }
    parts
        .iter()
        .map(|part| match part {
            Part::Text { text, cache } => text_part(text, cache.filter(|_| keeps_cache)),
            Part::Image(media) => json!({"type": "image_url", "image_url": {"url": media.url()}}),
            Part::File { name, media } => json!({"type": "file", "file": file(name, media)}),
        })
        .collect()
}

fn file(name: &str, media: &Media<'_>) -> Value {
    json!({"filename": name, "file_data": media.url()})
}

fn assistant(turn: &Turn<'_>, draft: &mut Draft<'_>) -> Option<Value> {
    let mut calls = Vec::new();
    let mut thoughts = Vec::new();
    let mut sealed = false;
    for piece in &turn.blocks {
        match piece {
            Piece::Block(Block::ToolUse { id, name, input, .. }) => calls.push(json!({
                "id": id, "type": "function",
                "function": {"name": draft.names.to_wire(name), "arguments": arguments(input)},
            })),
            Piece::Block(Block::Thinking { thinking, .. }) if !thinking.is_empty() => thoughts.push(thinking.as_str()),
            Piece::Block(Block::Thinking { .. } | Block::RedactedThinking { .. }) => sealed = true,
            _ => {}
        }
    }
    let said = parts::of_pieces(&turn.blocks, draft);
    if said.is_empty() && calls.is_empty() {
        return None;
    }
    let mut message = object([("role", "assistant".into())]);
    message.insert("content".into(), if said.is_empty() { Value::Null } else { content(&said, draft) });
    put_reasoning(&mut message, &thoughts, sealed, !calls.is_empty(), draft);
    if !calls.is_empty() {
        message.insert("tool_calls".into(), calls.into());
    }
    Some(Value::Object(message))
}

/// Arguments as the text of an object.
pub(super) fn arguments(input: &Value) -> String {
    match input {
        Value::String(text) => text.clone(),
        Value::Null => "{}".into(),
        other => other.to_string(),
    }
}

/// The model's reasoning goes back to those who ask for it, and is left out for the others. A turn with calls whose
/// reasoning nobody can read gets a placeholder: without the field these APIs answer 400.
fn put_reasoning(
    message: &mut Map<String, Value>,
    thoughts: &[&str],
    sealed: bool,
    calls: bool,
    draft: &mut Draft<'_>,
) {
    if !draft.quirks().echo_reasoning {
        if sealed || !thoughts.is_empty() {
            draft.drop("thinking", "this model does not take its reasoning back");
        }
        return;
    }
    if !thoughts.is_empty() {
        message.insert("reasoning_content".into(), thoughts.join("\n\n").into());
    } else if calls {
        message.insert("reasoning_content".into(), "(not recorded)".into());
    }
    if sealed {
        draft.drop("redacted_thinking", "only its author can read it");
    }
}

fn put_tools(body: &mut Map<String, Value>, prompt: &Prompt, draft: &mut Draft<'_>) {
    let toolbox = tools::of(prompt, draft);
    if prompt.tool_choice == Some(ToolChoice::None) && !draft.quirks().tool_choice {
        return; // "no tool" can still be said: by having none
    }
    let choice = tools::choice(prompt, draft);
    let mut others = Vec::new();
    put_search(body, &mut others, &toolbox, draft);
    if toolbox.functions.is_empty() && others.is_empty() {
        return;
    }
    let mut text = Vec::new();
    for (tool, parameters) in &toolbox.functions {
        let (name, description) = (draft.names.to_wire(&tool.name), tool.description.as_deref());
        let function = Function { name, description, parameters: schema::ForChat(parameters) };
        text.push(if text.is_empty() { b'[' } else { b',' });
        super::json(&mut text, &Entry { kind: "function", function });
    }
    for other in &others {
        text.push(if text.is_empty() { b'[' } else { b',' });
        super::json(&mut text, other);
    }
    text.push(b']');
    draft.tools = Some(text);
    // The text stands here in the end.
    body.insert("tools".into(), Value::Null);
    put(
        body,
        "tool_choice",
        choice.map(|choice| match choice {
            ToolChoice::Auto => "auto".into(),
            ToolChoice::Any => "required".into(),
            ToolChoice::None => "none".into(),
            ToolChoice::Tool(name) => json!({"type": "function", "function": {"name": draft.names.to_wire(name)}}),
        }),
    );
    if prompt.one_tool_at_a_time {
        if draft.quirks().parallel_switch {
            body.insert("parallel_tool_calls".into(), false.into());
        } else {
            draft.drop("disable_parallel_tool_use", "the API has no such switch");
        }
    }
}

/// A function among the tools, as it is written.
#[derive(serde::Serialize)]
struct Entry<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    function: Function<'a>,
}

#[derive(serde::Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: schema::ForChat<'a>,
}

fn put_search(body: &mut Map<String, Value>, tools: &mut Vec<Value>, toolbox: &Toolbox<'_>, draft: &mut Draft<'_>) {
    if !toolbox.web_search {
        return;
    }
    match draft.quirks().web_search {
        WebSearch::No | WebSearch::Server => draft.drop("tools: web_search", "this model cannot search the web"),
        WebSearch::Zai => tools.push(json!({
            "type": "web_search",
            "web_search": {"enable": true, "search_engine": "search-prime", "search_result": true},
        })),
        WebSearch::OpenRouter => {
            body.insert("plugins".into(), json!([{"id": "web"}]));
        }
        WebSearch::Options => {
            body.insert("web_search_options".into(), json!({}));
        }
    }
}

fn put_sampling(body: &mut Map<String, Value>, prompt: &Prompt, draft: &mut Draft<'_>) {
    let sampling = &prompt.sampling;
    if draft.quirks().reasons(draft.target.model) {
        for (field, value) in [("temperature", &sampling.temperature), ("top_p", &sampling.top_p)] {
            if value.is_some() {
                draft.drop(field, "models that reason refuse it");
            }
        }
    } else {
        put(body, "temperature", sampling.temperature.clone());
        put(body, "top_p", sampling.top_p.clone());
    }
    if sampling.top_k.is_some() {
        draft.drop("top_k", "this API does not have it");
    }
}

fn put_thinking(body: &mut Map<String, Value>, prompt: &Prompt, draft: &mut Draft<'_>) {
    let quirks = draft.quirks();
    if quirks.thinking_switch {
        match prompt.thinks() {
            Thinks::Yes(_) => put(body, "thinking", Some(json!({"type": "enabled"}))),
            Thinks::No => put(body, "thinking", Some(json!({"type": "disabled"}))),
            Thinks::Unsaid => {}
        }
    }
    let Some(wanted) = Draft::effort(prompt) else { return };
    let takes = !quirks.openai_models || quirks.reasons(draft.target.model);
    match wanted.nearest(&quirks.efforts_of(draft.target.model)).filter(|_| takes) {
        Some(effort) => put(body, "reasoning_effort", Some(effort.as_str())),
        None if quirks.thinking_switch && (wanted == Effort::None || prompt.effort().is_none()) => {}
        None if prompt.effort().is_some() => draft.drop("output_config.effort", "this model has no such setting"),
        None => draft.drop("thinking", "how much this model thinks cannot be set"),
    }
}

fn put_format(body: &mut Map<String, Value>, prompt: &Prompt, draft: &mut Draft<'_>) {
    let Some(wanted) = prompt.schema() else { return };
    if draft.quirks().json_schema {
        let schema = schema::for_chat(wanted);
        let format = json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}});
        body.insert("response_format".into(), format);
    } else {
        draft.drop("output_config.format", "the API knows JSON, but no schema");
        body.insert("response_format".into(), json!({"type": "json_object"}));
    }
}

fn put_session(body: &mut Map<String, Value>, prompt: &Prompt, draft: &mut Draft<'_>) {
    let Some(session) = prompt.session() else { return };
    if draft.quirks().session_fields {
        body.insert("safety_identifier".into(), names::hash(&session).into());
        let key: String = session.chars().take(64).collect();
        body.insert("prompt_cache_key".into(), key.into());
    } else {
        draft.drop("metadata.user_id", "it is nobody else's business");
    }
}
