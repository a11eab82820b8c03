//! Who gets in, over real sockets: keys, names, pages, paths, methods, and what the refusals look like.

use serde_json::Value;

use super::Served;
use crate::scratch::{Scratch, mode};

/// Every door of the table, as the document of the API lists them.
pub(super) fn doors() -> Vec<(String, String)> {
    let document = super::openapi::document();
    let paths = document["paths"].as_object().unwrap();
    let doors = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().keys().filter(|name| *name != "parameters");
        methods.map(|method| (method.to_uppercase(), path.replace("{model}", "sim")))
    });
    doors.collect()
}

#[test]
fn nothing_can_be_read_without_a_key() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &[]);
    assert_eq!(served.document["url"], format!("http://{}", served.address));
    let open = [("HEAD", "/"), ("GET", "/health"), ("HEAD", "/api/hello")];
    let doors = doors();
    assert!(doors.len() > 15, "{doors:?}");
    for (method, path) in doors.iter().map(|(method, path)| (&**method, &**path)) {
        for headers in [vec![], vec![("authorization", "Bearer mk-0123456789abcdef0123456789abcdef")]] {
            let reply = served.ask_without_key(method, path, &headers, "");
            if open.contains(&(method, path)) {
                assert_eq!(reply.status, 200, "{method} {path}");
                assert!(reply.text().is_empty() || reply.json() == serde_json::json!({"status": "ok"}), "{reply:?}");
                continue;
            }
            assert_eq!(reply.status, 401, "{method} {path}: {reply:?}");
            assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"moai\""));
            assert!(!reply.text().contains("mk-0123"), "{}", reply.text());
        }
    }
    // Nor what is there and what is not.
    let reply = served.ask_without_key("GET", "/api/secret", &[], "").is(401);
    assert_eq!(reply.json()["error"]["code"], "no-key");
}

#[test]
fn refusals_speak_the_dialect_of_their_path() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &[]);
    let anthropic = served.ask_without_key("POST", "/v1/messages", &[], "{}").is(401);
    assert_eq!(anthropic.json()["type"], "error");
    assert_eq!(anthropic.json()["error"]["type"], "authentication_error");
    assert_eq!(anthropic.header("request-id"), anthropic.header("x-moai-request-id"));
    assert_eq!(anthropic.json()["request_id"].as_str(), anthropic.header("request-id"));
    // Claude Code repeats a 401 for three minutes unless it is told not to.
    assert_eq!(anthropic.header("x-should-retry"), Some("false"));
    let openai = served.ask_without_key("POST", "/v1/chat/completions", &[], "{}").is(401);
    assert_eq!(openai.json()["error"]["code"], "invalid_api_key");
    assert!(openai.header("x-request-id").is_some());
    let own = served.ask_without_key("GET", "/api/health", &[], "").is(401);
    assert_eq!(own.json()["error"]["code"], "no-key");
    assert!(own.json()["error"]["hint"].as_str().unwrap().contains("moai serve key add"));
    let version = [("anthropic-version", "2023-06-01")];
    assert_eq!(served.ask("GET", "/v1/nothing", &version, "").is(404).json()["error"]["type"], "not_found_error");
    assert_eq!(served.ask("GET", "/v1/nothing", &[], "").is(404).json()["error"]["type"], "invalid_request_error");
    assert_eq!(served.get("/nothing").is(404).json()["error"]["code"], "no-such-path");
    let other = served.ask("PATCH", "/v1/messages", &[], "").is(405);
    assert_eq!(other.header("allow"), Some("POST"));
    assert_eq!(other.json()["error"]["type"], "invalid_request_error");
    let other = served.ask("PUT", "/api/router/force-model", &[], "{}").is(405);
    assert_eq!(other.header("allow"), Some("GET, HEAD, POST, DELETE"));
    assert_eq!(other.json()["error"]["code"], "method-not-allowed");
}

