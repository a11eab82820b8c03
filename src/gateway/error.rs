//! How the server itself fails. What fails for one request is a `wire::Fault`, told to its client.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::base::disk::DiskError;
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
    /// The system gives no thread.
    #[error("the thread of the alerts does not start")]
    Thread(#[source] std::io::Error),
    /// A file cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A file of the certificate is not there.
    #[error("{} is not there", path.display())]
    NoPem {
        /// Which.
        path: PathBuf,
    },
    /// A file of the certificate holds something else.
    #[error("{} holds no certificate or private key in PEM", path.display())]
    Pem {
        /// Which.
        path: PathBuf,
    },
    /// The certificate cannot be served with.
    #[error("the certificate {} does not work", path.display())]
    Certificate {
        /// Its file.
        path: PathBuf,
        /// What rustls says.
        #[source]
        source: rustls::Error,
    },
}

impl Explain for GatewayError {
    fn kind(&self) -> Kind {
        match self {
            Self::Access(error) => error.kind(),
            Self::Listen { .. } | Self::Thread(_) => Kind::Expected,
            Self::Disk(error) => error.kind(),
            Self::Exposed(_) | Self::NoPem { .. } | Self::Pem { .. } | Self::Certificate { .. } => Kind::Config,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Access(error) => error.hints(),
            Self::Listen { .. } => vec!["choose another port: `moai serve --port 0` takes a free one".into()],
            Self::Thread(_) => Vec::new(),
            Self::Disk(error) => error.hints(),
            Self::NoPem { .. } | Self::Pem { .. } | Self::Certificate { .. } => {
                vec!["set serve.tls.cert and serve.tls.key to the files of one certificate and its key, in PEM".into()]
            }
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
            Self::Thread(_) => None,
            Self::Disk(error) => error.code(),
            Self::NoPem { .. } | Self::Pem { .. } | Self::Certificate { .. } => Some("certificate"),
        }
    }
}
