//! Where the values of a YAML document stand: the mappings from the root down, in blocks and in braces, as byte
//! ranges of the text. What is in lists is passed over.
//!
//! This points; it does not judge. The text is known to be YAML, and what is done with these ranges is proved
//! afterwards ([`super`]). So nothing is checked here that libyaml checks, and a slip here is a refusal, not a loss.

use std::ops::Range;

/// What stands in a value's place.
pub(super) enum Node {
    /// Nothing: a value could begin at this byte.
    Empty(usize),
    /// A plain or quoted scalar, without tag and anchor.
    Scalar(Range<usize>),
    /// A mapping.
    Map(Map),
    /// What begins at this byte and is not edited, in words.
    Other(usize, &'static str),
}

/// A mapping.
pub(super) struct Map {
    /// Whether it stands in braces.
    pub(super) flow: bool,
    /// Its first byte, behind the brace.
    pub(super) start: usize,
    /// The column of its keys, in a block.
    pub(super) column: usize,
    /// Its entries, in their order.
    pub(super) entries: Vec<Entry>,
}

/// A key and its value.
pub(super) struct Entry {
    /// The key's text.
    pub(super) key: String,
    /// Where the key begins.
    pub(super) start: usize,
    /// Where the value ends, without the comment behind it.
    pub(super) end: usize,
    /// The value.
    pub(super) value: Node,
}

/// A byte from which on the layout is not understood, and why.
pub(super) struct Lost(pub(super) usize, pub(super) &'static str);

/// Deeper than libyaml's reader goes.
const DEEPEST: usize = 200;

/// The root of the document in `text`, which has no BOM.
pub(super) fn root(text: &str) -> Result<Node, Lost> {
    Scanner { text, at: 0, line: 0, end: 0, depth: 0 }.document()
}

struct Scanner<'a> {
    text: &'a str,
    /// The next byte.
    at: usize,
    /// Where its line begins.
    line: usize,
    /// Where the last token ended.
    end: usize,
    depth: usize,
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<Node, Lost> {
        self.skip();
        while self.byte() == Some(b'%') {
            self.skip_line();
            self.skip();
        }
        if self.at_marker() && self.byte() == Some(b'-') {
            self.take(3);
        }
        let node = self.block(0, 0)?;
        self.skip();
        if self.byte().is_none() || self.at_marker() { Ok(node) } else { Err(self.lost()) }
    }

    /// What follows a `key:`, a `- ` or the document's start. On lines of its own it begins at column `least` or
    /// behind it; a list may begin at `dash`.
    fn block(&mut self, least: usize, dash: usize) -> Result<Node, Lost> {
        self.deeper(|scanner| {
            let (above, mut line, mut column, mut tagged) = (scanner.line, scanner.line, None, None);
            let (byte, column) = loop {
                scanner.skip();
                if scanner.line != line {
                    (line, column) = (scanner.line, None);
                }
                let here = *column.get_or_insert(scanner.at - scanner.line);
                let from = if scanner.at_dash() { dash } else { least };
                match scanner.byte() {
                    Some(byte) if !scanner.at_marker() && (line == above || here >= from) => match byte {
                        b'!' => {
                            tagged = Some(scanner.at);
                            scanner.take_word();
                        }
                        b'&' => scanner.take_word(),
                        _ => break (byte, here),
                    },
                    _ => return Ok(tagged.map_or(Node::Empty(scanner.end), tag)),
                }
            };
            let start = scanner.at;
            let node = match byte {
                b'-' if scanner.at_dash() => scanner.list(column)?,
                b'{' | b'[' => scanner.flow()?,
                b'|' | b'>' => scanner.literal(least),
                b'*' => scanner.alias(),
                _ => {
                    let range = scanner.scalar(false)?;
                    if line == scanner.line && scanner.at_colon() {
                        scanner.at = start;
                        // On the key's own line the tag is the key's.
                        tagged = tagged.filter(|at| *at < line);
                        scanner.mapping(column)?
                    } else {
                        Node::Scalar(scanner.more_lines(range, byte, Some(least)))
                    }
                }
            };
            Ok(tagged.map_or(node, tag))
        })
    }

    fn mapping(&mut self, column: usize) -> Result<Node, Lost> {
        let mut map = Map { flow: false, start: self.at, column, entries: Vec::new() };
        loop {
            let start = self.at;
            let key = self.key(false)?;
            if !self.at_colon() {
                return Err(self.lost());
            }
            self.blanks();
            self.take(1);
            let value = self.block(column + 1, column)?;
            map.entries.push(Entry { key, start, end: self.end, value });
            self.skip();
            if self.byte().is_none() || self.at_marker() || self.at - self.line != column {
                return Ok(Node::Map(map));
            }
        }
    }

    fn list(&mut self, column: usize) -> Result<Node, Lost> {
        let start = self.at;
        while self.at_dash() && self.at - self.line == column && !self.at_marker() {
            self.take(1);
            self.block(column + 1, column + 1)?;
            self.skip();
        }
        Ok(Node::Other(start, "a list stands there"))
    }

    /// `|` or `>` and the lines below it: they are indented by at least `least`, or by what the header says.
    fn literal(&mut self, least: usize) -> Node {
        let start = self.at;
        let header = self.text.get(start..).unwrap_or_default();
        let header = header.split([' ', '\t', '\r', '\n', '#']).next().unwrap_or_default();
        let kept = header.contains('+');
        let told = header.bytes().find(u8::is_ascii_digit);
        let mut indent = told.map(|digit| least.saturating_sub(1) + usize::from(digit - b'0'));
        self.take(header.len());
        self.skip_line();
        while let Some(line) = self.text.get(self.at..).and_then(|rest| rest.split_inclusive('\n').next()) {
            let spaces = line.bytes().take_while(|byte| *byte == b' ').count();
            let blank = matches!(line.as_bytes().get(spaces), None | Some(b'\r' | b'\n'));
            if blank {
                let content = indent.is_some_and(|indent| spaces > indent);
                self.pass(line, kept || content);
            } else if spaces >= *indent.get_or_insert(spaces.max(least)) {
                self.pass(line, true);
            } else {
                break;
            }
        }
        Node::Other(start, "a text of several lines stands there")
    }

    /// Passes a whole line of a literal; `belongs` where the text ends here or later.
    fn pass(&mut self, line: &str, belongs: bool) {
        if belongs {
            self.end = self.at + line.trim_end_matches(['\r', '\n']).len();
        }
        self.at += line.len();
        self.line = self.at;
    }

    /// A mapping or list in braces or brackets, or what stands in one.
    fn flow(&mut self) -> Result<Node, Lost> {
        self.deeper(|scanner| {
            let mut tagged = None;
            while let Some(byte @ (b'!' | b'&')) = scanner.byte() {
                if byte == b'!' {
                    tagged = Some(scanner.at);
                }
                scanner.take_word();
                scanner.skip();
            }
            let node = match scanner.byte() {
                Some(b'{') => scanner.braces()?,
                Some(b'[') => scanner.brackets()?,
                Some(b'*') => scanner.alias(),
                None | Some(b',' | b'}' | b']') => Node::Empty(scanner.end),
                Some(byte) => {
                    let range = scanner.scalar(true)?;
                    Node::Scalar(scanner.more_lines(range, byte, None))
                }
            };
            Ok(tagged.map_or(node, tag))
        })
    }

    fn braces(&mut self) -> Result<Node, Lost> {
        self.take(1);
        let mut map = Map { flow: true, start: self.at, column: 0, entries: Vec::new() };
        loop {
            self.skip();
            match self.byte() {
                Some(b'}') => break self.take(1),
                Some(b',') => self.take(1),
                _ => {
                    let start = self.at;
                    let key = self.key(true)?;
                    self.skip();
                    let value = if self.byte() == Some(b':') {
                        self.take(1);
                        self.skip();
                        self.flow()?
                    } else {
                        Node::Other(start, "a name without a colon stands there")
                    };
                    map.entries.push(Entry { key, start, end: self.end, value });
                }
            }
        }
        Ok(Node::Map(map))
    }

    fn brackets(&mut self) -> Result<Node, Lost> {
        let start = self.at;
        self.take(1);
        loop {
            self.skip();
            match self.byte() {
                Some(b']') => break self.take(1),
                // The colon of a pair in a list: what follows is one more value to pass.
                Some(b',' | b':') => self.take(1),
                _ => {
                    let before = self.at;
                    self.flow()?;
                    if self.at == before {
                        return Err(self.lost());
                    }
                }
            }
        }
        Ok(Node::Other(start, "a list stands there"))
    }

    fn alias(&mut self) -> Node {
        let start = self.at;
        self.take_word();
        Node::Other(start, "an alias (`*`) stands there")
    }

    /// A key's text, without its tag and anchor.
    fn key(&mut self, flow: bool) -> Result<String, Lost> {
        while let Some(b'!' | b'&') = self.byte() {
            self.take_word();
            self.skip();
        }
        let start = self.at;
        let written = self.scalar(flow)?;
        let text = self.text.get(written).unwrap_or_default();
        if text.starts_with(['"', '\'']) {
            return serde_yaml::from_str(text).map_err(|_it_quotes_the_text| Lost(start, UNKNOWN));
        }
        Ok(text.to_owned())
    }

    /// A quoted scalar, or a plain one as far as its first line goes.
    fn scalar(&mut self, flow: bool) -> Result<Range<usize>, Lost> {
        let start = self.at;
        match self.byte() {
            Some(quote @ (b'"' | b'\'')) => {
                self.step();
                loop {
                    match self.byte() {
                        None => return Err(Lost(start, UNKNOWN)),
                        Some(b'\\') if quote == b'"' => self.step(),
                        Some(byte) if byte == quote && (quote == b'"' || self.after(1) != Some(quote)) => break,
                        Some(byte) if byte == quote => self.step(),
                        Some(_) => {}
                    }
                    self.step();
                }
                self.take(1);
            }
            Some(b'?') if is_gap(self.after(1)) => return Err(Lost(start, "a key that is marked with `?`")),
            _ => self.plain(flow),
        }
        if self.at == start { Err(self.lost()) } else { Ok(start..self.end) }
    }

    /// A line of a plain scalar.
    fn plain(&mut self, flow: bool) {
        let mut gap = false;
        while let Some(byte) = self.byte() {
            let next = self.after(1);
            match byte {
                b'\n' | b'\r' => return,
                b':' if is_gap(next) || (flow && next.is_some_and(|next| b",[]{}".contains(&next))) => return,
                b'#' if gap => return,
                b',' | b'[' | b']' | b'{' | b'}' if flow => return,
                _ => self.at += 1,
            }
            gap = matches!(byte, b' ' | b'\t');
            if !gap {
                self.end = self.at;
            }
        }
    }

    /// The range of a plain scalar (one that begins with `first`), with the lines that go on with it. In a block
    /// they are indented by at least `least`.
    fn more_lines(&mut self, mut range: Range<usize>, first: u8, least: Option<usize>) -> Range<usize> {
        if matches!(first, b'"' | b'\'') {
            return range;
        }
        loop {
            let (at, line) = (self.at, self.line);
            while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.byte() {
                self.step();
            }
            let outside = least.is_some_and(|least| self.at - self.line < least || self.at_marker());
            let start = self.at;
            if self.line != line && !outside && self.byte() != Some(b'#') {
                self.plain(least.is_none());
            }
            if self.at == start {
                (self.at, self.line) = (at, line);
                return range;
            }
            range.end = self.end;
        }
    }

    fn deeper(&mut self, scan: impl FnOnce(&mut Self) -> Result<Node, Lost>) -> Result<Node, Lost> {
        if self.depth == DEEPEST {
            return Err(self.lost());
        }
        self.depth += 1;
        let node = scan(self);
        self.depth -= 1;
        node
    }

    /// To the next token: over blanks, line ends and comments.
    fn skip(&mut self) {
        while let Some(byte) = self.byte() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => self.step(),
                b'#' => self.skip_line(),
                _ => return,
            }
        }
    }

    fn skip_line(&mut self) {
        while self.byte().is_some_and(|byte| !matches!(byte, b'\r' | b'\n')) {
            self.at += 1;
        }
        if self.byte() == Some(b'\r') {
            self.step();
        }
        if self.byte() == Some(b'\n') {
            self.step();
        }
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    fn take(&mut self, bytes: usize) {
        self.at += bytes;
        self.end = self.at;
    }

    /// A tag, an anchor or an alias.
    fn take_word(&mut self) {
        while !is_gap(self.byte()) && !self.byte().is_some_and(|byte| b",[]{}".contains(&byte)) {
            self.at += 1;
        }
        self.end = self.at;
    }

    fn step(&mut self) {
        let byte = self.byte();
        self.at += 1;
        if matches!(byte, Some(b'\r' | b'\n')) {
            self.line = self.at;
        }
    }

    fn byte(&self) -> Option<u8> {
        self.after(0)
    }

    fn after(&self, bytes: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + bytes).copied()
    }

    fn at_dash(&self) -> bool {
        self.byte() == Some(b'-') && is_gap(self.after(1))
    }

    /// Whether a key ends here: blanks and a colon.
    fn at_colon(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default().trim_start_matches([' ', '\t']);
        rest.strip_prefix(':').is_some_and(|rest| is_gap(rest.bytes().next()))
    }

    /// `---` or `...` at the start of a line.
    fn at_marker(&self) -> bool {
        let word = self.text.get(self.at..self.at + 3);
        self.at == self.line && matches!(word, Some("---" | "...")) && is_gap(self.after(3))
    }

    fn lost(&self) -> Lost {
        Lost(self.at, UNKNOWN)
    }
}

const UNKNOWN: &str = "the layout of this line is not understood";

fn tag(at: usize) -> Node {
    Node::Other(at, "a tag (`!`) stands there")
}

fn is_gap(byte: Option<u8>) -> bool {
    matches!(byte, None | Some(b' ' | b'\t' | b'\r' | b'\n'))
}
