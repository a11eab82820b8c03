//! Writes events down in their order, whatever order a vendor told them in: blocks open before their pieces come,
//! close before the stop, and the stop is said once.

use crate::model::Usage;
use crate::wire::encode::{ToolNames, anthropic_id};
use crate::wire::event::{Delta, Event, Opened, StopReason};
use crate::wire::fault::{Fault, FaultKind};
use crate::wire::signature;

/// The answer so far, and the events that nobody has taken yet.
#[derive(Debug)]
pub(super) struct Scribe {
    /// Marks thinking as this provider's.
    pub(super) origin: String,
    names: ToolNames,
    /// What ids are made from where the vendor has none.
    seed: String,
    events: Vec<Event>,
    state: State,
    failed: bool,
    model: String,
    next: usize,
    /// The blocks that are open, of whatever kind.
    loose: Vec<usize>,
    /// The open text or thinking block.
    open: Option<(usize, Prose)>,
    calls: Vec<Call>,
    stop: Option<StopReason>,
    sequence: Option<String>,
    usage: Option<Usage>,
    /// Bytes of text, thinking and arguments so far: what is left to go by when an answer is cut.
    said: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Waiting,
    Started,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prose {
    Text,
    Thinking,
}

/// A call that is being made.
#[derive(Debug)]
pub(super) struct Call {
    /// The vendor's index, where it has one.
    pub(super) key: Option<u64>,
    /// The vendor's id.
    pub(super) id: String,
    /// The block's index once it is open.
    index: Option<usize>,
    closed: bool,
    /// The arguments that came before the name.
    early: String,
    /// Whether any arguments came.
    pub(super) argued: bool,
}

impl Scribe {
    pub(super) fn new(origin: &str, names: ToolNames, seed: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            names,
            seed: seed.to_owned(),
            events: Vec::new(),
            state: State::Waiting,
            failed: false,
            model: String::new(),
            next: 0,
            loose: Vec::new(),
            open: None,
            calls: Vec::new(),
            stop: None,
            sequence: None,
            usage: None,
            said: 0,
        }
    }

