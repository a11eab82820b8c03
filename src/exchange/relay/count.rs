//! How many tokens a request has: the vendor's own count where it gives one, else an estimate. Clients ask it often
//! and for orientation, so it never fails.

use bytes::Bytes;
use serde::Deserialize;

use super::query::Query;
use crate::exchange::board::Board;
use crate::exchange::lines::Lines;
use crate::route::{Engine, Ready};
use crate::upstream::Call;
use crate::wire::{Dialect, estimate_tokens};

/// No answer of a count is longer.
const LONGEST: usize = 64 * 1024;

/// How many tokens a request has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// `{"input_tokens": 2095}`, as the vendor wrote it or as it would.
    pub body: Bytes,
    /// The vendor did not say: it is an estimate.
    pub estimated: bool,
}

/// Counts the tokens of a request to `/v1/messages/count_tokens` as `ready` counts them.
pub async fn count_tokens(query: &Query, ready: &Ready, lines: &Lines, board: &Board) -> Count {
    if let Some(body) = ask(query, ready, lines, board).await {
        return Count { body, estimated: false };
    }
    let tokens = estimate_tokens(query.request.bytes());
    Count { body: format!("{{\"input_tokens\":{tokens}}}").into(), estimated: true }
}

async fn ask(query: &Query, ready: &Ready, lines: &Lines, board: &Board) -> Option<Bytes> {
    #[derive(Deserialize)]
    struct Counted {
        #[serde(rename = "input_tokens")]
        _input_tokens: u64,
    }
    // Given back without a word: a count says nothing of how answers do.
    let seat = board.pick(ready, query.request.head().session.as_deref());
    let provider = seat.provider();
    let asks = provider.wire == Dialect::Anthropic && provider.quirks.count_tokens && provider.engine == Engine::Http;
    if !asks || query.dialect != Dialect::Anthropic {
        return None;
    }
    let question = query.spliced(ready.model(), provider);
    let call = Call::count_tokens(provider, lines.key(provider), question.body).ok()?;
    let call = question.carry.into_iter().fold(call, |call, carry| call.carrying(provider, carry));
    let call = if question.beta { call.beta() } else { call };
    let mut reply = lines.upstream().open(call).await.ok()?;
    let mut body = Vec::new();
    while let Some(bytes) = reply.chunk().await.ok()? {
        body.extend_from_slice(&bytes);
        if body.len() > LONGEST {
            return None;
        }
    }
    let counted = reply.is_success() && reply.unreadable().is_none();
    (counted && serde_json::from_slice::<Counted>(&body).is_ok()).then(|| body.into())
}
