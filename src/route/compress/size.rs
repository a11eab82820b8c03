//! How big a text is, without a tokenizer: two measures at once, so that the promise of a budget holds for any of them.

/// The size of a text: its tokens by the estimate of [`crate::wire::estimate_tokens`], and its characters.
///
/// Tokenizers count an ASCII character as about a quarter of a token and any other as something between a quarter and a
/// whole one. What keeps within both measures here keeps within every mix of them: bytes, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Quarters of a token: one for an ASCII character, four for any other.
    quarters: u64,
    chars: u64,
}

impl Size {
    /// The size of `text`.
    pub fn of(text: &str) -> Self {
        let chars = text.chars().count() as u64;
        let ascii = text.bytes().filter(u8::is_ascii).count() as u64;
        Self { quarters: ascii + 4 * (chars - ascii), chars }
    }

    /// So many tokens, whatever their characters.
    pub const fn tokens(tokens: u64) -> Self {
        Self { quarters: tokens.saturating_mul(4), chars: u64::MAX }
    }

    /// So many characters, whatever their tokens.
    pub(super) const fn chars(chars: u64) -> Self {
        Self { quarters: u64::MAX, chars }
    }

    /// About how many tokens it is.
    pub const fn as_tokens(self) -> u64 {
        self.quarters.div_ceil(4)
    }

    /// So many hundredths of it.
    #[must_use]
    pub const fn percent(self, percent: u64) -> Self {
        Self { quarters: part(self.quarters, percent), chars: part(self.chars, percent) }
    }

    /// Whether it is no bigger than `room`, by both measures.
    pub const fn fits(self, room: Self) -> bool {
        self.quarters <= room.quarters && self.chars <= room.chars
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self { quarters: self.quarters.saturating_add(other.quarters), chars: self.chars.saturating_add(other.chars) }
    }

    pub(super) const fn minus(self, other: Self) -> Self {
        Self { quarters: self.quarters.saturating_sub(other.quarters), chars: self.chars.saturating_sub(other.chars) }
    }

    pub(super) const fn less_tokens(self, tokens: u64) -> Self {
        Self { quarters: self.quarters.saturating_sub(4 * tokens), ..self }
    }

    pub(super) const fn min(self, other: Self) -> Self {
        let quarters = if self.quarters < other.quarters { self.quarters } else { other.quarters };
        let chars = if self.chars < other.chars { self.chars } else { other.chars };
        Self { quarters, chars }
    }
}

const fn part(whole: u64, percent: u64) -> u64 {
    // The order keeps "any number" (the maximum) from overflowing.
    whole / 100 * percent + whole % 100 * percent / 100
}

/// `text` where it fits into `room`; else as much of it as does, with `…` where something is missing. What stands at
/// byte `at` is kept: the cut is at the end unless that would lose it. Empty where nothing useful fits.
pub(super) fn clip(text: &str, room: Size, at: usize) -> String {
    const LEAST: usize = 8;
    if Size::of(text).fits(room) {
        return text.to_owned();
    }
    let dots = Size::of("…");
    let head = longest(text, room.minus(dots));
    // The cue and a little behind it should be inside; else the window begins a little before the cue.
    if head.len() > at.saturating_add(head.len() / 3) || at == 0 {
        return if head.chars().count() < LEAST { String::new() } else { format!("{}…", head.trim_end()) };
    }
    let window = room.minus(dots.plus(dots));
    let before = longest_end(text.get(..at).unwrap_or_default(), window.percent(30));
    let start = at - before.len();
    let kept = longest(text.get(start..).unwrap_or_default(), window);
    if kept.chars().count() < LEAST {
        return String::new();
    }
    let open = if start + kept.len() < text.len() { "…" } else { "" };
    format!("…{}{open}", kept.trim())
}

/// Both ends of `text`, the middle replaced by a line of `…`, within `room`.
pub(super) fn ends(text: &str, room: Size) -> String {
    if Size::of(text).fits(room) {
        return text.to_owned();
    }
    let window = room.minus(Size::of("\n…\n"));
    let head = longest(text, window.percent(65));
    let tail = longest_end(text.get(head.len()..).unwrap_or_default(), window.minus(Size::of(head)));
    if head.is_empty() { String::new() } else { format!("{}\n…\n{}", head.trim_end(), tail.trim_start()) }
}

/// The longest beginning of `text` that fits.
fn longest(text: &str, room: Size) -> &str {
    let mut size = Size::default();
    let end = text.char_indices().find(|(_, c)| {
        size = size.plus(of_char(*c));
        !size.fits(room)
    });
    end.and_then(|(at, _)| text.get(..at)).unwrap_or(text)
}

/// The longest end of `text` that fits.
fn longest_end(text: &str, room: Size) -> &str {
    let mut size = Size::default();
    let end = text.char_indices().rev().find(|(_, c)| {
        size = size.plus(of_char(*c));
        !size.fits(room)
    });
    end.and_then(|(at, c)| text.get(at + c.len_utf8()..)).unwrap_or(text)
}

const fn of_char(c: char) -> Size {
    Size { quarters: if c.is_ascii() { 1 } else { 4 }, chars: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_estimate() {
        for text in ["", "four letters", "한글", "mixed 한글 and more", "日本語。"] {
            assert_eq!(Size::of(text).as_tokens(), crate::wire::estimate_tokens(text.as_bytes()), "{text}");
        }
        assert_eq!(Size::tokens(10).percent(30), Size { quarters: 12, chars: u64::MAX / 100 * 30 + 4 });
    }

    #[test]
    fn a_cut_keeps_what_matters_and_never_grows() {
        let text = "이것은 긴 이야기이고 한참 뒤에 이르러서야 비로소 우리는 결정한다 PostgreSQL 로 가기로";
        let at = text.find("결정").unwrap();
        for chars in 0..60 {
            let cut = clip(text, Size::chars(chars), at);
            assert!(Size::of(&cut).fits(Size::chars(chars)), "{chars}: {cut}");
            assert!(chars < 14 || cut.contains("결정"), "{chars}: {cut}");
            assert!(Size::of(&ends(text, Size::chars(chars))).fits(Size::chars(chars)), "{chars}");
        }
        assert_eq!(clip("short", Size::tokens(9), 0), "short");
    }
}
