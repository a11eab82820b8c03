//! Sends requests: over HTTP with one client for each way to connect, so that connections are used again, or to the
//! provider inside moai that plays its script.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::Client;

use super::call::Call;
use super::http::{self, Way};
use super::plain::{Plain, Unsent};
use super::reply::{Body, Reply, Waits, causes, innermost, seconds};
use super::sim;
use crate::base::secret::Secret;
use crate::route::{Auth, Engine, Provider};
use crate::wire::{Dialect, Fault, FaultKind};

/// The way out to all providers. Nothing is set up until the first request; clones of nothing, share it.
#[derive(Debug, Default)]
pub struct Upstream {
    clients: Mutex<BTreeMap<Way, Client>>,
    /// Clients for servers on this machine, by how long they wait for a connection.
    plain: Mutex<BTreeMap<Duration, Plain>>,
    /// What the simulated providers have played so far.
    played: sim::Played,
    /// The requests that were prepared, by the provider's name.
    prepared: Mutex<BTreeMap<String, Vec<Prepared>>>,
}

/// More paths than a provider has: what was prepared for it is forgotten.
const MOST_PATHS: usize = 32;

/// What all requests to a path of a provider have in common, as long as the provider is configured so.
#[derive(Debug)]
struct Prepared {
    path: String,
    provider: (String, Vec<(String, String)>, Auth, Dialect),
    key: Option<Secret>,
    call: Call,
}

impl Prepared {
    fn fits(&self, provider: &Provider, path: &str, key: Option<&Secret>) -> bool {
        let (base_url, headers, auth, wire) = &self.provider;
        self.path == path
            && *base_url == provider.base_url
            && *headers == provider.headers
            && (*auth, *wire) == (provider.auth, provider.wire)
            && self.key.as_ref() == key
    }
}

impl Upstream {
    /// [`Call::new`] for one of many: what is the same for all of them is made once.
    pub fn call(
        &self,
        provider: &Provider,
        model: &str,
        key: Option<&Secret>,
        body: Bytes,
        stream: bool,
    ) -> Result<Call, Fault> {
        if provider.engine != Engine::Http {
            return Call::new(provider, model, key, body, stream);
        }
        let path = Call::dialect(provider).path(model, stream);
        let mut all = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let own = all.get(&provider.name).and_then(|own| own.iter().find(|one| one.fits(provider, &path, key)));
        if let Some(prepared) = own {
            return Ok(prepared.call.clone().with(provider, body, stream));
        }
        let call = Call::to(provider, &path, key)?;
        let Provider { base_url, headers, auth, wire, .. } = provider;
        let own = all.entry(provider.name.clone()).or_default();
        // Another configuration of the provider has come, or it has a path for each model.
        own.retain(|one| one.path != path);
        if own.len() >= MOST_PATHS {
            own.clear();
        }
        own.push(Prepared {
            path,
            provider: (base_url.clone(), headers.clone(), *auth, *wire),
            key: key.cloned(),
            call: call.clone(),
        });
        Ok(call.with(provider, body, stream))
    }

    /// Sends the request and waits for the head of the answer.
    ///
    /// Fails with [`FaultKind::Unreachable`] where nothing was sent, and with [`FaultKind::Timeout`] or
    /// [`FaultKind::Cut`] where the vendor may have begun to work.
    pub async fn open(&self, mut call: Call) -> Result<Reply, Fault> {
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
        if let Some(near) = call.near.take() {
            let plain = self.plain(call.timeouts.connect);
            // Large, and whoever waits for it would be larger by several times as much.
            let sent = waits.bound(Box::pin(plain.send(near, &mut call))).await?;
            let (head, body) = sent.map_err(|error| match error {
                Unsent::Connect(error) => unsent(&call, true, &error),
                Unsent::Cut(error) => unsent(&call, false, &error),
            })?;
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
        let response = waits.bound(Box::pin(request.send())).await?.map_err(|error| refused(&call, error))?;
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
        clients.entry(connect).or_insert_with(|| Plain::new(connect)).clone()
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
