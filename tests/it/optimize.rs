//! `moai optimize`: real journals, real configuration files, changed in place and taken back to the byte.

use std::fs;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use moai::base::secret::Secret;
use moai::catalog::Variant;
use moai::journal::key::Lookup;
use moai::journal::{Attempt, Outcome, Place, Recorder};
use moai::model::{RequestId, TaskKind, Tier, Usage, Usd};
use serde_json::{Value, json};

use crate::schema::holds;
use crate::scratch::{NOW, Scratch};

fn world() -> Scratch {
    let mut scratch = Scratch::repository();
    scratch.set_env("MOAI_JOURNAL_KEY", &"11".repeat(32));
    scratch
}

/// The work of the agent `coder`: so many requests on a model, in conversations of two.
fn work(scratch: &Scratch, model: &str, requests: u32, nanos: i64) {
    let lookup = Lookup { env: Some(Secret::new("11".repeat(32))), ..Lookup::default() };
    let mut recorder = Recorder::new(Place::new(scratch.home().join(".moai/journal")), lookup, TimeZone::UTC);
    let now: Timestamp = NOW.parse().unwrap();
    let rows: Vec<Attempt> = (0..requests)
        .map(|number| {
            let at = now - SignedDuration::from_hours(i64::from(number % 200));
            let mut random = [0; 10];
            random[..4].copy_from_slice(&number.to_be_bytes());
            random[4..10].copy_from_slice(&model.as_bytes()[..6]);
            Attempt {
                request: RequestId::new(at, random),
                number: 1,
                at,
                machine: "laptop".into(),
                session: Some(format!("{model}-{}", number / 2)),
                project: None,
                worktree: None,
                spec: None,
                agent: Some("coder".into()),
                task: None,
                key: None,
                arm: None,
                decided_by: "agent".into(),
                decision: None,
                model_asked: None,
                model: model.into(),
                model_id: model.into(),
                provider: "any".into(),
                deployment: None,
                tier: Tier::One,
                kind: Some(TaskKind::Coding),
                confidence: None,
                usage: Some(Usage::new(1_000, 500)),
                estimated: false,
                variant: Variant::Standard,
                cost: Some(Usd::from_nanos(nanos + i64::from(number % 7) * nanos / 20)),
                baseline: None,
                book: "list".into(),
                book_version: "1".into(),
                price_key: None,
                first_ms: None,
                total_ms: 2_000,
                outcome: Outcome::Ok,
                error: None,
                fallback: false,
                retries: 0,
            }
        })
        .collect();
    assert!(recorder.record_all(&rows, now).warning().is_none());
}

#[track_caller]
fn json(scratch: &Scratch, args: &[&str]) -> Value {
    let document = scratch.moai(["optimize"].into_iter().chain(args.iter().copied()).chain(["--json"])).json();
    holds("optimize", &document);
    document
}

const CONFIG: &str = "# mine\n[agents.coder]\nprimary_model = \"claude-opus\"   # the best\n";

