//! Files that are made from the program: they say what it says, or the test says how to write them again.

use std::fs;
use std::path::Path;

use crate::scratch::Scratch;

/// Compares a committed file with what it is made from; `MOAI_BLESS=1` writes it instead.
#[track_caller]
fn in_step(file: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("MOAI_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, made).unwrap();
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(made.lines()).position(|(old, new)| old != new);
    assert!(
        committed == made,
        "{file} is not what the program makes (first difference in line {}); write it again with\n  \
         MOAI_BLESS=1 cargo test --test it generated",
        differs.map_or_else(|| committed.lines().count().min(made.lines().count()) + 1, |line| line + 1)
    );
}

#[test]
fn the_reference_of_settings_is_in_step() {
    in_step("docs/config.md", &moai::config::reference());
}

#[test]
fn the_reference_of_the_switch_is_in_step() {
    in_step("docs/settings.md", &moai::settings::reference());
}

#[test]
fn completions_are_in_step() {
    let scratch = Scratch::new();
    for (shell, file) in [
        ("bash", "moai.bash"),
        ("zsh", "_moai"),
        ("fish", "moai.fish"),
        ("powershell", "moai.ps1"),
        ("elvish", "moai.elv"),
    ] {
        in_step(&format!("completions/{file}"), &scratch.moai(["completions", shell]).ok());
    }
}

#[test]
fn the_reference_is_in_step() {
    in_step("docs/cli.md", &Scratch::new().moai(["man", "--markdown"]).ok());
}

#[test]
fn every_command_has_a_manual_page_that_formats_without_a_warning() {
    let scratch = Scratch::new();
    scratch.moai(["man", "--out", "man"]).ok();
    let pages: Vec<_> = fs::read_dir(scratch.project().join("man")).unwrap().map(|page| page.unwrap().path()).collect();
    assert!(pages.len() > 20, "{pages:?}");
    assert!(pages.iter().any(|page| page.ends_with("moai-worktree-create.1")), "{pages:?}");
    let page = scratch.moai(["man", "worktree", "create"]).ok();
    assert!(page.contains("moai\\-worktree\\-create") || page.contains("moai-worktree-create"), "{page}");
    assert!(scratch.moai(["man", "worktre"]).fails(2).contains("no command `moai worktre`"));
    // Where groff is not installed there is nobody to ask.
    if !Path::new("/usr/bin/groff").exists() {
        return;
    }
    for page in pages {
        let output = scratch.command("groff").args(["-k", "-man", "-ww", "-Tutf8", "-z"]).arg(&page).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{}: {said}", page.display());
    }
}

/// The texts between quotes that follow `opening` (and white space) in `text`.
fn quoted_after<'a>(text: &'a str, opening: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(opening).skip(1).filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next())
}

/// Every text in the `match` of a `fn code`, whose arms are texts and nothing else.
fn in_code_functions(text: &str) -> Vec<&str> {
    let bodies = text.split("fn code(&self) -> ").skip(1).filter_map(|rest| rest.split("\n    }\n").next());
    bodies.flat_map(|body| body.split('"').skip(1).step_by(2)).collect()
}

#[test]
fn the_list_of_codes_is_in_step() {
    fn walk(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            if entry.path().is_dir() { walk(&entry.path(), found) } else { found.push(entry.path()) }
        }
    }
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    walk(&top.join("src"), &mut files);
    let mut codes = std::collections::BTreeMap::<String, std::collections::BTreeSet<String>>::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let room = file.strip_prefix(top.join("src")).unwrap().iter().next().unwrap().to_str().unwrap();
        let found =
            quoted_after(text, "with_code(").chain(quoted_after(text, "::refused(")).chain(in_code_functions(text));
        for code in found {
            codes.entry(code.to_owned()).or_default().insert(room.trim_end_matches(".rs").to_owned());
        }
    }
    assert!(codes.len() > 40 && codes.contains_key("dirty") && codes.contains_key("no-key"), "{codes:?}");
    let page = "docs/exit-codes.md";
    let mark = "cargo test --test it generated` -->\n";
    let committed = fs::read_to_string(top.join(page)).unwrap();
    let (head, _) = committed.split_once(mark).unwrap();
    let rows: Vec<String> = codes
        .iter()
        .map(|(code, rooms)| format!("| `{code}` | {} |\n", rooms.iter().cloned().collect::<Vec<_>>().join(", ")))
        .collect();
    in_step(page, &format!("{head}{mark}\n| code | from |\n|---|---|\n{}", rows.concat()));
}

#[test]
fn no_failure_is_without_a_code() {
    let scratch = Scratch::repository();
    scratch.write(".moai/config/sections/llm.yaml", "llm: [\n");
    for (args, code) in [
        (&["mode", "--json"][..], "invalid-file"),
        (&["glm", "--json"], "invalid-file"),
        (&["worktree", "remove", "nobody", "--json"], "not-registered"),
        (&["config", "get", "no.such.name", "--json"], "unknown-setting"),
        (&["--json", "nonsense"], "usage"),
    ] {
        let said = scratch.moai(args);
        let answer: serde_json::Value = serde_json::from_str(&said.stdout).unwrap_or_default();
        assert_eq!(answer["error"]["code"], code, "{said:#?}");
    }
}
