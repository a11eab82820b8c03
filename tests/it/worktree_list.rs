//! `moai worktree list`, `status`, `go` and `switch`: what is shown is what git says, in a table that lines up and
//! in JSON of the shape that is published.

use std::fs;

use crate::scratch::{KEY, Scratch};
use crate::trees::{add, commit_file, place, put};

const GLM: &str = "https://api.z.ai/api/anthropic";

#[test]
fn the_table_shows_everything_in_columns_that_line_up() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    commit_file(&scratch, &one, "a", "1\n");
    put(&one, "b", "2\n");
    put(&one, "README.md", "changed\n");
    let wide = place(&scratch, "한글");
    scratch.git(["worktree", "add", "--quiet", "-b", "기능/로그인", wide.to_str().unwrap()]);
    let gone = add(&scratch, "SPEC-3");
    fs::remove_dir_all(gone).unwrap();
    commit_file(&scratch, &scratch.project(), "c", "3\n");
    let text = scratch.moai(["worktree", "list"]).ok();
    let expected = "   SPEC    branch          backend  changes  base   state    age  path
@  main    main            claude                   clean    now  ~/../DesignWorkflow
+  SPEC-1  feature/SPEC-1  claude   ~1 ?1    ↑1 ↓1  changed  now  ~/worktrees/DesignWorkflow/SPEC-1
+  SPEC-3  feature/SPEC-3  ?                 ↓1     missing  now  ~/worktrees/DesignWorkflow/SPEC-3
+  한글    기능/로그인     claude            ↓1     clean    now  ~/worktrees/DesignWorkflow/한글
";
    let text = text.replace(&scratch.root().join("DesignWorkflow").display().to_string(), "~/../DesignWorkflow");
    assert_eq!(text, expected);
}

#[test]
fn json_has_both_forms_and_fits_its_schema() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    put(&one, "b", "2\n");
    scratch.git(["worktree", "lock", "--reason", "mine", one.to_str().unwrap()]);
    let gone = add(&scratch, "SPEC-2");
    fs::remove_dir_all(gone).unwrap();
    let detached = place(&scratch, "SPEC-3");
    scratch.git(["worktree", "add", "--quiet", "--detach", detached.to_str().unwrap()]);

    let answer = scratch.moai(["worktree", "list", "--json"]).json();
    assert_eq!(answer["schema"], 1);
    assert_eq!(answer["repo"]["default_branch"], "main");
    let rows = answer["worktrees"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[0]["main"], true);
    assert_eq!(rows[0]["current"], true);
    let row = &rows[1];
    let names: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names[..6], ["spec_id", "path", "branch", "created_at", "last_accessed", "status"]);
    assert_eq!(row["spec_id"], "SPEC-1");
    assert_eq!(row["path"], one.to_str().unwrap());
    assert_eq!(row["status"], "active");
    assert_eq!(row["locked"]["reason"], "mine");
    assert_eq!(row["changes"]["untracked"], 1);
    assert_eq!(row["changes"]["files"][0]["path"], "b");
    assert_eq!(row["base"]["name"], "main");
    assert_eq!(row["base"]["integrated"], "same-commit");
    assert_eq!(row["backend"]["effective"], "claude");
    assert_eq!(rows[2]["status"], "stale");
    assert!(rows[2]["changes"].is_null());
    assert!(rows[3]["branch"].is_null());
    for row in rows {
        fits(&schema()["$defs"]["worktree"], row, "worktree");
    }
    fits(&schema(), &answer, "answer");

    // moai-adk's consumers read a plain array of linked worktrees.
    let array = scratch.moai(["worktree", "list", "--format", "json"]).json();
    let specs: Vec<&str> = array.as_array().unwrap().iter().map(|row| row["spec_id"].as_str().unwrap()).collect();
    assert_eq!(specs, ["SPEC-1", "SPEC-2", "SPEC-3"]);
}

