//! The five ways vendors speak, and where each listens.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

/// The shape of a vendor's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Anthropic Messages: the hub that all others are converted through. Z.AI and Ollama speak it too.
    Anthropic,
    /// `OpenAI` Chat Completions, and everybody who imitates it.
    Chat,
    /// `OpenAI` Responses.
    Responses,
    /// Google's `generateContent`.
    Gemini,
    /// Ollama's own `/api/chat`.
    Ollama,
}

/// A word that is no dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown wire `{0}`: expected anthropic, chat, responses, gemini or ollama")]
pub struct UnknownDialect(pub String);

impl Dialect {
    /// All dialects, the hub first.
    pub const ALL: [Self; 5] = [Self::Anthropic, Self::Chat, Self::Responses, Self::Gemini, Self::Ollama];

    /// The word of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
        }
    }

    /// What to append to a provider's base URL for one request: `https://api.z.ai/api/anthropic` + `/v1/messages`,
    /// `https://api.openai.com/v1` + `/chat/completions`,
    /// `https://generativelanguage.googleapis.com/v1beta` + `/models/gemini-3-pro:generateContent`,
    /// `http://localhost:11434` + `/api/chat`.
    ///
    /// A model's name is percent-encoded where it stands in a path, so it cannot leave its place.
    pub fn path(self, model: &str, stream: bool) -> String {
        match self {
            Self::Anthropic => "/v1/messages".into(),
            Self::Chat => "/chat/completions".into(),
            Self::Responses => "/responses".into(),
            Self::Gemini => {
                let model = segment(model.strip_prefix("models/").unwrap_or(model));
                let call = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
                format!("/models/{model}:{call}")
            }
            Self::Ollama => "/api/chat".into(),
        }
    }
}

/// One segment of a URL's path: everything but letters, digits, `-`, `_` and single dots between them is encoded.
fn segment(name: &str) -> String {
    let only_dots = name.bytes().all(|byte| byte == b'.');
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'.' if !only_dots => encoded.push('.'),
            b'-' | b'_' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => {
                let written = write!(encoded, "%{byte:02X}");
                debug_assert!(written.is_ok(), "writing to a String does not fail");
            }
        }
    }
    encoded
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(text: &str) -> Result<Self, UnknownDialect> {
        match text.to_ascii_lowercase().as_str() {
            "anthropic" | "messages" => Ok(Self::Anthropic),
            "chat" | "openai" | "openai-chat" => Ok(Self::Chat),
            "responses" | "openai-responses" => Ok(Self::Responses),
            "gemini" | "google" => Ok(Self::Gemini),
            "ollama" => Ok(Self::Ollama),
            _ => Err(UnknownDialect(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_name_cannot_leave_its_place_in_the_path() {
        let path = |model| Dialect::Gemini.path(model, false);
        assert_eq!(path("gemini-3-pro"), "/models/gemini-3-pro:generateContent");
        assert_eq!(path("models/gemini-2.5-flash"), "/models/gemini-2.5-flash:generateContent");
        assert_eq!(path("../x?key=1#"), "/models/..%2Fx%3Fkey%3D1%23:generateContent");
        assert_eq!(path(".."), "/models/%2E%2E:generateContent");
    }

    #[test]
    fn words_are_read_back() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.as_str().parse(), Ok(dialect));
        }
        assert!("soap".parse::<Dialect>().is_err());
    }
}
