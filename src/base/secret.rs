//! A secret that cannot be printed: no `Display`, no `Serialize`, a redacted `Debug`, wiped on drop.
//!
//! The only way to the text is [`Secret::expose`]; `tests/house.rs` holds the list of rooms that may call it.

use std::fmt;

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
}