fn schema() -> serde_json::Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema/worktree-list.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The part of JSON Schema that the file uses: type, properties, required, additionalProperties, items, enum, $ref.
#[track_caller]
fn fits(schema: &serde_json::Value, value: &serde_json::Value, at: &str) {
    let root = self::schema();
    let schema = match schema["$ref"].as_str() {
        Some(name) => root.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    if let Some(options) = schema["anyOf"].as_array() {
        let null = value.is_null() && options.iter().any(|option| option["type"] == "null");
        if !null {
            fits(options.iter().find(|option| option["type"] != "null").unwrap(), value, at);
        }
        return;
    }
    let types = match &schema["type"] {
        serde_json::Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let actual = match value {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "boolean",
        serde_json::Value::Number(_) => "integer",
        serde_json::Value::String(_) => "string",
        serde_json::Value::Array(_) => "array",
        serde_json::Value::Object(_) => "object",
    };
    assert!(types.iter().any(|known| known == actual), "{at}: {actual} is none of {types:?}");
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(value), "{at}: {value} is none of {words:?}");
    }
    if let Some(items) = value.as_array() {
        for (index, item) in items.iter().enumerate() {
            fits(&schema["items"], item, &format!("{at}[{index}]"));
        }
    }
    if let Some(object) = value.as_object() {
        let properties = schema["properties"].as_object().unwrap_or_else(|| panic!("{at}: no properties"));
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(object.contains_key(name.as_str().unwrap()), "{at}: {name} is missing");
        }
        for (name, value) in object {
            let property = properties.get(name).unwrap_or_else(|| panic!("{at}: {name} is not in the schema"));
            fits(property, value, &format!("{at}.{name}"));
        }
    }
}

#[test]
fn the_backend_is_the_one_in_effect_and_a_mix_is_said() {
    let scratch = Scratch::repository();
    let tree = add(&scratch, "SPEC-1");
    let settings = |token: &str, url: Option<&str>| {
        let url = url.map(|url| format!(", \"ANTHROPIC_BASE_URL\": \"{url}\"")).unwrap_or_default();
        format!("{{\"env\": {{\"ANTHROPIC_AUTH_TOKEN\": \"{token}\"{url}}}}}")
    };
    put(&tree, ".claude/settings.local.json", &settings(KEY, Some(GLM)));
    let row =
        |scratch: &Scratch| scratch.moai(["worktree", "list", "--json"]).json()["worktrees"][1]["backend"].clone();
    assert_eq!(row(&scratch), serde_json::json!({"configured": "glm", "effective": "glm", "conflict": []}));

    // Main's token would be sent to the worktree's endpoint.
    scratch.write(".claude/settings.local.json", settings("sk-ant-somebody-elses-token", None));
    let backend = row(&scratch);
    assert_eq!(backend["effective"], "glm");
    assert!(backend["conflict"].to_string().contains("ANTHROPIC_AUTH_TOKEN"), "{backend}");
    let said = scratch.moai(["worktree", "list"]);
    assert!(said.stdout.contains("glm!"), "{}", said.stdout);
    assert!(said.stderr.contains("warning: SPEC-1: "), "{}", said.stderr);
    assert!(!said.stdout.contains("sk-ant") && !said.stderr.contains("sk-ant"));

    scratch.write(".claude/settings.local.json", settings("t", Some("https://api.anthropic.com")));
    let backend = row(&scratch);
    assert_eq!((backend["configured"].as_str(), backend["effective"].as_str()), (Some("glm"), Some("claude")));
}