    pub(super) fn take(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    pub(super) fn has_started(&self) -> bool {
        self.state != State::Waiting
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        self.usage
    }

    pub(super) fn model(&self) -> &str {
        &self.model
    }

    pub(super) fn said(&self) -> usize {
        self.said
    }

    pub(super) fn has_blocks(&self) -> bool {
        self.next > 0
    }

    /// Whether something was said: text, thinking, or a call of a tool.
    pub(super) fn has_spoken(&self) -> bool {
        self.said > 0 || self.calls.iter().any(|call| call.index.is_some())
    }

    /// Whether an error ended the answer.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// The answer begins; said once.
    pub(super) fn start(&mut self, id: Option<&str>, model: Option<&str>) {
        if self.model.is_empty() {
            model.unwrap_or_default().clone_into(&mut self.model);
        }
        if self.state != State::Waiting {
            return;
        }
        self.state = State::Started;
        let id = id.filter(|id| !id.is_empty()).map_or_else(|| format!("msg_{}", self.seed), str::to_owned);
        self.events.push(Event::Start { id, model: self.model.clone(), usage: self.usage });
    }

    /// A piece that nobody wants to hear of, and about how much it said.
    pub(super) fn pass_over(&mut self, said: usize) {
        self.said += said;
    }

    pub(super) fn ping(&mut self) {
        self.events.push(Event::Ping);
    }

    /// A piece of text or of thinking. An empty one says nothing.
    pub(super) fn prose(&mut self, kind: Prose, text: &str) {
        if text.is_empty() {
            return;
        }
        let index = self.open_prose(kind);
        self.said += text.len();
        let delta = match kind {
            Prose::Text => Delta::Text(text.to_owned()),
            Prose::Thinking => Delta::Thinking(text.to_owned()),
        };
        self.events.push(Event::Delta { index, delta });
    }

    pub(super) fn prose_open(&self) -> Option<Prose> {
        self.open.map(|(_, kind)| kind)
    }

    fn open_prose(&mut self, kind: Prose) -> usize {
        match self.open {
            Some((index, open)) if open == kind => index,
            _ => {
                self.close_prose(None);
                let block = if kind == Prose::Text { Opened::Text } else { Opened::Thinking };
                let index = self.block(block);
                self.open = Some((index, kind));
                index
            }
        }
    }

    /// Ends the open text or thinking; thinking is marked as its provider's, with what the provider sealed.
    pub(super) fn close_prose(&mut self, sealed: Option<&str>) {
        let Some((index, kind)) = self.open.take() else { return };
        if kind == Prose::Thinking {
            let signature = signature::pack(&self.origin, sealed.unwrap_or_default());
            self.events.push(Event::Delta { index, delta: Delta::Signature(signature) });
        }
        self.close(index);
    }

    /// What a provider sealed, on the thinking that is open or on a block of its own.
    pub(super) fn seal(&mut self, sealed: &str) {
        if self.prose_open() != Some(Prose::Thinking) {
            self.open_prose(Prose::Thinking);
        }
        self.close_prose(Some(sealed));
    }

    /// A new block of any kind; the caller closes it.
    pub(super) fn block(&mut self, block: Opened) -> usize {
        self.start(None, None);
        let index = self.next;
        self.next += 1;
        self.loose.push(index);
        self.events.push(Event::Open { index, block });
        index
    }

    pub(super) fn delta(&mut self, index: usize, delta: Delta) {
        if let Delta::Text(text) | Delta::Thinking(text) | Delta::Json(text) = &delta {
            self.said += text.len();
        }
        self.events.push(Event::Delta { index, delta });
    }

    pub(super) fn close(&mut self, index: usize) {
        self.loose.retain(|open| *open != index);
        self.events.push(Event::Close { index });
    }

    /// The calls so far, to find the one that a piece belongs to.
    pub(super) fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// A new call, of which nothing but its key and perhaps its id is known. Returns its number.
    pub(super) fn call(&mut self, key: Option<u64>, id: &str) -> usize {
        self.start(None, None);
        self.calls.push(Call {
            key,
            id: id.to_owned(),
            index: None,
            closed: false,
            early: String::new(),
            argued: false,
        });
        self.calls.len() - 1
    }

    /// The name of a call: its block opens, and the arguments that came too early follow.
    pub(super) fn call_name(&mut self, number: usize, name: &str) {
        let Some(call) = self.calls.get(number).filter(|call| call.index.is_none() && !name.is_empty()) else { return };
        let id = if call.id.is_empty() { format!("toolu_{}_{number}", self.seed) } else { call.id.clone() };
        let name = self.names.to_client(name).to_owned();
        self.close_prose(None);
        let index = self.block(Opened::Tool { id: anthropic_id(&id), name });
        let early = self.calls.get_mut(number).map(|call| {
            call.index = Some(index);
            std::mem::take(&mut call.early)
        });
        if let Some(early) = early.filter(|early| !early.is_empty()) {
            self.delta(index, Delta::Json(early));
        }
    }

    /// The id of a call, where it comes after the call began and before its name.
    pub(super) fn call_id(&mut self, number: usize, id: &str) {
        if let Some(call) = self.calls.get_mut(number).filter(|call| call.id.is_empty()) {
            id.clone_into(&mut call.id);
        }
    }

    /// A piece of a call's arguments, as it came: whether it is JSON is for the client to see.
    pub(super) fn call_arguments(&mut self, number: usize, piece: &str) {
        let Some(call) = self.calls.get_mut(number).filter(|call| !call.closed && !piece.is_empty()) else { return };
        call.argued = true;
        match call.index {
            Some(index) => self.delta(index, Delta::Json(piece.to_owned())),
            None => call.early.push_str(piece),
        }
    }

    pub(super) fn call_done(&mut self, number: usize) {
        let Some(call) = self.calls.get_mut(number).filter(|call| !call.closed) else { return };
        if let Some(index) = call.index {
            call.closed = true;
            self.close(index);
        }
    }

    /// Why the answer ends. Several may come; the first that is no plain stop counts.
    pub(super) fn stop(&mut self, reason: StopReason) {
        if self.stop.as_ref().is_none_or(|before| *before == StopReason::EndTurn) {
            self.stop = Some(reason);
        }
    }

    pub(super) fn stop_sequence(&mut self, sequence: Option<&str>) {
        if let Some(sequence) = sequence {
            self.sequence = Some(sequence.to_owned());
        }
    }

    pub(super) fn has_stopped(&self) -> bool {
        self.stop.is_some()
    }

    /// What was used so far, of which a later report replaces an earlier one. All zeros are no report: nobody
    /// answers a prompt of no tokens, but some vendors and many imitations say so until they know better.
    pub(super) fn used(&mut self, usage: Option<Usage>) {
        self.usage = usage.filter(|usage| !usage.is_zero()).or(self.usage);
    }

    /// Everything is said: blocks close, the stop is told, and the answer ends; or it was cut off before a stop.
    pub(super) fn end(&mut self) {
        if self.is_done() {
            return;
        }
        let Some(stop) = self.stop.take() else { return self.fail(Fault::cut()) };
        if self.calls.iter().any(|call| call.index.is_none()) {
            return self.fail(Fault::new(FaultKind::Malformed, "the model called a tool without a name"));
        }
        self.start(None, None);
        self.close_prose(None);
        for number in 0..self.calls.len() {
            self.call_done(number);
        }
        for index in std::mem::take(&mut self.loose) {
            self.close(index);
        }
        let reason = match stop {
            StopReason::EndTurn | StopReason::StopSequence if !self.calls.is_empty() => StopReason::ToolUse,
            StopReason::ToolUse if self.calls.is_empty() => StopReason::EndTurn,
            other => other,
        };
        self.events.push(Event::Stop { reason, sequence: self.sequence.take(), usage: self.usage });
        self.events.push(Event::End);
        self.state = State::Done;
    }

    pub(super) fn fail(&mut self, fault: Fault) {
        if !self.is_done() {
            self.events.push(Event::Error(fault));
            self.state = State::Done;
            self.failed = true;
        }
    }
}
