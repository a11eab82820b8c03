//! What the gateway says of itself to people: where it is, what a request came to, and what there is to know about who
//! can reach it. Each of these is a line, whatever clients have sent.

use std::net::SocketAddr;

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::costs::{counted, dollars};
use crate::cli::ui::{Ui, clean};
use crate::gateway::Told;
use crate::log::Log;

use super::models_line;
use super::state::State;

/// When something was, for whoever reads it days later; and for whoever watches.
const DATED: &str = "%F %T%:z";
const TIMED: &str = "%T";

/// Says where it is, who can be asked, where the access key is, how to use it; and what is amiss with it.
pub(super) fn tell_ready(state: &State, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    ui.say(format!("ready: {}", ui.style.bold(&state.url)))?;
    ui.say(format!("  {}", clean(&models_line(&state.models, state.model.as_deref()))))?;
    let own = state.key_file.exists();
    let key = if own { format!("access key in {}; ", clean(&world.tilde(&state.key_file))) } else { String::new() };
    ui.say(format!("  {key}`moai code` starts Claude Code on it"))?;
    if let Some(reach) = reach(state) {
        ui.warn(reach.warning())?;
        if !reach.secure {
            ui.hint("encrypt it: set `serve.tls.cert` and `serve.tls.key`, or put a proxy with TLS before it")?;
        }
    }
    if !own {
        ui.warn("the access key of this machine's own commands was revoked: `moai serve status` has no figures")?;
    }
    tell_of_want(state, ui)
}

/// Says what to run where nobody can be asked.
fn tell_of_want(state: &State, ui: &mut Ui) -> Result<(), Failure> {
    if !state.models.is_empty() || state.model.is_some() {
        return Ok(());
    }
    ui.warn("no model can be asked yet; a key that you save now is seen at once")?;
    ui.hint("save a key: `moai glm KEY` (Z.AI), `moai key set gemini`, `moai key set anthropic`")?;
    ui.hint("or try it without one: `moai serve --model sim`")
}

/// That others than this machine can reach it.
pub(super) struct Reach {
    address: SocketAddr,
    secure: bool,
}

/// Who can reach it beside this machine; `None` where nobody can.
pub(super) fn reach(state: &State) -> Option<Reach> {
    let address: SocketAddr = state.address.parse().ok()?;
    (!address.ip().is_loopback()).then(|| Reach { address, secure: state.url.starts_with("https:") })
}

impl Reach {
    /// In one line.
    pub(super) fn warning(&self) -> String {
        let whole = if self.secure { "" } else { ", and keys and prompts cross the network unencrypted" };
        format!("other machines reach it at {}{whole}", self.address)
    }
}

/// One of the lines of `moai serve status`.
pub(super) struct Line {
    pub(super) label: &'static str,
    pub(super) text: String,
}

/// What a gateway's `/api/health` comes to: what it has done, and whatever is not as it should be.
pub(super) fn health(health: &Value) -> Vec<Line> {
    let number = |name: &str| health.get(name).and_then(Value::as_u64).unwrap_or_default();
    let now = match number("answering") {
        0 => "nothing".to_owned(),
        answers => counted(answers, "answer"),
    };
    let lately = match number("conversations") {
        0 => String::new(),
        some => format!("; {} in the last five minutes", counted(some, "conversation")),
    };
    let text = format!("{now} under way{lately}");
    let out = health.get("deployments").and_then(Value::as_array).into_iter().flatten().filter_map(out_of_service);
    let alerts = health.get("alerts").and_then(Value::as_array).into_iter().flatten().filter_map(alert);
    let trouble = health.pointer("/books/trouble/message").and_then(Value::as_str);
    let trouble = trouble.map(|trouble| Line { label: "journal", text: one(trouble) });
    std::iter::once(Line { label: "work", text }).chain(alerts).chain(out).chain(trouble).collect()
}

/// An alert that stands.
fn alert(alert: &Value) -> Option<Line> {
    let text = |name: &str| alert.get(name).and_then(Value::as_str);
    let (rule, message) = text("alert").zip(text("message"))?;
    Some(Line { label: "alert", text: one(&format!("{rule}: {message}")) })
}

/// A deployment that is not asked now, or only tried.
fn out_of_service(deployment: &Value) -> Option<Line> {
    let text = |name: &str| deployment.get(name).and_then(Value::as_str);
    let state = text("state").filter(|state| *state != "closed")?;
    let at = text("deployment").map(|name| format!("/{name}")).unwrap_or_default();
    let left = deployment.get("seconds_left").and_then(Value::as_u64);
    let left = left.map(|left| format!(", {left} s left")).unwrap_or_default();
    let why = text("reason").map(|why| format!(": {why}")).unwrap_or_default();
    let (model, provider) = (text("model").unwrap_or_default(), text("provider").unwrap_or_default());
    Some(Line { label: "trouble", text: one(&format!("{model} at {provider}{at} is {state}{left}{why}")) })
}

/// What is said to whoever watches: on the terminal, or with the time in the log of a gateway in the background. Where
/// nobody watches, or the disk is full, requests are answered all the same.
pub(super) struct Voice<'a> {
    log: Option<Log>,
    zone: TimeZone,
    world: &'a World,
}

impl<'a> Voice<'a> {
    pub(super) fn new(log: Option<Log>, world: &'a World) -> Self {
        Self { log, zone: world.zone(), world }
    }

    /// Says one thing.
    pub(super) fn say(&self, text: &str, ui: &mut Ui) {
        match &self.log {
            Some(log) => {
                let now = self.world.now().to_zoned(self.zone.clone());
                drop(log.add_lines(&format!("{} {}\n", now.strftime(DATED), one(text))));
            }
            None => drop(ui.say(one(text))),
        }
    }

