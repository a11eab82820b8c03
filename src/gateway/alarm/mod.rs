//! The alerts of a running gateway: a thread of its own looks every few seconds, writes down what it found, and has it
//! told. No request waits for it; the request that reaches a step of a budget leaves a note and goes on.
//!
//! What stands and what is still to be told is written down before anybody is told ([`AlertBook`]), so that a gateway
//! that was killed goes on where it was: nothing is told as new that was told, and nothing is lost. A sink that takes
//! nothing keeps its own messages waiting and nobody else's. It may hear a message twice, where the gateway was killed
//! between telling it and writing that down; each has an id.
//!
//! - `eyes`: what is measured
//! - `book`: what is written down, and the silences
//! - `post`: who is waiting for what, and when it is tried again
//! - `deliver`: one message to one sink

mod book;
mod deliver;
mod eyes;
mod post;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::alert::{Alert, Event, Rule};
use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cost::Standing;
use crate::log::Log;

use super::limits::Reached;
use super::state::Gateway;

pub use book::{ALL, AlertBook, Silence, Silences, SinkStanding};
pub use deliver::{Unheard, deliver};

use eyes::Eyes;
use post::Post;

/// How many notes may wait for the thread.
const ROOM: usize = 256;
/// How long messages that are under way may take when the gateway stops; what takes longer is sent after the next start.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Says a sentence to whoever watches the gateway.
pub type Warn = Box<dyn Fn(String) + Send + Sync>;

/// The way to the thread, and what it made known last.
pub(in crate::gateway) struct Alarm {
    notes: SyncSender<Note>,
    /// Until the thread begins.
    waiting: Mutex<Option<(Receiver<Note>, Option<Warn>)>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    view: Arc<Mutex<View>>,
}

/// What others say of alerts.
#[derive(Debug, Clone, Default)]
pub(in crate::gateway) struct View {
    /// Those that stand.
    pub(in crate::gateway) standing: Vec<Alert>,
    /// How many messages wait, by sink.
    pub(in crate::gateway) waiting: BTreeMap<String, usize>,
}

/// What the thread is told.
enum Note {
    /// A budget has reached a step.
    Reached(Box<Standing>, bool),
    /// A message to a sink is over.
    Told(String, Result<(), Unheard>),
    Close,
}

impl Alarm {
    /// An alarm whose thread has not begun. `warn` hears of every alert.
    pub(in crate::gateway) fn new(warn: Option<Warn>) -> Self {
        let (notes, waiting) = sync_channel(ROOM);
        let waiting = Mutex::new(Some((waiting, warn)));
        Self { notes, waiting, thread: Mutex::default(), view: Arc::default() }
    }

    /// Takes the notes of budgets. One that finds no room is seen at the next look.
    pub(in crate::gateway) fn reached(&self) -> Reached {
        let notes = self.notes.clone();
        Box::new(move |standing, refuse| drop(notes.try_send(Note::Reached(Box::new(standing), refuse))))
    }

    /// Begins to look.
    pub(in crate::gateway) fn begin(&self, gateway: &Arc<Gateway>) -> std::io::Result<()> {
        let Some((notes, warn)) = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(());
        };
        let (view, back) = (Arc::clone(&self.view), self.notes.clone());
        let gateway = Arc::downgrade(gateway);
        let run = move || {
            if let Some(mut keeper) = Keeper::new(gateway, view, back, warn) {
                keeper.run(&notes);
            }
        };
        let thread = std::thread::Builder::new().name("alarm".into()).spawn(run)?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// What it made known last.
    pub(in crate::gateway) fn view(&self) -> View {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the notes that are there, lets messages under way end, and ends.
    pub(in crate::gateway) fn close(&self) {
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        if self.notes.send(Note::Close).is_ok() {
            drop(thread.join());
        }
    }
}

/// An alert that stands: of what, of whom, since which step, and which one was told.
type Stood = (Rule, String, usize, usize);

/// What the thread has.
struct Keeper {
    gateway: Weak<Gateway>,
    world: World,
    machine: String,
    log: Log,
    warn: Option<Warn>,
    view: Arc<Mutex<View>>,
    notes: SyncSender<Note>,
    book: AlertBook,
    /// The book is not written down as it is.
    dirty: bool,
    /// What stood when it was written down last.
    stood: Vec<Stood>,
    /// What is silenced could not be read.
    deaf: bool,
    eyes: Eyes,
    post: Post,
}

impl Keeper {
    /// `None` where the gateway is gone already.
    fn new(
        gateway: Weak<Gateway>,
        view: Arc<Mutex<View>>,
        notes: SyncSender<Note>,
        warn: Option<Warn>,
    ) -> Option<Self> {
        let strong = gateway.upgrade()?;
        let (world, machine) = (strong.world.clone(), strong.machine.clone());
        let log = Log::alerts(&world.moai_home().ok()?.join("logs"), strong.snapshot().log.max_bytes);
        let (book, trouble) = AlertBook::restore(&world);
        if let (Some(warn), Some(trouble)) = (&warn, trouble) {
            warn(trouble);
        }
        let (eyes, post) = (Eyes::default(), Post::default());
        Some(Self {
            gateway,
            world,
            machine,
            log,
            warn,
            view,
            notes,
            book,
            dirty: false,
            stood: Vec::new(),
            deaf: false,
            eyes,
            post,
        })
    }

