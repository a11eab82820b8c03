//! What is seen in a prompt: features with names that a person can read, each with its place.
//!
//! A prompt is cut into clauses. In each, one word is *what is asked for* (`op`): the first verb in English and Chinese,
//! the last one in Korean and Japanese; and one is *what it is about* (`obj`). Everything else is said in relation to
//! those two. The last clause that asks for something counts apart, because the later request wins.

use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasherDefault;

use super::clause::{Clause, Order, clauses};
use super::courtesy::is_courtesy;
use super::fold::{Folded, Glyph, IDENT, LINK, PATH, is_east_asian};
use super::lexicon::{Hit, Lexicon, Plain, Role, Tag, lexicon};

/// The name of a feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// `op:design`: asked for, in some clause.
    Tagged(&'static str, Tag),
    /// `design>code`: asked for, about that.
    Pair(&'static str, Tag, Tag),
    /// `s:question`: the shape of the text.
    Shape(&'static str),
    /// A run of characters, with its sort: `w:` a word, `ww:` two words, `^:` the first words, `c:` two or three
    /// characters, `$:` how the last request ends.
    Gram(&'static str, String),
}

/// One thing seen, in glyphs `from..to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Feature {
    pub(super) name: Name,
    pub(super) hash: u64,
    pub(super) from: usize,
    pub(super) to: usize,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = lexicon();
        match self {
            Self::Tagged(place, tag) => write!(f, "{place}:{}", words.name(*tag)),
            Self::Pair(place, tag, about) => write!(f, "{place}:{}>{}", words.name(*tag), words.name(*about)),
            Self::Shape(shape) => write!(f, "s:{shape}"),
            Self::Gram(sort, text) => write!(f, "{sort}:{text}"),
        }
    }
}

impl Name {
    /// The hash by which the table knows the feature: that of its text, without making the text.
    fn hash(&self) -> u64 {
        let words = lexicon();
        let state = Fnv::new();
        let state = match self {
            Self::Tagged(place, tag) => state.text(place).text(":").text(words.name(*tag)),
            Self::Pair(place, tag, about) => {
                state.text(place).text(":").text(words.name(*tag)).text(">").text(words.name(*about))
            }
            Self::Shape(shape) => state.text("s:").text(shape),
            Self::Gram(sort, text) => state.text(sort).text(":").text(text),
        };
        state.0
    }
}

/// The hash of a feature's text.
pub(super) fn hash(name: &[u8]) -> u64 {
    Fnv::new().bytes(name).0
}

#[derive(Clone, Copy)]
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self
    }
}

/// Everything seen in `folded`, each feature once, at its first place. Of the runs of characters, which are many, only
/// those whose hash `keep` knows.
pub(super) fn features(folded: &Folded, keep: &dyn Fn(u64) -> bool) -> Vec<Feature> {
    let words = lexicon();
    let hits = words.find(&folded.glyphs);
    let mut seen = Seen::new(words, folded, keep);
    let only_items = folded.items.iter().all(|(_, item)| *item);
    let mut requests = Vec::new();
    let mut last = None;
    let mut next_hit = 0;
    for clause in clauses(folded) {
        let start = next_hit;
        while hits.get(next_hit).is_some_and(|hit| hit.from < clause.to) {
            next_hit += 1;
        }
        let inside = hits.get(start..next_hit).unwrap_or_default();
        if is_courtesy(&folded.glyphs, &clause, inside) {
            continue;
        }
        requests.push(clause);
        let named = clause.order == Order::First || inside.last().is_none_or(|hit| !has_ending(folded, hit, &clause));
        let asked = seen.clause(&clause, inside, (clause.item && !only_items) || (clause.listed && named));
        if let Some(asked) = asked {
            if last.is_none() {
                seen.tagged("beg", asked.op);
            }
            last = Some(asked);
        }
    }
    let clauses = requests;
    if let Some(asked) = last {
        seen.last(asked);
    }
    seen.shape(&clauses, only_items);
    seen.grams(&clauses, only_items);
    seen.found
}

/// In Korean and Japanese a word with the ending of a verb behind it is no part of an enumeration.
fn has_ending(folded: &Folded, hit: &Hit, clause: &Clause) -> bool {
    let next = folded.glyphs.get(hit.to..clause.to).and_then(<[Glyph]>::first);
    next.is_some_and(|glyph| matches!(glyph.c, '가'..='힣' | 'ぁ'..='ん'))
}

