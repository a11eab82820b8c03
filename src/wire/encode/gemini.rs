//! Google's `generateContent`.

use serde_json::{Map, Value, json};

use super::parts::{self, Media, Part};
use super::{Draft, object, put, schema, system_text, tools};
use crate::wire::hub::{Block, Piece, Prompt, ToolChoice, Turn, turns};
use crate::wire::quirks::Effort;
use crate::wire::signature;

/// What public adapters send where a call's signature was lost (another model made the call).
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

pub(super) fn body(prompt: &Prompt, draft: &mut Draft<'_>) -> Map<String, Value> {
    let mut body = Map::new();
    if let Some(text) = system_text(prompt, draft) {
        body.insert("systemInstruction".into(), json!({"parts": [{"text": text}]}));
    }
    body.insert("contents".into(), contents(prompt, draft).into());
    put_tools(&mut body, prompt, draft);
    let config = generation(prompt, draft);
    if !config.is_empty() {
        body.insert("generationConfig".into(), config.into());
    }
    if prompt.metadata.is_some() {
        draft.drop("metadata", "this API does not have it");
    }
    draft.drop_what_is_anthropics(prompt);
    body
}

fn contents(prompt: &Prompt, draft: &mut Draft<'_>) -> Vec<Value> {
    let mut contents: Vec<(bool, Vec<Value>)> = Vec::new();
    for turn in turns(&prompt.messages) {
        let parts = if turn.assistant { model_parts(&turn, draft) } else { user_parts(&turn, draft) };
        match contents.last_mut() {
            _ if parts.is_empty() => {}
            Some((assistant, before)) if *assistant == turn.assistant => before.extend(parts),
            _ => contents.push((turn.assistant, parts)),
        }
    }
    contents
        .into_iter()
        .map(|(assistant, parts)| json!({"role": if assistant { "model" } else { "user" }, "parts": parts}))
        .collect()
}

fn user_parts(turn: &Turn<'_>, draft: &mut Draft<'_>) -> Vec<Value> {
    let mut written = Vec::new();
    let mut shown = Vec::new();
    for result in &turn.results {
        let (text, media) = parts::of_answer(result, draft);
        shown.extend(media);
        let key = if result.is_error { "error" } else { "result" };
        let name = draft.names.to_wire(result.name.unwrap_or("unknown_tool"));
        let response = object([(key, text.into())]);
        written.push(json!({"functionResponse": {"id": result.id, "name": name, "response": response}}));
    }
    shown.extend(parts::of_pieces(&turn.blocks, draft));
    written.extend(shown.iter().map(part));
    written
}

fn part(part: &Part<'_>) -> Value {
    match part {
        Part::Text { text, .. } => json!({"text": text}),
        Part::Image(media) | Part::File { media, .. } => match media {
            Media::Data { media_type, data } => json!({"inlineData": {"mimeType": media_type, "data": data}}),
            Media::Url(url) => json!({"fileData": {"fileUri": url}}),
        },
    }
}

/// The model's parts: a signature of ours goes on the part that follows it, and the first call of a step without
/// one says so, because Gemini 3 answers 400 otherwise.
fn model_parts(turn: &Turn<'_>, draft: &mut Draft<'_>) -> Vec<Value> {
    let mut written = Vec::new();
    let mut carried: Option<&str> = None;
    let mut first_call = true;
    for piece in &turn.blocks {
        match piece {
            Piece::Block(Block::Thinking { signature, .. }) => {
                match signature::unpack(signature, &draft.quirks().origin).filter(|sealed| !sealed.is_empty()) {
                    Some(sealed) => carried = Some(sealed),
                    None => draft.drop("thinking", "another model thought it, or it was not signed"),
                }
            }
            Piece::Block(Block::RedactedThinking { .. }) => {
                draft.drop("redacted_thinking", "only its author can read it");
            }
            Piece::Block(Block::ToolUse { id, name, input, .. }) => {
                let args = if input.is_object() { input.clone() } else { json!({}) };
                let call = json!({"id": id, "name": draft.names.to_wire(name), "args": args});
                let mut part = object([("functionCall", call)]);
                let lost = (first_call && signs(draft.target.model)).then_some(NO_SIGNATURE);
                put(&mut part, "thoughtSignature", carried.take().or(lost));
                first_call = false;
                written.push(Value::Object(part));
            }
            other => {
                for said in parts::of_pieces(std::slice::from_ref(other), draft) {
                    let mut said = part(&said);
                    if let (Some(sealed), Some(map)) = (carried.take(), said.as_object_mut()) {
                        map.insert("thoughtSignature".into(), sealed.into());
                    }
                    written.push(said);
                }
            }
        }
    }
    written
}

/// Gemini 3 and later want signatures on calls; earlier ones know none.
fn signs(model: &str) -> bool {
    generation_of(model) >= 3
}

