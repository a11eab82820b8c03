//! The HTTP client: rustls with ring, a timeout for each phase, no proxy on loopback, and the CA roots of Mozilla
//! where the machine has none of its own.

use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::{Client, ClientBuilder, Url, redirect};
use rustls::{ClientConfig, RootCertStore};

use super::error::UpstreamError;
use crate::base::secret::Secret;

/// What moai calls itself.
pub(super) const AGENT: &str = concat!("moai/", env!("CARGO_PKG_VERSION"));
/// To connect for a short question, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer. A model that is asked for one token can think for a while before it.
const READ: Duration = Duration::from_secs(30);
/// For all of it.
const TOTAL: Duration = Duration::from_secs(60);

/// A client for short questions to `url`: it gives up by itself.
pub(super) fn client(url: &Url) -> Result<Client, UpstreamError> {
    build(is_loopback(url), |builder| builder.connect_timeout(CONNECT).read_timeout(READ).timeout(TOTAL))
}

/// A way to connect: everything that a client settles for all its requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Way {
    /// With TLS.
    pub(super) secure: bool,
    /// Passing proxies by.
    pub(super) direct: bool,
    /// How long it may take.
    pub(super) connect: Duration,
}

/// A client for answers of any length: only connecting is limited here, the rest by whoever reads.
pub(super) fn streaming_client(way: Way) -> Result<Client, UpstreamError> {
    build(way.direct, |builder| {
        let builder = builder.connect_timeout(way.connect).tcp_nodelay(true);
        // Reading the machine's CA store takes longer than a whole request to a server on it.
        if way.secure || !way.direct { builder } else { builder.tls_certs_only([]) }
    })
}

/// `direct` passes proxies by.
fn build(direct: bool, limit: impl Fn(ClientBuilder) -> ClientBuilder) -> Result<Client, UpstreamError> {
    // Where somebody installed a provider before us, that one serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = || {
        let builder = limit(ClientBuilder::new())
            // A redirect would carry the key to another host.
            .redirect(redirect::Policy::none())
            .user_agent(AGENT);
        if direct { builder.no_proxy() } else { builder }
    };
    match builder().build() {
        Ok(client) => Ok(client),
        // Without a CA store (a slim container) even a client for plain http cannot be built.
        Err(_) => builder().tls_backend_preconfigured(mozilla()).build().map_err(UpstreamError::Setup),
    }
}

fn mozilla() -> ClientConfig {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}

/// Whether the URL's host is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The key as a header value that the client does not print.
pub(super) fn header(prefix: &str, key: &Secret) -> Result<HeaderValue, UpstreamError> {
    let mut value = HeaderValue::from_str(&format!("{prefix}{}", key.expose()))
        .map_err(|_error| UpstreamError::Form("the key has characters in it that HTTP cannot carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_recognised_in_every_spelling() {
        for url in ["http://127.0.0.1:8080/x", "http://localhost", "http://[::1]:1/", "http://127.9.9.9/"] {
            assert!(is_loopback(&url.parse().unwrap()), "{url}");
        }
        for url in ["https://api.z.ai", "http://127.0.0.1.evil.org", "http://10.0.0.1"] {
            assert!(!is_loopback(&url.parse().unwrap()), "{url}");
        }
    }

    #[test]
    fn the_fallback_roots_make_a_client() {
        drop(rustls::crypto::ring::default_provider().install_default());
        assert!(webpki_roots::TLS_SERVER_ROOTS.len() > 50);
        ClientBuilder::new().tls_backend_preconfigured(mozilla()).build().unwrap();
    }

    #[test]
    fn a_key_is_never_printed() {
        let value = header("Bearer ", &Secret::new("sesame-open-now-please")).unwrap();
        assert!(!format!("{value:?}").contains("sesame"));
        assert!(matches!(header("", &Secret::new("a\nb")), Err(UpstreamError::Form(_))));
    }
}
