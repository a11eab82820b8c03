//! The gateway's command line: starting it in the foreground and in the background, finding it, reloading and stopping
//! it, and Claude Code on it. The gateways are real processes on ports that the system chooses.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::scratch::{KEY, Scratch, mode};
use crate::serve::Served;

/// A world whose gateways take any free port.
fn world() -> Scratch {
    let mut scratch = Scratch::repository();
    scratch.set_env("MOAI_SERVE_PORT", "0");
    scratch
}

/// Stops whatever gateway the world has left in the background.
struct Left<'a>(&'a Scratch);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        let path = self.0.home().join(".moai/gateway/serve.json");
        let Ok(text) = fs::read_to_string(path) else { return };
        let state: Value = serde_json::from_str(&text).unwrap();
        drop(std::process::Command::new("kill").args(["-9", &state["pid"].to_string()]).status());
    }
}

/// The status, whether one runs or not.
fn status(scratch: &Scratch) -> Value {
    let said = scratch.moai(["serve", "status", "--json"]);
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:#?}"))
}

/// Asks for the status until it is as wished; each look is a process of its own, which takes its time.
#[track_caller]
fn until(scratch: &Scratch, what: &str, wished: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..2000 {
        let status = status(scratch);
        if wished(&status) {
            return status;
        }
    }
    panic!("{what} did not come: {:#}", status(scratch));
}

fn config(scratch: &Scratch, text: &str) {
    scratch.write_home(".moai/config.toml", text);
}

/// As with `moai route`: what would be passed by without a word is an error, in the background too.
#[test]
fn it_does_not_start_with_a_proxy_that_cannot_be_used() {
    let mut scratch = world();
    scratch.set_env("HTTPS_PROXY", "socks5://me:hunter2@proxy.example:1080");
    for start in [&["serve"][..], &["serve", "--detach"]] {
        let _left = Left(&scratch);
        let stderr = scratch.moai(start).fails(3);
        assert!(stderr.contains("HTTPS_PROXY") && !stderr.contains("hunter2"), "{start:?}: {stderr}");
        assert_eq!(status(&scratch)["state"], "stopped");
    }
}

#[test]
fn it_starts_is_found_and_stops() {
    let scratch = world();
    assert_eq!(status(&scratch)["state"], "stopped");
    assert!(scratch.moai(["serve", "status"]).fails(1).contains("moai serve --detach"));
    assert!(scratch.moai(["serve", "stop"]).ok().is_empty());
    assert!(!scratch.home().join(".moai/gateway").exists(), "looking made something");

    let mut served = Served::start(&scratch, &["--model", "sim"]);
    let found = status(&scratch);
    assert_eq!(found["state"], "running");
    assert_eq!(found["url"], served.document["url"]);
    assert_eq!((found["pid"].as_u64(), found["detached"].as_bool()), (Some(served.pid().into()), Some(false)));
    assert_eq!(found["health"]["status"], "ok", "{found:#}");
    assert_eq!(mode(&scratch.home().join(".moai/gateway/serve.json")), 0o600);
    let said = scratch.moai(["serve", "status"]).ok();
    assert!(said.contains("sim answers everything") && said.contains("~/.moai/gateway/key"), "{said}");

    // What it answered is a line for whoever watches, without a word of the prompt.
    let asked = serde_json::json!({"model": "claude-opus-5-5", "max_tokens": 9, "messages": [{"role": "user", "content": "sesame open"}]});
    assert_eq!(served.post("/v1/messages", &asked).status, 200);
    let said = loop {
        let talk = served.talk();
        if talk.contains("claude-opus-5-5") {
            break talk;
        }
        std::thread::yield_now();
    };
    assert!(said.contains("first claude-opus-5-5 → sim, tier") && said.contains(" ms, $0.00"), "{said}");
    assert!(!said.contains("sesame"), "{said}");

    // Another one has no place beside it, on whichever port.
    let refused = scratch.moai(["serve", "--port", "0"]).fails(1);
    assert!(refused.contains("a gateway runs already") && refused.contains("moai serve stop"), "{refused}");

    let stopped = scratch.moai(["serve", "stop", "--json"]).json();
    assert_eq!(stopped["action"], "stopped");
    assert!(served.ended().success());
    assert_eq!(status(&scratch)["state"], "stopped");
    assert!(!scratch.home().join(".moai/gateway/serve.json").exists());
}