#[test]
fn states_are_named() {
    let scratch = Scratch::repository();
    let state = |scratch: &Scratch, spec: &str| {
        let text = scratch.moai(["worktree", "list"]).ok();
        text.lines().find(|line| line.contains(spec)).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    let merged = add(&scratch, "SPEC-1");
    commit_file(&scratch, &merged, "a", "1\n");
    scratch.git(["merge", "--quiet", "--ff-only", "feature/SPEC-1"]);
    assert!(state(&scratch, "SPEC-1").contains(" merged "));
    // A branch that has no commit yet is new, not merged, even where the base moved on.
    add(&scratch, "SPEC-2");
    commit_file(&scratch, &scratch.project(), "b", "1\n");
    assert!(state(&scratch, "SPEC-2").contains(" clean "));
    let busy = add(&scratch, "SPEC-3");
    commit_file(&scratch, &busy, "b", "theirs\n");
    commit_file(&scratch, &scratch.project(), "b", "ours\n");
    let mut merge = scratch.command("git");
    assert!(!merge.args(["merge", "main"]).current_dir(&busy).output().unwrap().status.success());
    let line = state(&scratch, "SPEC-3");
    assert!(line.contains(" merge ") && line.contains("!1"), "{line}");
}

#[test]
fn squash_merges_are_found_in_all_their_forms() {
    let scratch = Scratch::repository();
    let integrated = |spec: &str| {
        let answer = scratch.moai(["worktree", "remove", spec, "--delete-branch", "--dry-run", "--json"]);
        if answer.status == 0 {
            answer.json()["deleted_branch"]["integrated"].as_str().unwrap().to_owned()
        } else {
            "no".into()
        }
    };
    let make = |spec: &str| {
        let tree = add(&scratch, spec);
        commit_file(&scratch, &tree, &format!("{spec}.one"), "1\n");
        commit_file(&scratch, &tree, &format!("{spec}.two"), "2\n");
        tree
    };
    make("SPEC-1");
    assert_eq!(integrated("SPEC-1"), "no");
    scratch.git(["merge", "--quiet", "--squash", "feature/SPEC-1"]);
    scratch.git(["commit", "--quiet", "-m", "squash"]);
    assert_eq!(integrated("SPEC-1"), "same-tree");
    commit_file(&scratch, &scratch.project(), "later", "3\n");
    assert_eq!(integrated("SPEC-1"), "merge-adds-nothing");
    // Changed over afterwards: only the patch of the squash itself still tells.
    scratch.write("SPEC-1.one", "changed over\n");
    crate::trees::commit(&scratch, &scratch.project(), "over");
    assert_eq!(integrated("SPEC-1"), "same-patch");

    let reverted = make("SPEC-2");
    scratch.git_in(&reverted, ["revert", "--no-edit", "HEAD"]);
    scratch.git_in(&reverted, ["revert", "--no-edit", "HEAD~2"]);
    assert_eq!(integrated("SPEC-2"), "no-added-changes");
    make("SPEC-3");
    scratch.git(["merge", "--quiet", "--no-ff", "--no-edit", "feature/SPEC-3"]);
    assert_eq!(integrated("SPEC-3"), "ancestor");
    // A squash of a part is not the whole.
    let part = make("SPEC-4");
    scratch.git(["merge", "--quiet", "--squash", "feature/SPEC-4"]);
    scratch.git(["commit", "--quiet", "-m", "squash"]);
    commit_file(&scratch, &part, "more", "x\n");
    assert_eq!(integrated("SPEC-4"), "no");
}

#[test]
fn names_are_found_as_people_write_them() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    add(&scratch, "SPEC-10");
    let go = |word: &str| scratch.moai(["worktree", "go", word]);
    for word in ["SPEC-1", "spec-1", "feature/SPEC-1", one.to_str().unwrap(), "../home/worktrees/DesignWorkflow/SPEC-1"]
    {
        assert_eq!(go(word).ok().trim_end(), one.to_str().unwrap(), "{word}");
    }
    assert_eq!(go("^").ok().trim_end(), scratch.project().to_str().unwrap());
    assert_eq!(go("@").ok().trim_end(), scratch.project().to_str().unwrap());
    assert!(go("SPEC-10").ok().ends_with("SPEC-10\n"));
    let stderr = go("SPEC").fails(1);
    assert!(stderr.contains("`SPEC` could be SPEC-1 or SPEC-10"), "{stderr}");
    let stderr = go("SPCE-1").fails(1);
    assert!(stderr.contains("did you mean `SPEC-1`?"), "{stderr}");
    let stderr = scratch.moai(["worktree", "go"]).fails(2);
    assert!(stderr.contains("give one of: main, SPEC-1, SPEC-10"), "{stderr}");
    let said = scratch.moai(["worktree", "go", "x\u{1b}[31m"]);
    assert!(!said.stderr.contains('\u{1b}'), "{}", said.stderr);
}

#[test]
fn go_leads_the_shell_and_finds_back() {
    let mut scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    let two = add(&scratch, "SPEC-2");
    assert!(scratch.moai(["worktree", "go", "-"]).fails(1).contains("no worktree to go back to"));
    let file = scratch.root().join("cd");
    scratch.set_env("MOAI_CD_FILE", file.to_str().unwrap());
    let led = || fs::read_to_string(&file).unwrap();
    scratch.moai_in(&one, ["worktree", "go", "SPEC-2"]).ok();
    assert_eq!(led(), two.to_str().unwrap());
    assert_eq!(scratch.moai_in(&two, ["worktree", "go", "-"]).ok().trim_end(), one.to_str().unwrap());
    assert_eq!(led(), one.to_str().unwrap());
    assert_eq!(scratch.moai_in(&one, ["worktree", "switch", "-"]).ok().trim_end(), two.to_str().unwrap());
}

#[test]
fn switch_runs_a_program_there_without_a_shell() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    let said =
        scratch.moai(["worktree", "switch", "SPEC-1", "--exec", "sh", "-c", "pwd; echo \"$0 $PWD\"; exit 7", "$(x)"]);
    assert_eq!(said.stdout, format!("{0}\n$(x) {0}\n", one.display()));
    said.fails(7);
    let stderr = scratch.moai(["worktree", "switch", "SPEC-1", "--exec", "no-such-program"]).fails(1);
    assert!(stderr.contains("`no-such-program` is not installed"), "{stderr}");
}

