//! From a classification, a request's wishes and the configuration to a [`Decision`].

use super::ask::Ask;
use super::decision::{DecidedBy, Decision, NoRoute, Plan};
use super::facts::Facts;
use super::policy::Policy;
use super::roster::Roster;
use crate::classify::Classification;

/// Decides who answers.
pub fn decide(
    ask: &Ask,
    seen: &Classification,
    policy: &Policy,
    roster: &Roster,
    _facts: &Facts,
) -> Result<Decision, NoRoute> {
    if let Some(model) = &ask.force_model {
        let ready = roster.ready(model).map_err(NoRoute::Forced)?;
        let tier = ready.model().tier;
        return Ok(Decision::new(seen, Plan::new(ready, []), tier, DecidedBy::Force));
    }
    let mut missing = Vec::new();
    let mut found = Vec::new();
    for name in policy.tier(seen.tier).iter().chain(policy.tier(seen.tier.other())).chain(&policy.chain) {
        match roster.ready(name) {
            Ok(ready) => found.push(ready),
            Err(why) => missing.push(why),
        }
    }
    let mut found = found.into_iter();
    let first = found.next().ok_or(NoRoute::NoneReady(missing))?;
    Ok(Decision::new(seen, Plan::new(first, found), seen.tier, DecidedBy::Classifier))
}
