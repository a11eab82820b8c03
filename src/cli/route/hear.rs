//! The answer while it comes: text goes to its sink, what happens beside it is said on standard error.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::base::failure::Failure;
use crate::cli::ui::{Ui, clean};
use crate::exchange::{Audience, Note};
use crate::wire::{Delta, Event, FaultKind};

use super::sink::Sink;

/// Somebody at a terminal, or a program behind a pipe.
pub(super) struct Listener<'a> {
    ui: &'a mut Ui,
    /// Where text goes as it comes; `None` where it is shown when it is whole.
    sink: Option<&'a mut Sink>,
    /// What kept us from writing: nobody reads any more.
    failed: Option<Failure>,
    /// Tells the exchange to stop, because nobody reads any more.
    gone: Rc<Cell<bool>>,
    /// The person's time.
    zone: TimeZone,
}

impl<'a> Listener<'a> {
    /// A listener who writes to `sink`, if to any, and raises `gone` when that fails.
    pub(super) fn new(ui: &'a mut Ui, sink: Option<&'a mut Sink>, gone: Rc<Cell<bool>>, zone: TimeZone) -> Self {
        Self { ui, sink, failed: None, gone, zone }
    }

    /// The end of the answer, and why writing failed, if it did.
    pub(super) fn check(mut self) -> Result<(), Failure> {
        if let (Some(sink), None) = (&mut self.sink, &self.failed) {
            let written = sink.break_line(self.ui);
            self.tried(written);
        }
        self.failed.map_or(Ok(()), Err)
    }

    fn tried(&mut self, written: Result<(), Failure>) {
        if let Err(failure) = written {
            self.gone.set(true);
            self.failed.get_or_insert(failure);
        }
    }
}

impl Audience for Listener<'_> {
    fn event(&mut self, event: &Event) {
        let Event::Delta { delta: Delta::Text(text), .. } = event else { return };
        if self.failed.is_some() {
            return;
        }
        if let Some(sink) = &mut self.sink {
            let written = sink.put(text, self.ui);
            self.tried(written);
        }
    }

    fn note(&mut self, note: &Note) {
        let said = match note {
            Note::Sending { .. } => Ok(()),
            Note::Dropped { model, what } => {
                let what: Vec<String> = what.iter().map(|one| format!("{} ({})", one.field, one.why)).collect();
                self.ui.say(clean(&format!("{model} is not told: {}", what.join("; "))))
            }
            Note::Memory { model, why } => {
                let line = self.ui.talk.dim(&clean(&format!("{model} waits for memory: {why}")));
                self.ui.say(line)
            }
            Note::Waiting { model, wait, why } => {
                let line = format!("{model}: {}; asking again in {}", why.told(), lasting(*wait));
                let line = self.ui.talk.dim(&clean(&line));
                self.ui.say(line)
            }
            Note::Fallback { from, to, why } => {
                // Our own word, and not its server's: it was not asked.
                let unasked = why.kind == FaultKind::NotLoaded && why.status.is_none();
                let what = if unasked { "is not asked" } else { "does not answer" };
                self.ui.warn(clean(&format!("{from} {what} ({}); {to} stands in (fallback)", why.told())))
            }
            Note::Cached { model, at } => {
                let at = self.zone.to_datetime(*at).strftime("%Y-%m-%d %H:%M");
                self.ui.warn(clean(&format!("nobody answers; this is what {model} answered at {at} (fallback)")))
            }
        };
        self.tried(said);
    }
}

/// A wait for people: milliseconds below a second, else seconds.
fn lasting(wait: Duration) -> String {
    if wait < Duration::from_secs(1) {
        format!("{:.0} ms", wait.as_secs_f64() * 1000.0)
    } else {
        format!("{:.1} s", wait.as_secs_f64())
    }
}
