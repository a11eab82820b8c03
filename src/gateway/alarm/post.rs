//! Who is being told something, and when those who did not hear are told again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::alert::{Event, Sink};

use super::book::AlertBook;

/// After how long who did not hear is told again; twice as long after each further time.
const FIRST: Duration = Duration::from_secs(1);
/// At the most.
const LONGEST: Duration = Duration::from_secs(300);

/// See the top of this file.
#[derive(Debug, Default)]
pub(super) struct Post {
    under_way: BTreeSet<String>,
    /// How often a sink did not hear, and when it is tried again.
    later: BTreeMap<String, (u32, Instant)>,
}

impl Post {
    /// What is to be told now: one message to a sink at a time, so that each hears in order.
    pub(super) fn due(&mut self, sinks: &[Sink], book: &AlertBook) -> Vec<(Sink, Event)> {
        let now = Instant::now();
        self.later.retain(|name, _| sinks.iter().any(|sink| sink.name == *name));
        let mut due = Vec::new();
        for sink in sinks {
            let waits = self.later.get(&sink.name).is_some_and(|(_, at)| *at > now);
            if waits || self.under_way.contains(&sink.name) {
                continue;
            }
            if let Some(event) = book.next(&sink.name) {
                self.under_way.insert(sink.name.clone());
                due.push((sink.clone(), event.clone()));
            }
        }
        due
    }

    /// A sink has heard, or has not.
    pub(super) fn over(&mut self, sink: &str, heard: bool) {
        self.under_way.remove(sink);
        if heard {
            self.later.remove(sink);
            return;
        }
        let times = self.later.get(sink).map_or(0, |(times, _)| *times);
        let wait = FIRST.saturating_mul(1 << times.min(10)).min(LONGEST);
        self.later.insert(sink.to_owned(), (times + 1, Instant::now() + wait));
    }

    /// When the next one is tried again that is not being told something now.
    pub(super) fn next(&self) -> Option<Instant> {
        self.later.iter().filter(|(name, _)| !self.under_way.contains(*name)).map(|(_, (_, at))| *at).min()
    }

    /// Whether anything is under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.under_way.is_empty()
    }
}
