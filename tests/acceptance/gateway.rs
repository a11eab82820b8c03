//! The same criteria over HTTP: a scenario's own `moai serve`, asked over a real socket.

#[allow(dead_code, reason = "shared with the integration tests, which use more of it")]
#[path = "../it/serve/client.rs"]
mod client;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};

use moai::wire::Dialect;
use serde_json::{Value, json};

use crate::scene::{CLAUDE_PATH, GLM_PATH, Scene};
use crate::scratch::{Said, Scratch};
use crate::upstream::Answer;
use crate::{Steps, step};
use client::{Connection, Reply};

/// A gateway that runs. It ends when it is dropped.
pub(crate) struct Gateway {
    child: Child,
    address: SocketAddr,
    key: String,
}

impl Gateway {
    fn start(scratch: &Scratch) -> Self {
        let mut child = scratch
            .moai_command(["--json", "serve", "--port", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut text = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let document: Value = loop {
            text.push_str(&lines.next().expect("the gateway did not start").unwrap());
            if let Ok(document) = serde_json::from_str(&text) {
                break document;
            }
        };
        let url = document["url"].as_str().unwrap();
        let address = url.trim_start_matches("http://").parse().unwrap();
        let key = std::fs::read_to_string(scratch.home().join(".moai/gateway/key")).unwrap().trim().to_owned();
        Self { child, address, key }
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> Reply {
        let bearer = format!("Bearer {}", self.key);
        let mut connection = Connection::open(self.address);
        connection.ask(method, path, &[("authorization", &bearer)], body.as_bytes());
        connection.reply()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Asked to stop, it writes everything down first.
        let pid = self.child.id().to_string();
        drop(std::process::Command::new("kill").args(["-s", "TERM", &pid]).status());
        drop(self.child.wait());
    }
}

impl Scene {
    /// Starts the gateway, or starts it again.
    pub(crate) fn serve(&mut self) {
        self.gateway = None;
        self.gateway = Some(Gateway::start(&self.scratch));
    }

    /// Asks the gateway; what it says is the scene's answer.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, path: &str, body: &Value) -> Vec<(String, String)> {
        if self.gateway.is_none() {
            self.serve();
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = self.gateway.as_ref().unwrap().ask(method, path, &body);
        self.answer = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        let status = if reply.status < 300 { 0 } else { i32::from(reply.status) };
        self.said = Some(Said { status, stdout: reply.text(), stderr: String::new() });
        reply.headers
    }

    /// Sends a prompt to `POST /api/router/route`.
    #[track_caller]
    pub(crate) fn say(&mut self, text: &str) {
        self.call("POST", "/api/router/route", &json!({"message": text}));
    }
}

/// A message for one of the doors that answer.
fn letter(path: &str, text: &str) -> Value {
    match path {
        "/api/router/route" => json!({"message": text}),
        "/api/chat" => json!({"agent": "someone", "task": "something", "message": text}),
        _ => json!({"model": "auto", "max_tokens": 500, "messages": [{"role": "user", "content": text}]}),
    }
}

pub(crate) fn steps(mut steps: Steps) -> Steps {
    step!(steps.given, r"^게이트웨이가 실행 중인 상태에서$", |scene, told| {
        scene.sign_in();
        scene.claude.on(CLAUDE_PATH).answer(Answer::said(Dialect::Anthropic, "답입니다."));
        scene.glm.on(GLM_PATH).answer(Answer::said(Dialect::Chat, "답입니다."));
        scene.serve();
    });
    step!(steps.when, r#"^클라이언트가 "(.*)" 메시지를 "(\S+)"로 전송하면$"#, |scene, told| {
        let path = told.word(2).to_owned();
        scene.headers = scene.call("POST", &path, &letter(&path, told.word(1)));
        assert!(scene.answered().to_string().contains("답입니다."), "{:#}", scene.answer);
    });
    step!(steps.then, r#"^응답 헤더의 모델이 "([^"]+)"이고 tier가 (\d)이어야 한다$"#, |scene, told| {
        assert_eq!((scene.header("x-moai-model"), scene.header("x-moai-tier")), (told.word(1), told.word(2)));
        let asked = if told.word(1) == "claude-opus" { Dialect::Anthropic } else { Dialect::Chat };
        scene.only_asked(asked);
    });
    step!(steps.then, r#"^응답 헤더의 결정 근거가 "(\w+)"이어야 한다$"#, |scene, told| {
        assert_eq!(scene.header("x-moai-decided-by"), told.word(1));
    });
    steps
}
