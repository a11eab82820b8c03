//! `GET /metrics`: exact against the journal, bounded, and read by a real Prometheus (Debian's), whose `promtool` checks
//! the rules and the format, too.

#![allow(
    clippy::float_cmp,
    clippy::cast_possible_truncation,
    reason = "counts are whole numbers, and dollars are compared as whole nano-dollars"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use moai::wire::Dialect;
use regex::Regex;
use serde_json::{Value, json};

use crate::scratch::{KEY, Scratch};
use crate::serve::{Connection, Reply, Served};
use crate::upstream::{Answer, Vendor};

const PATH: &str = "/v1/messages";
const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/prometheus");

/// Two vendors, of which one has its moods; requests of every kind that there is; and the gateway, at rest.
fn traffic() -> (Scratch, [Vendor; 2], Served) {
    let mut scratch = Scratch::repository();
    let (claude, glm) = (Vendor::start(), Vendor::start());
    scratch.set_env("ANTHROPIC_BASE_URL", &claude.url());
    scratch.set_env("ANTHROPIC_API_KEY", "sk-ant-api03-metrics-SeCrEt-0123456789");
    scratch.set_env("ZAI_BASE_URL", &format!("{}/api/anthropic", glm.url()));
    scratch.set_env("ZAI_API_KEY", KEY);
    scratch.write_home(
        ".moai/config.toml",
        "[prices]\nbook = \"spec-model-001\"\n[budget]\ndaily_usd = 20\n[retry]\nfirst_wait = 0\nattempts = 2\n\
         [route]\ntier2 = [\"glm\", \"claude-opus\"]\n\
         [models.odd]\nprovider = \"anthropic\"\nid = \"nobody-knows-1\"\n\
         [alerts.sinks.team]\nkind = \"command\"\ncommand = [\"true\"]\n",
    );
    let said = || Answer::said(Dialect::Anthropic, "ok");
    claude.on(PATH).answer(said().using(1013, 507));
    let script = glm.on("/api/anthropic/v1/messages");
    let script = (1..9).fold(script, |script, count| script.answer(said().using(977 * count, 31 + count)));
    script
        .answer(Answer::error(Dialect::Anthropic, 529))
        .answer(Answer::error(Dialect::Anthropic, 529))
        .answer(Answer::said_without_usage(Dialect::Anthropic, "ok"))
        .answer(said().cut_after(3))
        .answer(said().using(7, 3));
    let served = Served::start(&scratch, &[]);
    let ask = |model: &str, text: &str, stream: bool| {
        let messages = json!([{"role": "user", "content": text}]);
        let body = json!({"model": model, "max_tokens": 600, "stream": stream, "messages": messages});
        served.ask("POST", PATH, &[("anthropic-version", "2023-06-01")], body.to_string());
    };
    for number in 0..24 {
        ask(&format!("made-up-by-a-client-{number}"), "코드를 구현해줘", number % 2 == 0);
    }
    for _ in 0..5 {
        ask("claude-opus", "Design the API", true);
    }
    ask("odd", "Design the API", false);
    // A row is counted when it is taken out of the queue, and then it is written.
    let idle = || {
        let got = samples(&served.get("/metrics").is(200).text());
        sum(&got, "moai_answering_requests", "") == 0.0
            && sum(&got, "moai_journal_rows_total", "") == sum(&got, "moai_attempts_total", "")
            && sum(&got, "moai_requests_total", "") == 30.0
    };
    assert!((0..100_000).any(|_| idle()), "something is still under way");
    (scratch, [claude, glm], served)
}

/// The samples by name and labels.
pub(crate) fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

/// The sum over the series of a family, of those with this in their labels.
pub(crate) fn sum(samples: &BTreeMap<String, f64>, family: &str, part: &str) -> f64 {
    let of = |name: &String| name.split('{').next() == Some(family) && name.contains(part);
    samples.iter().filter(|(name, _)| of(name)).map(|(_, value)| value).sum()
}

/// Dollars as whole nano-dollars.
pub(crate) fn nanos(usd: f64) -> i64 {
    (usd * 1e9).round() as i64
}

