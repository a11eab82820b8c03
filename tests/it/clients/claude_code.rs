//! The real Claude Code through the gateway: what it does with a whole turn (thoughts, words, two tools at once, one of
//! which shows it a picture), with errors, with an answer that it is told to stop, and with a long one.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use moai::wire::Dialect;
use serde_json::{Value, json};

use super::stage::{LONG, Stage, TEXT, WIRES};
use super::{found, named, on_path};

/// One black dot.
const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\xdacd\xf8\xcfP\x0f\
\0\x03\x86\x01\x80Z4}j\0\0\0\0IEND\xaeB`\x82";

struct Claude {
    stage: Stage,
    program: PathBuf,
}

impl Claude {
    fn new() -> Option<Self> {
        let program = found("Claude Code", named("MOAI_TEST_CLAUDE").or_else(|| on_path("claude")))?;
        // The stage's project is not known before the stage: the client's own directory stands for it.
        let calls = [
            ("Bash", json!({"command": "echo from-the-$((40 + 2))", "description": "Says it"})),
            ("Read", json!({"file_path": "dot.png"})),
        ];
        let stage = Stage::new(&calls);
        stage.file("dot.png", PNG);
        Some(Self { stage, program })
    }

    fn command(&self, model: &str, more: &[&str]) -> Command {
        let mut command = self.stage.scratch.command(&self.program);
        command
            .args(["-p", "say hi", "--model", model, "--allowedTools", "Bash(echo:*)", "Read"])
            .args(["--output-format", "stream-json", "--verbose", "--include-partial-messages"])
            .args(more)
            .env("ANTHROPIC_BASE_URL", self.stage.url())
            .env("ANTHROPIC_AUTH_TOKEN", &self.stage.key)
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("CLAUDE_CODE_GATEWAY_HINT_HEADERS", "1")
            .env("CLAUDE_CODE_MAX_RETRIES", "0");
        command
    }

    /// What it prints, and the last of it: the result.
    #[track_caller]
    fn ask(&self, model: &str) -> (Vec<Value>, Value) {
        let (_, said) = self.stage.run(self.command(model, &[]));
        let lines: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let result = lines.iter().rev().find(|line| line["type"] == "result").cloned();
        let result = result.unwrap_or_else(|| panic!("{model}: no result: {said}\n{}", self.stage.said()));
        (lines, result)
    }
}

#[test]
fn claude_code_thinks_speaks_and_uses_two_tools_at_once() {
    let Some(claude) = Claude::new() else { return };
    for wire in WIRES {
        let (lines, result) = claude.ask(&format!("tools-{wire}"));
        assert_eq!((&result["is_error"], &result["result"]), (&json!(false), &json!(TEXT)), "{wire}: {lines:#?}");
        let said = serde_json::to_string(&lines).unwrap();
        assert!(said.contains("thinking_delta") && said.contains("I look at the sky."), "{wire}: {said}");
        let [_, second] = &claude.stage.bodies("tools", wire)[..] else {
            panic!("{wire}: not two requests: {lines:#?}")
        };
        assert!(second.contains("from-the-42"), "{wire}: the first tool's result: {second}");
        let picture = match wire {
            Dialect::Chat => "data:image/png;base64,",
            Dialect::Gemini => "inlineData",
            _ => "\"media_type\":\"image/png\"",
        };
        assert!(second.contains(picture), "{wire}: the second tool's picture: {second}");
        assert!(result["usage"]["output_tokens"].as_u64() >= Some(7), "{wire}: {result:#}");
    }
    claude.stage.keys_are_apart();
}

#[test]
fn claude_code_reads_a_long_stream() {
    let Some(claude) = Claude::new() else { return };
    for wire in WIRES {
        let (_, result) = claude.ask(&format!("endless-{wire}"));
        let words = result["result"].as_str().unwrap_or_default().split_whitespace().count();
        assert_eq!((&result["is_error"], words), (&json!(false), LONG), "{wire}: {result:#}");
    }
}

#[test]
fn claude_code_is_told_of_errors_in_words_that_it_knows() {
    let Some(claude) = Claude::new() else { return };
    for wire in WIRES {
        let (_, result) = claude.ask(&format!("busy-{wire}"));
        let said = result["result"].to_string();
        assert!(result["is_error"] == true && said.contains("429"), "{wire}: {result:#}");
        let (_, result) = claude.ask(&format!("long-{wire}"));
        let said = result["result"].to_string().to_lowercase();
        assert!(result["is_error"] == true && said.contains("prompt is too long"), "{wire}: {result:#}");
    }
}

#[test]
fn claude_code_that_is_interrupted_ends_the_vendors_work() {
    let Some(claude) = Claude::new() else { return };
    for (number, wire) in WIRES.into_iter().enumerate() {
        let mut command = claude.command(&format!("hang-{wire}"), &[]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let heard = lines.map_while(Result::ok).any(|line| line.contains("text_delta"));
        assert!(heard, "{wire}: no words; the gateway said: {}", claude.stage.said());
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        claude.stage.ends(&mut child);
        claude.stage.vendor.is_left(number + 1);
    }
}
