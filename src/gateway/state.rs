//! What lives as long as the process: the snapshot that holds now, the keys, the counters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use jiff::Timestamp;
use tokio_rustls::TlsAcceptor;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::exchange::Board;
use crate::journal::Recorder;
use crate::log::Log;

use super::access::Access;
use super::alarm::{Alarm, Warn};
use super::dashboard::Dashboard;
use super::error::GatewayError;
use super::force::Force;
use super::ledger::{Learn, Ledger, Logs};
use super::limits::Limits;
use super::places::Places;
use super::sessions::Sessions;
use super::shadow::Shadows;
use super::snapshot::{Load, Snapshot};
use super::tls;
use super::told::Teller;
use super::work::Work;

/// The gateway.
pub struct Gateway {
    /// The machine and its clock.
    pub world: World,
    /// The machine's name.
    pub(in crate::gateway) machine: String,
    /// The gateway's own keys.
    pub access: Access,
    /// The books: every attempt goes through them into the journal.
    pub ledger: Ledger,
    /// What is used of what is allowed.
    pub limits: Arc<Limits>,
    /// How the deployments stand; a new configuration does not change it where they are the same.
    pub board: Board,
    /// What was counted.
    pub(in crate::gateway) counters: Counters,
    /// What is forced (AC-003).
    pub(in crate::gateway) force: Force,
    /// What conversations are remembered by.
    pub(in crate::gateway) sessions: Sessions,
    /// The checkouts that clients stand in.
    pub(in crate::gateway) places: Places,
    /// The answers that are under way.
    pub(in crate::gateway) work: Arc<Work>,
    /// The copies that are under way.
    pub(in crate::gateway) shadows: Arc<Shadows>,
    /// Who looks at the dashboard.
    pub(in crate::gateway) dashboard: Dashboard,
    /// Who hears of every request that is over.
    pub(in crate::gateway) teller: Option<Teller>,
    /// What a person is told of without asking.
    pub(in crate::gateway) alarm: Alarm,
    current: Arc<Current>,
    load: Load,
    started: Instant,
    started_at: Timestamp,
}

/// What a gateway is made of.
pub struct Opening {
    /// The machine and its clock.
    pub world: World,
    /// The journal; it is opened when it is first needed.
    pub recorder: Recorder,
    /// Builds the snapshot; called once at the start and at every reload.
    pub load: Load,
    /// Hears of every request that is over; `None`: nobody wants to.
    pub teller: Option<Teller>,
    /// Hears of every alert.
    pub warn: Option<Warn>,
}

/// What holds now.
struct Current(RwLock<(Arc<Snapshot>, Option<TlsAcceptor>)>);

impl Current {
    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut snapshot = Snapshot::clone(&current.0);
        change(&mut snapshot);
        current.0 = Arc::new(snapshot);
    }
}

/// Numbers that only grow, and how many there are now.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Counters {
    /// Requests whose head was read.
    pub(in crate::gateway) requests: AtomicU64,
    /// Answers with a status of 400 and above.
    pub(in crate::gateway) errors: AtomicU64,
    /// Requests that were refused before their door: no key, a foreign host, too large.
    pub(in crate::gateway) refused: AtomicU64,
    /// Doors that panicked.
    pub(in crate::gateway) panics: AtomicU64,
    /// Requests in work, their answers included.
    pub(in crate::gateway) in_flight: AtomicU64,
    /// Open connections.
    pub(in crate::gateway) connections: AtomicU64,
}

impl Gateway {
    /// A gateway with its first snapshot and its keys; the first key is made where there is none.
    pub fn open(opening: Opening) -> Result<Arc<Self>, Failure> {
        let Opening { world, recorder, load, teller, warn } = opening;
        let access = Access::open(&world)?;
        let force = Force::open(&world)?;
        let (snapshot, tls) = ready(load()?)?;
        let dir = world.moai_home()?.join("logs");
        let most = snapshot.log.max_bytes;
        let logs = Logs { decisions: Log::decisions(&dir, most), errors: Log::errors(&dir, most) };
        let ledger = Ledger::open(recorder, logs, world.clone())?;
        let clock = world.clone();
        let alarm = Alarm::new(warn);
        let limits = Limits::new(world.zone(), Box::new(move || clock.now()), Some(alarm.reached()));
        limits.watch(&ledger, &snapshot.allowance.budgets);
        let board = Board::default();
        board.renew(&snapshot.roster, &snapshot.lines);
        let current = Arc::new(Current(RwLock::new((snapshot, tls))));
        ledger.teach(learn(&current));
        let started_at = world.now();
        Ok(Arc::new(Self {
            machine: world.machine(),
            world,
            access,
            ledger,
            limits,
            board,
            counters: Counters::default(),
            force,
            sessions: Sessions::default(),
            places: Places::default(),
            work: Arc::default(),
            shadows: Arc::default(),
            dashboard: Dashboard::default(),
            teller,
            alarm,
            current,
            load,
            started: Instant::now(),
            started_at,
        }))
    }

    /// The configuration that holds for a request that begins now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.0.read().unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Reads the configuration again. What is in flight keeps the old one; where the new one is wrong, so does
    /// everybody, and the reason is returned.
    pub fn reload(&self) -> Result<(), Failure> {
        let fresh = ready((self.load)()?)?;
        self.limits.watch(&self.ledger, &fresh.0.allowance.budgets);
        self.board.renew(&fresh.0.roster, &fresh.0.lines);
        *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        // What was learned while the files were read.
        self.ledger.teach(learn(&self.current));
        Ok(())
    }

    /// Changes the configuration in one place, for the requests that begin from now on; the files have another word at
    /// the next reload.
    pub(in crate::gateway) fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        self.current.change(change);
    }

    /// How a connection that begins now shakes hands; `None` where it does not.
    pub(in crate::gateway) fn tls(&self) -> Option<TlsAcceptor> {
        self.current.0.read().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// How many requests are under way, their answers included.
    pub fn under_way(&self) -> u64 {
        Counters::read(&self.counters.in_flight)
    }

    /// How long it has been running.
    pub(in crate::gateway) fn uptime(&self) -> std::time::Duration {
        self.started.elapsed()
    }

    /// When it was started.
    pub(in crate::gateway) fn started_at(&self) -> Timestamp {
        self.started_at
    }
}

/// What is learned counts from the next request on, whoever has taught it.
fn learn(current: &Arc<Current>) -> Learn {
    let current = Arc::downgrade(current);
    Box::new(move |lessons| {
        if let Some(current) = current.upgrade() {
            current.change(|snapshot| snapshot.learned = snapshot.learned.retaught(lessons));
        }
    })
}

/// A snapshot with what is made of it once.
fn ready(snapshot: Snapshot) -> Result<(Arc<Snapshot>, Option<TlsAcceptor>), GatewayError> {
    let tls = snapshot.serve.tls.as_ref().map(tls::acceptor).transpose()?;
    Ok((Arc::new(snapshot), tls))
}

impl Counters {
    /// One more.
    pub(in crate::gateway) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// How many.
    pub(in crate::gateway) fn read(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}
