//! What stands at this moment: the process, what is under way, budgets, breakers, the books.

use std::sync::atomic::AtomicU64;

use crate::alert::Rule;
use crate::cost::{Budgets, Scope, Standing};
use crate::model::Usd;

use super::super::snapshot::Snapshot;
use super::super::state::{Counters, Gateway};
use super::text::{Kind, Page, dollars, seconds};

/// The states of a breaker, in the words of `GET /api/health`.
const STATES: [&str; 4] = ["closed", "open", "half-open", "hard-down"];

/// Writes all of it.
pub(super) fn write(gateway: &Gateway, snapshot: &Snapshot, page: &mut Page) {
    process(gateway, page);
    http(gateway, page);
    lanes(gateway, snapshot, page);
    budgets(gateway, &snapshot.allowance.budgets, page);
    shadows(gateway, page);
    books(gateway, page);
    alerts(gateway, page);
}

fn alerts(gateway: &Gateway, page: &mut Page) {
    let view = gateway.alarm.view();
    page.family("moai_alerts_active", Kind::Gauge, "Alerts that stand.");
    for rule in Rule::ALL {
        let standing = view.standing.iter().filter(|alert| alert.rule == rule).count();
        page.sample(&[("alert", rule.as_str())], standing);
    }
    page.family("moai_alert_messages_waiting", Kind::Gauge, "Messages that a sink has not heard yet.");
    for (sink, waiting) in &view.waiting {
        page.sample(&[("sink", sink)], waiting);
    }
}

fn process(gateway: &Gateway, page: &mut Page) {
    page.family("moai_build_info", Kind::Gauge, "The version that runs; always 1.");
    page.sample(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    let started = u64::try_from(gateway.started_at().as_millisecond()).unwrap_or_default();
    let help = "When the process started, in seconds since 1970.";
    page.single("process_start_time_seconds", Kind::Gauge, help, seconds(started));
}

fn http(gateway: &Gateway, page: &mut Page) {
    let counters = &gateway.counters;
    let (_, waiting) = gateway.limits.load();
    let counts: [(&'static str, &str, &AtomicU64); 4] = [
        ("moai_http_requests_total", "HTTP requests whose head was read, whatever they asked for.", &counters.requests),
        ("moai_http_errors_total", "HTTP answers with a status of 400 and above.", &counters.errors),
        ("moai_http_refused_total", "HTTP requests that were refused at the door.", &counters.refused),
        ("moai_panics_total", "Requests that met a bug of moai.", &counters.panics),
    ];
    for (name, help, counter) in counts {
        page.single(name, Kind::Counter, help, Counters::read(counter));
    }
    let in_flight = Counters::read(&counters.in_flight);
    page.single("moai_in_flight_requests", Kind::Gauge, "HTTP requests under way, this one among them.", in_flight);
    let answering = gateway.work.count();
    page.single("moai_answering_requests", Kind::Gauge, "Answers under way.", answering);
    page.single("moai_waiting_requests", Kind::Gauge, "Requests that wait for others to end.", waiting);
    let open = Counters::read(&counters.connections);
    page.single("moai_open_connections", Kind::Gauge, "Open connections.", open);
    let conversations = gateway.sessions.active(gateway.world.now());
    page.single("moai_conversations", Kind::Gauge, "Conversations of the last five minutes.", conversations);
}

fn lanes(gateway: &Gateway, snapshot: &Snapshot, page: &mut Page) {
    let all = gateway.board.health(&snapshot.roster);
    let deployment = |name: &Option<String>| name.clone().unwrap_or_default();
    page.family(
        "moai_breaker_state",
        Kind::Gauge,
        "1 for the state that the breaker of a model at a deployment is in.",
    );
    for lane in &all {
        for state in STATES {
            let deployment = deployment(&lane.deployment);
            let at = [("provider", &*lane.provider), ("deployment", &deployment), ("model", &lane.model)];
            let [provider, deployment, model] = at;
            page.sample(&[provider, deployment, model, ("state", state)], u8::from(lane.state == state));
        }
    }
    page.family("moai_lane_in_flight_requests", Kind::Gauge, "Requests under way to a model at a deployment.");
    for lane in &all {
        let deployment = deployment(&lane.deployment);
        let labels = [("provider", &*lane.provider), ("deployment", &deployment), ("model", &lane.model)];
        page.sample(&labels, lane.in_flight);
    }
}

/// One of the sums of a budget.
type Amount = fn(&Standing) -> Usd;

fn budgets(gateway: &Gateway, budgets: &Budgets, page: &mut Page) {
    // Agents and projects that only a client has named, and conversations, would be series without end.
    let known = |scope: &Scope| match scope {
        Scope::Day | Scope::Key(_) => true,
        Scope::Agent(name) => budgets.agents.named.contains_key(name),
        Scope::Project(name) => budgets.projects.named.contains_key(name),
        Scope::Session(_) => false,
    };
    let mut all = gateway.limits.all_standings(budgets);
    all.retain(|standing| known(&standing.scope));
    if budgets.day.is_some() && !all.iter().any(|standing| standing.scope == Scope::Day) {
        all.extend(gateway.limits.standings(&[Scope::Day], budgets));
    }
    let amounts: [(&'static str, &str, Amount); 3] = [
        ("moai_budget_usd", "What may be spent.", |standing| standing.verdict.limit_usd),
        ("moai_budget_spent_usd", "What of it is spent, by anybody.", |standing| standing.verdict.spent_usd),
        ("moai_budget_reserved_usd", "What is set aside for requests under way.", |standing| standing.held),
    ];
    for (name, help, amount) in amounts {
        page.family(name, Kind::Gauge, help);
        for standing in &all {
            let labels = [("scope", standing.scope.as_str()), ("name", standing.scope.name().unwrap_or_default())];
            page.sample(&labels, dollars(amount(standing)));
        }
    }
}

fn shadows(gateway: &Gateway, page: &mut Page) {
    page.family("moai_shadows_total", Kind::Counter, "Copies of requests for a shadow, by what became of them.");
    for (outcome, count) in gateway.shadows.counts() {
        page.sample(&[("outcome", outcome)], count);
    }
}

fn books(gateway: &Gateway, page: &mut Page) {
    let books = gateway.ledger.condition();
    page.family("moai_journal_rows_total", Kind::Counter, "Rows of the journal, by where they went.");
    for (to, count) in [("journal", books.written), ("spool", books.spooled), ("nowhere", books.lost)] {
        page.sample(&[("to", to)], count);
    }
    page.single("moai_journal_queued", Kind::Gauge, "Things that wait to be written.", books.queued);
    let trouble = u8::from(books.trouble.is_some());
    page.single("moai_journal_trouble", Kind::Gauge, "1 while the journal cannot be written.", trouble);
}