/// What a clause asks for, and about what.
#[derive(Debug, Clone, Copy)]
struct Asked {
    op: Hit,
    obj: Option<Hit>,
    question: bool,
    verb_last: bool,
    end: usize,
}

/// How many glyphs may follow the verb at the end of a Korean or Japanese clause.
const TAIL: usize = 14;
/// How many words may stand before the verb of an English clause.
const LEAD: usize = 3;

/// Of a long text, runs of characters are looked at near its ends only.
const GRAMS_HEAD: usize = 400;
const GRAMS_TAIL: usize = 200;

struct Seen<'a> {
    folded: &'a Folded,
    neg: Option<Tag>,
    follow: Option<Tag>,
    prep: Option<Tag>,
    open: Option<Tag>,
    aside: Option<Tag>,
    keep: &'a dyn Fn(u64) -> bool,
    hashes: HashSet<u64, BuildHasherDefault<Plain>>,
    found: Vec<Feature>,
}

impl<'a> Seen<'a> {
    fn new(words: &'a Lexicon, folded: &'a Folded, keep: &'a dyn Fn(u64) -> bool) -> Self {
        let tag = |name| words.tag(name);
        Self {
            folded,
            neg: tag("neg"),
            follow: tag("follow"),
            prep: tag("prep"),
            open: tag("open"),
            aside: tag("aside"),
            keep,
            hashes: HashSet::default(),
            found: Vec::with_capacity(64),
        }
    }

    fn note(&mut self, name: Name, from: usize, to: usize) {
        let hash = name.hash();
        if self.hashes.insert(hash) {
            self.found.push(Feature { name, hash, from, to });
        }
    }

    fn tagged(&mut self, place: &'static str, hit: Hit) {
        self.note(Name::Tagged(place, hit.tag), hit.from, hit.to);
    }

    /// Notes what one clause says and gives what it asks for.
    fn clause(&mut self, clause: &Clause, hits: &[Hit], item: bool) -> Option<Asked> {
        let mut content = self.bind_marks(clause, hits);
        for hit in &content {
            self.tagged(if item { "li" } else { "any" }, *hit);
        }
        if item {
            return None;
        }
        // "design it, including authentication and tests": what is included is no request.
        if let Some(aside) = hits.iter().find(|hit| Some(hit.tag) == self.aside) {
            let last = clause.order == Order::Last;
            content.retain(|hit| if last { hit.from >= aside.to } else { hit.to <= aside.from });
        }
        let asked = match clause.order {
            Order::Last => verb_last(clause, &content),
            Order::First => self.verb_first(clause, hits, &content),
            Order::Inside => verb_inside(self.prep, clause, hits, &content),
        }?;
        self.tagged("op", asked.op);
        if clause.asks() {
            self.tagged("ask", asked.op);
        }
        if let Some(obj) = asked.obj {
            self.tagged("obj", obj);
            self.note(Name::Pair("do", asked.op.tag, obj.tag), asked.op.from.min(obj.from), asked.op.to.max(obj.to));
        }
        Some(asked)
    }

