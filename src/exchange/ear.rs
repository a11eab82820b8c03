//! Listens to one attempt: keeps back what says nothing yet, so that a failing attempt leaves no trace, and remembers
//! what was said.

use tokio::time::Instant;

use super::audience::Audience;
use crate::model::Usage;
use crate::wire::{Delta, Event, Fault, FaultKind, Opened, StopReason};

/// What was heard of one attempt.
pub(super) struct Ear<'a> {
    audience: &'a mut dyn Audience,
    /// Events that nobody needs to hear of if nothing follows.
    held: Vec<Event>,
    /// The answer's text.
    pub(super) text: String,
    /// Thinking, arguments of calls: paid for, and no text.
    pub(super) aside: String,
    /// When the first piece came.
    pub(super) first: Option<Instant>,
    pub(super) stop: Option<StopReason>,
    pub(super) usage: Option<Usage>,
    pub(super) fault: Option<Fault>,
    /// The vendor began an answer, though perhaps an empty one.
    pub(super) started: bool,
    /// Somebody has seen a piece of it: from here on nobody else can answer.
    pub(super) spoke: bool,
    pub(super) whole: bool,
}

impl<'a> Ear<'a> {
    pub(super) fn new(audience: &'a mut dyn Audience) -> Self {
        Self {
            audience,
            held: Vec::new(),
            text: String::new(),
            aside: String::new(),
            first: None,
            stop: None,
            usage: None,
            fault: None,
            started: false,
            spoke: false,
            whole: false,
        }
    }

    pub(super) fn hear(&mut self, event: Event) {
        match &event {
            Event::Start { usage, .. } => {
                self.started = true;
                self.usage = usage.or(self.usage);
            }
            Event::Delta { delta, .. } => self.piece(delta),
            Event::Stop { reason, usage, .. } => {
                self.stop = Some(reason.clone());
                self.usage = usage.or(self.usage);
            }
            Event::End => self.whole = true,
            // Told by whoever decides what follows from it.
            Event::Error(fault) => return self.fault = Some(fault.clone()),
            Event::Open { .. } | Event::Close { .. } | Event::Ping => {}
        }
        if self.spoke {
            return self.audience.event(&event);
        }
        let speaks = says_something(&event);
        self.held.push(event);
        if speaks {
            self.speak();
        }
    }

    fn piece(&mut self, delta: &Delta) {
        self.first.get_or_insert_with(Instant::now);
        match delta {
            Delta::Text(text) => self.text.push_str(text),
            Delta::Thinking(text) | Delta::Json(text) => self.aside.push_str(text),
            Delta::Signature(_) | Delta::Other(_) => {}
        }
    }

    /// Lets out what was held back.
    fn speak(&mut self) {
        self.spoke = true;
        for event in std::mem::take(&mut self.held) {
            self.audience.event(&event);
        }
    }

    /// The stream is over without a fault: an answer of no words is one only where its reason explains it.
    pub(super) fn settle(&mut self) {
        let thought_only = self.text.trim().is_empty() && self.stop == Some(StopReason::EndTurn);
        if self.fault.is_some() || (self.spoke && !thought_only) {
            return;
        }
        match &self.stop {
            Some(StopReason::EndTurn | StopReason::ToolUse) | None => {
                self.fault = Some(Fault::new(FaultKind::Malformed, "the answer was empty"));
            }
            Some(StopReason::Refusal) => {
                self.fault = Some(Fault::new(FaultKind::ContentPolicy, "the model refused to answer"));
            }
            Some(StopReason::MaxTokens | StopReason::StopSequence | StopReason::Other(_)) => self.speak(),
        }
    }

    /// Tells the fault to somebody who has seen the beginning of the answer.
    pub(super) fn tell_fault(&mut self, fault: &Fault) {
        if self.spoke {
            self.audience.event(&Event::Error(fault.clone()));
        }
    }
}

/// Whether somebody who sees this has seen a piece of the answer.
fn says_something(event: &Event) -> bool {
    match event {
        Event::Delta { delta: Delta::Text(text) | Delta::Thinking(text) | Delta::Json(text), .. } => !text.is_empty(),
        Event::Delta { .. } => true,
        Event::Open { block, .. } => !matches!(block, Opened::Text | Opened::Thinking),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes down what it hears.
    struct Pen(Vec<Event>);

    impl Audience for Pen {
        fn event(&mut self, event: &Event) {
            self.0.push(event.clone());
        }

        fn note(&mut self, _note: &super::super::Note) {}
    }

    fn start() -> Event {
        Event::Start { id: "m".into(), model: "x".into(), usage: None }
    }

    fn text(text: &str) -> Event {
        Event::Delta { index: 0, delta: Delta::Text(text.into()) }
    }

    fn stop(reason: StopReason) -> Event {
        Event::Stop { reason, sequence: None, usage: None }
    }

    #[test]
    fn nothing_is_heard_of_an_attempt_that_said_nothing() {
        let mut pen = Pen(Vec::new());
        let mut ear = Ear::new(&mut pen);
        for event in [start(), Event::Open { index: 0, block: Opened::Text }, text(""), Event::Error(Fault::cut())] {
            ear.hear(event);
        }
        ear.settle();
        assert!(!ear.spoke && ear.fault.as_ref().is_some_and(|fault| fault.kind == FaultKind::Cut));
        assert_eq!(pen.0, []);
    }

    #[test]
    fn the_first_piece_lets_out_what_came_before_it() {
        let mut pen = Pen(Vec::new());
        let mut ear = Ear::new(&mut pen);
        let open = Event::Open { index: 0, block: Opened::Text };
        for event in [start(), open.clone(), text("a"), text("b")] {
            ear.hear(event);
        }
        ear.tell_fault(&Fault::cut());
        assert_eq!(ear.text, "ab");
        assert_eq!(pen.0, [start(), open, text("a"), text("b"), Event::Error(Fault::cut())]);
    }

    #[test]
    fn an_answer_of_no_words_is_judged_by_its_reason() {
        for (reason, kind) in [
            (StopReason::EndTurn, Some(FaultKind::Malformed)),
            (StopReason::Refusal, Some(FaultKind::ContentPolicy)),
            (StopReason::MaxTokens, None),
        ] {
            let mut pen = Pen(Vec::new());
            let mut ear = Ear::new(&mut pen);
            for event in [start(), stop(reason), Event::End] {
                ear.hear(event);
            }
            ear.settle();
            assert_eq!(ear.fault.as_ref().map(|fault| fault.kind), kind);
            assert_eq!(pen.0.is_empty(), kind.is_some());
        }
    }
}
