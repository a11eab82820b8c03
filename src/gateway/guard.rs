//! Who gets in: by the name that the server was called by, by the page that asks, and by a key. All of it is looked at
//! before a byte of a body is read, and on the path as it was parsed; nothing is rebuilt from `Host`.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::{Method, StatusCode, Uri};

use crate::config::Serve;
use crate::wire::FaultKind;

use super::access::{Access, Scope};
use super::answer::Refusal;
use super::inbound::Caller;
use super::routes::{Found, Route, find, is_open};

/// The header for keys of vendors that do not use `Authorization`.
const API_KEY: &str = "x-api-key";

/// The door that a request may go through, and whose request it is.
pub(in crate::gateway) struct Pass {
    /// The door.
    pub(in crate::gateway) route: &'static Route,
    /// Who asks.
    pub(in crate::gateway) who: Caller,
}

/// What the guard looks at.
pub(in crate::gateway) struct Question<'a> {
    /// The method.
    pub(in crate::gateway) method: &'a Method,
    /// The target as it was sent.
    pub(in crate::gateway) uri: &'a Uri,
    /// All headers.
    pub(in crate::gateway) headers: &'a HeaderMap,
    /// Where the server listens.
    pub(in crate::gateway) address: SocketAddr,
    /// Who is logged in, where a login counts as a key does.
    pub(in crate::gateway) logged_in: Option<Caller>,
}

/// Lets a request in, or says why not.
pub(in crate::gateway) fn admit(question: &Question<'_>, serve: &Serve, access: &Access) -> Result<Pass, Refusal> {
    called_by_name(question, serve)?;
    asked_from_here(question, serve)?;
    let found = find(question.method, path(question.uri));
    if let Found::Door(route) = found
        && route.scope.is_none()
    {
        return Ok(Pass { route, who: Caller { name: None, scopes: [].into() } });
    }
    if let Found::OtherMethods(methods) = &found
        && is_open(path(question.uri))
    {
        return Err(other(question.method, methods));
    }
    let who = match &question.logged_in {
        Some(who) => who.clone(),
        None => known(question.headers, access)?,
    };
    match found {
        Found::Door(route) => match route.scope.filter(|scope| !who.scopes.contains(scope)) {
            None => Ok(Pass { route, who }),
            Some(scope) => Err(narrow(&who, scope)),
        },
        Found::OtherMethods(methods) => Err(other(question.method, &methods)),
        Found::Nothing => Err(Refusal::missing("no-such-path", "there is nothing at this path")
            .hint("`GET /api/openapi.json` names every path; they count to the letter, without a slash at the end")),
    }
}

/// The path that the table is asked for: `/v1/v1/…`, which clients make of a base URL that ends with `/v1`, is
/// `/v1/…`. Nothing else is changed, decoded or cleaned: what does not stand in the table to the letter is not there.
pub(in crate::gateway) fn path(uri: &Uri) -> &str {
    let path = uri.path();
    path.strip_prefix("/v1").filter(|rest| rest.starts_with("/v1/")).unwrap_or(path)
}

/// A page of another site can make a browser send requests here under its own name (DNS rebinding). Names that are not
/// ours are refused.
fn called_by_name(question: &Question<'_>, serve: &Serve) -> Result<(), Refusal> {
    let mut hosts = question.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Refusal::bad("bad-host", "a request needs one Host header"));
    };
    let asked = [host.to_str().ok(), question.uri.authority().map(hyper::http::uri::Authority::as_str)];
    if host.to_str().is_ok() && asked.into_iter().flatten().all(|name| is_ours(name, question.address, &serve.hosts)) {
        return Ok(());
    }
    let said = "this gateway is not known by the name in Host";
    Err(Refusal::new(StatusCode::FORBIDDEN, FaultKind::Permission, "foreign-host", said)
        .hint("call it by its address, or add the name to serve.hosts"))
}

/// Whether `authority` is this server: a name or address of loopback with its port, the address that it listens on, or
/// a name of the configuration.
fn is_ours(authority: &str, address: SocketAddr, names: &[String]) -> bool {
    let Some((host, port)) = split(authority) else { return false };
    let configured = names.iter().any(|name| {
        name.eq_ignore_ascii_case(authority)
            || (split(name).is_some_and(|(_, port)| port.is_none()) && name.eq_ignore_ascii_case(host))
    });
    if configured {
        return true;
    }
    let ours = match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        // No name stands for an address in `Host`, so where every address is listened on, each is ours.
        Ok(ip) => ip.is_loopback() || ip == address.ip() || address.ip().is_unspecified(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    };
    // A name without a port means that of http or https, whichever is spoken here.
    ours && port.map_or(matches!(address.port(), 80 | 443), |port| port == address.port())
}

