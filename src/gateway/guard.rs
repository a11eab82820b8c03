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
use super::routes::{Found, Route, find};

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
    let who = known(question.headers, access)?;
    match found {
        Found::Door(route) => match route.scope.filter(|scope| !who.scopes.contains(scope)) {
            None => Ok(Pass { route, who }),
            Some(scope) => Err(narrow(&who, scope)),
        },
        Found::OtherMethods(methods) => {
            let methods: Vec<&str> = methods.into_iter().map(Method::as_str).collect();
            let said = format!("this path does not take {}", question.method);
            let kind = FaultKind::BadRequest;
            Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, kind, "method-not-allowed", said)
                .hint(format!("it takes {}", methods.join(", ")))
                .header("allow", methods.join(", ")))
        }
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
    ours && port.unwrap_or(80) == address.port()
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
