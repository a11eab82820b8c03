//! `OpenAI` Chat Completions.

use std::sync::Arc;

use super::answer::{Answer, not_built};
use super::inbound::Inbound;
use super::state::Gateway;

/// `POST /v1/chat/completions`.
pub(in crate::gateway) async fn create(_: Arc<Gateway>, inbound: Inbound) -> Answer {
    not_built(&inbound)
}
