//! Ctrl-C for the one loop that waits for several things at once.

use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::base::interrupt::{Interrupt, Interrupted};

/// Waits until the person asks to stop. For ever, where nobody listens: then Ctrl-C ends the process.
pub async fn stopped(interrupt: &Interrupt) -> Interrupted {
    let bell = interrupt.bell().and_then(UnixStream::from_std);
    loop {
        if let Err(interrupted) = interrupt.check() {
            return interrupted;
        }
        let rung = match &bell {
            Ok(bell) => bell.ready(Interest::READABLE).await.is_ok_and(|ready| ready.is_readable()),
            Err(_) => false,
        };
        if !rung {
            return std::future::pending().await;
        }
    }
}
