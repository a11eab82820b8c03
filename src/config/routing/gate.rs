//! moai's own gateway among the addresses: it is nobody's vendor. A session of Claude Code that runs on it has its
//! address in `ANTHROPIC_BASE_URL`, and whatever is started there would come back to it for ever.

use std::net::{IpAddr, SocketAddr};

use crate::base::world::Env;

/// The variable that holds the URL of the gateway that a process runs on, or is; several with spaces between them.
pub const GATEWAY_VAR: &str = "MOAI_GATEWAY";

/// The gateway's addresses, and its ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gate(Vec<(String, u16)>);

impl Gate {
    /// The gateway of this environment; `None` where it names none.
    pub(super) fn of(env: &Env) -> Option<Self> {
        let urls = env.text(GATEWAY_VAR)?.split_whitespace();
        let gates: Vec<_> = urls.filter_map(|url| Some((super::host(url).to_ascii_lowercase(), port(url)?))).collect();
        (!gates.is_empty()).then_some(Self(gates))
    }

    /// Whether a base URL leads to it. Every name of this machine is the same where the gateway listens on all of them
    /// or on the loopback.
    pub(super) fn is(&self, url: &str) -> bool {
        let host = super::host(url).to_ascii_lowercase();
        let asked = port(url);
        self.0.iter().any(|(own, port)| asked == Some(*port) && (host == *own || (is_here(&host) && is_here(own))))
    }
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// The port of a URL, or that of its scheme.
fn port(url: &str) -> Option<u16> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    if let Ok(address) = authority.parse::<SocketAddr>() {
        return Some(address.port());
    }
    match authority.rsplit_once(':').filter(|_| !authority.ends_with(']')) {
        Some((_, port)) => port.parse().ok(),
        None if scheme.eq_ignore_ascii_case("https") => Some(443),
        None => Some(80),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::routing::tests::Place;

    #[test]
    fn it_knows_itself_under_every_name_of_this_machine() {
        let gate = |url| Gate::of(&Env::from_iter([(GATEWAY_VAR, url)])).unwrap();
        let here = gate("http://127.0.0.1:3456");
        for own in ["http://127.0.0.1:3456/", "http://localhost:3456/v1", "http://[::1]:3456", "https://0.0.0.0:3456"] {
            assert!(here.is(own), "{own}");
        }
        for other in ["http://127.0.0.1:3457", "http://127.0.0.1", "http://gpu.lan:3456", "https://api.anthropic.com"] {
            assert!(!here.is(other), "{other}");
        }
        assert!(gate("https://gate.example").is("https://GATE.example:443/v1"));
        assert!(gate("http://[::]:80").is("http://localhost"));
        assert!(gate("http://127.0.0.1:1 http://127.0.0.1:2").is("http://localhost:2"));
        assert_eq!(Gate::of(&Env::default()), None);
    }

    #[test]
    fn the_gateway_is_nobodys_vendor() {
        let place = Place::new();
        let own = [("MOAI_GATEWAY", "http://127.0.0.1:3456"), ("ANTHROPIC_BASE_URL", "http://localhost:3456")];
        // Out of a variable it is not used: the address that moai comes with counts, and Claude Code's model is no word
        // about routing.
        let routing = place.load(&[&own[..], &[("ANTHROPIC_MODEL", "glm-4.7")]].concat());
        assert_eq!(
            routing.providers.iter().find(|it| it.name == "anthropic").unwrap().base_url,
            "https://api.anthropic.com"
        );
        assert!(routing.warnings.is_empty(), "{:?}", routing.warnings);
        for (variable, url) in [("ZAI_BASE_URL", "http://[::1]:3456/api"), ("OLLAMA_HOST", "127.0.0.1:3456")] {
            let routing = place.load(&[own[0], (variable, url)]);
            assert!(routing.providers.iter().all(|provider| !provider.base_url.contains("3456")), "{variable}");
        }
        // Out of a file it is a mistake.
        place.put("home/.moai/config.toml", "[providers.loop]\nbase_url = \"http://localhost:3456/v1\"\n");
        let error = place.error(&own);
        assert!(error.contains("config.toml:2:12: `providers.loop.base_url` is moai's own gateway"), "{error}");
        assert!(place.load(&[]).providers.iter().any(|it| it.name == "loop"));
    }
}
