//! Deployments that are looked after beside the requests: a broken one is known before a request meets it, and one that
//! is well again is asked again without a request that has to try.

use jiff::Timestamp;

use super::{Board, Lines};
use crate::route::Provider;
use crate::route::balance::Blame;
use crate::wire::FaultKind;

impl Board {
    /// Asks one way of a provider ([`Provider::ways`]) whether it is well, where its configuration says how, and notes
    /// the answer for all its models.
    ///
    /// Silence, 5xx and a key that is not taken or used up count against it. That there is no such path, or that it is
    /// not for this key, is the check's own affair, and so is a limit on it.
    pub async fn check(&self, way: &Provider, lines: &Lines, now: Timestamp) {
        let Some(health) = &way.health else { return };
        let found = lines.upstream().check(way, lines.key(way), &health.path, now).await;
        let fault = found.err();
        let blame = match fault.as_ref().map(|fault| fault.kind) {
            Some(FaultKind::Permission | FaultKind::NoModel | FaultKind::NotFound | FaultKind::RateLimit) => {
                Blame::Nobody
            }
            Some(FaultKind::Overloaded) => Blame::Failed,
            _ => Blame::of(fault.as_ref()),
        };
        let now = self.now();
        let mut state = self.lock();
        let all = state.pools.values_mut().flat_map(|models| models.values_mut()).flatten();
        for slot in all.filter(|slot| slot.way == way.name) {
            slot.lane.check(blame, now);
            if let Some(fault) = fault.as_ref().filter(|_| blame != Blame::Nobody) {
                slot.why = Some(fault.told());
            }
        }
    }
}
