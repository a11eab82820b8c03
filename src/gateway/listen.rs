//! The loop that accepts connections, and a request's way from its head to its answer.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::base::interrupt::Interrupted;
use crate::base::random;
use crate::model::RequestId;
use crate::wire::FaultKind;

use super::answer::{Answer, Refusal};
use super::dashboard;
use super::error::GatewayError;
use super::guard::{self, Pass, Question};
use super::inbound::{Inbound, Speech};
use super::patience::{Busy, Patient, Phase};
use super::read;
use super::state::{Counters, Gateway};

/// The most connections at a time; more wait until one ends, and those that lie idle do.
const MOST: usize = 512;
/// Files that are enough for all of them, with a connection to a vendor each.
const FILES: u64 = 4096;
/// The largest head of a request, in bytes.
const HEAD: usize = 64 << 10;
/// How long to wait before accepting again where the system has no more files for us.
const BREATHER: Duration = Duration::from_millis(50);
/// What every connection is asked for.
#[derive(Debug, Clone, Copy)]
enum Wish {
    /// Nothing.
    Stay,
    /// Room for others, of whoever lies idle.
    Room,
    /// To end as soon as its answer has ended.
    End,
}

/// How long what was cut off has to be written down.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Answers on `listener` until `stop`; then nobody new is let in, streams that run may end, and what has not ended by
/// the deadline of `[serve]` is cut off.
pub async fn serve(
    gateway: Arc<Gateway>,
    listener: std::net::TcpListener,
    stop: impl Future<Output = Interrupted>,
) -> Result<Interrupted, GatewayError> {
    let named = listener.local_addr();
    let fail = |source| {
        let address = named.as_ref().map_or_else(|_| "the socket".to_owned(), ToString::to_string);
        GatewayError::Listen { address, source }
    };
    listener.set_nonblocking(true).map_err(fail)?;
    let listener = TcpListener::from_std(listener).map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    if !address.ip().is_loopback() && !gateway.access.has_own()? {
        return Err(GatewayError::Exposed(address));
    }
    make_room();
    gateway.alarm.begin(&gateway).map_err(GatewayError::Thread)?;
    let (wishes, heard) = watch::channel(Wish::Stay);
    let mut open = JoinSet::new();
    // Ends with the loop.
    let mut beside = JoinSet::new();
    beside.spawn(super::watch::look_after(Arc::clone(&gateway)));
    beside.spawn(super::beliefs::keep_up(Arc::clone(&gateway)));
    let mut stop = pin!(stop);
    let interrupted = loop {
        let room = open.len() < MOST;
        tokio::select! {
            biased;
            interrupted = stop.as_mut() => break interrupted,
            Some(_) = open.join_next() => {}
            accepted = listener.accept(), if room => match accepted {
                Ok((stream, _)) => {
                    open.spawn(converse(Arc::clone(&gateway), stream, address, heard.clone()));
                }
                Err(_) => tokio::time::sleep(BREATHER).await,
            },
            () = tokio::time::sleep(BREATHER), if !room => {
                wishes.send_replace(Wish::Room);
            }
        }
    };
    drop(listener);
    wishes.send_replace(Wish::End);
    gateway.dashboard.pulse.close();
    let drained = async { while open.join_next().await.is_some() {} };
    let patience = gateway.snapshot().serve.drain;
    let began = tokio::time::Instant::now();
    drop(tokio::time::timeout(patience, drained).await);
    // What has not ended is cut off, and what it fetched goes on for its last words.
    open.shutdown().await;
    // A client that is gone has closed its connection, and its answer is still written down.
    gateway.work.drained(patience.saturating_sub(began.elapsed()).max(LAST_WORDS)).await;
    gateway.alarm.close();
    gateway.ledger.close();
    Ok(interrupted)
}

/// Asks for as many files as all connections take. Many systems give a process 256 or 1,024, and a vendor that cannot be
/// asked for want of one would be blamed for it.
fn make_room() {
    let mut files = getrlimit(Resource::Nofile);
    let wanted = files.maximum.map_or(FILES, |most| most.min(FILES));
    if files.current.is_some_and(|now| now < wanted) {
        files.current = Some(wanted);
        // Where that is refused, it stays as it is.
        let _refused = setrlimit(Resource::Nofile, files);
    }
}

/// One connection, request after request.
async fn converse(gateway: Arc<Gateway>, stream: TcpStream, address: SocketAddr, wishes: watch::Receiver<Wish>) {
    // Without it every small piece of a stream waits 40 ms for the client's acknowledgement.
    drop(stream.set_nodelay(true));
    let _open = Flight::begin(&gateway, |counters| &counters.connections);
    let (stream, phase) = Patient::new(stream, gateway.snapshot().serve.head_timeout);
    match gateway.tls() {
        None => talk(gateway, stream, phase, address, wishes).await,
        Some(tls) => {
            // A handshake that fails has said so itself.
            if let Ok(stream) = tls.accept(stream).await {
                talk(gateway, stream, phase, address, wishes).await;
            }
        }
    }
}