#[test]
fn in_the_background_it_goes_on_survives_a_kill_and_writes_its_log() {
    let scratch = world();
    let _left = Left(&scratch);
    let started = scratch.moai(["serve", "--detach", "--model", "sim", "--json"]).json();
    assert_eq!((started["state"].as_str(), started["detached"].as_bool()), (Some("running"), Some(true)));
    assert_eq!(status(&scratch)["health"]["status"], "ok");
    assert_eq!(mode(&scratch.home().join(".moai/logs/gateway.log")), 0o600);

    let pid = started["pid"].to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    let killed = until(&scratch, "the end", |status| status["state"] != "running");
    assert_eq!((killed["state"].as_str(), killed["pid"].to_string()), (Some("killed"), pid));
    // What it left is in nobody's way, and its key still opens.
    let key = fs::read_to_string(scratch.home().join(".moai/gateway/key")).unwrap();
    let again = scratch.moai(["serve", "--detach", "--model", "sim"]);
    assert!(again.stderr.contains("ready: http://127.0.0.1:"), "{again:#?}");
    assert_eq!(fs::read_to_string(scratch.home().join(".moai/gateway/key")).unwrap(), key);
    scratch.moai(["serve", "stop"]).ok();
    assert_eq!(status(&scratch)["state"], "stopped");
}

