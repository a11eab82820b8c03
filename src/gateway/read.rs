//! Reading a body: all of it, not too much, and not for ever.

use std::pin::Pin;
use std::time::Duration;

use bytes::BytesMut;
use hyper::StatusCode;
use hyper::body::{Body as _, Bytes, Frame, Incoming};
use hyper::header::{CONTENT_ENCODING, EXPECT, HeaderMap};
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::Serve;
use crate::wire::FaultKind;

use super::answer::Refusal;

/// How much of a body that nobody wants is read all the same, so that its client sees the answer.
const POLITENESS: usize = 64 << 20;
/// And for how long.
const PATIENCE: Duration = Duration::from_secs(5);
/// How much room is made at once for a body that says how long it is.
const ROOM: usize = 1 << 20;

/// The whole body, of at most so many bytes.
pub(in crate::gateway) async fn whole(
    mut body: Incoming,
    headers: &HeaderMap,
    serve: &Serve,
    most: usize,
) -> Result<Bytes, Refusal> {
    if headers.get_all(CONTENT_ENCODING).iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        discard(body, headers, serve).await;
        return Err(encoded());
    }
    let said = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if said > most {
        discard(body, headers, serve).await;
        return Err(too_large(most));
    }
    let end = Instant::now() + serve.body_timeout;
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    loop {
        let Ok(frame) = timeout_at(end, next(&mut body)).await else { return Err(too_slow()) };
        let data = match frame {
            None => break,
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(_)) => {
                return Err(Refusal::bad("bad-body", "the body ended before its end, or is not well formed"));
            }
        };
        if first.len() + rest.len() + data.len() > most {
            discard(body, headers, serve).await;
            return Err(too_large(most));
        }
        // A body that comes in one piece is not copied.
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.reserve(said.clamp(first.len() + data.len(), ROOM.max(first.len() + data.len())));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// Reads what is left of a body and keeps nothing of it. A client that waits to be asked for it is not asked.
pub(in crate::gateway) async fn discard(mut body: Incoming, headers: &HeaderMap, serve: &Serve) {
    if headers.contains_key(EXPECT) {
        return;
    }
    let all = async {
        let mut read = 0;
        while let Some(Ok(frame)) = next(&mut body).await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > POLITENESS {
                return;
            }
        }
    };
    // Whoever takes longer does not want to know.
    drop(timeout(PATIENCE.min(serve.body_timeout), all).await);
}

async fn next(body: &mut Incoming) -> Option<Result<Frame<Bytes>, hyper::Error>> {
    std::future::poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await
}

fn encoded() -> Refusal {
    let said = "the body is compressed or otherwise encoded, and the gateway takes it only as it is";
    Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, FaultKind::BadRequest, "encoded-body", said)
        .hint("send it without Content-Encoding")
}

fn too_large(most: usize) -> Refusal {
    let said = format!("the body is larger than {most} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, FaultKind::TooLarge, "too-large", said).header("connection", "close")
}

fn too_slow() -> Refusal {
    Refusal::new(StatusCode::REQUEST_TIMEOUT, FaultKind::BadRequest, "too-slow", "the body did not come in time")
        .header("connection", "close")
}
