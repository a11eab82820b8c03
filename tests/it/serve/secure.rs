//! HTTPS with the certificate of the configuration.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::Served;
use crate::scratch::Scratch;

fn fixture(name: &str) -> String {
    format!("{}/tests/it/serve/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn settings(cert: &str, key: &str) -> String {
    format!("[serve.tls]\ncert = \"{cert}\"\nkey = \"{key}\"\n")
}

/// What the gateway answers to these bytes over TLS.
fn ask(served: &Served, bytes: &str) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("localhost.cert.pem")).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(served.address).unwrap());
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_certificate_makes_it_https() {
    let scratch = Scratch::repository();
    let settings = settings(&fixture("localhost.cert.pem"), &fixture("localhost.key.pem"));
    scratch.write_home(".moai/config.toml", settings);
    let served = Served::start(&scratch, &[]);
    assert_eq!(served.document["url"], format!("https://{}", served.address));
    let asked = format!("GET /health HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", served.address);
    let said = ask(&served, &asked);
    assert!(said.starts_with("HTTP/1.1 200") && said.ends_with("{\"status\":\"ok\"}"), "{said}");
    // Who speaks plainly gets no answer, and the next one gets his.
    let mut plain = served.connect();
    plain.send(&asked);
    assert!(plain.try_reply().is_none());
    assert!(ask(&served, &asked).starts_with("HTTP/1.1 200"));
}

#[test]
fn a_certificate_that_does_not_work_is_said_before_anything_listens() {
    let scratch = Scratch::repository();
    let (cert, key) = (fixture("localhost.cert.pem"), fixture("localhost.key.pem"));
    for (cert, key, says) in [
        (&*cert, "/nowhere/key.pem", "/nowhere/key.pem"),
        (&cert, &*cert, "localhost.cert.pem"),
        (&key, &key, "localhost.key.pem"),
    ] {
        scratch.write_home(".moai/config.toml", settings(cert, key));
        let said = scratch.moai(["serve", "--port", "0"]).fails(3);
        assert!(said.contains(says), "{said}");
        assert!(!said.contains("PRIVATE KEY-----"), "{said}");
    }
}

#[test]
fn nobody_else_on_the_network_without_a_key_that_a_person_made() {
    let scratch = Scratch::repository();
    let said = scratch.moai(["serve", "--host", "0.0.0.0", "--port", "0"]).fails(3);
    assert!(said.contains("not a loopback address") && said.contains("moai serve key add"), "{said}");
    scratch.moai(["serve", "key", "add", "laptop", "--scope", "use"]).ok();
    let served = Served::start(&scratch, &["--host", "0.0.0.0"]);
    served.get("/api/health").is(200);
}
