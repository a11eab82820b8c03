//! The breaker of one lane: closed while it works, open while it is left alone, half-open while one single request
//! tries whether it works again.
//!
//! ```text
//! closed ── failures, a limit, a dead key ──▶ open ── its time is over ──▶ half-open
//!    ▲                                          ▲                             │
//!    │                                          └──────── it failed ──────────┤
//!    └────────────────────────────── the one request has an answer ───────────┘
//! ```
//!
//! An answer is there with its first piece, however long the rest takes ([`Breaker::speaks`]).
//!
//! What was sent before the last change of the state says nothing about the state after it, and is not counted.

use std::time::Duration;

use super::Blame;

/// How much a lane is borne with, and how long it is left alone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Failures that open it. Each one counts 1, half of it after [`Limits::memory`]; each answer halves the count.
    pub failures: f64,
    /// The time after which a failure counts half.
    pub memory: Duration,
    /// How long a failing lane is left alone at first; each time in a row twice as long.
    pub failing: Duration,
    /// The longest of these times.
    pub longest_failing: Duration,
    /// How long a busy lane is left alone at first; each time in a row twice as long.
    pub busy: Duration,
    /// The longest of these times.
    pub longest_busy: Duration,
    /// The most of a `Retry-After` that is believed.
    pub longest_asked: Duration,
    /// How long a dead key is left alone.
    pub dead: Duration,
}

impl Default for Limits {
    /// 3 failures close together; 5 s to 5 min where it fails, 1 s to 1 min where it is busy (and as long as it asks, up
    /// to 5 min), 30 min where the key is dead.
    fn default() -> Self {
        Self {
            failures: 3.0,
            memory: Duration::from_secs(60),
            failing: Duration::from_secs(5),
            longest_failing: Duration::from_secs(300),
            busy: Duration::from_secs(1),
            longest_busy: Duration::from_secs(60),
            longest_asked: Duration::from_secs(300),
            dead: Duration::from_secs(1_800),
        }
    }
}

/// Why a lane is left alone, the mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// It has too much to do.
    Busy,
    /// It fails.
    Failing,
    /// Its key is not taken, or used up.
    Dead,
}

/// How a lane stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It is asked.
    Closed,
    /// It is left alone for so long.
    Open(Cause, Duration),
    /// One request may try it; `true` while that one is out.
    HalfOpen(Cause, bool),
}

impl State {
    /// The word in `GET /api/health`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open(Cause::Dead, _) => "hard-down",
            Self::Open(..) => "open",
            Self::HalfOpen(..) => "half-open",
        }
    }

    /// Whether it is asked without reserve.
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Closed)
    }

    /// For how long it is left alone.
    pub const fn left(self) -> Option<Duration> {
        match self {
            Self::Open(_, left) => Some(left),
            Self::Closed | Self::HalfOpen(..) => None,
        }
    }

    /// Whether a request may go there as a matter of course.
    pub const fn admits(self) -> bool {
        matches!(self, Self::Closed | Self::HalfOpen(_, false))
    }
}

/// The leave to send one request; to be given back with what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    epoch: u64,
    probe: bool,
    /// The lane was not closed.
    opens: bool,
}

impl Pass {
    /// Whether it is the one request that tries a half-open lane.
    pub const fn is_probe(self) -> bool {
        self.probe
    }

