//! A request's turn: what its client says of it, what is remembered of its thread, and the decision that comes of both.
//!
//! The rules are `route`'s (`route::turn`, `route::decide`); here is only where their words come from. A turn of the
//! user is classified and decided. What belongs to a turn that is not over (a tool's answer) stays with the model that
//! answered the thread last, and so does the conversation being made shorter; a client's own business gets a cheap
//! model. A force and another model of the checkout count from the next request on, in the middle of a turn too.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use hyper::HeaderMap;
use jiff::Timestamp;
use memchr::memmem::Finder;

use crate::base::failure::Explain as _;
use crate::classify::{Classification, Options, classify};
use crate::config::UnknownModels;
use crate::model::SessionId;
use crate::route::turn::{Errand, Naming, Signs, naming, of_text};
use crate::route::{Ask, Decision, Hold, NoRoute, NotReady, decide};
use crate::wire::{Dialect, Fault, FaultKind, Request, Turn as Speaker, estimate_tokens};

use super::inbound::Inbound;
use super::places::Place;
use super::sessions::{Lane, Memory, Thread};
use super::snapshot::Snapshot;
use super::state::Gateway;

/// What no text asks for.
static NOTHING: LazyLock<Arc<Classification>> = LazyLock::new(|| Arc::new(classify("", Options::default())));

/// What looks for the signs of an errand in a body, made once.
static SEARCHES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"web_search_2"));
static SCHEMAS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"json_schema\""));

/// The longest word of a header that is written down.
const LONGEST: usize = 200;

/// A request that was decided on.
#[derive(Debug)]
pub(in crate::gateway) struct Turn {
    /// What it is for.
    pub(in crate::gateway) errand: Errand,
    /// Where it comes from.
    pub(in crate::gateway) about: About,
    /// The model that the client named.
    pub(in crate::gateway) asked: String,
    /// What its text was taken for; in the middle of a turn, what the turn's was.
    pub(in crate::gateway) seen: Arc<Classification>,
    /// The user's words, where they were read to decide: not in the middle of a turn.
    pub(in crate::gateway) text: Option<String>,
    /// Who answers.
    pub(in crate::gateway) decision: Decision,
    thread: Option<Thread>,
    checkout: Option<Arc<str>>,
}

/// Where a request comes from, for the journal and the logs.
#[derive(Debug, Clone, Default)]
pub(in crate::gateway) struct About {
    /// The conversation, where its name is one that moai can write down.
    pub(in crate::gateway) session: Option<SessionId>,
    /// The project's name.
    pub(in crate::gateway) project: Option<Arc<str>>,
    /// The linked worktree's path.
    pub(in crate::gateway) worktree: Option<Arc<str>>,
    /// The SPEC.
    pub(in crate::gateway) spec: Option<String>,
    /// The agent.
    pub(in crate::gateway) agent: Option<String>,
    /// The agent's task.
    pub(in crate::gateway) task: Option<String>,
    /// The name of the access key.
    pub(in crate::gateway) key: Option<Arc<str>>,
}

impl About {
    /// What the headers say of where a request comes from, beside what its body says.
    pub(in crate::gateway) fn of_headers(inbound: &Inbound) -> Self {
        let hints = Hints::of(&inbound.headers);
        hints.about(hints.session, None, inbound)
    }
}

/// Why a request is not sent to anybody.
#[derive(Debug)]
pub(in crate::gateway) enum Refused {
    /// The client named a model that nobody knows, and such requests are refused.
    Unknown(NotReady),
    /// Nobody can be asked.
    NoRoute(NoRoute),
}

impl Refused {
    /// The same for the client, with the command to run. 401 is the answer that Claude Code stops at.
    pub(in crate::gateway) fn fault(&self) -> Fault {
        let (kind, what, hints) = match self {
            Self::Unknown(why) => (FaultKind::NoModel, why.to_string(), why.hints()),
            Self::NoRoute(why) => (FaultKind::Auth, why.to_string(), why.hints()),
        };
        Fault::new(kind, std::iter::once(what).chain(hints).collect::<Vec<_>>().join("; "))
    }
}

