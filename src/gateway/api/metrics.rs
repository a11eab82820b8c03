//! Seed 003's current metrics: `GET /api/metrics`, of the last hour, whoever has written it into the journal.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::json;

use super::super::answer::{Answer, json as answer};
use super::super::inbound::Inbound;
use super::super::state::Gateway;
use super::costs::broken;

/// `GET /api/metrics`.
pub(in crate::gateway) async fn current(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let now = gateway.world.now();
    let hour = match gateway.ledger.ask(move |journal| journal.last_hour(now)).await {
        Ok(hour) => hour.unwrap_or_default(),
        Err(error) => return broken(&error, &inbound),
    };
    let number = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    answer(
        StatusCode::OK,
        &json!({
            "schema": 1,
            "at": now.to_string(),
            "active_models": hour.models,
            "request_rate": number(hour.requests) / 60.0,
            "average_response_time": hour.mean_ms().map(|millis| number(millis) / 1000.0),
            "cost_per_hour": hour.cost,
            "error_rate": hour.error_rate(),
            "requests": hour.requests,
            "attempts": hour.attempts,
            "errors": hour.errors,
            "unpriced": hour.unpriced,
        }),
    )
}
