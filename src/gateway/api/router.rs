//! Seed 000's router API.

use std::sync::Arc;

use super::super::answer::{Answer, not_built};
use super::super::inbound::Inbound;
use super::super::state::Gateway;

/// `POST /api/router/route`.
pub(in crate::gateway) async fn route(_: Arc<Gateway>, inbound: Inbound) -> Answer {
    not_built(&inbound)
}

/// `GET /api/router/stats`.
pub(in crate::gateway) async fn stats(_: Arc<Gateway>, inbound: Inbound) -> Answer {
    not_built(&inbound)
}
