//! Listens to one attempt: what was said, from when on, and what it used.

use tokio::time::Instant;

use crate::model::Usage;
use crate::wire::{Delta, Dialect, Event, Fault, FaultKind, Opened, StopReason, estimate_tokens};

/// The longest answer that is kept, thinking and arguments of calls included, in bytes: many times what any model
/// gives. What does not end does not fill the memory.
const LONGEST: usize = 16 << 20;

/// What was heard of one attempt.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was heard")]
pub(super) struct Ear {
    /// Somebody reads the answer: its text is kept.
    reads: bool,
    /// The vendor speaks Anthropic's dialect.
    anthropic: bool,
    /// Somebody else was asked the same, and ended without a word.
    agrees: bool,
    /// The answer's text.
    pub(super) text: String,
    /// Thinking, arguments of calls: paid for, and no text.
    aside: String,
    /// Bytes of all that was said, where the text is not kept.
    pub(super) said: usize,
    /// When the first piece came.
    pub(super) first: Option<Instant>,
    pub(super) stop: Option<StopReason>,
    pub(super) usage: Option<Usage>,
    pub(super) fault: Option<Fault>,
    /// The vendor began an answer, though perhaps an empty one.
    pub(super) started: bool,
    /// It said something.
    pub(super) spoke: bool,
    pub(super) whole: bool,
    /// It has an end and no words, and nobody knows whether that is meant.
    pub(super) silent: bool,
}

impl Ear {
    /// `agrees`: somebody else was asked the same before, and ended without a word.
    pub(super) fn new(reads: bool, dialect: Dialect, agrees: bool) -> Self {
        Self { reads, anthropic: dialect == Dialect::Anthropic, agrees, ..Self::default() }
    }

    /// Whether nothing more is worth reading: it is longer than an answer can be.
    pub(super) fn is_full(&self) -> bool {
        self.text.len().saturating_add(self.aside.len()) > LONGEST
    }

    pub(super) fn hear(&mut self, event: &Event) {
        if self.is_full() {
            return;
        }
        match event {
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
            Event::Error(fault) => self.fault = Some(fault.clone()),
            Event::Open { .. } | Event::Close { .. } | Event::Ping => {}
        }
        self.spoke = self.spoke || says_something(event);
    }

    fn piece(&mut self, delta: &Delta) {
        self.first.get_or_insert_with(Instant::now);
        match delta {
            _ if !self.reads => {}
            Delta::Text(text) => self.text.push_str(text),
            Delta::Thinking(text) | Delta::Json(text) => self.aside.push_str(text),
            Delta::Signature(_) | Delta::Other(_) => {}
        }
        if self.is_full() {
            let long = format!("the answer has no end: {} MiB of it were read", LONGEST >> 20);
            self.fault = Some(Fault::new(FaultKind::Malformed, long));
        }
    }

    /// The stream is over without a fault: an answer of no words is one only where its reason explains it, or where it
    /// is meant.
    pub(super) fn settle(&mut self) {
        let thought_only = self.reads && self.text.trim().is_empty() && self.stop == Some(StopReason::EndTurn);
        if self.fault.is_some() || (self.spoke && !thought_only) {
            return;
        }
        match &self.stop {
            Some(StopReason::EndTurn) if !self.reads && self.whole && self.is_meant() => self.spoke = true,
            Some(StopReason::EndTurn | StopReason::ToolUse) | None => {
                self.silent = self.whole && self.stop == Some(StopReason::EndTurn);
                self.fault = Some(Fault::new(FaultKind::Malformed, "the answer was empty"));
            }
            Some(StopReason::Refusal) if self.reads => {
                self.fault = Some(Fault::new(FaultKind::ContentPolicy, "the model refused to answer"));
            }
            // A program knows what to do with a refusal.
            Some(_) => self.spoke = true,
        }
    }

    /// Whether an end of the turn without a word is an answer. Claude ends so where a tool's answer leaves nothing to
    /// say, and a program knows what to do with it: so it is where the vendor speaks Anthropic's dialect and counts
    /// tokens that it generated. Elsewhere it is more often a vendor's failure (Gemini says STOP and nothing else), but
    /// two who say nothing to the same request mean it.
    fn is_meant(&self) -> bool {
        let generated = self.usage.is_some_and(|usage| usage.output > 0);
        self.agrees || (self.anthropic && generated)
    }

