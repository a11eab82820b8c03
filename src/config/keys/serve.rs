//! The settings of the gateway. They are the person's: which address is opened on a machine is no project's to say.

use super::{Home, Key, Shape};

const fn key(name: &'static str, shape: Shape, default: Option<&'static str>, doc: &'static str) -> Key {
    Key { name, also: &[], shape, default, env: &[], home: Home::UserToml, doc }
}

pub(super) const SERVE: &[Key] = &[
    key(
        "serve.host",
        Shape::Host,
        Some("127.0.0.1"),
        "The address that `moai serve` listens on. Any other than this machine's own lets others on the network in, and needs an access key.",
    ),
    key("serve.port", Shape::Port, Some("3456"), "Its port; 0 takes any that is free."),
    key(
        "serve.hosts",
        Shape::Hosts,
        None,
        "Names under which clients may speak to it (the `Host` header), beside its address and `localhost`.",
    ),
    key(
        "serve.unknown_models",
        Shape::Choice(&["route", "refuse"]),
        Some("route"),
        "What becomes of a request for a model that nobody knows: moai chooses one, or it is refused with 404.",
    ),
    key(
        "serve.background",
        Shape::Models,
        None,
        "Who does Claude Code's own business (titles, summaries of what was done): the first of them that has a key, else the cheapest of tier 2.",
    ),
    key(
        "serve.ping",
        Shape::Seconds,
        Some("10"),
        "A stream that is silent for so long gets a ping, so that nothing between takes it for dead.",
    ),
    key(
        "serve.hold",
        Shape::Seconds,
        Some("20"),
        "So long an answer's head waits for its first words; until then a failure has its status. Afterwards a stream begins with pings, and another model can still take over.",
    ),
    key("serve.body_limit", Shape::Number, Some("33554432"), "No request's body is longer than so many bytes."),
    key("serve.timeouts.head", Shape::Seconds, Some("10"), "How long the head of a request may take to come."),
    key("serve.timeouts.body", Shape::Seconds, Some("60"), "How long its body may take."),
    key("serve.timeouts.idle", Shape::Seconds, Some("300"), "How long a connection may lie idle between two requests."),
    key(
        "serve.timeouts.drain",
        Shape::Pause,
        Some("30"),
        "How long answers that are under way may take to end when the gateway stops.",
    ),
    key("serve.tls.cert", Shape::File, None, "The certificates to serve HTTPS with (PEM); goes with `serve.tls.key`."),
    key("serve.tls.key", Shape::File, None, "Their private key (PEM), which only its owner may read."),
];
