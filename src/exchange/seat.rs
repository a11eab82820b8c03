//! Who is asked within one attempt: the provider as it is reached, and the key for it.

use super::lines::Lines;
use crate::base::secret::Secret;
use crate::route::{Provider, Ready};

/// One way to reach a model.
pub(super) struct Seat<'a> {
    pub(super) provider: &'a Provider,
    pub(super) key: Option<&'a Secret>,
}

impl<'a> Seat<'a> {
    /// The seat for this model.
    pub(super) fn take(lines: &'a Lines, ready: &'a Ready) -> Self {
        let provider = ready.provider();
        Self { provider, key: lines.key(provider) }
    }
}
