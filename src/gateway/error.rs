//! How the server itself fails. What fails for one request is a `wire::Fault`, told to its client.

use std::net::SocketAddr;

use crate::base::failure::{Explain, Kind};

use super::access::AccessError;

/// The server cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The keys cannot be read or made.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The socket cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: String,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// Others on the network could reach it, and nobody has said that they may.
    #[error("{0} is not a loopback address: whoever reaches it can try keys")]
    Exposed(SocketAddr),
}

impl Explain for GatewayError {
    fn kind(&self) -> Kind {
        match self {
            Self::Access(error) => error.kind(),
            Self::Listen { .. } => Kind::Expected,
            Self::Exposed(_) => Kind::Config,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Access(error) => error.hints(),
            Self::Listen { .. } => vec!["choose another port: `moai serve --port 0` takes a free one".into()],
            Self::Exposed(_) => vec![
                "make a key for those who may: `moai serve key add NAME`, then start it again".into(),
                "or listen on this machine alone: `moai serve --host 127.0.0.1`".into(),
            ],
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Access(error) => error.code(),
            Self::Listen { .. } => Some("cannot-listen"),
            Self::Exposed(_) => Some("exposed"),
        }
    }
}
