//! `OpenAI` Responses.

use serde_json::{Map, Value, json};

use super::parts::{self, Part};
use super::{Draft, chat, object, put, schema, system_text, tools};
use crate::wire::hub::{Block, Piece, Prompt, ToolChoice, Turn, turns};
use crate::wire::quirks::Effort;
use crate::wire::signature;

/// `max_output_tokens` has a lowest value (16, as public adapters have it in 2026-11).
const LEAST_OUTPUT: u64 = 16;

pub(super) fn body(prompt: &Prompt, draft: &mut Draft<'_>) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("model".into(), draft.target.model.into());
    put(&mut body, "instructions", system_text(prompt, draft));
    body.insert("input".into(), input(prompt, draft).into());
    put_tools(&mut body, prompt, draft);
    let most = draft.max_tokens(prompt);
    if most.is_some_and(|most| most < LEAST_OUTPUT) {
        draft.drop("max_tokens", "raised to the least that the API takes");
    }
    put(&mut body, "max_output_tokens", most.map(|most| most.max(LEAST_OUTPUT)));
    put_sampling(&mut body, prompt, draft);
    if !prompt.stop_sequences.is_empty() {
        draft.drop("stop_sequences", "this API does not have them");
    }
    put_reasoning(&mut body, prompt, draft);
    if let Some(wanted) = prompt.schema() {
        let schema = schema::for_chat(wanted);
        let format = json!({"type": "json_schema", "name": "answer", "schema": schema, "strict": false});
        body.insert("text".into(), json!({"format": format}));
    }
    if let Some(session) = prompt.session() {
        body.insert("prompt_cache_key".into(), session.chars().take(64).collect::<String>().into());
    }
    body.insert("store".into(), false.into());
    body.insert("stream".into(), draft.target.stream.into());
    draft.drop_what_is_anthropics(prompt);
    body
}

fn input(prompt: &Prompt, draft: &mut Draft<'_>) -> Vec<Value> {
    let mut items = Vec::new();
    for turn in turns(&prompt.messages) {
        if turn.assistant {
            assistant(&turn, draft, &mut items);
        } else {
            user(&turn, draft, &mut items);
        }
    }
    items
}

fn user(turn: &Turn<'_>, draft: &mut Draft<'_>, items: &mut Vec<Value>) {
    for result in &turn.results {
        let (text, media) = parts::of_answer(result, draft);
        let text = parts::flagged(text, result.is_error);
        let output = if media.is_empty() {
            text.into()
        } else {
            let text = Part::text(text);
            std::iter::once(&text).chain(&media).map(|part| input_part(part)).collect::<Value>()
        };
        items.push(json!({"type": "function_call_output", "call_id": result.id, "output": output}));
    }
    let said = parts::of_pieces(&turn.blocks, draft);
    if !said.is_empty() {
        let content: Vec<Value> = said.iter().map(input_part).collect();
        items.push(json!({"type": "message", "role": "user", "content": content}));
    }
}

fn input_part(part: &Part<'_>) -> Value {
    match part {
        Part::Text { text, .. } => json!({"type": "input_text", "text": text}),
        Part::Image(media) => json!({"type": "input_image", "image_url": media.url()}),
        Part::File { media: parts::Media::Url(url), .. } => json!({"type": "input_file", "file_url": url}),
        Part::File { name, media } => json!({"type": "input_file", "filename": name, "file_data": media.url()}),
    }
}

