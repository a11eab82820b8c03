//! `moai learn`: real journals, real processes, a gateway that runs meanwhile, and files that are broken.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use crate::schema::holds;
use crate::scratch::{Said, Scratch};
use crate::serve::Served;

const FILE: &str = ".moai/learn/weights.json";

fn world() -> Scratch {
    let mut scratch = Scratch::repository();
    scratch.set_env("MOAI_JOURNAL_KEY", &"11".repeat(32));
    scratch
}

fn learn(scratch: &Scratch, args: &[&str]) -> Said {
    scratch.moai(["learn"].into_iter().chain(args.iter().copied()))
}

#[track_caller]
fn json(scratch: &Scratch, args: &[&str]) -> Value {
    let document = scratch.moai(["learn"].into_iter().chain(args.iter().copied()).chain(["--json"])).json();
    holds("learn", &document);
    document
}

/// Asks for six explanations, and says of each that it should have gone to the planner.
fn teach(scratch: &Scratch) {
    // Asking for nothing makes no journal, and without one a dry run is not kept.
    scratch.moai(["route", "--model", "sim", "hello"]).ok();
    for part in ["cache layer", "retry loop", "login flow", "session store", "queue worker", "build script"] {
        correct(scratch, &format!("Explain the {part}"));
    }
}

/// Asks, and says that it should have been planned. By its id: all of a test happens at one moment.
fn correct(scratch: &Scratch, text: &str) {
    let told = scratch.moai(["route", "--dry-run", "--json", text]).json();
    scratch.moai(["feedback", told["request_id"].as_str().unwrap(), "plan"]).ok();
}

fn score(scratch: &Scratch, text: &str) -> i64 {
    scratch.moai(["route", "--dry-run", "--json", text]).json()["score"].as_i64().unwrap()
}

fn bytes(scratch: &Scratch) -> Option<Vec<u8>> {
    fs::read(scratch.home().join(FILE)).ok()
}

#[test]
fn a_training_is_shown_written_and_taken_back_to_the_byte() {
    let scratch = world();
    assert!(learn(&scratch, &["train"]).fails(1).contains("too little to learn from: nothing"));
    teach(&scratch);
    let shown = json(&scratch, &["show"]);
    assert_eq!((&shown["evidence"]["corrected"], &shown["trained_at"]), (&json!(6), &Value::Null));
    assert_eq!(shown["regression"]["now"], shown["regression"]["built_in"]);

    let dry = json(&scratch, &["train", "--dry-run"]);
    assert_eq!((&dry["changed"], &dry["dry_run"], bytes(&scratch)), (&json!(true), &json!(true), None));
    let trained = json(&scratch, &["train"]);
    assert_eq!((&trained["names"], &trained["moved"]), (&dry["names"], &dry["moved"]));
    assert!(trained["own"]["after"].as_f64() >= trained["own"]["before"].as_f64(), "{trained:#}");
    let (before, after) = (&trained["regression"]["before"], &trained["regression"]["after"]);
    assert!(after["right"].as_u64() >= before["right"].as_u64(), "{trained:#}");
    assert!(!trained["moved"].as_array().unwrap().is_empty());
    let file = scratch.home().join(FILE);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let first = bytes(&scratch).unwrap();
    for word in ["cache", "session", "queue"] {
        assert!(!String::from_utf8_lossy(&first).contains(word), "no word of a prompt is in the file");
    }

    // The same evidence again goes further, and each step is taken back alone.
    let again = json(&scratch, &["train"]);
    assert_eq!(again["changes"], 2);
    assert_ne!(bytes(&scratch).unwrap(), first);
    assert!(learn(&scratch, &["show"]).ok().contains("leans to"));
    json(&scratch, &["undo"]);
    assert_eq!(bytes(&scratch).unwrap(), first);
    assert_eq!(json(&scratch, &["undo"])["changes"], 0);
    assert_eq!(bytes(&scratch), None, "before the first training there was no file");
    assert!(learn(&scratch, &["undo"]).fails(1).contains("no training is there"));
}

#[test]
fn what_was_trained_decides_and_travels() {
    let scratch = world();
    teach(&scratch);
    json(&scratch, &["train"]);
    let file = scratch.write("mine.json", learn(&scratch, &["export"]).ok());
    let other = world();
    let probe = "Explain the scheduler";
    let before = score(&other, probe);
    let dry = json(&other, &["import", file.to_str().unwrap(), "--dry-run"]);
    assert_eq!((dry["changed"].as_bool(), score(&other, probe)), (Some(true), before));
    json(&other, &["import", file.to_str().unwrap()]);
    let after = score(&other, probe);
    assert!(after > before && after - before <= 1_500, "{before} {after}");
    let seen = other.moai(["route", "--dry-run", "--explain", probe]).ok();
    assert!(seen.contains("learned:"), "{seen}");
    assert_eq!(json(&other, &["import", file.to_str().unwrap()])["changed"], false);
    assert!(learn(&other, &["import", "nowhere.json"]).fails(1).contains("there is no file"));
}

#[test]
fn weights_that_decide_the_regression_set_worse_are_refused() {
    let scratch = world();
    let foul = json!({
        "version": 1,
        "names": { "op:fix": 1500, "op:implement": 1500, "op:add": 1500, "op:write": 1500, "fin-alone:fix": 1500,
            "do:fix>code": 1500, "op:create": 1500 },
    });
    let file = scratch.write("foul.json", foul.to_string());
    let said = learn(&scratch, &["import", file.to_str().unwrap()]).fails(1);
    assert!(said.contains("refused") && said.contains("of the regression set"), "{said}");
    assert_eq!(bytes(&scratch), None);
}

#[test]
fn a_broken_file_is_an_error_with_a_hint_and_the_built_in_weights_decide() {
    let scratch = world();
    let score_before = score(&scratch, "Explain the scheduler");
    for (text, code) in [("{ not json", "broken-weights"), (r#"{"version": 9}"#, "newer-weights")] {
        scratch.write_home(FILE, text);
        let said = learn(&scratch, &["show", "--json"]);
        assert_eq!(said.status, 3, "{said:?}");
        let error: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(error["error"]["code"], code);
        assert!(!error["error"]["hints"].as_array().unwrap().is_empty(), "{error:#}");
        let routed = scratch.moai(["route", "--dry-run", "--json", "Explain the scheduler"]);
        assert!(routed.stderr.contains("the built-in weights decide"), "{routed:?}");
        assert_eq!(routed.json()["score"], score_before);
        learn(&scratch, &["train"]).fails(3);
        assert_eq!(bytes(&scratch).unwrap(), text.as_bytes(), "what does not parse is not overwritten");
    }
}

#[test]
fn a_gateway_that_runs_takes_new_weights_up() {
    let scratch = world();
    let weights = json!({"version": 1, "names": {"op:explain": 400, "fin:explain": 400}});
    let file = scratch.write("mine.json", weights.to_string());
    let served = Served::start(&scratch, &["--model", "sim"]);
    let route = || {
        let answer = served.post("/api/router/route", &json!({"message": "Explain the scheduler"})).is(200).json();
        answer["classification_confidence"].clone()
    };
    let before = route();
    json(&scratch, &["import", file.to_str().unwrap()]);
    assert!((0..100_000).any(|_| route() != before), "it never took the weights up: {before}");
    json(&scratch, &["undo"]);
    assert!((0..100_000).any(|_| route() == before), "it kept what was taken back");
}
