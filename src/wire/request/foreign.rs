//! What a host of Anthropic's dialect does not get, because it is somebody else's: thinking under a signature that it did
//! not make, and what only Anthropic's own servers can do. Everything else of a message stays byte for byte.

use std::borrow::Cow;
use std::sync::LazyLock;

use memchr::memmem::{self, Finder};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use super::head::{Items, MessagePeek, place};
use super::splice::Splice;
use crate::wire::encode::{Dropped, of_server};
use crate::wire::quirks::Quirks;
use crate::wire::signature::{self, Thought};

const TEXT_GONE: &str = r#"{"type":"text","text":"(thinking of another model was here)"}"#;
/// Why a tool is not there.
pub(in crate::wire) const SERVER_TOOL: &str = "only Anthropic's servers run this tool";
const KEY: &str = "\"signature\"";

/// Notes what does not go on, each thing once.
pub(super) fn note(dropped: &mut Vec<Dropped>, field: impl Into<Cow<'static, str>>, why: &'static str) {
    let one = Dropped { field: field.into(), why };
    if !dropped.contains(&one) {
        dropped.push(one);
    }
}

/// What a block has in it that may not go on to a host that is not Anthropic; what looks for it is made once. The last
/// one is in the names of results of server tools, and not in `"tool_result"`.
static SUSPECTS: LazyLock<[Finder<'static>; 4]> = LazyLock::new(|| {
    ["\"signature\"", "\"redacted_thinking\"", "\"server_tool_use\"", "_tool_result\""].map(Finder::new)
});

/// Whether there may be a block in the conversation that does not go on. Seen without parsing; a false alarm costs a
/// look at each message of the model.
pub(super) fn suspects(text: &str, quirks: &Quirks) -> bool {
    let bytes = text.as_bytes();
    if !quirks.anthropic {
        return SUSPECTS.iter().any(|word| word.find(bytes).is_some());
    }
    let mut signed = 0;
    for at in memmem::find_iter(bytes, KEY) {
        let rest = bytes.get(at + KEY.len()..).unwrap_or_default().trim_ascii_start();
        if rest.strip_prefix(b":").is_some_and(|value| signature::is_foreign(value.trim_ascii_start())) {
            return true;
        }
        signed += 1;
    }
    // Some hosts send thinking without the field.
    memmem::find_iter(bytes, "\"type\":\"thinking\"").count() > signed
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    signature: Option<&'a RawValue>,
}

/// What becomes of a block.
enum Fate {
    Stays,
    Becomes(String),
    Goes,
}

/// Takes what is somebody else's out of a message of the model.
pub(super) fn splice_blocks(
    text: &str,
    message: &MessagePeek<'_>,
    quirks: &Quirks,
    splice: &mut Splice<'_>,
    dropped: &mut Vec<Dropped>,
) {
    let Some(items) = message.content.and_then(|raw| serde_json::from_str::<Items<'_>>(raw.get()).ok()) else { return };
    let mut kept: Vec<Cow<'_, str>> = Vec::with_capacity(items.0.len());
    let mut changed = false;
    for raw in &items.0 {
        match fate(raw.get(), quirks, dropped) {
            Fate::Stays => kept.push(raw.get().into()),
            Fate::Becomes(other) => {
                changed = true;
                kept.push(other.into());
            }
            Fate::Goes => changed = true,
        }
    }
    if changed {
        let content = message.content.map(|raw| place(text, raw)).unwrap_or_default();
        // An assistant's message must not be empty.
        let blocks = if kept.is_empty() { TEXT_GONE.to_owned() } else { kept.join(",") };
        splice.replace(content, format!("[{blocks}]"));
    }
}

fn fate(raw: &str, quirks: &Quirks, dropped: &mut Vec<Dropped>) -> Fate {
    let Ok(block) = serde_json::from_str::<Block<'_>>(raw) else { return Fate::Stays };
    match &*block.kind {
        "thinking" => {
            let signature = block.signature.and_then(|raw| serde_json::from_str::<Cow<'_, str>>(raw.get()).ok());
            match signature::thought(&signature.unwrap_or_default(), quirks) {
                Thought::Kept => Fate::Stays,
                Thought::Own(own) => {
                    let at = block.signature.map(|signature| place(raw, signature)).unwrap_or_default();
                    let (before, after) = (raw.get(..at.start), raw.get(at.end..));
                    let own = Value::from(own).to_string();
                    Fate::Becomes([before.unwrap_or_default(), &own, after.unwrap_or_default()].concat())
                }
                Thought::Foreign => {
                    note(dropped, "thinking", "another model thought it");
                    Fate::Goes
                }
            }
        }
        "redacted_thinking" if !quirks.anthropic => {
            note(dropped, "redacted_thinking", "only its author can read it");
            Fate::Goes
        }
        kind if !quirks.anthropic && (kind == "server_tool_use" || kind.ends_with("_tool_result")) => {
            if kind == "tool_result" {
                return Fate::Stays;
            }
            let told = serde_json::from_str(raw).ok().and_then(|map| of_server(kind, &map));
            note(dropped, kind.to_owned(), if told.is_some() { "told as text" } else { "this host has no such block" });
            let text = |told: String| serde_json::json!({"type": "text", "text": told}).to_string();
            told.map_or(Fate::Goes, |told| Fate::Becomes(text(told)))
        }
        _ => Fate::Stays,
    }
}

/// Takes the tools out that the host would have to run and cannot, and gives the names of the fields that go away with
/// them: an answer without the tool is one that says so, and a tool that nobody runs is asked for in vain.
pub(super) fn splice_tools(
    entries: &[(&str, &RawValue)],
    text: &str,
    quirks: &Quirks,
    splice: &mut Splice<'_>,
    dropped: &mut Vec<Dropped>,
) -> &'static [&'static str] {
    #[derive(Deserialize)]
    struct Tool<'a> {
        #[serde(borrow, default, rename = "type")]
        kind: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        name: Option<Cow<'a, str>>,
        #[serde(default)]
        input_schema: Option<IgnoredAny>,
    }
    let field = |name: &str| entries.iter().find(|(key, _)| *key == name).map(|(_, raw)| *raw);
    let Some((tools, items)) =
        field("tools").and_then(|raw| Some((raw, serde_json::from_str::<Items<'_>>(raw.get()).ok()?)))
    else {
        return &[];
    };
    let mut gone = Vec::new();
    let mut kept = Vec::with_capacity(items.0.len());
    for raw in &items.0 {
        let tool = serde_json::from_str::<Tool<'_>>(raw.get()).ok().filter(|tool| tool.input_schema.is_none());
        let kind = tool.as_ref().and_then(|tool| tool.kind.as_deref()).unwrap_or_default();
        if quirks.takes_tool(kind) {
            kept.push(raw.get());
            continue;
        }
        note(dropped, format!("tools: {kind}"), SERVER_TOOL);
        gone.extend(tool.and_then(|tool| tool.name).map(Cow::into_owned));
    }
    if kept.len() == items.0.len() {
        return &[];
    }
    if kept.is_empty() {
        return &["tools", "tool_choice"];
    }
    splice.replace(place(text, tools), format!("[{}]", kept.join(",")));
    let chosen = field("tool_choice").and_then(|raw| serde_json::from_str::<Tool<'_>>(raw.get()).ok()?.name);
    if chosen.is_some_and(|chosen| gone.iter().any(|name| *name == chosen)) { &["tool_choice"] } else { &[] }
}
