//! `docs/openapi.json` is what the gateway does: it serves the same bytes, and every answer of the tests here has the
//! status, the type and the form that the document says. (`src/gateway/openapi.rs` holds its paths to the table.)

use serde_json::{Value, json};

use super::{Reply, Served};
use crate::schema;
use crate::scratch::Scratch;

/// The document as it stands in the repository.
pub(super) fn document() -> Value {
    let path = format!("{}/docs/openapi.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Fails where an answer is not what the document says of `method` at `path` (as it stands there).
#[track_caller]
pub(crate) fn holds(document: &Value, method: &str, path: &str, reply: &Reply) {
    let operation = &document["paths"][path][method.to_lowercase()];
    assert!(operation.is_object(), "{method} {path} is not in the document");
    let told = &operation["responses"][reply.status.to_string()];
    let told = match told["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => told,
    };
    assert!(told.is_object(), "{method} {path}: {} is not in the document\n{}", reply.status, reply.text());
    for name in told["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
        // The others come where there is something to tell.
        assert!(name != "x-moai-request-id" || reply.header(name).is_some(), "{method} {path}: {name} is missing");
    }
    let Some(content) = told["content"].as_object() else {
        return assert!(reply.body.is_empty(), "{method} {path}: {}", reply.text());
    };
    let kind = reply.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let media = content.get(kind).unwrap_or_else(|| panic!("{method} {path}: {kind:?} is not in the document"));
    if kind == "application/json" {
        schema::fits(document, &media["schema"], &reply.json(), &format!("{method} {path} {}", reply.status));
    }
}

/// A request that is well formed, for each door that takes a body.
fn body(path: &str) -> Value {
    match path {
        "/v1/messages" | "/v1/messages/count_tokens" | "/v1/chat/completions" => {
            json!({"model": "sim", "max_tokens": 50, "messages": [{"role": "user", "content": "say hi"}]})
        }
        "/api/chat" => json!({"agent": "writer", "task": "draft", "message": "say hi"}),
        "/api/router/route" => json!({"message": "say hi"}),
        "/api/router/force-model" => json!({"model": "sim"}),
        other => panic!("no body for {other}"),
    }
}

#[test]
fn it_is_served_as_it_stands() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &[]);
    assert_eq!(served.get("/api/openapi.json").is(200).json(), document());
}

#[test]
fn every_door_answers_as_the_document_says() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &["--model", "sim"]);
    let document = document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let at = path.replace("{model}", "sim");
        for (method, operation) in methods.as_object().unwrap() {
            let method = method.to_uppercase();
            let without = served.ask_without_key(&method, &at, &[], "");
            holds(&document, &method, path, &without);
            // Feedback needs something to be said of.
            if path == "/api/router/feedback" {
                continue;
            }
            let good = if operation["requestBody"].is_object() {
                served.post(&at, &body(path))
            } else {
                served.ask(&method, &at, &[], "")
            };
            holds(&document, &method, path, &good);
            assert!(good.status == 200 || good.status == 501, "{method} {path}: {good:?} {}", good.text());
        }
    }
}

#[test]
fn every_door_refuses_as_the_document_says() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &["--model", "sim"]);
    let document = document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let Some(operation) = methods.get("post") else { continue };
        assert!(operation["requestBody"]["required"] == true, "{path}");
        for sent in ["", "{", "[]", "0", "\"x\"", "{\"model\": 7, \"messages\": {}}", "{\"messages\": []}", "\u{0}"] {
            let reply = served.ask("POST", path, &[("content-type", "application/json")], sent);
            holds(&document, "POST", path, &reply);
            assert!(reply.status < 500 || reply.status == 501, "{path} {sent}: {reply:?} {}", reply.text());
        }
    }
    let reply = served.get("/v1/models/nobody");
    holds(&document, "GET", "/v1/models/{model}", &reply.is(404));
    let version = [("anthropic-version", "2023-06-01")];
    for path in ["/v1/models", "/v1/models/{model}"] {
        let reply = served.ask("GET", &path.replace("{model}", "sim"), &version, "");
        holds(&document, "GET", path, &reply.is(200));
    }
}
