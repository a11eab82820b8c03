//! A real Chromium without a window, driven over its debugging pipe: JSON on two file descriptors, so neither a port
//! nor a WebSocket nor another program is between.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::scratch::Scratch;

/// So long nobody waits for anything; a test that runs into it fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser with one page. It is killed when it is dropped.
pub(crate) struct Chromium {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    page: Option<String>,
    number: u64,
    /// What it complained of: exceptions, errors in the console, what the policy forbade.
    pub(crate) complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

/// Chromium's program, or a loud line and `None`; in CI a failure.
fn program() -> Option<PathBuf> {
    let named = std::env::var_os("MOAI_TEST_CHROMIUM").map(PathBuf::from);
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let found = named.into_iter().chain(known.map(PathBuf::from)).find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "chromium is missing, and CI needs it");
        // Past the test harness's capture: a skipped proof must be seen.
        let mut talk = std::io::stderr().lock();
        writeln!(talk, "SKIPPED: no chromium to test with; tests/run.sh installs it").unwrap();
    }
    found
}

impl Chromium {
    /// Starts it with a profile of its own, in this language.
    pub(crate) fn start(scratch: &Scratch, language: &str) -> Option<Self> {
        let program = program()?;
        let profile = tempfile::Builder::new().prefix("moai-chromium-").tempdir().unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null"#])
            .arg(program)
            .args(["--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"])
            .args(["--disable-sync", "--no-default-browser-check", "--hide-scrollbars", "--no-proxy-server"])
            .arg(format!("--accept-lang={language}"))
            .arg(format!("--lang={}", language.split(',').next().unwrap()))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .env("HOME", scratch.home())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let to = child.stdin.take().unwrap();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let (tell, from) = channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while reader.read_until(0, &mut message).is_ok_and(|read| read > 0) {
                message.pop();
                if let Ok(value) = serde_json::from_slice(&message)
                    && tell.send(value).is_err()
                {
                    break;
                }
                message.clear();
            }
        });
        let mut browser = Self { child, to, from, page: None, number: 0, complaints: Vec::new(), _profile: profile };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", &attach);
        browser.page = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            browser.call(domain, &json!({}));
        }
        Some(browser)
    }

    /// One command, and what came of it.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.ask(method, params);
        assert!(answer["error"].is_null(), "{method}: {answer:#}");
        answer["result"].clone()
    }

    #[track_caller]
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": params});
        if let Some(page) = &self.page {
            message["sessionId"] = json!(page);
        }
        self.to.write_all(message.to_string().as_bytes()).unwrap();
        self.to.write_all(&[0]).unwrap();
        self.to.flush().unwrap();
        loop {
            let came =
                self.from.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{method}: the browser says nothing"));
            if came["id"] == json!(self.number) {
                return came;
            }
            self.hear(&came);
        }
    }

    fn hear(&mut self, event: &Value) {
        let params = &event["params"];
        let complaint = match event["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => true,
            "Runtime.consoleAPICalled" => matches!(params["type"].as_str(), Some("error" | "warning" | "assert")),
            "Log.entryAdded" => matches!(params["entry"]["level"].as_str(), Some("error" | "warning")),
            _ => false,
        };
        if complaint {
            self.complaints.push(event.to_string());
        }
    }

    /// What an expression of the page comes to; `None` where it threw, or the page was just changing.
    #[track_caller]
    fn try_eval(&mut self, expression: &str) -> Option<Value> {
        let params =
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true});
        let answer = self.ask("Runtime.evaluate", &params);
        let result = &answer["result"];
        (answer["error"].is_null() && result["exceptionDetails"].is_null()).then(|| result["result"]["value"].clone())
    }

    /// What an expression of the page comes to.
    #[track_caller]
    pub(crate) fn eval(&mut self, expression: &str) -> Value {
        self.try_eval(expression).unwrap_or_else(|| panic!("it threw: {expression}"))
    }

    /// Waits until a condition holds in the page, also across a change of pages.
    #[track_caller]
    pub(crate) fn wait(&mut self, condition: &str) {
        let until = Instant::now() + PATIENCE;
        let look = format!("new Promise(done => setTimeout(() => done(Boolean({condition})), 30))");
        while self.try_eval(&look) != Some(json!(true)) {
            if Instant::now() >= until {
                let shown = self.try_eval("location.href + '\\n' + document.body.innerText").unwrap_or_default();
                panic!(
                    "waited in vain for {condition}\n{}\n{:#?}",
                    shown.as_str().unwrap_or_default(),
                    self.complaints
                );
            }
        }
    }

    /// Goes to an address and waits until it is there.
    #[track_caller]
    pub(crate) fn go(&mut self, url: &str) {
        self.eval("window.before = true");
        self.call("Page.navigate", &json!({"url": url}));
        self.wait("!window.before && document.readyState === 'complete'");
    }

    /// Types into a field and sends its form.
    #[track_caller]
    pub(crate) fn log_in(&mut self, key: &str) {
        let key = json!(key);
        self.eval(&format!(
            "document.getElementById('key').value = {key}; document.querySelector('.login form').requestSubmit(); 1"
        ));
        self.wait("document.getElementById('panels')");
    }

    /// A picture of the whole page, where `MOAI_TEST_PICTURES` names a directory for it.
    pub(crate) fn picture(&mut self, name: &str, width: u32, scheme: &str) {
        let Some(dir) = std::env::var_os("MOAI_TEST_PICTURES").map(PathBuf::from) else { return };
        let narrow = width < 500;
        let scale = if narrow { 2 } else { 1 };
        self.call(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": 900, "deviceScaleFactor": scale, "mobile": narrow}),
        );
        self.call(
            "Emulation.setEmulatedMedia",
            &json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]}),
        );
        self.eval("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))");
        let shot = self.call("Page.captureScreenshot", &json!({"format": "png", "captureBeyondViewport": true}));
        std::fs::write(dir.join(format!("{name}.png.base64")), shot["data"].as_str().unwrap()).unwrap();
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
