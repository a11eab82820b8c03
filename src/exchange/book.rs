//! An attempt as a row of the journal, priced.

use std::time::Duration;

use jiff::Timestamp;

use super::finished::{Answer, Trial};
use crate::catalog::{Prices, Variant};
use crate::cost::{BASELINE_MODEL, Estimate, Priced, baseline, price};
use crate::journal::{Attempt, Outcome};
use crate::model::{RequestId, SessionId, Tier, Usage, Usd};
use crate::route::shadow::Agreement;
use crate::route::{Decision, Engine, Ready};

/// What all rows of one request have in common.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    /// The request.
    pub request: &'a RequestId,
    /// What was decided.
    pub decision: &'a Decision,
    /// The machine's name.
    pub machine: &'a str,
    /// The conversation.
    pub session: Option<&'a SessionId>,
    /// The project's name.
    pub project: Option<&'a str>,
    /// The worktree.
    pub worktree: Option<&'a str>,
    /// The SPEC.
    pub spec: Option<&'a str>,
    /// The agent.
    pub agent: Option<&'a str>,
    /// The agent's task.
    pub task: Option<&'a str>,
    /// The name of the gateway's access key.
    pub key: Option<&'a str>,
    /// The model that somebody asked for.
    pub asked: Option<&'a str>,
    /// What things cost.
    pub prices: &'a Prices,
}

impl Page<'_> {
    /// The row of an attempt.
    pub fn row(&self, trial: &Trial) -> Attempt {
        let name = priced_name(&trial.provider, &trial.model_id);
        let priced = trial.usage.map(|usage| price(&usage, &name, self.prices, trial.started, Variant::Standard));
        let base = || trial.usage.and_then(|usage| self.baseline(&usage, &name, trial.started));
        let billed = trial.billed && !self.is_simulated(trial);
        Attempt {
            number: trial.number,
            at: trial.started,
            model: trial.model.clone(),
            model_id: trial.model_id.clone(),
            provider: trial.provider.clone(),
            deployment: trial.deployment.as_ref().map(|name| format!("{}/{name}", trial.provider)),
            tier: trial.tier,
            usage: trial.usage,
            estimated: trial.estimated,
            // What nobody asks money for is known to cost nothing; what nobody counted is not known.
            cost: match priced.as_ref().and_then(|priced| priced.usd) {
                Some(usd) if billed && usd > Usd::ZERO => Some(usd),
                usd if billed && !self.is_free(&name, trial) => usd,
                _ => Some(Usd::ZERO),
            },
            baseline: if billed { base() } else { Some(Usd::ZERO) },
            first_ms: trial.first.map(millis),
            total_ms: millis(trial.total),
            outcome: trial.outcome,
            error: trial.fault.as_ref().map(|fault| fault.kind.as_str().to_owned()),
            fallback: trial.fallback,
            // The sums add these up, so each row counts itself.
            retries: u32::from(trial.retries > 0),
            ..self.blank(priced)
        }
    }

    /// The row of a copy that was sent beside the request `given`: money, and how it compares. Claude alone would have
    /// cost nothing, because nobody would have sent it.
    pub fn copied_row(&self, trial: &Trial, agreement: Agreement, given: &RequestId) -> Attempt {
        Attempt {
            decided_by: "shadow".into(),
            decision: Some(format!("{} {given}", agreement.as_str())),
            outcome: Outcome::Shadow,
            baseline: Some(Usd::ZERO),
            fallback: false,
            retries: 0,
            ..self.row(trial)
        }
    }

    /// The row of an answer from before: number `number` of its request. It costs nothing, and would have cost
    /// nothing with Claude alone.
    pub fn cached_row(&self, answer: &Answer, number: u32, at: Timestamp) -> Attempt {
        Attempt {
            number,
            at,
            model: answer.model.clone(),
            model_id: answer.model_id.clone(),
            provider: answer.provider.clone(),
            tier: answer.tier.unwrap_or(self.decision.tier()),
            usage: None,
            cost: Some(Usd::ZERO),
            baseline: Some(Usd::ZERO),
            total_ms: 0,
            outcome: Outcome::Cached,
            fallback: true,
            ..self.blank(None)
        }
    }

    /// A played answer costs nothing, whoever's name it is given in, and spares nobody the price of a real one.
    fn is_simulated(&self, trial: &Trial) -> bool {
        let mut providers = self.decision.plan().iter().map(Ready::provider);
        providers.any(|provider| provider.name == trial.provider && matches!(provider.engine, Engine::Sim(_)))
    }

    /// Whether any request to it costs nothing, counted or not: a model of this machine.
    fn is_free(&self, name: &str, trial: &Trial) -> bool {
        let usage = Usage { cache_read: 1, ..Usage::new(1, 1) };
        price(&usage, name, self.prices, trial.started, Variant::Standard).usd == Some(Usd::ZERO)
    }

    fn baseline(&self, usage: &Usage, name: &str, at: Timestamp) -> Option<Usd> {
        baseline(usage, name, BASELINE_MODEL, self.prices, at)
    }

    /// What every row has.
    fn blank(&self, priced: Option<Priced>) -> Attempt {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let book = self.prices.base();
        let (book, book_version, price_key) = match priced {
            Some(priced) => (priced.book, priced.version, priced.key),
            None => (book.name.clone(), book.version.clone(), None),
        };
        Attempt {
            request: self.request.clone(),
            number: 1,
            at: Timestamp::UNIX_EPOCH,
            machine: self.machine.to_owned(),
            session: self.session.map(|session| session.as_str().to_owned()),
            project: text(self.project),
            worktree: text(self.worktree),
            spec: text(self.spec),
            agent: text(self.agent),
            task: text(self.task),
            key: text(self.key),
            arm: text(self.decision.arm()),
            decided_by: self.decision.decided_by().as_str().to_owned(),
            decision: decision_words(self.decision),
            model_asked: text(self.asked),
            model: String::new(),
            model_id: String::new(),
            provider: String::new(),
            deployment: None,
            tier: Tier::Two,
            kind: Some(self.decision.kind()),
            confidence: Some(self.decision.confidence()),
            usage: None,
            estimated: false,
            variant: Variant::Standard,
            cost: None,
            baseline: None,
            book,
            book_version,
            price_key,
            first_ms: None,
            total_ms: 0,
            outcome: Outcome::Failed,
            error: None,
            fallback: false,
            retries: 0,
        }
    }
}