    /// Takes out the words that are negated or only referred to; what is left is content.
    fn bind_marks(&mut self, clause: &Clause, hits: &[Hit]) -> Vec<Hit> {
        let mut content: Vec<Hit> = Vec::with_capacity(hits.len());
        let mut pending: Option<(&'static str, usize)> = None;
        for hit in hits {
            let mark = if Some(hit.tag) == self.neg {
                "not"
            } else if Some(hit.tag) == self.follow {
                "follow"
            } else if hit.role == Role::Mark || hit.role == Role::None {
                continue;
            } else {
                match pending.take() {
                    Some((mark, end)) if hit.from.saturating_sub(end) <= 16 => self.tagged(mark, *hit),
                    _ => content.push(*hit),
                }
                continue;
            };
            self.note(Name::Tagged(mark, hit.tag), hit.from, hit.to);
            let before = content.last().copied().filter(|last| hit.from.saturating_sub(last.to) <= 4);
            match before {
                Some(last) if clause.order == Order::Last => {
                    content.pop();
                    self.tagged(mark, last);
                }
                // At the end of a clause it can only speak of what stands before it: "plan not needed".
                Some(last) if hits.last() == Some(hit) && mark == "not" => {
                    content.pop();
                    self.tagged(mark, last);
                }
                _ if clause.order != Order::Last => pending = Some((mark, hit.to)),
                _ => {}
            }
        }
        content
    }

    /// English: the first verb, if little stands before it; its object is the head of the phrase that follows.
    fn verb_first(&self, clause: &Clause, hits: &[Hit], content: &[Hit]) -> Option<Asked> {
        let op = content.iter().copied().find(|hit| hit.role == Role::Verb)?;
        let openers: usize = hits
            .iter()
            .filter(|hit| Some(hit.tag) == self.open && hit.to <= op.from)
            .map(|hit| self.spaces(hit.from, hit.to) + 1)
            .sum();
        let lead = self.spaces(clause.from, op.from).saturating_sub(openers);
        if lead > LEAD {
            return None;
        }
        let end =
            hits.iter().find(|hit| hit.from >= op.to && Some(hit.tag) == self.prep).map_or(clause.to, |hit| hit.from);
        Some(Asked { op, obj: head(content, op, end), question: clause.asks(), verb_last: false, end: clause.to })
    }

    fn spaces(&self, from: usize, to: usize) -> usize {
        self.folded.glyphs.get(from..to).unwrap_or_default().iter().filter(|glyph| glyph.c == ' ').count()
    }

    /// The last request counts apart.
    fn last(&mut self, asked: Asked) {
        self.tagged("fin", asked.op);
        if let Some(obj) = asked.obj {
            self.note(Name::Pair("fin", asked.op.tag, obj.tag), asked.op.from.min(obj.from), asked.op.to.max(obj.to));
        } else {
            self.note(Name::Tagged("fin-alone", asked.op.tag), asked.op.from, asked.op.to);
        }
        if asked.question {
            self.tagged("fin-ask", asked.op);
        }
        if asked.verb_last {
            let end = asked.end;
            for length in 2..=4 {
                if let Some(from) = end.checked_sub(length).filter(|from| self.is_run(*from, end)) {
                    self.gram("$", from, end);
                }
            }
        }
    }

    /// The glyphs `from..to` are East Asian letters.
    fn is_run(&self, from: usize, to: usize) -> bool {
        self.folded.glyphs.get(from..to).is_some_and(|glyphs| glyphs.iter().all(|glyph| is_east_asian(glyph.c)))
    }

    /// Shape: questions, numbers, formulas, identifiers, length.
    fn shape(&mut self, clauses: &[Clause], only_items: bool) {
        let glyphs = &self.folded.glyphs;
        let asked = |clause: &&Clause| only_items || !clause.item;
        let end: usize = clauses.iter().filter(asked).map(|clause| clause.to - clause.from + 1).sum();
        let mut shapes = Vec::new();
        if clauses.last().is_some_and(|clause| clause.asks()) {
            shapes.push("ends-in-question");
        } else if clauses.iter().any(|clause| clause.asks()) {
            shapes.push("has-question");
        }
        if clauses.last().is_some_and(|clause| clause.asks() && offers_choice(glyphs, clause)) {
            shapes.push("choice");
        }
        let numbers = numbers(glyphs);
        shapes.extend(match numbers {
            0 => None,
            1 => Some("one-number"),
            2 | 3 => Some("some-numbers"),
            _ => Some("many-numbers"),
        });
        let any = |wanted: &dyn Fn(char) -> bool| glyphs.iter().any(|glyph| wanted(glyph.c));
        if any(&|c| c == IDENT) {
            shapes.push("identifier");
        }
        if any(&|c| c == PATH) {
            shapes.push("path");
        }
        if any(&|c| c == LINK) {
            shapes.push("link");
        }
        if any(&|c| matches!(c, '=' | '^' | '×' | '÷' | '√' | '∫' | '$' | '€' | '∑' | 'π' | '°')) && numbers > 0
        {
            shapes.push("formula");
        }
        shapes.push(match end {
            0..=12 => "tiny",
            13..=40 => "short",
            41..=120 => "medium",
            _ => "long",
        });
        if clauses.iter().filter(asked).count() > 4 {
            shapes.push("many-clauses");
        }
        for shape in shapes {
            self.note(Name::Shape(shape), 0, 0);
        }
    }

    /// Runs of characters: what the lexicon has no word for.
    fn grams(&mut self, clauses: &[Clause], only_items: bool) {
        for (index, clause) in clauses.iter().enumerate() {
            if clause.item && !only_items {
                continue;
            }
            self.latin_grams(clause, index == 0);
            self.asian_grams(clause);
        }
    }

    fn latin_grams(&mut self, clause: &Clause, first: bool) {
        let glyphs = &self.folded.glyphs;
        let mut words: Vec<(usize, usize)> = Vec::new();
        let mut at = clause.from;
        while at < clause.to {
            let start = at;
            while at < clause.to
                && glyphs.get(at).is_some_and(|glyph| glyph.c.is_ascii_alphanumeric() || glyph.c == '\'')
            {
                at += 1;
            }
            if at > start {
                words.push((start, at));
            } else {
                at += 1;
            }
        }
        for (index, &(from, to)) in words.iter().enumerate() {
            self.gram("w", from, to);
            if let Some(&(_, next)) = words.get(index + 1) {
                self.gram("ww", from, next);
                if first && index == 0 {
                    self.gram("^", from, next);
                }
            }
            if first && index == 0 {
                self.gram("^", from, to);
            }
        }
    }

    fn gram(&mut self, sort: &'static str, from: usize, to: usize) {
        if from > GRAMS_HEAD && to + GRAMS_TAIL < self.folded.glyphs.len() {
            return;
        }
        let glyphs = self.folded.glyphs.get(from..to).unwrap_or_default();
        let state = Fnv::new().text(sort).text(":");
        let state = glyphs.iter().fold(state, |state, glyph| state.text(glyph.c.encode_utf8(&mut [0; 4])));
        if (self.keep)(state.0) {
            let text = glyphs.iter().map(|glyph| glyph.c).collect();
            self.note(Name::Gram(sort, text), from, to);
        }
    }

    fn asian_grams(&mut self, clause: &Clause) {
        for from in clause.from..clause.to {
            for length in 2..=3 {
                if from + length <= clause.to && self.is_run(from, from + length) {
                    self.gram("c", from, from + length);
                }
            }
        }
    }
}

/// Chinese: the first verb of the clause, wherever it stands; its object is the head at the end of the clause.
fn verb_inside(prep: Option<Tag>, clause: &Clause, hits: &[Hit], content: &[Hit]) -> Option<Asked> {
    let op = content.iter().copied().find(|hit| hit.role == Role::Verb)?;
    let end = hits.iter().find(|hit| hit.from > op.to + 1 && Some(hit.tag) == prep).map_or(clause.to, |hit| hit.from);
    let obj = head(content, op, end)
        .or_else(|| content.iter().rev().copied().find(|hit| hit.to <= op.from && op.from.saturating_sub(hit.to) < 12));
    Some(Asked { op, obj, question: clause.asks(), verb_last: false, end: clause.to })
}

/// Korean and Japanese: the last verb near the end; its object is the word before it.
fn verb_last(clause: &Clause, content: &[Hit]) -> Option<Asked> {
    let (at, op) = content.iter().copied().enumerate().rev().find(|(_, hit)| hit.role == Role::Verb)?;
    if clause.to.saturating_sub(op.to) > TAIL {
        return None;
    }
    let obj = at.checked_sub(1).and_then(|before| content.get(before)).copied();
    Some(Asked { op, obj, question: clause.asks(), verb_last: true, end: clause.to })
}

/// The last word of the phrase after `op` that ends at `end`.
fn head(content: &[Hit], op: Hit, end: usize) -> Option<Hit> {
    content.iter().rev().copied().find(|hit| hit.from >= op.to && hit.to <= end)
}

/// The clause asks "this or that".
fn offers_choice(glyphs: &[Glyph], clause: &Clause) -> bool {
    const OR: [&str; 6] = ["or ", " or ", "아니면", "それとも", "还是", "或是"];
    let text: String = glyphs.get(clause.from..clause.to).unwrap_or_default().iter().map(|glyph| glyph.c).collect();
    let text = text.trim_start();
    OR.iter().enumerate().any(|(at, or)| if at == 0 { text.starts_with(or) } else { text.contains(or) })
}

fn numbers(glyphs: &[Glyph]) -> usize {
    let mut count = 0;
    let mut inside = false;
    for glyph in glyphs {
        let digit = glyph.c.is_ascii_digit();
        if digit && !inside {
            count += 1;
        }
        inside = digit || (inside && matches!(glyph.c, '.' | ','));
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::{fold, paste};

    #[test]
    fn a_feature_is_known_by_its_text() {
        let text = "Design the API, then fix 3 bugs in src/a.rs. 계획을 세워줘";
        let folded = fold::fold(text, &paste::typed(text));
        let seen = features(&folded, &|_| true);
        assert!(seen.len() > 20);
        for feature in seen {
            assert_eq!(feature.hash, hash(feature.name.to_string().as_bytes()), "{}", feature.name);
        }
    }
}
