//! A request in the books, from its decision to its last row, whatever door it came through.

use std::sync::Arc;

use jiff::Timestamp;

use crate::exchange::book::{Page, estimate};
use crate::exchange::{End, Finished, Trial};
use crate::journal::{Attempt, Decided};
use crate::log::{self, DecisionLine, FailureLine, Tried};
use crate::model::{RequestId, Usd};
use crate::route::{Model, Ready, learn, retry};
use crate::wire::Fault;

use super::ledger::Noted;
use super::limits::{Permit, Visit};
use super::snapshot::Snapshot;
use super::state::Gateway;
use super::told::Told;
use super::turn::Turn;

/// A request that was decided on.
pub(in crate::gateway) struct Entry {
    pub(in crate::gateway) gateway: Arc<Gateway>,
    /// The configuration that it began with.
    pub(in crate::gateway) snapshot: Arc<Snapshot>,
    pub(in crate::gateway) id: RequestId,
    pub(in crate::gateway) turn: Arc<Turn>,
}

impl Entry {
    /// Lets the request through, as far as budgets and limits are set. `size` counts the prompt's tokens and knows how
    /// many the answer may have; it is asked only where anything is limited.
    pub(in crate::gateway) async fn admitted(
        &self,
        size: impl Fn(&Model) -> (u64, Option<u64>),
    ) -> Result<Permit, Fault> {
        let Self { gateway, snapshot, turn, .. } = self;
        let (allowance, about) = (&snapshot.allowance, &turn.about);
        let mut visit = Visit {
            key: about.key.as_deref(),
            session: about.session.as_ref().map(AsRef::as_ref),
            agent: about.agent.as_deref(),
            project: about.project.as_deref(),
            ..Visit::default()
        };
        if !(allowance.budgets.is_empty() && allowance.limits.is_empty()) {
            let first = turn.decision.plan().first();
            let (tokens, most) = size(first.model());
            visit.tokens = tokens;
            visit.estimate = estimate(first, tokens, most, &snapshot.prices, gateway.world.now());
        }
        gateway.limits.admit(allowance, visit).await
    }

    /// Whether budgets allow another attempt after these, and if not, why. As much as it may cost is set aside then.
    pub(in crate::gateway) fn affords(
        &self,
        permit: &Permit,
        size: impl Fn(&Model) -> (u64, Option<u64>),
        ready: &Ready,
        before: &[Trial],
    ) -> Result<(), String> {
        let plan = self.turn.decision.plan();
        if !permit.counts_money() || (before.is_empty() && ready == plan.first()) {
            return Ok(());
        }
        let now = self.gateway.world.now();
        let may_cost = |ready: &Ready| {
            let (tokens, most) = size(ready.model());
            estimate(ready, tokens, most, &self.snapshot.prices, now)
        };
        let page = self.page();
        let so_far = before.iter().map(|trial| {
            let asked = || plan.iter().find(|ready| ready.name() == trial.model).map(may_cost);
            page.row(trial).cost.or_else(|| asked()?.most).unwrap_or_default()
        });
        permit.cover(so_far.fold(Usd::ZERO, Usd::saturating_add), may_cost(ready))
    }

    /// Writes the decision into the log, and what is needed to learn from an opinion of it. In the middle of a turn no
    /// text was read: there is nothing new to learn from.
    pub(in crate::gateway) fn log(&self) {
        let at = self.gateway.world.now();
        let (snapshot, id, turn) = (Arc::clone(&self.snapshot), self.id.clone(), Arc::clone(&self.turn));
        self.gateway.ledger.note(move || noted(&snapshot, &id, &turn, at));
    }

    /// The end of a request: its [`Entry::rows`], what it used of what is allowed, and where nobody answered, who was
    /// tried.
    pub(in crate::gateway) fn finish(&self, finished: &Finished, rows: Vec<Attempt>, permit: Permit) {
        let Self { gateway, id, .. } = self;
        let told = gateway.teller.as_ref().map(|tell| {
            let told = Told::new(id, gateway.world.now(), &self.turn, finished, &rows);
            move || tell(told)
        });
        permit.settle(rows, |rows, number| gateway.ledger.record(rows, number));
        gateway.dashboard.pulse.beat();
        if let Some(tell) = told {
            tell();
        }
        let error = match finished.end {
            End::Failed => "no-answer",
            End::Cut(_) => "cut",
            End::Answered | End::Cached | End::Stopped(_) => return,
        };
        let tried = finished.tally.trials.iter().map(tried).collect();
        gateway.ledger.log_failure(&FailureLine::new(id, gateway.world.now(), error, tried));
    }

    fn page(&self) -> Page<'_> {
        let about = &self.turn.about;
        Page {
            request: &self.id,
            decision: &self.turn.decision,
            machine: &self.gateway.machine,
            session: about.session.as_ref(),
            project: about.project.as_deref(),
            worktree: about.worktree.as_deref(),
            spec: about.spec.as_deref(),
            agent: about.agent.as_deref(),
            task: about.task.as_deref(),
            key: about.key.as_deref(),
            asked: Some(self.turn.asked.as_str()).filter(|asked| !asked.is_empty()),
            prices: &self.snapshot.prices,
        }
    }

    /// A row for each attempt, and one for an answer from before.
    pub(in crate::gateway) fn rows(&self, finished: &Finished) -> Vec<Attempt> {
        let page = self.page();
        let mut rows: Vec<Attempt> = finished.trials.iter().map(|trial| page.row(trial)).collect();
        if let (End::Cached, Some(answer)) = (&finished.end, &finished.answer) {
            let number = u32::try_from(rows.len()).unwrap_or(u32::MAX).saturating_add(1);
            rows.push(page.cached_row(answer, number, self.gateway.world.now()));
        }
        rows
    }
}

/// A decision in the words of the log.
fn noted(snapshot: &Snapshot, id: &RequestId, turn: &Turn, at: Timestamp) -> Noted {
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
    let decided = turn.text.as_ref().map(|text| Decided {
        request: id.clone(),
        at,
        fingerprint: learn::fingerprint(text),
        tier: turn.seen.tier,
        evidence: learn::names(&turn.seen),
        score: Some(learn::own_score(&turn.seen)),
    });
    Noted { line: log::text(&line).ok(), decided }
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
