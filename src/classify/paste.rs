//! What somebody typed, as against what they pasted: code blocks, logs, stack traces, diffs, quoted lines.
//!
//! Pasted text is content, not a request; what it says must not decide who answers. So it is left out before any word
//! is looked at. Where nothing else is left, the least foreign of it is looked at after all.

use std::ops::Range;

use super::markup;

/// A line that somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its bytes, without the line break.
    pub(super) span: Range<usize>,
    /// It is an item of a list.
    pub(super) item: bool,
}

/// Text up to this size is read whole.
const WHOLE: usize = 12 * 1024;
/// Of a longer one, this much from either end.
const END: usize = 6 * 1024;
/// How much typed text is kept from the start, and from the end, of a prompt.
const KEEP_HEAD: usize = 1536;
const KEEP_TAIL: usize = 768;

/// The typed lines of `text`, in order; of a long prompt only those near its two ends.
pub(super) fn typed(text: &str) -> Vec<Line> {
    let sorted = sort_lines(text);
    let mut lines = keep_ends(text, sorted.typed);
    if lines.is_empty() {
        lines = keep_ends(text, sorted.quoted);
    }
    if lines.is_empty() {
        lines = keep_ends(text, sorted.bare_errors);
    }
    if lines.is_empty() {
        lines = keep_ends(text, sorted.labels);
    }
    lines
}

#[derive(Default)]
struct Sorted {
    typed: Vec<Line>,
    /// `> …`: a quotation, or a prompt copied with its mark.
    quoted: Vec<Line>,
    /// `TypeError: …` with nothing else around it is the question itself.
    bare_errors: Vec<Line>,
    /// `## Requirements`: names a part of the text and asks for nothing.
    labels: Vec<Line>,
}

fn sort_lines(text: &str) -> Sorted {
    let mut sorter = Sorter::default();
    if text.len() <= WHOLE {
        sorter.read(text, 0..text.len());
    } else {
        let head = line_start_before(text, END);
        let tail = line_start_before(text, text.len() - END);
        sorter.read(text, 0..head);
        sorter.skip(text.get(head..tail).unwrap_or_default());
        sorter.read(text, tail..text.len());
    }
    sorter.sorted
}

/// The last character boundary at or before byte `at`.
pub(super) fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// The start of the line that holds byte `at`; where lines are endless, a character boundary near `at`.
fn line_start_before(text: &str, at: usize) -> usize {
    let at = boundary(text, at);
    match text.get(..at).and_then(|before| before.rfind('\n')) {
        Some(newline) if at - newline < END / 2 => newline + 1,
        _ => at,
    }
}

/// Keeps about [`KEEP_HEAD`] bytes from the start and [`KEEP_TAIL`] from the end; a line may be cut into two.
fn keep_ends(text: &str, lines: Vec<Line>) -> Vec<Line> {
    let total: usize = lines.iter().map(|line| line.span.len()).sum();
    if total <= KEEP_HEAD + KEEP_TAIL {
        return lines;
    }
    let mut kept = Vec::new();
    let mut before = 0;
    for line in lines {
        let length = line.span.len();
        let span = line.span;
        let head = span.start..boundary(text, span.start + KEEP_HEAD.saturating_sub(before).min(length));
        let from_end = total - before - length;
        let tail = boundary(text, span.end - KEEP_TAIL.saturating_sub(from_end).min(length)).max(head.end)..span.end;
        before += length;
        kept.extend(
            [head, tail].into_iter().filter(|part| !part.is_empty()).map(|span| Line { span, item: line.item }),
        );
    }
    kept
}

/// What the lines of the moment are part of.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Inside {
    #[default]
    Nothing,
    Fence,
    Diff,
    Trace,
    /// Text of the harness, such as `<system-reminder>`.
    Reminder,
    /// Between a tag that holds pasted text, such as `<logs>`, and its end.
    Tag(&'static str),
    /// Behind a line that says whom a letter is from.
    Mail,
}

#[derive(Default)]
struct Sorter {
    inside: Inside,
    /// The last typed line announces something: it ends in a colon.
    announces: bool,
    /// Tags that are opened and never closed: their names are words like any other.
    never_closed: Vec<&'static str>,
    sorted: Sorted,
}

