//! Who listens while a request is under way: a terminal, a program, a client of the gateway.

use std::time::Duration;

use jiff::Timestamp;

use crate::wire::{Dropped, Event, Fault};

/// Somebody who listens. Both calls return at once: the answer waits for them.
pub trait Audience {
    /// A piece of the answer. Of an attempt that fails before it said anything, nothing is heard here; after the
    /// first piece no other model takes over, and an [`Event::Error`] is the last that is heard.
    fn event(&mut self, event: &Event);

    /// Something to tell the person beside the answer.
    fn note(&mut self, note: &Note);
}

/// Something to tell the person.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// A request goes out.
    Sending {
        /// The model, by moai's name.
        model: String,
        /// The number of the attempt, from 1.
        number: u32,
    },
    /// A part of the request cannot be told to this model.
    Dropped {
        /// The model.
        model: String,
        /// What is left out, and why.
        what: Vec<Dropped>,
    },
    /// The model has to wait for memory that others take.
    Memory {
        /// The model.
        model: String,
        /// Who takes it.
        why: String,
    },
    /// The model failed; the same is asked again after a while.
    Waiting {
        /// The model.
        model: String,
        /// How long.
        wait: Duration,
        /// Why.
        why: Fault,
    },
    /// Another model takes over.
    Fallback {
        /// Whose place it takes.
        from: String,
        /// The other model.
        to: String,
        /// Why.
        why: Fault,
    },
    /// Nobody answered; an answer from before stands in.
    Cached {
        /// The model that gave it.
        model: String,
        /// When.
        at: Timestamp,
    },
}

/// Nobody listens.
impl Audience for () {
    fn event(&mut self, _event: &Event) {}

    fn note(&mut self, _note: &Note) {}
}