    /// Whether an answer to it shows that the lane is well again.
    pub const fn opens(self) -> bool {
        self.opens
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Gate {
    Closed,
    Open { cause: Cause, until: Duration },
    Probing { cause: Cause },
}

/// The state machine. Times are what has passed since some start.
#[derive(Debug, Clone)]
pub struct Breaker {
    limits: Limits,
    gate: Gate,
    /// When the gate last opened or closed.
    since: Duration,
    /// Counts those changes.
    epoch: u64,
    /// How often it opened since the last answer.
    streak: u32,
    trouble: f64,
    /// When [`Breaker::trouble`] was so much.
    at: Duration,
}

impl Breaker {
    /// A closed one.
    pub fn new(limits: Limits, now: Duration) -> Self {
        Self { limits, gate: Gate::Closed, since: now, epoch: 0, streak: 0, trouble: 0.0, at: now }
    }

    /// How it stands.
    pub fn state(&self, now: Duration) -> State {
        match self.gate {
            Gate::Closed => State::Closed,
            Gate::Probing { cause } => State::HalfOpen(cause, true),
            Gate::Open { cause, until } if until <= now => State::HalfOpen(cause, false),
            Gate::Open { cause, until } => State::Open(cause, until.saturating_sub(now)),
        }
    }

    /// When it last opened or closed.
    pub fn since(&self) -> Duration {
        self.since
    }

    /// The failures that still count.
    pub fn trouble(&self, now: Duration) -> f64 {
        let halves =
            now.saturating_sub(self.at).as_secs_f64() / self.limits.memory.as_secs_f64().max(f64::MIN_POSITIVE);
        self.trouble * (-halves).exp2()
    }

    /// A request goes there, whether the state admits it or there is nobody better.
    pub fn begin(&mut self, now: Duration) -> Pass {
        let probe = match self.state(now) {
            State::HalfOpen(cause, false) => {
                self.gate = Gate::Probing { cause };
                true
            }
            _ => false,
        };
        Pass { epoch: self.epoch, probe, opens: self.gate != Gate::Closed }
    }

    /// The first piece of the request's answer has come: the lane is well, and nobody has to wait for the rest. Gives
    /// the leave with which the request goes on, whose end then counts like any other's.
    #[must_use]
    pub fn speaks(&mut self, pass: Pass, now: Duration) -> Pass {
        if !pass.opens || pass.epoch != self.epoch {
            return pass;
        }
        self.close(now);
        Pass { epoch: self.epoch, probe: false, opens: false }
    }

    /// What came of the request.
    pub fn end(&mut self, pass: Pass, blame: Blame, now: Duration) {
        if pass.epoch != self.epoch {
            return;
        }
        match (blame, self.gate) {
            (Blame::Nobody, Gate::Probing { cause }) if pass.probe => self.gate = Gate::Open { cause, until: now },
            (Blame::Fine, Gate::Closed) => self.note(self.trouble(now) / 2.0, now),
            (Blame::Fine, _) => self.close(now),
            (Blame::Dead(asked), _) => self.open(Cause::Dead, asked, now),
            (Blame::Busy(asked), Gate::Closed) => self.open(Cause::Busy, asked, now),
            (Blame::Failed, Gate::Closed) => {
                self.note(self.trouble(now) + 1.0, now);
                // Failures a moment apart have faded by a hair.
                if self.trouble > self.limits.failures - 0.5 {
                    self.open(Cause::Failing, None, now);
                }
            }
            (Blame::Busy(asked), Gate::Probing { .. }) if pass.probe => self.open(Cause::Busy, asked, now),
            (Blame::Failed, Gate::Probing { .. }) if pass.probe => self.open(Cause::Failing, None, now),
            // Nobody's fault; or sent because there was nobody better, and that it failed is no news.
            (Blame::Nobody | Blame::Busy(_) | Blame::Failed, _) => {}
        }
    }

    fn note(&mut self, trouble: f64, now: Duration) {
        (self.trouble, self.at) = (trouble, now);
    }

    /// Forgets everything; what is out now says nothing about it any more.
    pub fn close(&mut self, now: Duration) {
        *self = Self { epoch: self.epoch + 1, ..Self::new(self.limits, now) };
    }

    fn open(&mut self, cause: Cause, asked: Option<Duration>, now: Duration) {
        let Limits { failing, longest_failing, busy, longest_busy, longest_asked, dead, .. } = self.limits;
        let doubled = |first: Duration, most: Duration| {
            let times = 1_u32.checked_shl(self.streak).unwrap_or(u32::MAX);
            first.saturating_mul(times).min(most)
        };
        let asked = asked.unwrap_or_default().min(longest_asked);
        let wait = match cause {
            Cause::Failing => doubled(failing, longest_failing),
            Cause::Busy => doubled(busy, longest_busy).max(asked),
            Cause::Dead => dead.max(asked),
        };
        self.gate = Gate::Open { cause, until: now.saturating_add(wait) };
        self.since = now;
        self.epoch += 1;
        self.streak = self.streak.saturating_add(1);
    }
}
