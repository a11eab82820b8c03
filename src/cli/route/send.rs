//! A decided prompt on its way: sent, heard, and written into the books, whatever comes of it.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Runtime;

use crate::base::failure::{Failure, Kind};
use crate::base::interrupt::Interrupted;
use crate::cli::books::Standing;
use crate::cli::ui::{Ui, clean};
use crate::exchange::book::Page;
use crate::exchange::session::{self, Conversation, Held};
use crate::exchange::{End, Finished, Lines, Order, drive, question, stopped};
use crate::journal::{self, Attempt};
use crate::log::{FailureLine, Tried};
use crate::model::Usd;
use crate::route::compress::Compressed;
use crate::route::retry;
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
    /// The model that answered last.
    pub(super) fn model(&self) -> Option<&str> {
        self.conversation.model()
    }

    /// The conversation of `--session`, if there is one. A dry run only looks at it, and makes no journal.
    pub(super) fn of(args: &Args, desk: &mut Desk, dry: bool, ui: &mut Ui) -> Result<Option<Self>, Failure> {
        let Some(id) = &args.choice.session else { return Ok(None) };
        if dry {
            let Some(journal) = desk.books.existing()? else { return Ok(None) };
            return Ok(Some(Self { conversation: Conversation::load(journal, id)?, _held: None }));
        }
        let dir = desk.books.place().dir.clone();
        let held = session::hold(&dir, id, session::PATIENCE, || {
            drop(ui.say(format!("another turn of {id} is under way; waiting for its end")));
        })?;
        let conversation = Conversation::load(desk.books.journal()?, id)?;
        Ok(Some(Self { conversation, _held: Some(held) }))
    }
}

impl Sender {
    /// A way out for `desk`. Nothing is connected yet.
    pub(super) fn new(desk: &Desk) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Failure::new(Kind::Bug, format!("cannot start the event loop: {error}")))?;
        desk.place.world.interrupt.listen();
        Ok(Self { runtime, lines: desk.lines() })
    }

    /// Sends a prompt as it was decided and writes every attempt down. The answer's pieces go to `sink` as they come.
    /// That nobody answered is no error here: see [`Finished::check`].
    pub(super) fn send(
        &self,
        asked: Asked<'_>,
        mut talk: Option<&mut Talk>,
        desk: &mut Desk,
        sink: Option<&mut Sink>,
        ui: &mut Ui,
    ) -> Result<Sent, Failure> {
        let Asked { args, text, decided } = asked;
        warn_of_budget(desk, ui)?;
        let first = decided.decision.plan().first().model();
        let system = args.wish.system.as_deref();
        let (mut prompt, compressed) = match &mut talk {
            Some(talk) => talk.conversation.prompt(first, text, system),
            None => (Prompt { system: system.map(Block::text).into_iter().collect(), ..Prompt::new("", text) }, None),
        };
        // Part of what an answer is kept under: one that a person wished for from this model alone.
        prompt.model = args.choice.model.clone().unwrap_or_default();
        prompt.max_tokens = args.wish.max_tokens;
        prompt.sampling.temperature.clone_from(&args.wish.temperature);
        // Also for `--no-stream`, which is about what is shown: a vendor that streams shows that it is at work.
        prompt.stream = true;
        let gone = Rc::new(Cell::new(false));
        let world = desk.place.world.clone();
        let order = Order {
            decision: &decided.decision,
            prompt: &prompt,
            rules: desk.place.routing.policy.retry,
            id: &decided.id,
            lines: &self.lines,
            now: &|| world.now(),
        };
        let mut listener = Listener::new(ui, sink, Rc::clone(&gone));
        let stop = until_stopped(&world.interrupt, gone);
        let mut finished = self.runtime.block_on(Box::pin(drive(&order, &mut listener, stop)));
        if desk.place.routing.cache && !args.choice.no_fallback {
            finished.or_cached(&prompt, &mut listener, |question| {
                desk.books.existing().ok().flatten().and_then(|journal| journal.answer(question).ok().flatten())
            });
        }
        let written = listener.check();
        let cost = record(asked, &finished, desk, ui);
        keep(text, &prompt, &finished, talk, desk, ui)?;
        let standing = warn_of_budget(desk, ui)?;
        written?;
        let took = finished.tally.elapsed();
        Ok(Sent { finished, cost, compressed, standing, took })
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
    text: &str,
    prompt: &Prompt,
    finished: &Finished,
    talk: Option<&mut Talk>,
    desk: &mut Desk,
    ui: &mut Ui,
) -> Result<(), Failure> {
    let (End::Answered, Some(answer)) = (&finished.end, &finished.answer) else { return Ok(()) };
    let now = desk.place.world.now();
    if let Some(talk) = talk {
        let project = desk.place.here.project.name();
        let saved =
            desk.books.journal().and_then(|journal| talk.conversation.save(journal, Some(&project), text, answer, now));
        if let Err(error) = saved {
            ui.warn(clean(&format!("{error}; this turn is not in the conversation")))?;
        }
    }
    if desk.place.routing.cache && answer.stop == Some(StopReason::EndTurn) {
        let kept =
            journal::Answer { model: answer.model.clone(), content: answer.text.clone(), usage: answer.usage, at: now };
        // An answer that cannot be kept is only missed on the day when nobody answers; recording has said what is wrong.
        drop(desk.books.journal().and_then(|journal| journal.answer_put(&question(prompt), &kept)));
    }
    Ok(())
}

/// Says that the decision was made without what was taught, and why.
pub(super) fn warn_of_trouble(desk: &Desk, ui: &mut Ui) -> Result<(), Failure> {
    let Some((warning, hints)) = desk.books.trouble() else { return Ok(()) };
    ui.warn(clean(&warning))?;
    hints.iter().try_for_each(|hint| ui.hint(clean(hint)))
}

/// Says where the day stands against its budget, each step once. It never stops anything (R-STA-003).
fn warn_of_budget(desk: &mut Desk, ui: &mut Ui) -> Result<Option<Standing>, Failure> {
    let standing = desk.books.budget();
    if let Some(warning) = standing.as_ref().and_then(|standing| standing.warning.as_deref()) {
        ui.warn(clean(warning))?;
    }
    Ok(standing)
}
