//! Floor 1: the words everything else is said in. Pure values, parsed once at the edge and trusted afterwards.

mod mode;
mod provider;
mod spec;
mod usage;

pub use mode::{Backend, Mode, Phase, UnknownMode};
pub use provider::{ProviderId, UnknownProvider};
pub use spec::{SpecId, SpecIdError};
pub use usage::Usage;
