//! A decided prompt on its way: sent, heard, and written into the books, whatever comes of it.

use std::borrow::Cow;
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::base::disk::DiskError;
use crate::base::failure::{Failure, Kind};
use crate::base::interrupt::Interrupted;
use crate::cli::books::Standing;
use crate::cli::ui::{Ui, clean};
use crate::cost::Level;
use crate::exchange::book::Page;
use crate::exchange::session::{self, Conversation, Held, Next, SessionError};
use crate::exchange::{Board, End, Finished, Lines, Order, Wording, drive, question, stopped};
use crate::journal::{self, Attempt};
use crate::log::{FailureLine, Tried};
use crate::model::{SessionId, Usd};
use crate::route::compress::Compressed;
use crate::route::retry::{self, Rules};
use crate::route::{Engine, Model};
use crate::upstream::check_proxies;
use crate::wire::StopReason;
use crate::wire::hub::{Block, Prompt};

use super::Args;
use super::desk::{Decided, Desk};
use super::hear::Listener;
use super::sink::Sink;

/// What nobody reads any more ends like a process that writes to a closed pipe.
const SIGPIPE: u8 = 13;

/// Sends prompts, one after the other, over the same connections.
pub(super) struct Sender {
    runtime: Runtime,
    lines: Lines,
    board: Board,
}

/// A conversation that we have the turn in.
pub(super) struct Talk {
    conversation: Conversation,
    _held: Option<Held>,
}

/// A prompt that is to be sent.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) args: &'a Args,
    pub(super) text: &'a str,
    pub(super) decided: &'a Decided,
}

/// What each model is asked: the text, after what was said before as that model is to be told it.
struct Words<'a> {
    asked: Asked<'a>,
    talk: Option<&'a Conversation>,
}

/// A prompt that was sent.
pub(super) struct Sent {
    pub(super) finished: Finished,
    /// What all attempts together cost; `None` where that is not known.
    pub(super) cost: Option<Usd>,
    /// What the conversation was made short to.
    pub(super) compressed: Option<Compressed>,
    /// How the day stands now.
    pub(super) standing: Option<Standing>,
    /// From the first request to the end.
    pub(super) took: Duration,
}

impl Talk {
    /// What was said before.
    pub(super) fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// The conversation of `--session`, if there is one. A dry run only looks at it, and makes no journal.
    pub(super) fn of(args: &Args, desk: &mut Desk, dry: bool, ui: &mut Ui) -> Result<Option<Self>, Failure> {
        let Some(id) = &args.choice.session else { return Ok(None) };
        if dry {
            let Some(journal) = desk.books.existing()? else { return Ok(None) };
            return Ok(Some(Self { conversation: Conversation::load(journal, id)?, _held: None }));
        }
        let dir = desk.books.place().dir.clone();
        let held = session::hold(&dir, id, session::PATIENCE, &desk.place.world.interrupt, || {
            drop(ui.say(format!("another turn of {id} is under way; waiting for its end")));
        });
        let held = held.map_err(|error| unkept(error, id))?;
        let loaded = desk.books.journal().and_then(|journal| Conversation::load(journal, id));
        let conversation = loaded.map_err(|error| unkept(error.into(), id))?;
        Ok(Some(Self { conversation, _held: Some(held) }))
    }
}

/// Why a conversation cannot be kept, and that one can ask without one.
fn unkept(error: SessionError, id: &SessionId) -> Failure {
    let busy = matches!(error, SessionError::Busy(_) | SessionError::Disk(DiskError::Interrupted(_)));
    let failure = Failure::from(error);
    if busy {
        return failure;
    }
    failure
        .context(format!("the conversation {id} cannot be kept"))
        .hint("leave out `--session` to ask without a conversation")
}