    /// What the attempt used, whether that is an estimate, and whether the vendor may ask money for it.
    ///
    /// A vendor reports at the end, so of an answer that broke off only what it said is known. An error that the
    /// vendor itself tells, and a host that was not reached, cost nothing; after a silence nobody knows.
    pub(super) fn account(&self, stopped: bool, input: impl Fn() -> u64) -> (Option<Usage>, bool, bool) {
        let guess = || {
            let base = self.usage.unwrap_or_else(|| Usage::new(input(), 0));
            Usage { output: base.output.max(self.tokens()), ..base }
        };
        match &self.fault {
            None if !stopped => match self.usage {
                Some(usage) if usage.output > 0 || self.tokens() == 0 => (Some(usage), false, true),
                _ => (Some(guess()), true, true),
            },
            _ if self.whole => (self.usage, false, true),
            _ if self.spoke => (Some(guess()), true, true),
            Some(Fault { kind: FaultKind::Cut | FaultKind::Timeout, .. }) | None if self.started => {
                (Some(guess()), true, true)
            }
            Some(Fault { kind: FaultKind::Malformed, .. }) if self.started => (Some(guess()), true, true),
            Some(Fault { kind: FaultKind::Cut | FaultKind::Timeout, status: None, .. }) | None => (None, false, true),
            Some(_) => (None, false, false),
        }
    }

    /// About how many tokens were said.
    fn tokens(&self) -> u64 {
        if self.reads {
            estimate_tokens(self.text.as_bytes()) + estimate_tokens(self.aside.as_bytes())
        } else {
            (self.said as u64).div_ceil(4)
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

    fn start() -> Event {
        Event::Start { id: "m".into(), model: "x".into(), usage: None }
    }

    fn text(text: &str) -> Event {
        Event::Delta { index: 0, delta: Delta::Text(text.into()) }
    }

    fn heard(reads: bool, events: &[Event]) -> Ear {
        heard_from(Ear::new(reads, Dialect::Chat, false), events)
    }

    fn heard_from(mut ear: Ear, events: &[Event]) -> Ear {
        for event in events {
            ear.hear(event);
        }
        ear.settle();
        ear
    }

    #[test]
    fn a_start_and_an_empty_block_say_nothing() {
        let open = Event::Open { index: 0, block: Opened::Text };
        let ear = heard(true, &[start(), open.clone(), text(""), Event::Error(Fault::cut())]);
        assert!(!ear.spoke && ear.started && ear.fault.is_some_and(|fault| fault.kind == FaultKind::Cut));
        let ear = heard(true, &[start(), open, text("a"), text("b")]);
        assert!(ear.spoke && ear.fault.is_none());
        assert_eq!(ear.text, "ab");
    }

    #[test]
    fn an_answer_without_end_is_given_up() {
        let piece = text(&"x".repeat(LONGEST / 4));
        let ear = heard(true, &[start(), piece.clone(), piece.clone(), piece.clone(), piece.clone()]);
        assert!(!ear.is_full() && ear.fault.is_none());
        let mut ear = heard(true, &vec![piece; 9]);
        assert!(ear.is_full() && ear.text.len() <= LONGEST + LONGEST / 4, "{}", ear.text.len());
        assert!(ear.fault.take().is_some_and(|fault| fault.message.contains("has no end")));
    }

    #[test]
    fn an_answer_of_no_words_is_judged_by_its_reason() {
        let stop = |reason| Event::Stop { reason, sequence: None, usage: None };
        for (reads, reason, kind) in [
            (true, StopReason::EndTurn, Some(FaultKind::Malformed)),
            (false, StopReason::EndTurn, Some(FaultKind::Malformed)),
            (true, StopReason::Refusal, Some(FaultKind::ContentPolicy)),
            (false, StopReason::Refusal, None),
            (true, StopReason::MaxTokens, None),
        ] {
            let ear = heard(reads, &[start(), stop(reason), Event::End]);
            assert_eq!(ear.fault.as_ref().map(|fault| fault.kind), kind);
            assert_eq!(ear.spoke, kind.is_none());
        }
    }

    #[test]
    fn an_end_without_a_word_is_an_answer_where_it_is_meant() {
        let stop =
            |output| Event::Stop { reason: StopReason::EndTurn, sequence: None, usage: Some(Usage::new(100, output)) };
        let (anthropic, chat) = (Dialect::Anthropic, Dialect::Chat);
        for (reads, dialect, agrees, output, meant) in [
            (false, anthropic, false, 3, true),
            (false, anthropic, false, 0, false),
            (false, chat, false, 3, false),
            (false, chat, true, 0, true),
            (false, anthropic, true, 0, true),
            (true, anthropic, true, 3, false),
        ] {
            let ear = heard_from(Ear::new(reads, dialect, agrees), &[start(), stop(output), Event::End]);
            let found = (ear.spoke, ear.fault.is_none(), ear.silent);
            assert_eq!(found, (meant, meant, !meant), "{reads} {dialect} {agrees} {output}");
        }
        // Without the vendor's own end it is none, whoever agrees.
        let ear = heard_from(Ear::new(false, anthropic, true), &[start(), stop(3)]);
        assert!(!ear.spoke && ear.fault.is_some() && !ear.silent);
    }

    #[test]
    fn an_answer_of_thoughts_alone_is_one_for_a_program() {
        let thought = Event::Delta { index: 0, delta: Delta::Thinking("hm".into()) };
        let stop = Event::Stop { reason: StopReason::EndTurn, sequence: None, usage: None };
        let events = [start(), thought, stop, Event::End];
        assert!(heard(true, &events).fault.is_some());
        assert!(heard(false, &events).fault.is_none());
    }
}