#[test]
fn a_client_writes_no_line_of_its_own_into_the_log() {
    let scratch = world();
    let _left = Left(&scratch);
    let started = scratch.moai(["serve", "--detach", "--model", "sim", "--json"]).json();
    let key = fs::read_to_string(scratch.home().join(".moai/gateway/key")).unwrap().trim().to_owned();
    let address = started["url"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
    let mut connection = crate::serve::Connection::open(address);
    let forged = [("x-api-key", &*key), ("x-moai-project", "a%0d%0a2026-01-09 12:00:00 evil %1b[31m")];
    let asked = serde_json::json!({"model": "auto", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    connection.ask("POST", "/v1/messages", &forged, asked.to_string().as_bytes());
    assert_eq!(connection.reply().status, 200);
    scratch.moai(["serve", "stop"]).ok();
    let log = fs::read_to_string(scratch.home().join(".moai/logs/gateway.log")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    let [begun, request, ended] = lines.as_slice() else { panic!("{log}") };
    assert!(begun.ends_with(&format!("process {}", started["pid"])) && ended.contains("has stopped"), "{log}");
    assert!(request.contains(" a??2026-01-09 12:00:00 evil ?[31m ") && !log.contains('\u{1b}'), "{log}");
    // Each with its day and its zone.
    let dated = |line: &&str| line.get(..25).is_some_and(|time| time.starts_with("20") && time.ends_with(":00"));
    assert!(lines.iter().all(dated), "{log}");
}

#[test]
fn who_can_reach_it_and_what_it_waits_for_is_said() {
    let scratch = world();
    let key = scratch.moai(["serve", "key", "add", "phone"]).ok();
    let served = Served::start(&scratch, &["--model", "sim", "--host", "0.0.0.0"]);
    assert!(served.document["address"].as_str().unwrap().starts_with("0.0.0.0:"), "{:#}", served.document);
    let said = scratch.moai(["serve", "status"]).ok();
    assert!(said.contains("other machines reach it at 0.0.0.0:") && said.contains("unencrypted"), "{said}");
    // Somebody has not said all of it yet.
    let mut slow = served.connect();
    let head = "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n";
    slow.send(format!("{head}x-api-key: {}\r\n\r\n{{", key.trim()));
    until(&scratch, "the request", |status| status["health"]["in_flight"] == 2);
    served.signal("INT");
    let stopping = until(&scratch, "the drain", |status| status["stopping"] == true);
    assert_eq!(stopping["state"], "running");
    assert!(served.talk().contains("waiting for 1 answer under way, 30 s at the most"), "{}", served.talk());
    assert!(scratch.moai(["serve", "status"]).ok().contains("stopping: it waits"));
}

#[test]
fn a_gateway_without_the_machines_own_key_says_so() {
    let scratch = world();
    scratch.moai(["serve", "key", "add", "mine"]).ok();
    scratch.moai(["serve", "key", "revoke", "first"]).ok();
    let _left = Left(&scratch);
    let said = scratch.moai(["serve", "--detach", "--model", "sim"]);
    assert!(said.stderr.contains("own commands was revoked") && !said.stderr.contains("gateway/key"), "{said:#?}");
    assert!(scratch.moai(["serve", "status"]).ok().contains("revoked"));
}

#[test]
fn a_start_that_fails_in_the_background_says_why_in_the_foreground() {
    let scratch = world();
    let said = scratch.moai(["serve", "--detach", "--model", "no-such-model", "--json"]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!((said.status, document["error"]["code"].as_str()), (3, Some("unknown-model")), "{said:#?}");
    assert!(said.stderr.contains("no-such-model"), "{said:#?}");
    assert_eq!(status(&scratch)["state"], "stopped");
    config(&scratch, "[serve]\nport = 99999\n");
    assert!(scratch.moai(["serve"]).fails(3).contains("config.toml:2:8: `serve.port`"));
}

#[test]
fn a_port_that_is_taken_names_its_owner_and_a_free_one() {
    let scratch = world();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    for detach in [&[][..], &["--detach"]] {
        let said = scratch.moai([&["serve", "--port", &port], detach].concat()).fails(1);
        assert!(said.contains(&format!("port {port} is taken by process {}", std::process::id())), "{said}");
        assert!(said.contains("hint: take the next free one: `moai serve --port "), "{said}");
    }
    assert_eq!(status(&scratch)["state"], "stopped");

    // A gateway in the background is known for what it is, by another home, too.
    let mut other = Scratch::repository();
    other.set_env("MOAI_SERVE_PORT", "0");
    let _left = Left(&other);
    let started = other.moai(["serve", "--detach", "--model", "sim", "--json"]).json();
    let port = started["url"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    let said = scratch.moai(["serve", "--port", &port]).fails(1);
    assert!(said.contains(&format!("process {} (moai serve)", started["pid"])), "{said}");
}

#[test]
fn a_new_configuration_counts_and_a_wrong_one_is_refused() {
    let scratch = world();
    let served = Served::start(&scratch, &["--model", "sim"]);
    assert!(scratch.moai(["serve", "reload"]).ok().is_empty());
    assert_eq!(status(&scratch)["last_reload"]["refused"], Value::Null);

    config(&scratch, "[tiers]\nplan = \"claude-opsu\"\n");
    let refused = scratch.moai(["serve", "reload"]).fails(3);
    assert!(refused.contains("config.toml:2:8") && refused.contains("old configuration still counts"), "{refused}");
    let found = status(&scratch);
    assert!(found["last_reload"]["refused"].as_str().unwrap().contains("claude-opsu"), "{found:#}");
    assert_eq!(served.get("/api/health").status, 200, "the old one still answers");
    assert!(served.talk().contains("the configuration is refused, the old one counts"), "{}", served.talk());
    assert!(scratch.moai(["status"]).stderr.contains("still runs on its old configuration"));

    // Nobody asked for it: the file has changed.
    let before = found["reloads"].as_u64();
    config(&scratch, "[tiers]\nplan = \"claude-opus\"\n");
    let mended = until(&scratch, "the reload", |status| {
        status["reloads"].as_u64() > before && status["last_reload"]["refused"].is_null()
    });
    assert_eq!(mended["state"], "running");
    // A SIGHUP does the same.
    served.signal("HUP");
    until(&scratch, "the second reload", |status| status["reloads"].as_u64() > mended["reloads"].as_u64());
}

#[test]
fn a_vendor_that_is_the_gateway_itself_is_refused() {
    let scratch = world();
    let served = Served::start(&scratch, &["--model", "sim"]);
    let own = served.document["url"].as_str().unwrap().replace("127.0.0.1", "localhost");
    config(&scratch, &format!("[providers.loop]\nbase_url = \"{own}/v1\"\n"));
    let refused = scratch.moai(["serve", "reload"]).fails(3);
    assert!(refused.contains("`providers.loop.base_url` is moai's own gateway"), "{refused}");
}

#[test]
fn without_a_key_it_says_what_to_run_and_sees_the_key_when_it_comes() {
    let scratch = world();
    let served = Served::start(&scratch, &[]);
    let said = served.talk();
    assert!(status(&scratch)["models"].as_array().unwrap().is_empty());
    let code = scratch.moai(["serve", "status"]).ok();
    assert!(code.contains("no models: there is no key"), "{code} {said}");
    scratch.moai(["glm", KEY]).ok();
    let found = until(&scratch, "the model", |status| !status["models"].as_array().unwrap().is_empty());
    assert_eq!(found["models"][0], "glm-4.7");
    assert!(!served.talk().contains(KEY));
}

#[test]
fn access_keys_are_made_shown_once_listed_and_revoked() {
    let scratch = world();
    assert_eq!(scratch.moai(["serve", "key", "list", "--json"]).json()["keys"].as_array().unwrap().len(), 0);
    let served = Served::start(&scratch, &["--model", "sim"]);
    let made = scratch.moai(["serve", "key", "add", "ci", "--scope", "use,read"]);
    let secret = made.stdout.trim().to_owned();
    assert!(secret.starts_with("mk-") && made.stderr.contains("`ci` opens use, read"), "{made:#?}");
    let open = || served.ask_without_key("GET", "/api/health", &[("x-api-key", &secret)], "").status;
    assert_eq!(open(), 200);
    let listed = scratch.moai(["serve", "key", "list"]).ok();
    assert!(listed.contains("ci") && listed.contains("first") && !listed.contains("mk-"), "{listed}");
    scratch.moai(["serve", "key", "revoke", "ci"]).ok();
    assert_eq!(open(), 401);
    assert_eq!(scratch.moai(["serve", "key", "print"]).ok().trim(), served.key);
    assert!(scratch.moai(["serve", "key", "revoke", "ci"]).fails(1).contains("no access key `ci`"));
}

/// A `claude` that says how it was started.
fn fake_claude(scratch: &mut Scratch) {
    let path = scratch.write_home("bin/claude", "#!/bin/sh\nprintf '%s\\n' \"args: $*\"\nenv\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let old = std::env::var("PATH").unwrap();
    scratch.set_env("PATH", &format!("{}:{old}", scratch.home().join("bin").display()));
}

#[test]
fn moai_code_starts_claude_code_on_the_gateway() {
    let mut scratch = world();
    fake_claude(&mut scratch);
    let scratch = scratch;
    let _left = Left(&scratch);
    // With no key at all a session would be nothing but errors.
    let refused = scratch.moai(["code", "-p", "hi"]).fails(3);
    assert!(refused.contains("moai glm KEY") && refused.contains("moai code --model sim"), "{refused}");
    assert_eq!(status(&scratch)["state"], "stopped", "a gateway was started for nothing");
    let first = scratch.moai(["code", "--model", "sim", "-p", "say hi"]);
    assert!(first.stderr.contains("started the gateway at http://127.0.0.1:"), "{first:#?}");
    let found = status(&scratch);
    assert_eq!(found["directory"], scratch.home().display().to_string(), "no project's settings are everybody's");

    let url = found["url"].as_str().unwrap().to_owned();
    let key = fs::read_to_string(scratch.home().join(".moai/gateway/code.key")).unwrap().trim().to_owned();
    let first = fs::read_to_string(scratch.home().join(".moai/gateway/key")).unwrap().trim().to_owned();
    let mut command = scratch.moai_command(["code", "--model", "sim", "-p", "say hi", "--verbose"]);
    command.env("ANTHROPIC_API_KEY", "sk-ant-not-for-the-gateway").env("ANTHROPIC_MODEL", "claude-opus-5-5");
    let said = crate::scratch::Said::from(&command.output().unwrap());
    assert!(!said.stderr.contains("started the gateway"), "one runs already: {}", said.stderr);
    let out = said.ok();
    let has = |line: &str| assert!(out.lines().any(|found| found == line), "{line}\n{out}");
    has("args: -p say hi --verbose");
    has(&format!("ANTHROPIC_BASE_URL={url}"));
    has(&format!("ANTHROPIC_AUTH_TOKEN={key}"));
    has("CLAUDE_CODE_GATEWAY_HINT_HEADERS=1");
    has("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY=1");
    has("ANTHROPIC_CUSTOM_HEADERS=x-moai-project: DesignWorkflow");
    has(&format!("x-moai-worktree: {}", scratch.project().display()));
    has("ANTHROPIC_DEFAULT_OPUS_MODEL=sim");
    has(&format!("MOAI_GATEWAY={url}"));
    assert!(!out.contains("ANTHROPIC_API_KEY") && !out.contains("ANTHROPIC_MODEL="), "{out}");
    assert!(!out.contains(&first), "a session has no key that opens everything");

    // A settings file that leads elsewhere is kept out of it, and no secret is in the command line.
    scratch.write(
        ".claude/settings.local.json",
        "{\"env\": {\"ANTHROPIC_BASE_URL\": \"https://api.z.ai/api/anthropic\"}}",
    );
    let out = scratch.moai(["code", "--model", "claude-opus", "-p", "hi"]);
    assert!(out.stderr.contains("claude-opus"), "nobody has a key for it: {out:#?}");
    let out = scratch.moai(["code", "--model", "sim", "-p", "hi"]).ok();
    let args = out.lines().next().unwrap();
    assert!(args.contains("--setting-sources user,project") && !args.contains(&key), "{args}");
    assert!(!scratch.read(".claude/settings.local.json").contains(&url), "no file is changed");
}

#[test]
fn claude_code_trusts_the_gateways_own_certificate() {
    let mut scratch = world();
    fake_claude(&mut scratch);
    let scratch = scratch;
    let _left = Left(&scratch);
    let file = |name: &str| format!("{}/tests/it/serve/{name}", env!("CARGO_MANIFEST_DIR"));
    let (cert, key) = (file("localhost.cert.pem"), file("localhost.key.pem"));
    config(&scratch, &format!("[serve.tls]\ncert = \"{cert}\"\nkey = \"{key}\"\n"));
    let trusts = |own: Option<&str>| {
        let mut command = scratch.moai_command(["code", "--model", "sim", "-p", "hi"]);
        command.envs(own.map(|own| ("NODE_EXTRA_CA_CERTS", own)));
        let out = crate::scratch::Said::from(&command.output().unwrap()).ok();
        assert!(out.contains("ANTHROPIC_BASE_URL=https://127.0.0.1:"), "{out}");
        out.lines().find_map(|line| line.strip_prefix("NODE_EXTRA_CA_CERTS=")).map(str::to_owned)
    };
    assert_eq!(trusts(None), Some(cert));
    // Whoever says whom to trust is left alone.
    assert_eq!(trusts(Some("/company.pem")).as_deref(), Some("/company.pem"));
}

#[test]
fn a_project_goes_to_the_gateway_and_back_to_the_byte() {
    for command in ["claude", "glm"] {
        let scratch = world();
        let _left = Left(&scratch);
        let before = "{ \"permissions\": {\"allow\": [\"Bash(ls)\"]},\n  \"env\":{\"ANTHROPIC_MODEL\":\"claude-opus-5-5\", \"MINE\" : \"1\"} }";
        scratch.write(".claude/settings.local.json", before);
        let said = scratch.moai([command, "--gateway"]);
        assert!(said.stderr.contains("on moai's gateway at http://127.0.0.1:"), "{said:#?}");
        let secret =
            |name| fs::read_to_string(scratch.home().join(".moai/gateway").join(name)).unwrap().trim().to_owned();
        let (key, first) = (secret("code.key"), secret("key"));
        let text = scratch.read(".claude/settings.local.json");
        let settings: Value = serde_json::from_str(&text).unwrap();
        assert!(!text.contains(&key) && !text.contains(&first), "no secret is in the project: {text}");
        assert_eq!(settings["env"]["ANTHROPIC_BASE_URL"], status(&scratch)["url"]);
        assert_eq!(settings["env"]["ANTHROPIC_API_KEY"], "");
        assert_eq!(settings["env"]["MINE"], "1");
        assert!(settings["env"].get("ANTHROPIC_MODEL").is_none(), "{text}");
        let opus = settings["env"].get("ANTHROPIC_DEFAULT_OPUS_MODEL").and_then(Value::as_str);
        assert_eq!(opus, (command == "glm").then_some("glm-4.7"));
        // The helper gives the key out, and starts the gateway where none runs.
        scratch.moai(["serve", "stop"]).ok();
        assert!(scratch.moai(["status"]).stderr.contains("no gateway of moai runs"));
        let helper = settings["apiKeyHelper"].as_str().unwrap();
        let asked = scratch.command("sh").args(["-c", helper]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), key);
        assert_eq!(status(&scratch)["state"], "running");
        assert_eq!(scratch.moai(["status", "--json"]).json()["backend"], "gateway");
        // Again changes nothing but the address, which is another run's; and back it is to the byte.
        scratch.moai([command, "--gateway"]).ok();
        let back = scratch.moai(["claude"]);
        assert!(back.stderr.contains("on its settings from before the gateway"), "{back:#?}");
        assert_eq!(scratch.read(".claude/settings.local.json"), before);
    }
}