#[test]
fn the_sums_are_the_journals_to_the_token_and_the_nano_dollar() {
    let (scratch, _vendors, served) = traffic();
    let reply = served.get("/metrics").is(200);
    assert_eq!(reply.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = reply.text();
    let got = samples(&text);
    let report = scratch.moai(["--json", "costs", "monthly", "--since", "2026-01-01"]).json();
    let total = &report["total"];
    let whole = |name: &str| total[name].as_f64().unwrap_or_else(|| panic!("{name}: {total:#}"));
    for (family, dollars) in [
        ("moai_cost_usd_total", whole("cost_usd")),
        ("moai_baseline_usd_total", whole("baseline_cost_usd")),
        ("moai_saved_usd", whole("saved_usd")),
        ("moai_compared_cost_usd_total", whole("baseline_cost_usd") - whole("saved_usd")),
    ] {
        assert_eq!(nanos(sum(&got, family, "")), nanos(dollars), "{family}");
        assert!(dollars > 0.0, "{family}");
    }
    for (family, part, name) in [
        ("moai_requests_total", "", "requests"),
        ("moai_attempts_total", "", "attempts"),
        ("moai_errors_total", "", "errors"),
        ("moai_fallbacks_total", "", "fallbacks"),
        ("moai_retries_total", "", "retries"),
        ("moai_unpriced_attempts_total", "", "unpriced"),
        ("moai_journal_rows_total", "to=\"journal\"", "attempts"),
        ("gen_ai_client_operation_duration_seconds_count", "", "attempts"),
    ] {
        assert_eq!(sum(&got, family, part), whole(name), "{family}");
        assert!(whole(name) > 0.0, "{name} did not happen");
    }
    assert_eq!(sum(&got, "moai_unmetered_attempts_total", ""), whole("unmetered"));
    for name in ["input", "cache_read", "cache_write", "output", "reasoning"] {
        let tokens = whole(&format!("{name}_tokens"));
        assert_eq!(sum(&got, "moai_tokens_total", &format!("type=\"{name}")), tokens, "{name}");
    }
    let prompt = whole("input_tokens") + whole("cache_read_tokens") + whole("cache_write_tokens");
    let used = |kind: &str| sum(&got, "gen_ai_client_token_usage_sum", &format!("gen_ai_token_type=\"{kind}\""));
    assert_eq!((used("input"), used("output")), (prompt, whole("output_tokens")));
    assert_eq!(nanos(sum(&got, "moai_budget_spent_usd", "scope=\"day\"")), nanos(whole("cost_usd")));
    assert!(!text.contains("made-up-by-a-client"), "a client's word is no series");
}

#[test]
fn who_has_no_key_that_reads_sees_nothing() {
    let (scratch, _vendors, served) = traffic();
    served.ask_without_key("GET", "/metrics", &[], "").is(401);
    let made = scratch.moai(["--json", "serve", "key", "add", "user", "--scope", "use"]).json();
    let bearer = format!("Bearer {}", made["key"].as_str().unwrap());
    served.ask_without_key("GET", "/metrics", &[("authorization", &bearer)], "").is(403);
    let head = served.ask("HEAD", "/metrics", &[], "");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

/// Debian's programs, where they are installed (`tests/run.sh`); in CI a failure where they are not.
fn program(name: &str) -> Option<PathBuf> {
    let named = std::env::var_os("MOAI_TEST_PROMETHEUS").map(|dir| PathBuf::from(dir).join(name));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let dirs = std::env::split_paths(&path).map(|dir| dir.join(name));
    let found = named.into_iter().chain(dirs).find(|path| path.is_file());
    assert!(found.is_some() || std::env::var("CI").as_deref() != Ok("true"), "{name} is missing, and CI needs it");
    found
}

/// Runs promtool, which has to be content.
#[track_caller]
fn promtool(args: &[&str], dir: &Path, input: &str) -> Option<String> {
    let mut child = Command::new(program("promtool")?)
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {args:?}:\n{said}");
    Some(said)
}

#[test]
fn promtool_finds_nothing_wrong_with_the_rules_the_configuration_and_their_tests() {
    let dir = Path::new(TEMPLATES);
    promtool(&["check", "rules", "rules.yml"], dir, "");
    // The key's file is the person's own.
    let scratch = Scratch::new();
    let config = std::fs::read_to_string(dir.join("prometheus.yml")).unwrap();
    let key = scratch.write_home("key", "x");
    let config = config.replace("/etc/prometheus/moai.key", key.to_str().unwrap());
    scratch.write("prometheus.yml", config);
    scratch.write("rules.yml", std::fs::read(dir.join("rules.yml")).unwrap());
    promtool(&["check", "config", "prometheus.yml"], &scratch.project(), "");
    if let Some(said) = promtool(&["test", "rules", "rules.test.yml"], dir, "") {
        assert!(said.contains("SUCCESS"), "{said}");
    }
}

/// A Prometheus that asks the gateway ten times a second. It ends with this.
pub(crate) struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    pub(crate) fn start(scratch: &Scratch, served: &Served) -> Option<Self> {
        let program = program("prometheus")?;
        let dir = scratch.project().join("prometheus");
        std::fs::create_dir_all(&dir).unwrap();
        let key = scratch.home().join(".moai/gateway/key");
        let config = std::fs::read_to_string(Path::new(TEMPLATES).join("prometheus.yml")).unwrap();
        for word in ["127.0.0.1:3456", "/etc/prometheus/moai.key", "15s"] {
            assert!(config.contains(word), "the template does not say {word}");
        }
        let config = config
            .replace("127.0.0.1:3456", &served.address.to_string())
            .replace("/etc/prometheus/moai.key", key.to_str().unwrap())
            .replace("15s", "100ms");
        std::fs::write(dir.join("prometheus.yml"), config).unwrap();
        std::fs::copy(Path::new(TEMPLATES).join("rules.yml"), dir.join("rules.yml")).unwrap();
        let mut child = Command::new(program)
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"])
            .current_dir(&dir)
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = String::new();
        let address = loop {
            let Some(Ok(line)) = lines.next() else { panic!("Prometheus did not start:\n{said}") };
            let listening = line.contains("Listening on").then(|| line.split_once("address=").unwrap().1.to_owned());
            said += &(line + "\n");
            if let Some(address) = listening {
                break address.trim().parse().unwrap();
            }
        };
        // What it says further must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let prometheus = Self { child, address };
        // It listens a moment before it answers.
        let begun = std::time::Instant::now();
        while prometheus.reply("/-/ready").status != 200 {
            assert!(begun.elapsed().as_secs() < 60, "Prometheus is never ready");
        }
        Some(prometheus)
    }

    fn reply(&self, path: &str) -> Reply {
        let mut connection = Connection::open(self.address);
        connection.ask("GET", path, &[], b"");
        connection.reply()
    }

    fn get(&self, path: &str) -> Value {
        self.reply(path).is(200).json()
    }

    /// The result of a query, which has to be one.
    #[track_caller]
    fn query(&self, query: &str) -> Vec<Value> {
        let mut path = "/api/v1/query?query=".to_owned();
        for byte in query.bytes() {
            write!(path, "%{byte:02x}").unwrap();
        }
        let answer = self.get(&path);
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"].as_array().unwrap().clone()
    }

    /// The value of a query of one series.
    pub(crate) fn value(&self, query: &str) -> Option<f64> {
        self.query(query).first()?["value"][1].as_str()?.parse().ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The queries of the dashboard's panels, as Grafana sends them.
fn queries() -> Vec<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/grafana/moai.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut queries = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push(target["expr"].as_str().unwrap().to_owned());
        }
    }
    assert!(queries.len() > 15, "{queries:?}");
    let grafanas = |query: String| {
        query
            .replace("$__rate_interval", "1m")
            .replace("$__range", "1h")
            .replace("$model", ".*")
            .replace("$provider", ".*")
    };
    queries.into_iter().map(grafanas).collect()
}

