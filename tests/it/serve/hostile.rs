//! Clients that mean harm: too much, too little, too slow, too deep, two meanings at once. Each gets an answer or a
//! closed connection, and the next client gets its own.

use std::net::TcpStream;

use super::Served;
use crate::scratch::Scratch;
use crate::upstream::{Answer, Vendor};

/// A gateway whose patience is short and whose bodies are small.
fn impatient() -> (Scratch, Served) {
    let scratch = Scratch::repository();
    let settings = "[serve]\nbody_limit = 65536\n[serve.timeouts]\nhead = 0.2\nbody = 0.3\nidle = 1\ndrain = 1\n";
    scratch.write_home(".moai/config.toml", settings);
    let served = Served::start(&scratch, &[]);
    (scratch, served)
}

fn works(served: &Served) {
    let health = served.get("/api/health").is(200).json();
    assert_eq!(health["panics"], 0, "{health}");
    assert_eq!(health["in_flight"], 1, "{health}");
}

fn post(served: &Served, headers: &str) -> String {
    format!("POST /v1/messages HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\n{headers}\r\n", served.address, served.key)
}

#[test]
fn a_body_that_is_too_large_is_413_however_it_comes() {
    let (_scratch, served) = impatient();
    let big = vec![b' '; 65537];
    // Announced.
    let reply = served.ask("POST", "/v1/messages", &[], &big).is(413);
    assert_eq!(reply.json()["error"]["type"], "request_too_large");
    assert_eq!(
        served.ask("POST", "/v1/chat/completions", &[], &big).is(413).json()["error"]["type"],
        "invalid_request_error"
    );
    assert_eq!(served.ask("POST", "/api/router/route", &[], &big).is(413).json()["error"]["code"], "too-large");
    // In pieces of unknown number.
    let mut connection = served.connect();
    connection.send(post(&served, "transfer-encoding: chunked\r\n"));
    for piece in big.chunks(8 << 10) {
        connection.send(format!("{:x}\r\n", piece.len()));
        connection.send(piece);
        connection.send("\r\n");
    }
    connection.send("0\r\n\r\n");
    connection.reply().is(413);
    // Announced as more than there is in the world: refused without it.
    let reply = served.raw(post(&served, "content-length: 18446744073709551614\r\n"));
    assert!([400, 413, 431].contains(&reply.status), "{reply:?}");
    let reply = served.raw(post(&served, "content-length: 18446744073709551616\r\n"));
    assert_eq!(reply.status, 400);
    // Whoever waits to be asked for it is refused, and not asked.
    let reply = served.raw(post(&served, "content-length: 65537\r\nexpect: 100-continue\r\n"));
    assert_eq!(reply.status, 413, "{reply:?}");
    // What would be large once it is unpacked is not unpacked.
    let packed = served.ask("POST", "/v1/messages", &[("content-encoding", "gzip")], b"\x1f\x8b").is(415);
    assert!(packed.text().contains("without Content-Encoding"), "{}", packed.text());
    // Who has no key does not get that far, and is told so all the same.
    served.ask_without_key("POST", "/v1/messages", &[], vec![b' '; 4 << 20]).is(401);
    // As large as it may be is not too large.
    let fits = served.ask("POST", "/v1/messages", &[], &big[..65536]);
    assert_eq!(fits.status, 400, "{fits:?}");
    works(&served);
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let (_scratch, served) = impatient();
    // Cut off.
    let mut connection = served.connect();
    connection.send(post(&served, "content-length: 1000\r\n"));
    connection.send("{\"model\":");
    connection.finish();
    assert!(connection.try_reply().is_none_or(|reply| reply.status == 400));
    // Never sent.
    let mut connection = served.connect();
    connection.send(post(&served, "content-length: 1000\r\n"));
    connection.reply().is(408);
    assert!(connection.is_closed());
    // Sent a byte at a time.
    let mut connection = served.connect();
    connection.send(post(&served, "content-length: 1000\r\n"));
    while connection.try_send("x") && !served.get("/api/health").json()["in_flight"].eq(&1) {}
    connection.reply().is(408);
    works(&served);
}

