//! What can be a key at all: said before it is stored or sent, and without ever quoting it.

use std::ffi::OsString;

use crate::base::secret::{self, Secret};

/// The fewest characters that a key has. Real ones have 39 and more; test endpoints take shorter ones.
const SHORTEST: usize = 8;

/// Why a text is no key. The messages describe the text and never show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing, or only white space.
    #[error("it is empty")]
    Empty,
    /// Fewer than eight characters.
    #[error("it has only {0} characters")]
    Short(usize),
    /// A line end inside.
    #[error("it has a line end at character {0}; a key is one line")]
    LineEnd(usize),
    /// A space or tab.
    #[error("it has white space at character {0}; a key has none")]
    Space(usize),
    /// A control character.
    #[error("it has a control character at character {0}")]
    Control(usize),
    /// Something that cannot stand in an HTTP header.
    #[error("it has a character outside ASCII at character {0}")]
    NotAscii(usize),
    /// The documentation's example, or a `${NAME}` that nobody expanded.
    #[error("it is a placeholder, not a key")]
    Placeholder,
}

/// The text as a key, or why it is none.
pub fn check(text: &str) -> Result<Secret, Fault> {
    if text.trim().is_empty() {
        return Err(Fault::Empty);
    }
    for (at, c) in text.chars().enumerate().map(|(index, c)| (index + 1, c)) {
        match c {
            '\n' | '\r' => return Err(Fault::LineEnd(at)),
            c if c.is_whitespace() => return Err(Fault::Space(at)),
            c if c.is_control() => return Err(Fault::Control(at)),
            c if !c.is_ascii() => return Err(Fault::NotAscii(at)),
            _ => {}
        }
    }
    let lower = text.to_ascii_lowercase();
    if text.starts_with("${") || text.starts_with('<') || lower.starts_with("your-") || lower.starts_with("your_") {
        return Err(Fault::Placeholder);
    }
    if text.len() < SHORTEST {
        return Err(Fault::Short(text.len()));
    }
    Ok(Secret::new(text))
}

/// The same for a key that is a secret already.
pub fn check_secret(secret: &Secret) -> Result<(), Fault> {
    check(secret.expose()).map(drop)
}

/// Whether a bare word of the command line (`moai glm WORD`) can only be meant as a key: sixteen characters or more,
/// letters and digits both, none that a path or an option has, and not a SPEC id.
pub fn looks_like_key(word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '=' | '+'));
    let has = |test: fn(char) -> bool| word.chars().any(test);
    plain
        && word.len() >= 16
        && !word.starts_with('-')
        && !word.to_ascii_uppercase().starts_with("SPEC-")
        && has(|c| c.is_ascii_digit())
        && has(|c| c.is_ascii_alphabetic())
        && check(word).is_ok()
}

/// Whether a word is a key by its shape alone, wherever it stands.
fn is_key_shaped(word: &str) -> bool {
    looks_like_key(word) && secret::is_key_shaped(word)
}

/// The words of a command line that are keys by their shape, also after the `=` of an option.
pub fn among(args: &[OsString]) -> Vec<Secret> {
    let words = args.iter().filter_map(|arg| arg.to_str()).map(|arg| arg.rsplit('=').next().unwrap_or(arg));
    words.filter(|word| is_key_shaped(word)).map(Secret::new).collect()
}

/// `text` with its fingerprint in the place of `key`.
pub fn hide(text: &str, key: &Secret) -> String {
    text.replace(key.expose(), &key.fingerprint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_name_the_place_and_never_the_text() {
        for (text, fault) in [
            ("", Fault::Empty),
            ("  \n", Fault::Empty),
            ("abc", Fault::Short(3)),
            ("abcdefgh\nijkl", Fault::LineEnd(9)),
            ("abcd efghijkl", Fault::Space(5)),
            ("abcd\u{7}efghijkl", Fault::Control(5)),
            ("abcdefgh열쇠", Fault::NotAscii(9)),
            ("${GLM_API_KEY}", Fault::Placeholder),
            ("your-api-key-here", Fault::Placeholder),
            ("<your-api-key>", Fault::Placeholder),
        ] {
            let found = check(text).unwrap_err();
            assert_eq!(found, fault);
            assert!(text.trim().len() < 4 || !found.to_string().contains(text.trim()));
        }
    }

    #[test]
    fn names_are_not_shaped_like_keys() {
        assert!(is_key_shaped("0123456789abcdef0123456789abcdef.SeCrEtSeCrEtSeCr"));
        assert!(is_key_shaped("sk-ant-api03-0123456789abcdefgh"));
        assert!(!is_key_shaped("fix-the-login-page-of-2026"));
        assert!(!is_key_shaped("SPEC-AUTHENTICATION2026X"));
    }

    #[test]
    fn words_that_are_keys_and_words_that_are_not() {
        for word in
            ["0123456789abcdef0123456789abcdef.SeCrEtSeCrEtSeCr", "sk-ant-api03-abcdef0123", "abcd-0123456789-wxyz"]
        {
            assert!(looks_like_key(word), "{word}");
        }
        for word in [
            "status",
            "setup",
            "claude",
            "--resume",
            "SPEC-MODEL-001-EXTENDED",
            "src/main-0123456789",
            "fix-the-login-page",
        ] {
            assert!(!looks_like_key(word), "{word}");
        }
    }
}
