//! A conversation taken apart: sentences, list items and blocks of code, each with what it is.

use super::Turn;
use super::cue::{self, Class};
use super::names;
use crate::wire::hub::Role;

/// One sentence, list item or block of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// The turn that it is in.
    pub(super) turn: usize,
    /// What it is.
    pub(super) class: Class,
    /// The text on one line; of code its head.
    pub(super) text: String,
    /// The byte of `text` where the word stands that makes it what it is.
    pub(super) cue: usize,
}

/// A heading under which lines stand.
#[derive(Debug, Clone, Copy)]
struct Section {
    class: Class,
    /// Made with `#`: it reaches to the next heading. One that ends with a colon reaches over its list only.
    wide: bool,
}

/// A line of a text, or the head of a block of code in it.
enum Part<'a> {
    Line(&'a str),
    Code(String),
}

/// The pieces of a turn, in order.
pub(super) fn pieces(at: usize, turn: &Turn) -> Vec<Piece> {
    let mut reader = Reader { turn: at, user: turn.role == Role::User, section: None, gap: false, pieces: Vec::new() };
    for part in parts(&turn.text) {
        match part {
            Part::Line(line) => reader.line(line.trim()),
            Part::Code(head) => reader.push(Class::Code, head, 0),
        }
    }
    reader.pieces
}

/// `text` with every block of code replaced by its head.
pub(super) fn without_code(text: &str) -> String {
    let lines = parts(text).map(|part| match part {
        Part::Line(line) => line.to_owned(),
        Part::Code(head) => head,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut lines = text.lines();
    let mut before = "";
    std::iter::from_fn(move || {
        let line = lines.next()?;
        let part = fence(line).map_or(Part::Line(line), |fence| {
            let body: Vec<&str> = lines.by_ref().take_while(|line| !closes(line, fence)).collect();
            Part::Code(code_head(line.trim().trim_start_matches(['`', '~']), before, &body))
        });
        if !line.trim().is_empty() {
            before = line;
        }
        Some(part)
    })
}

struct Reader {
    turn: usize,
    user: bool,
    section: Option<Section>,
    /// An empty line came just before.
    gap: bool,
    pieces: Vec<Piece>,
}

impl Reader {
    fn push(&mut self, class: Class, text: String, cue: usize) {
        self.pieces.push(Piece { turn: self.turn, class, text, cue });
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            self.gap = true;
            return;
        }
        let gap = std::mem::take(&mut self.gap);
        let item = is_item(line);
        if let Some(wide) = heading(line) {
            let (class, _) = cue::class(line.trim_matches(['#', '*', ':', '：', ' ']), false, false);
            let counts = matches!(class, Class::Decision | Class::State | Class::Rule);
            self.section = counts.then_some(Section { class, wide });
            if !counts && names::spec_ids(line).next().is_some() {
                self.push(Class::Fact, line.trim_start_matches('#').trim().to_owned(), 0);
            }
            return;
        }
        if gap && !item && self.section.is_some_and(|section| !section.wide) {
            self.section = None;
        }
        for sentence in sentences(line) {
            let (class, cue) = cue::class(sentence, self.user, item);
            let class = self.section.map_or(class, |section| class.min(section.class));
            self.push(class, sentence.to_owned(), cue);
        }
    }
}

/// Whether the line is a heading; `true` inside where it is one of Markdown.
fn heading(line: &str) -> Option<bool> {
    if line.starts_with('#') && line.trim_start_matches('#').starts_with(' ') {
        return Some(true);
    }
    let bare = line.trim_end_matches('*');
    let short = line.chars().count() <= 60;
    let list_of_one = is_item(line) && !line.starts_with("**");
    (short && !list_of_one && (bare.ends_with([':', '：']) || line.ends_with(":**"))).then_some(false)
}

fn is_item(line: &str) -> bool {
    let numbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with(['-', '*', '•', '·', '|', '+', '✓', '✅', '☐'])
        || (numbered.len() < line.len() && numbered.starts_with(['.', ')']))
}

/// The sentences of a line, without the marks of a list in front.
fn sentences(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = line;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = sentence_end(rest);
            let (sentence, after) = rest.split_at_checked(end)?;
            rest = after.trim_start();
            let sentence = sentence.trim().trim_start_matches(['-', '*', '•', '·', '+', '>', '|', ' ']);
            if sentence.contains(char::is_alphanumeric) {
                return Some(sentence);
            }
        }
        None
    })
}

