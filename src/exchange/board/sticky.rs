//! Where conversations are at home: the deployment that has their prompts in its cache.

use std::collections::HashMap;
use std::time::Duration;

/// After so long nothing of a conversation is cached anywhere.
const LASTING: Duration = Duration::from_secs(3_600);
/// No more conversations than so many.
const MOST: usize = 10_000;

/// The homes, by a hash of provider and conversation.
#[derive(Debug, Default)]
pub(super) struct Sticky(HashMap<u64, (String, Duration)>);

impl Sticky {
    /// The way that a conversation took last.
    pub(super) fn of(&self, session: u64, now: Duration) -> Option<&str> {
        let (way, at) = self.0.get(&session)?;
        (now.saturating_sub(*at) < LASTING).then_some(way)
    }

    /// The conversation is at home there.
    pub(super) fn stay(&mut self, session: u64, way: &str, now: Duration) {
        if let Some((home, at)) = self.0.get_mut(&session) {
            *at = now;
            if home != way {
                way.clone_into(home);
            }
            return;
        }
        if self.0.len() >= MOST {
            self.0.retain(|_, (_, at)| now.saturating_sub(*at) < LASTING);
        }
        // Still too many: they lose their caches rather than we our memory.
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(session, (way.to_owned(), now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_stays_for_an_hour_and_they_are_never_too_many() {
        let at = Duration::from_secs;
        let mut sticky = Sticky::default();
        sticky.stay(1, "zai/eu", at(0));
        sticky.stay(1, "zai/us", at(10));
        assert_eq!(sticky.of(1, at(3_609)), Some("zai/us"));
        assert_eq!(sticky.of(1, at(3_610)), None);
        for session in 0..25_000 {
            sticky.stay(session, "zai/eu", at(20));
            assert!(sticky.0.len() <= MOST);
        }
        assert_eq!(sticky.of(24_999, at(21)), Some("zai/eu"));
    }
}
