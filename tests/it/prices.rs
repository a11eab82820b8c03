//! `moai prices`: books are shown, compared, set and replaced, and never lost.

use serde_json::Value;

use crate::scratch::Scratch;

fn estimate(scratch: &Scratch, model: &str) -> String {
    scratch.moai(["costs", "estimate", model, "1M", "1M", "--json"]).json()["cost_usd"].to_string()
}

/// A whole book of one model, with this date.
fn book(name: &str, date: &str, price: &str) -> String {
    format!(
        r#"{{"schema":1,"name":"{name}","version":"{date}+1","date":"{date}","source":"a test","models":[
{{"vendor":"zai","id":"glm-4.7","prices":[{{"in":"{price}","out":"{price}"}}]}}]}}"#
    )
}

#[test]
fn a_price_is_shown_with_everything_that_is_known_of_it() {
    let scratch = Scratch::new();
    let text = scratch.moai(["prices", "show", "glm-4.7", "claude-haiku-5-5"]);
    assert!(text.stderr.contains("list: 2026-11-20") && text.stderr.contains("genai-prices"), "{}", text.stderr);
    let text = text.ok();
    assert!(text.contains("zai/glm-4.7") && text.contains("prompt over 100000") && text.contains("batch"), "{text}");
    let all = scratch.moai(["prices", "show"]).ok();
    let everything = scratch.moai(["prices", "show", "--all"]).ok();
    assert!(all.lines().count() > 100 && all.lines().count() < everything.lines().count(), "the retired are left out");
    let seeds = scratch.moai(["prices", "show", "--prices", "spec-model-001"]).ok();
    assert_eq!(seeds.lines().count(), 5, "{seeds}");
    let said = scratch.moai(["prices", "show", "glm-4.77"]).fails(1);
    assert!(said.contains("no price book has glm-4.77") && said.contains("glm-4.7"), "{said}");
}

#[test]
fn what_show_prints_as_json_update_reads() {
    let scratch = Scratch::new();
    let book = scratch.moai(["prices", "show", "--all", "--json"]).ok();
    let json: Value = serde_json::from_str(&book).unwrap();
    assert_eq!((json["schema"].as_u64(), json["name"].as_str()), (Some(1), Some("list")));
    scratch.write("list.json", book);
    let said = scratch.moai(["prices", "update", "list.json", "--json"]).json();
    assert_eq!((said["update"]["changed"].as_u64(), said["update"]["gone"].as_u64()), (Some(0), Some(0)), "{said}");
}

#[test]
fn a_price_of_ones_own_comes_first_and_can_be_taken_back() {
    let scratch = Scratch::new();
    assert_eq!(estimate(&scratch, "glm-4.7"), "2.8");
    let dry = scratch.moai(["prices", "set", "glm-4.7", "0.5", "0.5", "--dry-run"]);
    assert!(dry.stderr.contains("would write") && dry.stdout.contains("0.5"), "{dry:?}");
    assert_eq!(estimate(&scratch, "glm-4.7"), "2.8");
    scratch.moai(["prices", "set", "zai/GLM-4.7", "0.5", "0.5", "--cache-read", "0.1"]).ok();
    assert_eq!(estimate(&scratch, "glm-4.7"), "1.0");
    let json = scratch.moai(["costs", "estimate", "glm-4.7", "1", "1", "--json"]).json();
    assert_eq!(json["price_book"], "user");
    assert!(json["price_book_version"].as_str().unwrap().starts_with("2026-01-09+"), "{json}");
    let diff = scratch.moai(["prices", "diff", "--json"]).json();
    assert_eq!(
        (diff["changes"][0]["key"].as_str(), diff["changes"][0]["new"][0]["in"].as_str()),
        (Some("zai/glm-4.7"), Some("0.5"))
    );
    let again = scratch.moai(["prices", "set", "zai/glm-4.7", "0.50", "0.5", "--cache-read", "0.1"]);
    assert!(again.stderr.contains("says so already"), "{again:?}");
    let seeds =
        scratch.moai(["costs", "estimate", "glm-4.7", "1M", "1M", "--prices", "spec-model-001", "--json"]).json();
    assert_eq!(seeds["cost_usd"].to_string(), "3.0", "the seeds' table stands as it is");
    assert!(scratch.moai(["prices", "unset", "glm-9"]).fails(1).contains("zai/glm-4.7"));
    scratch.moai(["prices", "unset", "zai/glm-4.7"]).ok();
    assert_eq!(estimate(&scratch, "glm-4.7"), "2.8");
    for wrong in [["cheap", "1"], ["-1", "1"], ["1", "99999999"]] {
        assert!(scratch.moai(["prices", "set", "m"].into_iter().chain(wrong)).status == 2, "{wrong:?}");
    }
}

#[test]
fn a_list_is_replaced_by_a_newer_one_and_by_an_older_one_only_by_force() {
    let scratch = Scratch::new();
    scratch.write("old.json", book("list", "2025-01-01", "9"));
    scratch.write("new.json", book("list", "2027-01-01", "3"));
    let said = scratch.moai(["prices", "update", "old.json"]).fails(1);
    assert!(said.contains("is of 2025-01-01") && said.contains("--force"), "{said}");
    assert_eq!(estimate(&scratch, "glm-4.7"), "2.8");
    let dry = scratch.moai(["prices", "update", "new.json", "--dry-run"]);
    assert!(dry.stderr.contains("rows of the old list are not in it") && dry.stdout.contains("zai/glm-4.7"), "{dry:?}");
    assert_eq!(estimate(&scratch, "glm-4.7"), "2.8");
    scratch.moai(["prices", "update", "new.json"]).ok();
    assert_eq!(estimate(&scratch, "glm-4.7"), "6.0");
    scratch.moai(["prices", "update", "old.json", "--force"]).ok();
    assert_eq!(estimate(&scratch, "glm-4.7"), "18.0");
    scratch.moai(["prices", "update", "--built-in"]).ok();
    assert_eq!(estimate(&scratch, "glm-4.7"), "2.8");
}

#[test]
fn a_book_that_is_none_changes_nothing_and_is_never_overwritten() {
    let scratch = Scratch::new();
    for (text, says) in [
        ("{\n  oops", "line 2"),
        (&book("user", "2027-01-01", "1"), "cannot be called"),
        (&book("list", "2027-01-01", "dear"), "price of `glm-4.7`"),
        (r#"{"schema":9,"name":"list","version":"1","date":"2027-01-01","models":[]}"#, "schema 9"),
        (r#"{"schema":1,"name":"list","version":"1","date":"2027-01-01","models":[]}"#, "has no models"),
    ] {
        scratch.write("book.json", text);
        let said = scratch.moai(["prices", "update", "book.json"]).fails(3);
        assert!(said.contains(says), "{says}: {said}");
    }
    let own = scratch.write_home(".moai/prices.json", "{ not json");
    let said = scratch.moai(["prices", "set", "glm-4.7", "1", "1"]).fails(3);
    assert!(said.contains("prices.json") && said.contains("line 1"), "{said}");
    assert_eq!(std::fs::read_to_string(own).unwrap(), "{ not json");
    assert!(scratch.moai(["costs", "estimate", "glm-4.7", "1", "1"]).fails(3).contains("prices.json"));
}

#[test]
fn two_at_once_both_set_their_price() {
    let scratch = Scratch::new();
    let children: Vec<_> = (0..6)
        .map(|number| scratch.moai_command(["prices", "set", &format!("model-{number}"), "1", "1"]).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    for number in 0..6 {
        assert_eq!(estimate(&scratch, &format!("model-{number}")), "2.0");
    }
}
