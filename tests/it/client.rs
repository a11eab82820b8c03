//! The real Claude Code against what `settings::effective` predicts: whose key goes where, in a main checkout and in a
//! linked worktree. The client is `$MOAI_TEST_CLAUDE`, else `claude` on the PATH; without one these tests say so and
//! prove nothing. Its requests go to a loopback upstream that notes the headers and answers a short message.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use moai::World;
use moai::base::world::Env;
use moai::settings::{Credential, Effective, Layers};

use crate::scratch::{KEY, Scratch};

/// What one request of the client carried.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    /// The first part of the path: which base URL was used.
    base: String,
    bearer: Option<String>,
    api_key: Option<String>,
    model: String,
    /// A header that the user has for another gateway.
    mine: Option<String>,
}

/// A loopback server that answers every message with "hi there". Its threads end with the process.
struct Upstream {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let notes = Arc::clone(&notes);
                std::thread::spawn(move || serve(stream, &notes));
            }
        });
        Self { port, seen }
    }

    fn url(&self, base: &str) -> String {
        format!("http://127.0.0.1:{}/{base}", self.port)
    }
}

fn serve(stream: TcpStream, notes: &Mutex<Vec<Seen>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':') {
                headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
            }
        }
        let header = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let length = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let (kind, answer) = if method == "POST" && path.contains("/v1/messages") {
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
            notes.lock().unwrap().push(Seen {
                base: path.trim_start_matches('/').split('/').next().unwrap_or_default().to_owned(),
                bearer: header("authorization").map(|value| value.trim_start_matches("Bearer ").to_owned()),
                api_key: header("x-api-key"),
                model: body["model"].as_str().unwrap_or_default().to_owned(),
                mine: header("x-mine"),
            });
            ("text/event-stream", message())
        } else {
            ("application/json", "{}".to_owned())
        };
        let body = if method == "HEAD" { "" } else { &answer };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
        if writer.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}

fn message() -> String {
    let usage = serde_json::json!({"input_tokens": 3, "output_tokens": 2});
    let events = [
        serde_json::json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "m", "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage}}),
        serde_json::json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        serde_json::json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi there"}}),
        serde_json::json!({"type": "content_block_stop", "index": 0}),
        serde_json::json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": usage}),
        serde_json::json!({"type": "message_stop"}),
    ];
    events.iter().fold(String::new(), |text, event| {
        text + &format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())
    })
}

/// The client to test with, or a loud line and `None`.
fn client() -> Option<PathBuf> {
    let named = std::env::var_os("MOAI_TEST_CLAUDE").map(PathBuf::from).filter(|path| path.is_file());
    let found = named.or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|dir| dir.join("claude")).find(|path| path.is_file())
    });
    if found.is_none() {
        // Past the test harness's capture: a skipped proof must be seen.
        let line = b"SKIPPED: no Claude Code to test with; set MOAI_TEST_CLAUDE to its program\n";
        std::io::stderr().write_all(line).unwrap();
    }
    found
}

/// A scratch with a repository, a worktree beside it and the client.
struct Stage {
    scratch: Scratch,
    upstream: Upstream,
    claude: PathBuf,
    shell: Vec<(String, String)>,
    /// The endpoint that counts as GLM's in predictions.
    glm: Option<String>,
}

impl Stage {
    fn new() -> Option<Self> {
        let claude = client()?;
        let scratch = Scratch::repository();
        scratch.git(["worktree", "add", "--quiet", "../wt"]);
        Some(Self { scratch, upstream: Upstream::start(), claude, shell: Vec::new(), glm: None })
    }

    fn main(&self) -> PathBuf {
        self.scratch.project()
    }

    fn worktree(&self) -> PathBuf {
        self.scratch.root().join("wt")
    }

    fn export(&mut self, name: &str, value: &str) {
        self.shell.push((name.into(), value.into()));
    }

