//! Seed 000's costs API.

use std::sync::Arc;

use super::super::answer::{Answer, not_built};
use super::super::inbound::Inbound;
use super::super::state::Gateway;

/// `GET /api/costs/daily`.
pub(in crate::gateway) async fn daily(_: Arc<Gateway>, inbound: Inbound) -> Answer {
    not_built(&inbound)
}

/// `GET /api/costs/breakdown`.
pub(in crate::gateway) async fn breakdown(_: Arc<Gateway>, inbound: Inbound) -> Answer {
    not_built(&inbound)
}
