//! curl: what a person types, and what curl alone does (`Expect: 100-continue`, a body in chunks).

use std::io::Read as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::stage::{LONG, Stage, TEXT, WIRES};
use super::{found, on_path};

/// A stage, and curl.
struct Curl {
    stage: Stage,
    program: std::path::PathBuf,
}

impl Curl {
    fn new() -> Option<Self> {
        let program = found("curl", on_path("curl"))?;
        Some(Self { stage: Stage::new(&[("look", json!({"at": "a"})), ("look", json!({"at": "b"}))]), program })
    }

    fn command(&self, path: &str, args: &[&str]) -> std::process::Command {
        let mut command = self.stage.scratch.command(&self.program);
        command.args(["-sS", "--max-time", "60", "--noproxy", "*"]).args(args);
        command.arg(format!("{}{path}", self.stage.url()));
        command
    }

    /// What curl prints, the status on a last line.
    #[track_caller]
    fn say(&self, path: &str, args: &[&str]) -> (u16, String) {
        let (ok, said) = self.stage.run(self.command(path, &[&["-w", "\n%{http_code}"], args].concat()));
        assert!(ok, "{said}\n{}", self.stage.said());
        let (said, status) = said.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), said.to_owned())
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value, args: &[&str]) -> (u16, String) {
        let (key, body) = (format!("x-api-key: {}", self.stage.key), body.to_string());
        let own = ["-H", &key, "-H", "content-type: application/json", "-d", &body];
        self.say(path, &[&own, args].concat())
    }
}

fn asked(model: &str, stream: bool) -> Value {
    json!({"model": model, "max_tokens": 100, "stream": stream, "messages": [{"role": "user", "content": "hello"}]})
}

#[test]
fn curl_gets_answers_whole_and_streamed() {
    let Some(curl) = Curl::new() else { return };
    for wire in WIRES {
        let (status, said) = curl.post("/v1/messages", &asked(&format!("text-{wire}"), false), &[]);
        let message: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        assert_eq!((status, &message["content"][0]["text"]), (200, &json!(TEXT)), "{wire}: {said}");
        let (status, said) = curl.post("/v1/messages", &asked(&format!("endless-{wire}"), true), &["-N"]);
        let events = said.matches("event: content_block_delta\n").count();
        assert!(status == 200 && events <= LONG && events > 0, "{wire}: {events}");
        assert!(said.contains("\"text\":\"2999 \"") || said.contains("\"text\": \"2999 \""), "{wire}: {said}");
        assert!(said.trim_end().ends_with('}') && said.contains("event: message_stop\n"), "{wire}");
        let (status, said) = curl.post("/v1/chat/completions", &asked(&format!("calls-{wire}"), false), &[]);
        let answer: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        let calls = answer["choices"][0]["message"]["tool_calls"].as_array().map(Vec::len);
        assert_eq!((status, calls), (200, Some(2)), "{wire}: {said}");
        let (status, said) = curl.post("/v1/chat/completions", &asked(&format!("text-{wire}"), true), &["-N"]);
        assert!(status == 200 && said.trim_end().ends_with("data: [DONE]"), "{wire}: {said}");
    }
    curl.stage.keys_are_apart();
}

/// curl asks before it sends more than a megabyte, and sends a body of unknown length in chunks.
#[test]
fn curl_may_ask_first_and_send_in_chunks() {
    let Some(curl) = Curl::new() else { return };
    let mut body = asked("image-chat", false);
    let source = json!({"type": "base64", "media_type": "image/png", "data": "iVBO".repeat(600_000)});
    body["messages"][0]["content"] = json!([{"type": "image", "source": source}]);
    let file = curl.stage.file("body.json", body.to_string().as_bytes());
    let data = format!("@{}", file.display());
    let key = format!("authorization: Bearer {}", curl.stage.key);
    for more in [&["-H", "expect: 100-continue"][..], &["-H", "transfer-encoding: chunked"]] {
        let own = ["-H", &key, "-H", "content-type: application/json", "--data-binary", &data];
        let (status, said) = curl.say("/v1/messages", &[&own, more].concat());
        assert!(status == 200 && said.contains(TEXT), "{status} {said}");
    }
}

#[test]
fn curl_is_told_what_is_wrong() {
    let Some(curl) = Curl::new() else { return };
    let told = |(status, said): (u16, String), expected: u16, kind: &str| {
        let body: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        assert_eq!((status, body["error"]["type"].as_str()), (expected, Some(kind)), "{said}");
    };
    told(curl.say("/v1/messages", &["-d", "{}"]), 401, "authentication_error");
    told(curl.say("/v1/models", &[]), 401, "invalid_request_error");
    told(curl.post("/v1/nothing", &json!({}), &[]), 404, "invalid_request_error");
    told(curl.post("/v1/messages", &json!([]), &[]), 400, "invalid_request_error");
    told(curl.post("/v1/messages", &asked("text-chat", false), &["-H", "host: evil.example"]), 403, "permission_error");
    for wire in WIRES {
        told(curl.post("/v1/messages", &asked(&format!("busy-{wire}"), true), &["-N"]), 429, "rate_limit_error");
        told(curl.post("/v1/messages", &asked(&format!("wrong-{wire}"), false), &[]), 400, "invalid_request_error");
    }
}

#[test]
fn curl_that_is_ended_ends_the_vendors_work() {
    let Some(curl) = Curl::new() else { return };
    let key = format!("x-api-key: {}", curl.stage.key);
    for (number, wire) in WIRES.into_iter().enumerate() {
        let body = asked(&format!("hang-{wire}"), true).to_string();
        let mut command = curl.command("/v1/messages", &["-N", "-H", &key, "-d", &body]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut first = [0; 16];
        child.stdout.take().unwrap().read_exact(&mut first).unwrap();
        assert!(first.starts_with(b"event: message_s"), "{wire}: {}", String::from_utf8_lossy(&first));
        child.kill().unwrap();
        child.wait().unwrap();
        curl.stage.vendor.is_left(number + 1);
    }
}
