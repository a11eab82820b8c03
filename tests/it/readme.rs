//! The READMEs say what the program does: every console block after `<!-- tested -->` is typed into a real shell, one
//! after the other in one scratch home, and must print what stands there. A line `…` stands for any lines, `…` at the
//! end of one for the rest of it. The models are played by a vendor on loopback, their words too; what is decided and
//! counted is real. `MOAI_BLESS=1` writes the outputs that are not so into the files.

use std::fs;
use std::path::{Path, PathBuf};

use moai::wire::Dialect;

use crate::scratch::{KEY, Scratch};
use crate::upstream::{Answer, Vendor};

const MARK: &str = "<!-- tested -->";

/// Who answers the reader of the README: Claude here, GLM there.
fn vendor() -> Vendor {
    let vendor = Vendor::start();
    let said = |text: &str, input, output| Answer::said(Dialect::Anthropic, text).using(input, output);
    let plan = "POST /login, /refresh and /logout; JWT for 15 minutes, refresh tokens in PostgreSQL. First …";
    vendor.on("/claude/v1/messages").answer(said(plan, 1200, 800));
    let test = "test(\"asks for a password\", async () => { …";
    vendor.on("/glm/anthropic/v1/messages").answer(said(test, 2400, 1500));
    vendor
}

/// A home with the repository `DesignWorkflow` and keys in files: where the reader of the README sits.
fn reader(vendor: &Vendor) -> Scratch {
    let mut scratch = Scratch::repository();
    scratch.set_env("HOME", scratch.root().to_str().unwrap());
    let own = Path::new(env!("CARGO_BIN_EXE_moai")).parent().unwrap().to_path_buf();
    let rest = std::env::var_os("PATH").unwrap();
    let path = std::iter::once(own).chain(std::env::split_paths(&rest));
    scratch.set_env("PATH", std::env::join_paths(path).unwrap().to_str().unwrap());
    fs::write(scratch.root().join("zai-key.txt"), format!("{KEY}\n")).unwrap();
    fs::write(scratch.root().join("claude-key.txt"), format!("sk-ant-api03-{KEY}\n")).unwrap();
    let (claude, glm) = (format!("{}/claude", vendor.url()), format!("{}/glm/anthropic", vendor.url()));
    let places = format!("[providers]\nanthropic.base_url = \"{claude}\"\nzai.base_url = \"{glm}\"\n");
    fs::create_dir(scratch.root().join(".moai")).unwrap();
    fs::write(scratch.root().join(".moai/config.toml"), places).unwrap();
    scratch
}

/// Runs one line in `cwd`; returns everything it printed, and where the shell stands afterwards.
fn typed(scratch: &Scratch, cwd: &Path, line: &str) -> (String, PathBuf) {
    let script = format!("{{ {line}\n}} 2>&1; pwd >\"$HOME/.pwd\"");
    let output = scratch.command("sh").args(["-c", &script]).current_dir(cwd).output().unwrap();
    let now = fs::read_to_string(scratch.root().join(".pwd")).unwrap();
    fs::remove_file(scratch.root().join(".pwd")).unwrap();
    let said: String =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    (said.replace(scratch.root().to_str().unwrap(), "/home/you"), PathBuf::from(now.trim_end()))
}

/// Whether `said` is what is `written`, where a line `…` is any lines, and `…` at its end the rest of a line.
fn same(written: &[&str], said: &[&str]) -> bool {
    match written.split_first() {
        None => said.is_empty(),
        Some((&"…", rest)) => (0..=said.len()).any(|from| same(rest, &said[from..])),
        Some((line, rest)) => {
            let fits =
                |said: &&str| said == line || line.strip_suffix('…').is_some_and(|start| said.starts_with(start));
            said.first().is_some_and(fits) && same(rest, &said[1..])
        }
    }
}

/// Plays a file; returns it with the real outputs in the places where it is wrong.
fn played(text: &str) -> String {
    let vendor = vendor();
    let scratch = reader(&vendor);
    let mut cwd = scratch.project();
    let mut out = Vec::new();
    let mut lines = text.lines().peekable();
    let mut marked = false;
    while let Some(line) = lines.next() {
        out.push(line.to_owned());
        if line == "```console" && marked {
            while let Some(line) = lines.next_if(|line| *line != "```") {
                let command = line.strip_prefix("$ ").unwrap_or_else(|| panic!("not a command: {line}"));
                out.push(line.to_owned());
                let mut written = Vec::new();
                while let Some(line) = lines.next_if(|line| *line != "```" && !line.starts_with("$ ")) {
                    written.push(line);
                }
                let (said, now) = typed(&scratch, &cwd, command);
                cwd = now;
                let said: Vec<&str> = said.lines().collect();
                out.extend(if same(&written, &said) { written } else { said }.into_iter().map(str::to_owned));
            }
        }
        marked = line == MARK;
    }
    out.join("\n") + "\n"
}

#[track_caller]
fn holds(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.matches(MARK).count() >= 4, "{file} has no tested examples");
    let real = played(&text);
    assert!(!real.contains(KEY), "{file}: an example prints a key");
    if std::env::var_os("MOAI_BLESS").is_some() {
        fs::write(&path, &real).unwrap();
    } else if let Some((at, (old, new))) = text.lines().zip(real.lines()).enumerate().find(|(_, (old, new))| old != new)
    {
        panic!(
            "{file}:{}: it says\n  {old}\nbut moai says\n  {new}\n(MOAI_BLESS=1 cargo test --test it readme writes it)",
            at + 1
        );
    }
}

#[test]
fn the_examples_are_true() {
    holds("README.md");
}

#[test]
fn the_korean_examples_are_true() {
    holds("README.ko.md");
}

#[test]
fn the_files_that_they_link_to_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["README.md", "README.ko.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root.join(file)).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap();
            assert!(path.is_empty() || path.contains("://") || root.join(path).exists(), "{file}: {target}");
        }
    }
}
