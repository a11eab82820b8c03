//! What is read of the journal for a page: by the journal's own thread, off the threads of the requests, at most once a
//! second for each span, however many watch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::journal::panels::{ProviderHealth, Recent, Series, Split, Tiles, TimesLine, Window};
use crate::journal::{Days, Journal, JournalError, Line, Opinion};

use super::super::ledger::{Ledger, LedgerError};

/// For how long what was read is told.
const FRESH: Duration = Duration::from_secs(1);
/// How many decisions are listed.
const RECENT: u32 = 10;
/// How many conversations.
const SESSIONS: usize = 8;

/// The time that a page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Span {
    /// Today, by hours.
    Today,
    /// Seven days with today.
    Week,
    /// Thirty days with today.
    Month,
}

impl Span {
    pub(super) const ALL: [Self; 3] = [Self::Today, Self::Week, Self::Month];

    /// The word in addresses: how many days.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Today => "1",
            Self::Week => "7",
            Self::Month => "30",
        }
    }

    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.as_str() == word)
    }

    const fn count(self) -> u16 {
        match self {
            Self::Today => 1,
            Self::Week => 7,
            Self::Month => 30,
        }
    }

    fn days(self, today: Date) -> Days {
        let before = i64::from(self.count()) - 1;
        Days { since: Some(today.checked_sub(before.days()).unwrap_or(today)), until: Some(today) }
    }

    /// The slots, and how many of the day are still to come.
    fn window(self, now: Timestamp, zone: &TimeZone) -> (Window, usize) {
        let today = zone.to_datetime(now).date();
        if self != Self::Today {
            return (Window::days(self.count(), today), 0);
        }
        let hour = |at: Timestamp| at.as_second().div_euclid(3600);
        let midnight = |day: Date| {
            let zoned = zone.to_ambiguous_zoned(day.at(0, 0, 0, 0)).compatible();
            zoned.map_or_else(|_| hour(now), |zoned| hour(zoned.timestamp()))
        };
        let passed = u16::try_from(hour(now) - midnight(today) + 1).unwrap_or(1);
        let to_come = today.tomorrow().map_or(0, |tomorrow| midnight(tomorrow) - hour(now) - 1);
        (Window::hours(passed, now), usize::try_from(to_come).unwrap_or(0))
    }
}

/// What a page shows.
pub(super) struct Figures {
    pub(super) tiles: Tiles,
    pub(super) models: Series,
    /// All models together first.
    pub(super) times: Vec<TimesLine>,
    pub(super) health: Vec<ProviderHealth>,
    pub(super) recent: Vec<Recent>,
    /// What was said of the recent ones.
    pub(super) opinions: BTreeMap<String, Opinion>,
    pub(super) sessions: Vec<Line>,
    /// The slots of today that are still to come.
    pub(super) to_come: usize,
}

impl Figures {
    fn read(journal: &Journal, span: Span, now: Timestamp, zone: &TimeZone) -> Result<Self, JournalError> {
        let (window, to_come) = span.window(now, zone);
        let days = span.days(zone.to_datetime(now).date());
        let recent = journal.recent(RECENT)?;
        let said = journal.feedback()?.into_iter().filter(|one| one.undone.is_none());
        let opinions = said
            .filter(|one| recent.iter().any(|request| request.request == one.request))
            .map(|one| (one.request, one.opinion))
            .collect();
        Ok(Self {
            tiles: journal.tiles(days)?,
            models: journal.series(window, Split::Model)?,
            times: journal.times(window)?.1,
            health: journal.health(window)?.1,
            recent,
            opinions,
            sessions: journal.sessions_used(days, SESSIONS)?,
            to_come,
        })
    }
}

/// What was read last, for each span; `None` inside where nothing was ever recorded.
#[derive(Default)]
pub(super) struct Shelf([Mutex<Option<Reading>>; 3]);

/// What was read, and when its reading began.
type Reading = (Instant, Option<Arc<Figures>>);

impl Shelf {
    /// The figures as they are now, or were a moment ago. Who comes while they are read waits for the same reading.
    pub(super) async fn of(
        &self,
        ledger: &Ledger,
        span: Span,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Result<Option<Arc<Figures>>, LedgerError> {
        let [today, week, month] = &self.0;
        let kept = match span {
            Span::Today => today,
            Span::Week => week,
            Span::Month => month,
        };
        let mut last = kept.lock().await;
        if let Some((_, figures)) = last.as_ref().filter(|(read, _)| read.elapsed() < FRESH) {
            return Ok(figures.clone());
        }
        let began = Instant::now();
        let zone = zone.clone();
        let read = ledger.ask(move |journal| Figures::read(journal, span, now, &zone)).await?;
        let figures = read.map(Arc::new);
        *last = Some((began, figures.clone()));
        Ok(figures)
    }

    /// What was read is out of date.
    pub(super) async fn forget(&self) {
        for shelf in &self.0 {
            *shelf.lock().await = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn today_is_the_persons_day_hour_by_hour() {
        let zone = TimeZone::fixed(jiff::tz::offset(9));
        // Half past nine in the evening in Seoul.
        let now: Timestamp = "2026-11-21T12:30:00Z".parse().unwrap();
        let (window, to_come) = Span::Today.window(now, &zone);
        assert_eq!((window.len(), to_come), (22, 2));
        assert_eq!(window.starts(&zone)[0].to_string(), "2026-11-20T15:00:00Z");
        let (week, none) = Span::Week.window(now, &zone);
        assert_eq!((week.len(), none), (7, 0));
        assert_eq!(Span::Month.days("2026-11-21".parse().unwrap()).since, Some("2026-10-23".parse().unwrap()));
    }
}
