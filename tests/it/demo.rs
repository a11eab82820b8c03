//! `moai demo`: every step holds, with nothing but the program itself, and nothing of the person's is touched.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use crate::scratch::Scratch;

#[test]
fn every_step_holds_and_nothing_is_left_or_touched() {
    let mut scratch = Scratch::repository();
    fs::create_dir(scratch.root().join("tmp")).unwrap();
    scratch.set_env("TMPDIR", scratch.root().join("tmp").to_str().unwrap());
    let before = scratch.snapshot();
    let said = scratch.moai(["demo"]);
    assert_eq!(said.stderr, "");
    let said = said.ok();
    assert!(said.contains("$ moai worktree create SPEC-001 --glm") && said.contains("Every step held"), "{said}");
    assert_eq!(said.matches("  proved: ").count(), 19, "{said}");
    assert!(!said.contains("\u{1b}["), "{said}");
    assert_eq!(scratch.snapshot(), before);
}

#[test]
fn it_needs_no_git_no_identity_and_no_person() {
    let scratch = Scratch::new();
    let mut command = scratch.moai_command(["--json", "demo"]);
    command.env_clear().env("PATH", "/nonexistent").env("HOME", "/nonexistent").env("TMPDIR", scratch.root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer["schema"], 1);
    assert_eq!(answer["steps"].as_array().unwrap().len(), 17);
    assert!(String::from_utf8_lossy(&output.stderr).contains("two steps were left out"), "{output:?}");
    assert!(answer["directory"].is_null());
}

#[test]
fn it_can_leave_its_directory_to_look_around_in() {
    let scratch = Scratch::new();
    let mut command = scratch.moai_command(["--json", "demo", "--keep"]);
    let output = command.env("TMPDIR", scratch.root()).output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let kept = std::path::Path::new(answer["directory"].as_str().unwrap());
    assert!(kept.starts_with(scratch.root()) && kept.join("worktrees/DesignWorkflow/SPEC-001/notes.md").exists());
}

#[test]
fn nothing_runs_on_when_it_is_interrupted_or_killed() {
    let scratch = Scratch::new();
    let tmp = scratch.root().join("tmp");
    for (signal, code) in [("INT", Some(130)), ("TERM", Some(143)), ("KILL", None)] {
        fs::create_dir_all(&tmp).unwrap();
        let mut command = scratch.moai_command(["demo"]);
        let mut demo = command.env("TMPDIR", &tmp).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
        let gateway: SocketAddr = loop {
            let line = lines.next().expect("the demo ended").unwrap();
            if let Some(url) = line.trim().strip_prefix("ready: http://") {
                break url.parse().unwrap();
            }
        };
        assert!(Command::new("kill").args(["-s", signal, &demo.id().to_string()]).status().unwrap().success());
        let rest = lines.map_while(Result::ok).last();
        assert_eq!(demo.wait().unwrap().code(), code, "{signal}: {rest:?}");
        // Where the demo could not end it, the gateway sees by itself that it is alone.
        assert!((0..1_000_000).any(|_| TcpStream::connect(gateway).is_err()), "{signal}: the gateway runs on");
        assert!(signal == "KILL" || fs::read_dir(&tmp).unwrap().next().is_none(), "{signal}: its home is left");
    }
}

#[test]
fn a_demo_that_cannot_play_says_so_and_fails() {
    let mut scratch = Scratch::new();
    scratch.set_env("TMPDIR", "/nonexistent");
    assert!(scratch.moai(["demo"]).fails(1).contains("cannot make a scratch directory in /nonexistent"));
}
