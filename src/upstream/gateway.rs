//! moai's own gateway, asked by moai's own commands.

use std::time::Duration;

use reqwest::Url;
use serde_json::Value as Json;

use super::error::UpstreamError;
use super::http;
use crate::base::secret::Secret;

/// A gateway on this machine that does not answer in so long does not answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// The JSON that the gateway at `base_url` has at `path`, whatever the status it gives.
pub fn fetch_own(base_url: &str, path: &str, key: &Secret) -> Result<Json, UpstreamError> {
    let url: Url =
        format!("{base_url}{path}").parse().map_err(|_error| UpstreamError::Form("the base URL is not a URL"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UpstreamError::Runtime)?;
    runtime.block_on(async {
        let host = url.host_str().unwrap_or_default().to_owned();
        let request = http::client(&url)?.get(url).timeout(PATIENCE);
        let request = request.header("authorization", http::header("Bearer ", key)?);
        let response = request.send().await.map_err(|error| UpstreamError::transport(&host, error))?;
        response.json().await.map_err(|error| UpstreamError::transport(&host, error))
    })
}
