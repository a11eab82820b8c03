//! How the network and the vendors fail, in words that name the host and say what to do.

use crate::base::failure::{Explain, Kind};

use super::code::{Cure, meaning, status_meaning};

/// Why a vendor gave no answer, or not the one that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The HTTP client cannot be built on this machine.
    #[error("cannot set up HTTPS on this machine")]
    Setup(#[source] reqwest::Error),
    /// The asynchronous runtime cannot be started.
    #[error("cannot start the network")]
    Runtime(#[source] std::io::Error),
    /// The base URL or the key has a form that HTTP cannot carry.
    #[error("{0}")]
    Form(&'static str),
    /// The environment names a proxy that cannot be used. What it says may hold a password.
    #[error("{variable} {why}")]
    Proxy {
        /// The variable.
        variable: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nobody answers.
    #[error("cannot reach {host}")]
    Connect {
        /// Who was asked.
        host: String,
        /// The system's reason, without the URL.
        source: reqwest::Error,
    },
    /// Too slow.
    #[error("{host} did not answer in time")]
    Timeout {
        /// Who was asked.
        host: String,
    },
    /// The connection broke, or what came is not HTTP.
    #[error("talking to {host} failed")]
    Transport {
        /// Who was asked.
        host: String,
        /// What broke, without the URL.
        source: reqwest::Error,
    },
    /// The vendor said no.
    #[error("{host}: {}{}", text(*status, code.as_deref()), said.as_deref().map(|said| format!(" ({said})")).unwrap_or_default())]
    Refused {
        /// Who was asked.
        host: String,
        /// The HTTP status.
        status: u16,
        /// The vendor's own code (`1113`, `authentication_error`).
        code: Option<String>,
        /// The vendor's own words, shortened, the key taken out.
        said: Option<String>,
    },
}

impl UpstreamError {
    /// Sorts a transport error; the URL is taken out of it.
    pub(super) fn transport(host: &str, error: reqwest::Error) -> Self {
        let host = host.to_owned();
        let source = error.without_url();
        if source.is_timeout() {
            Self::Timeout { host }
        } else if source.is_connect() {
            Self::Connect { host, source }
        } else {
            Self::Transport { host, source }
        }
    }

    /// Whether the vendor does not accept the key.
    pub fn is_about_the_key(&self) -> bool {
        matches!(self, Self::Refused { .. }) && self.cure() == Cure::Key
    }

    /// Whether asking for another model would fail in the same way.
    pub fn is_about_the_key_or_the_host(&self) -> bool {
        match self {
            Self::Refused { .. } => matches!(self.cure(), Cure::Key | Cure::Account),
            _ => true,
        }
    }

    fn cure(&self) -> Cure {
        match self {
            Self::Refused { status, code, .. } => {
                code.as_deref().and_then(meaning).unwrap_or_else(|| status_meaning(*status)).1
            }
            Self::Connect { .. } | Self::Timeout { .. } | Self::Transport { .. } => Cure::Wait,
            _ => Cure::None,
        }
    }
}

/// `401, 1001: the key is not accepted`.
fn text(status: u16, code: Option<&str>) -> String {
    let (words, _) = code.and_then(meaning).unwrap_or_else(|| status_meaning(status));
    match code {
        Some(code) => format!("{words} (HTTP {status}, {code})"),
        None => format!("{words} (HTTP {status})"),
    }
}

impl Explain for UpstreamError {
    fn kind(&self) -> Kind {
        match self {
            Self::Form(_) | Self::Proxy { .. } => Kind::Config,
            Self::Refused { .. } if self.cure() == Cure::Key => Kind::Config,
            _ => Kind::Upstream,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match (self, self.cure()) {
            (Self::Proxy { variable, .. }, _) => {
                return vec![format!("correct it, or take it out: `unset {variable}`")];
            }
            (Self::Connect { .. }, _) => {
                "check the network, a proxy (HTTPS_PROXY), and `moai config get llm.glm.base_url`"
            }
            (_, Cure::Key) => "store another key: `moai glm <key>`",
            (_, Cure::Account) => "look at the account and its plan on the vendor's site",
            (_, Cure::Model) => "choose another model: `moai config set llm.glm.models.opus <model>`",
            (_, Cure::Wait) => "wait a little and run the same command again",
            (_, Cure::None) => return Vec::new(),
        };
        vec![hint.into()]
    }
}
