//! The process of the gateway: takes its seat, opens, answers until it is told to stop, and reads its configuration
//! again when it has changed or a SIGHUP says so.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::base::failure::{Failure, Kind};
use crate::base::interrupt::Interrupted;
use crate::base::world::World;
use crate::cli::costs::counted;
use crate::cli::ui::Ui;
use crate::exchange::stopped;
use crate::gateway::{self, Gateway, GatewayError, Load, Opening, Teller, Told, Warn};
use crate::log::Log;

use super::snapshot::{Loaded, Loader, Marks, ready};
use super::state::{self, Reload, Seat, State};
use super::words::{self, Voice, one};
use super::{control, listen, models_line, service};

/// How often the files of the configuration are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Requests are short of work and long of waiting: two threads are enough, and on one core two only wake each other.
const THREADS: usize = 2;
/// How long what runs beside the answers may take to end when the gateway stops.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How many requests may wait to be told of, and how many are told of together.
const ROOM: usize = 256;
const TOGETHER: usize = 256;
/// How long after telling of some the next are told of, at the earliest.
const REST: Duration = Duration::from_millis(100);

/// What is known when the process begins.
pub(super) struct Start {
    pub(super) listener: TcpListener,
    pub(super) config: Option<PathBuf>,
    pub(super) model: Option<String>,
    pub(super) detached: bool,
}

/// Runs until it is told to stop.
pub(super) fn run(start: Start, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let mut seat = Seat::take(world)?;
    let serve = Loader::serve(world)?;
    let address = start.listener.local_addr().map_err(|error| Failure::expected(format!("no socket: {error}")))?;
    let url = listen::url(address, serve.tls.is_some());
    let logs = world.moai_home()?.join("logs");
    let loader = Arc::new(Loader::new(world, &url, start.model.clone()));
    loader.watch(&serve);
    let marks = loader.marks();
    let notes = Arc::new(Mutex::new(Vec::new()));
    let recorder = Loader::recorder(world)?;
    let (teller, told) = teller(ui);
    let (warn, warned) = channel(ROOM);
    let warn: Option<Warn> = Some(Box::new(move |said| drop(warn.try_send(said))));
    let load = load(&loader, &notes);
    let gateway = Gateway::open(Opening { world: world.clone(), recorder, load, teller, warn })?;
    gateway.access.take_given(world)?;
    if !address.ip().is_loopback() && !gateway.access.has_own()? {
        return Err(GatewayError::Exposed(address).into());
    }
    let state = State {
        address: address.to_string(),
        config: start.config,
        model: start.model,
        models: ready(&gateway.snapshot().roster),
        key_file: state::dir(world)?.join("key"),
        drain: serve.drain.as_secs(),
        detached: start.detached,
        ..State::new(url, world.cwd()?.to_path_buf(), world.now())
    };
    // SIGHUP is heard before anybody can know whom to send it to.
    let hangups = world.interrupt.hangups();
    world.interrupt.listen();
    seat.announce(state.clone())?;
    tell_ready(&state, &notes, world, ui)?;
    service::ready(world);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Kind::Bug, format!("cannot start the event loop: {error}")))?;
    let log = start.detached.then(|| Log::gateway(&logs, gateway.snapshot().log.max_bytes));
    let voice = Voice::new(log, world);
    if start.detached {
        voice.say(&format!("the gateway has started: {}, process {}", state.url, state.pid), ui);
    }
    let watch = Watch { gateway: Arc::clone(&gateway), loader, marks, notes, seat: &mut seat, voice: &voice, world };
    let ended = runtime.block_on(async {
        let hangups = hangups.and_then(UnixStream::from_std).ok();
        let (interrupt, served) = (world.interrupt.clone(), Arc::clone(&gateway));
        let (stopping, stops) = oneshot::channel();
        let stop = async move {
            let interrupted = stopped(&interrupt).await;
            // Whoever would hear of it may be gone.
            let _told = stopping.send(());
            interrupted
        };
        let serving = tokio::spawn(async move { gateway::serve(served, start.listener, stop).await });
        watch.until(serving, stops, hangups, (told, warned), ui).await
    });
    // What is on its way into the journal is in it before anybody hears that the gateway has stopped.
    runtime.shutdown_timeout(LAST_WORDS);
    drop(gateway);
    voice.say(&format!("the gateway has stopped ({})", signal_name(ended?)), ui);
    Ok(())
}

fn signal_name(interrupted: Interrupted) -> &'static str {
    match interrupted.0 {
        2 => "Ctrl-C",
        15 => "asked to stop",
        _ => "the terminal was closed",
    }
}

fn load(loader: &Arc<Loader>, notes: &Arc<Mutex<Vec<String>>>) -> Load {
    let (loader, notes) = (Arc::clone(loader), Arc::clone(notes));
    Box::new(move || {
        let Loaded { snapshot, notes: mut said } = loader.load()?;
        notes.lock().unwrap_or_else(PoisonError::into_inner).append(&mut said);
        Ok(snapshot)
    })
}

fn tell_ready(state: &State, notes: &Mutex<Vec<String>>, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    for note in notes.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        ui.warn(one(&note))?;
    }
    if ui.json {
        return ui.answer_json(&control::document("running", state, None));
    }
    words::tell_ready(state, world, ui)
}

