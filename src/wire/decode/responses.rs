//! `OpenAI` Responses: typed events about numbered items, or the items at once.

use serde_json::Value;

use super::scribe::{Prose, Scribe};
use super::{text, usage};
use crate::wire::event::StopReason;
use crate::wire::fault::{Fault, FaultKind};
use crate::wire::signature;

#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The items of which pieces came, so that they are not told again at their end.
    told: Vec<u64>,
    refused: bool,
    searches: u64,
}

impl Reader {
    pub(super) fn event(&mut self, name: &str, value: &Value, scribe: &mut Scribe) {
        let kind = text(value, "type").filter(|kind| !kind.is_empty()).unwrap_or(name);
        let number = value.get("output_index").and_then(Value::as_u64).unwrap_or(0);
        let delta = || text(value, "delta").unwrap_or_default();
        match kind {
            "response.created" | "response.in_progress" => Self::begin(value.get("response"), scribe),
            "response.output_item.added" => Self::added(number, value.get("item"), scribe),
            "response.output_text.delta" => self.prose(number, Prose::Text, delta(), scribe),
            "response.refusal.delta" => {
                self.refused = true;
                self.prose(number, Prose::Text, delta(), scribe);
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.prose(number, Prose::Thinking, delta(), scribe);
            }
            "response.reasoning_summary_part.added" if scribe.prose_open() == Some(Prose::Thinking) => {
                self.prose(number, Prose::Thinking, "\n\n", scribe);
            }
            "response.function_call_arguments.delta" => {
                if let Some(call) = call_of(number, scribe) {
                    scribe.call_arguments(call, delta());
                }
            }
            "response.function_call_arguments.done" => arguments_at_last(number, value, scribe),
            "response.output_item.done" => self.item(number, value.get("item"), scribe),
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.end(value.get("response"), scribe);
            }
            "error" => scribe.fail(Fault::new(FaultKind::Server, "the vendor reported an error without a text")),
            _ => {}
        }
    }

    /// A response that was not streamed.
    pub(super) fn whole(&mut self, value: &Value, scribe: &mut Scribe) {
        let Some(items) = value.get("output").and_then(Value::as_array) else { return };
        Self::begin(Some(value), scribe);
        for (number, item) in items.iter().enumerate() {
            let number = number as u64;
            Self::added(number, Some(item), scribe);
            self.item(number, Some(item), scribe);
        }
        self.end(Some(value), scribe);
    }

    fn begin(response: Option<&Value>, scribe: &mut Scribe) {
        let said = |key| response.and_then(|response| text(response, key));
        scribe.start(said("id"), said("model"));
    }

    fn prose(&mut self, number: u64, kind: Prose, said: &str, scribe: &mut Scribe) {
        self.told.push(number);
        self.told.dedup();
        scribe.prose(kind, said);
    }

    fn added(number: u64, item: Option<&Value>, scribe: &mut Scribe) {
        let Some(item) = item.filter(|item| text(item, "type") == Some("function_call")) else { return };
        let id = text(item, "call_id").or_else(|| text(item, "id")).unwrap_or_default();
        let call = scribe.call(Some(number), id);
        scribe.call_name(call, text(item, "name").unwrap_or_default());
    }

    /// An item is whole: what was not streamed of it is told now.
    fn item(&mut self, number: u64, item: Option<&Value>, scribe: &mut Scribe) {
        let Some(item) = item else { return };
        match text(item, "type").unwrap_or_default() {
            "function_call" => {
                if call_of(number, scribe).is_none() {
                    Self::added(number, Some(item), scribe);
                }
                arguments_at_last(number, item, scribe);
                if let Some(call) = call_of(number, scribe) {
                    scribe.call_done(call);
                }
            }
            "message" if !self.told.contains(&number) => self.message(item, scribe),
            "reasoning" => self.reasoning(number, item, scribe),
            "web_search_call" => self.searches += 1,
            _ => {}
        }
    }

    fn message(&mut self, item: &Value, scribe: &mut Scribe) {
        for part in item.get("content").and_then(Value::as_array).into_iter().flatten() {
            if let Some(refusal) = text(part, "refusal") {
                self.refused = true;
                scribe.prose(Prose::Text, refusal);
            }
            scribe.prose(Prose::Text, text(part, "text").unwrap_or_default());
        }
    }

    fn reasoning(&self, number: u64, item: &Value, scribe: &mut Scribe) {
        if !self.told.contains(&number) {
            let parts = ["summary", "content"].into_iter().filter_map(|key| item.get(key)?.as_array());
            let parts = parts.flatten().filter_map(|part| text(part, "text")).collect::<Vec<_>>();
            scribe.prose(Prose::Thinking, &parts.join("\n\n"));
        }
        match (text(item, "id"), text(item, "encrypted_content")) {
            (Some(id), Some(encrypted)) if !encrypted.is_empty() => {
                scribe.seal(&signature::seal_item(id, encrypted));
            }
            _ if scribe.prose_open() == Some(Prose::Thinking) => scribe.close_prose(None),
            _ => {}
        }
    }

    fn end(&mut self, response: Option<&Value>, scribe: &mut Scribe) {
        let Some(response) = response else { return };
        let mut used = response.get("usage").and_then(usage::responses);
        if let Some(used) = &mut used {
            used.web_searches = self.searches;
        }
        scribe.used(used);
        let why = response.pointer("/incomplete_details/reason").and_then(Value::as_str);
        match (text(response, "status").unwrap_or("completed"), why) {
            ("failed" | "cancelled", _) => {
                let fault = Fault::inside(response);
                scribe.fail(fault.unwrap_or_else(|| Fault::new(FaultKind::Server, "the response failed")));
            }
            ("incomplete", Some("content_filter")) => scribe.stop(StopReason::Refusal),
            ("incomplete", _) => scribe.stop(StopReason::MaxTokens),
            ("completed", _) if self.refused => scribe.stop(StopReason::Refusal),
            ("completed", _) => scribe.stop(StopReason::EndTurn),
            _ => return,
        }
        scribe.end();
    }
}

fn call_of(number: u64, scribe: &Scribe) -> Option<usize> {
    scribe.calls().iter().rposition(|call| call.key == Some(number))
}

/// The whole arguments of a call of which no pieces came.
fn arguments_at_last(number: u64, value: &Value, scribe: &mut Scribe) {
    let Some(call) = call_of(number, scribe) else { return };
    if scribe.calls().get(call).is_some_and(|call| !call.argued) {
        scribe.call_arguments(call, text(value, "arguments").unwrap_or_default());
    }
}
