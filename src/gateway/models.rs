//! The models that can be asked, in the words of either vendor.

use std::sync::Arc;

use super::answer::{Answer, not_built};
use super::inbound::Inbound;
use super::state::Gateway;

/// `GET /v1/models`.
pub(in crate::gateway) async fn list(_: Arc<Gateway>, inbound: Inbound) -> Answer {
    not_built(&inbound)
}
