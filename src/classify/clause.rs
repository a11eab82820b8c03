//! Where one thing asked ends and the next begins, and where in it the verb stands.

use super::fold::{Folded, Glyph, is_word};

/// A stretch of text between marks that ask at most for one thing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clause {
    /// Its glyphs.
    pub(super) from: usize,
    pub(super) to: usize,
    /// It is in a list.
    pub(super) item: bool,
    /// What it ends in.
    end: End,
    pub(super) order: Order,
    /// It is a part of an enumeration, such as "…, retries, and reporting": content, as a list item is.
    pub(super) listed: bool,
}

/// What a clause ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// A comma: the sentence goes on.
    Comma,
    /// A question mark, and not because it asks politely for something to be done.
    Question,
    /// Anything else.
    Stop,
}

impl Clause {
    /// It asks something.
    pub(super) fn asks(self) -> bool {
        self.end == End::Question
    }
}

/// Where the verb stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// First, between spaces: English.
    First,
    /// Anywhere, without spaces: Chinese.
    Inside,
    /// Last: Korean, Japanese.
    Last,
}

/// The clauses of `folded`, in order.
pub(super) fn clauses(folded: &Folded) -> Vec<Clause> {
    let glyphs = &folded.glyphs;
    let mut clauses = Vec::new();
    let mut from = 0;
    let mut lines = folded.items.iter().peekable();
    for (at, glyph) in glyphs.iter().enumerate() {
        while lines.peek().is_some_and(|(end, _)| *end <= at) {
            lines.next();
        }
        let next = glyphs.get(at + 1).map_or('\n', |glyph| glyph.c);
        let ends = match glyph.c {
            '\n' | '。' | '?' | '!' | ';' => true,
            '.' | ',' | ':' => !next.is_ascii_alphanumeric() && next != '/',
            _ => false,
        };
        if !ends {
            continue;
        }
        if let Some(inside) = glyphs.get(from..at)
            && inside.iter().any(|glyph| is_word(glyph.c))
        {
            let item = lines.peek().is_some_and(|(_, item)| *item);
            let han = inside.iter().any(|glyph| matches!(glyph.c, '一'..='鿿'));
            let last = inside.iter().any(|glyph| matches!(glyph.c, 'ぁ'..='ヿ' | '가'..='힣'))
                || (han && (folded.kana || folded.hangul));
            let order = match (last, han) {
                (true, _) => Order::Last,
                (false, true) => Order::Inside,
                (false, false) => Order::First,
            };
            let end = match glyph.c {
                ',' => End::Comma,
                '?' if !is_polite(inside) => End::Question,
                _ => End::Stop,
            };
            clauses.push(Clause { from, to: at, item, end, order, listed: false });
        }
        from = at + 1;
    }
    for sentence in clauses.chunk_by_mut(|clause, _| clause.end == End::Comma) {
        mark_enumeration(glyphs, sentence);
    }
    clauses
}

/// "… with A, B, and C"; "A, B, C를 포함하세요".
fn mark_enumeration(glyphs: &[Glyph], sentence: &mut [Clause]) {
    let text = |clause: &Clause| -> String {
        glyphs.get(clause.from..clause.to).unwrap_or_default().iter().map(|glyph| glyph.c).collect()
    };
    if sentence.len() < 3 {
        return;
    }
    let Some(last) = sentence.last() else { return };
    let (order, tail) = (last.order, text(last));
    if order == Order::First {
        let opens = |clause: &Clause| {
            let text = text(clause);
            [" with ", " including ", " such as ", " like "].iter().any(|word| text.contains(word))
        };
        if ["and ", "or "].iter().any(|word| tail.trim_start().starts_with(word))
            && let Some(head) = sentence.iter().position(opens)
        {
            for clause in sentence.iter_mut().skip(head + 1) {
                clause.listed = true;
            }
        }
    } else if order == Order::Last && ["포함", "含"].iter().any(|word| tail.contains(word)) {
        for clause in sentence.iter_mut() {
            clause.listed = true;
        }
    }
}

/// "Could you fix it?", 고쳐줄 수 있을까, 直してもらえますか, 能帮我修一下吗: requests, whatever mark they end in.
fn is_polite(clause: &[Glyph]) -> bool {
    const LATIN: [&str; 7] =
        ["can you ", "could you ", "would you please", "would you mind", "will you ", "can u ", "could u "];
    const ENDS: [&str; 28] = [
        "줄 수 있",
        "줄수있",
        "줄수 있",
        "줄 수있",
        "주실 수",
        "주실수",
        "줄래",
        "주시겠",
        "주겠",
        "볼래",
        "부탁",
        "줄 수 없",
        "てくれ",
        "てもら",
        "ていただ",
        "て頂",
        "でくれ",
        "でもら",
        "でいただ",
        "お願い",
        "てください",
        "好吗",
        "可以吗",
        "行吗",
        "好不好",
        "行不行",
        "可以么",
        "好么",
    ];
    const STARTS: [&str; 7] = ["能帮", "能不能帮", "能否帮", "可以帮", "可不可以帮", "可否帮", "能麻烦"];
    let text: String = clause.iter().map(|glyph| glyph.c).collect();
    let text = text.trim();
    if text.is_ascii() {
        return LATIN.iter().any(|words| text.contains(words)) && !text.contains(" do you ");
    }
    let end = text.char_indices().rev().nth(9).map_or(0, |(at, _)| at);
    let ends = text.get(end..).unwrap_or_default();
    ENDS.iter().any(|words| ends.contains(words)) || STARTS.iter().any(|words| text.contains(words))
}