impl Turn {
    /// Decides who answers.
    pub(in crate::gateway) fn decide(
        gateway: &Gateway,
        inbound: &Inbound,
        request: &Request,
        dialect: Dialect,
    ) -> Result<Self, Refused> {
        Self::decide_as(None, gateway, inbound, request, dialect)
    }

    /// Decides who would answer, for a request that only counts: whoever has the thread.
    pub(in crate::gateway) fn counted(
        gateway: &Gateway,
        inbound: &Inbound,
        request: &Request,
    ) -> Result<Self, Refused> {
        Self::decide_as(Some(Errand::Aside), gateway, inbound, request, Dialect::Anthropic)
    }

    fn decide_as(
        errand: Option<Errand>,
        gateway: &Gateway,
        inbound: &Inbound,
        request: &Request,
        dialect: Dialect,
    ) -> Result<Self, Refused> {
        let now = gateway.world.now();
        let snapshot = &*inbound.snapshot;
        let hints = Hints::of(&inbound.headers);
        let head = request.head();
        let session = hints.session.or(head.session.as_deref());
        let place = hints.worktree.and_then(|path| gateway.places.at(&plain(path), &gateway.world));
        let mut text = None;
        let errand = errand.or_else(|| hints.errand(request)).unwrap_or_else(|| match head.turn {
            Speaker::ToolLoop => Errand::Turn,
            Speaker::User => of_text(text.insert(request.last_user_text().unwrap_or_default())),
        });
        let thread = session.map(|session| Thread {
            caller: inbound.who.name.clone(),
            session: cut(session).into(),
            lane: hints.lane(errand),
        });
        let memory = thread.as_ref().and_then(|thread| gateway.sessions.recall(thread, now));
        let checkout = place.as_ref().and_then(|place| place.model.clone());
        let memory = memory.filter(|memory| head.turn == Speaker::User || memory.checkout == checkout);
        let loops = head.turn == Speaker::ToolLoop && errand == Errand::Turn;
        let mut ask = hints.ask(errand, checkout.as_deref(), snapshot);
        if !snapshot.policy.experiments.is_empty() {
            ask.unit = Some(session.map_or_else(|| inbound.id.as_str(), cut).to_owned());
        }
        let named = force(&mut ask, gateway, snapshot, session, &head.model, dialect, now)?;
        let seen = match &memory {
            Some(memory) if loops => Arc::clone(&memory.seen),
            // Whoever names a model has decided.
            _ if named => {
                text = None;
                Arc::clone(&NOTHING)
            }
            _ => {
                let words = text.get_or_insert_with(|| request.last_user_text().unwrap_or_default());
                Arc::new(classified(words, snapshot))
            }
        };
        ask.prompt_tokens = prompt_tokens(request, snapshot);
        ask.hold = hold(errand, loops, memory.as_ref(), now);
        ask.session_model = memory.map(|memory| memory.model.to_string());
        let decision =
            decide(&ask, &seen, &snapshot.policy, &snapshot.roster, &snapshot.facts).map_err(Refused::NoRoute)?;
        let about = hints.about(session, place.as_deref(), inbound);
        // What is asked beside the thread does not move it.
        let thread = thread.filter(|_| !matches!(errand, Errand::Aside | Errand::Search));
        Ok(Self { errand, about, asked: cut(&head.model).to_owned(), seen, text, decision, thread, checkout })
    }

    /// A text that was classified and decided on, in no thread that is remembered.
    pub(in crate::gateway) fn of_text(
        seen: Classification,
        text: String,
        decision: Decision,
        about: About,
        asked: String,
    ) -> Self {
        let errand = Errand::Turn;
        Self { errand, about, asked, seen: Arc::new(seen), text: Some(text), decision, thread: None, checkout: None }
    }

