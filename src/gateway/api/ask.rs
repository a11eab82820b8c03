//! A text that the seeds' API asks an answer to: decided, let through, sent, kept; the answer comes whole.
//!
//! A conversation (`session_id`) has one turn at a time, also across processes (R-STA-001): the next one waits. Where
//! another model than the last one goes on with it, it is told the conversation in short (R-EVT-003).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::sync::oneshot;

use crate::base::failure::Explain as _;
use crate::base::interrupt::Interrupted;
use crate::classify::classify;
use crate::exchange::session::{self, Conversation, Held, Next, SessionError};
use crate::exchange::{End, Finished, Order, Trial, Wording, drive, question};
use crate::journal::{self, Attempt, Message};
use crate::model::SessionId;
use crate::route::compress::Compressed;
use crate::route::trial::Text;
use crate::route::{Agent, Ask, Model, NoRoute, NotReady, Policy, Ready, decide};
use crate::wire::hub::{Block, Prompt};
use crate::wire::{FaultKind, StopReason, estimate_tokens};

use super::super::answer::{Answer, Refusal, fault};
use super::super::entry::Entry;
use super::super::inbound::Inbound;
use super::super::limits::Permit;
use super::super::state::Gateway;
use super::super::turn::{About, Turn};
use super::costs::broken;
use super::form::Wrong;

/// The signal of somebody who reads no more.
const SIGPIPE: u8 = 13;

/// What is wished for.
#[derive(Debug, Default)]
pub(super) struct Wish {
    pub(super) text: String,
    pub(super) max_tokens: Option<u64>,
    pub(super) temperature: Option<serde_json::Number>,
    /// What is wanted beside the text; the conversation's model and the size are filled in.
    pub(super) ask: Ask,
    /// The models that the request itself names for its agent.
    pub(super) models: Option<Agent>,
    pub(super) about: About,
    /// The messages of before, as the client has them.
    pub(super) history: Vec<Message>,
    /// Where in the body a forced model stands.
    pub(super) model_field: &'static [&'static str],
}

/// What became of it.
pub(super) struct Answered {
    pub(super) entry: Arc<Entry>,
    pub(super) finished: Finished,
    pub(super) rows: Vec<Attempt>,
    pub(super) compressed: Option<Compressed>,
    pub(super) took: Duration,
    /// What a person should know of budgets.
    pub(super) warnings: Vec<String>,
}

/// A conversation whose turn it is.
struct Talk {
    conversation: Conversation,
    /// It has a name, and is kept.
    kept: bool,
    _held: Option<Held>,
}

/// A text with everything that a model is told with it.
struct Words {
    talk: Talk,
    text: String,
    max_tokens: Option<u64>,
    temperature: Option<serde_json::Number>,
    /// What was wished for: part of what an answer is kept under.
    wishes: String,
    /// What the arm of an experiment says at the end of the system prompt.
    addition: Option<Text>,
}

/// Gets an answer, or the refusal to send.
pub(super) async fn ask(gateway: Arc<Gateway>, inbound: &Inbound, mut wish: Wish) -> Result<Answered, Answer> {
    let talk = begin(&gateway, inbound, &mut wish).await?;
    let turn = decided(&gateway, inbound, &mut wish, &talk.conversation).map_err(|refused| *refused)?;
    let entry =
        Entry { gateway, snapshot: Arc::clone(&inbound.snapshot), id: inbound.id.clone(), turn: Arc::new(turn) };
    let words = Words {
        talk,
        text: wish.text,
        max_tokens: wish.max_tokens,
        temperature: wish.temperature,
        wishes: wish.ask.wishes(),
        addition: entry.turn.decision.addition().cloned(),
    };
    let size = |model: &Model| (words.tokens(model), words.max_tokens);
    let permit = entry.admitted(size).await.map_err(|refused| fault(inbound.speech, &inbound.id, &refused))?;
    entry.log();
    let entry = Arc::new(entry);
    let (tell, told) = oneshot::channel();
    let own = Arc::clone(&entry);
    // A task of its own: what the answer costs is written down also where the client has gone.
    entry.gateway.work.begin(Box::pin(work(own, words, permit, tell)));
    told.await.ok().ok_or_else(|| {
        let refusal = Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            FaultKind::Server,
            "bug",
            "the gateway failed on this request; this is a bug of moai",
        );
        refusal.answer(inbound.speech, &inbound.id)
    })
}