    fn run(&mut self, notes: &Receiver<Note>) {
        let mut next = Instant::now();
        loop {
            let until = self.post.next().map_or(next, |retry| retry.min(next));
            match notes.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Note::Close) => return self.end(notes),
                Ok(note) => self.take(note),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let Some(gateway) = self.gateway.upgrade() else { return };
            let alerts = Arc::clone(&gateway.snapshot().alerts);
            if Instant::now() >= next {
                let now = self.world.now();
                let (readings, blind) = self.eyes.look(&gateway, &alerts.rules, now);
                self.book.engine.look(readings, &blind, &alerts.rules, now);
                next = Instant::now() + alerts.every;
            }
            self.go_on(&gateway);
        }
    }

    fn take(&mut self, note: Note) {
        match note {
            Note::Reached(standing, refuse) => {
                let Some(gateway) = self.gateway.upgrade() else { return };
                let rules = &gateway.snapshot().alerts.rules;
                if rules.is_on(Rule::Budget) {
                    self.book.engine.read(eyes::budget(&standing, refuse), rules, self.world.now());
                }
                // The next note may say more of the same budget: this one is told before.
                self.find(&gateway);
            }
            Note::Told(sink, result) => {
                self.post.over(&sink, result.is_ok());
                self.book.told(&sink, result, self.world.now());
                self.dirty = true;
            }
            Note::Close => {}
        }
    }

    /// Writes down what is to be told, and has it told.
    fn go_on(&mut self, gateway: &Gateway) {
        self.find(gateway);
        let alerts = Arc::clone(&gateway.snapshot().alerts);
        let sinks = &alerts.sinks;
        self.dirty |= self.book.keep(sinks);
        if self.dirty {
            self.dirty = self.book.save(&self.world).is_err();
        }
        for (sink, event) in self.post.due(sinks, &self.book) {
            let (world, machine, notes) = (self.world.clone(), self.machine.clone(), self.notes.clone());
            let name = sink.name.clone();
            let run = move || {
                let result = deliver(&sink, &event, &world, &machine);
                drop(notes.send(Note::Told(sink.name, result)));
            };
            // Without a thread it is tried again, like any other failure.
            if std::thread::Builder::new().name("alert".into()).spawn(run).is_err() {
                self.post.over(&name, false);
            }
        }
        let standing = self.book.engine.active().cloned().collect();
        let waiting = sinks.iter().map(|sink| (sink.name.clone(), self.book.waiting(&sink.name))).collect();
        *self.view.lock().unwrap_or_else(PoisonError::into_inner) = View { standing, waiting };
    }

    /// What there is to tell: into the book for the sinks, into the log, and to whoever watches.
    fn find(&mut self, gateway: &Gateway) {
        let alerts = Arc::clone(&gateway.snapshot().alerts);
        let now = self.world.now();
        let silences = self.silences();
        let events = self.book.engine.due(&alerts.rules, now, |alert: &Alert| silences.of(alert, now).is_some());
        // Values that waver are not worth a write.
        let stands = self.book.engine.active().map(|one| (one.rule, one.subject.clone(), one.step, one.told)).collect();
        self.dirty |= self.stood != stands;
        self.stood = stands;
        if events.is_empty() {
            return;
        }
        // Who watches the dashboard sees what stands.
        gateway.dashboard.pulse.beat();
        for event in &events {
            self.book.add(event, &alerts.sinks);
        }
        self.dirty = self.book.save(&self.world).is_err();
        for event in events {
            self.say(&event);
        }
    }

    /// What is silenced. Where that cannot be read nothing is, and that is said once.
    fn silences(&mut self) -> Silences {
        let silences = Silences::load(&self.world);
        if let (Err(failure), Some(warn), false) = (&silences, &self.warn, self.deaf) {
            warn(format!("what is silenced cannot be read, so nothing is: {}", failure.chain().join(": ")));
        }
        self.deaf = silences.is_err();
        silences.unwrap_or_default()
    }

    fn say(&self, event: &Event) {
        if let Some(warn) = &self.warn {
            warn(event.sentence());
        }
        // A log that cannot be written is no reason to tell nobody.
        drop(self.log.add(&event.document(&self.machine)));
    }

    fn end(&mut self, notes: &Receiver<Note>) {
        let until = Instant::now() + LAST_WORDS;
        while self.post.is_busy() {
            match notes.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(note) => self.take(note),
                Err(_) => break,
            }
        }
        if self.dirty {
            drop(self.book.save(&self.world));
        }
    }
}

/// What alerts keep, for whoever only looks: nothing is made and nothing is moved.
pub fn look(world: &World) -> Result<(AlertBook, Silences), Failure> {
    Ok((AlertBook::load(world)?.unwrap_or_default(), Silences::load(world)?))
}
