//! The backend switch: to GLM and back on real files, with the damage that other tools did as the list of what must not
//! happen.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::scratch::{KEY, Said, Scratch, mode};

const LOCAL: &str = ".claude/settings.local.json";

/// A repository with a GLM key in the home.
fn ready() -> Scratch {
    let scratch = Scratch::repository();
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY=\"{KEY}\"\n"));
    scratch
}

fn local(scratch: &Scratch) -> PathBuf {
    scratch.project().join(LOCAL)
}

fn env(scratch: &Scratch) -> serde_json::Value {
    serde_json::from_str::<serde_json::Value>(&scratch.read(LOCAL)).unwrap()["env"].clone()
}

/// Every file of the project outside of `.git`, with its bytes.
fn project(scratch: &Scratch) -> Vec<(PathBuf, Vec<u8>)> {
    let git = scratch.project().join(".git");
    scratch
        .snapshot()
        .into_iter()
        .filter(|(path, _)| path.starts_with(scratch.project()) && !path.starts_with(&git))
        .collect()
}

#[track_caller]
fn discreet(said: Said) -> Said {
    assert!(!said.stdout.contains(KEY) && !said.stderr.contains(KEY), "the key was shown\n{said:#?}");
    said
}

#[test]
fn the_seeds_five_keys_and_what_todays_client_needs() {
    let scratch = ready();
    let stderr = {
        let said = discreet(scratch.moai(["glm"]));
        assert_eq!((said.status, said.stdout.as_str()), (0, ""));
        said.stderr
    };
    assert!(stderr.contains("now runs on GLM") && stderr.contains("restarted"), "{stderr}");
    let env = env(&scratch);
    for (name, value) in [
        ("ANTHROPIC_AUTH_TOKEN", KEY),
        ("ANTHROPIC_BASE_URL", "https://api.z.ai/api/anthropic"),
        ("ANTHROPIC_DEFAULT_HAIKU_MODEL", "glm-4.7"),
        ("ANTHROPIC_DEFAULT_SONNET_MODEL", "glm-4.7"),
        ("ANTHROPIC_DEFAULT_OPUS_MODEL", "glm-4.7"),
        ("ANTHROPIC_API_KEY", ""),
        ("CLAUDE_CODE_MAX_CONTEXT_TOKENS", "200000"),
        ("CLAUDE_CODE_DISABLE_1M_CONTEXT", "1"),
        ("CLAUDE_CODE_ATTRIBUTION_HEADER", "0"),
        ("CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS", "1"),
        ("API_TIMEOUT_MS", "3000000"),
    ] {
        assert_eq!(env[name], value, "{name}");
    }
    assert_eq!(mode(&local(&scratch)), 0o600);
    assert_eq!(mode(&scratch.project().join(".claude")), 0o755);
    assert_eq!(scratch.git(["status", "--porcelain"]), "", "git does not see it");
    scratch.git(["add", "--all"]);
    assert_eq!(scratch.git(["diff", "--cached", "--name-only"]), "");
}

#[test]
fn there_and_back_is_the_same_to_the_byte() {
    let scratch = ready();
    for text in [
        None,
        Some("{}"),
        Some(
            "{\r\n\t\"permissions\" : { \"allow\":[ \"Bash(ls:*)\" ] },\r\n\t\"한글\": \"\\u0041\", \"n\": 12345678901234567890123\r\n}",
        ),
        Some("\u{feff}{\"env\": {\"FOO\": \"1\"}, \"model\": \"claude-opus-5-5\"}\n"),
        Some(
            "{\"env\": {\"ANTHROPIC_BASE_URL\": \"https://own.example\", \"ANTHROPIC_AUTH_TOKEN\": \"mine\", \"ANTHROPIC_CUSTOM_HEADERS\": \"x-auth: mine\"}}",
        ),
    ] {
        if let Some(text) = text {
            scratch.write(LOCAL, text);
        }
        let before = project(&scratch);
        discreet(scratch.moai(["glm"])).ok();
        assert!(scratch.read(LOCAL).contains(KEY));
        discreet(scratch.moai(["claude"])).ok();
        assert!(project(&scratch) == before, "{text:?}: {:?}", project(&scratch));
        assert_eq!(scratch.project().join(".claude").exists(), text.is_some(), "a directory that we made goes, too");
    }
    let ledgers = std::fs::read_dir(scratch.home().join(".moai/backends")).unwrap();
    let left: Vec<_> =
        ledgers.map(|entry| entry.unwrap().path()).filter(|path| path.extension().unwrap() == "json").collect();
    assert_eq!(left, Vec::<PathBuf>::new(), "no record of what is over");
}

