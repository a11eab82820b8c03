//! Words at the end of the system prompt: put there without touching a byte in front of them, so that what the vendor
//! has cached of the prompt is still its beginning.

use serde_json::Value;

use super::Request;
use super::head::{MessagePeek, place};
use super::splice::Splice;

impl Request {
    /// Adds a last block to the system prompt of Anthropic's dialect. `emptied`: the splice takes out what there is.
    pub(super) fn splice_system(&self, text: &str, addition: &str, emptied: bool, splice: &mut Splice<'_>) {
        let words = Value::from(addition);
        let block = format!(r#"{{"type":"text","text":{words}}}"#);
        let Some(system) = self.places.system.clone() else {
            self.splice_field("system", &words.to_string(), splice);
            return;
        };
        let raw = text.get(system.clone()).unwrap_or_default();
        if let Some(inner) = raw.strip_prefix('[').and_then(|raw| raw.strip_suffix(']')) {
            let comma = if emptied || inner.trim_ascii().is_empty() { "" } else { "," };
            splice.replace(system.end - 1..system.end - 1, format!("{comma}{block}"));
        } else if raw.starts_with('"') {
            splice.replace(system.start..system.start, r#"[{"type":"text","text":"#);
            splice.replace(system.end..system.end, format!("}},{block}]"));
        } else if raw == "null" {
            splice.replace(system, words.to_string());
        }
    }

    /// Adds to the system's message in front of a Chat conversation, or puts one there: many hosts take only one.
    pub(super) fn splice_system_message(&self, text: &str, addition: &str, splice: &mut Splice<'_>) {
        let mut leading = None;
        for place in &self.places.messages {
            let raw = text.get(place.clone()).unwrap_or_default();
            match serde_json::from_str::<MessagePeek<'_>>(raw) {
                Ok(message) if matches!(&*message.role, "system" | "developer") => leading = message.content,
                _ => break,
            }
        }
        let words = Value::from(addition).to_string();
        let Some(content) = leading else {
            if let Some(first) = self.places.messages.first() {
                splice.replace(first.start..first.start, format!(r#"{{"role":"system","content":{words}}},"#));
            }
            return;
        };
        let end = place(text, content).end.saturating_sub(1);
        if let Some(inner) = content.get().strip_prefix('[').and_then(|raw| raw.strip_suffix(']')) {
            let comma = if inner.trim_ascii().is_empty() { "" } else { "," };
            splice.replace(end..end, format!(r#"{comma}{{"type":"text","text":{words}}}"#));
        } else if let Some(rest) = words.strip_prefix('"').and_then(|words| words.strip_suffix('"')) {
            splice.replace(end..end, format!(r"\n\n{rest}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::wire::request::{Adapt, Request};
    use crate::wire::{Dialect, Quirks};

    const WORDS: &str = "Be \"brief\".\n한 줄.";

    /// The body with the words in it, for a host with these quirks, and whatever stood in front of them in bytes.
    fn added(body: &str, dialect: Dialect, quirks: &Quirks) -> Value {
        let request = Request::peek(body.to_owned()).unwrap();
        let to = Adapt { model: "m2", quirks, most_output: None, addition: Some(WORDS) };
        let adapted = if dialect == Dialect::Chat { request.adapt_chat(&to) } else { request.adapt(&to) };
        serde_json::from_slice(&adapted.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&adapted.body)))
    }

    #[test]
    fn it_is_the_last_block_whatever_the_system_prompt_is() {
        let anthropic = Quirks { anthropic: true, ..Quirks::default() };
        let block = json!({"type": "text", "text": WORDS});
        let cached = json!({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}});
        let billing = json!({"type": "text", "text": "x-anthropic-billing-header: 1"});
        for (system, quirks, expected) in [
            (None, &anthropic, json!(WORDS)),
            (Some(json!(null)), &anthropic, json!(WORDS)),
            (Some(json!([])), &anthropic, json!([block])),
            (Some(json!("a")), &anthropic, json!([{"type": "text", "text": "a"}, block])),
            (Some(json!([cached])), &anthropic, json!([cached, block])),
            (Some(json!([billing])), &anthropic, json!([billing, block])),
            (Some(json!([billing])), &Quirks::default(), json!([block])),
            (Some(json!([billing, cached])), &Quirks::default(), json!([cached, block])),
            (Some(json!(7)), &anthropic, json!(7)),
        ] {
            let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9});
            body["z"] = json!(1.0);
            if let Some(system) = system {
                body["system"] = system;
            }
            let sent = added(&body.to_string(), Dialect::Anthropic, quirks);
            assert_eq!((&sent["system"], &sent["model"], &sent["z"]), (&expected, &json!("m2"), &json!(1.0)), "{body}");
        }
    }

    #[test]
    fn what_stands_in_front_of_it_keeps_its_bytes() {
        let system = r#"[ {"text" : "a\u0041", "type":"text","cache_control":{ "type":"ephemeral"}} ]"#;
        let body = format!(r#"{{"system": {system}, "model":"m", "messages":[]}}"#);
        let quirks = Quirks { anthropic: true, ..Quirks::default() };
        let request = Request::peek(body).unwrap();
        let sent = request.adapt(&Adapt { model: "m", quirks: &quirks, most_output: None, addition: Some("b") }).body;
        let sent = String::from_utf8(sent.to_vec()).unwrap();
        let before = system.trim_end_matches(']');
        assert!(sent.starts_with(&format!(r#"{{"system": {before},{{"type":"text","text":"b"}}]"#)), "{sent}");
        let plain = request.adapt(&Adapt { model: "m", quirks: &quirks, most_output: None, addition: None }).body;
        assert_eq!(plain, *request.bytes(), "nobody else's bytes are touched");
    }

    #[test]
    fn a_chat_has_one_message_of_the_system() {
        let user = json!({"role": "user", "content": "hi"});
        for (before, expected) in [
            (json!([user]), json!([{"role": "system", "content": WORDS}, user])),
            (
                json!([{"role": "system", "content": "a"}, user]),
                json!([{"role": "system", "content": format!("a\n\n{WORDS}")}, user]),
            ),
            (
                json!([{"role": "developer", "content": [{"type": "text", "text": "a"}]}, user]),
                json!([{"role": "developer", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": WORDS}]}, user]),
            ),
            (
                json!([{"role": "system", "content": "a"}, {"role": "system", "content": "b"}]),
                json!([{"role": "system", "content": "a"}, {"role": "system", "content": format!("b\n\n{WORDS}")}]),
            ),
            (json!([]), json!([])),
        ] {
            for stream in [false, true] {
                let body = json!({"messages": before, "model": "m", "stream": stream});
                let sent = added(&body.to_string(), Dialect::Chat, &Quirks::default());
                assert_eq!(sent["messages"], expected, "{body}");
            }
        }
    }
}
