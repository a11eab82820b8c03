//! Writes an answer for the client: the vendor's own bytes, up to the last event that is complete; or its events in
//! the client's words; or all of it at once.

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use crate::exchange::asker::Heard;
use crate::wire::write::{Answer, AnthropicSse, ChatSse};
use crate::wire::{Dialect, Event, Fault, mark_stream, mark_whole};

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
    /// Whose signatures the answer has, where they have to be marked.
    pub(super) origin: Option<String>,
}

/// One answer that is being written.
#[derive(Debug)]
pub(super) enum Pen {
    Forward(Forward),
    Write(Writer),
    Whole(Box<Whole>),
}

/// A stream whose bytes go on.
#[derive(Debug)]
pub(super) struct Forward {
    reader: Reader,
    out: BytesMut,
    /// So many bytes of `out` are complete events.
    complete: usize,
    /// What came before the first content, for a stream that turns out to be none that the client can read.
    early: Option<Vec<Event>>,
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
            (true, true) => Self::Forward(Forward::new(reader)),
            (true, false) => Self::Write(Writer::new(&reader)),
            (false, _) => {
                let own = same.then(BytesMut::new);
                Self::Whole(Box::new(Whole { reader, own, answer: Answer::default() }))
            }
        }
    }

    pub(super) fn hear(&mut self, heard: Heard<'_>) {
        match self {
            Self::Forward(forward) => forward.hear(heard),
            Self::Write(writer) => {
                for event in &heard.events {
                    writer.write(event);
                }
            }
            Self::Whole(whole) => whole.hear(heard),
        }
    }

    /// What can be sent now of a stream.
    pub(super) fn take(&mut self) -> Bytes {
        if let Self::Forward(forward) = self
            && let Some(events) = forward.decide()
        {
            let mut writer = Writer::new(&forward.reader);
            for event in &events {
                writer.write(event);
            }
            *self = Self::Write(writer);
        }
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
    fn new(reader: Reader) -> Self {
        Self { reader, out: BytesMut::new(), complete: 0, early: Some(Vec::new()) }
    }

    fn hear(&mut self, heard: Heard<'_>) {
        self.out.extend_from_slice(heard.bytes);
        if heard.complete > 0 {
            self.complete = self.out.len() - heard.bytes.len() + heard.complete;
        }
        // The vendor says no more, and has not said the last word of its dialect.
        if heard.over && heard.is_stream && heard.events.contains(&Event::End) {
            self.finish();
        }
        if let Some(early) = &mut self.early {
            early.extend(heard.events);
        }
    }

    /// Before the first bytes go out: the events of an answer that the client could not read as it is. That is one
    /// that is no stream, and one in Anthropic's dialect that does not begin, or does not name its events: those
    /// Claude Code passes over (the wire page, 3.4).
    fn decide(&mut self) -> Option<Vec<Event>> {
        let early = self.early.take()?;
        let begun = self.out.get(..self.complete).unwrap_or_default();
        let has = |mark: &[u8]| memmem::find(begun, mark).is_some();
        let readable = match self.reader.dialect {
            Dialect::Anthropic => has(b"event:") && has(b"message_start"),
            _ => self.complete > 0,
        };
        (!readable).then_some(early)
    }

    fn finish(&mut self) {
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
        self.complete = self.out.len();
    }

    fn take(&mut self) -> Bytes {
        let bytes = self.out.split_to(std::mem::take(&mut self.complete)).freeze();
        match &self.reader {
            // Asked for only by us, so that the journal knows it.
            Reader { dialect: Dialect::Chat, usage: false, .. } => without_usage(bytes),
            Reader { origin: Some(origin), .. } => mark_stream(&bytes, origin),
            _ => bytes,
        }
    }
}

