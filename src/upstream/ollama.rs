//! Ollama's own API beside its answers: what is in its memory, what a model is made of, loading and unloading
//! (docs.ollama.com/api, 2026-11). Nothing here changes what lies on its disk: `/api/delete` would, and is not asked.

use serde_json::{Value as Json, json};

use super::call::Call;
use super::open::Upstream;
use crate::base::secret::Secret;
use crate::route::Provider;
use crate::route::memory::{Anatomy, Loaded, tagged};
use crate::wire::Fault;

impl Upstream {
    /// The models that an Ollama has in memory.
    pub async fn loaded(&self, provider: &Provider, key: Option<&Secret>) -> Result<Vec<Loaded>, Fault> {
        let call = Call::check(provider, key, "/api/ps")?;
        let said = self.look(call).await?.document().await?;
        Ok(said.get("models").and_then(Json::as_array).into_iter().flatten().filter_map(loaded).collect())
    }

    /// What one of its models is made of; `None` where it does not say so.
    pub async fn anatomy(
        &self,
        provider: &Provider,
        key: Option<&Secret>,
        model: &str,
    ) -> Result<Option<Anatomy>, Fault> {
        let call = Call::order(provider, key, "/api/show", &json!({ "model": model }))?.soon();
        let said = self.open(call).await?.document().await?;
        Ok(said.get("model_info").and_then(anatomy))
    }

    /// Loads a model, with a window of so many tokens; comes back when it is there. `keep`: for how long it stays, in
    /// Ollama's own words (`10m`, `-1`).
    pub async fn load(
        &self,
        provider: &Provider,
        key: Option<&Secret>,
        model: &str,
        context: Option<u64>,
        keep: Option<&str>,
    ) -> Result<(), Fault> {
        let mut order = json!({ "model": model, "stream": false });
        if let (Some(context), Some(order)) = (context, order.as_object_mut()) {
            order.insert("options".into(), json!({ "num_ctx": context }));
        }
        if let (Some(keep), Some(order)) = (keep, order.as_object_mut()) {
            let keep = keep.parse::<i64>().map_or_else(|_| json!(keep), |seconds| json!(seconds));
            order.insert("keep_alive".into(), keep);
        }
        self.open(Call::order(provider, key, "/api/generate", &order)?).await?.document().await.map(drop)
    }

    /// Takes a model out of memory as soon as it answers nobody. It may still be there when this comes back.
    pub async fn unload(&self, provider: &Provider, key: Option<&Secret>, model: &str) -> Result<(), Fault> {
        let order = json!({ "model": model, "keep_alive": 0, "stream": false });
        let call = Call::order(provider, key, "/api/generate", &order)?.soon();
        self.open(call).await?.document().await.map(drop)
    }
}

fn loaded(row: &Json) -> Option<Loaded> {
    let number = |name: &str| row.get(name).and_then(Json::as_u64);
    Some(Loaded {
        model: tagged(row.get("model").or_else(|| row.get("name"))?.as_str()?),
        bytes: number("size").unwrap_or(0),
        vram: number("size_vram").unwrap_or(0),
        context: number("context_length").filter(|context| *context > 0),
        until: row.get("expires_at").and_then(Json::as_str).and_then(|text| text.parse().ok()),
    })
}

/// The numbers are named after the family: `qwen2.block_count`, `qwen2.attention.head_count_kv`.
fn anatomy(info: &Json) -> Option<Anatomy> {
    let family = info.get("general.architecture")?.as_str()?;
    let field = |name: &str| info.get(format!("{family}.{name}"));
    let number = |name: &str| field(name).and_then(Json::as_u64);
    let layers = number("block_count")?;
    let heads = match field("attention.head_count_kv")? {
        Json::Array(each) => each.iter().filter_map(Json::as_u64).sum(),
        heads => heads.as_u64()?.saturating_mul(layers),
    };
    let head = || number("embedding_length")?.checked_div(number("attention.head_count")?);
    let key = number("attention.key_length").or_else(head)?;
    let value = number("attention.value_length").or_else(head)?;
    Some(Anatomy { heads, width: key.saturating_add(value), longest: number("context_length") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_layers_are_read_whatever_its_family() {
        let qwen = json!({
            "general.architecture": "qwen2", "qwen2.block_count": 64, "qwen2.context_length": 32768,
            "qwen2.embedding_length": 5120, "qwen2.attention.head_count": 40, "qwen2.attention.head_count_kv": 8,
        });
        assert_eq!(anatomy(&qwen), Some(Anatomy { heads: 512, width: 256, longest: Some(32_768) }));
        let mixed = json!({
            "general.architecture": "x", "x.block_count": 3, "x.attention.head_count_kv": [0, 4, 4],
            "x.attention.key_length": 64, "x.attention.value_length": 32,
        });
        assert_eq!(anatomy(&mixed), Some(Anatomy { heads: 8, width: 96, longest: None }));
        assert_eq!(anatomy(&json!({ "general.architecture": "bert" })), None);
    }

    #[test]
    fn what_is_loaded_is_read_in_older_and_newer_forms() {
        let row =
            json!({"name": "llama3.3", "size": 7, "size_vram": 5, "expires_at": "2318-06-04T14:38:31.83753-07:00"});
        let read = loaded(&row).unwrap();
        assert_eq!((&*read.model, read.bytes, read.vram, read.context), ("llama3.3:latest", 7, 5, None));
        assert!(read.until.is_some());
        let newer = json!({"model": "a:1", "size": 7, "context_length": 4096, "expires_at": "soon"});
        let read = loaded(&newer).unwrap();
        assert_eq!((read.context, read.until), (Some(4096), None));
    }
}
