//! Who watches. Whoever ends a request says that something has changed; where nobody watches, that is one load of an
//! atomic. Watchers are told that there is something new, not what: one that is slow misses a beat and nothing waits
//! for it.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The most watchers at a time.
const MOST: usize = 16;

/// Says that something has changed.
pub(in crate::gateway) struct Pulse {
    beats: watch::Sender<Beat>,
    room: Arc<Semaphore>,
}

/// How often, and whether it was the last time.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Beat {
    pub(super) number: u64,
    pub(super) last: bool,
}

/// One who watches.
pub(super) struct Watcher {
    pub(super) beats: watch::Receiver<Beat>,
    _room: OwnedSemaphorePermit,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { beats: watch::Sender::new(Beat::default()), room: Arc::new(Semaphore::new(MOST)) }
    }
}

impl Pulse {
    /// Something has changed.
    pub(in crate::gateway) fn beat(&self) {
        if self.beats.receiver_count() > 0 {
            self.beats.send_modify(|beat| beat.number = beat.number.wrapping_add(1));
        }
    }

    /// Nothing will change any more: watchers go.
    pub(in crate::gateway) fn close(&self) {
        self.beats.send_modify(|beat| beat.last = true);
    }

    /// Begins to watch; `None` where too many do.
    pub(super) fn watch(&self) -> Option<Watcher> {
        let room = Arc::clone(&self.room).try_acquire_owned().ok()?;
        Some(Watcher { beats: self.beats.subscribe(), _room: room })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_may_watch_and_no_more() {
        let pulse = Pulse::default();
        let mut watchers: Vec<_> = (0..MOST).map(|_| pulse.watch().unwrap()).collect();
        assert!(pulse.watch().is_none());
        watchers.pop();
        assert!(pulse.watch().is_some());
    }

    #[test]
    fn beats_run_together_for_whoever_is_slow() {
        let pulse = Pulse::default();
        pulse.beat();
        let mut slow = pulse.watch().unwrap();
        assert!(!slow.beats.has_changed().unwrap(), "what was before is not news");
        (0..1_000).for_each(|_| pulse.beat());
        assert!(slow.beats.has_changed().unwrap());
        assert_eq!(slow.beats.borrow_and_update().number, 1_000);
        assert!(!slow.beats.has_changed().unwrap(), "a thousand beats are one piece of news");
        pulse.close();
        assert!(slow.beats.borrow_and_update().last);
    }
}
