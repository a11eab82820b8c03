//! From a classification, a request's wishes and the configuration to a [`Decision`].

use super::ask::{Ask, Hold};
use super::decision::{DecidedBy, Decision, NoRoute, Plan, Reason};
use super::facts::Facts;
use super::lineup::{Lineup, Needs};
use super::policy::Policy;
use super::roster::{Ready, Roster};
use super::source::{Source, of_text, sources};
use super::trial::{Arm, Experiment};
use crate::classify::Classification;
use crate::model::Tier;
use crate::wire::Dialect;

/// Decides who answers, and who stands in when that one fails.
///
/// The first of these that applies decides: a forced model; a forced tier; a `/moai` command; the checkout's model;
/// the task's, then the agent's models; the conversation's model, for a text that asks for nothing; the text; the
/// default tier; where an experiment splits the tier of the text, its arm comes before the text's. In front of the command a turn that is not over keeps its model, and in the place of all but the force
/// a client's own business has a cheap one ([`Ask::hold`], [`Ask::background`]). What a source wishes for and cannot
/// have is passed on to the next source, and the decision says so ([`Decision::wanted`]). A forced *model* that cannot
/// be asked is an error instead: whoever names a model wants that one.
///
/// The plan is: the chosen model; the agent's and task's other models where one of those was chosen; the first model
/// of the other tier that is ready; the configured chain; the local models, if there are any. A forced model has the
/// same stand-ins, because an answer with a notice is worth more than an error (AC-005); `--no-fallback` takes them
/// away. A `named_only` model that a person forced, or set for the checkout, or began the conversation with, has none:
/// whoever asks for the model on this machine, or for a simulated one, has not asked for a vendor.
pub fn decide(
    ask: &Ask,
    seen: &Classification,
    policy: &Policy,
    roster: &Roster,
    facts: &Facts,
) -> Result<Decision, NoRoute> {
    let needs = Needs { prompt: ask.prompt_tokens, web_search: ask.web_search };
    if let Some(model) = &ask.force_model {
        let ready = roster.ready(model).map_err(NoRoute::Forced)?;
        let lineup = Lineup::new(policy, roster, facts, seen.kind, needs);
        return Ok(forced(ask, seen, lineup, ready));
    }
    let lineup = |needs| Lineup::new(policy, roster, facts, seen.kind, needs);
    let mut fitting = lineup(needs);
    if let Some(choice) = choose(ask, seen, policy, &mut fitting) {
        return Ok(choice.decision(seen, fitting));
    }
    // Nobody is ready, or nobody can do it. Whoever comes first says so better than we could, and may count tokens
    // differently.
    let mut any = lineup(Needs::default());
    let choice = choose(ask, seen, policy, &mut any);
    choice.map(|choice| choice.decision(seen, any)).ok_or(NoRoute::NoneReady(fitting.missing))
}

fn forced(ask: &Ask, seen: &Classification, mut lineup: Lineup<'_>, ready: Ready) -> Decision {
    let tier = ready.model().tier;
    let alone = ask.no_fallback || ready.model().named_only;
    let mut rest = if alone { Vec::new() } else { lineup.stand_ins(tier) };
    keep_here(&ready, &mut rest);
    lineup.because.push(of_text(seen));
    lineup.because.push(Reason::new("forced", format!("{} was forced", ready.name())));
    Choice { plan: Plan::new(ready, rest), tier, by: DecidedBy::Force, arm: None }.decision(seen, lineup)
}

/// Whoever asked for a model of this machine has not asked for a vendor: only others of this machine stand in.
fn keep_here(first: &Ready, rest: &mut Vec<Ready>) {
    let is_here = |ready: &Ready| ready.provider().wire == Dialect::Ollama;
    if is_here(first) {
        rest.retain(is_here);
    }
}

/// Asks everybody who has a say, in order, until a model is found.
fn choose<'a>(ask: &Ask, seen: &Classification, policy: &'a Policy, lineup: &mut Lineup<'_>) -> Option<Choice<'a>> {
    let (sources, notes) = sources(ask, seen, policy);
    lineup.because.extend(notes);
    for source in sources {
        let (found, tier, by) = match source {
            Source::Models { wishes, kept, strategy, reason } => {
                lineup.because.push(reason);
                let names: Vec<String> = wishes.iter().map(|(_, name)| name.clone()).collect();
                let found = lineup.ready(&names, kept, strategy);
                let Some(first) = found.first().map(Ready::model) else { continue };
                let wish = wishes.iter().find(|(_, name)| first.answers_to(name));
                let by = wish.map_or(DecidedBy::Agent, |(by, _)| *by);
                let tier = if by == DecidedBy::Experiment { seen.tier } else { first.tier };
                (found, tier, by)
            }
            Source::Tier { by, tier, strategy, reason } => {
                lineup.because.push(reason);
                let warm = ask.session_model.as_deref().filter(|_| ask.hold == Hold::Warm);
                (lineup.of_tier(tier, strategy, warm).into_iter().collect(), tier, by)
            }
        };
        let mut found = found.into_iter().chain(lineup.stand_ins(tier));
        let Some(first) = found.next() else { continue };
        if !matches!(by, DecidedBy::Command | DecidedBy::Classifier | DecidedBy::Default) {
            lineup.because.insert(0, of_text(seen));
        }
        let arm = arm(ask, seen, &first, by, policy);
        let own = matches!(by, DecidedBy::Worktree | DecidedBy::Session) && first.model().named_only;
        let mut rest = if ask.no_fallback || own { Vec::new() } else { found.collect() };
        if matches!(by, DecidedBy::Worktree | DecidedBy::Session) {
            keep_here(&first, &mut rest);
        }
        return Some(Choice { plan: Plan::new(first, rest), tier, by, arm });
    }
    None
}

/// The arm that answers: the experiment decided, or the conversation stays with what it decided.
fn arm<'a>(
    ask: &Ask,
    seen: &Classification,
    first: &Ready,
    by: DecidedBy,
    policy: &'a Policy,
) -> Option<(&'a Experiment, &'a Arm)> {
    if policy.experiments.is_empty() || !matches!(by, DecidedBy::Experiment | DecidedBy::Session) {
        return None;
    }
    let mut running = policy.experiments.iter().filter(|experiment| experiment.stopped.is_none());
    running.find_map(|experiment| {
        let arm = policy.arm(experiment, ask, seen)?;
        first.model().answers_to(&arm.model).then_some((experiment, arm))
    })
}

/// A plan, and who decided.
struct Choice<'a> {
    plan: Plan,
    tier: Tier,
    by: DecidedBy,
    arm: Option<(&'a Experiment, &'a Arm)>,
}

impl Choice<'_> {
    /// The decision, with everything that the lineup noted on the way.
    fn decision(self, seen: &Classification, lineup: Lineup<'_>) -> Decision {
        let first = self.plan.first().name().to_owned();
        let mut decision = Decision::new(seen, self.plan, self.tier, self.by);
        decision.because = lineup.because;
        decision.strategy = lineup.strategy;
        if let Some((experiment, arm)) = self.arm {
            decision.arm = Some(experiment.mark(arm));
            decision.addition = arm.prompt.as_ref().map(|added| added.text.clone());
        }
        if let Some((wanted, why)) = lineup.wanted {
            decision.because.push(Reason::new("wanted", format!("wanted {wanted}, took {first}: {why}")));
            decision.wanted = Some(wanted);
        }
        decision.alternatives = lineup.alternatives;
        decision.alternatives.retain(|other| decision.plan.iter().all(|ready| ready.name() != other.model));
        decision
    }
}

#[cfg(test)]
mod tests;