fn sentence_end(text: &str) -> usize {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let wide = matches!(c, '。' | '！' | '？');
        let space = chars.peek().is_none_or(|(_, next)| next.is_whitespace());
        // `1. first` is no sentence `1`.
        let number = text.get(..at).is_some_and(|head| head.chars().all(|c| c.is_ascii_digit()));
        if wide || (matches!(c, '.' | '!' | '?') && space && !number) {
            return at + c.len_utf8();
        }
    }
    text.len()
}

/// The marks that open a block of code.
fn fence(line: &str) -> Option<&'static str> {
    let line = line.trim_start();
    ["```", "~~~"].into_iter().find(|fence| line.starts_with(fence))
}

fn closes(line: &str, fence: &str) -> bool {
    let line = line.trim();
    line.starts_with(fence) && line.chars().all(|c| fence.starts_with(c))
}

/// A block of code on one line: its file, how long it is, and the first line that says something.
fn code_head(info: &str, before: &str, body: &[&str]) -> String {
    const MOST: usize = 80;
    let language = info.split([' ', ':', '{', ',']).next().unwrap_or_default();
    let first = body.first().copied().unwrap_or_default();
    let file = names::files(info).next().or_else(|| {
        let comment = ["//", "#", "--", "/*", "<!--", ";"].iter().any(|mark| first.trim_start().starts_with(mark));
        comment.then(|| names::files(first).next()).flatten().or_else(|| names::files(before).last())
    });
    let telling = body
        .iter()
        .map(|line| line.trim())
        .find(|line| {
            line.contains(char::is_alphabetic)
                && !["//", "#!", "# ", "--", "/*"].iter().any(|mark| line.starts_with(mark))
        })
        .unwrap_or(first.trim());
    let telling: String = telling.chars().take(MOST).collect();
    let file = file.map(|file| format!("{file}, ")).unwrap_or_default();
    let language = if language.is_empty() || names::files(language).next().is_some() { "code" } else { language };
    format!("[{file}{language}, {} lines: {telling} …]", body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, role: Role) -> Vec<(Class, String)> {
        pieces(0, &Turn { role, text: text.into() }).into_iter().map(|piece| (piece.class, piece.text)).collect()
    }

    #[test]
    fn a_heading_says_what_its_list_is() {
        let text = "결정 사항:\n- DB: PostgreSQL\n- 인증: JWT (15분)\n\n그 밖의 이야기.\n\n## Next steps\n\nWrite the tests.\nThen ship.\n\n## Chat\nblah blah";
        assert_eq!(
            of(text, Role::Assistant),
            [
                (Class::Decision, "DB: PostgreSQL".into()),
                (Class::Decision, "인증: JWT (15분)".into()),
                (Class::Other, "그 밖의 이야기.".into()),
                (Class::State, "Write the tests.".into()),
                (Class::State, "Then ship.".into()),
                (Class::Other, "blah blah".into()),
            ]
        );
    }

    #[test]
    fn code_becomes_its_head_with_its_file() {
        let text = "`src/auth/token.rs`를 고쳤습니다.\n\n```rust\nuse x;\nfn issue() {}\n```\n\n```python app/main.py\nprint(1)\n```\n~~~\n# tools/run.sh\nexec true\n~~~\n```sql\nSELECT 1";
        let code: Vec<String> = of(text, Role::Assistant)
            .into_iter()
            .filter(|(class, _)| *class == Class::Code)
            .map(|(_, text)| text)
            .collect();
        assert_eq!(
            code,
            [
                "[src/auth/token.rs, rust, 2 lines: use x; …]",
                "[app/main.py, python, 1 lines: print(1) …]",
                "[tools/run.sh, code, 2 lines: exec true …]",
                "[sql, 1 lines: SELECT 1 …]",
            ]
        );
        assert!(without_code(text).starts_with("`src/auth/token.rs`를 고쳤습니다.\n\n[src/auth/token.rs, rust"));
    }

    #[test]
    fn sentences_end_where_they_end() {
        let all = |line| sentences(line).collect::<Vec<_>>();
        assert_eq!(all("1. First thing. Second v1.2 thing!"), ["1. First thing.", "Second v1.2 thing!"]);
        assert_eq!(all("採用する。次は実装。"), ["採用する。", "次は実装。"]);
        assert_eq!(all("- [ ] 테스트"), ["[ ] 테스트"]);
        assert_eq!(all("***"), Vec::<&str>::new());
    }
}
