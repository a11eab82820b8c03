//! Anthropic Messages.

use std::sync::Arc;

use crate::wire::Dialect;

use super::answer::{Answer, not_built};
use super::flow;
use super::inbound::Inbound;
use super::state::Gateway;

/// `POST /v1/messages`.
pub(in crate::gateway) async fn create(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    flow::answer(gateway, inbound, Dialect::Anthropic).await
}

/// `POST /v1/messages/count_tokens`.
pub(in crate::gateway) async fn count_tokens(_: Arc<Gateway>, inbound: Inbound) -> Answer {
    not_built(&inbound)
}
