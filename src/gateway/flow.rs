//! A request for an answer, from its bytes to its last row: peeked at, decided, let through, relayed, written down.
//!
//! The answer is fetched on the client's connection, and goes on without it when the client goes ([`super::work`]). It
//! ends with [`Entry::finish`], which writes the books whatever became of the client; nothing is written when something
//! is dropped.

use std::future::poll_fn;
use std::sync::Arc;

use hyper::header::HeaderMap;
use hyper::{Response, StatusCode};

use crate::exchange::{Answering, End, Head, Query, RelayOrder, Trial, outlet, relay};
use crate::route::{Model, Ready};
use crate::wire::{Dialect, Fault, FaultKind, Request, estimate_tokens};

use super::answer::{Answer, fault};
use super::body::Body;
use super::entry::Entry;
use super::inbound::Inbound;
use super::shadow::{self, Original};
use super::state::Gateway;
use super::tell;
use super::turn::Turn;
use super::work::Own;

/// Answers a request in `dialect`.
pub(in crate::gateway) async fn answer(gateway: Arc<Gateway>, inbound: Inbound, dialect: Dialect) -> Answer {
    let Inbound { id, speech, .. } = &inbound;
    let request = match Request::peek(inbound.body.clone()) {
        Ok(request) => request,
        Err(error) => return fault(*speech, id, &Fault::new(FaultKind::BadRequest, error.to_string())),
    };
    let turn = match Turn::decide(&gateway, &inbound, &request, dialect) {
        Ok(turn) => turn,
        Err(refused) => return fault(*speech, id, &refused.fault()),
    };
    let size = |_: &Model| (estimate_tokens(request.bytes()), request.head().max_tokens);
    let entry = Entry { gateway, snapshot: Arc::clone(&inbound.snapshot), id: id.clone(), turn: Arc::new(turn) };
    let permit = match entry.admitted(size).await {
        Ok(permit) => permit,
        Err(refused) => {
            let mut answer = fault(*speech, id, &refused);
            tell::decision(answer.headers_mut(), &entry.turn);
            return answer;
        }
    };
    let query =
        Query::new(request, dialect, &inbound.headers, inbound.query.as_deref()).adding(entry.turn.decision.addition());
    let warnings = permit.warnings();
    let errand = Arc::new(Original { entry, query });
    let (out, mut answering) = outlet();
    let shared = Arc::clone(&errand);
    let mut own = errand.entry.gateway.work.own(Box::pin(async move {
        let Original { entry, query } = &*shared;
        let heard = shadow::ear(entry);
        let now = || entry.gateway.world.now();
        let request = &query.request;
        let size = |_: &Model| (estimate_tokens(request.bytes()), request.head().max_tokens);
        let affords = |ready: &Ready, before: &[Trial]| entry.affords(&permit, size, ready, before);
        let order = RelayOrder {
            decision: &entry.turn.decision,
            query,
            rules: entry.snapshot.policy.retry,
            id: &entry.id,
            lines: &entry.snapshot.lines,
            board: Some(&entry.gateway.board),
            now: &now,
            affords: Some(&affords),
            ping: entry.snapshot.serve.ping,
            hold: entry.snapshot.serve.hold,
            gist: heard.as_ref(),
        };
        let finished = relay(&order, out).await;
        // A head that went out with a ping could not know who would answer in the end.
        if let (End::Answered, Some(last)) = (&finished.end, finished.trials.last()) {
            entry.turn.answered_by(&last.model, &entry.gateway);
        }
        entry.finish(&finished, entry.rows(&finished), permit);
        shadow::follow(&shared, &finished, heard.as_ref());
    }));
    errand.entry.log();
    let head = poll_fn(|context| {
        own.go_on(context);
        answering.poll_head(context)
    });
    let Ok(head) = head.await else {
        let said = "the gateway failed on this request; this is a bug of moai";
        return fault(inbound.speech, &errand.entry.id, &Fault::new(FaultKind::Server, said));
    };
    if let Some(by) = head.by.as_ref().filter(|_| head.status < 300) {
        // The client's next request may come before this one's rows are written.
        errand.entry.turn.answered_by(&by.model, &errand.entry.gateway);
    }
    answered(head, answering, own, &errand.entry.turn, &warnings)
}

/// The answer as the client gets it: the head that came, what it says of the decision, and the body as far as it is there.
fn answered(head: Head, answering: Answering, own: Own, turn: &Turn, warnings: &[String]) -> Answer {
    let Head { status, headers, by, attempts, dropped, whole } = head;
    let body = match whole {
        Some(whole) if own.is_over() => Body::whole(whole),
        Some(whole) => Body::whole(whole).holding(own),
        None => Body::relayed(answering, own),
    };
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *answer.headers_mut() = headers;
    let headers: &mut HeaderMap = answer.headers_mut();
    tell::decision(headers, turn);
    tell::outcome(headers, by.as_ref(), attempts, &dropped);
    tell::warnings(headers, warnings);
    answer
}
