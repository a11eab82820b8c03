//! R-EVT-006: an architecture decision that touches five files or more is planning.

use std::ops::Range;

use super::feature::{Feature, Name};
use super::fold::{Folded, PATH};
use super::lexicon::lexicon;

/// How many files make a decision an architecture decision (SPEC-MODEL-001).
const MANY: u32 = 5;

/// Where the text says that an architecture decision touches [`MANY`] files or more.
pub(super) fn architecture_over_many(folded: &Folded, seen: &[Feature]) -> Option<Range<usize>> {
    let words = lexicon();
    let tagged = |wanted: &str, names: &[&str]| {
        seen.iter().any(|feature| {
            matches!(&feature.name, Name::Tagged(place, tag) if *place == wanted && names.contains(&words.name(*tag)))
        })
    };
    let about = |name: &str| tagged("any", &[name]) || tagged("li", &[name]);
    let decision = about("decide") || about("compare");
    let structure = about("arch") || about("design");
    let doing = tagged("fin", &["implement", "write", "fix", "change", "run", "test", "document"]);
    if !((structure && decision) || ((structure || decision) && !doing)) {
        return None;
    }
    files_named(folded).or_else(|| files_counted(folded))
}

/// Five different paths stand in the text.
fn files_named(folded: &Folded) -> Option<Range<usize>> {
    let mut paths = folded.glyphs.iter().filter(|glyph| glyph.c == PATH);
    let first = paths.next()?;
    let last = paths.nth(MANY as usize - 2)?;
    Some(first.start as usize..last.end as usize)
}

/// `12 files`, `파일 8개`, `5ファイル`, `六个文件`.
fn files_counted(folded: &Folded) -> Option<Range<usize>> {
    const FILES: [&str; 5] = ["files", "파일", "ファイル", "文件", "檔案"];
    let glyphs = &folded.glyphs;
    let matches = |at: usize, word: &str| {
        word.chars().enumerate().all(|(n, c)| glyphs.get(at + n).is_some_and(|glyph| glyph.c == c))
    };
    for at in 0..glyphs.len() {
        let Some(word) = FILES.iter().find(|word| matches(at, word)) else { continue };
        let end = at + word.chars().count();
        let before =
            glyphs.get(at.saturating_sub(14)..at).unwrap_or_default().iter().map(|glyph| glyph.c).collect::<String>();
        let after = glyphs
            .get(end..(end + 8).min(glyphs.len()))
            .unwrap_or_default()
            .iter()
            .map(|glyph| glyph.c)
            .collect::<String>();
        let counted = last_number(&before).or_else(|| if word.is_ascii() { None } else { first_number(&after) });
        if counted.is_some_and(|number| number >= MANY) {
            let (first, last) = (glyphs.get(at)?, glyphs.get(end - 1)?);
            return Some(first.start as usize..last.end as usize);
        }
    }
    None
}

const NUMBERS: [(&str, u32); 32] = [
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("dozen", 12),
    ("twelve", 12),
    ("twenty", 20),
    ("fifty", 50),
    ("hundred", 100),
    ("dozens", 24),
    ("다섯", 5),
    ("여섯", 6),
    ("일곱", 7),
    ("여덟", 8),
    ("아홉", 9),
    ("열", 10),
    ("수십", 20),
    ("五", 5),
    ("六", 6),
    ("七", 7),
    ("八", 8),
    ("九", 9),
    ("十", 10),
    ("百", 100),
    ("两", 2),
    ("三", 3),
    ("四", 4),
    ("数十", 20),
    ("スウジュウ", 20),
    ("几十", 20),
];

/// The number that stands last in `before`, with nothing but a counter after it.
fn last_number(before: &str) -> Option<u32> {
    let head = before.trim_end_matches(|c: char| !c.is_ascii_digit());
    let digits = head.chars().rev().take_while(char::is_ascii_digit).count();
    if digits > 0 && before.len() - head.len() <= 24 && !between_breaks(before.get(head.len()..).unwrap_or_default()) {
        return head.get(head.len() - digits..)?.parse().ok();
    }
    NUMBERS.iter().filter_map(|(word, number)| Some((before.rfind(word)?, *number))).max().map(|(_, number)| number)
}

fn first_number(after: &str) -> Option<u32> {
    let start = after.trim_start_matches(|c: char| !c.is_ascii_digit());
    if start.is_empty() || after.len() - start.len() > 4 {
        return NUMBERS.iter().find(|(word, _)| after.trim_start().starts_with(word)).map(|(_, number)| *number);
    }
    let digits = start.chars().take_while(char::is_ascii_digit).count();
    start.get(..digits)?.parse().ok()
}

/// A sentence or clause ends in `between`.
fn between_breaks(between: &str) -> bool {
    between.contains(['.', ',', '。', '、', '\n', ';', '!', '?', '"'])
}
