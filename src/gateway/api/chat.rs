//! Seed 003's `/api/chat`.

use std::sync::Arc;

use super::super::answer::{Answer, not_built};
use super::super::inbound::Inbound;
use super::super::state::Gateway;

/// `POST /api/chat`.
pub(in crate::gateway) async fn create(_: Arc<Gateway>, inbound: Inbound) -> Answer {
    not_built(&inbound)
}
