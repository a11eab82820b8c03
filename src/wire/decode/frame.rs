//! Cuts a byte stream into JSON texts: server-sent events, lines, the elements of an array, or one whole body,
//! whichever it turns out to be. However the bytes are split, the pieces are the same.

use memchr::memchr2;

use crate::wire::dialect::Dialect;
use crate::wire::fault::{Fault, FaultKind};

/// The most bytes of one event or one body that are kept: an inline picture fits, an endless line does not.
pub(super) const LARGEST: usize = 32 * 1024 * 1024;

/// The stream so far.
#[derive(Debug)]
pub(super) struct Framer {
    dialect: Dialect,
    shape: Shape,
    largest: usize,
    /// The bytes that are not yet a piece: a line, an element, a body.
    rest: Vec<u8>,
    sse: Sse,
    array: Array,
}

/// What the stream turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing but a byte order mark and white space so far.
    Unknown,
    Sse,
    Lines,
    Array,
    /// One JSON text.
    Whole,
    /// A web page.
    Page,
}

/// The event that is being read.
#[derive(Debug, Default)]
struct Sse {
    name: String,
    data: Vec<u8>,
    has_data: bool,
    /// The last line ended with `\r`: a `\n` that follows belongs to it.
    after_cr: bool,
}

/// Where in a JSON array we are.
#[derive(Debug, Default)]
struct Array {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Framer {
    pub(super) fn new(dialect: Dialect) -> Self {
        let (sse, array) = (Sse::default(), Array::default());
        Self { dialect, shape: Shape::Unknown, largest: LARGEST, rest: Vec::new(), sse, array }
    }

    pub(super) fn with_largest(mut self, largest: usize) -> Self {
        self.largest = largest;
        self
    }

    pub(super) fn shape(&self) -> Shape {
        self.shape
    }

    /// Takes more bytes, and gives each piece that is complete to `take`: with the event's name, and with the number
    /// of these bytes that are used up with it (SSE).
    pub(super) fn feed(&mut self, bytes: &[u8], take: &mut impl FnMut(&str, &[u8], usize)) -> Result<(), Fault> {
        match self.shape {
            Shape::Unknown => {
                let before = self.rest.len();
                self.rest.extend_from_slice(bytes);
                let all = self.rest.len();
                let Some(shape) = shape_of(&mut self.rest, self.dialect) else { return Ok(()) };
                self.shape = shape;
                let rest = std::mem::take(&mut self.rest);
                let mark = all - rest.len();
                let mut shifted =
                    |name: &str, data: &[u8], used: usize| take(name, data, (used + mark).saturating_sub(before));
                self.feed_known(&rest, &mut shifted)
            }
            _ => self.feed_known(bytes, take),
        }
    }

    fn feed_known(&mut self, bytes: &[u8], take: &mut impl FnMut(&str, &[u8], usize)) -> Result<(), Fault> {
        match self.shape {
            Shape::Sse => self.feed_sse(bytes, take),
            Shape::Lines => self.feed_lines(bytes, take),
            Shape::Array => self.feed_array(bytes, take),
            Shape::Whole => self.keep(bytes),
            Shape::Page | Shape::Unknown => Ok(()),
        }
    }

