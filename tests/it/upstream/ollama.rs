//! An Ollama with a memory, as state and not as canned answers: models are pulled, get into memory when they are asked,
//! stay there, and go when they are told to. Where they do not fit it fails as Ollama does, and it never makes room by
//! itself: what is never too much is somebody else's doing.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use moai::wire::Dialect;
use serde_json::{Value, json};

use super::{Answer, Seen, Vendor};

const GIB: u64 = 1 << 30;
/// Longer than any answer of a test is held.
const PATIENCE: Duration = Duration::from_secs(60);

/// A loopback Ollama.
pub(crate) struct Ollama {
    pub(crate) vendor: Vendor,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    memory: u64,
    pulled: BTreeMap<String, Pulled>,
    loaded: BTreeMap<String, Held>,
    /// Models whose answers wait until they are let go.
    held: Vec<String>,
    /// Counts the uses: who was used last stays longest.
    uses: i64,
    happened: Happened,
}

struct Pulled {
    bytes: u64,
    broken: bool,
}

#[derive(Clone)]
struct Held {
    bytes: u64,
    context: u64,
    until: i64,
    for_ever: bool,
    answering: usize,
    /// It was told to go: it is still seen this often.
    leaves: Option<usize>,
}

/// What has happened to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Happened {
    /// The most that was in memory at once.
    pub(crate) peak: u64,
    /// How often a model did not fit.
    pub(crate) too_much: usize,
    /// How often one was told to go that was answering.
    pub(crate) disturbed: usize,
    /// Who was loaded, in order.
    pub(crate) loads: Vec<String>,
    /// Who went, in order.
    pub(crate) unloads: Vec<String>,
}

impl Ollama {
    /// An Ollama with so many GiB of memory, and models of so many GiB: all of it, window included.
    pub(crate) fn start(memory: u64, models: &[(&str, u64)]) -> Self {
        let shared = Arc::new(Shared::default());
        {
            let mut state = shared.state.lock().unwrap();
            state.memory = memory * GIB;
            for (name, gib) in models {
                state.pulled.insert((*name).to_owned(), Pulled { bytes: gib * GIB, broken: false });
            }
        }
        let vendor = Vendor::start();
        let answering = Arc::clone(&shared);
        vendor.by(move |seen| answering.answer(seen));
        Self { vendor, shared }
    }

    /// What `OLLAMA_HOST` is to be.
    pub(crate) fn host(&self) -> String {
        self.vendor.url()
    }

    /// A model's files are broken.
    pub(crate) fn breaks(&self, model: &str) {
        self.shared.state.lock().unwrap().pulled.get_mut(model).unwrap().broken = true;
    }

    /// Somebody else has loaded it.
    pub(crate) fn loads(&self, model: &str) {
        self.shared.take(model, 32_768).unwrap();
        self.shared.done(model);
    }

    /// From now on this model's answers wait.
    pub(crate) fn hold(&self, model: &str) {
        self.shared.state.lock().unwrap().held.push(model.to_owned());
    }

    /// All that wait go on.
    pub(crate) fn let_go(&self) {
        self.shared.state.lock().unwrap().held.clear();
        self.shared.changed.notify_all();
    }

    /// Waits until a model answers so many requests at once.
    #[track_caller]
    pub(crate) fn answers(&self, model: &str, requests: usize) {
        let state = self.shared.state.lock().unwrap();
        let busy = |state: &mut State| state.loaded.get(model).map_or(0, |held| held.answering) < requests;
        let (_state, waited) = self.shared.changed.wait_timeout_while(state, PATIENCE, busy).unwrap();
        assert!(!waited.timed_out(), "{model} does not answer {requests} requests");
    }

    /// Who is in memory.
    pub(crate) fn loaded(&self) -> Vec<String> {
        let state = self.shared.state.lock().unwrap();
        state.loaded.iter().filter(|(_, held)| held.leaves.is_none()).map(|(name, _)| name.clone()).collect()
    }

    /// What has happened so far. Nobody ever asks to delete anything.
    #[track_caller]
    pub(crate) fn happened(&self) -> Happened {
        assert_eq!(self.vendor.count("/api/delete"), 0, "models would be gone from the disk");
        self.shared.state.lock().unwrap().happened.clone()
    }
}

impl Shared {
    fn answer(&self, seen: &Seen) -> Option<Answer> {
        let body: Value = serde_json::from_slice(&seen.body).unwrap_or(Value::Null);
        let model = body["model"].as_str().map(tagged).unwrap_or_default();
        let context = body["options"]["num_ctx"].as_u64().unwrap_or(4_096).min(32_768);
        Some(match (seen.method.as_str(), seen.path.as_str()) {
            ("GET", "/api/version") => Answer::json(200, &json!({"version": "0.14.0"})),
            ("GET", "/api/tags") => Answer::json(200, &self.tags()),
            ("GET", "/api/ps") => Answer::json(200, &self.ps()),
            ("POST", "/api/show") if self.has(&model) => Answer::json(200, &described()),
            ("POST", _) if !self.has(&model) => {
                Answer::json(404, &json!({"error": format!("model \"{model}\" not found, try pulling it first")}))
            }
            ("POST", "/api/generate") if body["keep_alive"] == 0 => self.unload(&model),
            ("POST", "/api/generate") => match self.take(&model, context) {
                Ok(()) => {
                    self.keep(&model, &body["keep_alive"]);
                    self.done(&model);
                    Answer::json(200, &json!({"model": model, "response": "", "done": true, "done_reason": "load"}))
                }
                Err(error) => Answer::json(500, &json!({ "error": error })),
            },
            ("POST", "/api/chat") => match self.take(&model, context) {
                Ok(()) => {
                    self.wait_for(&model);
                    self.done(&model);
                    Answer::said(Dialect::Ollama, &format!("this is {model}"))
                }
                Err(error) => Answer::json(500, &json!({ "error": error })),
            },
            _ => return None,
        })
    }