    /// Whether a copy of it may go to another vendor, as far as the request itself says: not where its checkout has a
    /// model of its own, and not of a client's own business.
    pub(in crate::gateway) fn may_be_copied(&self) -> bool {
        self.errand == Errand::Turn && self.checkout.is_none()
    }

    /// Remembers who answers, for the thread's next request.
    pub(in crate::gateway) fn answered_by(&self, model: &str, gateway: &Gateway) {
        let Some(thread) = &self.thread else { return };
        let memory = Memory {
            model: model.into(),
            seen: Arc::clone(&self.seen),
            checkout: self.checkout.clone(),
            at: gateway.world.now(),
        };
        gateway.sessions.remember(thread.clone(), memory);
    }
}

/// What the headers say.
#[derive(Debug, Clone, Copy, Default)]
struct Hints<'a> {
    class: Option<&'a str>,
    first_party: Option<&'a str>,
    claude_code: bool,
    session: Option<&'a str>,
    agent_id: Option<&'a str>,
    agent_type: Option<&'a str>,
    agent: Option<&'a str>,
    task: Option<&'a str>,
    project: Option<&'a str>,
    worktree: Option<&'a str>,
    spec: Option<&'a str>,
}

impl<'a> Hints<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        let mut hints = Self::default();
        let mut session = None;
        // In one pass: most clients send none of these, and some send many others.
        for (name, value) in headers {
            let slot = match name.as_str() {
                "x-claude-code-request-class" => &mut hints.class,
                "x-claude-1p-request-class" => &mut hints.first_party,
                "x-claude-code-session-id" => &mut hints.session,
                "x-claude-code-agent-id" => &mut hints.agent_id,
                "x-claude-code-agent-type" => &mut hints.agent_type,
                "x-moai-session" => &mut session,
                "x-moai-agent" => &mut hints.agent,
                "x-moai-task" => &mut hints.task,
                "x-moai-project" => &mut hints.project,
                "x-moai-worktree" => &mut hints.worktree,
                "x-moai-spec" => &mut hints.spec,
                "user-agent" => {
                    hints.claude_code |= value.as_bytes().trim_ascii_start().starts_with(b"claude-c");
                    continue;
                }
                _ => continue,
            };
            // The first one that says anything counts.
            let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default().trim();
            *slot = slot.or(Some(text).filter(|text| !text.is_empty()));
        }
        hints.session = hints.session.or(session);
        hints
    }

    fn errand(&self, request: &Request) -> Option<Errand> {
        let head = request.head();
        let has = |word: &Finder<'_>| word.find(request.bytes()).is_some();
        let signs = Signs {
            class: self.class,
            first_party: self.first_party,
            claude_code: self.claude_code,
            model: &head.model,
            tools: head.tools,
            web_search: head.tools == 1 && has(&SEARCHES),
            schema: self.claude_code && head.tools == 0 && has(&SCHEMAS),
        };
        signs.errand()
    }

    fn lane(&self, errand: Errand) -> Lane {
        match (self.agent_id, errand) {
            (Some(agent), _) => Lane::Agent(cut(agent).into()),
            (None, Errand::Background) => Lane::Background,
            (None, _) => Lane::Main,
        }
    }

    fn ask(&self, errand: Errand, checkout: Option<&str>, snapshot: &Snapshot) -> Ask {
        // Of Claude Code's own agents only those that the configuration names have a say.
        let configured = self.agent_type.filter(|agent| snapshot.policy.agent(agent).is_some());
        Ask {
            agent: configured.or(self.agent).map(str::to_owned),
            task: self.task.map(str::to_owned),
            worktree_model: checkout.map(str::to_owned),
            background: errand == Errand::Background,
            web_search: errand == Errand::Search,
            ..Ask::default()
        }
    }

    fn about(&self, session: Option<&str>, place: Option<&Place>, inbound: &Inbound) -> About {
        let text = |word: Option<&str>| word.map(|word| cut(&plain(word)).to_owned());
        About {
            session: session.and_then(|session| session.parse().ok()),
            project: self
                .project
                .map(|project| cut(&plain(project)).into())
                .or_else(|| place.and_then(|place| place.project.clone())),
            worktree: place.and_then(|place| place.worktree.clone()),
            spec: text(self.spec),
            agent: text(self.agent.or(self.agent_type)),
            task: text(self.task),
            key: inbound.who.name.clone(),
        }
    }
}

