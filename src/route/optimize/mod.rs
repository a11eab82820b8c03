//! What the journal shows about models, as proposals with their evidence: the same work for less money, stand-ins that
//! waste attempts, hours at which a model is slow. Attempts go in, proposals come out; nothing is changed here.
//!
//! A proposal needs more than a difference: its interval has to exclude that there is none, at an error of
//! [`ALPHA`] over all comparisons of a run together (Bonferroni), from [`FEWEST`] attempts and [`GROUPS`] independent
//! groups on either side. Attempts of one conversation resemble each other, so they count once where amounts are
//! compared; hours are compared by days.

mod study;

use std::collections::BTreeMap;

use super::policy::Policy;
use crate::base::sort;
use crate::model::Tier;
use crate::statistics::{Interval, Sample, means_apart, rates_apart};

use study::{Group, Scope};
pub use study::{Seen, Study};

/// How often a run may propose something although there is nothing.
pub const ALPHA: f64 = 0.05;
/// Fewer attempts than this on either side prove nothing.
pub const FEWEST: u64 = 30;
/// Fewer conversations, requests without one, or days than this prove nothing, either.
pub const GROUPS: u64 = 10;
/// How much less often another model may be right and still count as equal.
const MARGIN: f64 = 0.05;
/// Prompts that are so many times longer on one side are other work.
const ALIKE: f64 = 2.0;
/// So many times slower is slow.
const SLOW: f64 = 1.5;
/// How much more often a stand-in has to answer than the one in front of it.
const BETTER: f64 = 0.1;

/// What sort of proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// An agent's work costs less on another model at equal success.
    AgentModel,
    /// A tier's work does.
    TierOrder,
    /// A stand-in is asked in vain before one that answers.
    FallbackOrder,
    /// A model is slow at some hour of the day. There is no setting for it.
    SlowHour,
}

/// A setting with the value that is proposed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    /// Its name.
    pub setting: String,
    /// The models that it names now.
    pub from: Vec<String>,
    /// The models that it should name.
    pub to: Vec<String>,
}

/// How many there were behind one side of a comparison.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Side {
    /// The model.
    pub model: String,
    /// Its attempts.
    pub attempts: u64,
    /// Conversations, requests without one, or days.
    pub groups: u64,
    /// What is compared, in its mean: dollars, a rate, or seconds.
    pub mean: f64,
    /// How many of the attempts went well, from 0 to 1.
    pub success: f64,
}

/// What is proposed, and why.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Proposal {
    /// Its name, the same for the same proposal.
    pub id: String,
    /// What sort it is.
    pub what: What,
    /// In words.
    pub text: String,
    /// What to change; `None` where there is nothing to set.
    pub change: Option<Change>,
    /// As it is.
    pub now: Side,
    /// What it is compared with.
    pub other: Side,
    /// The difference that carries it.
    pub difference: Interval,
    /// What the difference is one of.
    pub unit: &'static str,
    /// What it would spare in thirty days, in dollars, where it is about money.
    pub saving_usd: Option<Interval>,
}

/// All proposals, those that spare most first, and how many comparisons were made.
pub fn proposals(study: &Study, policy: &Policy, days: f64) -> (Vec<Proposal>, u64) {
    let pairs = pairs(study, policy);
    let stand_ins = stand_ins(study, policy);
    let hours = study.hours();
    let count = (pairs.len() + stand_ins.len() + hours.len()) as u64;
    let alpha = ALPHA / crate::statistics::float(count.max(1));
    let mut found: Vec<Proposal> = pairs.iter().filter_map(|pair| pair.cheaper(alpha, days)).collect();
    found.extend(stand_ins.iter().filter_map(|pair| pair.wasteful(alpha)));
    found.extend(hours.iter().filter_map(|(model, hour, at, rest)| slow_hour(model, *hour, at, rest, alpha)));
    // Of several models that would spare something, the one that surely spares most.
    let worth = |one: &Proposal| one.saving_usd.map_or(0.0, |saving| saving.low);
    sort::by(&mut found, |a, b| worth(b).total_cmp(&worth(a)).then_with(|| a.id.cmp(&b.id)));
    let mut settings: Vec<String> = Vec::new();
    found.retain(|one| {
        let Some(change) = &one.change else { return true };
        let new = !settings.contains(&change.setting);
        settings.push(change.setting.clone());
        new
    });
    (found, count)
}

/// Two models that did the same work.
struct Pair<'a> {
    what: What,
    name: String,
    setting: String,
    list: Vec<String>,
    now: (&'a str, &'a Group),
    other: (&'a str, &'a Group),
}

/// Every model in use with every other that has done its work, as far as either side has enough.
fn pairs<'a>(study: &'a Study, policy: &Policy) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    for (scope, models) in study.scopes() {
        let (what, name, setting, list) = match scope {
            Scope::Agent(name) => {
                let primary = policy.agent(name).and_then(|agent| agent.primary.clone());
                let usual = || most_used(models).map(str::to_owned);
                let list: Vec<String> = primary.or_else(usual).into_iter().collect();
                let setting = format!("agents.{name}.primary_model");
                (What::AgentModel, format!("the work of the agent {name}"), setting, list)
            }
            Scope::Tier(tier) => {
                let setting = format!("tiers.{}", tier.as_str());
                let work = if *tier == Tier::One { "planning" } else { "implementation" };
                (What::TierOrder, work.to_owned(), setting, policy.tier(*tier).to_vec())
            }
        };
        let in_use = list.iter().find_map(|model| models.get_key_value(model.as_str()));
        let Some((now, group)) = in_use.filter(|(_, group)| group.is_enough()) else { continue };
        for (other, there) in models.iter().filter(|(model, group)| *model != now && group.is_enough()) {
            // A tier's list is reordered; nobody new comes in.
            if what == What::TierOrder && !list.contains(other) {
                continue;
            }
            let (name, setting, list) = (name.clone(), setting.clone(), list.clone());
            pairs.push(Pair { what, name, setting, list, now: (now, group), other: (other, there) });
        }
    }
    pairs
}