    /// Writes a settings file; `BASE/x` in it becomes a URL of the upstream.
    fn settings(&self, path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, self.fill(text)).unwrap();
    }

    fn fill(&self, text: &str) -> String {
        text.replace("BASE/", &self.upstream.url(""))
    }

    fn local(&self, checkout: &Path, text: &str) {
        self.settings(&checkout.join(".claude/settings.local.json"), text);
    }

    fn command(&self, program: &Path, dir: &Path) -> Command {
        let mut command = self.scratch.command(program);
        let bin = Path::new(env!("CARGO_BIN_EXE_moai")).parent().unwrap().to_path_buf();
        let dirs = [bin, self.claude.parent().unwrap().to_path_buf()];
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(dirs.into_iter().chain(std::env::split_paths(&path))).unwrap();
        command
            .current_dir(dir)
            .env("PATH", path)
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("CLAUDE_CODE_MAX_RETRIES", "0")
            .envs(self.shell.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Lets the client say hi in `dir` and returns the requests it made.
    fn hi(&self, dir: &Path, args: &[&str]) -> Vec<Seen> {
        let mut command = self.command(&self.claude, dir);
        command.args(args).args(["-p", "say hi"]);
        self.bounded(command).0
    }

    /// Runs a command to its end, at most a minute, and returns the requests made meanwhile and what it said.
    fn bounded(&self, mut command: Command) -> (Vec<Seen>, String) {
        self.upstream.seen.lock().unwrap().clear();
        let mut child = command.spawn().unwrap();
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (done, finished) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut text, mut talk) = (String::new(), String::new());
            drop((out.read_to_string(&mut text), err.read_to_string(&mut talk)));
            drop(done.send(format!("{text}{talk}")));
        });
        let said = finished.recv_timeout(Duration::from_secs(60));
        if said.is_err() {
            child.kill().unwrap();
        }
        child.wait().unwrap();
        let seen = self.upstream.seen.lock().unwrap().clone();
        (seen, said.expect("the client did not end within a minute"))
    }

    /// What we say the client does in `checkout`.
    fn predicted(&self, checkout: &Path, main: Option<&Path>) -> Effective {
        let env: Env = self.shell.iter().cloned().collect();
        let world = World::scratch(self.scratch.home(), checkout, env);
        Layers::load(&world, checkout, main).effective(self.glm.as_deref())
    }

    /// Asserts that the client in the worktree does what was predicted, and returns what that was.
    #[track_caller]
    fn agrees(&self, case: &str, checkout: &Path, main: Option<&Path>) -> (Seen, Effective) {
        let predicted = self.predicted(checkout, main);
        let seen = self.hi(checkout, &[]);
        assert!(!seen.is_empty(), "{case}: the client made no request");
        let text = |credential: Option<&Credential>| match credential {
            // Secrets do not print: the helpers here echo their own name.
            Some(Credential::Helper(command)) if command.starts_with("moai ") => Some(KEY.to_owned()),
            Some(Credential::Helper(command)) => Some(command.trim_start_matches("echo ").to_owned()),
            Some(Credential::Literal(_)) | None => None,
        };
        let same = |header: &Option<String>, credential: Option<&Credential>| match (header, credential) {
            (None, None) => true,
            (Some(header), Some(Credential::Literal(secret))) => {
                *secret == moai::base::secret::Secret::new(header.as_str())
            }
            (Some(header), helper @ Some(_)) => Some(header.clone()) == text(helper),
            _ => false,
        };
        let first = seen[0].clone();
        let base = predicted.base_url.as_ref().map(|url| url.value.rsplit('/').next().unwrap().to_owned());
        assert_eq!(base.as_deref(), Some(first.base.as_str()), "{case}: {predicted:?}");
        assert!(
            same(&first.bearer, predicted.bearer.as_ref().map(|found| &found.value)),
            "{case}: {first:?} {predicted:?}"
        );
        assert!(
            same(&first.api_key, predicted.api_key.as_ref().map(|found| &found.value)),
            "{case}: {first:?} {predicted:?}"
        );
        if let Some(opus) = &predicted.opus {
            assert_eq!(first.model, opus.value, "{case}");
        }
        (first, predicted)
    }
}