#[test]
fn a_real_prometheus_reads_it_and_the_dashboard_asks_for_what_is_there() {
    let (scratch, _vendors, served) = traffic();
    let text = served.get("/metrics").is(200).text();
    promtool(&["check", "metrics"], &scratch.project(), &text);
    let families: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let word = Regex::new(r"\b(?:gen_ai|moai|process)_[a-z0-9_]+").unwrap();
    let labels = Regex::new(r"\{[^}]*\}|by \([^)]*\)|on \([^)]*\)").unwrap();
    let rules = std::fs::read_to_string(Path::new(TEMPLATES).join("rules.yml")).unwrap();
    let exprs = rules.lines().filter_map(|line| line.trim().strip_prefix("expr:")).map(str::to_owned);
    let mut named = 0;
    for query in queries().into_iter().chain(exprs) {
        for found in word.find_iter(&labels.replace_all(&query, "")) {
            let bare = ["_bucket", "_sum", "_count"].iter().find_map(|end| found.as_str().strip_suffix(end));
            let is_there = families.contains(found.as_str()) || bare.is_some_and(|bare| families.contains(bare));
            assert!(is_there, "nobody writes {} in {query}", found.as_str());
            named += 1;
        }
    }
    assert!(named > 20);
    let Some(prometheus) = Prometheus::start(&scratch, &served) else { return };
    let begun = std::time::Instant::now();
    let cost = nanos(sum(&samples(&text), "moai_cost_usd_total", ""));
    while prometheus.value("sum(moai_cost_usd_total)").map(nanos) != Some(cost) {
        assert!(begun.elapsed().as_secs() < 60, "{}", prometheus.get("/api/v1/targets"));
    }
    let spent = prometheus.value("moai_budget_spent_usd{scope=\"day\"}").map(nanos);
    assert_eq!(spent, Some(cost), "what Prometheus has is what the journal has");
    assert_eq!(prometheus.value("up{job=\"moai\"}"), Some(1.0));
    for query in queries() {
        prometheus.query(&query);
    }
    let groups = prometheus.get("/api/v1/rules")["data"]["groups"].clone();
    let rules: Vec<&Value> =
        groups.as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
    assert!(rules.len() >= 8, "{groups:#}");
    for rule in rules {
        assert_eq!(rule["lastError"].as_str().unwrap_or_default(), "", "{rule:#}");
    }
}