/// Items in the order of the blocks: a reasoning item must come right before what it led to.
fn assistant(turn: &Turn<'_>, draft: &mut Draft<'_>, items: &mut Vec<Value>) {
    for piece in &turn.blocks {
        match piece {
            Piece::Block(Block::ToolUse { id, name, input, .. }) => items.push(json!({
                "type": "function_call", "call_id": id,
                "name": draft.names.to_wire(name), "arguments": chat::arguments(input),
            })),
            Piece::Block(Block::Thinking { thinking, signature }) => {
                let sealed = signature::unpack(signature, &draft.quirks().origin).and_then(signature::open_item);
                if let Some((id, encrypted)) = sealed {
                    items.push(reasoning_item(id, encrypted, thinking));
                } else {
                    draft.drop("thinking", "another model thought it");
                }
            }
            Piece::Block(Block::RedactedThinking { .. }) => {
                draft.drop("redacted_thinking", "only its author can read it");
            }
            other => {
                let texts: Vec<Value> = parts::of_pieces(std::slice::from_ref(other), draft)
                    .iter()
                    .filter_map(|part| match part {
                        Part::Text { text, .. } => Some(json!({"type": "output_text", "text": text})),
                        _ => None,
                    })
                    .collect();
                if !texts.is_empty() {
                    items.push(json!({"type": "message", "role": "assistant", "content": texts}));
                }
            }
        }
    }
}

fn reasoning_item(id: &str, encrypted: &str, thinking: &str) -> Value {
    let summary = if thinking.is_empty() { json!([]) } else { json!([{"type": "summary_text", "text": thinking}]) };
    json!({"type": "reasoning", "id": id, "summary": summary, "encrypted_content": encrypted})
}

fn put_tools(body: &mut Map<String, Value>, prompt: &Prompt, draft: &mut Draft<'_>) {
    let toolbox = tools::of(prompt, draft);
    if toolbox.is_empty() {
        return;
    }
    let mut written: Vec<Value> = toolbox
        .functions
        .iter()
        .map(|(tool, parameters)| {
            let mut function = object([("type", "function".into()), ("name", draft.names.to_wire(&tool.name).into())]);
            put(&mut function, "description", tool.description.clone());
            function.insert("parameters".into(), schema::for_chat(parameters));
            function.insert("strict".into(), false.into());
            Value::Object(function)
        })
        .collect();
    if toolbox.web_search {
        written.push(json!({"type": "web_search"}));
    }
    body.insert("tools".into(), written.into());
    put(
        body,
        "tool_choice",
        tools::choice(prompt, draft).map(|choice| match choice {
            ToolChoice::Auto => "auto".into(),
            ToolChoice::Any => "required".into(),
            ToolChoice::None => "none".into(),
            ToolChoice::Tool(name) if toolbox.functions.iter().any(|(tool, _)| tool.name == *name) => {
                json!({"type": "function", "name": draft.names.to_wire(name)})
            }
            ToolChoice::Tool(_) => json!({"type": "web_search"}),
        }),
    );
    if prompt.one_tool_at_a_time {
        body.insert("parallel_tool_calls".into(), false.into());
    }
}

fn put_sampling(body: &mut Map<String, Value>, prompt: &Prompt, draft: &mut Draft<'_>) {
    let sampling = &prompt.sampling;
    let reasons = draft.quirks().reasons(draft.target.model);
    for (field, value) in [("temperature", &sampling.temperature), ("top_p", &sampling.top_p)] {
        match value {
            Some(_) if reasons => draft.drop(field, "models that reason refuse it"),
            value => put(body, field, value.clone()),
        }
    }
    if sampling.top_k.is_some() {
        draft.drop("top_k", "this API does not have it");
    }
}

fn put_reasoning(body: &mut Map<String, Value>, prompt: &Prompt, draft: &mut Draft<'_>) {
    let quirks = draft.quirks();
    if quirks.openai_models && !quirks.reasons(draft.target.model) {
        if Draft::effort(prompt).is_some_and(|effort| effort != Effort::None) {
            draft.drop("thinking", "this model does not reason");
        }
        return;
    }
    let mut reasoning = Map::new();
    match Draft::effort(prompt) {
        None => {}
        Some(wanted) => match wanted.nearest(&quirks.efforts_of(draft.target.model)) {
            Some(effort) => put(&mut reasoning, "effort", Some(effort.as_str())),
            None => draft.drop("thinking", "how much this model thinks cannot be set so"),
        },
    }
    reasoning.insert("summary".into(), "auto".into());
    body.insert("reasoning".into(), reasoning.into());
    body.insert("include".into(), json!(["reasoning.encrypted_content"]));
}
