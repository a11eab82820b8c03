//! Who has a say in the choice, the strongest first.

use super::ask::{Ask, Hold};
use super::decision::{DecidedBy, Reason};
use super::policy::{Agent, Policy, Strategy, Task};
use crate::classify::{self, Basis, Classification};
use crate::model::Tier;

/// Somebody who has a say.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    /// Names models.
    Models {
        /// The models, each with the word for who wished for it.
        wishes: Vec<(DecidedBy, String)>,
        /// So many stay in front; the strategy sorts the others.
        kept: usize,
        /// The strategy.
        strategy: Option<Strategy>,
        /// Why these.
        reason: Reason,
    },
    /// Names a tier; its list of models decides.
    Tier {
        /// Who.
        by: DecidedBy,
        /// Which.
        tier: Tier,
        /// How to choose from its list.
        strategy: Option<Strategy>,
        /// Why.
        reason: Reason,
    },
}

/// Everybody who has a say about this request, in order; the last one names a tier. With them, what is to be said
/// about names that mean nothing.
pub(super) fn sources(ask: &Ask, seen: &Classification, policy: &Policy) -> (Vec<Source>, Vec<Reason>) {
    let mut notes = Vec::new();
    let agent = ask.agent.as_deref().and_then(|name| known("agent", name, policy.agent(name), &mut notes));
    let task = ask.task.as_deref().and_then(|name| known("task", name, policy.task(name), &mut notes));
    let of_agent = agent.and_then(|(_, agent)| agent.strategy);
    let strategy = ask.wanted_strategy().or(of_agent).or(policy.strategy);
    let tier = |by, tier, reason| Source::Tier { by, tier, strategy, reason };
    if let Some(forced) = ask.force_tier {
        let reason = Reason::new("forced", format!("tier {forced} ({}) was forced", forced.as_str()));
        return (vec![tier(DecidedBy::Force, forced, reason)], notes);
    }
    if ask.background {
        return (of_background(ask, policy), notes);
    }
    let mut sources = Vec::new();
    if let Some(model) = ask.session_model.as_ref().filter(|_| ask.hold == Hold::Firm) {
        sources.push(one(DecidedBy::Session, model, format!("the turn is not over: it stays with {model}")));
    }
    if seen.command.is_some() {
        sources.push(tier(DecidedBy::Command, seen.tier, of_text(seen)));
        return (sources, notes);
    }
    if let Some(model) = &ask.worktree_model {
        sources.push(one(DecidedBy::Worktree, model, format!("this checkout works with {model}")));
    }
    sources.extend(of_work(ask, task, agent, &mut notes));
    if let Some(model) = ask.session_model.as_ref() {
        if asks_for_nothing(seen.basis) {
            let text = format!("the text asks for nothing: the conversation stays with {model}");
            sources.push(one(DecidedBy::Session, model, text));
        } else if ask.hold == Hold::Warm && seen.uncertain {
            let text = format!("the text is not sure of its tier: the conversation stays with {model}, which is warm");
            sources.push(one(DecidedBy::Session, model, text));
        }
    }
    let by = match seen.basis {
        Basis::Command => DecidedBy::Command,
        Basis::Text | Basis::ManyFiles | Basis::Feedback => DecidedBy::Classifier,
        Basis::Empty | Basis::Greeting | Basis::Onward | Basis::NoEvidence | Basis::BelowThreshold => {
            DecidedBy::Default
        }
    };
    if seen.basis != Basis::Command {
        sources.extend(of_experiment(ask, seen, policy));
    }
    sources.push(tier(by, seen.tier, of_text(seen)));
    (sources, notes)
}

/// The arm of the conversation, where an experiment splits the tier.
fn of_experiment(ask: &Ask, seen: &Classification, policy: &Policy) -> Option<Source> {
    let experiment = policy.experiment(seen.tier)?;
    let arm = policy.arm(experiment, ask, seen)?;
    // A conversation that is warm with another model began before the experiment: moving it would cost.
    if ask.hold != Hold::Loose && ask.session_model.as_ref().is_some_and(|model| *model != arm.model) {
        return None;
    }
    let text = format!("the experiment {} gives this conversation {}", experiment.name, arm.name());
    Some(one(DecidedBy::Experiment, &arm.model, text))
}

