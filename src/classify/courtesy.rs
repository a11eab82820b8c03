//! Greetings and thanks: they stand around a request and ask for nothing.

use super::clause::{Clause, clauses};
use super::fold::{Folded, Glyph};
use super::lexicon::{Hit, Role, lexicon};

/// How such a clause starts.
const STARTS: [&str; 58] = [
    "hi",
    "hello",
    "hey",
    "good morning",
    "good evening",
    "good afternoon",
    "greetings",
    "thanks",
    "thank you",
    "thx",
    "many thanks",
    "bye",
    "yo",
    "howdy",
    "cheers",
    "how are you",
    "how is it going",
    "nice to meet",
    "안녕",
    "반가",
    "반갑",
    "고마",
    "고맙",
    "감사",
    "수고",
    "부탁",
    "하이",
    "헬로",
    "ㅎㅇ",
    "좋은 아침",
    "잘 지내",
    "こんにちは",
    "こんにちわ",
    "こんばんは",
    "おはよう",
    "ありがと",
    "お疲れ",
    "やあ",
    "どうも",
    "はじめまして",
    "もしもし",
    "よろしく",
    "宜しく",
    "お願いします",
    "お願い致します",
    "你好",
    "您好",
    "早上好",
    "晚上好",
    "下午好",
    "谢谢",
    "多谢",
    "感谢",
    "嗨",
    "哈喽",
    "大家好",
    "麻烦了",
    "辛苦",
];
/// How long such a clause can be, in characters.
const LONGEST: usize = 40;

/// The clause greets, thanks or says goodbye, and asks for nothing; `hits` are the words of the lexicon in it.
pub(super) fn is_courtesy(glyphs: &[Glyph], clause: &Clause, hits: &[Hit]) -> bool {
    let inside = glyphs.get(clause.from..clause.to).unwrap_or_default();
    if inside.len() > LONGEST || hits.iter().any(|hit| matches!(hit.role, Role::Verb | Role::Noun)) {
        return false;
    }
    let letters = inside.iter().map(|glyph| glyph.c).skip_while(|c| !c.is_alphanumeric());
    let text: String = letters.collect();
    STARTS.iter().any(|start| {
        text.strip_prefix(start)
            .is_some_and(|rest| !start.is_ascii() || !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}

/// Nothing but greetings and thanks.
pub(super) fn is_greeting(folded: &Folded) -> bool {
    if folded.glyphs.len() > 2 * LONGEST {
        return false;
    }
    let clauses = clauses(folded);
    let hits = lexicon().find(&folded.glyphs);
    !clauses.is_empty()
        && clauses.iter().all(|clause| {
            let inside: Vec<Hit> =
                hits.iter().copied().filter(|hit| (clause.from..clause.to).contains(&hit.from)).collect();
            let short = clause.to - clause.from <= LONGEST / 2 + 4;
            short && is_courtesy(&folded.glyphs, clause, &inside)
        })
}
