//! A webhook is told something. Its address is a secret: no error holds more of it than the host.

use std::time::Duration;

use reqwest::Url;
use serde_json::Value as Json;

use super::error::UpstreamError;
use super::http;
use crate::base::secret::Secret;

/// Why it did not hear.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The address is none.
    #[error("the address is no URL")]
    NotUrl,
    /// This machine cannot ask anybody.
    #[error(transparent)]
    Setup(UpstreamError),
    /// Nobody was reached, or the connection broke.
    #[error("cannot reach {0}")]
    Unreachable(String),
    /// Too slow.
    #[error("{host} did not answer within {} s", limit.as_secs_f64())]
    Slow {
        /// Who was told.
        host: String,
        /// How long was waited.
        limit: Duration,
    },
    /// It does not want to hear.
    #[error("{host} answered with HTTP {status}")]
    Refused {
        /// Who was told.
        host: String,
        /// The status.
        status: u16,
    },
}

/// Posts a document to `address`, and waits so long for it to be taken. Redirects are not followed.
pub fn post_hook(address: &Secret, document: &Json, limit: Duration) -> Result<(), HookError> {
    let url: Url = address.expose().parse().map_err(|_quotes_it| HookError::NotUrl)?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| HookError::Setup(UpstreamError::Runtime(error)))?;
    runtime.block_on(async {
        let client = http::client(&url).map_err(HookError::Setup)?;
        let sent = client.post(url).timeout(limit).json(document).send().await;
        match sent {
            Err(error) if error.is_timeout() => Err(HookError::Slow { host, limit }),
            Err(_has_the_address) => Err(HookError::Unreachable(host)),
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(HookError::Refused { host, status: answer.status().as_u16() }),
        }
    })
}
