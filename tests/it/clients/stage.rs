//! A vendor that plays every case in three dialects, and a `moai serve` in front of it.

use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use moai::wire::Dialect;
use serde_json::json;

use crate::scratch::{KEY, Scratch};
use crate::serve::Served;
use crate::upstream::{Answer, Spoken, Vendor};

/// The dialects that the vendor is spoken to in.
pub(super) const WIRES: [Dialect; 3] = [Dialect::Anthropic, Dialect::Chat, Dialect::Gemini];
/// What the vendor says where nothing else is said.
pub(super) const TEXT: &str = "The answer is short, 그리고 맞습니다.";
/// How many words the long stream has.
pub(super) const LONG: usize = 3000;

/// A gateway before a vendor, ended with the test.
pub(super) struct Stage {
    pub(super) scratch: Scratch,
    pub(super) vendor: Vendor,
    /// The gateway's access key.
    pub(super) key: String,
    served: Served,
}

impl Stage {
    /// The vendor answers the cases, and the calls of the case `tools` are these.
    pub(super) fn new(calls: &[(&'static str, serde_json::Value)]) -> Self {
        let (mut scratch, vendor) = (Scratch::repository(), Vendor::start());
        let mut config = String::from("[retry]\nrate_limit = 0\nserver = 0\nfirst_wait = 0\n");
        for wire in WIRES {
            for (case, answers) in cases(wire, calls) {
                let name = format!("{case}-{wire}");
                answers.into_iter().fold(vendor.on(&format!("/{name}/*")), crate::upstream::Script::answer);
                write!(
                    config,
                    "\n[providers.{name}]\nbase_url = \"{}/{name}\"\nwire = \"{wire}\"\npreset = \"{wire}\"\n\
                     key_env = \"PLAYED_KEY\"\n\n[models.{name}]\nprovider = \"{name}\"\ntier = 2\n",
                    vendor.url()
                )
                .unwrap();
            }
        }
        scratch.write_home(".moai/config.toml", config);
        scratch.set_env("PLAYED_KEY", KEY);
        let served = Served::start(&scratch, &[]);
        let key = served.key.clone();
        Self { scratch, vendor, key, served }
    }

    /// `http://127.0.0.1:12345`.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.served.address)
    }

    /// What the gateway said so far.
    pub(super) fn said(&self) -> String {
        self.served.talk()
    }

    /// Runs a client to its end, at most two minutes; gives its status and what it said on both outputs.
    #[track_caller]
    pub(super) fn run(&self, mut command: Command) -> (bool, String) {
        let path = self.scratch.root().join("client.out");
        let out = File::create(&path).unwrap();
        let mut child = command.stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap();
        let status = self.ends(&mut child);
        (status, std::fs::read_to_string(path).unwrap())
    }

    /// Waits for a client's end; whether it succeeded.
    #[track_caller]
    pub(super) fn ends(&self, child: &mut Child) -> bool {
        let begun = Instant::now();
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                return status.success();
            }
            if begun.elapsed() > Duration::from_secs(120) {
                child.kill().unwrap();
                panic!("the client does not end; the gateway said: {}", self.said());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The bodies that the vendor got for a case, in order.
    #[track_caller]
    pub(super) fn bodies(&self, case: &str, wire: Dialect) -> Vec<String> {
        let start = format!("/{case}-{wire}/");
        let seen = self.vendor.seen().into_iter().filter(|seen| seen.path.starts_with(&start));
        seen.map(|seen| String::from_utf8(seen.body).unwrap()).collect()
    }

    /// Nobody's key went where it does not belong: the vendor saw its own and never the gateway's.
    #[track_caller]
    pub(super) fn keys_are_apart(&self) {
        for seen in self.vendor.seen() {
            let carries = |text: &str| seen.headers.iter().any(|(_, value)| value.contains(text));
            assert!(carries(KEY) && !carries(&self.key), "{} {:?}", seen.path, seen.headers);
            assert!(!String::from_utf8_lossy(&seen.body).contains(&self.key));
        }
        let said = self.said();
        assert!(!said.contains(KEY) && !said.contains(&self.key), "{said}");
    }

    /// A file for a client, such as a picture.
    pub(super) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        self.scratch.write(name, bytes)
    }
}

/// What the vendor answers in each case.
fn cases(wire: Dialect, calls: &[(&'static str, serde_json::Value)]) -> Vec<(&'static str, Vec<Answer>)> {
    let text = |text: &str| Spoken::text(text).answer(wire);
    let spoken = Spoken { thinking: Some("I look at the sky."), text: "Let me see.".into(), calls: calls.to_vec() };
    let calls = || spoken.answer(wire);
    let numbers: Vec<String> = (0..LONG).map(|number| format!("{number} ")).collect();
    vec![
        ("text", vec![text(TEXT)]),
        ("image", vec![text(TEXT)]),
        ("tools", vec![calls(), text(TEXT)]),
        ("calls", vec![calls()]),
        ("json", vec![text("{\"city\": \"서울\", \"degrees\": 21}")]),
        ("busy", vec![Answer::error(wire, 429)]),
        ("wrong", vec![Answer::error(wire, 400)]),
        ("long", vec![too_long(wire)]),
        ("cut", vec![text(TEXT).cut_after(5)]),
        ("hang", vec![text(TEXT).hangs_after(5)]),
        ("endless", vec![text(&numbers.concat())]),
    ]
}

/// The dialect's own words for a prompt that does not fit.
fn too_long(wire: Dialect) -> Answer {
    let body = match wire {
        Dialect::Chat => json!({"error": {"message": "This model's maximum context length is 128000 tokens. However, \
            your messages resulted in 130000 tokens.", "type": "invalid_request_error", "code": "context_length_exceeded"}}),
        Dialect::Gemini => {
            json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "The input token count \
            (1200000) exceeds the maximum number of tokens allowed (1048576)."}})
        }
        _ => json!({"type": "error", "error": {"type": "invalid_request_error",
            "message": "prompt is too long: 205000 tokens > 200000 maximum"}}),
    };
    Answer::json(400, &body)
}
