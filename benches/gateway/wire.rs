//! Raw sockets: waiting for many at once, the end of an answer, and the vendor that answers at once.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};

use memchr::memmem;
use rustix::event::epoll;

use crate::body::Reply;

/// Which of many sockets have something to read.
pub(crate) struct Poll {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poll {
    pub(crate) fn new() -> Self {
        Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC).unwrap(), events: Vec::with_capacity(256) }
    }

    pub(crate) fn add(&self, socket: &impl AsFd, number: usize) {
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&self.epoll, socket, data, epoll::EventFlags::IN).unwrap();
    }

    /// Waits, and gives the numbers of those that are ready.
    pub(crate) fn wait(&mut self) -> Vec<usize> {
        self.events.clear();
        while self.events.is_empty() {
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.events), None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("{error}"),
            }
        }
        self.events.iter().map(|event| usize::try_from(event.data.u64()).unwrap()).collect()
    }
}

/// Reads one HTTP message after the other, of which only the end matters.
#[derive(Default)]
pub(crate) struct Reader {
    head: Vec<u8>,
    /// Bytes of the body still to come, where its length is known.
    missing: Option<usize>,
    chunked: bool,
    tail: [u8; 5],
}

impl Reader {
    /// Whether the message is over with these bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> bool {
        let done = if let Some(missing) = &mut self.missing {
            *missing = missing.saturating_sub(bytes.len());
            *missing == 0
        } else if self.chunked {
            self.is_last(bytes)
        } else {
            self.head.extend_from_slice(bytes);
            let Some(end) = memmem::find(&self.head, b"\r\n\r\n") else { return false };
            let head = String::from_utf8_lossy(&self.head[..end]).to_ascii_lowercase();
            let body = self.head.split_off(end + 4);
            self.head.clear();
            if let Some(length) = head.lines().find_map(|line| line.strip_prefix("content-length:")) {
                let missing = length.trim().parse::<usize>().unwrap().saturating_sub(body.len());
                self.missing = Some(missing);
                missing == 0
            } else {
                self.chunked = head.contains("transfer-encoding: chunked");
                !self.chunked || self.is_last(&body)
            }
        };
        if done {
            *self = Self { head: std::mem::take(&mut self.head), ..Self::default() };
        }
        done
    }

    fn is_last(&mut self, bytes: &[u8]) -> bool {
        let from = bytes.len().saturating_sub(5);
        let new = &bytes[from..];
        self.tail.rotate_left(new.len());
        self.tail[5 - new.len()..].copy_from_slice(new);
        self.tail == *b"0\r\n\r\n"
    }
}

/// The vendor, in a process of its own: listens for each [`Reply`] on a port, tells the ports on a line, and answers
/// every request with it.
pub(crate) fn vendor() -> ! {
    let listeners: Vec<TcpListener> = Reply::ALL.iter().map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let pieces: Vec<Vec<Vec<u8>>> = Reply::ALL.iter().map(|reply| reply.pieces()).collect();
    let mut poll = Poll::new();
    for (number, listener) in listeners.iter().enumerate() {
        poll.add(listener, number);
    }
    let ports: Vec<String> =
        listeners.iter().map(|listener| listener.local_addr().unwrap().port().to_string()).collect();
    println!("{}", ports.join(" "));
    let mut clients: Vec<Option<(TcpStream, usize, Reader)>> = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        for number in poll.wait() {
            if let Some(listener) = listeners.get(number) {
                let (stream, _) = listener.accept().unwrap();
                stream.set_nodelay(true).unwrap();
                poll.add(&stream, listeners.len() + clients.len());
                clients.push(Some((stream, number, Reader::default())));
                continue;
            }
            let slot = &mut clients[number - listeners.len()];
            let Some((stream, kind, reader)) = slot else { continue };
            let read = stream.read(&mut buffer).unwrap_or(0);
            let gone = read == 0
                || (reader.feed(&buffer[..read]) && pieces[*kind].iter().any(|piece| stream.write_all(piece).is_err()));
            if gone {
                *slot = None;
            }
        }
    }
}