#[test]
fn a_proposal_is_shown_applied_in_place_and_taken_back_to_the_byte() {
    let scratch = world();
    assert!(scratch.moai(["optimize"]).ok().contains("nothing to propose"));
    let file = scratch.write_home(".moai/config.toml", CONFIG);
    work(&scratch, "claude-opus", 80, 50_000_000);
    work(&scratch, "glm-4.7", 80, 2_000_000);
    let found = json(&scratch, &[]);
    let one = &found["proposals"][0];
    assert_eq!(found["proposals"].as_array().unwrap().len(), 1, "{found:#}");
    assert_eq!((&one["id"], &one["now"]["attempts"]), (&json!("agents.coder.primary_model=glm-4.7"), &json!(80)));
    assert!(one["saving_usd"]["low"].as_f64().unwrap() > 3.0, "{one:#}");
    let said = scratch.moai(["optimize"]);
    assert!(said.stdout.contains("spares about $") && said.stdout.contains("80 attempts in 40 groups"), "{said:?}");

    let dry = scratch.moai(["optimize", "--apply", "--dry-run"]).ok();
    assert!(dry.contains("-primary_model = \"claude-opus\"") && dry.contains("+primary_model = \"glm-4.7\""), "{dry}");
    assert_eq!(fs::read_to_string(&file).unwrap(), CONFIG);
    let applied = json(&scratch, &["--apply", "agents.coder.primary_model=glm-4.7"]);
    assert_eq!(applied["applied"], json!(["agents.coder.primary_model=glm-4.7"]));
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, CONFIG.replace("claude-opus", "glm-4.7"), "comments and all else stay");
    assert_eq!(scratch.moai(["config", "get", "agents.coder.primary_model"]).ok(), "glm-4.7\n");
    assert_eq!(json(&scratch, &[])["proposals"], json!([]), "it is done");

    json(&scratch, &["--undo"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), CONFIG);
    assert!(scratch.moai(["optimize", "--undo"]).fails(1).contains("nothing was applied"));
    assert!(scratch.moai(["optimize", "--apply", "nothing"]).fails(1).contains("nothing is proposed"));
}

#[test]
fn what_was_changed_since_is_left_alone() {
    let scratch = world();
    let file = scratch.write_home(".moai/config.toml", CONFIG);
    work(&scratch, "claude-opus", 80, 50_000_000);
    work(&scratch, "glm-4.7", 80, 2_000_000);
    scratch.moai(["optimize", "--apply"]).ok();
    let mine = fs::read_to_string(&file).unwrap() + "[route]\ncache = false\n";
    fs::write(&file, &mine).unwrap();
    assert!(scratch.moai(["optimize", "--undo"]).fails(1).contains("was changed since"));
    assert_eq!(fs::read_to_string(&file).unwrap(), mine);
}

#[test]
fn nothing_is_changed_by_itself_beyond_its_bounds() {
    let scratch = world();
    let file = scratch.write_home(".moai/config.toml", CONFIG);
    work(&scratch, "claude-opus", 80, 50_000_000);
    work(&scratch, "glm-4.7", 80, 2_000_000);
    assert!(scratch.moai(["optimize", "--auto"]).fails(1).contains("may not change anything by itself"));
    for bounds in ["models = [\"claude-sonnet\"]", "least_saving_usd = 1000", "most_changes = 0"] {
        let config = format!("{CONFIG}[optimize]\nauto = true\n{bounds}\n");
        fs::write(&file, &config).unwrap();
        assert_eq!(json(&scratch, &["--auto"])["applied"], json!([]), "{bounds}");
        assert_eq!(fs::read_to_string(&file).unwrap(), config);
    }
    fs::write(&file, format!("{CONFIG}[optimize]\nauto = true\nmodels = [\"glm-4.7\"]\n")).unwrap();
    assert_eq!(json(&scratch, &["--auto"])["applied"], json!(["agents.coder.primary_model=glm-4.7"]));
}

#[test]
fn the_project_is_changed_where_the_project_says_it() {
    let scratch = world();
    let file = scratch.write(".moai/config.toml", CONFIG);
    work(&scratch, "claude-opus", 80, 50_000_000);
    work(&scratch, "glm-4.7", 80, 2_000_000);
    scratch.moai(["optimize", "--apply"]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), CONFIG.replace("claude-opus", "glm-4.7"));
}

#[test]
fn few_requests_prove_nothing() {
    let scratch = world();
    scratch.write_home(".moai/config.toml", CONFIG);
    work(&scratch, "claude-opus", 80, 50_000_000);
    work(&scratch, "glm-4.7", 29, 2_000_000);
    let found = json(&scratch, &["--since", "3m"]);
    assert_eq!((&found["proposals"], &found["attempts"]), (&json!([]), &json!(109)));
    scratch.moai(["optimize", "--since", "someday"]).fails(2);
}