fn most_used(models: &BTreeMap<String, Group>) -> Option<&str> {
    models.iter().max_by_key(|(_, group)| group.attempts).map(|(model, _)| model.as_str())
}

impl Pair<'_> {
    /// The other does the same work as well, for less.
    fn cheaper(&self, alpha: f64, days: f64) -> Option<Proposal> {
        let ((now, here), (other, there)) = (self.now, self.other);
        let alike = there.prompt.mean() / here.prompt.mean().max(1.0);
        if !(1.0 / ALIKE..=ALIKE).contains(&alike) {
            return None;
        }
        // Both have to hold, so each may have all of the error.
        let success = rates_apart((there.well, there.attempts), (here.well, here.attempts), 2.0 * alpha);
        let (dear, cheap) = (here.costs(), there.costs());
        let spared = means_apart(&dear, &cheap, alpha);
        if success.low < -MARGIN || spared.low <= 0.0 {
            return None;
        }
        let month = crate::statistics::float(here.attempts) * 30.0 / days.max(1.0);
        let mut to = vec![other.to_owned()];
        if self.what == What::TierOrder {
            to.extend(self.list.iter().filter(|model| *model != other).cloned());
        }
        Some(Proposal {
            id: format!("{}={other}", self.setting),
            what: self.what,
            text: format!(
                "{} costs ${:.6} a request on {now} and ${:.6} on {other}, which answers {:.1} % of them ({now}: {:.1} %)",
                self.name,
                dear.mean(),
                cheap.mean(),
                there.success() * 100.0,
                here.success() * 100.0,
            ),
            change: Some(Change { setting: self.setting.clone(), from: self.list.clone(), to }),
            now: here.side(now, &dear),
            other: there.side(other, &cheap),
            difference: spared,
            unit: "usd-a-request",
            saving_usd: Some(spared.times(month)),
        })
    }

    /// The one in front is asked in vain, and the one behind it answers.
    fn wasteful(&self, alpha: f64) -> Option<Proposal> {
        let ((now, here), (other, there)) = (self.now, self.other);
        let better = rates_apart((there.well, there.attempts), (here.well, here.attempts), alpha);
        if better.low <= BETTER {
            return None;
        }
        let mut to = self.list.clone();
        let (from, before) = (to.iter().position(|model| model == other)?, to.iter().position(|model| model == now)?);
        let moved = to.remove(from);
        to.insert(before, moved);
        let rate = |group: &Group| group.well_sample();
        Some(Proposal {
            id: format!("{}:{other}<{now}", self.setting),
            what: self.what,
            text: format!(
                "{now} stands in before {other}, but answers {:.1} % of the time, and {other} {:.1} %",
                here.success() * 100.0,
                there.success() * 100.0
            ),
            change: Some(Change { setting: self.setting.clone(), from: self.list.clone(), to }),
            now: here.side(now, &rate(here)),
            other: there.side(other, &rate(there)),
            difference: better,
            unit: "rate",
            saving_usd: None,
        })
    }
}

/// Neighbours in an order of stand-ins, as far as both have enough.
fn stand_ins<'a>(study: &'a Study, policy: &Policy) -> Vec<Pair<'a>> {
    let mut pairs = Vec::new();
    // The first of a tier is who answers, not who stands in.
    let lists =
        [("route.chain", &policy.chain, 0), ("tiers.plan", &policy.tier1, 1), ("tiers.implement", &policy.tier2, 1)];
    for (setting, list, from) in lists {
        let known: Vec<(&'a str, &'a Group)> = list
            .iter()
            .skip(from)
            .filter_map(|model| study.stand_ins().get_key_value(model.as_str()))
            .filter(|(_, group)| group.is_enough())
            .map(|(model, group)| (model.as_str(), group))
            .collect();
        for (now, other) in known.iter().zip(known.iter().skip(1)) {
            let (setting, list) = (setting.to_owned(), list.clone());
            let (what, name) = (What::FallbackOrder, String::new());
            pairs.push(Pair { what, name, setting, list, now: *now, other: *other });
        }
    }
    pairs
}

fn slow_hour(model: &str, hour: i8, at: &Sample, rest: &Sample, alpha: f64) -> Option<Proposal> {
    let apart = means_apart(at, rest, alpha);
    if apart.low <= SLOW.ln() {
        return None;
    }
    let times = Interval { point: apart.point.exp(), low: apart.low.exp(), high: apart.high.exp() };
    let side = |sample: &Sample| Side {
        model: model.to_owned(),
        attempts: sample.count(),
        groups: sample.count(),
        mean: sample.mean().exp() / 1000.0,
        success: 1.0,
    };
    Some(Proposal {
        id: format!("slow:{model}@{hour:02}"),
        what: What::SlowHour,
        text: format!(
            "{model} takes {:.1} s between {hour:02}:00 and {:02}:00, {:.1} times as long as at other hours",
            at.mean().exp() / 1000.0,
            (hour + 1) % 24,
            times.point
        ),
        change: None,
        now: side(at),
        other: side(rest),
        difference: times,
        unit: "times",
        saving_usd: None,
    })
}

#[cfg(test)]
mod tests;