impl Sender {
    /// A way out for `desk`. Nothing is connected yet.
    pub(super) fn new(desk: &Desk) -> Result<Self, Failure> {
        check_proxies(|variable| desk.place.world.env.text(variable))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Failure::new(Kind::Bug, format!("cannot start the event loop: {error}")))?;
        desk.place.world.interrupt.listen();
        Ok(Self { runtime, lines: desk.lines(), board: Board::default() })
    }

    /// Sends a prompt as it was decided and writes every attempt down. The answer's pieces go to `sink` as they come.
    /// That nobody answered is no error here: see [`Finished::check`].
    pub(super) fn send(
        &self,
        asked: Asked<'_>,
        talk: Option<&mut Talk>,
        desk: &mut Desk,
        sink: Option<&mut Sink>,
        ui: &mut Ui,
    ) -> Result<Sent, Failure> {
        let Asked { args, decided, .. } = asked;
        refuse_over_budget(decided, desk)?;
        warn_of_budget(desk, ui)?;
        let words = Words { asked, talk: talk.as_deref().map(|talk| &talk.conversation) };
        let gone = Rc::new(Cell::new(false));
        let world = desk.place.world.clone();
        let order = Order {
            decision: &decided.decision,
            prompt: &words,
            rules: Rules { deadline: args.wish.timeout, ..desk.place.routing.policy.retry },
            id: &decided.id,
            lines: &self.lines,
            board: Some(&self.board),
            session: args.choice.session.as_ref().map(AsRef::as_ref),
            now: &|| world.now(),
            affords: None,
        };
        let mut listener = Listener::new(ui, sink, Rc::clone(&gone), world.zone());
        let stop = until_stopped(&world.interrupt, gone);
        let mut finished = self.runtime.block_on(Box::pin(drive(&order, &mut listener, stop)));
        if desk.place.routing.cache && !args.choice.no_fallback {
            finished.or_cached(&words.whole(), &mut listener, |question| {
                desk.books.existing().ok().flatten().and_then(|journal| journal.answer(question).ok().flatten())
            });
        }
        let written = listener.check();
        let compressed = words.made_short(&finished);
        let whole = words.whole();
        let cost = record(asked, &finished, desk, ui);
        keep(asked, &whole, &finished, talk, desk, ui)?;
        let standing = warn_of_budget(desk, ui)?;
        written?;
        let took = finished.tally.elapsed();
        Ok(Sent { finished, cost, compressed, standing, took })
    }
}

impl<'a> Words<'a> {
    fn next(&self) -> Next<'a> {
        self.asked.args.next(self.asked.text)
    }

    /// What the command line says of any prompt.
    fn dressed(&self, mut prompt: Prompt) -> Prompt {
        let wish = &self.asked.args.wish;
        // Part of what an answer is kept under: one that was wished for from this model, tier or agent alone.
        prompt.model = self.asked.decided.ask.wishes();
        prompt.max_tokens = wish.max_tokens;
        prompt.sampling.temperature.clone_from(&wish.temperature);
        let addition = self.asked.decided.decision.addition();
        prompt.system.extend(addition.map(|addition| Block::text(addition.as_str())));
        // Also for `--no-stream`, which is about what is shown: a vendor that streams shows that it is at work.
        prompt.stream = true;
        prompt
    }

    /// The question, whoever is asked.
    fn whole(&self) -> Prompt {
        self.dressed(self.talk.map_or_else(|| self.next().prompt(), |talk| talk.whole(self.next())))
    }

    /// What the conversation was made short to for the model that answered, or that was asked last.
    fn made_short(&self, finished: &Finished) -> Option<Compressed> {
        let asked = &finished.trials.last()?.model;
        let ready = self.asked.decided.decision.plan().iter().find(|ready| ready.name() == asked)?;
        self.talk?.made_short(ready.model(), self.next())
    }
}

impl Wording for Words<'_> {
    fn prompt(&self, model: &Model) -> Cow<'_, Prompt> {
        let prompt = self.talk.map_or_else(|| self.next().prompt(), |talk| talk.prompt(model, self.next()));
        Cow::Owned(self.dressed(prompt))
    }
}

/// Ctrl-C, or nobody who reads. That nobody reads is seen at the next piece of the answer.
async fn until_stopped(interrupt: &crate::base::interrupt::Interrupt, gone: Rc<Cell<bool>>) -> Interrupted {
    let mut pressed = std::pin::pin!(stopped(interrupt));
    poll_fn(|context| {
        if gone.get() {
            return Poll::Ready(Interrupted(SIGPIPE));
        }
        pressed.as_mut().poll(context)
    })
    .await
}

/// Writes every attempt into the journal, and what nobody answered into the log of errors. Nothing of it can lose the
/// answer: what does not work is warned of.
fn record(asked: Asked<'_>, finished: &Finished, desk: &mut Desk, ui: &mut Ui) -> Option<Usd> {
    let Asked { text, decided, .. } = asked;
    let rows = rows(asked, finished, desk);
    desk.books.remember(&decided.id, text, &decided.seen);
    let mut cost = Some(Usd::ZERO);
    let mut trouble = None;
    for row in &rows {
        cost = cost.zip(row.cost).map(|(sum, one)| sum.saturating_add(one));
        let recorded = desk.books.record(row);
        trouble = trouble.or_else(|| recorded.warning());
    }
    // What is wrong with the journal is said once, after all rows; where nothing can be said, the answer still can.
    drop(match trouble {
        None => warn_of_trouble(desk, ui),
        Some((warning, hints)) => {
            ui.warn(clean(&warning)).and_then(|()| hints.into_iter().try_for_each(|hint| ui.hint(clean(&hint))))
        }
    });
    if matches!(finished.end, End::Failed | End::Cut(_)) {
        let error = if finished.end == End::Failed { "no-answer" } else { "cut" };
        let tried = finished.tally.trials.iter().map(tried).collect();
        let line = FailureLine::new(&decided.id, desk.place.world.now(), error, tried);
        if let Err(error) = desk.errors.add(&line) {
            let why = Failure::from(error).chain().join(": ");
            drop(ui.warn(clean(&format!("the failure is not in the log: {why}"))));
        }
    }
    cost
}

