//! The memory that the models of an Ollama share: two that do not fit are never both loaded, whoever asks, in one
//! process or in several; nobody who is answering is disturbed; and who cannot have room is stood in for.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::scratch::{Said, Scratch};
use crate::serve::Served;
use crate::upstream::Ollama;

const QWEN: &str = "qwen2.5-coder:32b";
const R1: &str = "deepseek-r1:32b";
const SMALL: &str = "llama3.1:8b";
const GIB: u64 = 1 << 30;

/// The seed's machine: 36 GiB, two models of 20 and one of 6. It would hold more, so that what is too much is seen.
fn machine(local: &str) -> (Ollama, Scratch) {
    let ollama = Ollama::start(120, &[(QWEN, 20), (R1, 20), (SMALL, 6), ("llama3.3:70b", 43)]);
    let mut scratch = Scratch::repository();
    scratch.set_env("OLLAMA_HOST", &ollama.host());
    scratch.write_home(".moai/config.toml", format!("[local]\nmemory = 36\n{local}\n[route]\nchain = [\"sim\"]\n"));
    (ollama, scratch)
}

fn start(scratch: &Scratch, model: &str) -> Child {
    let mut command = scratch.moai_command(["route", "--no-fallback", "--model", &format!("ollama/{model}"), "hello"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
fn answers(child: Child, model: &str) {
    let said = Said::from(&child.wait_with_output().unwrap());
    assert_eq!(said.ok().trim(), format!("this is {model}"));
}

/// Waits until somebody waits for this model's memory.
#[track_caller]
fn waits(scratch: &Scratch, model: &str) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        let waiting =
            scratch.snapshot().into_iter().filter(|(path, _)| path.to_string_lossy().contains("/.moai/local/"));
        let mut rows = waiting.filter_map(|(_, bytes)| serde_json::from_slice::<Value>(&bytes).ok());
        // One that has looked and found no room says for how much.
        if rows.any(|row| row["model"] == model && row["waited"].is_u64() && row["bytes"] != 0) {
            return;
        }
        std::thread::yield_now();
    }
    panic!("nobody waits for {model}");
}

#[test]
fn processes_that_ask_at_once_never_load_two_large_models() {
    let (ollama, scratch) = machine("");
    let children: Vec<(Child, &str)> =
        [QWEN, R1, QWEN, R1, SMALL, R1].iter().map(|model| (start(&scratch, model), *model)).collect();
    for (child, model) in children {
        answers(child, model);
    }
    let happened = ollama.happened();
    assert!(happened.peak <= 36 * GIB, "{happened:?}");
    assert!(happened.loads.contains(&QWEN.to_owned()) && happened.loads.contains(&R1.to_owned()));
    assert!(!happened.unloads.is_empty() && happened.disturbed == 0, "{happened:?}");
    let left: Vec<_> = scratch.snapshot().into_iter().map(|(path, _)| path).collect();
    let claim =
        |path: &std::path::PathBuf| path.to_string_lossy().contains("/.moai/local/") && !path.ends_with("look.lock");
    assert!(!left.iter().any(claim), "{left:?}");
}

#[test]
fn the_gateway_serves_both_by_turns() {
    let (ollama, scratch) = machine("");
    let served = Served::start(&scratch, &[]);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (served, model) = (&served, if number % 2 == 0 { QWEN } else { R1 });
            scope.spawn(move || {
                let ask = json!({"model": format!("ollama/{model}"), "max_tokens": 9, "stream": number % 3 == 0,
                    "messages": [{"role": "user", "content": "hello"}]});
                let reply = served.post("/v1/messages", &ask).is(200);
                // Streamed character by character.
                let whole = reply.text().contains(&format!("this is {model}"));
                assert!(whole || reply.text().contains("\"text\":\"t\""), "{}", reply.text());
            });
        }
    });
    let happened = ollama.happened();
    assert!(happened.peak <= 36 * GIB && happened.too_much == 0 && happened.disturbed == 0, "{happened:?}");
    assert!(happened.loads.contains(&QWEN.to_owned()) && happened.loads.contains(&R1.to_owned()));
}

