//! Who can be asked: the providers that moai keeps keys for.

use std::fmt;
use std::str::FromStr;

/// A provider of models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderId {
    /// Z.AI's GLM.
    Glm,
    /// Anthropic's Claude.
    Anthropic,
    /// `OpenAI`.
    OpenAi,
    /// Google's Gemini.
    Gemini,
    /// Cohere.
    Cohere,
}

/// A word that is no provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown provider `{0}`: expected glm, anthropic, openai, gemini or cohere")]
pub struct UnknownProvider(pub String);

impl ProviderId {
    /// All providers, GLM first: it is the one people switch to.
    pub const ALL: [Self; 5] = [Self::Glm, Self::Anthropic, Self::OpenAi, Self::Gemini, Self::Cohere];

    /// The word of the command line and of the files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Glm => "glm",
            Self::Anthropic => "anthropic",
            Self::OpenAi => "openai",
            Self::Gemini => "gemini",
            Self::Cohere => "cohere",
        }
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ProviderId {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        match text.to_ascii_lowercase().as_str() {
            "glm" | "zai" | "z.ai" => Ok(Self::Glm),
            "anthropic" | "claude" => Ok(Self::Anthropic),
            "openai" => Ok(Self::OpenAi),
            "gemini" | "google" => Ok(Self::Gemini),
            "cohere" => Ok(Self::Cohere),
            _ => Err(UnknownProvider(text.into())),
        }
    }
}