impl Sorter {
    /// Passes over text in the middle of a long prompt; only fences that it opens or closes are remembered.
    fn skip(&mut self, text: &str) {
        let bytes = text.as_bytes();
        for at in memchr::memmem::find_iter(bytes, b"```") {
            if at == 0 || bytes.get(at - 1) == Some(&b'\n') {
                self.toggle_fence();
            }
        }
        if self.inside != Inside::Fence {
            self.inside = Inside::Nothing;
        }
    }

    fn toggle_fence(&mut self) {
        self.inside = if self.inside == Inside::Fence { Inside::Nothing } else { Inside::Fence };
    }

    fn read(&mut self, text: &str, range: Range<usize>) {
        let mut start = range.start;
        for line in text.get(range).unwrap_or_default().split_inclusive('\n') {
            start += line.len();
            self.tagged_line(
                line.trim_end_matches(['\n', '\r']),
                start - line.len(),
                text.get(start..).unwrap_or_default(),
            );
        }
    }

    /// Leaves out what stands between tags such as `<context>` and `</context>`, also in the middle of a line; `after` is
    /// the text behind the line.
    fn tagged_line(&mut self, line: &str, start: usize, after: &str) {
        let mut rest = line;
        let mut at = start;
        if let Inside::Tag(name) = self.inside {
            let Some(end) = markup::end_of(rest, name) else { return };
            self.inside = Inside::Nothing;
            at += end;
            rest = rest.get(end..).unwrap_or_default();
        }
        while self.inside != Inside::Fence
            && let Some((name, opening)) = markup::opening(rest)
            && !self.never_closed.contains(&name)
        {
            let inside = rest.get(opening.end..).unwrap_or_default();
            let end = markup::end_of(inside, name);
            if end.is_none() && markup::end_of(after, name).is_none() {
                self.never_closed.push(name);
                break;
            }
            self.line(rest.get(..opening.start).unwrap_or_default(), at);
            let Some(end) = end else {
                self.inside = Inside::Tag(name);
                return;
            };
            at += opening.end + end;
            rest = inside.get(end..).unwrap_or_default();
        }
        self.line(rest, at);
    }

    fn line(&mut self, line: &str, start: usize) {
        let bare = markup::bare(line);
        let trimmed = line.get(bare.clone()).unwrap_or_default();
        let span = start + bare.start..start + bare.end;
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            self.drop_caption();
            self.toggle_fence();
            return;
        }
        if self.inside == Inside::Fence || self.is_reminder(trimmed) || self.is_letterhead(trimmed) {
            return;
        }
        if trimmed.is_empty() {
            if self.inside == Inside::Trace {
                self.inside = Inside::Nothing;
            }
            return;
        }
        if let Some(quoted) = trimmed.strip_prefix('>') {
            let from = span.end - quoted.trim().len();
            self.sorted.quoted.push(Line { span: from..span.end, item: false });
        } else if self.is_diff(line) || self.is_trace(line, trimmed) || is_log(trimmed) || is_code(line, trimmed) {
            self.drop_caption();
        } else if is_bare_error(trimmed) {
            self.sorted.bare_errors.push(Line { span, item: false });
        } else if markup::is_label(trimmed) {
            self.announces = false;
            self.sorted.labels.push(Line { span, item: false });
        } else {
            self.announces = trimmed.trim_end().ends_with([':', '：']);
            let mark = item_mark(trimmed);
            let from = span.start + mark.unwrap_or_default();
            self.sorted.typed.push(Line { span: from..span.end, item: mark.is_some() });
        }
    }

    /// "Here is the log:" says nothing once the log is gone.
    fn drop_caption(&mut self) {
        let short = self.sorted.typed.last().is_some_and(|line| line.span.len() < 60);
        if self.announces && short && self.sorted.typed.len() > 1 {
            self.sorted.typed.pop();
        }
        self.announces = false;
    }

    fn is_reminder(&mut self, trimmed: &str) -> bool {
        const TAGS: [(&str, &str); 3] = [
            ("<system-reminder>", "</system-reminder>"),
            ("<local-command-stdout>", "</local-command-stdout>"),
            ("<ide_", "</ide_"),
        ];
        let opens = trimmed.starts_with('<') && TAGS.iter().any(|(open, _)| trimmed.starts_with(open));
        if self.inside != Inside::Reminder && !opens {
            return false;
        }
        let closes = TAGS.iter().any(|(_, close)| trimmed.contains(close));
        self.inside = if closes { Inside::Nothing } else { Inside::Reminder };
        true
    }

    /// `From: …`, and the lines of the head behind it.
    fn is_letterhead(&mut self, trimmed: &str) -> bool {
        let inside = matches!(self.inside, Inside::Nothing | Inside::Mail);
        let head = inside && markup::is_letterhead(trimmed, self.inside == Inside::Mail);
        if inside {
            self.inside = if head { Inside::Mail } else { Inside::Nothing };
        }
        head
    }

    fn is_diff(&mut self, line: &str) -> bool {
        const HEADS: [&str; 5] = ["diff --git ", "@@ ", "+++ ", "--- a/", "Index: "];
        if HEADS.iter().any(|head| line.starts_with(head)) {
            self.inside = Inside::Diff;
            return true;
        }
        if self.inside != Inside::Diff {
            return false;
        }
        let part =
            line.starts_with(['+', '-', ' ', '\\', '\t']) || line.starts_with("index ") || line.contains(" mode 100");
        if !part {
            self.inside = Inside::Nothing;
        }
        part
    }

    fn is_trace(&mut self, line: &str, trimmed: &str) -> bool {
        const HEADS: [&str; 9] = [
            "Traceback (most recent",
            "Caused by:",
            "Exception in thread",
            "File \"",
            "goroutine ",
            "thread '",
            "stack backtrace",
            "npm ERR!",
            "-->",
        ];
        let frame = trimmed.starts_with("at ") && trimmed.contains(['(', ':']);
        if frame || HEADS.iter().any(|head| trimmed.starts_with(head)) {
            self.inside = Inside::Trace;
            return true;
        }
        self.inside == Inside::Trace && line.starts_with([' ', '\t'])
    }
}