    /// Says what a person should know.
    pub(super) fn warn(&self, text: &str, ui: &mut Ui) {
        let now = self.world.now().to_zoned(self.zone.clone());
        match &self.log {
            Some(_) => self.say(&format!("warning: {text}"), ui),
            // With the time: the same may be said again on another day.
            None => drop(ui.warn(one(&format!("{} {text}", now.strftime(DATED))))),
        }
    }

    /// Says what requests came to, each on its line.
    pub(super) fn requests(&self, over: &[Told], ui: &mut Ui) {
        let format = if self.log.is_some() { DATED } else { TIMED };
        let lines = over.iter().map(|told| line(told, &self.zone, format)).collect::<Vec<_>>().join("\n");
        match &self.log {
            Some(log) => drop(log.add_lines(&format!("{lines}\n"))),
            None => drop(ui.say(lines)),
        }
    }
}

/// A request that is over, in one line, which begins with the time in `zone`.
fn line(told: &Told, zone: &TimeZone, format: &str) -> String {
    let cost = match (told.cost, told.unpriced) {
        (None, _) => "cost unknown".to_owned(),
        (Some(cost), 0) => dollars(cost),
        (Some(cost), _) => format!("{} + ?", dollars(cost)),
    };
    let answered = told.answered.as_deref().unwrap_or("nobody");
    let time = told.at.to_zoned(zone.clone()).strftime(format);
    // Most go well, and a line is to fit on a terminal.
    let end = if told.end == "ok" { String::new() } else { format!("{}, ", told.end) };
    let asked = if told.asked.is_empty() { "-" } else { &told.asked };
    one(&format!(
        "{time} {} {asked} → {answered}, tier {}, {}, {end}{} ms, {cost}",
        told.client.as_deref().unwrap_or("-"),
        told.tier.number(),
        told.decided_by,
        told.took.as_millis(),
    ))
}

/// Text on one line, harmless for a terminal: what a client sends begins no line of its own.
pub(super) fn one(text: &str) -> String {
    clean(text).replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{RequestId, Tier, Usd};

    fn told(client: &str, cost: Option<i64>, unpriced: u64) -> Told {
        let at = "2026-11-21T15:30:00Z".parse().unwrap();
        Told {
            id: RequestId::new(at, [0; 10]),
            at,
            client: Some(client.into()),
            asked: "claude-opus-5-5".into(),
            answered: Some("glm-4.7".into()),
            tier: Tier::Two,
            decided_by: "classifier",
            end: "ok",
            took: Duration::from_millis(8),
            cost: cost.map(Usd::from_nanos),
            unpriced,
        }
    }

    #[test]
    fn a_request_is_one_line_in_the_persons_own_time() {
        let seoul = TimeZone::fixed(jiff::tz::offset(9));
        let said = line(&told("shop", Some(8_266_800), 0), &seoul, TIMED);
        assert_eq!(said, "00:30:00 shop claude-opus-5-5 → glm-4.7, tier 2, classifier, 8 ms, $0.0083");
        let cut = line(&Told { end: "cut", ..told("shop", Some(0), 0) }, &seoul, TIMED);
        assert!(cut.ends_with(", classifier, cut, 8 ms, $0.00"), "{cut}");
        let said = line(&told("shop", Some(8_266_800), 1), &seoul, DATED);
        assert!(said.starts_with("2026-11-22 00:30:00+09:00 shop ") && said.ends_with(", $0.0083 + ?"), "{said}");
        assert!(line(&told("shop", None, 1), &seoul, DATED).ends_with(", cost unknown"));
        let forged = line(&told("a\r\n09:00:00 evil \u{1b}[31m", Some(0), 0), &seoul, TIMED);
        assert!(forged.lines().count() == 1 && forged.contains("a\\u{d}\\n09:00:00 evil \\u{1b}"), "{forged}");
    }

    #[test]
    fn what_is_out_of_service_is_named() {
        let said = serde_json::json!({
            "answering": 2, "conversations": 1, "books": {"trouble": null},
            "alerts": [{"alert": "budget", "message": "109 % of today's budget is spent"}],
            "deployments": [
                {"provider": "anthropic", "deployment": null, "model": "claude-opus", "state": "closed"},
                {"provider": "zai", "deployment": "team", "model": "glm-4.7", "state": "open", "seconds_left": 9,
                 "reason": "closed\nthe connection"},
            ],
        });
        let lines: Vec<String> = health(&said).iter().map(|line| format!("{} {}", line.label, line.text)).collect();
        let trouble = "trouble glm-4.7 at zai/team is open, 9 s left: closed\\nthe connection";
        let alert = "alert budget: 109 % of today's budget is spent";
        assert_eq!(lines, ["work 2 answers under way; 1 conversation in the last five minutes", alert, trouble]);
    }

    #[test]
    fn whoever_listens_to_others_is_told() {
        let at = |address: &str, url: &str| {
            let state = State::new(url.into(), "/".into(), "2026-11-21T15:30:00Z".parse().unwrap());
            reach(&State { address: address.into(), ..state }).map(|reach| reach.warning())
        };
        assert_eq!(at("127.0.0.1:1", "http://127.0.0.1:1"), None);
        assert_eq!(at("[::1]:1", "http://[::1]:1"), None);
        let open = at("0.0.0.0:1", "http://127.0.0.1:1").unwrap();
        assert!(open.contains("0.0.0.0:1") && open.contains("unencrypted"), "{open}");
        assert_eq!(at("192.0.2.1:1", "https://192.0.2.1:1").unwrap(), "other machines reach it at 192.0.2.1:1");
    }
}
