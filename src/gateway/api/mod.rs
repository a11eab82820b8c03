//! The seeds' own API: routing, costs, feedback, and seed 003's chat.

mod ask;
pub(in crate::gateway) mod chat;
pub(in crate::gateway) mod costs;
pub(in crate::gateway) mod feedback;
pub(in crate::gateway) mod force;
pub(in crate::gateway) mod form;
pub(in crate::gateway) mod metrics;
pub(in crate::gateway) mod router;
mod told;
