//! What a scenario plays in: a home, a project, two vendors, and what was last heard.

use std::fmt;
use std::path::{Path, PathBuf};

use moai::wire::Dialect;
use serde_json::Value;

use crate::gateway::Gateway;
use crate::scratch::{Said, Scratch};
use crate::upstream::{Answer, Seen, Vendor};

/// Keys that open nothing. Nobody but the vendors may ever see them.
const CLAUDE_KEY: &str = "sk-ant-api03-acceptance-claude-SeCrEt-0123456789abcdef";
const GLM_KEY: &str = "0123456789abcdef0123456789abcdef.aCcEpTaNcEgLm";

/// Where the two vendors listen, in the dialects of the specification: Anthropic Messages, and OpenAI-style chat.
pub(crate) const CLAUDE_PATH: &str = "/v1/messages";
pub(crate) const GLM_PATH: &str = "/v1/chat/completions";

/// The settings of every scenario: the price table of the specification, and waits that a test can wait for.
const SETTINGS: &str = "[prices]\nbook = \"spec-model-001\"\n\n[retry]\nfirst_wait = 0.01\nlongest_wait = 0.04\n";

/// A scenario's world.
pub(crate) struct Scene {
    pub(crate) scratch: Scratch,
    pub(crate) claude: Vendor,
    pub(crate) glm: Vendor,
    /// What stands between `moai route` and the prompt: `--model glm`.
    pub(crate) flags: Vec<String>,
    /// Where the person stands.
    pub(crate) cwd: PathBuf,
    /// What `moai` said last.
    pub(crate) said: Option<Said>,
    /// The same, as JSON.
    pub(crate) answer: Value,
    /// What the next model has to know (AC-006).
    pub(crate) key_points: Vec<String>,
    /// The scenario's gateway, where one runs.
    pub(crate) gateway: Option<Gateway>,
    /// The headers of its last answer.
    pub(crate) headers: Vec<(String, String)>,
}

impl cucumber::World for Scene {
    type Error = std::convert::Infallible;

    async fn new() -> Result<Self, Self::Error> {
        let mut scratch = Scratch::repository();
        let (claude, glm) = (Vendor::start(), Vendor::start());
        scratch.set_env("ANTHROPIC_BASE_URL", &claude.url());
        scratch.set_env("ZAI_BASE_URL", &format!("{}/v1", glm.url()));
        scratch.write_home(".moai/config.toml", SETTINGS);
        let cwd = scratch.project();
        let (flags, key_points, headers) = (Vec::new(), Vec::new(), Vec::new());
        let (said, answer, gateway) = (None, Value::Null, None);
        Ok(Self { scratch, claude, glm, flags, cwd, said, answer, key_points, gateway, headers })
    }
}

impl fmt::Debug for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scene").field("said", &self.said).finish_non_exhaustive()
    }
}

impl Scene {
    /// Puts both keys into the environment: the user may ask both vendors.
    pub(crate) fn sign_in(&mut self) {
        self.scratch.set_env("ANTHROPIC_API_KEY", CLAUDE_KEY);
        self.scratch.set_env("ZAI_API_KEY", GLM_KEY);
    }

    /// Both vendors answer, with recorded streams.
    pub(crate) fn vendors_answer(&self) {
        self.claude.on(CLAUDE_PATH).answer(Answer::recorded("anthropic-stream"));
        self.glm.on(GLM_PATH).answer(Answer::recorded("chat-stream"));
    }

    /// Runs `moai` with `--json` where the person stands; keeps what it says.
    pub(crate) fn moai(&mut self, words: &[&str]) {
        let said = self.scratch.moai_in(&self.cwd, words.iter().chain(&["--json"]));
        self.answer = serde_json::from_str(&said.stdout).unwrap_or(Value::Null);
        self.said = Some(said);
    }

    /// Sends a prompt.
    pub(crate) fn route(&mut self, text: &str) {
        let flags = self.flags.clone();
        let words: Vec<&str> = ["route"].into_iter().chain(flags.iter().map(String::as_str)).chain([text]).collect();
        self.moai(&words);
    }

    /// The answer of what must have worked.
    #[track_caller]
    pub(crate) fn answered(&self) -> &Value {
        let said = self.said.as_ref().expect("nothing was run");
        assert_eq!(said.status, 0, "{said:#?}");
        &self.answer
    }

    /// What was said on standard error.
    pub(crate) fn talk(&self) -> &str {
        &self.said.as_ref().expect("nothing was run").stderr
    }

    /// A field of the last answer is this text.
    #[track_caller]
    pub(crate) fn field_is(&self, name: &str, wanted: &str) {
        assert_eq!(self.answered()[name], wanted, "{name} in {:#}", self.answer);
    }

    /// A header of the gateway's last answer.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map_or_else(|| panic!("no {name} in {:?}", self.headers), |(_, value)| value)
    }

    /// The last request of the vendor that was asked for the answer, which no other vendor has seen.
    #[track_caller]
    pub(crate) fn only_asked(&self, dialect: Dialect) -> Seen {
        let (asked, other) = match dialect {
            Dialect::Anthropic => (&self.claude, &self.glm),
            _ => (&self.glm, &self.claude),
        };
        assert!(other.seen().is_empty(), "the other vendor was asked: {:?}", other.seen());
        asked.seen().pop().expect("the vendor was not asked")
    }

    /// No key has come into any file or to the person (R-UNW-002); each vendor has seen its own only.
    pub(crate) fn keeps_its_keys(&self) {
        let holds = |bytes: &[u8], key: &str| bytes.windows(key.len()).any(|window| window == key.as_bytes());
        let files = self.scratch.snapshot();
        for key in [CLAUDE_KEY, GLM_KEY] {
            for (path, bytes) in &files {
                assert!(!holds(bytes, key), "a key is in {}", path.display());
            }
            if let Some(Said { stdout, stderr, .. }) = &self.said {
                assert!(!stdout.contains(key) && !stderr.contains(key), "a key was printed");
            }
        }
        for (vendor, foreign) in [(&self.claude, GLM_KEY), (&self.glm, CLAUDE_KEY)] {
            for seen in vendor.seen() {
                let told = format!("{} {:?}", seen.path, seen.headers);
                assert!(!told.contains(foreign) && !holds(&seen.body, foreign), "a key went to the other vendor");
            }
        }
    }

    /// A file below the home directory.
    #[track_caller]
    pub(crate) fn home_file(&self, path: impl AsRef<Path>) -> String {
        let path = self.scratch.home().join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}