fn rows(asked: Asked<'_>, finished: &Finished, desk: &Desk) -> Vec<Attempt> {
    let Asked { args, decided, .. } = asked;
    let project = desk.place.here.project.name();
    let worktree = desk.place.worktree();
    let machine = desk.place.world.machine();
    let page = Page {
        request: &decided.id,
        decision: &decided.decision,
        machine: &machine,
        session: args.choice.session.as_ref(),
        project: Some(&project),
        worktree: worktree.as_deref(),
        spec: desk.place.spec.as_ref().map(AsRef::as_ref),
        agent: args.choice.agent.as_deref(),
        task: args.choice.task.as_deref(),
        key: None,
        asked: args.choice.model.as_deref(),
        prices: desk.books.prices(),
    };
    let mut rows: Vec<Attempt> = finished.trials.iter().map(|trial| page.row(trial)).collect();
    if let (End::Cached, Some(answer)) = (&finished.end, &finished.answer) {
        let number = u32::try_from(rows.len()).unwrap_or(u32::MAX).saturating_add(1);
        rows.push(page.cached_row(answer, number, desk.place.world.now()));
    }
    rows
}

fn tried(trial: &retry::Trial) -> Tried {
    let fault = trial.faults.last();
    Tried {
        model: trial.ready.name().to_owned(),
        provider: trial.ready.provider().name.clone(),
        attempts: trial.sends,
        error: fault.map(|fault| fault.kind.as_str()),
        status: fault.and_then(|fault| fault.status),
        code: fault.and_then(|fault| fault.code.as_deref().map(str::to_owned)),
    }
}

/// Keeps a whole answer: for the conversation, and for the day when nobody answers.
fn keep(
    asked: Asked<'_>,
    whole: &Prompt,
    finished: &Finished,
    talk: Option<&mut Talk>,
    desk: &mut Desk,
    ui: &mut Ui,
) -> Result<(), Failure> {
    let (End::Answered, Some(answer)) = (&finished.end, &finished.answer) else { return Ok(()) };
    let now = desk.place.world.now();
    let by = asked.decided.decision.plan().iter().find(|ready| ready.name() == answer.model);
    if let (Some(talk), Some(by)) = (talk, by) {
        let project = desk.place.here.project.name();
        let next = asked.args.next(asked.text);
        let saved = desk
            .books
            .journal()
            .and_then(|journal| talk.conversation.save(journal, Some(&project), next, (by.model(), answer), now));
        if let Err(error) = saved {
            ui.warn(clean(&format!("{error}; this turn is not in the conversation")))?;
        }
    }
    if desk.place.routing.cache && answer.stop == Some(StopReason::EndTurn) {
        let kept =
            journal::Answer { model: answer.model.clone(), content: answer.text.clone(), usage: answer.usage, at: now };
        // An answer that cannot be kept is only missed on the day when nobody answers; recording has said what is wrong.
        drop(desk.books.journal().and_then(|journal| journal.answer_put(&question(whole), &kept)));
    }
    Ok(())
}

/// Says that the decision was made without what was taught, and why.
pub(super) fn warn_of_trouble(desk: &Desk, ui: &mut Ui) -> Result<(), Failure> {
    let Some((warning, hints)) = desk.books.trouble() else { return Ok(()) };
    ui.warn(clean(&warning))?;
    hints.iter().try_for_each(|hint| ui.hint(clean(hint)))
}

/// Refuses to send where the day's budget is spent and the person wished for that (`budget.on_limit`). What is played
/// here costs nothing.
fn refuse_over_budget(decided: &Decided, desk: &mut Desk) -> Result<(), Failure> {
    let Some(verdict) = desk.books.verdict().filter(|verdict| verdict.level == Level::Over) else { return Ok(()) };
    let played = matches!(decided.decision.plan().first().provider().engine, Engine::Sim(_));
    if played || !desk.place.routing.budgets.refuse {
        return Ok(());
    }
    Err(Failure::expected(format!("today's budget is spent ({})", verdict.sums()))
        .with_code("budget")
        .hint("let it warn only: `moai config set --user budget.on_limit warn`")
        .hint("or raise it: `moai config set budget.daily_usd 50`"))
}

/// Says where the day stands against its budget, each step once. It never stops anything (R-STA-003).
fn warn_of_budget(desk: &mut Desk, ui: &mut Ui) -> Result<Option<Standing>, Failure> {
    let standing = desk.books.budget();
    if let Some(warning) = standing.as_ref().and_then(|standing| standing.warning.as_deref()) {
        ui.warn(clean(warning))?;
    }
    Ok(standing)
}