#[test]
fn a_head_that_does_not_come_is_not_waited_for() {
    let (_scratch, served) = impatient();
    let mut connection = served.connect();
    connection.send("GET /health HTTP/1.1\r\nhost: ");
    assert!(connection.is_closed());
    // A byte now and then does not help.
    let mut connection = served.connect();
    let mut sent = 0;
    while connection.try_send("x") {
        sent += 1;
        assert!(sent < 100_000, "it is still listening");
        served.get("/health").is(200);
    }
    // Nor does doing nothing at all.
    assert!(served.connect().is_closed());
    // Many of them at once leave room for others.
    let slow: Vec<_> = (0..100)
        .map(|_| {
            let mut connection = served.connect();
            connection.send("POST /v1/messages HTTP/1.1\r\n");
            connection
        })
        .collect();
    works(&served);
    for mut connection in slow {
        assert!(connection.is_closed());
    }
    works(&served);
}

#[test]
fn connections_that_lie_idle_hold_no_place_that_somebody_needs() {
    // Each of them is a file of this process and one of the gateway's.
    let mut files = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    files.current = files.maximum.map_or(Some(4096), |most| Some(most.min(4096)));
    rustix::process::setrlimit(rustix::process::Resource::Nofile, files).unwrap();
    let scratch = Scratch::repository();
    scratch.write_home(".moai/config.toml", "[serve.timeouts]\nidle = 3600\n");
    let served = Served::start(&scratch, &[]);
    let idle = || {
        let mut connection = served.connect();
        connection.ask("GET", "/health", &[], b"");
        connection.reply().is(200);
        connection
    };
    let open: Vec<_> = std::iter::repeat_with(idle).take(512).collect();
    works(&served);
    drop(open);
}