/// `host:port`, `[::1]:port` or either without a port.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.rfind(':') {
        Some(colon) if !authority.ends_with(']') => {
            let (host, port) = authority.split_at(colon);
            let port = port.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?;
            (host, Some(port.parse().ok()?))
        }
        _ => (authority, None),
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    (!host.is_empty() && (bracketed || !host.contains([':', '@', '/', '[', ']']))).then_some((host, port))
}

/// Pages of other sites are refused, whatever key they may have got hold of.
fn asked_from_here(question: &Question<'_>, serve: &Serve) -> Result<(), Refusal> {
    let refused = || {
        Refusal::new(StatusCode::FORBIDDEN, FaultKind::Permission, "foreign-origin", "pages of other sites may not ask")
            .hint("add the name of its host to serve.hosts if it is yours")
    };
    let mut origins = question.headers.get_all(ORIGIN).iter().peekable();
    if origins.peek().is_none() {
        let site = question.headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        return if site.is_none_or(|site| matches!(site, b"none" | b"same-origin")) { Ok(()) } else { Err(refused()) };
    }
    let ours = |origin: &str| {
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|authority| is_ours(authority, question.address, &serve.hosts))
    };
    if origins.all(|origin| origin.to_str().is_ok_and(ours)) { Ok(()) } else { Err(refused()) }
}

/// Whose key is in the headers.
fn known(headers: &HeaderMap, access: &Access) -> Result<Caller, Refusal> {
    let bearer = headers.get_all(AUTHORIZATION).iter().filter_map(|value| bearer(value.as_bytes()));
    let plain = headers.get_all(API_KEY).iter().map(HeaderValue::as_bytes);
    // A client may send a key of its own beside ours.
    let mut shown = bearer.chain(plain).filter(|key| !key.is_empty()).take(4).peekable();
    let (code, said) = match shown.peek() {
        None => ("no-key", "this gateway needs an access key"),
        Some(_) => ("wrong-key", "this access key is not one of this gateway"),
    };
    let found = shown.find_map(|key| access.admits(key));
    let hint =
        "send one as `Authorization: Bearer …` or `x-api-key`: `moai code` does, `moai serve key add NAME` makes one";
    let refusal = || {
        Refusal::new(StatusCode::UNAUTHORIZED, FaultKind::Auth, code, said)
            .hint(hint)
            .header("www-authenticate", "Bearer realm=\"moai\"")
    };
    found.map(|(name, scopes)| Caller { name: Some(name), scopes }).ok_or_else(refusal)
}

/// The key behind `Bearer`, in any case.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
}

fn other(asked: &Method, methods: &[&Method]) -> Refusal {
    let methods: Vec<&str> = methods.iter().map(|method| method.as_str()).collect();
    let said = format!("this path does not take {asked}");
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, FaultKind::BadRequest, "method-not-allowed", said)
        .hint(format!("it takes {}", methods.join(", ")))
        .header("allow", methods.join(", "))
}

fn narrow(who: &Caller, scope: Scope) -> Refusal {
    let name = who.name.as_deref().unwrap_or_default();
    let said = format!("the access key `{name}` does not open this: it needs the scope `{scope}`");
    Refusal::new(StatusCode::FORBIDDEN, FaultKind::Permission, "scope", said)
        .hint(format!("make one that does: `moai serve key add NAME --scope {scope}`"))
}

