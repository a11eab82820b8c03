//! Everything that a decision needs, opened once, and the decision itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::base::failure::Failure;
use crate::base::random;
use crate::base::secret::Secret;
use crate::classify::{Classification, Options};
use crate::cli::books::Books;
use crate::cli::experiment;
use crate::cli::supply::{self, Keys};
use crate::cli::ui::{Ui, clean};
use crate::exchange::Lines;
use crate::exchange::session::{Conversation, Next};
use crate::log::{About, DecisionLine, Log};
use crate::model::RequestId;
use crate::route::{Ask, Decision, Facts, NoRoute, Provider, Roster, decide};
use crate::wire::estimate_tokens;

use super::place::Place;
use super::{Args, Choice};

/// The configuration, the books, the keys and the models.
pub(super) struct Desk {
    pub(super) place: Place,
    pub(super) books: Books,
    pub(super) decisions: Log,
    pub(super) errors: Log,
    ask: Ask,
    roster: Roster,
    /// The same models as if every provider had its key: what a dry run falls back on where no key is there at all.
    all: Roster,
    facts: Facts,
    keys: BTreeMap<String, Secret>,
}

/// A prompt that was decided on.
pub(super) struct Decided {
    pub(super) id: RequestId,
    pub(super) at: Timestamp,
    pub(super) seen: Classification,
    pub(super) decision: Decision,
    /// What was asked for beside the text.
    pub(super) ask: Ask,
    /// Why it could not be sent as decided; only in a dry run.
    pub(super) missing: Option<NoRoute>,
}

impl Desk {
    /// Opens everything that holds at `place`.
    pub(super) fn open(args: &Args, mut place: Place, ui: &mut Ui) -> Result<Self, Failure> {
        if let Some(note) = args.choice.model.as_deref().and_then(|model| place.routing.adopt(model)) {
            ui.warn(clean(&note))?;
        }
        let book = Some(place.routing.price_book.clone()).filter(|book| !book.is_empty());
        let mut books = Books::open(&place.world, &place.here, book.as_deref())?;
        let mut providers = place.routing.providers.clone();
        if let Some(limit) = args.wish.timeout {
            // It may be longer than what is configured; that nothing outlasts it is the run's ([`Rules::deadline`]).
            for way in providers.iter_mut().flat_map(Provider::ways_mut) {
                way.timeouts.total = limit;
            }
            place.routing.policy.retry.total = limit;
        }
        let keys = Keys::find(&place.world, &place.here, &providers);
        keys.tell(ui)?;
        let keys = keys.found;
        let models = place.routing.models.clone();
        let roster = Roster::new(models.clone(), providers.clone(), |provider| keys.contains_key(&provider.name));
        let all = Roster::new(models, providers, |_| true);
        let ask = ask(&args.choice, &place);
        let matter = Facts::matter(&ask, &place.routing.policy);
        let models = &place.routing.models;
        let facts = if matter { supply::facts(&mut books, models, place.world.now()) } else { Facts::default() };
        place.routing.policy.experiments = match experiment::running(&place.world) {
            Ok(running) => running,
            Err(failure) => {
                ui.warn(clean(&format!("{}; no experiment has a say", failure.chain().join(": "))))?;
                Vec::new()
            }
        };
        let experiments = &place.routing.policy.experiments;
        place.routing.policy.beliefs = Arc::new(experiment::beliefs(experiments, &mut books, place.world.now()));
        let logs = place.world.moai_home()?.join("logs");
        let most = place.routing.log.max_bytes;
        Ok(Self {
            decisions: Log::decisions(&logs, most),
            errors: Log::errors(&logs, most),
            place,
            books,
            ask,
            roster,
            all,
            facts,
            keys,
        })
    }

    /// The way out to the providers.
    pub(super) fn lines(&self) -> Lines {
        Lines::new(self.keys.clone()).sharing(supply::memory(&self.place.world, self.place.routing.memory))
    }

    /// Decides who answers `next`, which goes on with a conversation where there is one. A dry run needs no key: where
    /// no model could be asked at all, it is decided as if every provider had its key.
    pub(super) fn decide(
        &mut self,
        next: Next<'_>,
        talk: Option<&Conversation>,
        dry: bool,
    ) -> Result<Decided, Failure> {
        let text = next.text;
        let policy = &self.place.routing.policy;
        let options = Options { default_tier: policy.default_tier, threshold: policy.threshold };
        let seen = self.books.classify(text, options);
        let tokens = [text, next.system.unwrap_or_default()].map(|part| estimate_tokens(part.as_bytes()));
        let tokens = tokens.into_iter().sum::<u64>().saturating_add(talk.map_or(0, Conversation::least_tokens));
        let at = self.place.world.now();
        let id = RequestId::new(at, random::bytes()?);
        let unit = talk.map_or(id.as_str(), |talk| talk.id().as_str());
        let ask = Ask {
            unit: (!policy.experiments.is_empty()).then(|| unit.to_owned()),
            session_model: talk.and_then(Conversation::model).map(str::to_owned),
            prompt_tokens: Some(tokens),
            ..self.ask.clone()
        };
        let policy = &self.place.routing.policy;
        let (decision, missing) = match decide(&ask, &seen, policy, &self.roster, &self.facts) {
            Ok(decision) => (decision, None),
            Err(why) if dry => match decide(&ask, &seen, policy, &self.all, &self.facts) {
                Ok(decision) => (decision, Some(why)),
                Err(_) => return Err(why.into()),
            },
            Err(why) => return Err(why.into()),
        };
        Ok(Decided { id, at, seen, decision, ask, missing })
    }

    /// Keeps the decision where there is a journal, so that `moai feedback` can correct a dry run, too.
    /// Written with [`Books::flush`].
    pub(super) fn remember(&mut self, decided: &Decided, text: &str) {
        if self.books.place().exists() {
            self.books.remember(&decided.id, text, &decided.seen);
        }
    }

    /// Writes the decision into the log. Where that cannot be done the person is told once, and it goes on.
    pub(super) fn log(
        &self,
        decided: &Decided,
        text: &str,
        dry_run: bool,
        args: &Args,
        ui: &mut Ui,
    ) -> Result<(), Failure> {
        let project = &self.place.here.project;
        let name = project.name();
        let about = About {
            session: args.choice.session.as_ref(),
            project: Some(&name),
            worktree: Some(project.root.as_path()).filter(|_| project.is_linked()),
            spec: self.place.spec.as_ref().map(AsRef::as_ref),
            agent: args.choice.agent.as_deref(),
            task: args.choice.task.as_deref(),
            dry_run,
            prompt: Some(text).filter(|_| self.place.routing.log.prompts),
        };
        let line = DecisionLine::new(&decided.id, decided.at, &decided.seen, &decided.decision, about);
        if let Err(error) = self.decisions.add(&line) {
            let why = Failure::from(error).chain().join(": ");
            ui.warn(clean(&format!("the decision is not in the log: {why}")))?;
        }
        Ok(())
    }
}

fn ask(choice: &Choice, place: &Place) -> Ask {
    Ask {
        force_model: choice.model.clone(),
        force_tier: choice.tier,
        worktree_model: place.model.as_ref().map(|(model, _)| model.clone()),
        agent: choice.agent.clone(),
        task: choice.task.clone(),
        contexts: choice.context.clone(),
        strategy: choice.strategy,
        budget_constraint: choice.budget_constraint,
        quality_critical: choice.quality_critical,
        time_critical: choice.time_critical,
        no_fallback: choice.no_fallback,
        ..Ask::default()
    }
}