/// Takes the turn of the conversation, where the request belongs to one.
async fn begin(gateway: &Arc<Gateway>, inbound: &Inbound, wish: &mut Wish) -> Result<Talk, Answer> {
    let history = std::mem::take(&mut wish.history);
    let Some(id) = wish.about.session.clone() else {
        // A conversation without a name is told once, and not kept.
        let unnamed = inbound.id.as_str().parse().map(Conversation::new);
        let conversation = unnamed.map_err(|_never| bad_session(inbound))?.told(history);
        return Ok(Talk { conversation, kept: false, _held: None });
    };
    // Where the client goes, this is dropped, and the wait is over.
    let held = session::held(gateway.ledger.dir(), &id, session::PATIENCE).await;
    let held = held.map_err(|error| not_held(&error, inbound))?;
    let name = id.clone();
    let loaded = gateway.ledger.ask(move |journal| Conversation::load(journal, &name)).await;
    let conversation = loaded.map_err(|error| broken(&error, inbound))?.unwrap_or_else(|| Conversation::new(id));
    let conversation = if history.is_empty() { conversation } else { conversation.told(history) };
    Ok(Talk { conversation, kept: true, _held: Some(held) })
}

/// Decides who answers.
fn decided(gateway: &Gateway, inbound: &Inbound, wish: &mut Wish, talk: &Conversation) -> Result<Turn, Box<Answer>> {
    let (snapshot, now) = (&inbound.snapshot, gateway.world.now());
    let options = snapshot.policy.options();
    let seen = snapshot.learned.applied(&wish.text, classify(&wish.text, options), options);
    let asked = wish.ask.force_model.clone().unwrap_or_default();
    let ask = &mut wish.ask;
    let forced = gateway.force.on(wish.about.session.as_ref().map(AsRef::as_ref), now);
    let outranked = forced.is_some() || snapshot.only.is_some();
    if let Some(forced) = forced {
        ask.force_tier = forced.tier();
        ask.force_model = forced.model(&snapshot.roster, &snapshot.policy);
    } else if snapshot.only.is_some() {
        ask.force_model.clone_from(&snapshot.only);
    }
    ask.session_model = talk.model().map(str::to_owned);
    if !snapshot.policy.experiments.is_empty() {
        let session = wish.about.session.as_ref().map_or(inbound.id.as_str(), AsRef::as_ref);
        ask.unit = Some(session.to_owned());
    }
    ask.prompt_tokens = Some(estimate_tokens(wish.text.as_bytes()).saturating_add(talk.least_tokens()));
    let policy = match (&wish.models, &ask.agent) {
        (Some(models), Some(agent)) => {
            let mut policy = Policy::clone(&snapshot.policy);
            policy.agents.retain(|name, _| name != agent);
            policy.agents.insert(agent.clone(), models.clone());
            Cow::Owned(policy)
        }
        _ => Cow::Borrowed(&snapshot.policy),
    };
    match decide(ask, &seen, &policy, &snapshot.roster, &snapshot.facts) {
        Ok(decision) => Ok(Turn::of_text(seen, wish.text.clone(), decision, wish.about.clone(), asked)),
        Err(NoRoute::Forced(why @ NotReady::Unknown { .. })) if !outranked => {
            let mut place = vec!["body"];
            place.extend(wish.model_field);
            Err(Wrong::value(&place, format!("is no model that moai knows: {why}")).answer().into())
        }
        Err(why) => {
            let code = why.code().unwrap_or("no-model-ready");
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, FaultKind::Auth, code, why.to_string());
            let refusal = match why.hints().first() {
                Some(hint) => refusal.hint(hint),
                None => refusal,
            };
            Err(refusal.answer(inbound.speech, &inbound.id).into())
        }
    }
}

