//! Writes an answer for the client: the vendor's own bytes, up to the last event that is complete; or its events in
//! the client's words; or all of it at once.

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use crate::exchange::asker::Heard;
use crate::wire::write::{Answer, AnthropicSse, ChatSse};
use crate::wire::{Dialect, Event, Fault};

/// What a writer needs to know of the client.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) dialect: Dialect,
    /// The model that it asked for.
    pub(super) model: String,
    /// Seconds of Unix time.
    pub(super) created: i64,
    /// A Chat stream tells the usage.
    pub(super) usage: bool,
    /// An estimate of the prompt's tokens.
    pub(super) input: u64,
}

/// One answer that is being written.
#[derive(Debug)]
pub(super) enum Pen {
    Forward(Forward),
    Write(Writer),
    Whole(Whole),
}

/// A stream whose bytes go on.
#[derive(Debug)]
pub(super) struct Forward {
    reader: Reader,
    out: BytesMut,
    /// So many bytes of `out` are complete events.
    complete: usize,
}

/// A stream in the client's words.
#[derive(Debug)]
pub(super) struct Writer {
    words: Words,
    out: Vec<u8>,
}

#[derive(Debug)]
enum Words {
    Anthropic(AnthropicSse),
    Chat(ChatSse),
}

/// An answer that is given when it is whole.
#[derive(Debug)]
pub(super) struct Whole {
    reader: Reader,
    /// The vendor's own bytes, where it speaks as the client does.
    own: Option<BytesMut>,
    answer: Answer,
}

impl Pen {
    /// For a client that wants a stream or not, and an upstream of the same dialect or another.
    pub(super) fn new(reader: Reader, streams: bool, same: bool) -> Self {
        match (streams, same) {
            (true, true) => Self::Forward(Forward { reader, out: BytesMut::new(), complete: 0 }),
            (true, false) => Self::Write(Writer::new(&reader)),
            (false, _) => Self::Whole(Whole { reader, own: same.then(BytesMut::new), answer: Answer::default() }),
        }
    }

    pub(super) fn hear(&mut self, heard: Heard<'_>) {
        match self {
            Self::Forward(forward) => forward.hear(&heard),
            Self::Write(writer) => heard.events.iter().for_each(|event| writer.write(event)),
            Self::Whole(whole) => whole.hear(heard),
        }
    }

    /// What can be sent now of a stream.
    pub(super) fn take(&mut self) -> Bytes {
        match self {
            Self::Forward(forward) => forward.take(),
            Self::Write(writer) => std::mem::take(&mut writer.out).into(),
            Self::Whole(_) => Bytes::new(),
        }
    }

    /// The body of an answer that is not streamed.
    pub(super) fn whole(&mut self) -> Option<Bytes> {
        match self {
            Self::Whole(whole) => Some(whole.body()),
            Self::Forward(_) | Self::Write(_) => None,
        }
    }
}

impl Forward {
    fn hear(&mut self, heard: &Heard<'_>) {
        if heard.over {
            return self.finish(heard);
        }
        self.out.extend_from_slice(heard.bytes);
        if heard.complete > 0 {
            self.complete = self.out.len() - heard.bytes.len() + heard.complete;
        }
    }

    /// The vendor says no more, and has not said the last word of its dialect.
    fn finish(&mut self, heard: &Heard<'_>) {
        if !heard.events.contains(&Event::End) {
            return;
        }
        if heard.is_stream {
            self.finish_stream();
        } else {
            // A whole answer to somebody who wants a stream.
            let mut writer = Writer::new(&self.reader);
            heard.events.iter().for_each(|event| writer.write(event));
            self.out = BytesMut::from(writer.out.as_slice());
        }
        self.complete = self.out.len();
    }

    fn finish_stream(&mut self) {
        let (mark, end): (&[u8], &[u8]) = match self.reader.dialect {
            Dialect::Chat => (b"[DONE]", b"data: [DONE]\n\n"),
            _ => (b"message_stop", b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
        };
        let begun = self.out.get(self.complete..).unwrap_or_default();
        if memmem::find(begun, mark).is_some() {
            self.out.extend_from_slice(b"\n\n");
        } else {
            self.out.truncate(self.complete);
            self.out.extend_from_slice(end);
        }
    }

    fn take(&mut self) -> Bytes {
        self.out.split_to(std::mem::take(&mut self.complete)).freeze()
    }
}

impl Writer {
    pub(super) fn new(reader: &Reader) -> Self {
        let words = match reader.dialect {
            Dialect::Chat => Words::Chat(ChatSse::new(&*reader.model, reader.created, reader.usage)),
            _ => Words::Anthropic(AnthropicSse::new(&*reader.model, reader.input)),
        };
        Self { words, out: Vec::new() }
    }

    fn write(&mut self, event: &Event) {
        match &mut self.words {
            Words::Anthropic(words) => words.write(event, &mut self.out),
            Words::Chat(words) => words.write(event, &mut self.out),
        }
    }

    /// One event alone: a sign of life, a failure.
    pub(super) fn one(reader: &Reader, event: &Event) -> Bytes {
        let mut writer = Self::new(reader);
        writer.write(event);
        writer.out.into()
    }
}

impl Whole {
    fn hear(&mut self, heard: Heard<'_>) {
        if heard.is_stream {
            self.own = None;
        }
        match &mut self.own {
            Some(own) => own.extend_from_slice(heard.bytes),
            None => heard.events.into_iter().for_each(|event| self.answer.take(event)),
        }
    }

    fn body(&mut self) -> Bytes {
        let Self { reader, own, answer } = self;
        match own.take() {
            Some(own) => own.freeze(),
            None => match reader.dialect {
                Dialect::Chat => answer.chat(&reader.model, reader.created),
                _ => answer.anthropic(&reader.model, reader.input),
            }
            .to_string()
            .into(),
        }
    }
}

/// The failure as a piece of a stream.
pub(super) fn failure(reader: &Reader, fault: &Fault) -> Bytes {
    Writer::one(reader, &Event::Error(fault.clone()))
}
