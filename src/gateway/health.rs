//! How the gateway is: for a probe in one word, for a person with a key in full.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::alert::Alert;
use crate::exchange::Health;

use super::answer::{Answer, json as answer};
use super::inbound::Inbound;
use super::snapshot::Snapshot;
use super::state::{Counters, Gateway};

/// `GET /health`: says that somebody is there, and nothing else.
pub(in crate::gateway) async fn bare(_: Arc<Gateway>, _: Inbound) -> Answer {
    answer(StatusCode::OK, &json!({"status": "ok"}))
}

/// `GET /api/health`: version, age, what is counted, how the books and the deployments are.
pub(in crate::gateway) async fn full(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let counters = &gateway.counters;
    let count = Counters::read;
    let snapshot = &inbound.snapshot;
    let all = gateway.board.health(&snapshot.roster);
    let books = gateway.ledger.condition();
    let (running, waiting) = gateway.limits.load();
    answer(
        StatusCode::OK,
        &json!({
            "schema": 1,
            "status": status(snapshot, &all, books.trouble.is_some()),
            "version": env!("CARGO_PKG_VERSION"),
            "started_at": gateway.started_at().to_string(),
            "uptime_seconds": gateway.uptime().as_secs(),
            "connections": count(&counters.connections),
            "in_flight": count(&counters.in_flight),
            "answering": gateway.work.count(),
            "conversations": gateway.sessions.active(gateway.world.now()),
            "requests": count(&counters.requests),
            "errors": count(&counters.errors),
            "refused": count(&counters.refused),
            "panics": count(&counters.panics),
            "limited": {"running": running, "waiting": waiting},
            "alerts": gateway.alarm.view().standing.iter().map(Alert::document).collect::<Vec<_>>(),
            "budgets": super::api::costs::budgets(&gateway, &inbound),
            "books": books,
            "deployments": all.iter().map(deployment).collect::<Vec<Value>>(),
        }),
    )
}

/// In one word: `ok`, `degraded` where somebody is out or the journal cannot be written, `down` where nobody can be
/// asked. Who answers only when named does not count.
fn status(snapshot: &Snapshot, all: &[Health], trouble: bool) -> &'static str {
    let counts = |health: &&Health| {
        let ready = snapshot.roster.ready(&health.model);
        ready.is_ok_and(|ready| !ready.model().named_only || snapshot.only.as_deref() == Some(ready.name()))
    };
    let (well, out): (Vec<&Health>, Vec<&Health>) =
        all.iter().filter(counts).partition(|health| health.state == "closed");
    match (well.is_empty(), out.is_empty() && !trouble) {
        (true, _) => "down",
        (false, false) => "degraded",
        (false, true) => "ok",
    }
}

/// How one model at one deployment stands.
fn deployment(health: &Health) -> Value {
    let Health { provider, deployment, model, state, lasting, left, reason, in_flight, latency, answered, failed } =
        health;
    json!({
        "provider": provider,
        "deployment": deployment,
        "model": model,
        "state": state,
        "seconds": lasting.as_secs(),
        "seconds_left": left.map(|left| left.as_millis().div_ceil(1_000)),
        "reason": reason,
        "in_flight": in_flight,
        "latency_ms": latency.map(|latency| latency.as_millis()),
        "answered": answered,
        "failed": failed,
    })
}
