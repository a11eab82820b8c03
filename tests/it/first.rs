//! Manners that hold for every command: help, versions, wrong words, closed pipes.

use crate::scratch::{KEY, Scratch};

#[test]
fn help_goes_to_stdout_and_a_wrong_word_to_stderr_with_a_suggestion() {
    let scratch = Scratch::new();
    assert!(scratch.moai(["--help"]).ok().contains("worktree"));
    let stderr = scratch.moai(["worktre"]).fails(2);
    assert!(stderr.contains("'worktree'"), "{stderr}");
}

#[test]
fn under_json_a_wrong_command_line_is_one_document_too() {
    let scratch = Scratch::new();
    for args in [&["worktre"][..], &["glm", "--nosuch"], &["phase", "lunch"], &["key", "set"], &["worktree"], &[]] {
        let said = scratch.moai(["--json"].iter().chain(args));
        let document: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!((&document["schema"], &document["error"]["exit"]), (&1.into(), &2.into()), "{document}");
        assert!(!document["error"]["message"].as_str().unwrap().is_empty(), "{document}");
        said.fails(2);
    }
}

#[test]
fn a_key_in_a_wrong_place_is_not_repeated() {
    let scratch = Scratch::new();
    for before in [
        &["status"][..],
        &["key", "set"],
        &["key", "glm"],
        &[],
        &["config", "get"],
        &["phase", "run"],
        &["worktree", "create"],
        &["-C"],
        &["glm", "--"],
    ] {
        for json in [None, Some("--json")] {
            let said = scratch.moai(json.into_iter().chain(before.iter().copied()).chain([KEY]));
            assert!(said.status != 0 && !said.stderr.contains(KEY) && !said.stdout.contains(KEY), "{said:?}");
        }
    }
    let said = scratch.moai(["glm", &format!("--key={KEY}")]);
    assert!(said.status == 2 && !said.stderr.contains(KEY), "{said:?}");
}

#[test]
fn a_relative_home_of_moais_is_refused() {
    let mut scratch = Scratch::new();
    scratch.set_env("MOAI_HOME", "here");
    let stderr = scratch.moai_stdin(KEY, ["glm", "--stdin"]).fails(3);
    assert!(stderr.contains("MOAI_HOME is not an absolute path"), "{stderr}");
    assert!(!scratch.project().join("here").exists());
}
