//! The short way to servers on this machine (Ollama, a model of one's own, another gateway): plain HTTP without
//! proxies, TLS, redirects and retries, and so without what those cost each request.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::{Request, Response};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use reqwest::header::{HeaderValue, USER_AGENT};

use super::call::Call;
use super::http;

/// How long a connection is kept for the next request.
const KEPT: Duration = Duration::from_secs(90);

/// A client for servers on this machine.
pub(super) type Plain = Client<HttpConnector, Whole>;

/// A client that waits so long for a connection.
pub(super) fn client(connect: Duration) -> Plain {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(connect));
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(KEPT).build(connector)
}

/// Sends the request; `None` where its URL is none that this client can ask.
pub(super) async fn send(client: &Plain, call: &Call) -> Option<Result<Response<Incoming>, Error>> {
    let mut request = Request::post(call.url.as_str()).body(Whole(Some(call.body.clone()))).ok()?;
    let headers = request.headers_mut();
    headers.clone_from(&call.headers);
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(http::AGENT));
    Some(client.request(request).await)
}

/// The next bytes of an answer; `None` at its end.
pub(super) async fn chunk(body: &mut Incoming) -> Option<Result<Bytes, hyper::Error>> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await? {
            Err(error) => return Some(Err(error)),
            // Trailers say nothing here.
            Ok(frame) => match frame.into_data() {
                Ok(data) => return Some(Ok(data)),
                Err(_trailers) => {}
            },
        }
    }
}

/// The body of a request, which is there as a whole.
pub(super) struct Whole(Option<Bytes>);

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
