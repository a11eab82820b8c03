//! The load: one connection for latencies, many for throughput, and what a process used meanwhile.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::wire::{Poll, Reader};

/// What a round of requests took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Round {
    /// Microseconds from the first byte sent to the last received.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Microseconds of CPU that the proxy's processes used for each request.
    pub(crate) cpu: f64,
    pub(crate) per_second: f64,
}

/// A target of the load.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    /// The processes that stand between; none where the vendor itself is asked.
    pub(crate) pids: Vec<u32>,
    /// A request's bytes.
    pub(crate) request: Vec<u8>,
}

impl Target {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// One request; the answer as it came.
    pub(crate) fn ask(&self) -> Vec<u8> {
        let (mut stream, mut answer, mut buffer) = (self.connect(), Vec::new(), vec![0; 64 * 1024]);
        stream.write_all(&self.request).unwrap();
        let mut reader = Reader::default();
        loop {
            let read = stream.read(&mut buffer).unwrap();
            answer.extend_from_slice(&buffer[..read]);
            if read == 0 || reader.feed(&buffer[..read]) {
                return answer;
            }
        }
    }

    /// One request after the other on one connection, for about this long.
    pub(crate) fn one_by_one(&self, time: Duration) -> Round {
        let (mut stream, mut buffer, mut reader) = (self.connect(), vec![0; 64 * 1024], Reader::default());
        let mut run = |time: Duration| {
            let (begun, mut took) = (Instant::now(), Vec::with_capacity(1 << 16));
            while begun.elapsed() < time || took.len() < 20 {
                let start = Instant::now();
                stream.write_all(&self.request).unwrap();
                loop {
                    let read = stream.read(&mut buffer).unwrap();
                    assert!(read > 0, "{} closed the connection", self.name);
                    if reader.feed(&buffer[..read]) {
                        break;
                    }
                }
                took.push(micros(start.elapsed()));
            }
            took
        };
        run(time / 5);
        let before = cpu(&self.pids);
        let begun = Instant::now();
        let took = run(time);
        self.round(took, cpu(&self.pids) - before, begun.elapsed())
    }

    /// `connections` at once, each asking again as soon as it is answered.
    pub(crate) fn at_once(&self, connections: usize, time: Duration) -> Round {
        let mut poll = Poll::new();
        let mut clients: Vec<(TcpStream, Reader, Instant)> =
            (0..connections).map(|_| (self.connect(), Reader::default(), Instant::now())).collect();
        for (number, (stream, ..)) in clients.iter_mut().enumerate() {
            poll.add(stream, number);
            stream.write_all(&self.request).unwrap();
        }
        let mut buffer = vec![0; 64 * 1024];
        let mut run = |time: Duration| {
            let (begun, mut took) = (Instant::now(), Vec::with_capacity(1 << 18));
            while begun.elapsed() < time {
                for number in poll.wait() {
                    let (stream, reader, since) = &mut clients[number];
                    let read = stream.read(&mut buffer).unwrap();
                    assert!(read > 0, "{} closed the connection", self.name);
                    if reader.feed(&buffer[..read]) {
                        took.push(micros(since.elapsed()));
                        *since = Instant::now();
                        stream.write_all(&self.request).unwrap();
                    }
                }
            }
            took
        };
        run(time / 5);
        let before = cpu(&self.pids);
        let begun = Instant::now();
        let took = run(time);
        self.round(took, cpu(&self.pids) - before, begun.elapsed())
    }

    #[allow(clippy::unused_self, reason = "reads as the target's round")]
    fn round(&self, mut took: Vec<f64>, cpu: f64, elapsed: Duration) -> Round {
        took.sort_by(f64::total_cmp);
        let count = took.len() as f64;
        Round {
            p50: took[took.len() / 2],
            p99: took[took.len() * 99 / 100],
            cpu: cpu / count,
            per_second: count / elapsed.as_secs_f64(),
        }
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

/// Microseconds of CPU that all threads of these processes have used so far.
pub(crate) fn cpu(pids: &[u32]) -> f64 {
    let mut nanos = 0_u64;
    for pid in pids {
        for task in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
            let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap_or_default();
            nanos += text.split(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    nanos as f64 / 1e3
}

/// Resident memory of these processes in MiB.
pub(crate) fn memory(pids: &[u32]) -> f64 {
    let of = |pid: &u32| -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
    };
    pids.iter().map(of).sum()
}