    /// The stream has ended: gives away what is left, though its end is missing.
    pub(super) fn finish(&mut self, take: &mut impl FnMut(&str, &[u8], usize)) {
        let rest = std::mem::take(&mut self.rest);
        match self.shape {
            Shape::Sse => {
                self.line(&rest, 0, take);
                self.line(b"", 0, take);
            }
            Shape::Lines | Shape::Array | Shape::Whole if !rest.trim_ascii().is_empty() => take("", &rest, 0),
            _ => {}
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.rest.len() + bytes.len() > self.largest {
            return Err(self.too_large());
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    fn too_large(&self) -> Fault {
        Fault::new(FaultKind::Malformed, format!("the answer has an event of more than {} bytes", self.largest))
    }

    fn feed_sse(&mut self, mut bytes: &[u8], take: &mut impl FnMut(&str, &[u8], usize)) -> Result<(), Fault> {
        let total = bytes.len();
        if self.sse.after_cr && !bytes.is_empty() {
            bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            self.sse.after_cr = false;
        }
        while let Some(end) = memchr2(b'\n', b'\r', bytes) {
            let (line, tail) = bytes.split_at(end);
            bytes = tail.strip_prefix(b"\n").unwrap_or_else(|| {
                let tail = tail.strip_prefix(b"\r").unwrap_or(tail);
                self.sse.after_cr = tail.is_empty();
                tail.strip_prefix(b"\n").unwrap_or(tail)
            });
            let used = total - bytes.len();
            if self.rest.is_empty() {
                self.line(line, used, take);
            } else {
                self.keep(line)?;
                let whole = std::mem::take(&mut self.rest);
                self.line(&whole, used, take);
                self.rest = whole;
                self.rest.clear();
            }
            if self.sse.data.len() > self.largest {
                return Err(self.too_large());
            }
        }
        self.keep(bytes)
    }

    fn line(&mut self, line: &[u8], used: usize, take: &mut impl FnMut(&str, &[u8], usize)) {
        if line.is_empty() {
            if self.sse.has_data {
                take(&self.sse.name, &self.sse.data, used);
            }
            self.sse.name.clear();
            self.sse.data.clear();
            self.sse.has_data = false;
            return;
        }
        let field = |name: &[u8]| {
            let value = line.strip_prefix(name)?.strip_prefix(b":")?;
            Some(value.strip_prefix(b" ").unwrap_or(value))
        };
        if let Some(data) = field(b"data") {
            if self.sse.has_data {
                self.sse.data.push(b'\n');
            }
            self.sse.data.extend_from_slice(data);
            self.sse.has_data = true;
        } else if let Some(name) = field(b"event") {
            self.sse.name.clear();
            self.sse.name.push_str(&String::from_utf8_lossy(name));
        }
        // Comments, ids, retry times and what nobody knows are passed over, as the standard says.
    }

    fn feed_lines(&mut self, mut bytes: &[u8], take: &mut impl FnMut(&str, &[u8], usize)) -> Result<(), Fault> {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, tail) = bytes.split_at(end);
            self.keep(line)?;
            let whole = std::mem::take(&mut self.rest);
            if !whole.trim_ascii().is_empty() {
                take("", &whole, 0);
            }
            bytes = tail.strip_prefix(b"\n").unwrap_or(tail);
        }
        self.keep(bytes)
    }

    fn feed_array(&mut self, bytes: &[u8], take: &mut impl FnMut(&str, &[u8], usize)) -> Result<(), Fault> {
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                _ if self.array.escaped => self.array.escaped = false,
                b'\\' if self.array.in_string => self.array.escaped = true,
                b'"' => self.array.in_string = !self.array.in_string,
                _ if self.array.in_string => {}
                b'{' => {
                    if self.array.depth == 0 {
                        from = at;
                        self.rest.clear();
                    }
                    self.array.depth += 1;
                }
                b'}' if self.array.depth > 0 => {
                    self.array.depth -= 1;
                    if self.array.depth == 0 {
                        self.keep(bytes.get(from..=at).unwrap_or_default())?;
                        let whole = std::mem::take(&mut self.rest);
                        take("", &whole, 0);
                        from = at + 1;
                    }
                }
                _ => {}
            }
        }
        if self.array.depth > 0 { self.keep(bytes.get(from..).unwrap_or_default()) } else { Ok(()) }
    }
}

/// What the stream is, by its first byte that is no byte order mark and no white space. Takes the mark away.
fn shape_of(start: &mut Vec<u8>, dialect: Dialect) -> Option<Shape> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if start.len() < MARK.len() && MARK.starts_with(start) {
        return None;
    }
    if start.starts_with(MARK) {
        start.drain(..MARK.len());
    }
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace())?;
    Some(match (first, dialect) {
        (b'{', Dialect::Ollama) => Shape::Lines,
        (b'[', Dialect::Gemini) => Shape::Array,
        (b'{' | b'[', _) => Shape::Whole,
        (b'<', _) => Shape::Page,
        _ => Shape::Sse,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(dialect: Dialect, chunks: &[&[u8]]) -> Vec<(String, String)> {
        let mut framer = Framer::new(dialect);
        let mut pieces = Vec::new();
        let mut take = |name: &str, data: &[u8], _: usize| {
            pieces.push((name.to_owned(), String::from_utf8_lossy(data).into_owned()));
        };
        for chunk in chunks {
            framer.feed(chunk, &mut take).unwrap();
        }
        framer.finish(&mut take);
        pieces
    }

    #[test]
    fn every_way_to_end_a_line_and_to_split_it() {
        let stream =
            "\u{feff}: hello\r\nevent: a\r\ndata: 1\r\ndata: 2\r\n\r\ndata:3\n\nid: 7\rdata: 4\r\r\ndata: 한\n\n";
        let whole = pieces(Dialect::Chat, &[stream.as_bytes()]);
        let told: Vec<(&str, &str)> = whole.iter().map(|(name, data)| (&**name, &**data)).collect();
        assert_eq!(told, [("a", "1\n2"), ("", "3"), ("", "4"), ("", "한")]);
        for size in 1..8 {
            let chunks: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
            assert_eq!(pieces(Dialect::Chat, &chunks), whole, "{size}");
        }
    }

    #[test]
    fn arrays_and_lines() {
        let array = br#"[{"a": "}\"{", "b": [{}]}, {"c": 1} ]"#;
        let expected =
            [(String::new(), r#"{"a": "}\"{", "b": [{}]}"#.to_owned()), (String::new(), r#"{"c": 1}"#.into())];
        for size in 1..9 {
            let chunks: Vec<&[u8]> = array.chunks(size).collect();
            assert_eq!(pieces(Dialect::Gemini, &chunks), expected, "{size}");
        }
        assert_eq!(pieces(Dialect::Ollama, &[b"{\"a\":1}\n\n{\"b\"", b":2}"]).len(), 2);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut framer = Framer::new(Dialect::Chat).with_largest(64);
        let mut none = |_: &str, _: &[u8], _: usize| {};
        assert!(framer.feed(b"data: ", &mut none).is_ok());
        let fault = (0..100).find_map(|_| framer.feed(b"xxxxxxxx", &mut none).err()).unwrap();
        assert_eq!(fault.message, "the answer has an event of more than 64 bytes");
        let mut framer = Framer::new(Dialect::Chat).with_largest(64);
        assert!((0..100).any(|_| framer.feed(b"data: xxxxxxxx\n", &mut none).is_err()));
    }
}
