//! Sends requests: over HTTP with one client for each way to connect, so that connections are used again, or to the
//! provider inside moai that plays its script.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Client;

use super::call::Call;
use super::http::{self, Way};
use super::plain::{self, Plain};
use super::reply::{Body, Reply, Waits, causes, innermost, seconds};
use super::sim;
use crate::base::secret::Secret;
use crate::route::Provider;
use crate::wire::{Fault, FaultKind};

/// The way out to all providers. Nothing is set up until the first request; clones of nothing, share it.
#[derive(Debug, Default)]
pub struct Upstream {
    clients: Mutex<BTreeMap<Way, Client>>,
    /// Clients for servers on this machine, by how long they wait for a connection.
    plain: Mutex<BTreeMap<Duration, Plain>>,
    /// What the simulated providers have played so far.
    played: sim::Played,
}

impl Upstream {
    /// Sends the request and waits for the head of the answer.
    ///
    /// Fails with [`FaultKind::Unreachable`] where nothing was sent, and with [`FaultKind::Timeout`] or
    /// [`FaultKind::Cut`] where the vendor may have begun to work.
    pub async fn open(&self, call: Call) -> Result<Reply, Fault> {
        let waits = Waits::new(&call.host, call.timeouts);
        if let Some(script) = &call.script {
            let play = waits.bound(sim::open(script, &call.host, &call.body, &self.played)).await??;
            return Ok(Reply {
                status: play.status(),
                headers: play.headers(),
                body: Body::Sim(play),
                waits,
                key: call.key,
            });
        }
        if call.url.scheme() == "http"
            && http::is_loopback(&call.url)
            && let Some(sent) = waits.bound(plain::send(&self.plain(call.timeouts.connect), &call)).await?
        {
            let (head, body) = sent.map_err(|error| unsent(&call, error.is_connect(), &error))?.into_parts();
            return Ok(Reply {
                status: head.status.as_u16(),
                headers: head.headers,
                body: Body::Plain(body),
                waits,
                key: call.key,
            });
        }
        let client = self.client(&call)?;
        let request = client.post(call.url.clone()).headers(call.headers.clone()).body(call.body.clone());
        let response = waits.bound(request.send()).await?.map_err(|error| refused(&call, error))?;
        Ok(Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: Body::Http(response),
            waits,
            key: call.key,
        })
    }

    /// Asks for a path of the provider and reads the answer, to see whether it is well. A simulated one always is.
    /// `now` is what a date in `Retry-After` is counted from.
    pub async fn check(
        &self,
        provider: &Provider,
        key: Option<&Secret>,
        path: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let call = Call::check(provider, key, path)?;
        if call.script.is_some() {
            return Ok(());
        }
        let reply = self.look(call).await?;
        let well = reply.is_success();
        // To its end, so that the connection can be used again.
        let fault = reply.fault(now).await;
        if well { Ok(()) } else { Err(fault) }
    }

    /// Asks for what lies at a path: `GET`.
    pub(super) async fn look(&self, call: Call) -> Result<Reply, Fault> {
        let waits = Waits::new(&call.host, call.timeouts);
        let request = self.client(&call)?.get(call.url.clone()).headers(call.headers.clone());
        let response = waits.bound(request.send()).await?.map_err(|error| refused(&call, error))?;
        Ok(Reply {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: Body::Http(response),
            waits,
            key: call.key,
        })
    }

    fn plain(&self, connect: Duration) -> Plain {
        let mut clients = self.plain.lock().unwrap_or_else(PoisonError::into_inner);
        clients.entry(connect).or_insert_with(|| plain::client(connect)).clone()
    }

    fn client(&self, call: &Call) -> Result<Client, Fault> {
        let way = Way {
            secure: call.url.scheme() == "https",
            direct: http::is_loopback(&call.url),
            connect: call.timeouts.connect,
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&way) {
            return Ok(client.clone());
        }
        let client =
            http::streaming_client(way).map_err(|error| Fault::new(FaultKind::Unreachable, error.to_string()))?;
        clients.insert(way, client.clone());
        Ok(client)
    }
}

/// Why no answer began.
fn refused(call: &Call, error: reqwest::Error) -> Fault {
    unsent(call, error.is_connect(), &error.without_url())
}

/// The same of either client, for an error of the connection or of what came after.
fn unsent(call: &Call, connect: bool, error: &(dyn Error + 'static)) -> Fault {
    let (host, inner) = (&call.host, innermost(error));
    if !connect {
        let message = format!("{host} closed the connection without an answer: {inner}");
        return Fault::new(FaultKind::Cut, message);
    }
    let late = causes(error).any(|error| {
        error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut)
            || error.downcast_ref::<reqwest::Error>().is_some_and(reqwest::Error::is_timeout)
    });
    let message = if late {
        format!("{host} could not be reached within {} (timeout connect)", seconds(call.timeouts.connect))
    } else {
        format!("{host} cannot be reached: {inner}")
    };
    Fault::new(FaultKind::Unreachable, message)
}
