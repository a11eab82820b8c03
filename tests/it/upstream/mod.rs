//! A vendor on loopback, with real sockets: it plays answers of each dialect with the faults that vendors have, and
//! remembers what it was asked. One thread for each connection, no sleeps: what hangs, hangs until the other side
//! goes away.
//!
//! ```ignore
//! let vendor = Vendor::start();
//! vendor.on("/v1/messages").answer(Answer::error(Dialect::Anthropic, 529)).answer(Answer::said(Dialect::Anthropic, "hi"));
//! …
//! assert_eq!(vendor.seen().len(), 2);
//! ```

mod answers;
mod ollama;
mod spoken;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

pub(crate) use answers::Answer;
use answers::End;
#[allow(unused_imports, reason = "not every test binary has an Ollama")]
pub(crate) use ollama::Ollama;
#[allow(unused_imports, reason = "not every test binary plays tools")]
pub(crate) use spoken::Spoken;

/// A listening vendor. It stops answering new connections when it is dropped.
pub(crate) struct Vendor {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// One request that came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// With the query.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The connection that it came on, from 1.
    pub(crate) connection: usize,
}

#[derive(Default)]
struct Shared {
    /// By path; one that ends with `*` stands for all that begin so, where no longer one does.
    scripts: Mutex<BTreeMap<String, VecDeque<Answer>>>,
    /// Answers before any script does.
    own: Mutex<Option<Own>>,
    seen: Mutex<Vec<Seen>>,
    connections: AtomicUsize,
    /// How many hung answers the other side went away from.
    left: Mutex<usize>,
    leaving: Condvar,
}

/// Whoever answers as it sees fit; `None` leaves it to the scripts.
type Own = Arc<dyn Fn(&Seen) -> Option<Answer> + Send + Sync>;

/// The answers of one path, in the order in which they will be given; the last one is given for ever.
pub(crate) struct Script<'a> {
    vendor: &'a Vendor,
    path: String,
}

impl Vendor {
    /// A vendor that answers 404 to everything so far.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::downgrade(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Some(shared) = accepting.upgrade() else { break };
                let Ok(stream) = stream else { break };
                let number = shared.connections.fetch_add(1, Ordering::SeqCst) + 1;
                std::thread::spawn(move || serve(stream, number, &shared));
            }
        });
        Self { address, shared }
    }

    /// `http://127.0.0.1:12345`, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The answers of a path (`/v1/messages`); `/v1/*` stands for all paths below.
    pub(crate) fn on(&self, path: &str) -> Script<'_> {
        Script { vendor: self, path: path.to_owned() }
    }

    /// From now on this answers, before any script does. It may take its time: each connection has its thread.
    pub(crate) fn by(&self, own: impl Fn(&Seen) -> Option<Answer> + Send + Sync + 'static) {
        *self.shared.own.lock().unwrap() = Some(Arc::new(own));
    }

    /// What came, in order.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How many requests came to this path, its query aside.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.seen().iter().filter(|seen| seen.path.split('?').next() == Some(path)).count()
    }

    /// Waits until the other side went away from so many answers that hang.
    #[track_caller]
    pub(crate) fn is_left(&self, times: usize) {
        let left = self.shared.left.lock().unwrap();
        let patience = std::time::Duration::from_secs(30);
        let (left, waited) = self.shared.leaving.wait_timeout_while(left, patience, |left| *left < times).unwrap();
        assert!(!waited.timed_out(), "left {left} times");
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        // Wakes the thread that accepts, which finds nobody and ends.
        self.shared.scripts.lock().unwrap().clear();
        *self.shared.own.lock().unwrap() = None;
        drop(TcpStream::connect(self.address));
    }
}

impl Script<'_> {
    /// Adds an answer.
    pub(crate) fn answer(self, answer: Answer) -> Self {
        let mut scripts = self.vendor.shared.scripts.lock().unwrap();
        scripts.entry(self.path.clone()).or_default().push_back(answer);
        drop(scripts);
        self
    }
}

impl Seen {
    /// A header's value, by its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Shared {
    /// The answer to give now.
    fn next(&self, path: &str) -> Answer {
        let path = path.split('?').next().unwrap_or_default();
        let mut scripts = self.scripts.lock().unwrap();
        let fits = |name: &String| name == path || name.strip_suffix('*').is_some_and(|start| path.starts_with(start));
        let Some(name) = scripts.keys().filter(|name| fits(name)).max_by_key(|name| name.len()).cloned() else {
            return Answer::json(404, &serde_json::json!({"error": {"message": format!("nothing at {path}")}}));
        };
        let script = scripts.get_mut(&name).unwrap();
        if script.len() > 1 { script.pop_front().unwrap() } else { script.front().unwrap().clone() }
    }
}

fn serve(mut stream: TcpStream, connection: usize, shared: &Shared) {
    drop(stream.set_nodelay(true));
    while let Some(mut seen) = head(&mut stream, connection) {
        let mut answer = shared.next(&seen.path);
        let length: usize = seen.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
        seen.body = vec![0; length];
        // A socket that is closed with bytes unread resets its connection.
        let unread = usize::from(answer.end == End::Reset && length > 0);
        let (body, last) = seen.body.split_at_mut(length - unread);
        if stream.read_exact(body).is_err() || (unread > 0 && stream.peek(last).is_err()) {
            return;
        }
        answer = answer.to(&seen);
        shared.seen.lock().unwrap().push(seen.clone());
        let own = shared.own.lock().unwrap().clone();
        if let Some(own) = own.and_then(|own| own(&seen)) {
            answer = own;
        }
        if !give(&mut stream, &answer) {
            if answer.end == End::Hang {
                *shared.left.lock().unwrap() += 1;
                shared.leaving.notify_all();
            }
            return;
        }
    }
}

/// The head of a request, read byte by byte, so that nothing of the body is taken out of the socket.
fn head(stream: &mut TcpStream, connection: usize) -> Option<Seen> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        bytes.extend(byte);
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let mut lines = text.lines();
    let mut words = lines.next()?.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    Some(Seen { method, path, headers: lines.filter_map(header).collect(), body: Vec::new(), connection })
}

/// Gives the answer; says whether the connection can go on.
fn give(stream: &mut TcpStream, answer: &Answer) -> bool {
    if answer.is_silent() {
        wait_for_the_end(stream);
        return false;
    }
    let mut head = format!("HTTP/1.1 {} Played\r\ntransfer-encoding: chunked\r\n", answer.status);
    for (name, value) in &answer.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head.push_str("\r\n");
    // All at once, so that no time limit runs out between two pieces; the other side sees them one by one all the same.
    let mut bytes = head.into_bytes();
    for piece in &answer.pieces {
        bytes.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    if answer.end == End::Whole {
        bytes.extend_from_slice(b"0\r\n\r\n");
    }
    let sent = stream.write_all(&bytes);
    match answer.end {
        End::Whole => sent.is_ok(),
        End::Cut | End::Reset => false,
        End::Hang => {
            wait_for_the_end(stream);
            false
        }
    }
}

/// Until the other side goes away.
fn wait_for_the_end(stream: &mut TcpStream) {
    let mut rest = [0; 64];
    while stream.read(&mut rest).is_ok_and(|read| read > 0) {}
}
