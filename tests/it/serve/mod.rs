//! The gateway as a real process: `moai serve --port 0` in a scratch world, asked over real sockets.
//!
//! ```ignore
//! let scratch = Scratch::repository();
//! let served = Served::start(&scratch, &[]);
//! let reply = served.get("/api/health");
//! assert_eq!(reply.status, 200);
//! served.raw(b"GET / HTTP/1.1\r\n…");
//! ```

mod client;
mod guard;
mod hostile;
mod openapi;
mod secure;
mod tester;

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};

use serde_json::Value;

pub(crate) use client::{Connection, Reply};

use crate::scratch::Scratch;

/// A running gateway. It is stopped when it is dropped.
pub(crate) struct Served {
    child: Child,
    /// What it said when it was ready.
    pub(crate) document: Value,
    pub(crate) address: SocketAddr,
    /// The secret of the first access key.
    pub(crate) key: String,
    /// What it says on standard error.
    talk: PathBuf,
}

impl Served {
    /// Starts it with these arguments behind `moai serve --port 0`, and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(scratch: &Scratch, args: &[&str]) -> Self {
        let talk = scratch.root().join("serve.err");
        let mut command = scratch.moai_command(["--json", "serve", "--port", "0"]);
        command.args(args).stdout(Stdio::piped()).stderr(File::create(&talk).unwrap());
        let mut child = command.spawn().unwrap();
        let mut text = String::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let document: Value = loop {
            let Some(Ok(line)) = lines.next() else {
                let said = std::fs::read_to_string(&talk).unwrap();
                panic!("the gateway did not start ({:?}):\n{text}\n{said}", child.wait());
            };
            text.push_str(&line);
            if let Ok(document) = serde_json::from_str(&text) {
                break document;
            }
        };
        let url = document["url"].as_str().unwrap_or_else(|| panic!("the gateway did not start:\n{document:#}"));
        let address = url.split_once("://").unwrap().1.parse().unwrap();
        let key = std::fs::read_to_string(scratch.home().join(".moai/gateway/key")).unwrap().trim().to_owned();
        Self { child, document, address, key, talk }
    }

    /// What it has said on standard error.
    pub(crate) fn talk(&self) -> String {
        std::fs::read_to_string(&self.talk).unwrap()
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by name: `TERM`, `KILL`, `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// A connection of its own.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// These bytes on a connection of their own, and the answer.
    #[track_caller]
    pub(crate) fn raw(&self, bytes: impl AsRef<[u8]>) -> Reply {
        let mut connection = self.connect();
        connection.send(bytes);
        connection.reply()
    }

    /// A request with the first key.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Reply {
        let bearer = format!("Bearer {}", self.key);
        let headers: Vec<_> = std::iter::once(("authorization", &*bearer)).chain(headers.iter().copied()).collect();
        self.ask_without_key(method, path, &headers, body)
    }

    /// A request with these headers alone.
    #[track_caller]
    pub(crate) fn ask_without_key(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Reply {
        let mut connection = self.connect();
        connection.ask(method, path, headers, body.as_ref());
        connection.reply()
    }

    /// `GET` with the first key.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, &[], "")
    }

    /// `POST` of a document with the first key.
    #[track_caller]
    pub(crate) fn post(&self, path: &str, document: &Value) -> Reply {
        self.ask("POST", path, &[("content-type", "application/json")], document.to_string())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
