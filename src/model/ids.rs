//! Names of conversations and requests: sortable by time, unique across machines, safe in file names and logs.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

/// A text that cannot name a session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a session id: 1 to 128 letters, digits and `. _ : -` of ASCII, a letter or digit first")]
pub struct SessionIdError(pub String);

/// The name of a conversation: chosen by the person (`--session auth-work`) or made up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(String);

impl SessionId {
    /// The longest id, in characters.
    pub const MAX: usize = 128;

    /// A new id from the time and ten random bytes (UUID version 7).
    pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
        Self(uuid7(at, random))
    }

    /// The id as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = SessionIdError;

    fn from_str(text: &str) -> Result<Self, SessionIdError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
        let good =
            text.len() <= Self::MAX && text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.chars().all(fits);
        if good { Ok(Self(text.into())) } else { Err(SessionIdError(text.into())) }
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for SessionId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// A text that is no request id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a request id: it looks like 0190b5c2-7a4e-7f3d-8c21-5b6a7d8e9f01")]
pub struct RequestIdError(pub String);

/// The name of one request of a person; its attempts are numbered below it. A UUID of version 7: ids sort by time,
/// and those of several machines never meet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// A new id from the time and ten random bytes.
    pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
        Self(uuid7(at, random))
    }

    /// The id in its usual form, 36 characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = RequestIdError;

    fn from_str(text: &str) -> Result<Self, RequestIdError> {
        let lower = text.trim().to_ascii_lowercase();
        let shaped = lower.len() == 36
            && lower.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            });
        if shaped { Ok(Self(lower)) } else { Err(RequestIdError(text.into())) }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for RequestId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// RFC 9562, section 5.7: 48 bits of milliseconds, then random bits around the version and the variant.
fn uuid7(at: Timestamp, random: [u8; 10]) -> String {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0) & 0xffff_ffff_ffff;
    let [_, _, at @ ..] = millis.to_be_bytes();
    let mut id = String::with_capacity(36);
    for (place, byte) in at.into_iter().chain(random).enumerate() {
        let byte = match place {
            6 => byte & 0x0f | 0x70,
            8 => byte & 0x3f | 0x80,
            _ => byte,
        };
        if matches!(place, 4 | 6 | 8 | 10) {
            id.push('-');
        }
        for half in [byte >> 4, byte & 0x0f] {
            id.push(char::from(if half < 10 { b'0' + half } else { b'a' + half - 10 }));
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_uuids_that_sort_by_time() {
        let id = |at: i64| RequestId::new(Timestamp::from_millisecond(at).unwrap(), [0xff; 10]);
        assert_eq!(id(0x0190_b5c2_7a4e).as_str(), "0190b5c2-7a4e-7fff-bfff-ffffffffffff");
        assert!(id(1) < id(2) && id(0xffff) < id(0x1_0000));
        assert_eq!(id(7).as_str().parse(), Ok(id(7)));
        assert!("not-a-request".parse::<RequestId>().is_err());
    }

    #[test]
    fn session_ids_are_safe_names() {
        for good in ["auth-work", "2026-01-09", "claude:42", "a"] {
            assert_eq!(good.parse::<SessionId>().unwrap().as_str(), good);
        }
        for bad in ["", "../etc", "a b", "-x", ".hidden", "한글", &"x".repeat(129)] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad}");
        }
    }
}
