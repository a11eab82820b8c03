//! The steps of the demo with the gateway: a real `moai serve` on a port of loopback that is free, with both vendors
//! simulated, asked in both dialects over a socket.

use serde_json::{Value, json};

use crate::base::failure::Failure;
use crate::cli::serve::Beside;
use crate::cli::serve::access;
use crate::cli::ui::{Streams, Ui, clean};
use crate::upstream::{self, Said};

use super::routing::requests;
use super::stage::{Heard, Stage};
use super::steps::require;

/// The gateway that runs, and what it said last.
#[derive(Default)]
pub(super) struct Gate {
    running: Option<Beside>,
    url: String,
    said: Option<Said>,
    words: String,
}

/// A question to the gateway, and how its answer is looked at.
struct Question {
    path: &'static str,
    prompt: &'static str,
    streamed: bool,
}

const PLAN: Question = Question { path: "/v1/messages", prompt: "로그인 API를 설계해줘", streamed: true };
const CODE: Question =
    Question { path: "/v1/chat/completions", prompt: "Write a unit test for the login form", streamed: false };

impl Question {
    fn document(&self) -> Value {
        let messages = json!([{ "role": "user", "content": self.prompt }]);
        if self.streamed {
            json!({ "model": "auto", "stream": true, "max_tokens": 200, "messages": messages })
        } else {
            json!({ "model": "auto", "messages": messages })
        }
    }

    /// The same for the shell.
    fn shown(&self, stage: &Stage) -> String {
        let at = format!("{}{}", stage.gate.borrow().url, self.path);
        format!("curl -i {at} \\\n    -H \"x-api-key: $(moai serve key print)\" \\\n    -d '{}'", self.document())
    }

    /// Asks, and shows the status, what moai says of its decision, and the answer.
    fn ask(&self, stage: &Stage, ui: &mut Ui) -> Result<(), Failure> {
        let key = access::require_code(&stage.world(&[], false))?;
        let said = upstream::ask_own(&stage.gate.borrow().url, self.path, &key, &self.document())?;
        ui.answer(format!("HTTP {}", said.status))?;
        for (name, value) in said.headers.iter().filter(|(name, _)| SHOWN.contains(&name.as_str())) {
            ui.answer(format!("{name}: {}", clean(value)))?;
        }
        ui.answer("")?;
        for line in said.body.lines().filter(|line| !line.is_empty()) {
            ui.answer(clean(&excerpt(line)))?;
        }
        stage.gate.borrow_mut().said = Some(said);
        Ok(())
    }
}

/// A line as far as it is worth a look: what is said, without the ids and counts around it.
fn excerpt(line: &str) -> String {
    let (before, from) = match line.find("\"message\":{\"role\"") {
        Some(at) => ("… ", line.get(at..).unwrap_or(line)),
        None => ("", line),
    };
    let mut shown: String = from.chars().take(WIDTH).collect();
    if shown.len() < from.len() {
        shown.push_str(" …");
    }
    format!("{before}{shown}")
}

/// How much of a line is shown, in characters.
const WIDTH: usize = 96;

/// The headers that are shown, of all that moai sets.
const SHOWN: [&str; 4] = ["x-moai-model", "x-moai-tier", "x-moai-decided-by", "x-moai-reason"];

pub(super) fn start(stage: &Stage, ui: &mut Ui) -> Result<(), Failure> {
    let (running, found) = Beside::start(&stage.world(&[], false), ui)?;
    *stage.gate.borrow_mut() = Gate { running: Some(running), url: found.url, ..Gate::default() };
    Ok(())
}

pub(super) fn plan_shown(stage: &Stage) -> String {
    PLAN.shown(stage)
}

pub(super) fn plan(stage: &Stage, ui: &mut Ui) -> Result<(), Failure> {
    PLAN.ask(stage, ui)
}

pub(super) fn code_shown(stage: &Stage) -> String {
    CODE.shown(stage)
}

pub(super) fn code(stage: &Stage, ui: &mut Ui) -> Result<(), Failure> {
    CODE.ask(stage, ui)
}

/// Stops it as a person does, and shows what it had to say of its requests.
pub(super) fn stop(stage: &Stage, ui: &mut Ui) -> Result<(), Failure> {
    let heard = Heard::default();
    let exit = crate::cli::run_on(&stage.world(&["serve", "stop"], false), Streams::both(heard.clone()));
    for line in heard.text().lines() {
        ui.say(line)?;
    }
    let running = stage.gate.borrow_mut().running.take().filter(|_| exit == 0);
    let running = running.ok_or_else(|| Failure::expected("the gateway did not stop"))?;
    let words = running.last_words()?;
    ui.say("and this it had said in its terminal:")?;
    for line in words.lines() {
        ui.say(clean(line))?;
    }
    stage.gate.borrow_mut().words = words;
    Ok(())
}

pub(super) fn it_listens_for_this_machine(stage: &Stage) -> Result<String, String> {
    let status = stage.asked(&["serve", "status"])?;
    let at = |pointer: &str| status.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    require(at("/state") == "running" && at("/health/status") == "ok", "it does not run, or is not well")?;
    require(at("/address").starts_with("127.0.0.1:"), "it listens for others than this machine")?;
    let models = status.get("models").and_then(Value::as_array).map_or(0, Vec::len);
    require(models > 1, "it knows no models")?;
    Ok("it listens for this machine alone, and whoever asks needs its access key".into())
}

pub(super) fn a_stream_of_claude(stage: &Stage) -> Result<String, String> {
    let gate = stage.gate.borrow();
    let said = gate.said.as_ref().ok_or("nothing was said")?;
    decided(said, "claude-opus", "1")?;
    let mut events = said.body.lines().filter_map(|line| line.strip_prefix("event: "));
    let ends = events.next() == Some("message_start") && events.next_back() == Some("message_stop");
    require(said.status == 200 && ends, "the stream is not whole")?;
    Ok("a whole stream of Anthropic's events, and its headers say who answered and why".into())
}

pub(super) fn a_completion_of_glm(stage: &Stage) -> Result<String, String> {
    let gate = stage.gate.borrow();
    let said = gate.said.as_ref().ok_or("nothing was said")?;
    decided(said, "glm-4.7", "2")?;
    let body: Value = serde_json::from_str(&said.body).map_err(|error| error.to_string())?;
    let text = body.pointer("/choices/0/message/content").and_then(Value::as_str).unwrap_or_default();
    require(said.status == 200 && text.contains("GLM"), "it is no answer of GLM's in OpenAI's form")?;
    Ok("the same address in OpenAI's form: the other model, because the text is another".into())
}

pub(super) fn nothing_is_left_running(stage: &Stage) -> Result<String, String> {
    let gate = stage.gate.borrow();
    let told = gate.words.lines().filter(|line| line.contains(" → ")).count();
    require(told == 2 && gate.words.contains("the gateway has stopped"), "it did not end in order")?;
    require(!stage.home().join(".moai/gateway/serve.json").exists(), "it has left its file")?;
    requests(stage, "claude-opus", 2)?;
    Ok("its process is gone, and what it answered is in the journal".into())
}

/// The headers say this model and this tier.
fn decided(said: &Said, model: &str, tier: &str) -> Result<(), String> {
    let header = |name: &str| said.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value);
    require(header("x-moai-model") == model, &format!("{} answered", header("x-moai-model")))?;
    require(header("x-moai-tier") == tier && !header("x-moai-reason").is_empty(), "the headers do not say why")
}
