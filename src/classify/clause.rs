//! Where one thing asked ends and the next begins, and where in it the verb stands.

use super::fold::{Folded, is_word};

/// A stretch of text between marks that ask at most for one thing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clause {
    /// Its glyphs.
    pub(super) from: usize,
    pub(super) to: usize,
    /// It is in a list.
    pub(super) item: bool,
    /// It ends in a question mark.
    pub(super) question: bool,
    pub(super) order: Order,
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
            clauses.push(Clause { from, to: at, item, question: glyph.c == '?', order });
        }
        from = at + 1;
    }
    clauses
}