const MAIN: &str = r#"{"env": {"ANTHROPIC_AUTH_TOKEN": "main-token", "ANTHROPIC_BASE_URL": "BASE/main", "ANTHROPIC_DEFAULT_OPUS_MODEL": "main-model"}}"#;
const OWN: &str = r#"{"env": {"ANTHROPIC_AUTH_TOKEN": "own-token", "ANTHROPIC_BASE_URL": "BASE/own", "ANTHROPIC_DEFAULT_OPUS_MODEL": "own-model"}}"#;

#[test]
fn the_main_checkouts_local_file_overrides_the_worktrees() {
    let Some(stage) = Stage::new() else { return };
    let (main, worktree) = (stage.main(), stage.worktree());
    stage.local(&worktree, OWN);
    let (seen, _) = stage.agrees("only the worktree", &worktree, Some(&main));
    assert_eq!((seen.base.as_str(), seen.bearer.as_deref()), ("own", Some("own-token")));
    stage.local(&main, MAIN);
    let (seen, effective) = stage.agrees("both", &worktree, Some(&main));
    assert_eq!((seen.base.as_str(), seen.bearer.as_deref()), ("main", Some("main-token")));
    assert_eq!(effective.overridden.len(), 3);
    std::fs::remove_dir_all(worktree.join(".claude")).unwrap();
    let (seen, _) = stage.agrees("only main", &worktree, Some(&main));
    assert_eq!(seen.base, "main");
}

