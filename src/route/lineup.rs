//! Who is looked at for a plan, and what is noted about those who are not taken.

use super::decision::{Alternative, Reason};
use super::facts::Facts;
use super::policy::{BY_KIND, Policy, Strategy};
use super::roster::{NotReady, Ready, Roster};
use super::strategy::Judge;
use crate::model::{TaskKind, Tier};

/// What a model has to be able to do.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    /// A prompt of so many tokens.
    pub(super) prompt: Option<u64>,
    /// Searching the web.
    pub(super) web_search: bool,
}

/// The models of a plan while it is made.
#[derive(Debug)]
pub(super) struct Lineup<'a> {
    policy: &'a Policy,
    roster: &'a Roster,
    facts: &'a Facts,
    kind: TaskKind,
    needs: Needs,
    /// The first wish that could not be had, and why.
    pub(super) wanted: Option<(String, String)>,
    /// Everybody who cannot be asked.
    pub(super) missing: Vec<NotReady>,
    /// The strategy that had something to choose.
    pub(super) strategy: Option<Strategy>,
    /// Who was not taken.
    pub(super) alternatives: Vec<Alternative>,
    /// What came up.
    pub(super) because: Vec<Reason>,
}

impl<'a> Lineup<'a> {
    /// Nobody yet. Models that cannot do what the request needs are passed over.
    pub(super) fn new(policy: &'a Policy, roster: &'a Roster, facts: &'a Facts, kind: TaskKind, needs: Needs) -> Self {
        Self {
            policy,
            roster,
            facts,
            kind,
            needs,
            wanted: None,
            missing: Vec::new(),
            strategy: None,
            alternatives: Vec::new(),
            because: Vec::new(),
        }
    }

    /// Those of `names` that can be asked, in order: the first `kept` as they stand, the others as the strategy sorts
    /// them. A wish before all of them that cannot be had is noted as wanted.
    pub(super) fn ready(&mut self, names: &[String], kept: usize, strategy: Option<Strategy>) -> Vec<Ready> {
        let mut front: Vec<Ready> = Vec::new();
        let mut others: Vec<Ready> = Vec::new();
        let mut missed: Option<(String, String)> = None;
        for (at, name) in names.iter().enumerate() {
            let fixed = at < kept || strategy.is_none();
            match self.look(name) {
                Ok(ready) if fixed => front.push(ready),
                Ok(ready) => others.push(ready),
                Err(why) if fixed && front.is_empty() => missed = missed.or(Some(why)),
                Err(_) => {}
            }
        }
        if front.is_empty() && others.is_empty() && missed.is_none() {
            missed = names.first().and_then(|name| self.look(name).err());
        }
        if self.wanted.is_none() {
            self.wanted = missed;
        }
        if let Some(strategy) = strategy {
            others = self.sorted(strategy, others, front.is_empty());
        }
        front.extend(others);
        front
    }

    /// The models as the strategy sorts them; where it `decides` among several, that is said.
    fn sorted(&mut self, strategy: Strategy, models: Vec<Ready>, decides: bool) -> Vec<Ready> {
        let judge = Judge::new(strategy, &models, self.facts);
        let models = judge.order(models);
        if decides && models.len() > 1 {
            let said: Vec<String> =
                models.iter().map(|ready| format!("{} ({})", ready.name(), judge.says(ready))).collect();
            self.because.push(Reason::new("strategy", format!("{strategy} decides: {}", said.join(", "))));
            self.strategy = Some(strategy);
        }
        models
    }

    /// The first model of a tier's list that can be asked; where none can, the local one for the kind of the text.
    ///
    /// The model that is `warm` goes before the others of the list.
    pub(super) fn of_tier(&mut self, tier: Tier, strategy: Option<Strategy>, warm: Option<&str>) -> Option<Ready> {
        let names = self.expanded(self.policy.tier(tier));
        if names.is_empty() {
            self.because.push(Reason::new("tier", format!("no models are configured for tier {tier}")));
        }
        let mut found = self.ready(&names, 0, strategy);
        if let Some(at) = warm.and_then(|warm| found.iter().position(|ready| ready.name() == warm)).filter(|at| *at > 0)
        {
            let warm = found.remove(at);
            let text = format!("the conversation is warm with {}, of the same tier", warm.name());
            self.because.push(Reason::new("warm", text));
            found.insert(0, warm);
        }
        let mut found = found.into_iter();
        if let Some(first) = found.next() {
            let why = format!("{} comes before it in tier {tier}", first.name());
            for other in found {
                self.note(other.name(), &why);
            }
            return Some(first);
        }
        let local = self.local(self.kind)?;
        let text = format!("no model of tier {tier} can be asked: {} is the local one for {}", local.name(), self.kind);
        self.because.push(Reason::new("kind", text));
        Some(local)
    }

    /// Who stands in when the models in front have failed: the other tier's model, the configured chain, and the
    /// local models, the one for the kind of the text first.
    pub(super) fn stand_ins(&mut self, tier: Tier) -> Vec<Ready> {
        let other = self.expanded(self.policy.tier(tier.other()));
        let mut found: Vec<Ready> = other.iter().find_map(|name| self.look(name).ok()).into_iter().collect();
        for name in self.expanded(&self.policy.chain) {
            found.extend(self.look(&name).ok());
        }
        let others = TaskKind::ALL.into_iter().filter(|kind| *kind != self.kind);
        found.extend(std::iter::once(self.kind).chain(others).filter_map(|kind| self.local(kind)));
        found
    }

    /// The first model of a kind that may be taken without being named.
    fn local(&self, kind: TaskKind) -> Option<Ready> {
        let mut ready = self.policy.kind(kind).iter().filter_map(|name| self.roster.ready(name).ok());
        ready.find(|ready| !ready.model().named_only && self.lacks(ready).is_none())
    }

    /// A list with [`BY_KIND`] replaced by the models of the kind.
    fn expanded(&self, names: &[String]) -> Vec<String> {
        let by_kind = |name: &String| match name.as_str() {
            BY_KIND => self.policy.kind(self.kind).to_vec(),
            _ => vec![name.clone()],
        };
        names.iter().flat_map(by_kind).collect()
    }

    /// Why this model cannot do what the request needs.
    fn lacks(&self, ready: &Ready) -> Option<&'static str> {
        if matches!((self.needs.prompt, ready.model().context), (Some(prompt), Some(context)) if prompt > context) {
            return Some("the prompt is too long for its context window");
        }
        (self.needs.web_search && !ready.provider().searches()).then_some("it cannot search the web")
    }

    /// The model of this name; or its name and why it cannot be had, which is noted.
    fn look(&mut self, name: &str) -> Result<Ready, (String, String)> {
        match self.roster.ready(name) {
            Ok(ready) => match self.lacks(&ready) {
                None => Ok(ready),
                Some(why) => {
                    self.note(ready.name(), why);
                    Err((ready.name().into(), why.to_owned()))
                }
            },
            Err(why) => {
                let told = (why.name().to_owned(), why.why());
                self.note(&told.0, &told.1);
                if !self.missing.contains(&why) {
                    self.missing.push(why);
                }
                Err(told)
            }
        }
    }

    fn note(&mut self, model: &str, why: &str) {
        if self.alternatives.iter().all(|known| known.model != model) {
            self.alternatives.push(Alternative { model: model.into(), why: why.into() });
        }
    }
}
