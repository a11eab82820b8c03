//! Floor 1: the words everything else is said in. Pure values, parsed once at the edge and trusted afterwards.

mod ids;
mod kind;
mod mode;
mod provider;
mod spec;
mod tier;
mod usage;
mod usd;

pub use ids::{RequestId, RequestIdError, SessionId, SessionIdError};
pub use kind::{TaskKind, UnknownKind};
pub use mode::{Backend, Mode, Phase, UnknownMode};
pub use provider::{ProviderId, UnknownProvider};
pub use spec::{SpecId, SpecIdError};
pub use tier::{Tier, UnknownTier};
pub use usage::Usage;
pub use usd::{Rate, Usd, UsdError};