/// No vendor is blamed because the system gives a process few files at first.
#[test]
#[cfg(target_os = "linux")]
fn a_gateway_asks_for_as_many_files_as_its_connections_take() {
    let scratch = Scratch::repository();
    let script = r#"ulimit -Sn 64; "$0" serve --port 0 --detach >&2 && "$0" serve status >&2 || exit 1
        pid=$(sed -n 's/.*"pid": \([0-9]*\).*/\1/p' "$HOME/.moai/gateway/serve.json")
        cat "/proc/$pid/limits"; "$0" serve stop >&2"#;
    let output = scratch.command("sh").args(["-c", script, env!("CARGO_BIN_EXE_moai")]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let line =
        said.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_else(|| panic!("{output:?}"));
    let mut numbers = line.split_whitespace().map_while(|word| word.parse::<u64>().ok());
    let (soft, hard) = (numbers.next().unwrap(), numbers.next().unwrap_or(u64::MAX));
    assert_eq!(soft, hard.min(4096), "{line}");
}

#[test]
fn whoever_connects_and_says_nothing_is_not_waited_for() {
    let scratch = Scratch::repository();
    scratch.write_home(".moai/config.toml", "[serve.timeouts]\nhead = 0.2\nidle = 3600\n");
    let served = Served::start(&scratch, &[]);
    assert!(served.connect().is_closed());
    works(&served);
}

#[test]
fn whoever_has_no_key_says_no_more_than_a_form_holds() {
    let (_scratch, served) = impatient();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let long = format!("key={}", "a".repeat(4096));
    let refused = served.ask_without_key("POST", "/dashboard/login", &form, long).is(413);
    assert!(refused.text().contains("larger than 4096 bytes"), "{}", refused.text());
    works(&served);
}

#[test]
fn a_head_that_is_too_large_is_431() {
    let (_scratch, served) = impatient();
    let many = "x: y\r\n".repeat(200);
    served.raw(post(&served, &many)).is(431);
    let long = format!("x: {}\r\n", "y".repeat(100 << 10));
    let mut connection = served.connect();
    connection.try_send(post(&served, &long));
    assert!(connection.try_reply().is_none_or(|reply| reply.status == 431));
    let path = format!("GET /{} HTTP/1.1\r\nhost: {}\r\n\r\n", "x".repeat(100 << 10), served.address);
    let mut connection = served.connect();
    connection.try_send(path);
    assert!(connection.try_reply().is_none_or(|reply| [414, 431].contains(&reply.status)));
    works(&served);
}

#[test]
fn a_request_with_two_meanings_has_none() {
    let (_scratch, served) = impatient();
    let smuggled = format!("GET /api/health HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\n\r\n", served.address, served.key);
    let chunked = format!("0\r\n\r\n{smuggled}");
    for (headers, body) in [
        // Two lengths.
        ("content-length: 2\r\ncontent-length: 200\r\n", "{}"),
        ("content-length: 2, 200\r\n", "{}"),
        ("content-length: +2\r\n", "{}"),
        ("content-length: 0x2\r\n", "{}"),
        ("content-length: 2 2\r\n", "{}"),
        ("content-length: -1\r\n", "{}"),
        // A coding that is not what it seems.
        ("transfer-encoding: chunked, identity\r\n", &*chunked),
        ("transfer-encoding: xchunked\r\n", &chunked),
        ("transfer-encoding: identity\r\n", &chunked),
        ("transfer-encoding : chunked\r\n", &chunked),
        ("transfer-encoding:\x0bchunked\r\n", &chunked),
        // Lines that are not lines.
        ("x: y\r\n folded: z\r\n", ""),
        ("x\r\n", ""),
        (": y\r\n", ""),
        ("x: a\0b\r\n", ""),
        ("x y: z\r\n", ""),
    ] {
        let mut connection = served.connect();
        connection.send(post(&served, headers) + body);
        let answers: Vec<u16> = std::iter::from_fn(|| connection.try_reply()).map(|reply| reply.status).collect();
        assert!(answers.len() <= 1, "{headers:?}: {answers:?}");
        assert!(answers.iter().all(|status| *status == 400), "{headers:?}: {answers:?}");
    }
    works(&served);
}

#[test]
fn a_length_beside_a_coding_does_not_hide_a_second_request() {
    let (_scratch, served) = impatient();
    let hidden = format!("GET /api/health HTTP/1.1\r\nhost: {}\r\nx-api-key: {}\r\n\r\n", served.address, served.key);
    // RFC 9112, 6.3: the coding counts, and the connection ends behind it; or the whole is refused.
    for headers in [
        format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", hidden.len() + 5),
        format!("transfer-encoding: chunked\r\ncontent-length: {}\r\n", hidden.len() + 5),
    ] {
        let mut connection = served.connect();
        connection.send(post(&served, &headers) + "0\r\n\r\n" + &hidden);
        let answers: Vec<u16> = std::iter::from_fn(|| connection.try_reply()).map(|reply| reply.status).collect();
        assert_eq!(answers, [400], "{headers:?}");
    }
    for chunks in ["zz\r\n", "-1\r\n", "ffffffffffffffffff\r\n", "2\r\n{}X\r\n0\r\n\r\n"] {
        let mut connection = served.connect();
        connection.send(post(&served, "transfer-encoding: chunked\r\n") + chunks + &hidden);
        let answers: Vec<u16> = std::iter::from_fn(|| connection.try_reply()).map(|reply| reply.status).collect();
        assert!(answers.iter().all(|status| *status == 400) && answers.len() <= 1, "{chunks:?}: {answers:?}");
    }
    works(&served);
}

#[test]
fn bytes_that_are_no_request_are_refused() {
    let (_scratch, served) = impatient();
    let host = served.address;
    for bytes in [
        "\0\0\0\0\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        format!("GET /health HTTP/9.9\r\nhost: {host}\r\n\r\n"),
        format!("GET  /health HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        format!("G\u{e9}T /health HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
    ] {
        let mut connection = served.connect();
        connection.send(&bytes);
        let answer = connection.try_reply();
        assert!(
            answer.as_ref().is_none_or(|reply| [400, 401, 403, 505].contains(&reply.status)),
            "{bytes:?}: {answer:?}"
        );
    }
    // Forms of the target that a proxy would take.
    served.raw(format!("CONNECT evil.com:443 HTTP/1.1\r\nhost: {host}\r\n\r\n")).is(403);
    served.raw(format!("GET http://evil.com/health HTTP/1.1\r\nhost: {host}\r\n\r\n")).is(403);
    served.raw(format!("GET http://{host}/health HTTP/1.1\r\nhost: {host}\r\n\r\n")).is(200);
    served.raw(format!("OPTIONS * HTTP/1.1\r\nhost: {host}\r\n\r\n")).is(401);
    served.raw(format!("GET /health HTTP/1.1\r\nhost: {host}\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n")).is(200);
    works(&served);
}

#[test]
fn what_is_nested_deeply_is_refused_and_overflows_nothing() {
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &["--model", "sim"]);
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let bodies = [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        "[".repeat(1_000_000),
        format!(
            "{{\"model\":\"sim\",\"max_tokens\":5,\"messages\":[{{\"role\":\"user\",\"content\":{}}}]}}",
            deep("[", "]")
        ),
        format!(
            "{{\"model\":\"sim\",\"max_tokens\":5,\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}],\"metadata\":{}}}",
            deep("{\"a\":", "}")
        ),
        format!(
            "{{\"model\":\"sim\",\"max_tokens\":5,\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}],\"tools\":[{{\"name\":\"x\",\"input_schema\":{}}}]}}",
            deep("{\"a\":", "}").replace(":}", ":1}")
        ),
    ];
    for (method, path) in super::guard::doors() {
        if method != "POST" {
            continue;
        }
        for body in &bodies {
            let reply = served.ask(&method, &path, &[("content-type", "application/json")], body);
            assert!(reply.status < 500 || reply.status == 501, "{path}: {reply:?}");
        }
    }
    works(&served);
}

#[test]
fn many_connections_are_waited_for_and_none_is_lost() {
    let (_scratch, served) = impatient();
    let mut open: Vec<_> = (0..64).map(|_| served.connect()).collect();
    for connection in &mut open {
        connection.ask("GET", "/health", &[], b"");
    }
    for connection in &mut open {
        connection.reply().is(200);
    }
    // One after the other on one connection, and several at once.
    let mut one = served.connect();
    let ask = format!("GET /health HTTP/1.1\r\nhost: {}\r\n\r\n", served.address);
    one.send(ask.repeat(50));
    for _ in 0..50 {
        one.reply().is(200);
    }
    works(&served);
}

#[test]
fn it_stops_when_it_is_told_to_and_its_state_is_whole_after_a_kill() {
    let scratch = Scratch::repository();
    let mut served = Served::start(&scratch, &[]);
    let mut idle = served.connect();
    idle.ask("GET", "/health", &[], b"");
    idle.reply().is(200);
    served.signal("TERM");
    assert!(idle.is_closed());
    assert_eq!(served.ended().code(), Some(0), "{}", served.talk());
    let key = served.key.clone();
    let mut again = Served::start(&scratch, &[]);
    assert_eq!(again.key, key);
    again.signal("KILL");
    again.ended();
    let third = Served::start(&scratch, &[]);
    assert_eq!(third.key, key);
    third.get("/api/health").is(200);
}

#[test]
fn a_request_under_way_may_end_when_it_stops_and_one_that_does_not_is_cut_off() {
    let (_scratch, mut served) = impatient();
    let mut under_way = served.connect();
    // Its body is still to come.
    under_way.send(post(&served, "content-length: 2\r\nexpect: 100-continue\r\n"));
    let mut never = served.connect();
    never.send(post(&served, "content-length: 2\r\n"));
    while served.get("/api/health").json()["in_flight"] != 3 {}
    served.signal("TERM");
    under_way.send("{}");
    under_way.reply().is(400);
    assert!(under_way.is_closed());
    assert_eq!(served.ended().code(), Some(0), "{}", served.talk());
}

#[test]
fn a_second_signal_ends_it_at_once_whatever_is_under_way() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let mut scratch = Scratch::repository();
        let vendor = Vendor::start();
        scratch.set_env("ANTHROPIC_BASE_URL", &vendor.url());
        scratch.set_env("ANTHROPIC_API_KEY", "sk-ant-api03-hostile-SeCrEt-0123456789");
        // Longer than any test may take.
        scratch.write_home(".moai/config.toml", "[serve.timeouts]\ndrain = 3600\n");
        vendor.on("/v1/messages").answer(Answer::silence());
        let mut served = Served::start(&scratch, &[]);
        let mut waiting = served.connect();
        let body = r#"{"model": "claude-opus-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}"#;
        waiting.ask("POST", "/v1/messages", &[("x-api-key", &served.key)], body.as_bytes());
        while vendor.count("/v1/messages") == 0 {
            std::thread::yield_now();
        }
        served.signal(signal);
        // The first has been heard when nobody new is let in; the answer under way goes on.
        while TcpStream::connect(served.address).is_ok() {
            std::thread::yield_now();
        }
        served.signal(signal);
        assert_eq!(served.ended().code(), Some(code), "{}", served.talk());
        assert!(waiting.is_closed());
    }
}