/// The requests of a connection.
async fn talk(
    gateway: Arc<Gateway>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    phase: Phase,
    address: SocketAddr,
    mut wishes: watch::Receiver<Wish>,
) {
    let idle = gateway.snapshot().serve.idle_timeout;
    let service = service_fn(|request| answer(Arc::clone(&gateway), phase.busy(), address, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_header_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    loop {
        tokio::select! {
            biased;
            // What a client did wrong on its connection is its own affair, and it has been answered as far as it goes.
            _ = connection.as_mut() => return,
            Ok(()) = wishes.changed() => {
                let leaves = match *wishes.borrow_and_update() {
                    Wish::Stay => false,
                    Wish::Room => phase.is_idle(),
                    Wish::End => true,
                };
                if leaves {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// One request's answer.
async fn answer(
    gateway: Arc<Gateway>,
    busy: Busy,
    address: SocketAddr,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    Counters::count(&gateway.counters.requests);
    let flight = Flight::begin(&gateway, |counters| &counters.in_flight);
    let id = RequestId::new(gateway.world.now(), random::bytes().unwrap_or_default());
    let path = guard::path(request.uri());
    let speech = Speech::of(path, request.headers());
    let is_page = dashboard::is_page(path);
    let entered = enter(&gateway, address, request, &id, speech).await;
    let mut answer = match entered {
        Ok((pass, inbound)) => through(&gateway, &pass, inbound, &id, speech).await,
        Err(refusal) => {
            Counters::count(&gateway.counters.refused);
            let page = is_page.then(|| dashboard::turned_away(&refusal)).flatten();
            page.unwrap_or_else(|| refusal.answer(speech, &id))
        }
    };
    if answer.status().as_u16() >= 400 {
        Counters::count(&gateway.counters.errors);
    }
    name(&mut answer, &id, speech);
    Ok(answer.map(|body| body.holding((flight, busy))))
}

/// Lets the request in and reads its body. What is refused is read to its end, too, as far as that is reasonable: a
/// client that is still sending when its connection closes never sees why.
async fn enter(
    gateway: &Arc<Gateway>,
    address: SocketAddr,
    request: Request<Incoming>,
    id: &RequestId,
    speech: Speech,
) -> Result<(Pass, Inbound), Refusal> {
    let snapshot = gateway.snapshot();
    let serve = &snapshot.serve;
    let (mut head, body) = request.into_parts();
    let login = dashboard::is_here(guard::path(&head.uri))
        .then(|| gateway.dashboard.logins.find(&head.headers, address.port(), &gateway.access, gateway.world.now()))
        .flatten();
    let (login, logged_in) = login.unzip();
    let question = Question { method: &head.method, uri: &head.uri, headers: &head.headers, address, logged_in };
    let pass = match guard::admit(&question, serve, &gateway.access) {
        Ok(pass) => pass,
        Err(refusal) => {
            read::discard(body, &head.headers, serve).await;
            return Err(refusal);
        }
    };
    // Whoever needs no key has no more to say than a form holds.
    let most = if pass.route.scope.is_some() { serve.body_limit } else { serve.body_limit.min(dashboard::FORM) };
    let body = if body.is_end_stream() { Bytes::new() } else { read::whole(body, &head.headers, serve, most).await? };
    guard::strip(&mut head.headers);
    let inbound = Inbound {
        rest: pass.route.rest(guard::path(&head.uri)).to_owned(),
        query: head.uri.query().map(str::to_owned),
        headers: head.headers,
        body,
        who: pass.who.clone(),
        login,
        port: address.port(),
        id: id.clone(),
        speech,
        snapshot,
    };
    Ok((pass, inbound))
}

/// Goes through the door. A panic behind it is the answer 500 and nobody else's affair.
async fn through(gateway: &Arc<Gateway>, pass: &Pass, inbound: Inbound, id: &RequestId, speech: Speech) -> Answer {
    if let Some(answer) = caught((pass.route.door)(Arc::clone(gateway), inbound)).await {
        return answer;
    }
    Counters::count(&gateway.counters.panics);
    let said = "the gateway failed on this request; this is a bug of moai";
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, FaultKind::Server, "bug", said)
        .hint("send the same again, and report it with the request's id")
        .answer(speech, id)
}

/// What comes of it; `None` where it panicked.
async fn caught<T>(coming: impl Future<Output = T>) -> Option<T> {
    let mut coming = pin!(coming);
    let polled = std::future::poll_fn(|context| {
        match std::panic::catch_unwind(AssertUnwindSafe(|| coming.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    });
    polled.await
}

/// Gives the answer the request's id, in our header and in that of the client's vendor.
fn name(answer: &mut Answer, id: &RequestId, speech: Speech) {
    let vendors = match speech {
        Speech::Anthropic => Some(HeaderName::from_static("request-id")),
        Speech::Chat => Some(HeaderName::from_static("x-request-id")),
        Speech::Moai => None,
    };
    let Ok(value) = HeaderValue::from_str(id.as_str()) else { return };
    for name in std::iter::once(HeaderName::from_static("x-moai-request-id")).chain(vendors) {
        answer.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
}

/// Something that is counted as long as it lives.
struct Flight {
    gateway: Arc<Gateway>,
    counter: fn(&Counters) -> &AtomicU64,
}

impl Flight {
    fn begin(gateway: &Arc<Gateway>, counter: fn(&Counters) -> &AtomicU64) -> Self {
        counter(&gateway.counters).fetch_add(1, Ordering::Relaxed);
        Self { gateway: Arc::clone(gateway), counter }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        (self.counter)(&self.gateway.counters).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[tokio::test]
    async fn a_panic_ends_one_request_and_no_more() {
        assert_eq!(caught(async { 1 }).await, Some(1));
        let late = async {
            tokio::task::yield_now().await;
            panic!("a test's own panic");
        };
        assert_eq!(caught::<i32>(late).await, None);
    }
}