#[test]
fn a_file_that_cannot_be_edited_is_named_by_place_and_not_touched() {
    let scratch = ready();
    for (text, place) in [
        ("", ":1:1: the file is empty"),
        ("{\n  \"env\": {\n    \"A\": \"1\",,\n  }\n}", ":3:"),
        ("{\n  // mine\n  \"a\": 1\n}", ":2:3: a comment"),
        ("{\"a\": 1,}", ":1:8: a trailing comma"),
        ("{\"a\": \"x\u{0}y\"}", ":1:9: a bare control character"),
        ("{\"a\":\u{a0}1}", ":1:6: white space"),
        ("[]", ":1:1: not a JSON object"),
        ("{\n  \"env\": [\"SeCrEt\"]\n}", ":2:3: `env` is not an object"),
        ("{\"env\": {\"A\": \"SeCrEt\", \"A\": \"2\"}}", ":1:"),
        ("not json SeCrEt", ":1:1:"),
    ] {
        scratch.write(LOCAL, text);
        let before = scratch.snapshot();
        for args in [&["glm"][..], &["glm", "--dry-run"]] {
            let said = discreet(scratch.moai(args));
            assert!(!said.stderr.contains("SeCrEt"), "{said:?}");
            let stderr = said.fails(3);
            assert!(stderr.contains(&format!("{LOCAL}{place}")), "{text:?}: {stderr}");
        }
        let now = scratch.snapshot().into_iter().filter(|(path, _)| path.extension().is_none_or(|end| end != "lock"));
        let before = before.into_iter().filter(|(path, _)| path.extension().is_none_or(|end| end != "lock"));
        assert!(now.eq(before), "{text:?}: something changed");
    }
    // UTF-16: a byte order mark that is not UTF-8's.
    scratch.write(LOCAL, b"\xff\xfe{\x00}\x00");
    assert!(scratch.moai(["glm"]).fails(3).contains("is not UTF-8 text (byte 0)"));
}

