//! What the server lets in: sizes, times and names. The configuration sets them (`[serve]`).

use std::time::Duration;

/// The limits of the server. The defaults are those of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The largest body, in bytes. Claude Code begins at 115 KB and reaches several MB with images.
    pub body: usize,
    /// The largest head of a request, in bytes.
    pub head: usize,
    /// How long a head may take, and a kept connection may say nothing.
    pub head_wait: Duration,
    /// How long a body may pause.
    pub body_wait: Duration,
    /// How long a body may take as a whole.
    pub body_total: Duration,
    /// How long a client may take nothing of an answer that waits for it.
    pub send_wait: Duration,
    /// How many connections there may be.
    pub connections: usize,
    /// How long streams may go on once the server was asked to stop.
    pub drain: Duration,
    /// Names that the server may be called by in `Host`, beside those of loopback and the address it listens on.
    pub hosts: Vec<String>,
    /// Origins whose pages may ask, as browsers write them: `http://localhost:5173`.
    pub origins: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            body: 32 << 20,
            head: 64 << 10,
            head_wait: Duration::from_secs(60),
            body_wait: Duration::from_secs(30),
            body_total: Duration::from_secs(300),
            send_wait: Duration::from_secs(120),
            connections: 512,
            drain: Duration::from_secs(30),
            hosts: Vec::new(),
            origins: Vec::new(),
        }
    }
}