    fn has(&self, model: &str) -> bool {
        self.state.lock().unwrap().pulled.contains_key(model)
    }

    fn tags(&self) -> Value {
        let state = self.state.lock().unwrap();
        let models: Vec<Value> = state
            .pulled
            .iter()
            .map(|(name, pulled)| {
                // Its files; the window takes the last GiB.
                json!({"name": name, "model": name, "size": pulled.bytes - GIB,
                    "details": {"parameter_size": "32.8B", "quantization_level": "Q4_K_M"}})
            })
            .collect();
        json!({ "models": models })
    }

    fn ps(&self) -> Value {
        let mut state = self.state.lock().unwrap();
        state.go();
        let models: Vec<Value> = state
            .loaded
            .iter()
            .map(|(name, held)| {
                let until = jiff::Timestamp::from_second(1_767_960_300 + held.until).unwrap().to_string();
                json!({"name": name, "model": name, "size": held.bytes, "size_vram": held.bytes / 2,
                    "context_length": held.context,
                    "expires_at": if held.for_ever { "2318-04-23T00:00:00Z".to_owned() } else { until }})
            })
            .collect();
        json!({ "models": models })
    }

    /// Loads a model where it is not loaded, and begins an answer.
    fn take(&self, model: &str, context: u64) -> Result<(), String> {
        let mut state = self.state.lock().unwrap();
        state.uses += 1;
        let until = state.uses;
        let (bytes, broken) = state.pulled.get(model).map(|pulled| (pulled.bytes, pulled.broken)).unwrap();
        let there = state.loaded.get(model).is_some_and(|held| held.context == context && held.leaves.is_none());
        if !there {
            if broken {
                return Err(format!("unable to load model: /root/.ollama/models/blobs/{model}"));
            }
            let used: u64 = state.loaded.iter().filter(|(name, _)| *name != model).map(|(_, held)| held.bytes).sum();
            if used + bytes > state.memory {
                state.happened.too_much += 1;
                let (needs, free) = (bytes / GIB, (state.memory - used) / GIB);
                return Err(format!(
                    "model requires more system memory ({needs}.0 GiB) than is available ({free}.0 GiB)"
                ));
            }
            state.happened.peak = state.happened.peak.max(used + bytes);
            state.happened.loads.push(model.to_owned());
        }
        let held = state.loaded.entry(model.to_owned()).or_insert(Held {
            bytes,
            context,
            until,
            for_ever: false,
            answering: 0,
            leaves: None,
        });
        (held.context, held.until, held.leaves) = (context, until, None);
        held.answering += 1;
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    fn keep(&self, model: &str, keep: &Value) {
        let mut state = self.state.lock().unwrap();
        state.loaded.get_mut(model).unwrap().for_ever = *keep == -1;
    }

    fn wait_for(&self, model: &str) {
        let state = self.state.lock().unwrap();
        let held = |state: &mut State| state.held.iter().any(|held| held == model);
        drop(self.changed.wait_timeout_while(state, PATIENCE, held).unwrap());
    }

    fn done(&self, model: &str) {
        self.state.lock().unwrap().loaded.get_mut(model).unwrap().answering -= 1;
        self.changed.notify_all();
    }

    /// Says yes at once; the model is gone a little later, and not while it answers.
    fn unload(&self, model: &str) -> Answer {
        let mut state = self.state.lock().unwrap();
        if let Some(held) = state.loaded.get_mut(model) {
            held.leaves = Some(2);
            let busy = held.answering > 0;
            state.happened.disturbed += usize::from(busy);
        }
        Answer::json(200, &json!({"model": model, "response": "", "done": true, "done_reason": "unload"}))
    }
}

impl State {
    /// Those that were told to go, go.
    fn go(&mut self) {
        for held in self.loaded.values_mut().filter(|held| held.answering == 0) {
            held.leaves = held.leaves.map(|left| left.saturating_sub(1));
        }
        let gone: Vec<String> =
            self.loaded.iter().filter(|(_, held)| held.leaves == Some(0)).map(|(name, _)| name.clone()).collect();
        self.loaded.retain(|name, _| !gone.contains(name));
        self.happened.unloads.extend(gone);
    }
}

/// 32768 tokens of it take one GiB.
fn described() -> Value {
    json!({"details": {"family": "played"}, "model_info": {
        "general.architecture": "played", "played.block_count": 8, "played.context_length": 32_768,
        "played.attention.head_count_kv": 8, "played.attention.key_length": 128, "played.attention.value_length": 128,
    }})
}

fn tagged(id: &str) -> String {
    if id.contains(':') { id.to_owned() } else { format!("{id}:latest") }
}