#[test]
fn already_writes_nothing_and_a_rotated_key_is_applied() {
    let scratch = ready();
    scratch.moai(["glm"]).ok();
    let inode = || local(&scratch).metadata().unwrap().ino();
    let first = inode();
    assert!(scratch.moai(["glm"]).stderr.contains("already runs on GLM"));
    assert_eq!(scratch.moai(["glm", "--json"]).json()["action"], "unchanged");
    assert_eq!(inode(), first);
    let fresh = "fedcba9876543210fedcba9876543210.OtherOther";
    scratch.moai(["glm", fresh]).ok();
    assert_eq!(env(&scratch)["ANTHROPIC_AUTH_TOKEN"], KEY, "saving alone changes no project");
    scratch.moai(["glm"]).ok();
    assert_eq!(env(&scratch)["ANTHROPIC_AUTH_TOKEN"], fresh);
    assert_ne!(inode(), first);
    // A mode that lets others read the key is put right even where the text stays.
    std::fs::set_permissions(local(&scratch), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    scratch.moai(["glm"]).ok();
    assert_eq!(mode(&local(&scratch)), 0o600);
    scratch.moai(["claude"]).ok();
    assert!(!local(&scratch).exists());
    assert!(scratch.moai(["cc"]).stderr.contains("is not on GLM"));
}

#[test]
fn leaving_takes_only_what_is_glms() {
    let scratch = ready();
    // A gateway of the user's own, never touched by moai.
    let own = "{\"env\": {\"ANTHROPIC_BASE_URL\": \"https://own.example\", \"ANTHROPIC_AUTH_TOKEN\": \"mine\"}}";
    scratch.write(LOCAL, own);
    let stderr = scratch.moai(["claude"]).stderr;
    assert!(
        stderr.contains("is not on GLM") && stderr.contains("requests still go to https://own.example"),
        "{stderr}"
    );
    assert_eq!(scratch.read(LOCAL), own);
    // GLM by moai-adk 1.14.5: five keys, no ledger.
    let original = "{\n  \"env\": {\n    \"ANTHROPIC_AUTH_TOKEN\": \"k\",\n    \"ANTHROPIC_BASE_URL\": \"https://open.bigmodel.cn/api/anthropic\",\n    \"ANTHROPIC_DEFAULT_HAIKU_MODEL\": \"glm-4.7-flashx\"\n  },\n  \"theme\": \"dark\"\n}\n";
    scratch.write(LOCAL, original);
    scratch.moai(["claude"]).ok();
    assert_eq!(scratch.read(LOCAL), "{\n  \"theme\": \"dark\"\n}\n");
    // The Go versions kept the user's token aside.
    scratch.write(LOCAL, "{\"env\": {\"ANTHROPIC_AUTH_TOKEN\": \"k\", \"ANTHROPIC_BASE_URL\": \"https://api.z.ai/api/anthropic\", \"MOAI_BACKUP_AUTH_TOKEN\": \"mine\", \"Z_AI_API_KEY\": \"k\"}}");
    scratch.moai(["claude"]).ok();
    assert_eq!(env(&scratch), serde_json::json!({"ANTHROPIC_AUTH_TOKEN": "mine"}));
    // Ours, edited by hand since, with the user's gateway from before.
    scratch.write(LOCAL, own);
    scratch.moai(["glm"]).ok();
    let edited = scratch
        .read(LOCAL)
        .replacen('{', "{\"theme\": \"light\",", 1)
        .replace("\"ANTHROPIC_DEFAULT_OPUS_MODEL\": \"glm-4.7\"", "\"ANTHROPIC_DEFAULT_OPUS_MODEL\": \"glm-5.3\"");
    scratch.write(LOCAL, &edited);
    let stderr = scratch.moai(["claude"]).stderr;
    assert!(stderr.contains("own.example is in charge again"), "{stderr}");
    let after: serde_json::Value = serde_json::from_str(&scratch.read(LOCAL)).unwrap();
    assert_eq!(
        after,
        serde_json::json!({"theme": "light", "env": {"ANTHROPIC_BASE_URL": "https://own.example", "ANTHROPIC_AUTH_TOKEN": "mine"}})
    );
}

#[test]
fn a_dry_run_shows_the_diff_without_secrets_and_changes_nothing() {
    let scratch = ready();
    scratch.write(LOCAL, "{\n  \"env\": {\n    \"MY_PASSWORD\": \"hunter2-hunter2-hunter2\"\n  }\n}\n");
    let before = scratch.snapshot();
    let said = discreet(scratch.moai(["glm", "--dry-run"]));
    assert!(said.stdout.contains("+    \"ANTHROPIC_AUTH_TOKEN\": \"0123…SeCr\""), "{said:?}");
    assert!(!said.stdout.contains("hunter2-hunter2"), "{said:?}");
    let json = discreet(scratch.moai(["glm", "--dry-run", "--json"])).json();
    assert_eq!(
        (json["schema"].as_u64(), json["dry_run"].as_bool(), json["backend"].as_str()),
        (Some(1), Some(true), Some("glm"))
    );
    assert!(json["diff"].as_str().unwrap().contains("api.z.ai"));
    scratch.moai(["claude", "-n"]).ok();
    assert!(scratch.snapshot() == before, "something changed");
}

#[test]
fn the_helper_form_leaves_no_key_in_the_project() {
    let scratch = ready();
    scratch.moai(["glm"]).ok();
    scratch.moai(["glm", "--helper"]).ok();
    let text = scratch.read(LOCAL);
    assert!(!text.contains(KEY) && text.contains("key glm --print"), "{text}");
    assert_eq!(env(&scratch)["ANTHROPIC_AUTH_TOKEN"], "", "a token of the shell is shut out");
    assert!(project(&scratch).iter().all(|(_, bytes)| !String::from_utf8_lossy(bytes).contains(KEY)));
    scratch.moai(["claude"]).ok();
    assert!(!local(&scratch).exists());
    scratch.write(".moai/config.toml", "[keys]\nembed = false\n");
    scratch.moai(["glm"]).ok();
    assert!(!scratch.read(LOCAL).contains(KEY), "keys.embed = false says the same");
}

#[test]
fn what_a_killed_switch_left_is_out_of_git_and_goes_with_the_next() {
    let scratch = ready();
    scratch.moai(["glm"]).ok();
    let half = scratch.write(".claude/.moai-settings.local.json-AbCdEf", KEY);
    let record = scratch.write_home(".moai/.moai-.env.glm-AbCdEf", KEY);
    scratch.git(["add", "--all"]);
    assert_eq!(scratch.git(["diff", "--cached", "--name-only"]), "");
    scratch.moai(["claude"]).ok();
    assert!(!half.exists());
    scratch.moai_stdin(KEY, ["glm", "--stdin"]).ok();
    assert!(!record.exists());
}

#[test]
fn a_key_is_never_where_git_could_take_it() {
    let scratch = ready();
    scratch.write(".gitignore", "!.claude/settings.local.json\n");
    let before = scratch.snapshot();
    let stderr = scratch.moai(["glm"]).fails(1);
    assert!(stderr.contains("`!` rule") && stderr.contains("moai glm --helper"), "{stderr}");
    assert!(!local(&scratch).exists());
    assert_eq!(
        before.iter().find(|(path, _)| path.ends_with("info/exclude")),
        scratch.snapshot().iter().find(|(path, _)| path.ends_with("info/exclude"))
    );
    std::fs::remove_file(scratch.project().join(".gitignore")).unwrap();
    scratch.write(LOCAL, "{}\n");
    scratch.git(["add", "--force", LOCAL]);
    scratch.git(["commit", "--quiet", "-m", "tracked"]);
    let stderr = scratch.moai(["glm"]).fails(1);
    assert!(stderr.contains("is tracked by git"), "{stderr}");
    assert_eq!(scratch.read(LOCAL), "{}\n");
    let said = scratch.moai(["glm", "--helper"]);
    assert!(said.status == 0 && said.stderr.contains("without a key in it"), "{said:?}");
}

#[test]
fn links_are_followed_in_a_project_and_the_link_stays() {
    let scratch = ready();
    let real = scratch.write_home("dotfiles/local.json", "{\"theme\": \"dark\"}\n");
    std::fs::create_dir(scratch.project().join(".claude")).unwrap();
    std::os::unix::fs::symlink(&real, local(&scratch)).unwrap();
    let stderr = scratch.moai(["glm"]).stderr;
    assert!(stderr.contains("outside of this project, in ~/dotfiles/local.json: links lead there"), "{stderr}");
    assert!(local(&scratch).symlink_metadata().unwrap().is_symlink());
    assert!(std::fs::read_to_string(&real).unwrap().contains(KEY));
    scratch.moai(["claude"]).ok();
    assert!(local(&scratch).symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&real).unwrap(), "{\"theme\": \"dark\"}\n");
    // In a linked worktree the same is refused: a branch could hold a link to anywhere.
    let worktree = scratch.root().join("wt");
    scratch.git(["worktree", "add", "--quiet", worktree.to_str().unwrap()]);
    std::os::unix::fs::symlink(scratch.home().join("dotfiles"), worktree.join(".claude")).unwrap();
    let stderr = scratch.moai_in(&worktree, ["glm"]).fails(1);
    assert!(stderr.contains("leads out of the checkout"), "{stderr}");
    assert!(!scratch.home().join("dotfiles/settings.local.json").exists());
}

