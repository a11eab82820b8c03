//! The dashboard of `moai serve`: over plain sockets (who gets in, what is sent, what it weighs), and in a real Chromium
//! (log in, see a request arrive, correct a decision, in English and Korean).

mod browser;
mod chromium;
mod history;

use std::io::Read as _;

use serde_json::json;

use crate::schema::holds;
use crate::scratch::Scratch;
use crate::serve::{Reply, Served};

pub(crate) use chromium::Chromium;

const EVIL: &str = "<script>alert(1)</script>";

/// A browser's memory: the cookie, and the token of its forms.
pub(crate) struct Visit<'a> {
    served: &'a Served,
    cookie: String,
    token: String,
}

fn log_in(served: &Served, key: &str) -> Reply {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    served.ask_without_key("POST", "/dashboard/login", &form, format!("key={key}"))
}

impl<'a> Visit<'a> {
    #[track_caller]
    pub(crate) fn begin(served: &'a Served, key: &str) -> Self {
        let reply = log_in(served, key).is(303);
        assert_eq!(reply.header("location"), Some("/dashboard"));
        let set = reply.header("set-cookie").unwrap();
        for wanted in ["; HttpOnly", "; SameSite=Strict", "; Path=/dashboard"] {
            assert!(set.contains(wanted), "{set}");
        }
        assert!(!set.contains(key), "the key is not the session");
        let cookie = set.split(';').next().unwrap().to_owned();
        let mut visit = Self { served, cookie, token: String::new() };
        let page = visit.get("/dashboard").is(200).text();
        page.split("name=\"token\" value=\"").nth(1).unwrap().split('"').next().unwrap().clone_into(&mut visit.token);
        visit
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.served.ask_without_key("GET", path, &[("cookie", &self.cookie)], "")
    }

    fn post(&self, path: &str, form: &str) -> Reply {
        let headers = [("cookie", &*self.cookie), ("content-type", "application/x-www-form-urlencoded")];
        self.served.ask_without_key("POST", path, &headers, form)
    }
}

/// A message of an agent whose name is markup, answered by the simulation.
#[track_caller]
fn chat(served: &Served, message: &str) -> String {
    let reply = served.ask(
        "POST",
        "/v1/messages",
        &[("content-type", "application/json"), ("x-moai-agent", EVIL), ("x-moai-session", "session-of-a-test")],
        json!({"model": "auto", "max_tokens": 64, "messages": [{"role": "user", "content": message}]}).to_string(),
    );
    reply.is(200).header("x-moai-request-id").unwrap().to_owned()
}

#[test]
fn a_key_logs_in_and_what_is_shown_is_escaped_and_light() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &["--model", "sim"]);
    let turned_away = served.ask_without_key("GET", "/dashboard", &[], "").is(303);
    assert_eq!(turned_away.header("location"), Some("/dashboard/login"));
    served.ask_without_key("GET", "/dashboard/panels", &[], "").is(401);
    served.ask_without_key("GET", "/dashboard/events", &[], "").is(401);
    let form = served.ask_without_key("GET", "/dashboard/login", &[("accept-language", "ko")], "").is(200);
    assert!(form.text().contains("접근 키"));
    let visit = Visit::begin(&served, &served.key);
    let empty = visit.get("/dashboard").is(200).text();
    assert!(empty.contains("No request has come yet") && empty.contains("<code>moai code</code>"), "{empty}");
    chat(&served, "say hi");
    // What was read is told for a second.
    let page = loop {
        let page = visit.get("/dashboard").is(200);
        if page.text().contains("id=\"decisions\"") {
            break page;
        }
    };
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let text = page.text();
    assert!(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && !text.contains(EVIL), "{text}");
    assert!(!text.contains("say hi"), "no words of a prompt");
    assert!(!text.contains(&served.key) && !text.contains("style=\"") && !text.contains(" onclick"));
    let mut weight = page.body.len();
    for name in ["style.css", "script.js", "icon.svg"] {
        let asset = served.ask_without_key("GET", &format!("/dashboard/assets/{name}?x"), &[], "").is(200);
        weight += asset.body.len();
    }
    assert!(weight < 100_000, "{weight} bytes before anything is seen");
    served.ask_without_key("GET", "/dashboard/assets/../key", &[], "").is(404);
    let browser = [("cookie", &*visit.cookie), ("accept-encoding", "gzip, deflate, br")];
    let packed = served.ask_without_key("GET", "/dashboard", &browser, "").is(200);
    assert_eq!((packed.header("content-encoding"), packed.header("vary")), (Some("gzip"), Some("accept-encoding")));
    let mut unpacked = String::new();
    flate2::read::GzDecoder::new(&packed.body[..]).read_to_string(&mut unpacked).unwrap();
    assert!(unpacked.contains("id=\"decisions\"") && packed.body.len() * 3 < unpacked.len());
    for days in ["7", "30"] {
        assert!(visit.get(&format!("/dashboard?days={days}")).is(200).text().contains("sim"));
    }
    assert!(visit.get("/dashboard?lang=ko").is(200).text().contains("최근 결정"));
    assert!(visit.get("/dashboard").is(200).text().contains("최근 결정"), "what was chosen is remembered");
    assert_eq!(served.get("/api/health").is(200).json()["panics"], 0);
    let dashboard = scratch.moai(["dashboard", "--json"]).json();
    holds("dashboard", &dashboard);
    assert_eq!(dashboard["url"], format!("http://{}/dashboard", served.address));
}