/// A client's own business: the checkout's model where it has one (whoever works with a model of this machine has not
/// asked for a vendor), else who is configured for it, else the cheapest of tier 2.
fn of_background(ask: &Ask, policy: &Policy) -> Vec<Source> {
    let mut sources = Vec::new();
    if let Some(model) = &ask.worktree_model {
        sources.push(one(DecidedBy::Worktree, model, format!("this checkout works with {model}")));
    }
    let reason = || Reason::new("background", "the client's own business: a cheap model".to_owned());
    if !policy.background.is_empty() {
        let wishes: Vec<_> = policy.background.iter().map(|model| (DecidedBy::Background, model.clone())).collect();
        sources.push(Source::Models { kept: wishes.len(), wishes, strategy: None, reason: reason() });
    }
    let (by, strategy) = (DecidedBy::Background, Some(Strategy::Cost));
    sources.push(Source::Tier { by, tier: Tier::Two, strategy, reason: reason() });
    sources
}

/// The task's and the agent's models (seed 003): the mapping of the task comes first, then the agent's primary model,
/// then its fallbacks, which the agent's own strategy sorts. Where the request itself has a strategy, all models of
/// the task and the agent are candidates, and it alone decides.
fn of_work(
    ask: &Ask,
    task: Option<(&str, &Task)>,
    agent: Option<(&str, &Agent)>,
    notes: &mut Vec<Reason>,
) -> Option<Source> {
    let mut wishes: Vec<(DecidedBy, String)> = Vec::new();
    let mut said: Vec<String> = Vec::new();
    let wanted = ask.wanted_strategy();
    if let Some((name, task)) = task {
        let entry = task.entry(ask.circumstances());
        if wanted.is_some() {
            wishes.extend(task.models.iter().map(|(_, model)| (DecidedBy::Task, model.clone())));
            said.push(format!("the models of the task {name} are candidates"));
        } else if let Some((context, model)) = entry {
            wishes.push((DecidedBy::Task, model.into()));
            said.push(format!("the task {name} has {model} for {context}"));
        } else {
            said.push(format!("the task {name} has no model for this context"));
        }
    }
    let mut kept = if wanted.is_some() { 0 } else { wishes.len() };
    if let Some((name, agent)) = agent {
        let primary = agent.primary.iter();
        wishes.extend(primary.chain(&agent.fallbacks).map(|model| (DecidedBy::Agent, model.clone())));
        if wanted.is_none() && agent.primary.is_some() {
            kept += 1;
        }
        match &agent.primary {
            Some(model) => said.push(format!("the agent {name} works with {model}")),
            None => said.push(format!("the agent {name} has no primary model")),
        }
    }
    let strategy = wanted.or(agent.and_then(|(_, agent)| agent.strategy));
    let what = if task.is_some() { "task" } else { "agent" };
    let reason = Reason::new(what, said.join("; "));
    if wishes.is_empty() {
        notes.extend((!said.is_empty()).then(|| Reason::new("unknown-context", said.join("; "))));
        return None;
    }
    Some(Source::Models { wishes, kept, strategy, reason })
}

fn one(by: DecidedBy, model: &str, text: String) -> Source {
    let reason = Reason::new(by.as_str(), text);
    Source::Models { wishes: vec![(by, model.into())], kept: 1, strategy: None, reason }
}

/// A configured agent or task with its name, or a note that there is none.
fn known<'a, T>(what: &str, name: &'a str, found: Option<&'a T>, notes: &mut Vec<Reason>) -> Option<(&'a str, &'a T)> {
    if found.is_none() {
        let code = if what == "agent" { "unknown-agent" } else { "unknown-task" };
        notes.push(Reason::new(code, format!("no models are configured for the {what} {name}")));
    }
    found.map(|found| (name, found))
}

const fn asks_for_nothing(basis: Basis) -> bool {
    matches!(basis, Basis::Empty | Basis::Greeting | Basis::Onward | Basis::NoEvidence)
}

/// What the classification says, in words.
pub(super) fn of_text(seen: &Classification) -> Reason {
    let tier = format!("tier {} ({})", seen.tier, seen.tier.as_str());
    let sure = format!("{:.0} % sure", classify::percent(seen.confidence));
    let text = match seen.basis {
        Basis::Command => {
            let command = seen.evidence.first().and_then(|item| item.what.strip_prefix("command:"));
            format!("the command {} asks for {tier}", command.unwrap_or_default())
        }
        Basis::Text => format!("the text asks for {tier}, {sure}"),
        Basis::ManyFiles => format!("an architecture decision that touches five files or more is {tier}"),
        Basis::Feedback => format!("feedback said of exactly this text: {tier}"),
        Basis::Empty => format!("the text is empty: default {tier}"),
        Basis::Greeting => format!("the text only greets: default {tier}"),
        Basis::Onward => format!("the text only says to go on: default {tier}"),
        Basis::NoEvidence => format!("nothing in the text speaks for a tier: default {tier}"),
        Basis::BelowThreshold => format!("the text is {sure}, less than the threshold: default {tier}"),
    };
    Reason::new("classified", text)
}