/// Waits for the gateway's end, and meanwhile for a reason to read the configuration again.
struct Watch<'a> {
    gateway: Arc<Gateway>,
    loader: Arc<Loader>,
    marks: Marks,
    notes: Arc<Mutex<Vec<String>>>,
    seat: &'a mut Seat,
    voice: &'a Voice<'a>,
    world: &'a World,
}

type Serving = tokio::task::JoinHandle<Result<Interrupted, GatewayError>>;

impl Watch<'_> {
    async fn until(
        mut self,
        mut serving: Serving,
        mut stops: oneshot::Receiver<()>,
        hangups: Option<UnixStream>,
        (mut told, mut warned): (Receiver<Told>, Receiver<String>),
        ui: &mut Ui,
    ) -> Result<Interrupted, Failure> {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut over = Vec::new();
        // Under load lines are said together: who says them is not woken for every one.
        let mut rest = None;
        loop {
            tokio::select! {
                ended = &mut serving => {
                    while let Ok(last) = told.try_recv() {
                        self.voice.requests(&[last], ui);
                    }
                    while let Ok(last) = warned.try_recv() {
                        self.voice.warn(&last, ui);
                    }
                    let ended = ended.map_err(|error| Failure::new(Kind::Bug, format!("the gateway broke: {error}")))?;
                    return Ok(ended?);
                }
                Ok(()) = &mut stops, if !stops.is_terminated() => self.drain(ui),
                () = hung_up(hangups.as_ref()) => {
                    if is_alone(self.world) {
                        // The terminal is gone, and with it the person: this is how to stop.
                        let own = rustix::process::getpid();
                        let _told = rustix::process::kill_process(own, rustix::process::Signal::TERM);
                    } else {
                        self.reload(ui);
                    }
                }
                () = sleep_until(rest.unwrap_or_else(Instant::now)), if rest.is_some() => rest = None,
                count = told.recv_many(&mut over, TOGETHER), if rest.is_none() && !told.is_closed() => {
                    if count > 0 {
                        self.voice.requests(&over, ui);
                        over.clear();

                        rest = Some(Instant::now() + REST);
                    }
                }
                Some(said) = warned.recv() => self.voice.warn(&said, ui),
                _ = looks.tick() => {
                    if self.loader.marks() != self.marks {
                        self.reload(ui);
                    }
                }
            }
        }
    }

    /// Says why it does not end at once, where somebody is still being answered.
    fn drain(&mut self, ui: &mut Ui) {
        let count = self.gateway.under_way();
        if count == 0 {
            return;
        }
        // Whoever asks for the status is not told; nothing else hangs on it.
        drop(self.seat.stopping());
        let most = self.gateway.snapshot().serve.drain.as_secs();
        let what = counted(count, "answer");
        self.voice.say(&format!("waiting for {what} under way, {most} s at the most; Ctrl-C ends it at once"), ui);
    }

    /// Reads the configuration again; what is wrong with it is said, and the old one counts on.
    fn reload(&mut self, ui: &mut Ui) {
        // Looked at before it is read: what changes meanwhile is read again.
        self.marks = self.loader.marks();
        let before = self.gateway.snapshot();
        let refused = self.gateway.reload().err();
        let mut notes = std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner));
        let models = refused.is_none().then(|| ready(&self.gateway.snapshot().roster));
        let (old, new) = (&before.serve, &self.gateway.snapshot().serve);
        if (&old.host, old.port, old.tls.is_some()) != (&new.host, new.port, new.tls.is_some()) {
            notes.push("another address counts from the next start on: `moai serve stop`, `moai serve`".into());
        }
        notes.push(match (&refused, &models) {
            (Some(failure), _) => {
                format!("the configuration is refused, the old one counts: {}", failure.chain().join(": "))
            }
            (None, models) => {
                let models = models.as_deref().unwrap_or_default();
                format!("the configuration was read again: {}", models_line(models, None))
            }
        });
        for note in notes {
            self.voice.say(&note, ui);
        }
        let refused = refused.map(|failure| failure.chain().join(": "));
        drop(self.seat.reloaded(Reload { at: self.world.now(), refused }, models));
    }
}

/// What hears of requests, and where that can be heard: nobody waits for who says it.
fn teller(ui: &Ui) -> (Option<Teller>, Receiver<Told>) {
    let (tell, told) = channel(ROOM);
    // Of what comes faster than it can be said, some is not said: the journal has all of it.
    let teller: Teller = Box::new(move |one| drop(tell.try_send(one)));
    ((!ui.is_quiet()).then_some(teller), told)
}

/// Waits for a SIGHUP; several at once are one.
async fn hung_up(hangups: Option<&UnixStream>) {
    let Some(hangups) = hangups else { return std::future::pending().await };
    let mut bytes = [0; 64];
    loop {
        match hangups.ready(Interest::READABLE).await.and_then(|_| hangups.try_read(&mut bytes)) {
            Ok(_) => return,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return std::future::pending().await,
        }
    }
}

/// Whether there was a terminal and is none any more.
fn is_alone(world: &World) -> bool {
    world.terminal.stderr && !world.interrupt.outlives_terminal() && !rustix::termios::isatty(std::io::stderr())
}