#[test]
fn what_main_sets_leaks_variable_by_variable() {
    let Some(stage) = Stage::new() else { return };
    let (main, worktree) = (stage.main(), stage.worktree());
    stage.local(&worktree, OWN);
    stage.local(&main, r#"{"env": {"ANTHROPIC_AUTH_TOKEN": "main-token"}}"#);
    let (seen, effective) = stage.agrees("main: a token only", &worktree, Some(&main));
    assert_eq!(
        (seen.base.as_str(), seen.bearer.as_deref()),
        ("own", Some("main-token")),
        "the leak of worktree.md 4.6"
    );
    assert_eq!(effective.mixed.len(), 1, "the leak is named: {:?}", effective.mixed);
    stage.local(&main, r#"{"env": {"ANTHROPIC_DEFAULT_OPUS_MODEL": "main-model"}}"#);
    let (seen, _) = stage.agrees("main: models only", &worktree, Some(&main));
    assert_eq!((seen.base.as_str(), seen.model.as_str()), ("own", "main-model"));
    stage.local(&main, r#"{"apiKeyHelper": "echo main-helper"}"#);
    let (seen, effective) = stage.agrees("main: a helper", &worktree, Some(&main));
    assert_eq!((seen.bearer.as_deref(), seen.api_key.as_deref()), (Some("own-token"), Some("main-helper")));
    assert_eq!(effective.mixed.len(), 1);
}

#[test]
fn files_beat_the_process_and_the_local_file_the_other_files() {
    let Some(mut stage) = Stage::new() else { return };
    let (main, worktree) = (stage.main(), stage.worktree());
    stage.export("ANTHROPIC_AUTH_TOKEN", "shell-token");
    stage.export("ANTHROPIC_BASE_URL", &stage.upstream.url("shell"));
    stage.settings(&stage.scratch.home().join(".claude/settings.json"), &OWN.replace("own", "user"));
    let (seen, _) = stage.agrees("user against process", &worktree, Some(&main));
    assert_eq!(seen.base, "user");
    stage.settings(&worktree.join(".claude/settings.json"), &OWN.replace("own", "project"));
    let (seen, _) = stage.agrees("project against user", &worktree, Some(&main));
    assert_eq!(seen.base, "project");
    stage.local(&worktree, OWN);
    let (seen, _) = stage.agrees("local against project", &worktree, Some(&main));
    assert_eq!((seen.base.as_str(), seen.bearer.as_deref()), ("own", Some("own-token")));
    // A comment or a trailing comma puts the whole file out of effect.
    stage.local(&worktree, &format!("// mine\n{OWN}"));
    let (seen, _) = stage.agrees("a comment in the local file", &worktree, Some(&main));
    assert_eq!(seen.base, "project");
    stage.local(&worktree, &format!("\u{feff}{OWN}"));
    let (seen, _) = stage.agrees("a BOM in the local file", &worktree, Some(&main));
    assert_eq!(seen.base, "own");
}

#[test]
fn settings_on_the_command_line_beat_all_and_sources_isolate() {
    let Some(stage) = Stage::new() else { return };
    let (main, worktree) = (stage.main(), stage.worktree());
    stage.local(&worktree, OWN);
    stage.local(&main, r#"{"env": {"ANTHROPIC_AUTH_TOKEN": "main-token", "ANTHROPIC_API_KEY": "main-key"}}"#);
    let given = stage.fill(&OWN.replace("own", "given"));
    let seen = stage.hi(&worktree, &["--settings", &given]);
    let keys = |seen: &Seen| (seen.base.clone(), seen.bearer.clone(), seen.api_key.clone());
    assert_eq!(keys(&seen[0]), ("given".into(), Some("given-token".into()), Some("main-key".into())), "per variable");
    let seen = stage.hi(&worktree, &["--setting-sources", "user,project", "--settings", &given]);
    assert_eq!(keys(&seen[0]), ("given".into(), Some("given-token".into()), None));
}

#[test]
fn a_bare_main_has_no_local_file_and_a_subdirectory_finds_none() {
    let Some(stage) = Stage::new() else { return };
    let bare = stage.scratch.root().join("bare.git");
    stage.scratch.git(["clone", "--quiet", "--bare", ".", bare.to_str().unwrap()]);
    let worktree = stage.scratch.root().join("of-bare");
    stage.scratch.git_in(&bare, ["worktree", "add", "--quiet", worktree.to_str().unwrap()]);
    stage.local(&worktree, OWN);
    let (seen, _) = stage.agrees("bare main", &worktree, None);
    assert_eq!(seen.base, "own");
    let below = worktree.join("below");
    std::fs::create_dir(&below).unwrap();
    assert_eq!(stage.hi(&below, &[]), [], "a worktree's local file counts only at its top");
}

#[test]
fn after_the_switch_a_key_in_the_shell_does_not_reach_glm() {
    let Some(mut stage) = Stage::new() else { return };
    let main = stage.main();
    stage.glm = Some(stage.upstream.url("glm"));
    stage.export("ANTHROPIC_API_KEY", "sk-ant-shell");
    // Without it the client asks Anthropic about the key before it reads its files: 20 seconds where there is no network.
    stage.export("ANTHROPIC_BASE_URL", &stage.upstream.url("shell"));
    stage.local(&main, r#"{"env": {"ANTHROPIC_AUTH_TOKEN": "x", "ANTHROPIC_BASE_URL": "BASE/glm"}}"#);
    let (seen, effective) = stage.agrees("the seed's five keys", &main, None);
    assert_eq!(seen.api_key.as_deref(), Some("sk-ant-shell"), "the leak that moai's sixth key stops");
    assert_eq!(effective.mixed.len(), 1);
    std::fs::remove_dir_all(main.join(".claude")).unwrap();

    stage.scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY={KEY}\n"));
    stage.scratch.write(".moai/config/sections/llm.yaml", stage.fill("llm:\n  glm:\n    base_url: BASE/glm\n"));
    let moai = PathBuf::from(env!("CARGO_BIN_EXE_moai"));
    for (form, key_header) in [(&["glm"][..], None), (&["glm", "--helper"][..], Some(KEY))] {
        let mut switch = stage.command(&moai, &main);
        switch.args(form);
        assert!(switch.output().unwrap().status.success());
        let seen = stage.hi(&main, &[]);
        assert_eq!(seen[0].base, "glm", "{form:?}");
        assert_eq!(seen[0].bearer.as_deref(), Some(KEY), "{form:?}");
        assert_eq!(seen[0].api_key.as_deref(), key_header, "{form:?}");
        assert_eq!(seen[0].model, "glm-4.7", "{form:?}");
    }

    // The user's own gateway in the user's settings: its helper, headers and models stay away from GLM.
    let user = r#"{"apiKeyHelper": "echo user-helper", "model": "claude-opus-5-5", "env": {"ANTHROPIC_BASE_URL": "BASE/user",
        "ANTHROPIC_CUSTOM_HEADERS": "x-mine: secret", "CLAUDE_CODE_SUBAGENT_MODEL": "claude-haiku-5-5"}}"#;
    stage.settings(&stage.scratch.home().join(".claude/settings.json"), user);
    stage.scratch.moai(["claude"]).ok();
    let (seen, _) = stage.agrees("the user's own gateway", &main, None);
    assert_eq!((seen.base.as_str(), seen.mine.as_deref()), ("user", Some("secret")));
    for form in [&["glm"][..], &["glm", "--helper"]] {
        let mut switch = stage.command(&moai, &main);
        switch.args(form);
        let said = switch.output().unwrap();
        assert!(said.status.success() && !String::from_utf8_lossy(&said.stderr).contains("warning"), "{said:?}");
        let (seen, effective) = stage.agrees("switched over the user's gateway", &main, None);
        assert_eq!((seen.base.as_str(), seen.bearer.as_deref()), ("glm", Some(KEY)), "{form:?}");
        assert!(seen.api_key.as_deref().is_none_or(|key| key == KEY) && seen.mine.is_none(), "{form:?}: {seen:?}");
        assert_eq!(seen.model, "glm-4.7", "{form:?}");
        assert!(effective.mixed.is_empty(), "{form:?}: {:?}", effective.mixed);
    }
    stage.scratch.moai(["claude"]).ok();
    assert!(!main.join(".claude").exists());
}

#[test]
fn one_process_on_glm_reaches_it_with_the_right_key_whatever_the_files_say() {
    let Some(mut stage) = Stage::new() else { return };
    let (main, worktree) = (stage.main(), stage.worktree());
    stage.export("ANTHROPIC_API_KEY", "sk-ant-shell");
    stage.export("ANTHROPIC_AUTH_TOKEN", "shell-token");
    stage.scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY={KEY}\n"));
    stage.scratch.write(".moai/config/sections/llm.yaml", stage.fill("llm:\n  glm:\n    base_url: BASE/glm\n"));
    let moai = PathBuf::from(env!("CARGO_BIN_EXE_moai"));
    let right = |case: &str| {
        let before = stage.scratch.snapshot().into_iter().filter(|(path, _)| path.ends_with("settings.local.json"));
        let before: Vec<_> = before.collect();
        for dir in [&main, &worktree] {
            let mut command = stage.command(&moai, dir);
            command.args(["glm", "--", "claude", "-p", "say hi"]);
            let (seen, said) = stage.bounded(command);
            assert!(said.contains("hi there") && !said.contains(KEY), "{case}: {said}");
            for seen in seen {
                assert_eq!((seen.base.as_str(), seen.model.as_str()), ("glm", "glm-4.7"), "{case}: {said}");
                assert_eq!(seen.bearer.as_deref(), Some(KEY), "{case}: {said}");
                assert!(seen.api_key.is_none_or(|key| key == KEY), "{case}: {said}");
            }
        }
        let after = stage.scratch.snapshot().into_iter().filter(|(path, _)| path.ends_with("settings.local.json"));
        assert!(before == after.collect::<Vec<_>>(), "{case}: a file changed");
    };
    right("no settings at all");
    stage.local(&main, r#"{"apiKeyHelper": "echo main-helper", "env": {"ANTHROPIC_AUTH_TOKEN": "t", "ANTHROPIC_BASE_URL": "BASE/main", "ANTHROPIC_CUSTOM_HEADERS": "x-mine: 1"}}"#);
    right("a gateway in main's local file");
    std::fs::remove_dir_all(main.join(".claude")).unwrap();
    stage.settings(&stage.scratch.home().join(".claude/settings.json"), r#"{"model": "claude-opus-5-5", "apiKeyHelper": "echo user-helper", "env": {"ANTHROPIC_BASE_URL": "BASE/user", "ANTHROPIC_AUTH_TOKEN": "user-token", "ANTHROPIC_MODEL": "claude-opus-5-5"}}"#);
    right("a gateway in the user's settings");
}
