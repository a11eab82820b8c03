//! Where the settings really land: files and links in the way, links out of the project; and what a diff shows of keys.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::scratch::{KEY, Scratch};

/// A repository with a GLM key in the home.
fn ready() -> Scratch {
    let scratch = Scratch::repository();
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY=\"{KEY}\"\n"));
    scratch
}

#[test]
fn what_stands_in_the_way_of_the_settings_is_seen_before_anything_is_touched() {
    let scratch = ready();
    let claude = scratch.project().join(".claude");
    let blocks: [(&str, &dyn Fn()); 3] = [
        ("is a file", &|| fs::write(&claude, "x").unwrap()),
        ("leads nowhere", &|| symlink("/nowhere/at/all", &claude).unwrap()),
        ("is a file", &|| symlink("README.md", &claude).unwrap()),
    ];
    for (says, block) in blocks {
        block();
        let before = scratch.snapshot();
        let said = scratch.moai(["glm", "--json"]);
        let error: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(error["error"]["code"], "blocked", "{said:#?}");
        let stderr = said.fails(1);
        assert!(stderr.contains(says) && stderr.contains("nothing was changed"), "{stderr}");
        assert!(before == scratch.snapshot(), "{says}: something was changed");
        scratch.moai(["claude"]).ok();
        fs::remove_file(&claude).unwrap();
    }
    scratch.moai(["glm"]).ok();
}

#[test]
fn a_link_out_of_the_project_is_said_before_the_key_follows_it() {
    let scratch = ready();
    let shared = scratch.home().join("shared");
    fs::create_dir(&shared).unwrap();
    symlink(&shared, scratch.project().join(".claude")).unwrap();
    let said = scratch.moai(["glm", "--dry-run"]);
    assert!(
        said.stderr.contains("the key lands outside of this project, in ~/shared/settings.local.json"),
        "{said:#?}"
    );
    scratch.moai(["glm"]).ok();
    assert!(fs::read_to_string(shared.join("settings.local.json")).unwrap().contains(KEY));
    scratch.moai(["claude"]).ok();
    assert!(!shared.join("settings.local.json").exists());
    // There it would be committed: in somebody's dotfiles, say.
    scratch.git_in(&shared, ["init", "--quiet"]);
    let before = scratch.snapshot();
    let said = scratch.moai(["glm", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&said.stdout).unwrap()["error"]["code"], "exposed");
    assert!(said.fails(1).contains("another repository"));
    assert!(before == scratch.snapshot());
    scratch.moai(["glm", "--helper"]).ok();
    scratch.moai(["claude"]).ok();
    fs::write(shared.join(".gitignore"), "settings.local.json\n").unwrap();
    scratch.moai(["glm"]).ok();
}

#[test]
fn a_key_under_a_harmless_name_is_masked_in_the_diff() {
    let scratch = ready();
    let other = "sk-proj-0123456789abcdefghijABCDEFGH";
    scratch.write(".moai/llm-configs/glm.json", format!("{{\"env\": {{\"FOO\": \"{other}\", \"BAR\": \"plain\"}}}}"));
    scratch.write(".claude/settings.local.json", format!("{{\"hooks\": {{\"x\": \"curl -H {other}\"}}}}"));
    for args in [&["glm", "--dry-run"][..], &["glm", "--dry-run", "--json"]] {
        let said = scratch.moai(args);
        assert!(!said.stdout.contains(other) && said.stdout.contains("sk-p…EFGH"), "{said:#?}");
        assert!(said.stdout.contains("plain"));
    }
    scratch.moai(["glm"]).ok();
    assert_eq!(scratch.read(".claude/settings.local.json").matches(other).count(), 2, "the file has the real one");
}
