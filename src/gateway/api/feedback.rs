//! What a person says of a decision.

use std::sync::Arc;

use super::super::answer::{Answer, not_built};
use super::super::inbound::Inbound;
use super::super::state::Gateway;

/// `POST /api/router/feedback`.
pub(in crate::gateway) async fn give(_: Arc<Gateway>, inbound: Inbound) -> Answer {
    not_built(&inbound)
}
