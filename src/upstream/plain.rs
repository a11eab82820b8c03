//! The short way to servers on this machine (Ollama, a model of one's own, another gateway): plain HTTP without
//! proxies, TLS, redirects and retries, and so without what those cost each request. Connections are kept for the next
//! request, in the hands of whoever has them: an answer that was read to its end gives its own back.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::response::Parts;
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use reqwest::header::{HOST, HeaderMap, HeaderValue, USER_AGENT};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::call::Call;
use super::http;

/// How long a connection is kept for the next request.
const KEPT: Duration = Duration::from_secs(90);

/// The address of a server on this machine that is spoken to over plain HTTP.
#[derive(Debug, Clone)]
pub(super) struct Near {
    /// Host and port.
    at: Arc<str>,
    /// Path and query.
    target: Uri,
}

impl Near {
    /// The same address; `None` for all other servers.
    pub(super) fn of(url: &Url) -> Option<Self> {
        if url.scheme() != "http" || !http::is_loopback(url) {
            return None;
        }
        let at = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Some(Self { at: at.into(), target: format!("{}{query}", url.path()).parse().ok()? })
    }
}

/// Adds what every request to such a server has.
pub(super) fn complete(headers: &mut HeaderMap, host: &str) {
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(http::AGENT));
    if let Ok(host) = HeaderValue::from_str(host) {
        headers.insert(HOST, host);
    }
}

/// The connections to servers on this machine. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Plain(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// How long one may take to come about.
    connect: Duration,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// By host and port, the one that was used last at the end.
    idle: BTreeMap<Arc<str>, Vec<Idle>>,
    /// Somebody closes those that are too old.
    watched: bool,
}

/// A connection that nobody uses, and since when.
#[derive(Debug)]
struct Idle {
    line: SendRequest<Whole>,
    since: Instant,
}

/// Why a request has no answer.
pub(super) enum Unsent {
    /// There is no connection.
    Connect(io::Error),
    /// It broke.
    Cut(hyper::Error),
}

impl Plain {
    /// No connection yet; one may take so long to come about.
    pub(super) fn new(connect: Duration) -> Self {
        Self(Arc::new(Inner { connect, kept: Mutex::default() }))
    }

    /// Sends the request; its headers go with it.
    pub(super) async fn send(&self, near: Near, call: &mut Call) -> Result<(Parts, Answer), Unsent> {
        let Near { at, target } = near;
        let mut request = Request::new(Whole(Some(call.body.clone())));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = target;
        *request.headers_mut() = std::mem::take(&mut call.headers);
        loop {
            let idle = self.0.idle(&at);
            let used = idle.is_some();
            let mut line = match idle {
                Some(line) => line,
                None => Box::pin(self.0.connect(&at)).await?,
            };
            match line.try_send_request(request).await {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    return Ok((head, Answer { body, back: Some((Arc::clone(&self.0), at, line)) }));
                }
                // The server has closed it since, and has seen nothing of the request.
                Err(mut error) => match error.take_message().filter(|_| used) {
                    Some(again) => request = again,
                    None => return Err(Unsent::Cut(error.into_error())),
                },
            }
        }
    }
}

impl Inner {
    /// A connection that was used before and is still open.
    fn idle(&self, at: &str) -> Option<SendRequest<Whole>> {
        let mut kept = self.lock();
        let idle = kept.idle.get_mut(at)?;
        idle.retain(|idle| !idle.line.is_closed());
        // One that is not ready has still to see the end of what it was used for.
        let place = idle.iter().rposition(|idle| idle.line.is_ready())?;
        Some(idle.remove(place).line)
    }

    async fn connect(&self, at: &str) -> Result<SendRequest<Whole>, Unsent> {
        let connecting = timeout(self.connect, TcpStream::connect(at)).await;
        let stream = connecting.unwrap_or_else(|_late| Err(io::ErrorKind::TimedOut.into())).map_err(Unsent::Connect)?;
        stream.set_nodelay(true).map_err(Unsent::Connect)?;
        let (line, connection) = handshake(TokioIo::new(stream)).await.map_err(Unsent::Cut)?;
        // How it ends is told to whoever uses it.
        tokio::spawn(async move { drop(connection.await) });
        Ok(line)
    }

    fn give_back(self: Arc<Self>, at: Arc<str>, line: SendRequest<Whole>) {
        if line.is_closed() {
            return;
        }
        let mut kept = self.lock();
        kept.idle.entry(at).or_default().push(Idle { line, since: Instant::now() });
        if !std::mem::replace(&mut kept.watched, true) {
            tokio::spawn(watch(Arc::downgrade(&self)));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections that nobody has used for long, as long as there are any.
async fn watch(inner: Weak<Inner>) {
    loop {
        sleep(KEPT).await;
        let Some(inner) = inner.upgrade() else { return };
        let mut kept = inner.lock();
        for idle in kept.idle.values_mut() {
            idle.retain(|idle| !idle.line.is_closed() && idle.since.elapsed() < KEPT);
        }
        kept.idle.retain(|_, idle| !idle.is_empty());
        if kept.idle.is_empty() {
            kept.watched = false;
            return;
        }
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    body: Incoming,
    /// Its connection, until it was given back.
    back: Option<(Arc<Inner>, Arc<str>, SendRequest<Whole>)>,
}

impl Answer {
    /// The next bytes; `None` at the end.
    pub(super) async fn chunk(&mut self) -> Option<Result<Bytes, hyper::Error>> {
        loop {
            match poll_fn(|context| Pin::new(&mut self.body).poll_frame(context)).await {
                None => {
                    if let Some((inner, at, line)) = self.back.take() {
                        inner.give_back(at, line);
                    }
                    return None;
                }
                Some(Err(error)) => return Some(Err(error)),
                // Trailers say nothing here.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Some(Ok(data)),
                    Err(_trailers) => {}
                },
            }
        }
    }
}

/// The body of a request, which is there as a whole.
struct Whole(Option<Bytes>);

impl hyper::body::Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, Bytes::len) as u64)
    }
}
