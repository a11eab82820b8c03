//! Ctrl-C for the one loop that waits for several things at once.

use tokio::io::{Interest, Ready};
use tokio::net::UnixStream;

use crate::base::interrupt::{Interrupt, Interrupted};

/// Waits until the person asks to stop; for ever where the system lets nobody listen: then Ctrl-C ends the process.
/// Call [`Interrupt::listen`] before, so that a second Ctrl-C ends the process whatever it is doing.
pub async fn stopped(interrupt: &Interrupt) -> Interrupted {
    let bell = interrupt.bell().and_then(UnixStream::from_std);
    // What came before the bell was hung does not ring it.
    if let Err(interrupted) = interrupt.check() {
        return interrupted;
    }
    let rung = match &bell {
        Ok(bell) => bell.ready(Interest::READABLE).await.is_ok_and(Ready::is_readable),
        Err(_) => false,
    };
    match interrupt.check() {
        Err(interrupted) => interrupted,
        Ok(()) if rung => Interrupted(2),
        Ok(()) => std::future::pending().await,
    }
}