/// Sends the words and writes everything down; ends early where nobody waits for the answer any more.
async fn work(entry: Arc<Entry>, mut words: Words, permit: Permit, mut tell: oneshot::Sender<Answered>) {
    let Entry { gateway, snapshot, id, turn } = &*entry;
    let now = || gateway.world.now();
    let size = |model: &Model| (words.tokens(model), words.max_tokens);
    let affords = |ready: &Ready, before: &[Trial]| entry.affords(&permit, size, ready, before);
    let order = Order {
        decision: &turn.decision,
        prompt: &words,
        rules: snapshot.policy.retry,
        id,
        lines: &snapshot.lines,
        board: Some(&gateway.board),
        session: turn.about.session.as_ref().map(AsRef::as_ref),
        now: &now,
        affords: Some(&affords),
    };
    let gone = async {
        tell.closed().await;
        Interrupted(SIGPIPE)
    };
    let mut finished = Box::pin(drive(&order, &mut (), gone)).await;
    let whole = words.whole();
    if snapshot.cache && finished.wants_cache() {
        let question = question(&whole);
        let kept = gateway.ledger.ask(move |journal| journal.answer(&question)).await.ok().flatten().flatten();
        finished.or_cached(&whole, &mut (), |_| kept);
    }
    let warnings = permit.warnings();
    let rows = entry.rows(&finished);
    entry.finish(&finished, rows.clone(), permit);
    let last = finished.trials.last().map(|trial| trial.model.clone());
    let last = turn.decision.plan().iter().find(|ready| Some(ready.name()) == last.as_deref()).cloned();
    let compressed = last.as_ref().and_then(|ready| words.talk.conversation.made_short(ready.model(), words.next()));
    keep(&entry, &mut words, &whole, &finished, last.as_ref()).await;
    // The turn is over before the client can begin the next one.
    drop(words);
    let took = finished.tally.elapsed();
    let entry = Arc::clone(&entry);
    drop(tell.send(Answered { entry, finished, rows, compressed, took, warnings }));
}

/// Keeps a whole answer: for the conversation, and for the day when nobody answers.
async fn keep(entry: &Entry, words: &mut Words, whole: &Prompt, finished: &Finished, by: Option<&Ready>) {
    let (End::Answered, Some(answer)) = (&finished.end, &finished.answer) else { return };
    let (now, ledger) = (entry.gateway.world.now(), &entry.gateway.ledger);
    if let Some(by) = by.filter(|_| words.talk.kept) {
        let mut conversation = words.talk.conversation.clone();
        let (text, by, answer) = (words.text.clone(), by.clone(), answer.clone());
        let project = entry.turn.about.project.clone();
        // A turn that cannot be kept is only missed by the next one, and the condition of the books says why.
        let saved = ledger.ask(move |journal| {
            let next = Next { text: &text, system: None };
            conversation.save(journal, project.as_deref(), next, (by.model(), &answer), now)
        });
        drop(saved.await);
    }
    if entry.snapshot.cache && answer.stop == Some(StopReason::EndTurn) {
        let question = question(whole);
        let kept =
            journal::Answer { model: answer.model.clone(), content: answer.text.clone(), usage: answer.usage, at: now };
        drop(ledger.ask(move |journal| journal.answer_put(&question, &kept)).await);
    }
}

impl Words {
    fn next(&self) -> Next<'_> {
        Next { text: &self.text, system: None }
    }

    /// What the request says of any prompt.
    fn dressed(&self, mut prompt: Prompt) -> Prompt {
        prompt.model.clone_from(&self.wishes);
        prompt.max_tokens = self.max_tokens;
        prompt.sampling.temperature.clone_from(&self.temperature);
        prompt.system.extend(self.addition.as_ref().map(|addition| Block::text(addition.as_str())));
        // A vendor that streams shows that it is at work.
        prompt.stream = true;
        prompt
    }

    /// The question, whoever is asked.
    fn whole(&self) -> Prompt {
        self.dressed(self.talk.conversation.whole(self.next()))
    }

    /// About how many tokens `model` is asked with.
    fn tokens(&self, model: &Model) -> u64 {
        estimate_tokens(question(&self.prompt(model)).as_bytes())
    }
}

impl Wording for Words {
    fn prompt(&self, model: &Model) -> Cow<'_, Prompt> {
        Cow::Owned(self.dressed(self.talk.conversation.prompt(model, self.next())))
    }
}

/// A name of a conversation as a client writes it.
pub(super) fn session(word: &str) -> Option<SessionId> {
    word.parse().ok()
}

fn not_held(error: &SessionError, inbound: &Inbound) -> Answer {
    let status = match error {
        SessionError::Busy(_) => StatusCode::CONFLICT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let code = error.code().unwrap_or("session");
    Refusal::new(status, FaultKind::Server, code, error.to_string()).answer(inbound.speech, &inbound.id)
}

fn bad_session(inbound: &Inbound) -> Answer {
    let said = "the conversation cannot be begun; this is a bug of moai";
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, FaultKind::Server, "bug", said).answer(inbound.speech, &inbound.id)
}