/// The 3 of `gemini-3.1-pro`; an unknown name counts as new.
fn generation_of(model: &str) -> u32 {
    let name = model.rsplit('/').next().unwrap_or(model);
    let digits: String =
        name.strip_prefix("gemini-").unwrap_or_default().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(3)
}

fn put_tools(body: &mut Map<String, Value>, prompt: &Prompt, draft: &mut Draft<'_>) {
    let toolbox = tools::of(prompt, draft);
    if prompt.one_tool_at_a_time {
        draft.drop("disable_parallel_tool_use", "the API has no such switch");
    }
    let choice = tools::choice(prompt, draft);
    if toolbox.functions.is_empty() {
        if toolbox.web_search {
            body.insert("tools".into(), json!([{"googleSearch": {}}]));
        }
        return;
    }
    if toolbox.web_search {
        draft.drop("tools: web_search", "this API does not search and call tools in one request");
    }
    let written: Vec<Value> = toolbox
        .functions
        .iter()
        .map(|(tool, parameters)| {
            let mut function = object([("name", draft.names.to_wire(&tool.name).into())]);
            put(&mut function, "description", tool.description.clone());
            function.insert("parametersJsonSchema".into(), schema::for_gemini(parameters));
            Value::Object(function)
        })
        .collect();
    body.insert("tools".into(), json!([{"functionDeclarations": written}]));
    let config = match choice {
        None => return,
        Some(ToolChoice::Auto) => json!({"mode": "AUTO"}),
        Some(ToolChoice::Any) => json!({"mode": "ANY"}),
        Some(ToolChoice::None) => json!({"mode": "NONE"}),
        Some(ToolChoice::Tool(name)) => {
            json!({"mode": "ANY", "allowedFunctionNames": [draft.names.to_wire(name)]})
        }
    };
    body.insert("toolConfig".into(), json!({"functionCallingConfig": config}));
}

fn generation(prompt: &Prompt, draft: &mut Draft<'_>) -> Map<String, Value> {
    let mut config = Map::new();
    put(&mut config, "maxOutputTokens", draft.max_tokens(prompt));
    put(&mut config, "temperature", prompt.sampling.temperature.clone());
    put(&mut config, "topP", prompt.sampling.top_p.clone());
    put(&mut config, "topK", prompt.sampling.top_k.clone());
    let most = draft.quirks().stops;
    put(&mut config, "stopSequences", draft.stops(prompt, most));
    put(&mut config, "thinkingConfig", thinking(prompt, draft));
    if let Some(wanted) = prompt.schema() {
        config.insert("responseMimeType".into(), "application/json".into());
        config.insert("responseJsonSchema".into(), schema::for_gemini(wanted));
    }
    config
}

/// A level for Gemini 3 and later, a budget for 2.5, nothing for what came before.
fn thinking(prompt: &Prompt, draft: &mut Draft<'_>) -> Option<Value> {
    use crate::wire::hub::Thinks;
    let wanted = Draft::effort(prompt);
    if wanted.is_none() && prompt.thinks() == Thinks::Unsaid {
        return None;
    }
    let model = draft.target.model;
    if generation_of(model) < 3 && !model.contains("2.5") {
        if wanted != Some(Effort::None) {
            draft.drop("thinking", "this model does not think");
        }
        return None;
    }
    let mut config = object([("includeThoughts", (wanted != Some(Effort::None)).into())]);
    if generation_of(model) >= 3 {
        put(&mut config, "thinkingLevel", wanted.map(|wanted| level(model, wanted)));
    } else {
        config.insert("thinkingBudget".into(), budget(prompt, model, wanted).into());
    }
    Some(Value::Object(config))
}

/// Pro knows low and high, Flash minimal and medium too (as public adapters have it in 2026-11; unchecked against the
/// live service).
fn level(model: &str, wanted: Effort) -> &'static str {
    let flash = model.contains("flash");
    match wanted {
        Effort::None | Effort::Minimal if flash => "minimal",
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium if flash => "medium",
        _ => "high",
    }
}

/// The budget of a 2.5 model: -1 lets it decide; Pro thinks at least 128 tokens.
fn budget(prompt: &Prompt, model: &str, wanted: Option<Effort>) -> i64 {
    use crate::wire::hub::Thinks;
    const MOST: i64 = 24_576;
    match (prompt.thinks(), wanted) {
        (_, Some(Effort::None)) => {
            if model.contains("pro") {
                128
            } else {
                0
            }
        }
        (Thinks::Yes(Some(budget)), _) => i64::try_from(budget).unwrap_or(MOST).clamp(512, MOST),
        (_, Some(Effort::Minimal | Effort::Low)) => 1_024,
        (_, Some(Effort::Medium)) => 8_192,
        (_, Some(_)) => MOST,
        (_, None) => -1,
    }
}
