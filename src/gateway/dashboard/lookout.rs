//! `GET /dashboard/events`: tells a page that it is out of date. What is new the page fetches itself: an event is a
//! number, so a watcher that does not read holds nothing but its own connection.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Bytes;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::wire::FaultKind;

use super::super::answer::{Answer, Refusal, add};
use super::super::body::Body;
use super::super::inbound::Inbound;
use super::super::state::Gateway;
use super::guarded;
use super::login::Login;
use super::pulse::Watcher;

/// How long changes are collected; the figures are read anew after it ([`super::figures`]).
const CALM: Duration = Duration::from_secs(1);
/// How long nothing is said where nothing changes: health and age go on without requests.
const SILENCE: Duration = Duration::from_secs(15);

/// `GET /dashboard/events`: the stream.
pub(in crate::gateway) async fn events(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let Some(watcher) = gateway.dashboard.pulse.watch() else {
        let said = "too many watch already";
        return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, FaultKind::Overloaded, "too-many-watchers", said)
            .header("retry-after", "30")
            .answer(inbound.speech, &inbound.id);
    };
    // One piece waits at the most; whoever does not take it is told nothing more until they do.
    let (tell, told) = mpsc::channel(1);
    tokio::spawn(watch(gateway, watcher, inbound.login, tell));
    let mut answer = Answer::new(Body::fed(told));
    guarded(answer.headers_mut());
    add(&mut answer, [("content-type", "text/event-stream".to_owned()), ("x-accel-buffering", "no".to_owned())]);
    answer
}

/// Tells one watcher until it goes, its login ends or the gateway does.
async fn watch(gateway: Arc<Gateway>, mut watcher: Watcher, login: Option<Arc<Login>>, tell: mpsc::Sender<Bytes>) {
    let mut number = 0_u64;
    // The first one opens the stream, so that the page knows it is connected.
    while tell.send(event(number)).await.is_ok() {
        tokio::select! {
            biased;
            () = tell.closed() => return,
            changed = timeout(SILENCE, watcher.beats.changed()) => {
                if let Ok(Err(_)) = changed { return }
            }
        }
        if watcher.beats.borrow_and_update().last {
            return;
        }
        tokio::select! {
            biased;
            () = tell.closed() => return,
            () = sleep(CALM) => {}
        }
        let ended =
            |login: &Login| gateway.dashboard.logins.caller(login, &gateway.access, gateway.world.now()).is_none();
        if login.as_deref().is_some_and(ended) || watcher.beats.borrow_and_update().last {
            return;
        }
        number += 1;
    }
}

fn event(number: u64) -> Bytes {
    format!("data: {number}\n\n").into()
}
