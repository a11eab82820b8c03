//! What people, scripts and systems do to `moai route` without meaning well: each once broke it.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileTypeExt as _;
use std::process::{Child, Stdio};

use moai::wire::Dialect;
use serde_json::{Value, json};

use crate::scratch::{KEY, Scratch};
use crate::upstream::{Answer, Vendor};

/// A world whose simulated model answers `answer`.
fn sim(answer: &str) -> Scratch {
    let mut scratch = Scratch::repository();
    scratch.set_env("MOAI_SIM_ANSWER", answer);
    scratch
}

fn send_signal(scratch: &Scratch, name: &str, child: &Child) {
    assert!(scratch.command("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn an_output_that_is_a_pipe_or_a_device_is_written_into_and_stays_what_it_is() {
    let scratch = sim("through");
    let pipe = scratch.project().join("pipe");
    assert!(scratch.command("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    assert_eq!(scratch.moai(["route", "--model", "sim", "x", "-o", "pipe"]).ok(), "");
    assert_eq!(reader.join().unwrap(), "through\n");
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(scratch.moai(["route", "--model", "sim", "x", "-o", "/dev/null"]).ok(), "");
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    for stdout in ["-", "/dev/stdout"] {
        assert_eq!(scratch.moai(["route", "--model", "sim", "x", "-o", stdout]).ok(), "through\n", "{stdout}");
    }
    assert!(!scratch.project().join("-").exists());
}

#[test]
fn a_batch_that_waits_for_its_next_line_can_be_stopped() {
    let scratch = sim("one");
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        for dry in [&["--dry-run"][..], &[]] {
            let args = ["route", "--model", "sim", "--batch", "-"].iter().chain(dry);
            let mut command = scratch.moai_command(args);
            let mut child =
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            let mut input = child.stdin.take().unwrap();
            input.write_all(b"first\n").unwrap();
            // Its line is there before the next one is: it waits now, or is about to.
            child.stdout.as_mut().unwrap().read_exact(&mut [0; 10]).unwrap();
            send_signal(&scratch, signal, &child);
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(status), "{dry:?} {output:?}");
            drop(input);
        }
    }
}

#[test]
fn a_terminal_that_is_closed_leaves_its_row_in_the_journal() {
    let vendor = Vendor::start();
    vendor.on("/v1/messages").answer(Answer::said(Dialect::Anthropic, "slowly").hangs_after(4));
    let mut scratch = Scratch::repository();
    scratch.set_env("ANTHROPIC_API_KEY", &format!("sk-ant-{KEY}"));
    scratch.set_env("ANTHROPIC_BASE_URL", &vendor.url());
    let mut command = scratch.moai_command(["route", "--model", "claude-opus", "x"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; 2]).unwrap();
    send_signal(&scratch, "-HUP", &child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(129), "{output:?}");
    let costs = scratch.moai(["costs", "today", "--json"]).json();
    assert_eq!((&costs["attempts"], &costs["cancelled"]), (&json!(1), &json!(1)));
}

#[test]
fn talk_begins_on_a_line_of_its_own_and_the_journal_is_complained_of_once() {
    let mut scratch = sim("no line end");
    scratch.set_env("MOAI_JOURNAL_KEY", "abc");
    let moai = env!("CARGO_BIN_EXE_moai");
    let output = scratch.command("sh").args(["-c", &format!("{moai} route --model sim x 2>&1")]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("no line end\nwarning: the journal key"), "{said}");
    assert_eq!(said.matches("warning:").count(), 1, "{said}");
}

#[test]
fn wishes_that_come_to_nothing_are_told() {
    let mut scratch = sim("x");
    scratch.set_env("ANTHROPIC_API_KEY", "sk-ant-0123456789abcdef0123456789");
    let dry = |args: &[&str]| {
        let said = scratch.moai(["route", "-n", "x"].iter().chain(args));
        assert_eq!(said.status, 0, "{said:#?}");
        said.stderr
    };
    assert_eq!(dry(&["--agent", "nobody"]), "warning: no models are configured for the agent nobody\n");
    assert_eq!(dry(&["--task", "nothing"]), "warning: no models are configured for the task nothing\n");
    scratch.write(".moai/config.toml", "[tasks.cleaning]\nlarge_dataset = \"claude-sonnet\"\n");
    let said = dry(&["--task", "cleaning", "--context", "tiny"]);
    assert_eq!(said, "warning: the task cleaning has no model for this context\n");
    scratch.write("long.txt", "word ".repeat(1_000_000));
    let said = scratch.moai(["route", "-n", "--model", "claude-opus", "-f", "long.txt"]);
    assert!(said.stderr.contains("tokens, and claude-opus reads no more than"), "{said:#?}");
    assert!(said.stdout.contains("decided by --model"), "{said:#?}");
}

#[test]
fn numbers_that_cannot_be_meant_are_refused_by_name() {
    let scratch = sim("x");
    for (flag, value, said) in [
        ("--max-tokens", "0", "1 or more"),
        ("--max-tokens", "-1", "1 or more"),
        ("--temperature", "-0.1", "between 0 and 2"),
        ("--temperature", "NaN", "is not a number such as 0.7"),
        ("--timeout", "-5", "not a time"),
        ("--agent", "", "a value is required"),
        ("--model", "", "a value is required"),
    ] {
        let complaint = scratch.moai(["route", "x", flag, value]).fails(2);
        assert!(complaint.contains(said) && complaint.contains(flag), "{flag} {value}: {complaint}");
    }
}

#[test]
fn a_price_that_is_unknown_is_never_nothing() {
    let vendor = Vendor::start();
    vendor.on("/v1/messages").answer(Answer::said(Dialect::Anthropic, "x"));
    let mut scratch = Scratch::repository();
    scratch.set_env("ANTHROPIC_API_KEY", &format!("sk-ant-{KEY}"));
    scratch.set_env("ANTHROPIC_BASE_URL", &vendor.url());
    scratch.set_env("ANTHROPIC_MODEL", "odd-9");
    let answer: Value = scratch.moai(["route", "--model", "odd-9", "--json", "x"]).json();
    assert_eq!(answer["cost_usd"], Value::Null, "{answer:#}");
    let costs = scratch.moai(["costs"]).ok();
    let line = costs.lines().find(|line| line.starts_with("odd-9")).unwrap();
    assert!(line.contains("unknown") && !line.contains("$0.00"), "{costs}");
}

#[test]
fn without_any_key_the_hints_name_the_planners_and_the_implementers() {
    let said = Scratch::repository().moai(["route", "x"]).fails(3);
    assert!(said.contains("moai key set anthropic") && said.contains("moai key set glm"), "{said}");
}

#[test]
fn an_answer_that_was_paid_for_is_given_where_nothing_can_be_said_beside_it() {
    let mut scratch = sim("paid for");
    scratch.set_env("MOAI_JOURNAL_KEY", "short");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = scratch.moai_command(["route", "--quiet", "--json", "--model", "sim", "x"]);
    let output = command.stderr(full).output().unwrap();
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["content"], output.status.code()), (&json!("paid for"), Some(0)));
}
