//! How many requests and tokens a minute, and how many requests at once: for all together and for each access key. Pure:
//! the time comes in as the time since some beginning.

use std::collections::BTreeMap;
use std::time::Duration;

/// The limits of one access key, or of all together; nothing is limited that is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Requests a minute.
    pub requests: Option<u64>,
    /// Tokens a minute, of prompts and answers.
    pub tokens: Option<u64>,
    /// Requests under way at once.
    pub concurrent: Option<u64>,
}

impl Rates {
    /// Whether nothing is limited.
    pub const fn is_empty(&self) -> bool {
        self.requests.is_none() && self.tokens.is_none() && self.concurrent.is_none()
    }
}

/// The limits of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// For all together.
    pub all: Rates,
    /// For these access keys, each by itself.
    pub keys: BTreeMap<String, Rates>,
    /// How many requests may wait for others to end; one more is refused.
    pub queue: u64,
    /// How long one may wait.
    pub longest_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { all: Rates::default(), keys: BTreeMap::new(), queue: 64, longest_wait: Duration::from_secs(30) }
    }
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.keys.values().all(Rates::is_empty)
    }

    fn of<'a>(&'a self, key: &'a str) -> impl Iterator<Item = (Option<&'a str>, &'a Rates)> {
        std::iter::once((None, &self.all)).chain(self.keys.get(key).map(|rates| (Some(key), rates)))
    }
}

/// What was too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// Requests a minute.
    Requests(u64),
    /// Tokens a minute.
    Tokens(u64),
}

/// Why a request has to wait or come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooMany {
    /// What was too much, and how much is allowed.
    pub what: Excess,
    /// The access key whose limit it is; `None`: that of all together.
    pub key: Option<String>,
    /// When there is room again.
    pub wait: Duration,
}

impl TooMany {
    /// The reason in words: `the limit of the key laptop is 60 requests a minute`.
    pub fn told(&self) -> String {
        let whose =
            self.key.as_deref().map_or_else(|| "the limit".to_owned(), |key| format!("the limit of the key {key}"));
        match self.what {
            Excess::Requests(most) => format!("{whose} is {most} requests a minute"),
            Excess::Tokens(most) => format!("{whose} is {most} tokens a minute"),
        }
    }
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Entry {
    /// It may be sent; [`Limiter::leave`] when it is over.
    Open,
    /// It may be sent when others are over.
    Wait,
    /// It may be sent later.
    TooMany(TooMany),
}

/// What is under way, and what the last minute has seen.
#[derive(Debug, Default)]
pub struct Limiter {
    all: Meter,
    keys: BTreeMap<String, Meter>,
}

#[derive(Debug, Default)]
struct Meter {
    requests: Bucket,
    tokens: Bucket,
    running: u64,
}

impl Limiter {
    /// Asks whether a request of `key` may be sent whose prompt has about so many tokens. Only one that may is counted.
    pub fn enter(&mut self, key: &str, limits: &Limits, tokens: u64, now: Duration) -> Entry {
        let mut waits = false;
        for (name, rates) in limits.of(key) {
            let meter = self.meter(name);
            let excess = [
                (rates.requests, &mut meter.requests, 1, Excess::Requests as fn(u64) -> Excess),
                (rates.tokens, &mut meter.tokens, tokens, Excess::Tokens),
            ];
            for (most, bucket, count, what) in excess {
                let Some(most) = most else { continue };
                if let Some(wait) = bucket.wait(most, count, now) {
                    return Entry::TooMany(TooMany { what: what(most), key: name.map(str::to_owned), wait });
                }
            }
            waits |= rates.concurrent.is_some_and(|most| meter.running >= most);
        }
        if waits {
            return Entry::Wait;
        }
        for (name, _) in limits.of(key) {
            let meter = self.meter(name);
            meter.requests.take(1);
            meter.tokens.take(tokens);
            meter.running += 1;
        }
        Entry::Open
    }