#[test]
fn glm_json_says_which_models_and_its_permissions_wait_for_a_word() {
    let scratch = ready();
    let template = r#"{"env": {"ANTHROPIC_AUTH_TOKEN": "${GLM_API_KEY}", "ANTHROPIC_BASE_URL": "https://open.bigmodel.cn/api/anthropic",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": "glm-4.5-air", "ANTHROPIC_DEFAULT_SONNET_MODEL": "glm-4.7", "ANTHROPIC_DEFAULT_OPUS_MODEL": "glm-5.1", "MY_EXTRA": "1"},
        "permissions": {"allow": ["Bash(*)"], "defaultMode": "acceptEdits"}}"#;
    scratch.write(".moai/llm-configs/glm.json", template);
    scratch.moai(["glm"]).ok();
    let env_now = env(&scratch);
    assert_eq!(env_now["ANTHROPIC_AUTH_TOKEN"], KEY, "the template's variable is the key that we find");
    assert_eq!(env_now["ANTHROPIC_BASE_URL"], "https://open.bigmodel.cn/api/anthropic");
    assert_eq!(env_now["ANTHROPIC_DEFAULT_OPUS_MODEL"], "glm-5.1");
    assert_eq!(env_now["CLAUDE_CODE_MAX_CONTEXT_TOKENS"], "128000", "the smallest window of the three");
    assert_eq!(env_now["MY_EXTRA"], "1");
    assert!(!scratch.read(LOCAL).contains("Bash(*)"));
    scratch.moai(["glm", "--with-permissions"]).ok();
    assert!(scratch.read(LOCAL).contains("Bash(*)") && scratch.read(LOCAL).contains("acceptEdits"));
    assert!(scratch.moai(["glm", "--with-permissions"]).stderr.contains("already"));
    scratch.moai(["claude"]).ok();
    assert!(!local(&scratch).exists());

    scratch.write(".moai/llm-configs/glm.json", template.replace("\"1\"", "\"${NOT_THERE}\""));
    let stderr = scratch.moai(["glm"]).fails(3);
    assert!(stderr.contains("NOT_THERE") && stderr.contains("glm.json"), "{stderr}");
    scratch.write(".moai/llm-configs/glm.json", "{\"env\": {\"ANTHROPIC_AUTH_TOKEN\": \"SeCrEt\n");
    let stderr = scratch.moai(["glm"]).fails(3);
    assert!(stderr.contains("glm.json:2:") && !stderr.contains("SeCrEt"), "{stderr}");
    assert!(!local(&scratch).exists());
}