#[test]
fn status_shows_one_in_detail() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    commit_file(&scratch, &one, "a", "1\n");
    put(&one, "b\u{1b}]0;x", "2\n");
    let text = scratch.moai_in(&one, ["worktree", "status"]).ok();
    assert!(text.contains("worktree  SPEC-1\n"), "{text}");
    assert!(text.contains("base      main: 1 ahead, 0 behind\n"), "{text}");
    assert!(text.contains("changes   1 untracked\n"), "{text}");
    assert!(text.contains("b\\u{1b}]0;x") && !text.contains('\u{1b}'), "{text}");
    let answer = scratch.moai(["worktree", "status", "SPEC-1", "--json"]).json();
    fits(&schema()["$defs"]["worktree"], &answer["worktree"], "worktree");
}

#[test]
fn what_libgit2_cannot_read_is_shown_through_git() {
    for format in [["--object-format=sha256"], ["--ref-format=reftable"]] {
        let scratch = Scratch::new();
        scratch.git(["init", "--quiet", "--initial-branch=main", format[0]]);
        commit_file(&scratch, &scratch.project(), "a", "1\n");
        let one = add(&scratch, "SPEC-1");
        commit_file(&scratch, &one, "b", "1\n");
        put(&one, "c", "x\n");
        let answer = scratch.moai(["worktree", "list", "--json"]).json();
        let row = &answer["worktrees"][1];
        assert_eq!((row["base"]["ahead"].as_u64(), row["changes"]["untracked"].as_u64()), (Some(1), Some(1)), "{row}");
        scratch.moai(["worktree", "remove", "SPEC-1"]).fails(1);
        let answer = scratch.moai(["worktree", "remove", "SPEC-1", "--force", "-D", "--json"]).json();
        let rescue = answer["rescue"].as_str().unwrap().to_owned();
        assert_eq!(scratch.git(["show", &format!("{rescue}:c")]), "x");
        scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
        assert_eq!(scratch.git_in(&one, ["status", "--porcelain", "--branch"]), "## feature/SPEC-1\n?? c");
    }
}

#[test]
fn sparse_and_split_indexes_are_not_taken_for_changes() {
    let scratch = Scratch::repository();
    commit_file(&scratch, &scratch.project(), "deep/a", "1\n");
    commit_file(&scratch, &scratch.project(), "other/b", "1\n");
    let one = add(&scratch, "SPEC-1");
    scratch.git_in(&one, ["sparse-checkout", "set", "--sparse-index", "deep"]);
    let two = add(&scratch, "SPEC-2");
    scratch.git_in(&two, ["update-index", "--split-index"]);
    let answer = scratch.moai(["worktree", "list", "--json"]).json();
    for at in [1, 2] {
        let changes = &answer["worktrees"][at]["changes"];
        assert_eq!(changes["modified"], 0, "{changes}");
    }
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
    assert!(!one.join("other").exists() && one.join("deep/a").exists());
    assert_eq!(scratch.git_in(&one, ["status", "--porcelain"]), "");
}

#[test]
fn the_registry_of_moai_adk_is_kept_in_step() {
    let scratch = Scratch::repository();
    let one = add(&scratch, "SPEC-1");
    let record = |spec: &str, path: &str| {
        format!(
            "{{\"spec_id\": \"{spec}\", \"path\": \"{path}\", \"branch\": \"feature/{spec}\", \"created_at\": \"2025-12-01T00:00:00Z\", \"last_accessed\": \"2025-12-02T00:00:00Z\", \"status\": \"active\", \"extra\": 1.0}}"
        )
    };
    let (mine, other) = (record("SPEC-1", one.to_str().unwrap()), record("SPEC-9", "/elsewhere/SPEC-9"));
    let text = format!(
        "{{\n  \"DesignWorkflow\": {{\n    \"SPEC-1\": {mine}\n  }},\n  \"Other\": {{\"SPEC-9\": {other}}}\n}}\n"
    );
    let file = scratch.write_home("worktrees/.moai-worktree-registry.json", &text);
    let row = scratch.moai(["worktree", "list", "--format", "json"]).json()[0].clone();
    assert_eq!(
        (row["created_at"].as_str(), row["last_accessed"].as_str()),
        (Some("2025-12-01T00:00:00Z"), Some("2025-12-02T00:00:00Z"))
    );
    scratch.moai(["worktree", "go", "SPEC-1"]).ok();
    let touched = text.replacen("2025-12-02T00:00:00Z", crate::scratch::NOW, 1);
    assert_eq!(fs::read_to_string(&file).unwrap(), touched);
    scratch.moai(["worktree", "remove", "SPEC-1"]).ok();
    let left = fs::read_to_string(&file).unwrap();
    assert!(!left.contains("SPEC-1") && left.contains(&other), "{left}");
    scratch.moai(["worktree", "restore", "SPEC-1"]).ok();
    assert!(fs::read_to_string(&file).unwrap().contains(one.to_str().unwrap()));
}