impl Writer {
    pub(super) fn new(reader: &Reader) -> Self {
        let words = match reader.dialect {
            Dialect::Chat => Words::Chat(ChatSse::new(&*reader.model, reader.created, reader.usage, reader.input)),
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
            None => {
                for event in heard.events {
                    self.answer.take(event);
                }
            }
        }
    }

    fn body(&mut self) -> Bytes {
        let Self { reader, own, answer } = self;
        match own.take() {
            Some(own) => match &reader.origin {
                Some(origin) => mark_whole(&own.freeze(), origin),
                None => own.freeze(),
            },
            None => match reader.dialect {
                Dialect::Chat => answer.chat(&reader.model, reader.created),
                _ => answer.anthropic(&reader.model, reader.input),
            }
            .to_string()
            .into(),
        }
    }
}

/// The events of a Chat stream but for those that tell nothing but the usage.
fn without_usage(bytes: Bytes) -> Bytes {
    // Inside of a text the quotes are escaped, so these are keys.
    let has = |part: &[u8], marks: [&str; 2]| marks.iter().any(|mark| memmem::find(part, mark.as_bytes()).is_some());
    let tells = |event: &[u8]| {
        has(event, [r#""choices":[]"#, r#""choices": []"#]) && has(event, [r#""usage":{"#, r#""usage": {"#])
    };
    if !tells(&bytes) {
        return bytes;
    }
    let mut kept = BytesMut::with_capacity(bytes.len());
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let ends = [&b"\n\n"[..], b"\r\n\r\n", b"\r\r"];
        let end = ends.iter().filter_map(|end| memmem::find(rest, end).map(|at| at + end.len())).min();
        let (event, tail) = rest.split_at(end.unwrap_or(rest.len()));
        if !tells(event) {
            kept.extend_from_slice(event);
        }
        rest = tail;
    }
    kept.freeze()
}

/// The failure as a piece of a stream.
pub(super) fn failure(reader: &Reader, fault: &Fault) -> Bytes {
    Writer::one(reader, &Event::Error(fault.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Decoder, Quirks, ToolNames};
    use serde_json::Value;

    fn reader(dialect: Dialect, usage: bool) -> Reader {
        Reader { dialect, model: "m".into(), created: 0, usage, input: 10, origin: None }
    }

    /// The recorded answers of these dialects, each as bytes and with its quirks.
    fn recorded(dialects: &[&str]) -> Vec<(String, Dialect, Vec<u8>, Quirks)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases/wire/answers");
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let case: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let name = case["dialect"].as_str().unwrap();
            if dialects.contains(&name) {
                let end = if case["crlf"] == true { "\r\n" } else { "\n" };
                let lines: Vec<&str> =
                    case["stream"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
                let dialect: Dialect = name.parse().unwrap();
                let quirks = case["quirks"].as_str().and_then(Quirks::preset).unwrap_or_default();
                let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
                found.push((file, dialect, lines.join(end).into_bytes(), quirks));
            }
        }
        assert!(found.len() > 10);
        found.sort_by(|one, other| one.0.cmp(&other.0));
        found
    }

    /// What a client gets of bytes that come in pieces of `size`, and whether the answer was whole.
    fn written(of: (Dialect, &[u8], &Quirks), client: Reader, streams: bool, size: usize) -> (Bytes, bool) {
        let (dialect, bytes, quirks) = of;
        let same = dialect == client.dialect;
        let mut pen = Pen::new(client, streams, same);
        let decoder = Decoder::new(dialect, quirks, ToolNames::default(), "seed");
        let mut decoder = if same && streams { decoder.skimming() } else { decoder };
        let (mut out, mut spoke, mut whole) = (BytesMut::new(), false, false);
        for piece in bytes.chunks(size.max(1)).map(Some).chain([None]) {
            if decoder.is_done() && piece.is_none() {
                break;
            }
            let events = match piece {
                Some(piece) => decoder.feed(piece),
                None => decoder.finish(),
            };
            spoke = spoke || events.iter().any(|event| matches!(event, Event::Delta { .. } | Event::End));
            whole = whole || events.contains(&Event::End);
            pen.hear(Heard {
                bytes: piece.unwrap_or_default(),
                complete: decoder.complete(),
                events: events.into_iter().filter(|event| !matches!(event, Event::Error(_))).collect(),
                is_stream: decoder.is_stream() == Some(true),
                over: piece.is_none(),
            });
            if spoke {
                out.extend_from_slice(&pen.take());
            }
        }
        if let Some(body) = pen.whole().filter(|_| whole) {
            out.extend_from_slice(&body);
        }
        (out.freeze(), whole)
    }

    #[test]
    fn however_an_answer_is_split_the_client_gets_the_same() {
        for (name, dialect, bytes, quirks) in recorded(&["anthropic", "chat", "responses", "gemini", "ollama"]) {
            for client in [Dialect::Anthropic, Dialect::Chat] {
                for (streams, usage) in [(true, true), (true, false), (false, true)] {
                    let of = (dialect, &*bytes, &quirks);
                    let once = written(of, reader(client, usage), streams, bytes.len());
                    for size in (1..10).chain([17, 64, 333]) {
                        let split = written(of, reader(client, usage), streams, size);
                        assert_eq!(split, once, "{name} for {client} in pieces of {size}");
                    }
                    let text = std::str::from_utf8(&once.0).unwrap();
                    assert!(
                        !streams || text.is_empty() || text.replace('\r', "").ends_with("\n\n"),
                        "{name}: half an event: {text}"
                    );
                }
            }
        }
    }

    #[test]
    fn whole_answers_of_the_same_dialect_go_on_byte_for_byte() {
        for (name, dialect, bytes, quirks) in recorded(&["anthropic", "chat"]) {
            let (out, whole) = written((dialect, &bytes, &quirks), reader(dialect, true), true, 7);
            let stream = !bytes.trim_ascii_start().starts_with(b"{");
            let text = String::from_utf8_lossy(&bytes);
            let ended = text.contains("message_stop") || text.contains("[DONE]");
            let readable = dialect == Dialect::Chat || (text.contains("event:") && text.contains("message_start"));
            if whole && stream && ended && readable {
                let ends = if bytes.ends_with(b"\n\n") || bytes.ends_with(b"\r\n\r\n") { "" } else { "\n\n" };
                assert_eq!(String::from_utf8_lossy(&out), format!("{text}{ends}"), "{name}");
            } else if whole && !stream {
                let (out, _) = written((dialect, &bytes, &quirks), reader(dialect, true), false, 7);
                assert_eq!(String::from_utf8_lossy(&out), text, "{name}");
            }
        }
    }

    #[test]
    fn an_end_that_is_missing_is_put_there() {
        for (name, dialect, bytes, quirks) in recorded(&["anthropic", "chat"]) {
            let (out, whole) = written((dialect, &bytes, &quirks), reader(dialect, true), true, 5);
            let end: &[u8] = if dialect == Dialect::Chat { b"[DONE]" } else { b"message_stop" };
            assert_eq!(memmem::find(&out, end).is_some(), whole, "{name}: {}", String::from_utf8_lossy(&out));
        }
    }

    #[test]
    fn usage_that_nobody_asked_for_is_left_out() {
        let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"\\\"choices\\\":[]\"}}],\"usage\":null}\n\n\
                      data: {\"choices\": [],\"usage\": {\"prompt_tokens\":1}}\n\ndata: [DONE]\n\n";
        let kept = without_usage(Bytes::from_static(stream.as_bytes()));
        let told = String::from_utf8_lossy(&kept).into_owned();
        assert!(told.contains("content") && told.ends_with("[DONE]\n\n") && !told.contains("prompt_tokens"), "{told}");
        let crlf = stream.replace('\n', "\r\n");
        assert_eq!(without_usage(crlf.into()), told.replace('\n', "\r\n"));
    }
}
