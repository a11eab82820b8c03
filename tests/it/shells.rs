//! bash, zsh and fish for real: TAB in a shell that runs on a terminal of its own, and the function that changes the
//! directory. A shell that is not installed is passed over, except in CI.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::scratch::Scratch;

/// A directory name with everything that a shell might trip over.
const AWKWARD: &str = "한글 'single' \"double\" $HOME `id` *";

fn installed(shell: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|dir| dir.join(shell).is_file());
    assert!(found || std::env::var_os("CI").is_none(), "{shell} is not installed, and CI needs it");
    found
}

/// A repository with two worktrees, and a PATH on which `moai` comes first.
struct Shells {
    scratch: Scratch,
    path: std::ffi::OsString,
}

impl Shells {
    fn new() -> Self {
        let scratch = Scratch::repository();
        for spec in ["SPEC-AUTH-001", "SPEC-PAY-002"] {
            let path = scratch.home().join("worktrees/DesignWorkflow").join(spec);
            scratch.git(["worktree", "add", "--quiet", "-b", &format!("feature/{spec}"), path.to_str().unwrap()]);
        }
        let own = Path::new(env!("CARGO_BIN_EXE_moai")).parent().unwrap().to_path_buf();
        let path = path_with(&own);
        Self { scratch, path }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.scratch.command(program);
        command.env("PATH", &self.path);
        command
    }

    /// What `line` and a TAB make of the command line, and everything that was shown meanwhile.
    #[track_caller]
    fn tab(&self, shell: &str, line: &str) -> (String, String) {
        if shell == "fish" {
            // fish completes without a terminal, by its own command.
            let script = format!("source {}; complete --do-complete '{line}'", committed("moai.fish").display());
            let output = self.command("fish").args(["--no-config", "-c", &script]).output().unwrap();
            let shown = String::from_utf8(output.stdout).unwrap();
            return (shown.lines().next().unwrap_or_default().split('\t').next().unwrap_or_default().into(), shown);
        }
        let file = committed(if shell == "bash" { "moai.bash" } else { "_moai" });
        let typist = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/tab.zsh");
        let output = self.command("zsh").arg("-f").arg(typist).arg(shell).arg(file).arg(line).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let completed = shown.rsplit_once("<<").and_then(|(_, rest)| rest.split_once(">>"));
        let completed = completed.unwrap_or_else(|| panic!("{shell} showed no line: {output:?}")).0;
        (completed.to_owned(), shown)
    }

    /// The shells that can be asked for a TAB here.
    fn that_complete() -> impl Iterator<Item = &'static str> {
        // The typist is a zsh, so bash needs it too.
        ["bash", "zsh", "fish"].into_iter().filter(|shell| installed(shell) && (*shell == "fish" || installed("zsh")))
    }
}

fn path_with(first: &Path) -> std::ffi::OsString {
    let rest = std::env::var_os("PATH").unwrap();
    std::env::join_paths(std::iter::once(first.to_path_buf()).chain(std::env::split_paths(&rest))).unwrap()
}

fn committed(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions").join(file)
}

#[test]
fn tab_completes_commands() {
    let shells = Shells::new();
    for shell in Shells::that_complete() {
        let (completed, shown) = shells.tab(shell, "moai wor");
        assert_eq!(completed.trim_start_matches("moai ").trim_end(), "worktree", "{shell}: {shown}");
    }
}

#[test]
fn tab_completes_the_specs_that_have_a_worktree() {
    let shells = Shells::new();
    for shell in Shells::that_complete() {
        let (_, shown) = shells.tab(shell, "moai worktree remove ");
        assert!(shown.contains("SPEC-AUTH-001") && shown.contains("SPEC-PAY-002"), "{shell}: {shown}");
        let (completed, _) = shells.tab(shell, "moai worktree remove SPEC-A");
        assert_eq!(completed.trim_end().rsplit(' ').next(), Some("SPEC-AUTH-001"), "{shell}");
    }
}

#[test]
fn tab_completes_settings() {
    let shells = Shells::new();
    for shell in Shells::that_complete() {
        let (_, shown) = shells.tab(shell, "moai config get ");
        assert!(shown.contains("llm.mode") && shown.contains("worktree.engine"), "{shell}: {shown}");
        let (completed, _) = shells.tab(shell, "moai config get llm.mo");
        assert_eq!(completed.trim_end().rsplit(' ').next(), Some("llm.mode"), "{shell}");
        let (_, shown) = shells.tab(shell, "moai config set llm.mode ");
        assert!(shown.contains("glm-only") && shown.contains("mashup"), "{shell}: {shown}");
    }
}

