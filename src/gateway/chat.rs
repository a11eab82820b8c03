//! `OpenAI` Chat Completions.

use std::sync::Arc;

use crate::wire::Dialect;

use super::answer::Answer;
use super::flow;
use super::inbound::Inbound;
use super::state::Gateway;

/// `POST /v1/chat/completions`.
pub(in crate::gateway) async fn create(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    flow::answer(gateway, inbound, Dialect::Chat).await
}