#[test]
fn a_key_inside_another_variable_of_glm_json_shows_nowhere() {
    let scratch = ready();
    scratch.write(".moai/llm-configs/glm.json", "{\"env\": {\"X\": \"a${GLM_API_KEY}b\", \"Y\": \"seen\"}}");
    // A file that stays in the way makes moai pass settings to Claude Code as an argument.
    scratch.write(".claude/settings.json", "{\"env\": {\"ANTHROPIC_BASE_URL\": \"https://me:pa55w0rd@gw.example\"}}");
    for args in [&["glm", "--dry-run"][..], &["glm", "--dry-run", "--json"], &["glm"], &["claude"]] {
        let said = discreet(scratch.moai(args));
        assert!(!said.stdout.contains("pa55w0rd") && !said.stderr.contains("pa55w0rd"), "{said:?}");
        said.ok();
    }
    let stderr = discreet(scratch.moai(["glm", "--helper"])).fails(3);
    assert!(stderr.contains("puts the key into `X`"), "{stderr}");
    assert!(!local(&scratch).exists());
    let bin = scratch.write("bin/claude", "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done\n");
    std::fs::set_permissions(&bin, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let said = discreet(scratch.moai([OsStr::new("glm"), OsStr::new("--"), bin.as_os_str()]));
    assert!(said.stdout.contains("\"Y\":\"seen\""), "{said:?}");
    said.ok();
}

#[test]
fn a_key_that_goes_to_somebody_else_is_said_before_it_goes() {
    let scratch = ready();
    scratch.write(".moai/llm-configs/glm.json", "{\"env\": {\"ANTHROPIC_BASE_URL\": \"http://evil.example/x\"}}");
    for args in [&["glm", "--dry-run"][..], &["glm"], &["glm", "--", "true"]] {
        let said = discreet(scratch.moai(args));
        assert!(said.stderr.contains("the GLM key is sent to evil.example"), "{said:?}");
        assert!(said.stderr.contains("is not encrypted"), "{said:?}");
        said.ok();
    }
    scratch.write(".moai/llm-configs/glm.json", "{\"env\": {\"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:9/x\"}}");
    assert!(!scratch.moai(["glm", "--dry-run"]).stderr.contains("warning"));
}

#[test]
fn a_token_in_glm_json_that_is_no_key_is_refused() {
    let scratch = ready();
    for token in ["${}", "your-api-key", "two words of it"] {
        scratch.write(".moai/llm-configs/glm.json", format!("{{\"env\": {{\"ANTHROPIC_AUTH_TOKEN\": \"{token}\"}}}}"));
        let stderr = scratch.moai(["glm"]).fails(3);
        assert!(stderr.contains("glm.json cannot be used") && !stderr.contains(token), "{stderr}");
    }
    scratch.write(".moai/llm-configs/glm.json", "{\"env\": {\"A=B\": \"1\"}}");
    scratch.moai(["glm"]).fails(3);
    assert!(!local(&scratch).exists());
}

#[test]
fn in_a_worktree_what_main_would_mix_is_refused() {
    let scratch = ready();
    let worktree = scratch.root().join("wt");
    scratch.git(["worktree", "add", "--quiet", worktree.to_str().unwrap()]);
    scratch.write(LOCAL, "{\"env\": {\"ANTHROPIC_AUTH_TOKEN\": \"mains-own-token\"}, \"apiKeyHelper\": \"x\"}");
    let before = project(&scratch);
    let stderr = scratch.moai_in(&worktree, ["glm"]).fails(1);
    assert!(
        stderr.contains("env.ANTHROPIC_AUTH_TOKEN")
            && stderr.contains("apiKeyHelper")
            && stderr.contains("moai glm -- claude"),
        "{stderr}"
    );
    assert!(!worktree.join(".claude").exists() && project(&scratch) == before);
    // The same vendor with the same key is fine.
    std::fs::remove_file(local(&scratch)).unwrap();
    scratch.moai(["glm"]).ok();
    scratch.moai_in(&worktree, ["glm"]).ok();
    assert!(worktree.join(LOCAL).exists());
    scratch.moai_in(&worktree, ["claude"]).ok();
    assert!(!worktree.join(LOCAL).exists() && local(&scratch).exists(), "each checkout has its own record");
}

#[test]
fn one_process_gets_the_environment_and_nothing_else_changes() {
    let mut scratch = ready();
    scratch.set_env("ANTHROPIC_API_KEY", "sk-ant-of-the-shell");
    scratch.set_env("ANTHROPIC_CUSTOM_HEADERS", "x-auth: mine");
    let before = scratch.snapshot();
    let text = scratch.moai(["glm", "--", "env"]).ok();
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    assert_eq!(value("ANTHROPIC_AUTH_TOKEN"), Some(KEY));
    assert_eq!(value("ANTHROPIC_BASE_URL"), Some("https://api.z.ai/api/anthropic"));
    assert_eq!((value("ANTHROPIC_API_KEY"), value("ANTHROPIC_CUSTOM_HEADERS")), (None, None));
    let line = scratch.moai(["glm", "--", "sh", "-c", "tr '\\0' ' ' < /proc/$$/cmdline; exit 7"]);
    assert_eq!(line.status, 7, "the exit code is the command's own");
    discreet(line);
    assert!(scratch.moai(["glm", "--", "no-such-program"]).fails(1).contains("is not installed"));
    assert!(scratch.snapshot() == before, "something changed");
    // Files that would win over the environment are named.
    scratch.write(LOCAL, "{\"env\": {\"ANTHROPIC_BASE_URL\": \"https://own.example\"}}");
    assert!(scratch.moai(["glm", "--", "true"]).stderr.contains("env.ANTHROPIC_BASE_URL (local)"));
}

#[test]
fn it_works_without_git_but_not_in_the_home_directory() {
    let scratch = Scratch::new();
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY={KEY}\n"));
    scratch.moai(["glm"]).ok();
    assert!(local(&scratch).exists());
    scratch.moai(["claude"]).ok();
    assert!(!local(&scratch).exists());
    let stderr = scratch.moai_in(&scratch.home(), ["glm"]).fails(1);
    assert!(stderr.contains("home directory"), "{stderr}");
    assert!(!scratch.home().join(".claude").exists());
}

#[test]
fn switched_by_many_at_once_it_is_switched_once() {
    let scratch = ready();
    let text = "{\n    \"theme\": \"dark\"\n}\n";
    scratch.write(LOCAL, text);
    for command in ["glm", "claude"] {
        let children: Vec<_> = (0..6)
            .map(|_| scratch.moai_command([command]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap())
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        if command == "glm" {
            assert_eq!(env(&scratch)["ANTHROPIC_AUTH_TOKEN"], KEY);
        }
    }
    assert_eq!(scratch.read(LOCAL), text);
}

#[test]
fn a_damaged_record_is_named_and_nothing_is_guessed() {
    let scratch = ready();
    scratch.moai(["glm"]).ok();
    let backends = scratch.home().join(".moai/backends");
    let ledger = std::fs::read_dir(&backends)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().unwrap() == "json")
        .unwrap();
    assert_eq!(mode(&ledger), 0o600);
    assert!(!std::fs::read_to_string(&ledger).unwrap().contains(KEY), "the key is not kept twice");
    std::fs::write(&ledger, "{\"version\": 9}").unwrap();
    let before = project(&scratch);
    let stderr = scratch.moai(["claude"]).fails(3);
    assert!(stderr.contains("record of this project") && stderr.contains("move "), "{stderr}");
    assert!(project(&scratch) == before);
    // As the hint says: without the record GLM is recognised by its host.
    std::fs::remove_file(&ledger).unwrap();
    scratch.moai(["claude"]).ok();
    assert_eq!(scratch.read(LOCAL), "{}\n");
}

/// A file system of a few pages, mounted for one test; `None` where we may not mount.
struct Tiny(PathBuf);

impl Tiny {
    fn mount(at: &Path, options: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).stderr(Stdio::null());
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Self(at.to_path_buf()));
        }
        std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED: no right to mount a small file system\n").unwrap();
        None
    }

    fn remount(&self, options: &str) {
        let status =
            std::process::Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Tiny {
    fn drop(&mut self) {
        drop(std::process::Command::new("umount").arg(&self.0).status());
    }
}

#[test]
fn a_full_or_read_only_disk_leaves_the_state_before() {
    let scratch = Scratch::new();
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY={KEY}\n"));
    let Some(tiny) = Tiny::mount(&scratch.project(), "size=16k") else { return };
    let text = "{\"theme\": \"dark\"}\n";
    scratch.write(LOCAL, text);
    // Fill it to the last page.
    drop(std::fs::write(scratch.project().join("filler"), vec![0; 64 * 1024]));
    let stderr = discreet(scratch.moai(["glm"])).fails(1);
    assert!(stderr.contains("cannot write") && stderr.contains("nothing was changed"), "{stderr}");
    assert_eq!(scratch.read(LOCAL), text);
    assert_eq!(
        std::fs::read_dir(scratch.project().join(".claude")).unwrap().count(),
        1,
        "no half-written file is left"
    );
    let records = || {
        let entries = std::fs::read_dir(scratch.home().join(".moai/backends")).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() == "json").count()
    };
    assert_eq!(records(), 0, "nothing claims what did not happen");
    std::fs::remove_file(scratch.project().join("filler")).unwrap();
    scratch.moai(["glm"]).ok();
    tiny.remount("ro");
    let before = scratch.read(LOCAL);
    assert!(scratch.moai(["claude"]).fails(1).contains("read-only"));
    assert_eq!((scratch.read(LOCAL), records()), (before, 1));
    tiny.remount("rw");
    scratch.moai(["claude"]).ok();
    assert_eq!(scratch.read(LOCAL), text);
}

#[test]
fn a_full_or_read_only_home_leaves_the_project_alone() {
    let scratch = Scratch::new();
    let Some(tiny) = Tiny::mount(&scratch.home().join(".moai"), "size=16k") else { return };
    scratch.write_home(".moai/.env.glm", format!("GLM_API_KEY={KEY}\n"));
    scratch.write(LOCAL, "{}\n");
    drop(std::fs::write(scratch.home().join(".moai/filler"), vec![0; 64 * 1024]));
    let before = project(&scratch);
    discreet(scratch.moai(["glm"])).fails(1);
    discreet(scratch.moai(["glm", "fedcba9876543210fedcba9876543210.OtherOther"])).fails(1);
    assert_eq!(scratch.moai(["key", "--print"]).ok(), format!("{KEY}\n"), "the old key is whole");
    std::fs::remove_file(scratch.home().join(".moai/filler")).unwrap();
    tiny.remount("ro");
    let stderr = discreet(scratch.moai(["glm"])).fails(1);
    assert!(stderr.contains("read-only"), "{stderr}");
    assert!(project(&scratch) == before, "something changed");
}