#[test]
fn tab_says_nothing_where_there_is_nothing_to_say() {
    let scratch = Scratch::new();
    for words in [
        &["moai", "worktree", "remove", ""][..],
        &["moai", "nonsense", ""],
        &["moai", "-C", "/nowhere", "config", "get", ""],
    ] {
        let mut command = scratch.moai_command(["--"].iter().chain(words));
        command.env("MOAI_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string());
        let output = command.output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    }
    // The variable alone, without words to complete, does not turn moai into something else.
    assert!(
        scratch.moai_command(["--version"]).env("MOAI_COMPLETE", "bash").output().unwrap().stdout.starts_with(b"moai ")
    );
}

/// Runs `script` in `shell` after `moai shell-init`, with a `moai` that does what `program` says.
fn with_function(scratch: &Scratch, shell: &str, path: &std::ffi::OsStr, script: &str) -> String {
    let load = if shell == "fish" {
        "moai shell-init fish | source".into()
    } else {
        format!("eval \"$(moai shell-init {shell})\"")
    };
    let quiet: &[&str] = match shell {
        "bash" => &["--norc", "--noprofile"],
        "zsh" => &["-f"],
        _ => &["--no-config"],
    };
    let mut command = scratch.command(shell);
    command.env("PATH", path).env("TMPDIR", scratch.home()).args(quiet).arg("-c").arg(format!("{load}\n{script}"));
    let output = command.output().unwrap();
    assert!(output.stderr.is_empty(), "{shell}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn worktree_go_changes_the_directory_of_the_shell() {
    let scratch = Scratch::repository();
    let target = scratch.root().join(AWKWARD).join("SPEC-1");
    scratch.git(["worktree", "add", "--quiet", "-b", "feature/SPEC-1", target.to_str().unwrap()]);
    let path = path_with(Path::new(env!("CARGO_BIN_EXE_moai")).parent().unwrap());
    for shell in ["bash", "zsh", "fish"].into_iter().filter(|shell| installed(shell)) {
        let said = with_function(&scratch, shell, &path, "moai worktree go SPEC-1 >/dev/null 2>&1\npwd");
        assert_eq!(said.trim_end_matches('\n'), target.to_str().unwrap(), "{shell}");
        // A refusal goes nowhere and keeps its exit code; nothing is left behind.
        let status = if shell == "fish" { "$status" } else { "$?" };
        let script = format!("moai worktree go SPEC-NONE >/dev/null 2>&1\necho {status}\npwd");
        let said = with_function(&scratch, shell, &path, &script);
        assert_eq!(said, format!("1\n{}\n", scratch.project().display()), "{shell}");
        let left: Vec<_> = fs::read_dir(scratch.home()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().starts_with("moai-cd")), "{shell}: {left:?}");
    }
}

#[test]
fn the_function_goes_to_the_path_as_it_is_and_runs_nothing() {
    let scratch = Scratch::new();
    let program = scratch.root().join("bin/moai");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    // Stands in for moai behind the real function: says what looks like a command, and writes the directory's name.
    let real = env!("CARGO_BIN_EXE_moai");
    let body = format!(
        "#!/bin/sh\n[ \"$1\" != shell-init ] || exec '{real}' \"$@\"\necho '; touch ran'\n\
         [ -z \"$MOAI_CD_FILE\" ] || printf '%s' \"$TARGET\" >\"$MOAI_CD_FILE\"\nexit 7\n"
    );
    fs::write(&program, body).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let path = path_with(program.parent().unwrap());
    for name in [AWKWARD, "-P", "line\nbreak\n", "~"] {
        let mut scratch = Scratch::new();
        let target = scratch.project().join(name);
        fs::create_dir_all(&target).unwrap();
        scratch.set_env("TARGET", target.to_str().unwrap());
        for shell in ["bash", "zsh", "fish"].into_iter().filter(|shell| installed(shell)) {
            let status = if shell == "fish" { "$status" } else { "$?" };
            let script = format!("moai wt go X >/dev/null\necho {status}\npwd");
            let said = with_function(&scratch, shell, &path, &script);
            assert_eq!(said, format!("7\n{}\n", target.display()), "{shell} {name:?}");
            // Other commands have no file to write to.
            let said = with_function(&scratch, shell, &path, "moai status >/dev/null\npwd");
            assert_eq!(said, format!("{}\n", scratch.project().display()), "{shell}");
            assert!(!scratch.project().join("ran").exists(), "{shell}");
        }
    }
}