/// Takes out what was for the gateway alone, so that it cannot leave.
pub(in crate::gateway) fn strip(headers: &mut HeaderMap) {
    for name in ["authorization", API_KEY, "x-goog-api-key", "cookie", "proxy-authorization"] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::world::{Env, World};

    const LOCAL: &str = "127.0.0.1:3456";

    /// Who asks, on which way, and what comes of it.
    struct Ask {
        serve: Serve,
        access: Access,
        key: String,
        _home: tempfile::TempDir,
    }

    impl Ask {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let world = World::scratch(home.path(), home.path(), Env::default());
            let access = Access::open(&world).unwrap();
            let key = Access::first_secret(&world).unwrap().unwrap().expose().to_owned();
            Self { serve: Serve::default(), access, key, _home: home }
        }

        fn at(
            &self,
            address: &str,
            method: &str,
            uri: &str,
            headers: &[(&'static str, &str)],
        ) -> Result<Pass, Refusal> {
            let mut all = HeaderMap::new();
            for (name, value) in headers {
                all.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            let (method, uri) = (method.parse().unwrap(), uri.parse().unwrap());
            let question = Question {
                method: &method,
                uri: &uri,
                headers: &all,
                address: address.parse().unwrap(),
                logged_in: None,
            };
            admit(&question, &self.serve, &self.access)
        }

        /// The code of the refusal, or `in`.
        fn code(&self, method: &str, uri: &str, headers: &[(&'static str, &str)]) -> &'static str {
            self.at(LOCAL, method, uri, headers).map_or_else(|refusal| refusal.code, |_| "in")
        }

        fn key(&self) -> (&'static str, &str) {
            ("x-api-key", &self.key)
        }
    }

    #[test]
    fn only_our_own_names_are_answered_to() {
        let mut ask = Ask::new();
        for host in [LOCAL, "localhost:3456", "LOCALHOST:3456", "127.9.9.9:3456", "[::1]:3456"] {
            assert_eq!(ask.code("GET", "/health", &[("host", host)]), "in", "{host}");
        }
        for host in [
            "evil.com",
            "evil.com:3456",
            "localhost",
            "localhost:80",
            "localhost:3457",
            "localhost.evil.com:3456",
            "127.0.0.1.nip.io:3456",
            "192.168.0.7:3456",
            "0.0.0.0:3456",
            "user@localhost:3456",
            "localhost:3456@evil.com",
            "localhost:3456/x",
            "localhost:+3456",
            "localhost:",
            "::1:3456",
            "x/#",
            "",
        ] {
            assert_eq!(ask.code("GET", "/health", &[("host", host)]), "foreign-host", "{host}");
            assert_eq!(ask.code("GET", "/api/health", &[("host", host), ask.key()]), "foreign-host", "{host}");
        }
        assert_eq!(ask.code("GET", "/health", &[]), "bad-host");
        assert_eq!(ask.code("GET", "/health", &[("host", LOCAL), ("host", "evil.com")]), "bad-host");
        assert_eq!(ask.code("GET", "/health", &[("host", "\u{ff}")]), "foreign-host");
        assert_eq!(ask.code("GET", "http://evil.com/health", &[("host", LOCAL)]), "foreign-host");
        assert_eq!(ask.code("GET", "http://127.0.0.1:3456/health", &[("host", LOCAL)]), "in");
        ask.serve.hosts = vec!["gate.lan".into()];
        assert_eq!(ask.code("GET", "/health", &[("host", "gate.lan:8080")]), "in");
        assert_eq!(ask.code("GET", "/health", &[("host", "evil.gate.lan")]), "foreign-host");
    }

    #[test]
    fn every_address_is_ours_where_every_address_is_listened_on() {
        let ask = Ask::new();
        let code =
            |address, host| ask.at(address, "GET", "/health", &[("host", host)]).map_or_else(|no| no.code, |_| "in");
        assert_eq!(code("0.0.0.0:3456", "192.168.0.7:3456"), "in");
        assert_eq!(code("0.0.0.0:3456", "evil.com:3456"), "foreign-host");
        assert_eq!(code("192.168.0.7:80", "192.168.0.7"), "in");
        assert_eq!(code("192.168.0.7:80", "192.168.0.8"), "foreign-host");
        assert_eq!(code("192.168.0.7:443", "192.168.0.7"), "in");
        assert_eq!(code("192.168.0.7:3456", "192.168.0.7"), "foreign-host");
    }

    #[test]
    fn pages_of_other_sites_are_refused_whatever_key_they_have() {
        let ask = Ask::new();
        let code = |name, value| ask.code("GET", "/api/health", &[("host", LOCAL), ask.key(), (name, value)]);
        for origin in ["http://127.0.0.1:3456", "http://localhost:3456"] {
            assert_eq!(code("origin", origin), "in", "{origin}");
        }
        for origin in
            ["https://evil.com", "http://localhost:5173", "null", "file://", "", "http://evil.com@localhost:3456"]
        {
            assert_eq!(code("origin", origin), "foreign-origin", "{origin}");
        }
        assert_eq!(code("sec-fetch-site", "cross-site"), "foreign-origin");
        assert_eq!(code("sec-fetch-site", "same-site"), "foreign-origin");
        assert_eq!(code("sec-fetch-site", "same-origin"), "in");
        assert_eq!(code("sec-fetch-site", "none"), "in");
    }

    #[test]
    fn every_door_but_the_bare_ones_needs_a_key() {
        let ask = Ask::new();
        let mut open = Vec::new();
        for route in super::super::routes::TABLE {
            let path = route.path.replace('*', "glm-4.7");
            let bare = ask.code(route.method.as_str(), &path, &[("host", LOCAL)]);
            if bare == "in" {
                open.push((route.method.as_str(), route.path));
            } else {
                assert_eq!(bare, "no-key", "{}", route.path);
            }
            assert_eq!(ask.code(route.method.as_str(), &path, &[("host", LOCAL), ask.key()]), "in");
        }
        let (bare, login) = open.split_at(3);
        assert_eq!(bare, [("HEAD", "/"), ("GET", "/health"), ("HEAD", "/api/hello")]);
        // Where a key is asked for, and what that page is made of.
        assert_eq!(login, [("GET", "/dashboard/login"), ("POST", "/dashboard/login"), ("GET", "/dashboard/assets/*")]);
        assert_eq!(ask.code("GET", "/", &[("host", LOCAL)]), "method-not-allowed");
        assert_eq!(ask.code("POST", "/health", &[("host", LOCAL)]), "method-not-allowed");
        assert_eq!(ask.code("PUT", "/v1/messages", &[("host", LOCAL)]), "no-key");
        assert_eq!(ask.code("GET", "/nothing", &[("host", LOCAL)]), "no-key");
        assert_eq!(ask.code("GET", "/nothing", &[("host", LOCAL), ask.key()]), "no-such-path");
        assert_eq!(ask.code("PUT", "/v1/messages", &[("host", LOCAL), ask.key()]), "method-not-allowed");
        let refusal = ask.at(LOCAL, "PUT", "/api/router/force-model", &[("host", LOCAL), ask.key()]).err().unwrap();
        assert_eq!(refusal.headers, [("allow", "GET, HEAD, POST, DELETE".to_owned())]);
    }

    #[test]
    fn a_key_comes_as_bearer_or_as_an_api_key_and_beside_a_foreign_one() {
        let ask = Ask::new();
        let code = |headers: &[(&'static str, &str)]| {
            let host = [("host", LOCAL)];
            ask.code("GET", "/api/health", &[&host[..], headers].concat())
        };
        let bearer = |word: &str| format!("{word} {}", ask.key);
        assert_eq!(code(&[("authorization", &bearer("Bearer"))]), "in");
        assert_eq!(code(&[("authorization", &bearer("bearer"))]), "in");
        assert_eq!(code(&[("x-api-key", &ask.key)]), "in");
        assert_eq!(code(&[("authorization", "Bearer sk-ant-oat01-x"), ("x-api-key", &ask.key)]), "in");
        assert_eq!(code(&[("authorization", "Bearer sk-ant-oat01-x")]), "wrong-key");
        for wrong in ["", "Bearer", "Bearer ", "Bearer  ", &ask.key, &bearer("Basic"), "Bearer \u{e9}"] {
            assert!(["no-key", "wrong-key"].contains(&code(&[("authorization", wrong)])), "{wrong}");
        }
        assert_eq!(code(&[("x-goog-api-key", &ask.key)]), "no-key");
        assert_eq!(ask.code("GET", &format!("/api/health?key={}", ask.key), &[("host", LOCAL)]), "no-key");
    }

    #[test]
    fn a_key_opens_what_its_scopes_say() {
        let ask = Ask::new();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let made = ask.access.add("reader", &[Scope::Read], now).unwrap();
        let key = [("host", LOCAL), ("x-api-key", made.secret.expose())];
        assert_eq!(ask.code("GET", "/api/health", &key), "in");
        assert_eq!(ask.code("POST", "/v1/messages", &key), "scope");
        assert_eq!(ask.code("DELETE", "/api/router/force-model", &key), "scope");
        ask.access.revoke("reader").unwrap();
        assert_eq!(ask.code("GET", "/api/health", &key), "wrong-key");
    }

    #[test]
    fn a_path_counts_to_the_letter() {
        let ask = Ask::new();
        let code = |path: &str| ask.code("POST", path, &[("host", LOCAL), ask.key()]);
        for path in ["/v1/messages", "/v1/messages?beta=true", "/v1/v1/messages", "/v1/v1/chat/completions"] {
            assert_eq!(code(path), "in", "{path}");
        }
        for path in [
            "/v1/messages/",
            "//v1/messages",
            "/v1//messages",
            "/v1/./messages",
            "/health/../v1/messages",
            "/v1/%6dessages",
            "/v1/messages%2f",
            "/%2e/v1/messages",
            "/V1/messages",
            "/v1/v1/v1/messages",
            "/v1v1/messages",
            "/v1/messages;x",
            "/api/api/chat",
            "*",
        ] {
            assert_eq!(code(path), "no-such-path", "{path}");
        }
        assert_eq!(ask.code("GET", "/health/", &[("host", LOCAL)]), "no-key");
        assert_eq!(ask.code("GET", "//health", &[("host", LOCAL)]), "no-key");
    }
}
