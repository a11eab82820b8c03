//! The way out to the providers and the keys for it.

use std::collections::BTreeMap;

use crate::base::secret::Secret;
use crate::route::Provider;
use crate::upstream::Upstream;

/// The connections and the keys of a process. Connections are kept, so use one for all requests.
#[derive(Debug, Default)]
pub struct Lines {
    upstream: Upstream,
    keys: BTreeMap<String, Secret>,
}

impl Lines {
    /// Lines with these keys, by the provider's name. Nothing is connected yet.
    pub fn new(keys: impl IntoIterator<Item = (String, Secret)>) -> Self {
        Self { upstream: Upstream::default(), keys: keys.into_iter().collect() }
    }

    pub(super) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    pub(super) fn key(&self, provider: &Provider) -> Option<&Secret> {
        self.keys.get(&provider.name)
    }
}
