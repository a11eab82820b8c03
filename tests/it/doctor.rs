//! `moai doctor`: each finding made to appear and to disappear.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value as Json;

use crate::scratch::{KEY, Said, Scratch, mode};

const LOCAL: &str = ".claude/settings.local.json";

/// The severity of a finding, and all of its text.
fn finding(answer: &Json, id: &str) -> Option<(String, String)> {
    let findings = answer["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["id"] == id && finding["severity"] != "ok")?;
    Some((found["severity"].as_str().unwrap().to_owned(), found.to_string()))
}

#[track_caller]
fn severity(answer: &Json, id: &str) -> String {
    finding(answer, id).unwrap_or_else(|| panic!("no finding {id} in {answer:#}")).0
}

/// Runs the doctor; the exit code must agree with the count of errors, and no key may be shown.
#[track_caller]
fn doctor_in(scratch: &Scratch, dir: &Path, args: &[&str]) -> Json {
    let said: Said = scratch.moai_in(dir, ["doctor", "--json"].iter().chain(args));
    assert!(!said.stdout.contains(KEY) && !said.stderr.contains(KEY), "the key is shown: {said:#?}");
    let answer: Json = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:#?}"));
    let errors = answer["errors"].as_u64().unwrap();
    assert_eq!(said.status, i32::from(errors > 0), "{said:#?}");
    answer
}

#[track_caller]
fn doctor(scratch: &Scratch, args: &[&str]) -> Json {
    doctor_in(scratch, &scratch.project(), args)
}

fn with_key() -> Scratch {
    let scratch = Scratch::repository();
    let path = scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY=\"{KEY}\"\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    scratch
}

fn settings(extra: &str) -> String {
    format!(
        "{{\"env\": {{\"ANTHROPIC_AUTH_TOKEN\": \"{KEY}\", \"ANTHROPIC_BASE_URL\": \"https://api.z.ai/api/anthropic\"{extra}}}}}\n"
    )
}

#[test]
fn a_healthy_project_has_no_error() {
    let scratch = with_key();
    let answer = doctor(&scratch, &[]);
    assert_eq!(answer["schema"], 1);
    assert_eq!(answer["errors"], 0, "{answer:#}");
    let said = scratch.moai(["doctor"]);
    assert!(said.stdout.contains("0123…SeCr") && !said.stdout.contains(KEY), "{said:#?}");
}

#[test]
fn a_missing_key_is_an_error_only_where_the_mode_needs_one() {
    let scratch = Scratch::repository();
    assert_eq!(severity(&doctor(&scratch, &[]), "key"), "info");
    scratch.moai(["mode", "mashup"]).ok();
    assert_eq!(severity(&doctor(&scratch, &[]), "key"), "error");
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY={KEY}\n"));
    assert_eq!(finding(&doctor(&scratch, &[]), "key"), None);
}

#[test]
fn key_files_that_others_may_read_are_closed() {
    let scratch = with_key();
    let path = scratch.home().join(".moai/.env.glm");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(severity(&doctor(&scratch, &[]), "key-mode"), "error");
    let fixed = doctor(&scratch, &["--fix"]);
    assert_eq!(fixed["errors"], 0, "{fixed:#}");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(finding(&doctor(&scratch, &[]), "key-mode"), None);
}

#[test]
fn a_second_key_that_is_not_used_is_named() {
    let mut scratch = with_key();
    scratch.set_env("GLM_API_KEY", "another-key-0123456789");
    assert_eq!(severity(&doctor(&scratch, &[]), "key-unused"), "info");
}

#[test]
fn settings_with_a_key_are_private_ignored_and_untracked() {
    let scratch = with_key();
    let path = scratch.write(LOCAL, settings(""));
    let answer = doctor(&scratch, &[]);
    assert_eq!(severity(&answer, "settings-exposed"), "error");
    assert_eq!(severity(&answer, "settings-mode"), "error");
    assert!(finding(&answer, "settings-helper").unwrap().1.contains("--helper"));
    let fixed = doctor(&scratch, &["--fix"]);
    assert_eq!(fixed["errors"], 0, "{fixed:#}");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(scratch.git(["check-ignore", LOCAL]), LOCAL);
    let answer = doctor(&scratch, &[]);
    assert_eq!((finding(&answer, "settings-exposed"), finding(&answer, "settings-mode")), (None, None));

    scratch.git(["add", "--force", LOCAL]);
    assert_eq!(severity(&doctor(&scratch, &["--fix"]), "settings-tracked"), "error");
    scratch.git(["rm", "--cached", "--quiet", LOCAL]);
    assert_eq!(finding(&doctor(&scratch, &[]), "settings-tracked"), None);
}

#[test]
fn settings_that_do_not_parse_are_named_by_line() {
    let scratch = with_key();
    let text = format!("{{\n  \"env\": {{\"ANTHROPIC_AUTH_TOKEN\": \"{KEY}\"\n");
    scratch.write(LOCAL, &text);
    let (severity, text_of) = finding(&doctor(&scratch, &["--fix"]), "settings").unwrap();
    assert_eq!(severity, "error");
    assert!(text_of.contains("settings.local.json:"), "{text_of}");
    assert_eq!(scratch.read(LOCAL), text);
}

#[test]
fn a_key_in_the_shell_that_reaches_another_vendor_is_an_error() {
    let mut scratch = with_key();
    scratch.write(".git/info/exclude", format!("/{LOCAL}\n"));
    let path = scratch.write(LOCAL, settings(""));
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(doctor(&scratch, &[])["errors"], 0);
    scratch.set_env("ANTHROPIC_API_KEY", "sk-ant-0123456789abcdef");
    let answer = doctor(&scratch, &[]);
    assert_eq!(severity(&answer, "mixed-vendors"), "error");
    assert_eq!(severity(&answer, "shell-variable"), "warn");
    let path = scratch.write(LOCAL, settings(", \"ANTHROPIC_API_KEY\": \"\""));
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(doctor(&scratch, &[])["errors"], 0, "an empty value in the settings stops it");
}

#[test]
fn main_that_mixes_into_a_worktree_is_found_from_both_sides() {
    let scratch = with_key();
    scratch.write(".git/info/exclude", format!("/{LOCAL}\n"));
    scratch.git(["worktree", "add", "--quiet", "-b", "feature/x", "../x"]);
    let tree = scratch.root().join("x");
    fs::create_dir_all(tree.join(".claude")).unwrap();
    fs::write(tree.join(LOCAL), settings("")).unwrap();
    fs::set_permissions(tree.join(LOCAL), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(doctor(&scratch, &[])["errors"], 0);
    let main = scratch.write(LOCAL, "{\"env\": {\"ANTHROPIC_AUTH_TOKEN\": \"sk-ant-main-token-0123\"}}");
    fs::set_permissions(main, fs::Permissions::from_mode(0o600)).unwrap();
    for dir in [scratch.project(), tree] {
        let answer = doctor_in(&scratch, &dir, &[]);
        assert_eq!(severity(&answer, "mixed-vendors"), "error");
        assert_eq!(severity(&answer, "main-overrides"), "warn");
    }
}

#[test]
fn an_old_copy_of_the_key_in_the_project_goes_only_where_another_is_kept() {
    let scratch = Scratch::repository();
    let stale = scratch.write(".moai/.env.glm", format!("GLM_API_KEY={KEY}\n"));
    let answer = doctor(&scratch, &["--fix"]);
    assert_eq!(severity(&answer, "stale-key"), "warn");
    assert!(stale.exists(), "the only copy stays");
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY={KEY}\n"));
    let said = scratch.moai(["doctor", "--fix"]);
    assert!(said.stderr.contains("removed") && said.stdout.contains("0123…SeCr"), "{said:#?}");
    assert!(!stale.exists());
    assert_eq!(finding(&doctor(&scratch, &[]), "stale-key"), None);
}

#[test]
fn glm_json_is_compared_with_llm_yaml_and_its_variables_are_looked_up() {
    let mut scratch = with_key();
    scratch.write(".moai/config/sections/llm.yaml", "llm:\n  glm:\n    models:\n      opus: glm-5\n");
    let json = ".moai/llm-configs/glm.json";
    scratch.write(
        json,
        r#"{"env":{"ANTHROPIC_AUTH_TOKEN":"${GLM_API_KEY}","ANTHROPIC_DEFAULT_OPUS_MODEL":"glm-5.2","X":"${OURS}"}}"#,
    );
    let answer = doctor(&scratch, &[]);
    assert_eq!(severity(&answer, "glm-json-conflict"), "warn");
    assert!(finding(&answer, "glm-json-variable").unwrap().1.contains("${OURS}"));
    scratch.set_env("OURS", "x");
    scratch.moai(["config", "set", "llm.glm.models.opus", "glm-5.2"]).ok();
    let answer = doctor(&scratch, &[]);
    assert_eq!((finding(&answer, "glm-json-conflict"), finding(&answer, "glm-json-variable")), (None, None));

    scratch.write(json, format!(r#"{{"env":{{"ANTHROPIC_AUTH_TOKEN":"{KEY}"}}}}"#));
    assert_eq!(severity(&doctor(&scratch, &[]), "glm-json-key"), "warn");
    scratch.git(["add", json]);
    assert_eq!(severity(&doctor(&scratch, &[]), "glm-json-key"), "error");
}

#[test]
fn a_configuration_that_does_not_parse_is_a_finding_and_the_rest_is_still_examined() {
    let scratch = with_key();
    scratch.write(".moai/config/sections/llm.yaml", "llm: [\n");
    let answer = doctor(&scratch, &[]);
    assert_eq!(severity(&answer, "config"), "error");
    assert!(answer["findings"].as_array().unwrap().iter().any(|found| found["id"] == "key"), "{answer:#}");
}

#[test]
fn a_worktree_that_is_gone_and_a_client_that_is_not_there() {
    let mut scratch = with_key();
    scratch.git(["worktree", "add", "--quiet", "-b", "feature/x", "../x"]);
    fs::remove_dir_all(scratch.root().join("x")).unwrap();
    let answer = doctor(&scratch, &[]);
    assert_eq!(severity(&answer, "worktree-gone"), "warn");
    scratch.git(["worktree", "prune"]);
    assert_eq!(finding(&doctor(&scratch, &[]), "worktree-gone"), None);

    let tools = scratch.home().join("tools");
    fs::create_dir_all(&tools).unwrap();
    let path = std::env::var("PATH").unwrap();
    let git = std::env::split_paths(&path).map(|dir| dir.join("git")).find(|git| git.exists()).unwrap();
    std::os::unix::fs::symlink(git, tools.join("git")).unwrap();
    scratch.set_env("PATH", tools.to_str().unwrap());
    assert_eq!(severity(&doctor(&scratch, &[]), "claude"), "warn");
    for (version, wanted) in [("2.1.197", Some("info")), ("2.1.250", Some("info")), ("2.1.329", None)] {
        let claude = tools.join("claude");
        fs::write(&claude, format!("#!/bin/sh\necho '{version} (Claude Code)'\n")).unwrap();
        fs::set_permissions(&claude, fs::Permissions::from_mode(0o755)).unwrap();
        let found = finding(&doctor(&scratch, &[]), "claude").map(|(severity, _)| severity);
        assert_eq!(found.as_deref(), wanted, "{version}");
    }
}

#[test]
fn what_a_killed_command_left_is_taken_back() {
    let scratch = with_key();
    let mut killed = scratch.moai_command(["worktree", "create", "SPEC-9", "--glm"]);
    assert!(!killed.env("MOAI_FAIL_AT", "files").output().unwrap().status.success());
    assert!(scratch.git(["branch", "--list"]).contains("SPEC-9"), "it has to be half made");
    assert_eq!(severity(&doctor(&scratch, &[]), "worktree-half-done"), "warn");
    doctor(&scratch, &["--fix"]);
    assert_eq!(finding(&doctor(&scratch, &[]), "worktree-half-done"), None);
    assert!(!scratch.git(["branch", "--list"]).contains("SPEC-9"));
}

#[test]
fn a_worktree_that_was_moved_by_hand_is_found() {
    let scratch = with_key();
    scratch.git(["worktree", "add", "--quiet", "-b", "feature/x", "../trees/x"]);
    scratch.git(["worktree", "add", "--quiet", "-b", "feature/y", "../trees/y"]);
    fs::rename(scratch.root().join("trees/x"), scratch.root().join("trees/z")).unwrap();
    let answer = doctor(&scratch, &[]);
    assert_eq!(severity(&answer, "worktree-stray"), "warn");
    scratch.moai(["worktree", "recover"]).ok();
    assert_eq!(finding(&doctor(&scratch, &[]), "worktree-stray"), None);
}

#[test]
fn a_home_that_cannot_be_written_is_named() {
    let mut scratch = with_key();
    assert_eq!(finding(&doctor(&scratch, &[]), "home"), None);
    // Root may write into any directory, but not below a file.
    let file = scratch.write_home("file", "");
    scratch.set_env("MOAI_HOME", file.join("moai").to_str().unwrap());
    assert_eq!(severity(&doctor(&scratch, &[]), "home"), "error");
}

/// A vendor on loopback: answers each request as `reply` says, and keeps what it was sent.
struct Vendor {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
    stop: Arc<std::sync::atomic::AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Vendor {
    fn new(reply: fn(&str) -> (u16, String)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (log, stopped) = (Arc::clone(&seen), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(std::sync::atomic::Ordering::Relaxed) {
                    return;
                }
                let mut stream = stream.unwrap();
                let request = read_request(&mut stream);
                let (status, body) = reply(&request);
                log.lock().unwrap().push(request);
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).unwrap();
            }
        });
        Self { url: format!("http://{address}/api/anthropic"), seen, stop, thread: Some(thread) }
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let address = self.url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
        drop(std::net::TcpStream::connect(address));
        drop(self.thread.take().map(JoinHandle::join));
    }
}

/// Head and body of one request.
fn read_request(stream: &mut std::net::TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length:").map(str::trim).map(str::to_owned)
                })
                .map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                return text;
            }
        }
        match stream.read(&mut chunk).unwrap() {
            0 => return text,
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

fn online(vendor: &Vendor, setup: impl FnOnce(&mut Scratch)) -> Json {
    let mut scratch = with_key();
    scratch.set_env("MOAI_LLM_GLM_BASE_URL", &vendor.url);
    // A proxy that nobody answers at: loopback must not go through it.
    scratch.set_env("HTTP_PROXY", "http://127.0.0.1:9");
    setup(&mut scratch);
    doctor(&scratch, &["--online"])
}

fn severities(answer: &Json, id: &str) -> Vec<String> {
    let findings = answer["findings"].as_array().unwrap().iter().filter(|finding| finding["id"] == id);
    findings.map(|finding| finding["severity"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_listed_model_is_believed_and_the_key_goes_in_headers_only() {
    let vendor = Vendor::new(|request| {
        assert!(request.starts_with("GET /api/anthropic/v1/models?limit=1000 HTTP/1.1"), "{request}");
        (200, r#"{"data":[{"id":"glm-4.7"},{"id":"glm-5"}]}"#.into())
    });
    // As in a slim container: the machine has no CA certificates.
    let answer = online(&vendor, |scratch| {
        scratch.set_env("SSL_CERT_FILE", "/nonexistent/file");
        scratch.set_env("SSL_CERT_DIR", "/nonexistent/dir");
    });
    assert_eq!(severities(&answer, "online-model"), ["ok"], "{answer:#}");
    let seen = vendor.seen();
    assert_eq!(seen.len(), 1);
    let (line, headers) = seen[0].split_once("\r\n").unwrap();
    assert!(!line.contains(KEY));
    let headers = headers.to_ascii_lowercase();
    assert!(headers.contains(&format!("authorization: bearer {}", KEY.to_ascii_lowercase())));
    assert!(headers.contains(&format!("x-api-key: {}", KEY.to_ascii_lowercase())));
}

#[test]
fn without_a_list_each_model_is_asked_for_one_token() {
    let vendor = Vendor::new(|request| match request {
        get if get.starts_with("GET") => (404, "not here".into()),
        post if post.contains("glm-5.9") => (400, r#"{"error":{"code":"1211","message":"Unknown Model"}}"#.into()),
        post => {
            assert!(post.contains("\"max_tokens\":1"), "{post}");
            (200, r#"{"type":"message","content":[]}"#.into())
        }
    });
    let answer = online(&vendor, |scratch| scratch.set_env("MOAI_LLM_GLM_MODELS_OPUS", "glm-5.9"));
    assert_eq!(severities(&answer, "online-model"), ["error", "ok"]);
    let (_, text) = finding(&answer, "online-model").unwrap();
    assert!(text.contains("there is no such model (HTTP 400, 1211) (Unknown Model)"), "{text}");
    assert_eq!(vendor.seen().len(), 3);
}

#[test]
fn the_vendors_codes_are_said_in_clear_words() {
    let vendor = Vendor::new(|_| (401, format!(r#"{{"error":{{"code":"1001","message":"bad key {KEY}"}}}}"#)));
    let (_, text) = finding(&online(&vendor, |_| {}), "online").unwrap();
    assert!(text.contains("the key is not accepted (HTTP 401, 1001) (bad key …)"), "{text}");
    assert!(text.contains("moai glm"), "{text}");
    let vendor = Vendor::new(|request| {
        let get = request.starts_with("GET");
        let poor = r#"{"error":{"code":"1113","message":"余额不足"}}"#;
        if get { (404, String::new()) } else { (429, poor.into()) }
    });
    let (_, text) = finding(&online(&vendor, |_| {}), "online").unwrap();
    assert!(text.contains("out of balance (HTTP 429, 1113)"), "{text}");
    let vendor = Vendor::new(|_| (200, r#"{"code":1001,"msg":"no","success":false}"#.into()));
    assert!(finding(&online(&vendor, |_| {}), "online").unwrap().1.contains("the key is not accepted"));
}

#[test]
fn nobody_there_is_said_without_the_url() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut scratch = with_key();
    scratch.set_env("MOAI_LLM_GLM_BASE_URL", &format!("http://{free}/secret-path"));
    let (severity, text) = finding(&doctor(&scratch, &["--online"]), "online").unwrap();
    assert_eq!(severity, "error");
    assert!(text.contains(&format!("cannot reach {free}")), "{text}");
    let what: Json = serde_json::from_str(&text).unwrap();
    assert!(!what["what"].as_str().unwrap().contains("secret-path"), "{text}");
}