/// How many bytes mark the line as a list item: `- `, `* `, `• `, `1. `, `1) `, `1단계: `, `Step 1: `.
fn item_mark(trimmed: &str) -> Option<usize> {
    if let Some(rest) = trimmed.strip_prefix(['-', '*', '•', '+', '・', '◦']) {
        let mark = trimmed.len() - rest.len();
        return (rest.starts_with([' ', '\t']) || trimmed.starts_with(['•', '・', '◦'])).then_some(mark);
    }
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let numbered = (1..=2).contains(&digits)
        && trimmed
            .get(digits..)
            .is_some_and(|rest| rest.starts_with(". ") || rest.starts_with(") ") || rest.starts_with("、"));
    if numbered { Some(digits + 1).map(|at| boundary_after(trimmed, at)) } else { markup::step_mark(trimmed) }
}

/// The first character boundary at or after byte `at`.
fn boundary_after(text: &str, at: usize) -> usize {
    (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// A line of a log: it starts with a time stamp, a level in capitals, or a shell prompt.
fn is_log(trimmed: &str) -> bool {
    const LEVELS: [&str; 10] =
        ["ERROR", "WARN", "WARNING", "INFO", "DEBUG", "TRACE", "FATAL", "CRITICAL", "NOTICE", "SEVERE"];
    const PROMPTS: [&str; 12] =
        ["$ ", "% ", "error[", "warning: ", "error: ", "FAILED ", "PASS ", "FAIL ", "--- FAIL", "E   ", "✗ ", "✕ "];
    if is_stamp(trimmed) || is_compiler(trimmed) || PROMPTS.iter().any(|prompt| trimmed.starts_with(prompt)) {
        return true;
    }
    let word = trimmed.trim_start_matches(['[', '(', '<', '|', ' ']);
    LEVELS.iter().any(|level| {
        word.strip_prefix(level).is_some_and(|rest| rest.starts_with([' ', ':', ']', ')', '\t', '|', '>', '-']))
            && (word.len() < trimmed.len() || !word.get(level.len()..).unwrap_or_default().trim_start().is_empty())
    })
}

/// `src/a.ts(3,1): error …`, `main.c:10:5: warning …`: what a compiler says.
fn is_compiler(trimmed: &str) -> bool {
    if !trimmed.is_ascii() {
        return false;
    }
    let place = trimmed.split(' ').next().unwrap_or_default();
    let numbered = place.ends_with(':') && place.contains('.') && place.bytes().any(|byte| byte.is_ascii_digit());
    let said = trimmed.get(place.len()..).unwrap_or_default().trim_start();
    numbered && ["error", "warning", "note", "fatal"].iter().any(|word| said.starts_with(word))
}

/// `2026-01-09 …`, `[12/31 …`, `12:34:56 …`, `Nov 21 05:00:00 …`.
fn is_stamp(trimmed: &str) -> bool {
    let line = trimmed.trim_start_matches(['[', '(', '<']);
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line.as_bytes().get(digits..).unwrap_or_default();
    let digit = |at: usize| rest.get(at).is_some_and(u8::is_ascii_digit);
    match (digits, rest.first()) {
        (4, Some(b'-' | b'/' | b'.')) => digit(1) && digit(2) && rest.get(3) == rest.first() && digit(4),
        (1 | 2, Some(b':')) => digit(1) && digit(2) && rest.get(3) == Some(&b':') && digit(4),
        (1 | 2, Some(b'/')) => trimmed.starts_with('[') && digit(1),
        (10 | 13, Some(b'.' | b' ')) => true,
        (0, _) => is_syslog(line),
        _ => false,
    }
}

fn is_syslog(line: &str) -> bool {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    MONTHS.iter().any(|month| {
        line.strip_prefix(month).is_some_and(|rest| {
            let rest = rest.trim_start();
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            digits > 0 && rest.as_bytes().get(digits + 3) == Some(&b':')
        })
    })
}

/// `TypeError: x is undefined`, alone on its line.
fn is_bare_error(trimmed: &str) -> bool {
    if !trimmed.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return false;
    }
    let head = trimmed.split([':', ' ']).next().unwrap_or_default();
    (head.ends_with("Error") || head.ends_with("Exception"))
        && head.len() > 5
        && trimmed.as_bytes().get(head.len()) == Some(&b':')
        && trimmed.is_ascii()
}

/// Source code, JSON or markup that stands on a line without a fence around it.
fn is_code(line: &str, trimmed: &str) -> bool {
    const HEADS: [&str; 34] = [
        "import ",
        "from ",
        "#include",
        "def ",
        "class ",
        "function ",
        "const ",
        "let ",
        "var ",
        "public ",
        "private ",
        "return ",
        "<?php",
        "</",
        "<div",
        "<script",
        "package ",
        "using ",
        "fn ",
        "pub ",
        "func ",
        "async ",
        "if (",
        "for (",
        "while (",
        "} ",
        "};",
        "});",
        "#!/",
        "SELECT ",
        "INSERT INTO",
        "CREATE TABLE",
        "@Override",
        "//",
    ];
    if trimmed.starts_with('"') && trimmed.contains("\": ") {
        return true;
    }
    if !trimmed.is_ascii() {
        return false;
    }
    // **Emphasis** is no code.
    if trimmed.starts_with("**") && !trimmed.contains(['{', ';', '=']) {
        return false;
    }
    // A long line shows what it is at its start.
    let trimmed = trimmed.get(..trimmed.len().min(400)).unwrap_or(trimmed);
    let symbols = trimmed.bytes().filter(|byte| is_symbol(*byte)).count();
    let marked = trimmed.ends_with(['{', '}', ';', ',', ')', ']', ':', '>', '[', '(']);
    let headed = HEADS.iter().any(|head| trimmed.starts_with(head));
    let dense = symbols * 6 > trimmed.len();
    let indented = line.starts_with("    ") || line.starts_with('\t');
    if trimmed.starts_with('/') && !trimmed.starts_with("//") {
        return false;
    }
    (headed && (marked || dense))
        || (dense && marked && symbols > 1)
        || (indented && dense)
        || (dense && symbols * 3 > trimmed.len())
}

/// A mark that code is full of and prose is not.
fn is_symbol(byte: u8) -> bool {
    matches!(
        byte,
        b'{' | b'}'
            | b'('
            | b')'
            | b'['
            | b']'
            | b';'
            | b'='
            | b'<'
            | b'>'
            | b'"'
            | b'\''
            | b'`'
            | b'$'
            | b'|'
            | b'&'
            | b'*'
            | b'+'
            | b'\\'
            | b'_'
            | b':'
    )
}
