//! A request for an answer, from its bytes to its last row: peeked at, decided, let through, relayed, written down.
//!
//! The answer is fetched by a task of its own ([`super::work`]). It ends with [`finish`], which writes the books
//! whatever became of the client; nothing is written when something is dropped.

use std::sync::Arc;

use hyper::header::HeaderMap;
use hyper::{Response, StatusCode};

use crate::exchange::book::{Page, estimate};
use crate::exchange::{End, Finished, Head, Query, RelayOrder, outlet, relay};
use crate::journal::{Attempt, Decided};
use crate::log::{self, DecisionLine, FailureLine, Tried};
use crate::model::RequestId;
use crate::route::{learn, retry};
use crate::wire::{Dialect, Fault, FaultKind, Request, estimate_tokens};

use super::answer::{Answer, fault};
use super::body::Body;
use super::inbound::Inbound;
use super::limits::{Permit, Visit};
use super::snapshot::Snapshot;
use super::state::Gateway;
use super::tell;
use super::turn::Turn;

/// A request that was decided on and let through.
struct Errand {
    gateway: Arc<Gateway>,
    snapshot: Arc<Snapshot>,
    id: RequestId,
    turn: Turn,
    query: Query,
}

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
    let permit = match admitted(&gateway, &inbound.snapshot, &turn, &request).await {
        Ok(permit) => permit,
        Err(refused) => {
            let mut answer = fault(*speech, id, &refused);
            tell::decision(answer.headers_mut(), &turn);
            return answer;
        }
    };
    let query = Query::new(request, dialect, &inbound.headers, inbound.query.as_deref());
    let warnings = permit.warnings();
    let errand = Arc::new(Errand { gateway, snapshot: inbound.snapshot, id: inbound.id, turn, query });
    let (out, mut answering) = outlet();
    let own = Arc::clone(&errand);
    errand.gateway.work.begin(async move {
        let now = || own.gateway.world.now();
        let order = RelayOrder {
            decision: &own.turn.decision,
            query: &own.query,
            rules: own.snapshot.policy.retry,
            id: &own.id,
            lines: &own.snapshot.lines,
            board: Some(&own.gateway.board),
            now: &now,
            ping: own.snapshot.serve.ping,
            hold: RelayOrder::HOLD,
        };
        let finished = relay(&order, out).await;
        finish(&own, &finished, permit);
    });
    // While the vendor works.
    errand.log();
    let Ok(head) = answering.head().await else {
        let said = "the gateway failed on this request; this is a bug of moai";
        return fault(inbound.speech, &errand.id, &Fault::new(FaultKind::Server, said));
    };
    if let Some(by) = head.by.as_ref().filter(|_| head.status < 300) {
        // The client's next request may come before this one's rows are written.
        errand.turn.answered_by(&by.model, &errand.gateway);
    }
    let Head { status, headers, by, attempts, dropped, whole } = head;
    let body = whole.map_or_else(|| Body::relayed(answering), Body::whole);
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *answer.headers_mut() = headers;
    let headers: &mut HeaderMap = answer.headers_mut();
    tell::decision(headers, &errand.turn);
    tell::outcome(headers, by.as_ref(), attempts, &dropped);
    tell::warnings(headers, &warnings);
    answer
}

/// Lets the request through, as far as budgets and limits are set.
async fn admitted(
    gateway: &Arc<Gateway>,
    snapshot: &Snapshot,
    turn: &Turn,
    request: &Request,
) -> Result<Permit, Fault> {
    let allowance = &snapshot.allowance;
    let about = &turn.about;
    let mut visit = Visit {
        key: about.key.as_deref(),
        session: about.session.as_ref().map(AsRef::as_ref),
        agent: about.agent.as_deref(),
        project: about.project.as_deref(),
        ..Visit::default()
    };
    let now = gateway.world.now();
    // Where nothing is limited nothing is counted.
    if !(allowance.budgets.is_empty() && allowance.limits.is_empty()) {
        visit.tokens = estimate_tokens(request.bytes());
        let first = turn.decision.plan().first();
        visit.estimate = estimate(first, visit.tokens, request.head().max_tokens, &snapshot.prices, now);
    }
    gateway.limits.admit(allowance, visit, now).await
}

impl Errand {
    /// Writes the decision into the log, and what is needed to learn from an opinion of it. In the middle of a turn no
    /// text was read: there is nothing new to learn from.
    fn log(&self) {
        let Self { gateway, snapshot, id, turn, .. } = self;
        let at = gateway.world.now();
        let about = &turn.about;
        let line = DecisionLine::new(
            id,
            at,
            &turn.seen,
            &turn.decision,
            log::About {
                session: about.session.as_ref(),
                project: about.project.as_deref(),
                worktree: about.worktree.as_deref().map(AsRef::as_ref),
                spec: about.spec.as_deref(),
                agent: about.agent.as_deref(),
                task: about.task.as_deref(),
                dry_run: false,
                prompt: turn.text.as_deref().filter(|_| snapshot.log.prompts),
            },
        );
        gateway.ledger.log_decision(&line);
        if let Some(text) = &turn.text {
            gateway.ledger.remember(Decided {
                request: id.clone(),
                at,
                fingerprint: learn::fingerprint(text),
                tier: turn.seen.tier,
                evidence: learn::names(&turn.seen),
            });
        }
    }

    fn rows(&self, finished: &Finished) -> Vec<Attempt> {
        let about = &self.turn.about;
        let machine = self.gateway.world.machine();
        let page = Page {
            request: &self.id,
            decision: &self.turn.decision,
            machine: &machine,
            session: about.session.as_ref(),
            project: about.project.as_deref(),
            worktree: about.worktree.as_deref(),
            spec: about.spec.as_deref(),
            agent: about.agent.as_deref(),
            task: about.task.as_deref(),
            key: about.key.as_deref(),
            asked: Some(&self.turn.asked),
            prices: &self.snapshot.prices,
        };
        finished.trials.iter().map(|trial| page.row(trial)).collect()
    }
}

/// The end of a request: its rows, what it used of what is allowed, and where nobody answered, who was tried.
fn finish(errand: &Errand, finished: &Finished, permit: Permit) {
    let Errand { gateway, id, .. } = errand;
    let rows = errand.rows(finished);
    permit.settle(&rows);
    gateway.ledger.record(rows);
    let error = match finished.end {
        End::Failed => "no-answer",
        End::Cut(_) => "cut",
        End::Answered | End::Cached | End::Stopped(_) => return,
    };
    let tried = finished.tally.trials.iter().map(tried).collect();
    gateway.ledger.log_failure(&FailureLine::new(id, gateway.world.now(), error, tried));
}

fn tried(trial: &retry::Trial) -> Tried {
    let fault = trial.faults.last();
    Tried {
        model: trial.ready.name().to_owned(),
        provider: trial.ready.provider().name.clone(),
        attempts: trial.sends,
        error: fault.map(|fault| fault.kind.as_str()),
        status: fault.and_then(|fault| fault.status),
        code: fault.and_then(|fault| fault.code.as_deref().map(str::to_owned)),
    }
}
