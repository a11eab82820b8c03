//! Vendors' answers as events: bytes in, events out, no clock and no socket. However the bytes are split, the events
//! are the same; whatever the bytes are, nothing panics, and an answer that does not end well ends with an error.

mod anthropic;
mod chat;
mod frame;
mod gemini;
mod ollama;
mod responses;
mod scribe;
mod usage;

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::Value;

use super::dialect::Dialect;
use super::encode::ToolNames;
use super::event::Event;
use super::fault::{Fault, FaultKind};
use super::quirks::Quirks;
use crate::model::Usage;
use frame::{Framer, Shape};
use scribe::Scribe;

/// Reads one answer of one vendor, streamed or not: which of the two it is shows in the first byte.
#[derive(Debug)]
pub struct Decoder {
    framer: Framer,
    scribe: Scribe,
    reader: Reader,
    skims: bool,
    complete: usize,
}

/// Where a JSON text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Ended as events of a stream end.
    Stream,
    /// What was left when the stream ended.
    Rest,
    /// The whole body.
    Whole,
}

/// What each dialect has to remember from one event to the next.
#[derive(Debug)]
enum Reader {
    Anthropic(anthropic::Reader),
    Chat(chat::Reader),
    Responses(responses::Reader),
    Gemini(gemini::Reader),
    Ollama(ollama::Reader),
}

impl Decoder {
    /// A decoder for an answer to a request that was encoded with `names`.
    ///
    /// `seed` makes ids where the vendor has none: letters, digits, `-` and `_`, different for each request.
    pub fn new(dialect: Dialect, quirks: &Quirks, names: ToolNames, seed: &str) -> Self {
        let reader = match dialect {
            Dialect::Anthropic => Reader::Anthropic(anthropic::Reader::new(quirks)),
            Dialect::Chat => Reader::Chat(chat::Reader::new(quirks.reasoning_beside_output)),
            Dialect::Responses => Reader::Responses(responses::Reader::default()),
            Dialect::Gemini => Reader::Gemini(gemini::Reader),
            Dialect::Ollama => Reader::Ollama(ollama::Reader),
        };
        Self {
            framer: Framer::new(dialect),
            scribe: Scribe::new(&quirks.origin, names, seed),
            reader,
            skims: false,
            complete: 0,
        }
    }

    /// Limits one event of the stream, and a body that is not streamed, to so many bytes (32 MiB unless told).
    #[must_use]
    pub fn with_largest(mut self, bytes: usize) -> Self {
        self.framer = self.framer.with_largest(bytes);
        self
    }

    /// A decoder that reads along while the vendor's own bytes are forwarded: start, first content, stop, usage, end
    /// and errors come as always, but once there is content the pieces of text and arguments are passed over
    /// unparsed. [`Decoder::said`] is then an estimate.
    #[must_use]
    pub fn skimming(mut self) -> Self {
        self.skims = true;
        self
    }

    /// The events that are complete with these bytes.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Event> {
        // What follows the end may follow; what follows an error is not heard.
        self.complete = if self.scribe.is_done() && !self.scribe.has_failed() { bytes.len() } else { 0 };
        if !self.scribe.is_done() {
            let Self { framer, scribe, reader, skims, complete } = self;
            let mut take = |name: &str, data: &[u8], used: usize| {
                let passed_over = if *skims && scribe.has_spoken() { reader.passes_over(name, data) } else { None };
                match passed_over {
                    Some(said) => scribe.pass_over(said),
                    None => reader.piece(name, data, Place::Stream, scribe),
                }
                if !scribe.has_failed() {
                    *complete = used;
                }
            };
            if let Err(fault) = framer.feed(bytes, &mut take) {
                scribe.fail(fault);
            }
        }
        self.scribe.take()
    }

    /// The last events: the stream has ended. An answer without an end becomes an error here.
    pub fn finish(&mut self) -> Vec<Event> {
        self.complete = 0;
        if !self.scribe.is_done() {
            let Self { framer, scribe, reader, .. } = self;
            let shape = framer.shape();
            let place = if shape == Shape::Whole { Place::Whole } else { Place::Rest };
            framer.finish(&mut |name, data, _| reader.piece(name, data, place, scribe));
            match shape {
                Shape::Page => {
                    scribe.fail(Fault::new(FaultKind::Malformed, "a web page came instead of an answer"));
                }
                Shape::Unknown => scribe.fail(Fault::new(FaultKind::Malformed, "the answer was empty")),
                Shape::Sse | Shape::Lines if !scribe.has_started() && !scribe.has_stopped() => {
                    scribe.fail(Fault::new(FaultKind::Malformed, "the answer had no events in it"));
                }
                _ => scribe.end(),
            }
        }
        self.scribe.take()
    }

    /// How many of the bytes that were fed last belong to events that are complete and no error: so much of a stream
    /// can be forwarded, and something else can follow it.
    pub fn complete(&self) -> usize {
        self.complete
    }

    /// Whether the answer turned out to be a stream, and not one JSON text; `None` before its first byte.
    pub fn is_stream(&self) -> Option<bool> {
        match self.framer.shape() {
            Shape::Unknown => None,
            Shape::Sse | Shape::Lines | Shape::Array => Some(true),
            Shape::Whole | Shape::Page => Some(false),
        }
    }

    /// Whether the answer has ended, well or badly.
    pub fn is_done(&self) -> bool {
        self.scribe.is_done()
    }

    /// What the vendor has reported so far; the last word once the answer has ended.
    pub fn usage(&self) -> Option<Usage> {
        self.scribe.usage()
    }

    /// The model that answers, as the vendor calls it.
    pub fn model(&self) -> &str {
        self.scribe.model()
    }

    /// Bytes of text, thinking and arguments so far: to estimate by where an answer is cut before its usage came.
    pub fn said(&self) -> usize {
        self.scribe.said()
    }
}