/// How much output a request is taken to allow that says nothing, of a model that says nothing.
const USUAL_OUTPUT: u64 = 8_192;

/// A prompt may have so many times the tokens that it is estimated at: code and numbers have half as many characters a
/// token as prose.
const DENSE: u64 = 2;

/// What a request to `ready` may cost whose prompt has about `tokens` tokens: at least with all of it in the vendor's
/// cache and no answer, at most with twice the tokens, all of them written into the cache for an hour, and all the output
/// that it allows. Where it says how much that is, it does not cost more.
pub fn estimate(ready: &Ready, tokens: u64, max_output: Option<u64>, prices: &Prices, at: Timestamp) -> Estimate {
    let (model, provider) = (ready.model(), ready.provider());
    if matches!(provider.engine, Engine::Sim(_)) {
        return Estimate::FREE;
    }
    let name = priced_name(&provider.name, &model.id);
    let amount = |usage: Usage| price(&usage, &name, prices, at, Variant::Standard).usd;
    let output = max_output.into_iter().chain(model.most_output).min().unwrap_or(USUAL_OUTPUT);
    let dense = tokens.saturating_mul(DENSE);
    let fresh = Usage::new(dense, output);
    let written = Usage { input: 0, cache_write_1h: dense, ..fresh };
    let cached = Usage { cache_read: tokens, ..Usage::default() };
    let least = amount(cached).or_else(|| amount(Usage::new(tokens, 0))).unwrap_or_default();
    Estimate { least, most: amount(fresh).into_iter().chain(amount(written)).max() }
}

/// The reasons, in the words for programs: `tier, strategy`. Never the prompt's.
fn decision_words(decision: &Decision) -> Option<String> {
    let words: Vec<&str> = decision.because().iter().map(|reason| reason.what).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// The name under which a model is looked up in a price book: the vendor's own id at its vendor. A gateway of the
/// user's own has no list price, unless the user's book names it so.
pub fn priced_name(provider: &str, id: &str) -> String {
    format!("{provider}/{id}")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
