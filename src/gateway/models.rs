//! The models that can be asked, in the words of either vendor.
//!
//! Anthropic's clients get Anthropic's form. Claude Code keeps only ids with `claude` or `anthropic` in them (2.1.329),
//! so it is told moai's names behind `claude-code/`, and `claude-code/glm-4.7` is then a wish for GLM-4.7.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::USER_AGENT;
use serde_json::{Value, json};

use crate::base::failure::Explain as _;
use crate::route::Ready;
use crate::route::turn::FOR_CLAUDE_CODE;
use crate::wire::{Fault, FaultKind};

use super::answer::{Answer, fault, json as answer};
use super::inbound::{Inbound, Speech};
use super::snapshot::Snapshot;
use super::state::Gateway;

/// Vendors tell when a model came out, which moai does not know.
const SOME_DAY: &str = "1970-01-01T00:00:00Z";

/// A model as it is told.
struct Told {
    id: String,
    name: String,
    owner: String,
}

/// `GET /v1/models`.
pub(in crate::gateway) async fn list(_: Arc<Gateway>, inbound: Inbound) -> Answer {
    let models = told(&inbound.snapshot, is_claude_code(&inbound));
    if !anthropic(&inbound) {
        let data: Vec<Value> = models.iter().map(of_openai).collect();
        return answer(StatusCode::OK, &json!({"object": "list", "data": data}));
    }
    let data: Vec<Value> = models.iter().map(of_anthropic).collect();
    let ends = [models.first(), models.last()].map(|model| model.map(|model| model.id.as_str()));
    let [first, last] = ends;
    answer(StatusCode::OK, &json!({"data": data, "has_more": false, "first_id": first, "last_id": last}))
}

/// `GET /v1/models/{id}`: under any name that means the model.
pub(in crate::gateway) async fn one(_: Arc<Gateway>, inbound: Inbound) -> Answer {
    let word = decoded(&inbound.rest);
    let own = word.strip_prefix(FOR_CLAUDE_CODE).unwrap_or(&word);
    let model = if own == "auto" {
        auto(&word)
    } else {
        match inbound.snapshot.roster.ready(own) {
            Ok(ready) => of(&ready, word.clone()),
            Err(why) => {
                let speech = if anthropic(&inbound) { Speech::Anthropic } else { Speech::Chat };
                let said = std::iter::once(why.to_string()).chain(why.hints()).collect::<Vec<_>>().join("; ");
                return fault(speech, &inbound.id, &Fault::new(FaultKind::NoModel, said));
            }
        }
    };
    let form = if anthropic(&inbound) { of_anthropic(&model) } else { of_openai(&model) };
    answer(StatusCode::OK, &form)
}

/// What stands in a path, with `%2F` and its like read.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, behind @ ..] = rest {
        let read = match behind {
            [high, low, ..] if *byte == b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low)
            }
            _ => None,
        };
        bytes.push(read.unwrap_or(*byte));
        rest = behind.get(if read.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `auto` first, which leaves the choice to moai, then everybody who can be asked.
fn told(snapshot: &Snapshot, claude_code: bool) -> Vec<Told> {
    let prefix = if claude_code { FOR_CLAUDE_CODE } else { "" };
    let ready = snapshot.roster.all_ready().map(|ready| of(&ready, format!("{prefix}{}", ready.name())));
    std::iter::once(auto(&format!("{prefix}auto"))).chain(ready).collect()
}

fn auto(id: &str) -> Told {
    Told { id: id.to_owned(), name: "moai: the model that fits".to_owned(), owner: "moai".to_owned() }
}

fn of(ready: &Ready, id: String) -> Told {
    let provider = &ready.provider().name;
    Told { id, name: format!("{} ({provider})", ready.name()), owner: provider.clone() }
}

fn of_anthropic(model: &Told) -> Value {
    json!({
        "type": "model", "id": model.id, "display_name": model.name, "created_at": SOME_DAY, "lifecycle": "active",
    })
}

fn of_openai(model: &Told) -> Value {
    json!({"id": model.id, "object": "model", "created": 0, "owned_by": model.owner})
}

fn anthropic(inbound: &Inbound) -> bool {
    inbound.speech == Speech::Anthropic || is_claude_code(inbound)
}

fn is_claude_code(inbound: &Inbound) -> bool {
    inbound.headers.get(USER_AGENT).is_some_and(|agent| agent.as_bytes().starts_with(b"claude-c"))
}
