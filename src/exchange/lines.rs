//! The way out to the providers and the keys for it.

use std::collections::BTreeMap;

use super::memory::Memory;
use crate::base::secret::Secret;
use crate::route::Provider;
use crate::upstream::Upstream;

/// The connections and the keys of a process. Connections are kept, so use one for all requests.
#[derive(Debug, Default)]
pub struct Lines {
    upstream: Upstream,
    keys: BTreeMap<String, Secret>,
    memory: Option<Memory>,
}

impl Lines {
    /// Lines with these keys, by the provider's name. Nothing is connected yet.
    pub fn new(keys: impl IntoIterator<Item = (String, Secret)>) -> Self {
        Self { keys: keys.into_iter().collect(), ..Self::default() }
    }

    /// The same for models that share a memory: each is asked only where it fits beside those that are loaded.
    #[must_use]
    pub fn sharing(self, memory: Option<Memory>) -> Self {
        Self { memory, ..self }
    }

    pub(super) fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// The connections.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// The key of a way to a provider.
    pub fn key(&self, provider: &Provider) -> Option<&Secret> {
        self.keys.get(&provider.name)
    }
}
