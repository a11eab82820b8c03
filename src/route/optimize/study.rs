//! Attempts, gathered as the comparisons need them.

use std::collections::{BTreeMap, BTreeSet};

use super::{FEWEST, GROUPS, Side};
use crate::model::Tier;
use crate::statistics::{Sample, float};

/// An attempt of the past.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen<'a> {
    /// The conversation; a request without one is its own.
    pub group: &'a str,
    /// The agent.
    pub agent: Option<&'a str>,
    /// What decided on the model.
    pub decided_by: &'a str,
    /// The model that was asked.
    pub model: &'a str,
    /// Its tier.
    pub tier: Tier,
    /// It stood in for another.
    pub fallback: bool,
    /// There was a whole answer, and nobody called it bad.
    pub well: bool,
    /// What it cost in dollars, where that is known.
    pub cost: Option<f64>,
    /// Tokens of the prompt, where they are known.
    pub prompt: Option<u64>,
    /// How long a whole answer took.
    pub millis: Option<u64>,
    /// The day, and the hour of it, on the person's clock.
    pub at: (i64, i8),
}

/// Whose work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    Agent(String),
    Tier(Tier),
}

/// What one model did of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    pub(super) attempts: u64,
    pub(super) well: u64,
    pub(super) prompt: Sample,
    /// Costs by conversation.
    costs: BTreeMap<String, Sample>,
    /// Conversations.
    groups: BTreeSet<String>,
}

/// See the module above.
#[derive(Debug, Clone, Default)]
pub struct Study {
    scopes: BTreeMap<Scope, BTreeMap<String, Group>>,
    stand_ins: BTreeMap<String, Group>,
    /// Logarithms of milliseconds by model, hour and day.
    times: BTreeMap<(String, i8), BTreeMap<i64, Sample>>,
    attempts: u64,
}

impl Study {
    /// One more attempt.
    pub fn add(&mut self, seen: &Seen<'_>) {
        self.attempts += 1;
        if seen.fallback {
            self.stand_ins.entry(seen.model.to_owned()).or_default().add(seen);
        }
        let scope = match (seen.agent, seen.decided_by) {
            (Some(agent), "agent" | "task" | "classifier" | "default" | "experiment") => {
                Some(Scope::Agent(agent.to_owned()))
            }
            (None, "classifier" | "default" | "command" | "experiment") => Some(Scope::Tier(seen.tier)),
            // What a person forced, or began a conversation with, is other work.
            _ => None,
        };
        if let Some(scope) = scope {
            self.scopes.entry(scope).or_default().entry(seen.model.to_owned()).or_default().add(seen);
        }
        if let Some(millis) = seen.millis {
            let (day, hour) = seen.at;
            let days = self.times.entry((seen.model.to_owned(), hour)).or_default();
            days.entry(day).or_default().add(float(millis.max(1)).ln());
        }
    }

    /// How many attempts were seen.
    pub fn attempts(&self) -> u64 {
        self.attempts
    }

    pub(super) fn scopes(&self) -> &BTreeMap<Scope, BTreeMap<String, Group>> {
        &self.scopes
    }

    pub(super) fn stand_ins(&self) -> &BTreeMap<String, Group> {
        &self.stand_ins
    }

    /// Every hour of a model with the other hours of the same model, by days, as far as there are enough.
    pub(super) fn hours(&self) -> Vec<(&str, i8, Sample, Sample)> {
        let means = |days: &BTreeMap<i64, Sample>| days.values().map(Sample::mean).collect::<Vec<f64>>();
        let mut found = Vec::new();
        for ((model, hour), days) in &self.times {
            let attempts: u64 = days.values().map(Sample::count).sum();
            let at: Sample = means(days).into_iter().collect();
            let others = self.times.iter().filter(|((other, at), _)| other == model && at != hour);
            let rest: Sample = others.flat_map(|(_, days)| means(days)).collect();
            if at.count() >= GROUPS && attempts >= FEWEST && rest.count() >= FEWEST {
                found.push((model.as_str(), *hour, at, rest));
            }
        }
        found
    }
}

impl Group {
    fn add(&mut self, seen: &Seen<'_>) {
        self.attempts += 1;
        self.well += u64::from(seen.well);
        self.groups.insert(seen.group.to_owned());
        if let Some(prompt) = seen.prompt {
            self.prompt.add(float(prompt));
        }
        if let Some(cost) = seen.cost {
            self.costs.entry(seen.group.to_owned()).or_default().add(cost);
        }
    }

    /// Whether anything can be said.
    pub(super) fn is_enough(&self) -> bool {
        self.attempts >= FEWEST && self.groups.len() as u64 >= GROUPS
    }

    /// What a request costs, a conversation counted once.
    pub(super) fn costs(&self) -> Sample {
        self.costs.values().map(Sample::mean).collect()
    }

    pub(super) fn success(&self) -> f64 {
        float(self.well) / float(self.attempts.max(1))
    }

    /// The successes, as ones and noughts.
    pub(super) fn well_sample(&self) -> Sample {
        (0..self.attempts).map(|number| if number < self.well { 1.0 } else { 0.0 }).collect()
    }

    pub(super) fn side(&self, model: &str, compared: &Sample) -> Side {
        Side {
            model: model.to_owned(),
            attempts: self.attempts,
            groups: self.groups.len() as u64,
            mean: compared.mean(),
            success: self.success(),
        }
    }
}
