//! How each deployment stands, for `GET /api/health`.

use std::time::Duration;

use super::{Board, share};
use crate::route::Roster;

/// How one model at one deployment stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// The provider.
    pub provider: String,
    /// The deployment; `None` for a provider without any.
    pub deployment: Option<String>,
    /// The model, by moai's name.
    pub model: String,
    /// `closed` (it is asked), `open` (left alone for a while), `half-open` (one request tries it), `hard-down` (its key
    /// is not taken, used up, or not for this model).
    pub state: &'static str,
    /// How long it has been so.
    pub lasting: Duration,
    /// For how long it is left alone from now.
    pub left: Option<Duration>,
    /// What was last wrong with it, while it is not closed.
    pub reason: Option<String>,
    /// Requests under way.
    pub in_flight: u32,
    /// The mean time to the first piece of an answer, slow ones counting more; it fades when nothing is measured.
    pub latency: Option<Duration>,
    /// Requests answered.
    pub answered: u64,
    /// Requests that failed by its own fault.
    pub failed: u64,
}

impl Board {
    /// Every model that can be asked, at each of its deployments, in the order of the configuration.
    pub fn health(&self, roster: &Roster) -> Vec<Health> {
        let now = self.now();
        let mut state = self.lock();
        let mut all = Vec::new();
        for ready in roster.all_ready() {
            let provider = ready.provider();
            let slots = state.slots(&ready, self.0.limits, now);
            for slot in slots.into_iter().flatten().filter(|slot| share(provider, &slot.way).is_some()) {
                let breaker = slot.lane.breaker();
                let deployment = provider.deployments.iter().find(|deployment| deployment.at.name == slot.way);
                let stands = breaker.state(now);
                all.push(Health {
                    provider: provider.name.clone(),
                    deployment: deployment.map(|deployment| deployment.name.clone()),
                    model: ready.name().to_owned(),
                    state: stands.as_str(),
                    lasting: now.saturating_sub(breaker.since()),
                    left: stands.left(),
                    reason: slot.why.clone().filter(|_| !stands.is_closed()),
                    in_flight: slot.lane.in_flight(),
                    latency: slot.lane.latency(now),
                    answered: slot.lane.answered(),
                    failed: slot.lane.failed(),
                });
            }
        }
        all
    }
}
