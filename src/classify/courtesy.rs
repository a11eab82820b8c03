//! Greetings, thanks and "go on": they stand around a request, or in the place of one, and ask for nothing of their own.

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

/// Words that say only that it should go on, without the spaces between them.
const ONWARD: [&str; 44] = [
    "continue",
    "continueon",
    "goon",
    "keepgoing",
    "carryon",
    "resume",
    "next",
    "more",
    "andthen",
    "pickupwhereyouleftoff",
    "continuewhereyouleftoff",
    "continuefromwhereyouleftoff",
    "계속",
    "계속해",
    "계속해봐",
    "계속하자",
    "계속가",
    "계속가자",
    "계속진행",
    "계속진행해",
    "이어서",
    "이어서해",
    "이어서계속",
    "이어서계속해",
    "이어서진행해",
    "다음",
    "다음은",
    "하던거계속해",
    "続けて",
    "続き",
    "続きを",
    "つづけて",
    "つづき",
    "次",
    "次は",
    "次へ",
    "继续",
    "接着",
    "继续下去",
    "接着来",
    "接着做",
    "往下",
    "下一个",
    "然后呢",
];
/// What such words may begin with,
const ONWARD_BEFORE: [&str; 19] = [
    "please",
    "okay",
    "ok",
    "yes",
    "now",
    "just",
    "응",
    "네",
    "그래",
    "좋아",
    "자",
    "그럼",
    "はい",
    "では",
    "じゃあ",
    "そのまま",
    "好的",
    "好",
    "请",
];
/// and end with.
const ONWARD_AFTER: [&str; 13] = [
    "please",
    "줘",
    "주세요",
    "주십시오",
    "요",
    "부탁해",
    "ください",
    "下さい",
    "お願いします",
    "お願い",
    "吧",
    "啊",
    "做",
];

/// Nothing but "continue", as one says it to whoever is in the middle of something.
pub(super) fn is_onward(folded: &Folded) -> bool {
    if folded.glyphs.len() > LONGEST {
        return false;
    }
    let letters: String = folded.glyphs.iter().map(|glyph| glyph.c).filter(|c| c.is_alphanumeric()).collect();
    let mut text = letters.as_str();
    while let Some(rest) = ONWARD_BEFORE.iter().find_map(|word| text.strip_prefix(word)) {
        text = rest;
    }
    while !ONWARD.contains(&text) {
        let Some(rest) = ONWARD_AFTER.iter().find_map(|word| text.strip_suffix(word)) else { return false };
        text = rest;
    }
    true
}

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
