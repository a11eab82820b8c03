//! moai's own gateway, asked by moai's own commands.

use std::time::Duration;

use reqwest::Url;
use serde_json::Value as Json;

use super::error::UpstreamError;
use super::http;
use crate::base::secret::Secret;

/// A gateway on this machine that does not answer in so long does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the gateway said, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The HTTP status.
    pub status: u16,
    /// The headers, by their names in small letters; those that are no text are left out.
    pub headers: Vec<(String, String)>,
    /// The body, to its end.
    pub body: String,
}

/// The JSON that the gateway at `base_url` has at `path`, whatever the status it gives.
pub fn fetch_own(base_url: &str, path: &str, key: &Secret) -> Result<Json, UpstreamError> {
    let (url, host) = address(base_url, path)?;
    runtime()?.block_on(async {
        let request = http::client(&url)?.get(url).timeout(PATIENCE);
        let request = request.header("authorization", http::header("Bearer ", key)?);
        let response = request.send().await.map_err(|error| UpstreamError::transport(&host, error))?;
        response.json().await.map_err(|error| UpstreamError::transport(&host, error))
    })
}

/// What the gateway at `base_url` answers to this document at `path`: all of it, a stream to its end, too.
pub fn ask_own(base_url: &str, path: &str, key: &Secret, document: &Json) -> Result<Said, UpstreamError> {
    let (url, host) = address(base_url, path)?;
    runtime()?.block_on(async {
        let request = http::client(&url)?.post(url).header("authorization", http::header("Bearer ", key)?);
        let response = request.json(document).send().await.map_err(|error| UpstreamError::transport(&host, error))?;
        let status = response.status().as_u16();
        let texts = response.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let headers = texts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let body = response.text().await.map_err(|error| UpstreamError::transport(&host, error))?;
        Ok(Said { status, headers, body })
    })
}

fn address(base_url: &str, path: &str) -> Result<(Url, String), UpstreamError> {
    let url: Url =
        format!("{base_url}{path}").parse().map_err(|_error| UpstreamError::Form("the base URL is not a URL"))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    Ok((url, host))
}

fn runtime() -> Result<tokio::runtime::Runtime, UpstreamError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UpstreamError::Runtime)
}
