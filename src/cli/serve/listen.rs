//! The gateway's socket: opened here before anything else is started, so that two gateways on one port cannot be, and
//! handed to the process in the background as it is.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs as _};
use std::os::fd::{AsFd as _, OwnedFd};

use crate::base::failure::{Failure, Kind};
use crate::base::port;
use crate::base::world::World;
use crate::cli::ui::clean;

/// How many ports above the taken one are looked at for the hint.
const NEAR: u16 = 20;

/// Opens the socket. A port that is taken is an error that names who has it and a free one.
pub(super) fn bind(world: &World, host: &str, port: u16) -> Result<TcpListener, Failure> {
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in addresses(host, port)? {
        match TcpListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(match last.kind() {
        ErrorKind::AddrInUse => taken(world, host, port),
        ErrorKind::PermissionDenied => Failure::expected(format!("port {port} may not be opened by this user"))
            .with_code("port-denied")
            .hint("take one above 1023: `moai serve --port 3456`"),
        ErrorKind::AddrNotAvailable => Failure::usage(format!("{host} is no address of this machine"))
            .with_code("bad-host")
            .hint("leave --host out to listen for this machine alone"),
        _ => Failure::expected(format!("cannot listen on {host}:{port}: {last}")).with_code("cannot-listen"),
    })
}

fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let found: Vec<SocketAddr> = (bare, port)
        .to_socket_addrs()
        .map_err(|error| Failure::usage(format!("{host} names no address: {error}")).with_code("bad-host"))?
        .collect();
    Ok(found)
}

fn taken(world: &World, host: &str, port: u16) -> Failure {
    let owner = match port::owner(world, port) {
        None => "a process that this user may not see".to_owned(),
        Some(owner) => {
            let place = owner.cwd.filter(|_| owner.command.starts_with("moai serve"));
            let place = place.map(|cwd| format!(" of {}", world.tilde(&cwd))).unwrap_or_default();
            clean(&format!("process {} ({}){place}", owner.pid, owner.command))
        }
    };
    let failure = Failure::expected(format!("port {port} is taken by {owner}")).with_code("port-in-use");
    match (1..=NEAR).filter_map(|step| port.checked_add(step)).find(|port| is_free(host, *port)) {
        Some(free) => failure.hint(format!("take the next free one: `moai serve --port {free}`")),
        None => failure.hint("take any that is free: `moai serve --port 0`"),
    }
}

fn is_free(host: &str, port: u16) -> bool {
    addresses(host, port).is_ok_and(|found| found.into_iter().any(|address| TcpListener::bind(address).is_ok()))
}

/// The socket that came in as standard input.
pub(super) fn inherited() -> Result<TcpListener, Failure> {
    let given: OwnedFd = io::stdin().as_fd().try_clone_to_owned().map_err(|error| not_a_socket(&error))?;
    let listener = TcpListener::from(given);
    listener.local_addr().map_err(|error| not_a_socket(&error))?;
    Ok(listener)
}

fn not_a_socket(error: &io::Error) -> Failure {
    Failure::new(Kind::Usage, format!("standard input is no socket: {error}"))
}

/// Where clients of this machine reach a socket that is to be opened there.
pub(super) fn expected(host: &str, port: u16, secure: bool) -> Result<String, Failure> {
    let address = addresses(host, port)?.into_iter().next();
    address.map(|address| url(address, secure)).ok_or_else(|| Failure::usage(format!("{host} names no address")))
}

/// Where clients of this machine reach a socket.
pub(super) fn url(address: SocketAddr, secure: bool) -> String {
    let scheme = if secure { "https" } else { "http" };
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    format!("{scheme}://{ip}:{}", address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_names_its_owner_and_a_free_one() {
        let world = World::default();
        let held = bind(&world, "127.0.0.1", 0).unwrap();
        let port = held.local_addr().unwrap().port();
        let failure = bind(&world, "127.0.0.1", port).unwrap_err();
        assert_eq!(failure.code(), "port-in-use");
        assert!(failure.chain()[0].contains(&format!("port {port} is taken by ")), "{failure:?}");
        assert!(failure.hints()[0].contains("moai serve --port "), "{failure:?}");
        assert_eq!(bind(&world, "192.0.2.1", 0).unwrap_err().code(), "bad-host");
    }

    #[test]
    fn addresses_are_urls_for_this_machine() {
        for (address, expected) in [
            ("127.0.0.1:3456", "http://127.0.0.1:3456"),
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:1", "http://[::1]:1"),
            ("[fe80::1]:2", "http://[fe80::1]:2"),
        ] {
            assert_eq!(url(address.parse().unwrap(), false), expected);
        }
    }
}