impl Reader {
    /// How much a piece says, where it is nothing but a piece of text or of arguments; seen without parsing it.
    fn passes_over(&self, name: &str, data: &[u8]) -> Option<usize> {
        let data = data.trim_ascii();
        match self {
            _ if !(data.starts_with(b"{") && data.ends_with(b"}")) => None,
            Self::Anthropic(reader) => {
                // A stream that does not begin or does not name its events is not forwarded as it is, so it is read.
                (reader.begun && name == "content_block_delta").then(|| said(data, &ANTHROPIC_TEXTS))
            }
            Self::Chat(_) => (!CHAT_TELLS.any_in(data)).then(|| said(data, &CHAT_TEXTS)),
            Self::Responses(_) | Self::Gemini(_) | Self::Ollama(_) => None,
        }
    }

    /// One JSON text of the stream, or the whole body.
    fn piece(&mut self, name: &str, data: &[u8], place: Place, scribe: &mut Scribe) {
        let whole = place == Place::Whole;
        let data = data.trim_ascii();
        if data.is_empty() || scribe.is_done() {
            return;
        }
        if data == b"[DONE]" {
            return scribe.end();
        }
        if let Self::Chat(_) = self
            && chat::plain(data, scribe)
        {
            return;
        }
        if let Self::Anthropic(reader) = self
            && whole
            && reader.plain(data, scribe)
        {
            return;
        }
        let parsed =
            serde_json::from_slice::<Value>(data).or_else(|_| serde_json::from_str(&String::from_utf8_lossy(data)));
        let value = match parsed {
            Ok(value @ Value::Object(_)) => value,
            // Google wraps errors of the array form in an array even where nothing is streamed.
            Ok(Value::Array(mut items)) if items.len() == 1 && items.first().is_some_and(Value::is_object) => {
                items.swap_remove(0)
            }
            // Half an event at the end of a stream was cut off; whether that matters shows in what came before.
            _ if place == Place::Rest => return,
            _ => {
                let what = if whole { "the answer is not JSON" } else { "a part of the answer is not JSON" };
                return scribe.fail(Fault::new(FaultKind::Malformed, what));
            }
        };
        if let Some(fault) = Fault::inside(&value) {
            return scribe.fail(fault);
        }
        match self {
            Self::Anthropic(reader) if whole => reader.whole(&value, scribe),
            Self::Responses(reader) if whole => reader.whole(&value, scribe),
            Self::Anthropic(reader) => reader.event(name, &value, scribe),
            Self::Responses(reader) => reader.event(name, &value, scribe),
            Self::Chat(reader) => reader.chunk(&value, scribe),
            Self::Gemini(reader) => reader.chunk(&value, scribe),
            Self::Ollama(reader) => reader.line(&value, scribe),
        }
        if whole && !scribe.has_started() {
            scribe.fail(Fault::new(FaultKind::Malformed, "the answer is JSON, but no answer"));
        }
    }
}

/// The text at `key`, where it is text.
fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Words that are searched for in every event of a stream that is forwarded: what finds them is made once.
struct Words<const N: usize>([Finder<'static>; N]);

impl<const N: usize> Words<N> {
    fn new(words: [&'static str; N]) -> Self {
        Self(words.map(Finder::new))
    }

    fn any_in(&self, data: &[u8]) -> bool {
        self.0.iter().any(|word| word.find(data).is_some())
    }
}

static ANTHROPIC_TEXTS: LazyLock<Words<3>> =
    LazyLock::new(|| Words::new([r#""text""#, r#""thinking""#, r#""partial_json""#]));
static CHAT_TEXTS: LazyLock<Words<3>> =
    LazyLock::new(|| Words::new([r#""content""#, r#""reasoning_content""#, r#""arguments""#]));
static CHAT_TELLS: LazyLock<Words<5>> = LazyLock::new(|| {
    Words::new([r#""usage":{"#, r#""usage": {"#, r#""finish_reason":""#, r#""finish_reason": ""#, r#""error""#])
});

/// The length of the strings at these keys, wherever they are, as they are escaped.
fn said(data: &[u8], keys: &Words<3>) -> usize {
    let length = |key: &Finder<'static>| {
        let at = key.find(data)? + key.needle().len();
        let value = data.get(at..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
        let mut escaped = false;
        value.iter().position(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        })
    };
    keys.0.iter().filter_map(length).sum()
}