#[test]
fn a_model_that_is_answering_is_waited_for_and_not_disturbed() {
    let (ollama, scratch) = machine("");
    let served = Served::start(&scratch, &[]);
    ollama.hold(QWEN);
    let first = start(&scratch, QWEN);
    ollama.answers(QWEN, 1);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let ask = json!({"model": format!("ollama/{R1}"), "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]});
            served.post("/v1/messages", &ask).is(200).text()
        });
        waits(&scratch, R1);
        assert_eq!(ollama.loaded(), [QWEN]);
        // What fits beside it does not wait.
        answers(start(&scratch, SMALL), SMALL);
        ollama.let_go();
        assert!(other.join().unwrap().contains(&format!("this is {R1}")));
    });
    answers(first, QWEN);
    let happened = ollama.happened();
    assert_eq!((happened.disturbed, happened.peak), (0, 26 * GIB), "{happened:?}");
    assert_eq!(happened.unloads.first().map(String::as_str), Some(QWEN), "it was used before the small one");
}

#[test]
fn a_killed_process_takes_no_memory_with_it() {
    let (ollama, scratch) = machine("");
    ollama.hold(QWEN);
    let mut first = start(&scratch, QWEN);
    ollama.answers(QWEN, 1);
    first.kill().unwrap();
    first.wait().unwrap();
    ollama.let_go();
    answers(start(&scratch, R1), R1);
    assert!(ollama.happened().peak <= 36 * GIB);
}

#[test]
fn who_has_no_room_is_stood_in_for_where_that_is_wished() {
    let (ollama, scratch) = machine("when_full = \"fall_back\"");
    ollama.loads(QWEN);
    let asked = |model: &str| scratch.moai(["route", "--agent", model, "hello"]);
    scratch.write(
        ".moai/config.toml",
        format!(
            "[agents.one]\nprimary_model = \"ollama/{R1}\"\nfallback_model = \"ollama/{QWEN}\"\n[agents.huge]\nprimary_model = \"ollama/llama3.3:70b\"\n"
        ),
    );
    let said = asked("one");
    assert!(said.stderr.contains("is loaded, and it needs 20.0 GiB of 36.0 GiB"), "{said:#?}");
    assert!(said.stderr.contains("deepseek-r1 is not asked") && said.stderr.contains("stands in"), "{said:#?}");
    assert_eq!(said.ok().trim(), "this is qwen2.5-coder:32b", "the one that is there answers");
    let said = asked("huge");
    assert!(said.stderr.contains("it needs 43.0 GiB of memory, and `local.memory` is 36.0 GiB"), "{said:#?}");
    said.ok();
    assert_eq!((ollama.happened().unloads.len(), ollama.happened().loads), (0, vec![QWEN.to_owned()]));
    // Nobody stands in: the reason is told.
    let stderr = scratch.moai(["route", "--no-fallback", "--model", &format!("ollama/{R1}"), "hello"]).fails(4);
    assert!(stderr.contains("not asked: qwen2.5-coder:32b is loaded"), "{stderr}");
}

#[test]
fn a_wait_has_an_end() {
    let (ollama, scratch) = machine("when_full = \"wait\"\nwait = 0.3");
    ollama.loads(QWEN);
    let stderr = scratch.moai(["route", "--no-fallback", "--model", &format!("ollama/{R1}"), "hello"]).fails(4);
    assert!(stderr.contains("waits for memory: qwen2.5-coder:32b is loaded"), "{stderr}");
    assert!(stderr.contains("there was no memory for it within"), "{stderr}");
    assert_eq!(ollama.happened().unloads.len(), 0);
    let stderr = scratch.moai(["models", "load", R1]).fails(1);
    assert!(stderr.contains("moai models ps"), "{stderr}");
}

#[test]
fn what_a_model_takes_can_be_said_and_the_budget_be_left_out() {
    let (ollama, scratch) = machine("");
    scratch.write(".moai/config.toml", "[models.big]\nprovider = \"ollama\"\nid = \"llama3.1:8b\"\nmemory = 40\n");
    let stderr = scratch.moai(["route", "--no-fallback", "--model", "big", "hello"]).fails(4);
    assert!(stderr.contains("it needs 40.0 GiB"), "{stderr}");
    scratch.write_home(".moai/config.toml", "");
    let before = ollama.vendor.count("/api/ps");
    scratch.moai(["route", "--model", &format!("ollama/{QWEN}"), "hello"]).ok();
    scratch.moai(["route", "--model", &format!("ollama/{R1}"), "hello"]).ok();
    assert_eq!(ollama.happened().peak, 40 * GIB, "nobody counts");
    assert_eq!(ollama.vendor.count("/api/ps"), before, "and nobody asks");
}
