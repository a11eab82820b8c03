//! Floor 1: the words everything else is said in. Pure values, parsed once at the edge and trusted afterwards.

mod kind;
mod mode;
mod provider;
mod spec;
mod tier;
mod usage;

pub use kind::{TaskKind, UnknownKind};
pub use mode::{Backend, Mode, Phase, UnknownMode};
pub use provider::{ProviderId, UnknownProvider};
pub use spec::{SpecId, SpecIdError};
pub use tier::{Tier, UnknownTier};
pub use usage::Usage;
