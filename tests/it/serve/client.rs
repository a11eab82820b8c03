//! A client that sends exactly the bytes that it is told to, and reads what comes back without believing much of it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// So long nobody waits for anything; a test that runs into it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection.
pub(crate) struct Connection {
    stream: TcpStream,
    address: SocketAddr,
    /// What was read and belongs to no answer yet.
    unread: Vec<u8>,
    /// The last request was `HEAD`: its answer has no body.
    bare: bool,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// A header's value, by its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text()))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Asserts the status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:#?}\n{}", self.text());
        self
    }
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream, address, unread: Vec::new(), bare: false }
    }

    /// Sends bytes.
    #[track_caller]
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.bare = bytes.as_ref().starts_with(b"HEAD ");
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends bytes as far as the other side takes them.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Sends a request with a `Host`, a length and these headers.
    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n", self.address).into_bytes();
        for (name, value) in headers {
            write!(bytes, "{name}: {value}\r\n").unwrap();
        }
        if !body.is_empty() || method == "POST" {
            write!(bytes, "content-length: {}\r\n", body.len()).unwrap();
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        self.send(bytes);
    }

    /// Reads one whole answer.
    #[track_caller]
    pub(crate) fn reply(&mut self) -> Reply {
        self.try_reply().expect("the connection was closed without an answer")
    }

    /// Reads one whole answer; `None` where the connection was closed without one.
    pub(crate) fn try_reply(&mut self) -> Option<Reply> {
        let (status, headers) = self.head()?;
        let mut reply = Reply { status, headers, body: Vec::new() };
        if self.bare || status == 204 || status == 304 {
            return Some(reply);
        }
        if reply.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
            loop {
                let line = self.line()?;
                let size = usize::from_str_radix(line.trim(), 16).unwrap();
                let mut piece = self.exactly(size + 2)?;
                piece.truncate(size);
                reply.body.extend(piece);
                if size == 0 {
                    return Some(reply);
                }
            }
        }
        let length = reply.header("content-length").map(|length| length.parse().unwrap());
        reply.body = if let Some(length) = length {
            self.exactly(length)?
        } else {
            while self.more() {}
            std::mem::take(&mut self.unread)
        };
        Some(reply)
    }

    /// The head of an answer; 100 and its like are passed over.
    pub(crate) fn head(&mut self) -> Option<(u16, Vec<(String, String)>)> {
        loop {
            let line = self.line()?;
            let status = line.split(' ').nth(1).and_then(|status| status.parse().ok())?;
            let mut headers = Vec::new();
            loop {
                let line = self.line()?;
                match line.trim_end().split_once(':') {
                    Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
                    None => break,
                }
            }
            if status >= 200 {
                return Some((status, headers));
            }
        }
    }

    /// Reads until this text has come, and returns all that came before what is behind it.
    #[track_caller]
    pub(crate) fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.unread.windows(text.len()).position(|window| window == text.as_bytes()) {
                let came: Vec<u8> = self.unread.drain(..at + text.len()).collect();
                return String::from_utf8_lossy(&came).into_owned();
            }
            assert!(self.more(), "it ended before {text:?}: {}", String::from_utf8_lossy(&self.unread));
        }
    }

    /// Reads until the other side closes; says whether it did.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut rest = [0; 4096];
        loop {
            match self.stream.read(&mut rest) {
                Ok(0) => return true,
                Ok(read) => self.unread.extend_from_slice(&rest[..read]),
                Err(error) => return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            }
        }
    }

    fn line(&mut self) -> Option<String> {
        let end = loop {
            if let Some(at) = self.unread.iter().position(|byte| *byte == b'\n') {
                break at + 1;
            }
            if !self.more() {
                return None;
            }
        };
        let line: Vec<u8> = self.unread.drain(..end).collect();
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    fn exactly(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.unread.len() < count {
            if !self.more() {
                return None;
            }
        }
        Some(self.unread.drain(..count).collect())
    }

    fn more(&mut self) -> bool {
        let mut piece = [0; 16 << 10];
        match self.stream.read(&mut piece) {
            Ok(read) => {
                self.unread.extend_from_slice(&piece[..read]);
                read > 0
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("cannot read: {error}"),
        }
    }
}
