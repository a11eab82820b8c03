//! What a conversation is remembered by between its requests: who answered it last, and what its turn was taken for.
//!
//! It lives in memory alone. After a restart a tool's answer is decided by the last words of the user, like the turn's
//! first request was, and so it finds the same model.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::classify::Classification;

/// For how long a thread is remembered: SPEC-MODEL-001, "세션 데이터 24시간 후 자동 삭제".
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// For how long a vendor keeps a prompt in its cache after the last use: Anthropic's default (its documentation of
/// prompt caching, 2026-11).
const WARM: SignedDuration = SignedDuration::from_mins(5);
/// The most threads that are remembered; the ones that were silent for longest are forgotten first.
const MOST: usize = 4_096;

/// A thread of a conversation, of one caller: no key looks into another's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::gateway) struct Thread {
    /// The name of the caller's key.
    pub(in crate::gateway) caller: Option<Arc<str>>,
    /// The conversation, as its client names it.
    pub(in crate::gateway) session: Box<str>,
    /// Which of its threads.
    pub(in crate::gateway) lane: Lane,
}

/// The threads of a conversation. Each has a model and a warm cache of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::gateway) enum Lane {
    /// The person's.
    Main,
    /// An agent's, by its id.
    Agent(Box<str>),
    /// The client's own business.
    Background,
}

/// What is remembered of a thread.
#[derive(Debug, Clone)]
pub(in crate::gateway) struct Memory {
    /// Who answered last.
    pub(in crate::gateway) model: Arc<str>,
    /// What its turn was taken for.
    pub(in crate::gateway) seen: Arc<Classification>,
    /// The checkout's own model at that time: where it has another one now, the turn is decided anew.
    pub(in crate::gateway) checkout: Option<Arc<str>>,
    /// When it answered.
    pub(in crate::gateway) at: Timestamp,
}

impl Memory {
    /// Whether the vendor still has the conversation in its prompt cache.
    pub(in crate::gateway) fn is_warm(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) < WARM
    }
}

/// All threads that are remembered.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Sessions {
    threads: Mutex<HashMap<Thread, Memory>>,
}

impl Sessions {
    /// What is remembered of a thread.
    pub(in crate::gateway) fn recall(&self, thread: &Thread, now: Timestamp) -> Option<Memory> {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.get(thread).filter(|memory| now.duration_since(memory.at) < KEPT).cloned()
    }

    /// Remembers who answers a thread, as soon as that is known: its next request may come before the answer's rows
    /// are written.
    pub(in crate::gateway) fn remember(&self, thread: Thread, memory: Memory) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if threads.len() >= MOST && !threads.contains_key(&thread) {
            forget(&mut threads, memory.at);
        }
        threads.insert(thread, memory);
    }

    /// How many threads were heard of in the last five minutes.
    pub(in crate::gateway) fn active(&self, now: Timestamp) -> usize {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.values().filter(|memory| memory.is_warm(now)).count()
    }
}

/// Forgets what is too old, and then the older half, so that the next thousands of requests need not look again.
fn forget(threads: &mut HashMap<Thread, Memory>, now: Timestamp) {
    threads.retain(|_, memory| now.duration_since(memory.at) < KEPT);
    if threads.len() < MOST {
        return;
    }
    let mut times: Vec<Timestamp> = threads.values().map(|memory| memory.at).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    threads.retain(|_, memory| memory.at > median);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::{Options, classify};

    fn thread(session: &str, caller: &str) -> Thread {
        Thread { caller: Some(caller.into()), session: session.into(), lane: Lane::Main }
    }

    fn memory(model: &str, second: i64) -> Memory {
        Memory {
            model: model.into(),
            seen: Arc::new(classify("", Options::default())),
            checkout: None,
            at: Timestamp::from_second(second).unwrap(),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_thread_is_its_callers_alone_and_ends_after_a_day() {
        let sessions = Sessions::default();
        sessions.remember(thread("s", "me"), memory("glm-4.7", 1_000));
        let model = |thread: &Thread, now| sessions.recall(thread, at(now)).map(|memory| memory.model.to_string());
        assert_eq!(model(&thread("s", "me"), 1_001).as_deref(), Some("glm-4.7"));
        assert_eq!(model(&thread("s", "you"), 1_001), None);
        assert_eq!(model(&Thread { lane: Lane::Background, ..thread("s", "me") }, 1_001), None);
        assert_eq!(model(&thread("s", "me"), 1_000 + 24 * 3_600), None);
        let memory = sessions.recall(&thread("s", "me"), at(1_001)).unwrap();
        assert!(memory.is_warm(at(1_299)) && !memory.is_warm(at(1_300)));
        assert_eq!((sessions.active(at(1_001)), sessions.active(at(1_300))), (1, 0));
    }

    #[test]
    fn there_is_a_most_and_the_oldest_go() {
        let sessions = Sessions::default();
        for number in 0..i64::try_from(MOST).unwrap() + 10 {
            sessions.remember(thread(&number.to_string(), "me"), memory("m", number));
        }
        let kept = sessions.threads.lock().unwrap().len();
        assert!(kept <= MOST, "{kept}");
        assert!(sessions.recall(&thread("0", "me"), at(5_000)).is_none());
        assert!(sessions.recall(&thread(&(MOST + 9).to_string(), "me"), at(5_000)).is_some());
    }
}