/// A header's value as it was before it was made fit for HTTP: `%EC%87%BC` is a letter, and what is no such thing stays.
/// What would end a line or give a terminal orders, wherever it is shown, is a `?`.
fn plain(value: &str) -> Cow<'_, str> {
    let text = decoded(value);
    if text.chars().any(char::is_control) { text.replace(char::is_control, "?").into() } else { text }
}

fn decoded(value: &str) -> Cow<'_, str> {
    if !value.contains('%') {
        return value.into();
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let code = after.get(..2).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(byte.unwrap_or(b'%'));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).map_or(value.into(), Cow::Owned)
}

/// The beginning of a client's word, as long as is written down.
fn cut(word: &str) -> &str {
    if word.len() <= LONGEST {
        return word;
    }
    word.char_indices().nth(LONGEST).and_then(|(at, _)| word.get(..at)).unwrap_or(word)
}

/// What the text asks for, with what the person has taught.
fn classified(text: &str, snapshot: &Snapshot) -> Classification {
    let options = snapshot.policy.options();
    snapshot.learned.applied(text, classify(text, options), options)
}

/// How firmly the thread holds on to its model.
fn hold(errand: Errand, loops: bool, memory: Option<&Memory>, now: Timestamp) -> Hold {
    match errand {
        Errand::Compaction | Errand::Aside | Errand::Search => Hold::Firm,
        Errand::Turn if loops => Hold::Firm,
        Errand::Turn if memory.is_some_and(|memory| memory.is_warm(now)) => Hold::Warm,
        Errand::Turn | Errand::Background => Hold::Loose,
    }
}

/// How many tokens the prompt has, where that can matter: a body has no more tokens than bytes, so one that is shorter
/// than every window is not counted.
fn prompt_tokens(request: &Request, snapshot: &Snapshot) -> Option<u64> {
    let bytes = request.bytes().len() as u64;
    let smallest = snapshot.roster.smallest_context()?;
    (smallest < bytes).then(|| estimate_tokens(request.bytes()))
}

/// What outranks the decision, the strongest first: force-model, the model of the run, and a model that the client
/// names itself. Says whether it was the client.
fn force(
    ask: &mut Ask,
    gateway: &Gateway,
    snapshot: &Snapshot,
    session: Option<&str>,
    model: &str,
    dialect: Dialect,
    now: Timestamp,
) -> Result<bool, Refused> {
    if let Some(forced) = gateway.force.on(session, now) {
        ask.force_tier = forced.tier();
        ask.force_model = forced.model(&snapshot.roster, &snapshot.policy);
        return Ok(false);
    }
    if snapshot.only.is_some() {
        ask.force_model.clone_from(&snapshot.only);
        return Ok(false);
    }
    let Naming::This(name) = naming(model, dialect == Dialect::Anthropic) else { return Ok(false) };
    match snapshot.roster.ready(name) {
        Err(why @ NotReady::Unknown { .. }) => match snapshot.serve.unknown_models {
            UnknownModels::Route => {}
            UnknownModels::Refuse => return Err(Refused::Unknown(why)),
        },
        _ => ask.force_model = Some(name.to_owned()),
    }
    Ok(ask.force_model.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_decoded_and_gives_no_orders() {
        for (sent, read) in [
            ("%EC%87%BC%ED%95%91", "쇼핑"),
            ("shop", "shop"),
            ("50%", "50%"),
            ("a%0d%0aforged: line", "a??forged: line"),
            ("%1b[31mred", "?[31mred"),
            ("%C2%9Bred \u{9b}", "?red ?"),
        ] {
            assert_eq!(plain(sent), read);
        }
    }
}
