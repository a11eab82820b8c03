//! Anthropic Messages.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::json;

use crate::exchange::{self, Query};
use crate::wire::{Dialect, Fault, FaultKind, Request, estimate_tokens};

use super::answer::{Answer, bytes_as, fault, json as answer};
use super::flow;
use super::inbound::Inbound;
use super::state::Gateway;
use super::tell;
use super::turn::Turn;

/// `POST /v1/messages`.
pub(in crate::gateway) async fn create(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    flow::answer(gateway, inbound, Dialect::Anthropic).await
}

/// `POST /v1/messages/count_tokens`: as the thread's model counts them, else an estimate. Nothing is written down: it
/// costs nothing.
pub(in crate::gateway) async fn count_tokens(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let request = match Request::peek(inbound.body.clone()) {
        Ok(request) => request,
        Err(error) => {
            return fault(inbound.speech, &inbound.id, &Fault::new(FaultKind::BadRequest, error.to_string()));
        }
    };
    let Ok(turn) = Turn::counted(&gateway, &inbound, &request) else {
        // Who would answer is not known; that is no reason not to say about how much it is.
        return answer(StatusCode::OK, &json!({"input_tokens": estimate_tokens(request.bytes())}));
    };
    let query = Query::new(request, Dialect::Anthropic, &inbound.headers, inbound.query.as_deref());
    let query = query.adding(turn.decision.addition());
    let lines = &inbound.snapshot.lines;
    let counted = exchange::count_tokens(&query, turn.decision.plan().first(), lines, &gateway.board).await;
    let mut answer = bytes_as(StatusCode::OK, "application/json", counted.body);
    tell::counted(answer.headers_mut(), &turn, counted.estimated);
    answer
}
