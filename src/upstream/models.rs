//! Which models answer: `GET /v1/models` where the vendor has it, else one token from each.

use std::collections::BTreeSet;

use reqwest::{Client, RequestBuilder, Response, Url};
use serde_json::{Value as Json, json};

use super::error::UpstreamError;
use super::http;
use crate::base::secret::Secret;

/// The most of an answer that is read: an error page does not fill the memory.
const LONGEST: usize = 256 * 1024;

/// An API in Anthropic's format and the key to it.
#[derive(Debug)]
pub struct Endpoint<'a> {
    /// The base URL, as `ANTHROPIC_BASE_URL` has it: `/v1/messages` is appended.
    pub base_url: &'a str,
    /// The key.
    pub key: &'a Secret,
}

/// How we know that a model answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The vendor lists it.
    Listed,
    /// It answered.
    Answered,
}

/// What came of asking for one model.
#[derive(Debug)]
pub struct Answer {
    /// The model.
    pub model: String,
    /// Whether it answers, and how we know.
    pub result: Result<Evidence, UpstreamError>,
}

/// Asks which of `models` answer. An error that would be the same for all of them (no network, a wrong key) is
/// returned as the error of the whole.
pub fn fetch_answers(endpoint: &Endpoint<'_>, models: &[&str]) -> Result<Vec<Answer>, UpstreamError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UpstreamError::Runtime)?;
    runtime.block_on(answers(endpoint, models))
}

async fn answers(endpoint: &Endpoint<'_>, models: &[&str]) -> Result<Vec<Answer>, UpstreamError> {
    let asker = Asker::new(endpoint)?;
    let listed = asker.fetch_list().await?;
    let mut answers = Vec::new();
    for model in models {
        // `[1m]` is Claude Code's own mark for the long window; it never sends it.
        let id = model.strip_suffix("[1m]").unwrap_or(model);
        let result = if listed.contains(id) {
            Ok(Evidence::Listed)
        } else {
            match asker.fetch_token(id).await {
                Err(error) if error.is_about_the_key_or_the_host() => return Err(error),
                result => result.map(|()| Evidence::Answered),
            }
        };
        answers.push(Answer { model: (*model).to_owned(), result });
    }
    Ok(answers)
}

struct Asker<'a> {
    client: Client,
    base: &'a str,
    host: String,
    key: &'a Secret,
}

impl<'a> Asker<'a> {
    fn new(endpoint: &Endpoint<'a>) -> Result<Self, UpstreamError> {
        let base = endpoint.base_url.trim_end_matches('/');
        let url: Url = base.parse().map_err(|_error| UpstreamError::Form("the base URL is not a URL"))?;
        let host = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (Some(host), None) => host.to_owned(),
            (None, _) => return Err(UpstreamError::Form("the base URL names no host")),
        };
        Ok(Self { client: http::client(&url)?, base, host, key: endpoint.key })
    }

    /// The ids that the vendor lists; none where it has no such list.
    async fn fetch_list(&self) -> Result<BTreeSet<String>, UpstreamError> {
        let request = self.client.get(format!("{}/v1/models?limit=1000", self.base));
        let answer = match self.send(request).await {
            Ok(answer) => answer,
            // No list is no fault: only a key that is not accepted ends it here.
            Err(error @ UpstreamError::Refused { .. }) if !error.is_about_the_key() => return Ok(BTreeSet::new()),
            Err(error) => return Err(error),
        };
        let ids = answer.get("data").and_then(Json::as_array).into_iter().flatten();
        Ok(ids.filter_map(|model| model.get("id")?.as_str()).map(str::to_owned).collect())
    }

    /// One token from the model.
    async fn fetch_token(&self, model: &str) -> Result<(), UpstreamError> {
        let body = json!({
            "model": model,
            "max_tokens": 1,
            "messages": [{ "role": "user", "content": "." }],
        });
        let request = self.client.post(format!("{}/v1/messages", self.base)).json(&body);
        self.send(request).await.map(drop)
    }

    async fn send(&self, request: RequestBuilder) -> Result<Json, UpstreamError> {
        let request = request
            .header("authorization", http::header("Bearer ", self.key)?)
            .header("x-api-key", http::header("", self.key)?)
            .header("anthropic-version", "2023-06-01");
        let response = request.send().await.map_err(|error| UpstreamError::transport(&self.host, error))?;
        let status = response.status();
        let body = self.read(response).await?;
        let json: Json = serde_json::from_slice(&body).unwrap_or(Json::Null);
        // Z.AI also says no with HTTP 200 and `{"code": 1001, "msg": …, "success": false}`.
        let denied = json.get("success").and_then(Json::as_bool) == Some(false) || json.get("error").is_some();
        if status.is_success() && !denied {
            return Ok(json);
        }
        Err(UpstreamError::Refused {
            host: self.host.clone(),
            status: status.as_u16(),
            code: code(&json),
            said: said(&json).map(|text| tidy(&text, self.key)),
        })
    }

    async fn read(&self, mut response: Response) -> Result<Vec<u8>, UpstreamError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| UpstreamError::transport(&self.host, error))? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                break;
            }
        }
        Ok(body)
    }
}

/// The vendor's code: Z.AI's number where there is one, else Anthropic's word.
fn code(json: &Json) -> Option<String> {
    let error = json.get("error");
    let candidates =
        [error.and_then(|error| error.get("code")), json.get("code"), error.and_then(|error| error.get("type"))];
    candidates.into_iter().flatten().find_map(|code| match code {
        Json::String(text) if !text.is_empty() => Some(text.chars().take(40).collect()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn said(json: &Json) -> Option<String> {
    let error = json.get("error");
    let candidates = [error.and_then(|error| error.get("message")), json.get("msg"), json.get("message"), error];
    candidates.into_iter().flatten().find_map(Json::as_str).map(str::to_owned).filter(|text| !text.is_empty())
}

/// The vendor's words on one line, shortened, without the key, should they repeat it.
fn tidy(text: &str, key: &Secret) -> String {
    let text = text.replace(key.expose(), "…");
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 200 { line.chars().take(199).chain(['…']).collect() } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_of_an_error_are_read() {
        let zai = json!({"error": {"code": "1113", "message": "Insufficient balance"}});
        assert_eq!((code(&zai).as_deref(), said(&zai).as_deref()), (Some("1113"), Some("Insufficient balance")));
        let old = json!({"code": 1001, "msg": "Header未收到", "success": false});
        assert_eq!((code(&old).as_deref(), said(&old).as_deref()), (Some("1001"), Some("Header未收到")));
        let anthropic = json!({"type": "error", "error": {"type": "authentication_error", "message": "invalid"}});
        assert_eq!(code(&anthropic).as_deref(), Some("authentication_error"));
        assert_eq!(code(&Json::Null), None);
    }

    #[test]
    fn a_vendor_that_repeats_the_key_is_not_quoted_with_it() {
        let key = Secret::new("sesame-open-now");
        assert_eq!(tidy("bad key\n sesame-open-now!", &key), "bad key …!");
        assert_eq!(tidy(&"x".repeat(500), &key).chars().count(), 200);
    }
}