    /// Counts a request of `key` as over: it used `tokens`, of which `counted` were counted when it entered. It is told
    /// the limits that it entered with.
    pub fn leave(&mut self, key: &str, limits: &Limits, counted: u64, tokens: u64) {
        for (name, _) in limits.of(key) {
            let meter = self.meter(name);
            meter.running = meter.running.saturating_sub(1);
            meter.tokens.give_back(counted);
            meter.tokens.take(tokens);
        }
    }

    /// Takes a request back that was let in and then not sent at all.
    pub fn cancel(&mut self, key: &str, limits: &Limits, counted: u64) {
        self.leave(key, limits, counted, 0);
        for (name, _) in limits.of(key) {
            self.meter(name).requests.give_back(1);
        }
    }

    /// How many requests are under way.
    pub fn running(&self) -> u64 {
        self.all.running
    }

    fn meter(&mut self, name: Option<&str>) -> &mut Meter {
        match name {
            None => &mut self.all,
            Some(name) => self.keys.entry(name.to_owned()).or_default(),
        }
    }
}

/// How much of a minute's allowance is used. It drains evenly: after a minute of rest all of it is there again.
#[derive(Debug, Default)]
struct Bucket {
    /// Used, in nanoseconds' worth: one unit is one thing for a minute. What came unasked (an answer's tokens) may make
    /// it more than a minute allows.
    used: u128,
    at: Duration,
}

const MINUTE: u128 = 60_000_000_000;

impl Bucket {
    /// How long to wait until `count` more fit into `most` a minute; `None` where they do now. More at once than a whole
    /// minute allows fits when nothing else is used.
    fn wait(&mut self, most: u64, count: u64, now: Duration) -> Option<Duration> {
        let most = u128::from(most);
        let passed = now.saturating_sub(self.at).as_nanos();
        self.used = self.used.saturating_sub(passed.saturating_mul(most));
        self.at = self.at.max(now);
        let full = most * MINUTE;
        let over = (self.used + u128::from(count).min(most) * MINUTE).saturating_sub(full);
        if over == 0 && most > 0 {
            return None;
        }
        let nanos = if most == 0 { MINUTE } else { over.div_ceil(most) };
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    fn take(&mut self, count: u64) {
        self.used = self.used.saturating_add(u128::from(count) * MINUTE);
    }

    fn give_back(&mut self, count: u64) {
        self.used = self.used.saturating_sub(u128::from(count) * MINUTE);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_all(rates: Rates) -> Limits {
        Limits { all: rates, ..Limits::default() }
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn requests_a_minute_come_back_evenly() {
        let limits = of_all(Rates { requests: Some(6), ..Rates::default() });
        let mut limiter = Limiter::default();
        for _ in 0..6 {
            assert_eq!(limiter.enter("k", &limits, 100, seconds(100)), Entry::Open);
        }
        let Entry::TooMany(why) = limiter.enter("k", &limits, 1, seconds(100)) else { panic!() };
        assert_eq!((why.wait, why.told().as_str()), (seconds(10), "the limit is 6 requests a minute"));
        assert_eq!(limiter.enter("k", &limits, 1, seconds(110)), Entry::Open);
        assert!(matches!(limiter.enter("k", &limits, 1, seconds(111)), Entry::TooMany(_)));
    }

    #[test]
    fn tokens_are_counted_again_when_the_answer_is_known() {
        let limits = of_all(Rates { tokens: Some(600), ..Rates::default() });
        let mut limiter = Limiter::default();
        assert_eq!(limiter.enter("k", &limits, 100, seconds(0)), Entry::Open);
        limiter.leave("k", &limits, 100, 1200);
        let Entry::TooMany(why) = limiter.enter("k", &limits, 60, seconds(0)) else { panic!() };
        assert_eq!(why.wait, seconds(66), "1260 tokens at ten a second, less the 600 of the minute");
        assert_eq!(limiter.enter("k", &limits, 6000, seconds(200)), Entry::Open, "a long prompt fits alone");
    }

    #[test]
    fn a_key_has_its_own_limits_beside_those_of_all() {
        let mut limits = of_all(Rates { concurrent: Some(3), ..Rates::default() });
        limits.keys.insert("slow".into(), Rates { concurrent: Some(1), ..Rates::default() });
        let mut limiter = Limiter::default();
        assert_eq!(limiter.enter("slow", &limits, 0, seconds(0)), Entry::Open);
        assert_eq!(limiter.enter("slow", &limits, 0, seconds(0)), Entry::Wait);
        assert_eq!(limiter.enter("other", &limits, 0, seconds(0)), Entry::Open);
        assert_eq!(limiter.enter("other", &limits, 0, seconds(0)), Entry::Open);
        assert_eq!(limiter.enter("other", &limits, 0, seconds(0)), Entry::Wait);
        limiter.leave("slow", &limits, 0, 0);
        assert_eq!(limiter.enter("slow", &limits, 0, seconds(0)), Entry::Open);
        assert_eq!(limiter.running(), 3);
    }

    /// A wait that is rounded down is a nanosecond short, and whoever has waited is refused again.
    #[test]
    fn whoever_waits_gets_through_where_a_minute_does_not_divide_evenly() {
        for most in [7, 11, 13, 49, 997] {
            let limits = of_all(Rates { requests: Some(most), ..Rates::default() });
            let mut limiter = Limiter::default();
            let mut now = Duration::ZERO;
            for _ in 0..most {
                assert_eq!(limiter.enter("k", &limits, 0, now), Entry::Open);
            }
            for _ in 0..100 {
                now += Duration::from_nanos(1);
                let Entry::TooMany(why) = limiter.enter("k", &limits, 0, now) else { panic!("{most}") };
                now += why.wait;
                assert_eq!(limiter.enter("k", &limits, 0, now), Entry::Open, "{most} after {:?}", why.wait);
            }
        }
    }

    proptest! {
        /// In any window of a minute no more than two minutes' allowance gets through, and never more at once than
        /// one's; whoever waits as long as it was told gets through.
        #[test]
        fn the_rate_holds(most in 1_u64..50, gaps in prop::collection::vec(0_u64..20_000, 1..300)) {
            let limits = of_all(Rates { requests: Some(most), ..Rates::default() });
            let mut limiter = Limiter::default();
            let (mut now, mut through) = (Duration::ZERO, Vec::new());
            for gap in gaps {
                now += Duration::from_millis(gap);
                match limiter.enter("k", &limits, 0, now) {
                    Entry::Open => through.push(now),
                    Entry::Wait => prop_assert!(false, "nothing is limited at once"),
                    Entry::TooMany(why) => {
                        now += why.wait;
                        prop_assert_eq!(limiter.enter("k", &limits, 0, now), Entry::Open);
                        through.push(now);
                    }
                }
            }
            for (at, start) in through.iter().enumerate() {
                let within = through.iter().skip(at).take_while(|time| **time < *start + seconds(60)).count();
                prop_assert!(within as u64 <= 2 * most);
            }
        }

        /// However requests come and go, no more are under way than may be, and in the end none is.
        #[test]
        fn no_more_at_once_than_may_be(most in 1_u64..10, steps in prop::collection::vec(any::<bool>(), 1..200)) {
            let limits = of_all(Rates { concurrent: Some(most), ..Rates::default() });
            let (mut limiter, mut running) = (Limiter::default(), 0_u64);
            for enters in steps {
                if enters {
                    running += u64::from(limiter.enter("k", &limits, 5, Duration::ZERO) == Entry::Open);
                } else if running > 0 {
                    limiter.leave("k", &limits, 5, 7);
                    running -= 1;
                }
                prop_assert!(running <= most);
                prop_assert_eq!(limiter.running(), running);
            }
        }
    }
}
