//! SPEC ids: the name of a piece of work, which becomes a directory, a branch and an entry in git's admin area.
//!
//! One id therefore has to be safe in all three places on every system: ASCII letters, digits and single hyphens.

use std::fmt;
use std::str::FromStr;

/// A checked SPEC id such as `SPEC-MODEL-001`: `[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*`, at most 64 characters, and
/// not a device name of Windows. Case is kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpecId(String);

/// Why a text is no SPEC id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecIdError {
    /// Nothing was given.
    #[error("a SPEC id is needed, and it is empty")]
    Empty,
    /// Longer than [`SpecId::MAX`].
    #[error("the SPEC id is {0} characters long; at most {max} fit", max = SpecId::MAX)]
    TooLong(usize),
    /// A character that cannot be in a SPEC id.
    #[error("`{id}` is not a SPEC id: {found:?} at character {at} is not an ASCII letter, a digit or a hyphen")]
    Character {
        /// What was given.
        id: String,
        /// The character.
        found: char,
        /// Its place, from 1.
        at: usize,
    },
    /// It starts with a digit or a hyphen.
    #[error("`{0}` is not a SPEC id: it must start with a letter")]
    Start(String),
    /// Two hyphens in a row, or one at the end.
    #[error("`{0}` is not a SPEC id: hyphens must stand one by one between letters and digits")]
    Hyphens(String),
    /// `CON`, `NUL`, `COM1` and their kin cannot be directories on Windows.
    #[error("`{0}` is not a SPEC id: it is a device name on Windows")]
    Device(String),
}

impl SpecId {
    /// The longest id, in characters.
    pub const MAX: usize = 64;

    /// The id as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SpecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for SpecId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for SpecId {
    type Err = SpecIdError;

    fn from_str(text: &str) -> Result<Self, SpecIdError> {
        let length = text.chars().count();
        if length == 0 {
            return Err(SpecIdError::Empty);
        }
        if length > Self::MAX {
            return Err(SpecIdError::TooLong(length));
        }
        if let Some((at, found)) = text.chars().enumerate().find(|(_, c)| !c.is_ascii_alphanumeric() && *c != '-') {
            return Err(SpecIdError::Character { id: text.into(), found, at: at + 1 });
        }
        if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(SpecIdError::Start(text.into()));
        }
        if text.ends_with('-') || text.contains("--") {
            return Err(SpecIdError::Hyphens(text.into()));
        }
        if is_device(text) {
            return Err(SpecIdError::Device(text.into()));
        }
        Ok(Self(text.into()))
    }
}

fn is_device(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    matches!(upper.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || (upper.len() == 4
            && (upper.starts_with("COM") || upper.starts_with("LPT"))
            && upper.ends_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ids() {
        for id in ["SPEC-001", "SPEC-MODEL-001", "feature-auth", "a", "X1"] {
            assert_eq!(id.parse::<SpecId>().unwrap().as_str(), id);
        }
    }

    #[test]
    fn bad_ids_say_why() {
        let why = |id: &str| id.parse::<SpecId>().unwrap_err();
        assert_eq!(why(""), SpecIdError::Empty);
        assert_eq!(why(&"x".repeat(300)), SpecIdError::TooLong(300));
        assert_eq!(why("../x"), SpecIdError::Character { id: "../x".into(), found: '.', at: 1 });
        assert_eq!(why("a b"), SpecIdError::Character { id: "a b".into(), found: ' ', at: 2 });
        assert_eq!(why("한글"), SpecIdError::Character { id: "한글".into(), found: '한', at: 1 });
        assert_eq!(why("-x"), SpecIdError::Start("-x".into()));
        assert_eq!(why("a--b"), SpecIdError::Hyphens("a--b".into()));
        assert_eq!(why("com1"), SpecIdError::Device("com1".into()));
    }
}
