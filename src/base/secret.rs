//! A secret that cannot be printed: no `Display`, no `Serialize`, a redacted `Debug`, wiped on drop.
//!
//! The only way to the text is [`Secret::expose`]; `tests/house.rs` holds the list of rooms that may call it.

use std::fmt;
use std::hash::{Hash, Hasher};

use zeroize::Zeroizing;

/// A key or token. Compare, fingerprint, move; print never.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; the caller's copy, if any, is the caller's business.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself. Only `keys`, `upstream` and `settings` may call this.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The texts of `parts` one after another, as a secret.
    pub fn join(parts: &[Self]) -> Self {
        let mut whole = Zeroizing::new(String::with_capacity(parts.iter().map(|part| part.0.len()).sum()));
        for part in parts {
            whole.push_str(&part.0);
        }
        Self(whole)
    }

    /// Enough to tell two keys apart, not enough to use one: `abcd…wxyz`; short secrets show nothing.
    pub fn fingerprint(&self) -> String {
        let chars: Vec<char> = self.0.chars().collect();
        if chars.len() < 16 {
            return "…".into();
        }
        let head: String = chars.iter().take(4).collect();
        let tail: String = chars.iter().skip(chars.len() - 4).collect();
        format!("{head}…{tail}")
    }
}

/// Whether a run of letters and digits is random, as keys are: sixteen or more, both in it. No name that people think
/// of has such a run.
fn is_random(run: &str) -> bool {
    run.len() >= 16 && run.contains(|c: char| c.is_ascii_digit()) && run.contains(|c: char| c.is_ascii_alphabetic())
}

/// Whether a word holds such a run, and is a key by its shape alone.
pub fn is_key_shaped(word: &str) -> bool {
    word.split(|c: char| !c.is_ascii_alphanumeric()).any(is_random)
}

/// `text` with a fingerprint in the place of every word that is a key by its shape.
pub fn hide_keys(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '+');
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        let (word, after) = from.split_at(from.find(|c| !is_part(c)).unwrap_or(from.len()));
        shown.push_str(before);
        if is_key_shaped(word) {
            shown.push_str(&Secret::new(word).fingerprint());
        } else {
            shown.push_str(word);
        }
        rest = after;
    }
    shown + rest
}

/// For telling with a keyed hasher whether a key is still the same.
impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_str().hash(state);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_and_fingerprint_do_not_leak() {
        let secret = Secret::new("abcd-0123456789-wxyz");
        assert_eq!(format!("{secret:?}"), "Secret(redacted)");
        assert_eq!(secret.fingerprint(), "abcd…wxyz");
        assert_eq!(Secret::new("short-key").fingerprint(), "…");
    }

    #[test]
    fn keys_are_hidden_wherever_they_stand_and_names_are_not() {
        for (text, shown) in [
            ("\"FOO\": \"sk-ant-api03-0123456789abcdefgh\",", "\"FOO\": \"sk-a…efgh\","),
            ("Bearer 0123456789abcdef0123.SeCrEt", "Bearer 0123…CrEt"),
            ("X=ghp_0123456789abcdefABCD;y", "X=ghp_…ABCD;y"),
            ("claude-opus-4-5-20251101 한글 glm-4.7 3000000", "claude-opus-4-5-20251101 한글 glm-4.7 3000000"),
            ("550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440000"),
            ("", ""),
        ] {
            assert_eq!(hide_keys(text), shown);
        }
    }
}