#[test]
fn a_page_that_rebinds_its_name_gets_nothing() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &[]);
    let (port, key) = (served.address.port(), served.key.clone());
    let ask = |host: &str, more: &str| {
        served.raw(format!("GET /api/health HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\n{more}\r\n"))
    };
    for host in ["evil.com", &format!("evil.com:{port}"), "localhost", "localhost:1", "x/#", "[::1"] {
        let reply = ask(host, "").is(403);
        assert_eq!(reply.json()["error"]["code"], "foreign-host", "{host}");
        assert!(!reply.text().contains(host), "{}", reply.text());
    }
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        ask(&host, "").is(200);
    }
    let ours = served.address.to_string();
    for origin in ["https://evil.com", "null", "http://localhost:5173"] {
        let reply = ask(&ours, &format!("origin: {origin}\r\n")).is(403);
        assert_eq!(reply.json()["error"]["code"], "foreign-origin", "{origin}");
        assert!(reply.header("access-control-allow-origin").is_none());
    }
    ask(&ours, "sec-fetch-site: cross-site\r\n").is(403);
    // What a browser asks before it sends something that is not plain.
    let preflight = format!(
        "OPTIONS /v1/messages HTTP/1.1\r\nhost: {ours}\r\norigin: https://evil.com\r\naccess-control-request-method: POST\r\n\r\n"
    );
    let reply = served.raw(preflight).is(403);
    assert!(reply.headers.iter().all(|(name, _)| !name.starts_with("access-control")), "{reply:?}");
    served.raw("GET /health HTTP/1.1\r\n\r\n").is(400);
    served.raw(format!("GET /health HTTP/1.0\r\nhost: {ours}\r\n\r\n")).is(200);
    served.raw("GET /health HTTP/1.0\r\n\r\n").is(400);
}

#[test]
fn keys_are_made_revoked_and_narrow_while_it_runs() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &[]);
    for name in ["keys.json", "key"] {
        assert_eq!(mode(&scratch.home().join(".moai/gateway").join(name)), 0o600);
    }
    let made = scratch.moai(["--json", "serve", "key", "add", "ci", "--scope", "read"]).json();
    let secret = made["key"].as_str().or(made["secret"].as_str()).unwrap().to_owned();
    let ask = |method, path| served.ask_without_key(method, path, &[("x-api-key", &*secret)], "");
    ask("GET", "/api/health").is(200);
    let narrow = ask("POST", "/v1/messages").is(403);
    assert_eq!(narrow.json()["error"]["type"], "permission_error");
    assert!(narrow.text().contains("`ci`") && narrow.text().contains("`use`"), "{}", narrow.text());
    ask("DELETE", "/api/router/force-model").is(403);
    scratch.moai(["serve", "key", "revoke", "ci"]).ok();
    ask("GET", "/api/health").is(401);
    served.get("/api/health").is(200);
    assert!(!served.talk().contains(&secret));
}

#[test]
fn head_is_get_without_a_body() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &[]);
    let (head, get) = (served.ask("HEAD", "/api/openapi.json", &[], ""), served.get("/api/openapi.json"));
    assert_eq!((head.status, get.status), (200, 200));
    assert!(head.body.is_empty());
    assert_eq!(head.header("content-length"), get.header("content-length"));
    // The connection goes on behind an answer without a body.
    let mut connection = served.connect();
    for _ in 0..3 {
        connection.ask("HEAD", "/", &[], b"");
        connection.reply().is(200);
        connection.ask("GET", "/health", &[], b"");
        assert_eq!(connection.reply().is(200).json()["status"], "ok");
    }
}

#[test]
fn health_counts() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &[]);
    let before: Value = served.get("/api/health").is(200).json();
    served.ask_without_key("GET", "/api/health", &[], "").is(401);
    served.get("/nothing").is(404);
    let after: Value = served.get("/api/health").is(200).json();
    let grew = |name: &str| after[name].as_u64().unwrap() - before[name].as_u64().unwrap();
    assert_eq!((grew("requests"), grew("errors"), grew("refused")), (3, 2, 2));
    assert_eq!(after["in_flight"], 1);
    assert_eq!(after["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(after["panics"], 0);
}
