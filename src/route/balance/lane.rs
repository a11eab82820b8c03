//! One model at one deployment: its breaker, how fast it is, what is under way there.

use std::time::Duration;

use super::{Blame, Breaker, Cause, Limits, Pass, State};

/// After so long an observation of the latency counts for about a third.
const MEMORY: f64 = 10.0;
/// Of a lane that nobody has measured yet, in seconds: so that what is under way there counts.
const UNMEASURED: f64 = 0.001;

/// What is known of a lane.
#[derive(Debug, Clone)]
pub struct Lane {
    breaker: Breaker,
    /// Seconds, and when.
    latency: Option<(f64, Duration)>,
    in_flight: u32,
    answered: u64,
    failed: u64,
    /// The balance of [`super::choose`] for taking turns.
    pub(super) turn: i64,
}

impl Lane {
    /// One that nothing is known of.
    pub fn new(limits: Limits, now: Duration) -> Self {
        Self { breaker: Breaker::new(limits, now), latency: None, in_flight: 0, answered: 0, failed: 0, turn: 0 }
    }

    /// Its breaker.
    pub fn breaker(&self) -> &Breaker {
        &self.breaker
    }

    /// How many requests are under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// How many requests were answered.
    pub fn answered(&self) -> u64 {
        self.answered
    }

    /// How many requests failed by its own fault.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// The peak-sensitive mean of the latency: a slower answer counts at once, faster ones little by little; what is
    /// old fades, so that a lane that was slow is tried again (peak EWMA, as in Finagle). `None`: not measured.
    pub fn latency(&self, now: Duration) -> Option<Duration> {
        self.latency.map(|_| Duration::try_from_secs_f64(self.seconds(now)).unwrap_or_default())
    }

    fn seconds(&self, now: Duration) -> f64 {
        let Some((seconds, at)) = self.latency else { return 0.0 };
        seconds * (-now.saturating_sub(at).as_secs_f64() / MEMORY).exp()
    }

    /// What it costs to send one more request there; only good for comparing.
    pub(super) fn cost(&self, now: Duration) -> f64 {
        // A lane that is being tried again is not held to what it did before.
        let trouble = if matches!(self.breaker.state(now), State::Closed) { self.breaker.trouble(now) } else { 0.0 };
        (self.seconds(now) + UNMEASURED) * (f64::from(self.in_flight) + 1.0) * (1.0 + trouble).powi(2)
    }

    /// A request goes there.
    pub fn begin(&mut self, now: Duration) -> Pass {
        self.in_flight = self.in_flight.saturating_add(1);
        self.breaker.begin(now)
    }

    /// The first piece of its answer has come: see [`Breaker::speaks`].
    #[must_use]
    pub fn speaks(&mut self, pass: Pass, now: Duration) -> Pass {
        self.breaker.speaks(pass, now)
    }

    /// It is over. `latency`: how long the first piece of the answer took, where one came.
    pub fn end(&mut self, pass: Pass, blame: Blame, latency: Option<Duration>, now: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match blame {
            Blame::Fine => self.answered += 1,
            Blame::Nobody => {}
            Blame::Busy(_) | Blame::Dead(_) | Blame::Failed => self.failed += 1,
        }
        if let Some(latency) = latency.filter(|_| matches!(blame, Blame::Fine)) {
            self.observe(latency.as_secs_f64(), now);
        }
        self.breaker.end(pass, blame, now);
    }

    /// What a check of the deployment found, which is no request. That it is well says nothing of a dead key.
    pub fn check(&mut self, blame: Blame, now: Duration) {
        let dead = matches!(self.breaker.state(now), State::Open(Cause::Dead, _) | State::HalfOpen(Cause::Dead, _));
        if dead && blame == Blame::Fine {
            return;
        }
        let pass = self.breaker.begin(now);
        self.breaker.end(pass, blame, now);
    }

    /// Forgets how it did: it leads somewhere else now.
    pub fn renew(&mut self, now: Duration) {
        self.breaker.close(now);
        self.latency = None;
    }

    fn observe(&mut self, seconds: f64, now: Duration) {
        let mean = match self.latency {
            Some((mean, at)) if seconds <= mean => {
                let old = (-now.saturating_sub(at).as_secs_f64() / MEMORY).exp();
                mean * old + seconds * (1.0 - old)
            }
            _ => seconds,
        };
        self.latency = Some((mean, now));
    }
}