#[test]
fn nobody_gets_in_otherwise() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &["--model", "sim"]);
    for (wrong, status) in [("", 403), ("mk-0", 403), ("%00", 403), (&"x".repeat(9_000), 413)] {
        assert!(log_in(&served, wrong).is(status).header("set-cookie").is_none());
    }
    let code = scratch.moai(["serve", "key", "print", "--code"]).ok();
    assert!(log_in(&served, code.trim()).is(403).text().contains("needs the scope read"));
    let visit = Visit::begin(&served, &served.key);
    // Another site's page, another name, a made-up session.
    let cookie = ("cookie", &*visit.cookie);
    for foreign in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        let form = format!("token={}&request=last&opinion=plan", visit.token);
        assert_eq!(served.ask_without_key("POST", "/dashboard/feedback", &[cookie, foreign], form).status, 403);
    }
    let mut rebound = served.connect();
    rebound.send(format!("GET /dashboard HTTP/1.1\r\nhost: evil.example\r\ncookie: {}\r\n\r\n", visit.cookie));
    assert_eq!(rebound.reply().status, 403);
    let made_up = format!("{}=0", visit.cookie.split('=').next().unwrap());
    served.ask_without_key("GET", "/dashboard/panels", &[("cookie", &made_up)], "").is(401);
    // The cookie of a browser opens the dashboard and nothing else.
    served.ask_without_key("GET", "/api/costs/daily", &[cookie], "").is(401);
    // A form needs the token of its own login.
    let id = chat(&served, "say hi");
    for token in ["", "token=", "token=00000000000000000000000000000000"] {
        visit.post("/dashboard/feedback", &format!("{token}&request={id}&opinion=plan")).is(403);
        visit.post("/dashboard/logout", token).is(403);
    }
    assert_eq!(served.get("/api/health").is(200).json()["panics"], 0);
    visit.post("/dashboard/logout", &format!("token={}", visit.token)).is(303);
    visit.get("/dashboard/panels").is(401);
}

#[test]
fn a_key_for_looking_corrects_nothing_and_one_that_is_revoked_looks_no_longer() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &["--model", "sim"]);
    let id = chat(&served, "say hi");
    let key = scratch.moai(["--json", "serve", "key", "add", "wall", "--scope", "read"]).json();
    let key = key["key"].as_str().or_else(|| key["secret"].as_str()).unwrap_or_else(|| panic!("{key:#}")).to_owned();
    let looking = Visit::begin(&served, &key);
    assert!(!looking.get("/dashboard").is(200).text().contains("name=\"opinion\""));
    looking.post("/dashboard/feedback", &format!("token={}&request={id}&opinion=plan", looking.token)).is(403);
    let correcting = Visit::begin(&served, &served.key);
    let given =
        correcting.post("/dashboard/feedback", &format!("token={}&request={id}&opinion=plan", correcting.token));
    assert_eq!(given.is(303).header("location"), Some("/dashboard"));
    assert!(correcting.get("/dashboard").is(200).text().contains("said: planning"));
    let exported = scratch.moai(["feedback", "export", "--json"]).ok();
    assert!(exported.contains(&id) && exported.contains("\"plan\""), "the same books: {exported}");
    for form in ["", "request=last", "opinion=plan", "request=last&opinion=worse", "request=zzz&opinion=plan"] {
        let reply = correcting.post("/dashboard/feedback", &format!("token={}&{form}", correcting.token));
        assert!(matches!(reply.status, 400 | 404), "{form}: {reply:?}");
    }
    let mut watching = served.connect();
    watching.ask("GET", "/dashboard/events", &[("cookie", &looking.cookie)], b"");
    watching.until("data: 0\n\n");
    scratch.moai(["serve", "key", "revoke", "wall"]).ok();
    chat(&served, "say hi");
    assert!(!watching.until("\r\n0\r\n\r\n").contains("data: 1"), "it watches no longer");
    looking.get("/dashboard/panels").is(401);
    correcting.get("/dashboard/panels").is(200);
}

#[test]
fn many_may_watch_some_of_them_asleep_and_the_gateway_stops_all_the_same() {
    let scratch = Scratch::repository();
    let mut served = Served::start(&scratch, &["--model", "sim"]);
    let bearer = format!("Bearer {}", served.key);
    let mut watching = Vec::new();
    for _ in 0..16 {
        let mut connection = served.connect();
        connection.ask("GET", "/dashboard/events", &[("authorization", &bearer)], b"");
        let head = connection.until("data: 0\n\n");
        assert!(head.contains("text/event-stream"), "{head}");
        watching.push(connection);
    }
    let refused = served.get("/dashboard/events").is(503);
    assert!(refused.header("retry-after").is_some());
    // One hears of a request; nobody waits for those that read nothing.
    chat(&served, "say hi");
    watching[7].until("data: 1\n\n");
    // One that goes makes room.
    drop(watching.pop());
    let mut again = loop {
        let mut connection = served.connect();
        connection.ask("GET", "/dashboard/events", &[("authorization", &bearer)], b"");
        if connection.until("\r\n\r\n").starts_with("HTTP/1.1 200") {
            break connection;
        }
    };
    again.until("data: 0\n\n");
    served.signal("TERM");
    assert!(served.ended().code().is_some(), "it stopped by itself");
    again.until("0\r\n\r\n");
}
