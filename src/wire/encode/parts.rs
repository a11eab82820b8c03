//! What a message is made of, when it is not a call or a thought: text, pictures, files. Each dialect writes these
//! three in its own way; what it cannot take has become text here, and is noted as dropped.

use std::borrow::Cow;

use serde_json::Value;

use super::Draft;
use crate::wire::dialect::Dialect;
use crate::wire::hub::{Block, Piece, Prompt, Rest, Source, ToolAnswer, joined};

/// A piece of a message that a vendor can take.
#[derive(Debug, PartialEq)]
pub(super) enum Part<'a> {
    Text { text: Cow<'a, str>, cache: Option<&'a Value> },
    Image(Media<'a>),
    File { name: Cow<'a, str>, media: Media<'a> },
}

/// Data in place, or an address.
#[derive(Debug, PartialEq, Clone, Copy)]
pub(super) enum Media<'a> {
    Data { media_type: &'a str, data: &'a str },
    Url(&'a str),
}

impl Media<'_> {
    /// The data as a `data:` URL, or the address.
    pub(super) fn url(&self) -> String {
        match self {
            Media::Data { media_type, data } => format!("data:{media_type};base64,{data}"),
            Media::Url(url) => (*url).to_owned(),
        }
    }
}

impl<'a> Part<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text { text: text.into(), cache: None }
    }
}

/// The parts of a turn's other blocks: thoughts and calls are not among them.
pub(super) fn of_pieces<'a>(pieces: &'a [Piece<'a>], draft: &mut Draft<'_>) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Reminder(text) => parts.push(Part::text(text.as_str())),
            Piece::Block(block) => of_block(block, draft, &mut parts),
        }
    }
    parts
}

/// A tool's answer as one text, and its pictures and files, which most APIs take only from the user.
pub(super) fn of_answer<'a>(answer: &ToolAnswer<'a>, draft: &mut Draft<'_>) -> (String, Vec<Part<'a>>) {
    let mut parts = Vec::new();
    for block in answer.content {
        of_block(block, draft, &mut parts);
    }
    let mut text = String::new();
    let mut media = Vec::new();
    for part in parts {
        match part {
            Part::Text { text: more, .. } => {
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&more);
            }
            other => media.push(other),
        }
    }
    if text.is_empty() {
        // Some imitations of Chat Completions refuse an empty tool message.
        text.push_str(if media.is_empty() { "(no output)" } else { "(see the attachment)" });
    }
    (text, media)
}

/// `Error: ` in front of what a failed tool said, for APIs that have no flag for it.
pub(super) fn flagged(text: String, is_error: bool) -> String {
    if is_error { format!("Error: {text}") } else { text }
}

fn of_block<'a>(block: &'a Block, draft: &mut Draft<'_>, parts: &mut Vec<Part<'a>>) {
    match block {
        Block::Text { text, .. } if text.is_empty() => {}
        Block::Text { text, rest } => {
            parts.push(Part::Text { text: text.as_str().into(), cache: rest.get("cache_control") });
        }
        Block::Image { source, .. } => parts.push(image(source, draft)),
        Block::Document { source, title, rest } => parts.push(document(source, title.as_deref(), rest, draft)),
        Block::ToolReference { name } => parts.push(Part::text(format!("Tool loaded: {name}"))),
        Block::Other { kind, raw } => {
            if let Some(text) = of_server(kind, raw) {
                draft.drop(kind.clone(), "told as text");
                parts.push(Part::text(text));
            } else {
                draft.drop(kind.clone(), "this API has no such block");
            }
        }
        Block::ToolUse { .. } | Block::ToolResult { .. } | Block::Thinking { .. } | Block::RedactedThinking { .. } => {}
    }
}

fn image<'a>(source: &'a Source, draft: &mut Draft<'_>) -> Part<'a> {
    let takes_urls = draft.target.dialect != Dialect::Ollama;
    match source {
        _ if !draft.quirks().images => {}
        Source::Base64 { media_type, data } => return Part::Image(Media::Data { media_type, data }),
        Source::Url(url) if takes_urls => return Part::Image(Media::Url(url)),
        _ => {}
    }
    draft.drop("image", "the model or its API does not take this picture");
    Part::text("[A picture was here that this model cannot see.]")
}

fn document<'a>(source: &'a Source, title: Option<&'a str>, rest: &Rest, draft: &mut Draft<'_>) -> Part<'a> {
    let name = title.unwrap_or("document");
    let context = rest.get("context").and_then(Value::as_str);
    let titled = |text: &str| {
        let context = context.map(|context| format!("{context}\n")).unwrap_or_default();
        Part::text(format!("{name}:\n{context}{text}"))
    };
    let takes_urls = matches!(draft.target.dialect, Dialect::Responses | Dialect::Gemini);
    let capable = draft.quirks().documents && draft.target.dialect != Dialect::Ollama;
    match source {
        Source::Text(text) => return titled(text),
        Source::Blocks(blocks) => return titled(&joined(blocks)),
        Source::Base64 { media_type, data } if capable => {
            return Part::File { name: file_name(name, media_type), media: Media::Data { media_type, data } };
        }
        Source::Url(url) if capable && takes_urls => {
            return Part::File { name: name.into(), media: Media::Url(url) };
        }
        _ => {}
    }
    draft.drop("document", "the model or its API does not take this document");
    Part::text(format!("[The document `{name}` was here; this model cannot read it.]"))
}

fn file_name<'a>(name: &'a str, media_type: &str) -> Cow<'a, str> {
    if media_type == "application/pdf" && !name.to_ascii_lowercase().ends_with(".pdf") {
        return format!("{name}.pdf").into();
    }
    name.into()
}

/// What a vendor's own tools did, told as text to a model of another vendor.
pub(in crate::wire) fn of_server(kind: &str, raw: &Rest) -> Option<String> {
    match kind {
        "server_tool_use" => {
            let name = raw.get("name")?.as_str()?;
            Some(format!("[{name}: {}]", raw.get("input").cloned().unwrap_or_default()))
        }
        "web_search_tool_result" => {
            let results = raw.get("content")?.as_array()?;
            let lines = results.iter().filter_map(|result| {
                let text = |key| result.get(key).and_then(Value::as_str);
                Some(format!("- {}: {}", text("title").unwrap_or("untitled"), text("url")?))
            });
            Some(format!("[web search results]\n{}", lines.collect::<Vec<_>>().join("\n")))
        }
        _ => None,
    }
}

/// Whether anything in the prompt has a cache breakpoint.
pub(super) fn has_cache_control(prompt: &Prompt) -> bool {
    fn marked(block: &Block) -> bool {
        match block {
            Block::Text { rest, .. }
            | Block::Image { rest, .. }
            | Block::Document { rest, .. }
            | Block::ToolUse { rest, .. } => rest.contains_key("cache_control"),
            Block::ToolResult { rest, content, .. } => rest.contains_key("cache_control") || content.iter().any(marked),
            Block::Other { raw, .. } => raw.contains_key("cache_control"),
            Block::ToolReference { .. } | Block::Thinking { .. } | Block::RedactedThinking { .. } => false,
        }
    }
    prompt.tools.iter().any(|tool| tool.rest.contains_key("cache_control"))
        || prompt.system.iter().any(marked)
        || prompt.messages.iter().flat_map(|message| &message.content).any(marked)
}
