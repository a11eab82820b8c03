//! What a provider says that it has: Ollama's `/api/tags`, `/v1/models` of the others, Gemini's list.

use serde_json::Value as Json;

use super::call::Call;
use super::open::Upstream;
use crate::base::secret::Secret;
use crate::route::memory::tagged;
use crate::route::{Engine, Provider};
use crate::wire::{Dialect, Fault, FaultKind};

/// A model that a provider lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// Its id there; an Ollama's with its tag.
    pub id: String,
    /// How large its files are, where they are on its machine.
    pub bytes: Option<u64>,
    /// What it is, in the provider's words: `32.8B Q4_K_M`.
    pub what: Option<String>,
}

impl Upstream {
    /// What a provider lists; `None` where it keeps no list.
    pub async fn offered(&self, provider: &Provider, key: Option<&Secret>) -> Result<Option<Vec<Offered>>, Fault> {
        if matches!(provider.engine, Engine::Sim(_)) {
            return Ok(None);
        }
        let path = match provider.wire {
            Dialect::Ollama => "/api/tags",
            Dialect::Anthropic => "/v1/models?limit=1000",
            Dialect::Gemini => "/models?pageSize=1000",
            Dialect::Chat | Dialect::Responses => "/models",
        };
        let said = match self.look(Call::check(provider, key, path)?).await?.document().await {
            Ok(said) => said,
            Err(fault) if matches!(fault.kind, FaultKind::NotFound | FaultKind::NoModel) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        // Z.AI says no with a 200.
        if let Some(fault) = Fault::inside(&said) {
            return if fault.kind == FaultKind::NotFound { Ok(None) } else { Err(fault) };
        }
        let list = ["models", "data"].into_iter().find_map(|name| said.get(name)?.as_array());
        Ok(list.map(|list| list.iter().filter_map(|row| offered(row, provider.wire)).collect()))
    }
}

fn offered(row: &Json, dialect: Dialect) -> Option<Offered> {
    let text = |name: &str| row.get(name).and_then(Json::as_str);
    if dialect != Dialect::Ollama {
        let id = text("id").or_else(|| text("name"))?;
        let id = id.strip_prefix("models/").unwrap_or(id);
        return Some(Offered { id: id.to_owned(), bytes: None, what: None });
    }
    let details = ["parameter_size", "quantization_level"];
    let words: Vec<&str> = details.iter().filter_map(|name| row.get("details")?.get(name)?.as_str()).collect();
    Some(Offered {
        id: tagged(text("model").or_else(|| text("name"))?),
        // What runs in Ollama's cloud takes no memory here.
        bytes: if text("remote_host").is_some() { Some(0) } else { row.get("size").and_then(Json::as_u64) },
        what: Some(words.join(" ")).filter(|words| !words.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_list_is_read() {
        let tags = json!({"name": "llama3.3", "size": 42, "details": {"parameter_size": "70.6B", "quantization_level": "Q4_K_M"}});
        let read = offered(&tags, Dialect::Ollama).unwrap();
        assert_eq!((&*read.id, read.bytes, read.what.as_deref()), ("llama3.3:latest", Some(42), Some("70.6B Q4_K_M")));
        let cloud = json!({"name": "gpt-oss:120b-cloud", "size": 384, "remote_host": "https://ollama.com:443"});
        assert_eq!(offered(&cloud, Dialect::Ollama).unwrap().bytes, Some(0));
        assert_eq!(offered(&json!({"name": "models/gemini-3"}), Dialect::Gemini).unwrap().id, "gemini-3");
        assert_eq!(offered(&json!({"id": "glm-4.7"}), Dialect::Chat).unwrap().id, "glm-4.7");
    }
}
