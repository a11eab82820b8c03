//! The words that are looked for: `templates/classify/lexicon.tsv`, read once, found in one pass.
//!
//! At every place the longest phrase wins, and what it covers is not looked at again. So `strategy pattern` hides
//! `strategy`, and `디코드` hides `코드`.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use crate::base::packed::unpack;
use crate::base::sort;

use super::fold::{Glyph, is_word};

const SOURCE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/lexicon.tsv.z"));

/// A word class of the lexicon, such as `design` or `code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Tag(pub(super) u8);

/// What a tag can be in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It can be what is asked for.
    Verb,
    /// It can only be what it is about.
    Noun,
    /// It changes what stands beside it: `neg`, `follow`, `prep`, `open`.
    Mark,
    /// It only hides shorter words.
    None,
}

/// A phrase found, as a range of glyphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) tag: Tag,
    pub(super) role: Role,
    pub(super) from: usize,
    pub(super) to: usize,
}

struct Phrase {
    chars: Box<[char]>,
    tag: Tag,
    role: Role,
    word_start: bool,
    word_end: bool,
}

/// The phrases, by their first character (Latin: the first two).
pub(super) struct Lexicon {
    buckets: HashMap<u64, Vec<Phrase>, BuildHasherDefault<Plain>>,
    names: Vec<&'static str>,
}

/// Hashing for keys that are spread already.
#[derive(Default)]
pub(super) struct Plain(u64);

impl Hasher for Plain {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// The lexicon of this build.
pub(super) fn lexicon() -> &'static Lexicon {
    static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::parse(unpack(SOURCE).leak()));
    &LEXICON
}

impl Lexicon {
    fn parse(source: &'static str) -> Self {
        let mut lexicon = Self { buckets: HashMap::default(), names: Vec::new() };
        for line in source.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let (Some(name), Some(role), Some(phrases)) = (columns.next(), columns.next(), columns.next()) else {
                continue;
            };
            let role = match role {
                "verb" => Role::Verb,
                "noun" => Role::Noun,
                "mark" => Role::Mark,
                _ => Role::None,
            };
            let tag = lexicon.tag_for(name);
            for phrase in phrases.split('|') {
                lexicon.add(phrase, tag, role);
            }
        }
        for bucket in lexicon.buckets.values_mut() {
            sort::by_key(bucket, |phrase| std::cmp::Reverse(phrase.chars.len()));
        }
        lexicon
    }

    fn tag_for(&mut self, name: &'static str) -> Tag {
        let at = self.names.iter().position(|known| *known == name).unwrap_or_else(|| {
            self.names.push(name);
            self.names.len() - 1
        });
        Tag(u8::try_from(at).unwrap_or(u8::MAX))
    }

    fn add(&mut self, phrase: &str, tag: Tag, role: Role) {
        let (phrase, open) = phrase.strip_suffix('*').map_or((phrase, false), |stem| (stem, true));
        let (phrase, start) = phrase.strip_prefix('^').map_or((phrase, false), |rest| (rest, true));
        let (phrase, end) = phrase.strip_suffix('$').map_or((phrase, false), |rest| (rest, true));
        let chars: Box<[char]> = phrase.chars().collect();
        let (Some(first), second) = (chars.first().copied(), chars.get(1).copied()) else { return };
        let latin = first.is_ascii();
        let word_end = if latin { !open && chars.last().is_some_and(char::is_ascii_alphanumeric) } else { end };
        let phrase = Phrase { chars, tag, role, word_start: latin || start, word_end };
        self.buckets.entry(key(first, second)).or_default().push(phrase);
    }

    /// The tag of that name, if the lexicon has it.
    pub(super) fn tag(&self, name: &str) -> Option<Tag> {
        let at = self.names.iter().position(|known| *known == name)?;
        Some(Tag(u8::try_from(at).ok()?))
    }

    /// The name of a tag.
    pub(super) fn name(&self, tag: Tag) -> &'static str {
        self.names.get(usize::from(tag.0)).copied().unwrap_or("?")
    }

    /// Every phrase in `glyphs`, in order, without overlaps.
    pub(super) fn find(&self, glyphs: &[Glyph]) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut at = 0;
        let mut before = '\n';
        while let Some(glyph) = glyphs.get(at) {
            if is_word(glyph.c)
                && let Some(hit) = self.longest(glyphs, at, before)
            {
                at = hit.to;
                before = glyphs.get(at - 1).map_or('\n', |glyph| glyph.c);
                hits.push(hit);
                continue;
            }
            before = glyph.c;
            at += 1;
        }
        hits
    }

    fn longest(&self, glyphs: &[Glyph], at: usize, before: char) -> Option<Hit> {
        let first = glyphs.get(at)?.c;
        let word_start = if first.is_ascii() { !before.is_ascii_alphanumeric() } else { !is_word(before) };
        if first.is_ascii() && !word_start {
            return None;
        }
        let second = glyphs.get(at + 1).map(|glyph| glyph.c);
        let phrase = self.buckets.get(&key(first, second))?.iter().find(|phrase| {
            let end = at + phrase.chars.len();
            glyphs.get(at..end).is_some_and(|there| there.iter().map(|glyph| glyph.c).eq(phrase.chars.iter().copied()))
                && (!phrase.word_start || word_start)
                && (!phrase.word_end || ends_word(glyphs, end))
        })?;
        let mut to = at + phrase.chars.len();
        if first.is_ascii() {
            // An open ending takes the rest of the word.
            while glyphs.get(to).is_some_and(|glyph| glyph.c.is_ascii_alphanumeric()) {
                to += 1;
            }
        }
        Some(Hit { tag: phrase.tag, role: phrase.role, from: at, to })
    }
}

fn ends_word(glyphs: &[Glyph], end: usize) -> bool {
    let last_ascii = end > 0 && glyphs.get(end - 1).is_some_and(|glyph| glyph.c.is_ascii());
    glyphs
        .get(end)
        .is_none_or(|next| if last_ascii { !next.c.is_ascii_alphanumeric() && next.c != '_' } else { !is_word(next.c) })
}

fn key(first: char, second: Option<char>) -> u64 {
    let second = if first.is_ascii() { second.unwrap_or(' ') } else { ' ' };
    (u64::from(u32::from(first)) << 32) | u64::from(u32::from(second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::{fold, paste};

    fn tags(text: &str) -> Vec<&'static str> {
        let folded = fold::fold(text, &paste::typed(text));
        lexicon().find(&folded.glyphs).iter().map(|hit| lexicon().name(hit.tag)).collect()
    }

    #[test]
    fn words_inside_other_words_are_not_found() {
        assert_eq!(tags("latest postcode encode"), ["none", "none", "none"]);
        assert_eq!(tags("디코드"), ["none"]);
        assert_eq!(tags("strategy pattern"), ["none"]);
    }

    #[test]
    fn spelling_does_not_matter() {
        for text in
            ["DESIGN", "ｄｅｓｉｇｎ", "design을", "설계", "\u{1109}\u{1165}\u{11AF}\u{1100}\u{1168}", "設計", "设计"]
        {
            assert_eq!(tags(text), ["design"], "{text}");
        }
    }

    #[test]
    fn phrases_beat_words() {
        assert_eq!(tags("system design"), ["arch"]);
        assert_eq!(tags("設計書"), ["spec"]);
    }
}
