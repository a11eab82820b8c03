//! `install.sh` for real, with the binary under test: what it places, what it leaves alone, that it can be stopped
//! anywhere, and that `--uninstall` takes back exactly what was placed. Building is left to `.ci/run`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::scratch::{Scratch, mode};

/// The program to install: stands for the binary under test, and is small enough to be copied often.
fn built(scratch: &Scratch) -> String {
    let path = scratch.root().join("built/moai");
    program(&path, &format!("exec '{}' \"$@\"", env!("CARGO_BIN_EXE_moai")));
    path.to_str().unwrap().to_owned()
}

fn installer(scratch: &Scratch, args: &[&str]) -> Command {
    let mut command = scratch.command("sh");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh")).args(args);
    command
}

#[track_caller]
fn ok(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(below(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

fn program(path: &Path, body: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn it_installs_twice_the_same_and_takes_everything_back() {
    let scratch = Scratch::new();
    scratch.write_home(".bashrc", "# mine\n");
    scratch.write_home(".local/share/man/man1/other.1", "not ours\n");
    fs::create_dir_all(scratch.home().join(".local/bin")).unwrap();
    let before = below(&scratch.home());

    let said = ok(installer(&scratch, &["--binary", &built(&scratch), "--no-demo"]));
    let prefix = scratch.home().join(".local");
    assert!(said.contains(&format!("export PATH=\"{}/bin:$PATH\"", prefix.display())), "{said}");
    assert!(said.contains("moai shell-init"), "{said}");
    assert_eq!(mode(&prefix.join("bin/moai")), 0o755);
    for file in [
        "share/man/man1/moai-worktree-create.1",
        "share/bash-completion/completions/moai",
        "share/zsh/site-functions/_moai",
        "share/fish/vendor_completions.d/moai.fish",
    ] {
        assert_eq!(mode(&prefix.join(file)), 0o644, "{file}");
    }
    let placed = below(&scratch.home());
    let list = fs::read_to_string(prefix.join("share/moai/installed")).unwrap();
    ok(installer(&scratch, &["--binary", &built(&scratch), "--no-demo"]));
    assert_eq!(below(&scratch.home()), placed);
    assert_eq!(fs::read_to_string(prefix.join("share/moai/installed")).unwrap(), list);
    assert_eq!(fs::read_to_string(scratch.home().join(".bashrc")).unwrap(), "# mine\n");

    ok(installer(&scratch, &["--uninstall"]));
    assert_eq!(below(&scratch.home()), before, "also the empty directory that was there before stays");
    assert!(ok(installer(&scratch, &["--uninstall"])).contains("nothing to remove"));
}

#[test]
fn a_prefix_of_its_own_goes_with_the_last_file_and_keys_stay_unless_purged() {
    let scratch = Scratch::new();
    let prefix = scratch.home().join("a prefix 한글");
    let prefix = prefix.to_str().unwrap();
    scratch.write_home(".moai/.env.glm", "GLM_API_KEY=\"x\"\n");
    scratch.write_home(".moai/worktrees/P/SPEC-1/work.txt", "work\n");
    ok(installer(&scratch, &["--prefix", prefix, "--binary", &built(&scratch), "--no-demo"]));
    let said = ok(installer(&scratch, &["--prefix", prefix, "--uninstall"]));
    assert!(said.contains("Kept: your keys"), "{said}");
    assert!(!Path::new(prefix).exists());
    // Nobody can be asked here, so a purge without --yes keeps them too.
    ok(installer(&scratch, &["--prefix", prefix, "--uninstall", "--purge"]));
    assert!(scratch.home().join(".moai/.env.glm").exists());
    ok(installer(&scratch, &["--prefix", prefix, "--uninstall", "--purge", "--yes"]));
    assert!(!scratch.home().join(".moai/.env.glm").exists());
    assert!(scratch.home().join(".moai/worktrees/P/SPEC-1/work.txt").exists(), "work is never purged");
}

#[test]
fn an_interrupted_install_keeps_the_old_one_working_and_can_be_taken_back() {
    let scratch = Scratch::new();
    let prefix = scratch.home().join("prefix");
    ok(installer(&scratch, &["--prefix", prefix.to_str().unwrap(), "--binary", &built(&scratch), "--no-demo"]));
    let real = ["/bin/mv", "/usr/bin/mv"].into_iter().find(|path| Path::new(path).exists()).unwrap();
    // Every second mv kills the installer, so that each run gets a little further than none.
    let shims = scratch.root().join("shims");
    let count = scratch.root().join("count");
    for die_at in [1, 2, 7, 30] {
        fs::write(&count, "").unwrap();
        let body = format!(
            "echo x >>'{0}'\n[ \"$(wc -l <'{0}')\" -ne {die_at} ] || kill -9 $PPID\nexec {real} \"$@\"",
            count.display()
        );
        program(&shims.join("mv"), &body);
        let mut command =
            installer(&scratch, &["--prefix", prefix.to_str().unwrap(), "--binary", &built(&scratch), "--no-demo"]);
        let path = format!("{}:{}", shims.display(), std::env::var("PATH").unwrap());
        assert!(!command.env("PATH", path).output().unwrap().status.success(), "{die_at}");
        let version = scratch.command(prefix.join("bin/moai")).arg("--version").output().unwrap();
        assert!(version.status.success(), "{die_at}: {version:?}");
        assert_eq!(fs::read(prefix.join("bin/moai")).unwrap(), fs::read(built(&scratch)).unwrap());
    }
    ok(installer(&scratch, &["--prefix", prefix.to_str().unwrap(), "--binary", &built(&scratch), "--no-demo"]));
    ok(installer(&scratch, &["--prefix", prefix.to_str().unwrap(), "--uninstall"]));
    let left: Vec<_> = below(&prefix).into_iter().filter(|path| path.is_file()).collect();
    assert!(left.iter().all(|path| path.to_string_lossy().ends_with(".moai-new")), "{left:?}");
}

#[test]
fn a_list_that_points_out_of_the_prefix_is_not_followed() {
    let scratch = Scratch::new();
    scratch
        .write_home("prefix/share/moai/installed", "../outside\n/etc/x\nshare/../../outside\nshare/moai/installed\n");
    let outside = scratch.write_home("outside", "mine\n");
    let output = installer(&scratch, &["--prefix", scratch.home().join("prefix").to_str().unwrap(), "--uninstall"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(stderr(&output).contains("left alone"), "{output:?}");
    assert!(outside.exists());
}

/// A directory with the plain tools and nothing of a build in it.
fn bare(scratch: &Scratch) -> PathBuf {
    let dir = scratch.root().join("bare");
    fs::create_dir_all(&dir).unwrap();
    for tool in
        ["sh", "cat", "cp", "cut", "dirname", "env", "grep", "id", "mktemp", "rm", "sed", "sort", "tr", "uname", "wc"]
    {
        let real = std::env::split_paths("/usr/bin:/bin").map(|dir| dir.join(tool)).find(|path| path.exists()).unwrap();
        // Not a link: what a test puts in its place must never be written through one into the system.
        program(&dir.join(tool), &format!("exec '{}' \"$@\"", real.display()));
    }
    // A compiler that "works": it writes a program that says ok.
    program(&dir.join("cc"), "printf '#!/bin/sh\\necho ok\\n' >\"$3\"; /bin/chmod 755 \"$3\"");
    dir
}

/// Whether a Rust stands where the installer looks beside the PATH; then "there is none" cannot be played here.
fn rust_is_everywhere() -> bool {
    let versioned = fs::read_dir("/usr/lib").into_iter().flatten().filter_map(Result::ok);
    ["/usr/bin/cargo", "/usr/local/bin/cargo", "/opt/homebrew/bin/cargo"].iter().any(|path| Path::new(path).exists())
        || versioned.into_iter().any(|entry| entry.path().join("bin/cargo").exists())
}

#[test]
fn a_rust_that_is_too_old_is_named_and_nothing_is_installed_unasked() {
    if rust_is_everywhere() {
        return;
    }
    let scratch = Scratch::new();
    let bare = bare(&scratch);
    program(&bare.join("cargo"), "echo cargo 1.63.0");
    program(&bare.join("rustc"), "echo 'rustc 1.63.0 (4b91a6ea7 2022-08-08)'");
    program(&bare.join("apt-get"), "echo touched >touched");
    program(&bare.join("apt-cache"), "[ \"$2\" != cargo-web ] || echo '  Candidate: 1.96.0+dfsg1-1'");
    let output = installer(&scratch, &["--deps-only"]).env("PATH", &bare).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("Rust 1.63 is here; moai needs 1.89"), "{output:?}");
    assert!(stderr(&output).contains("--yes answers it") && stderr(&output).contains("rustup.rs"), "{output:?}");
    assert!(!scratch.project().join("touched").exists());
}

#[test]
fn the_package_with_a_new_enough_rust_is_chosen() {
    if rust_is_everywhere() {
        return;
    }
    let scratch = Scratch::new();
    let bare = bare(&scratch);
    program(&bare.join("id"), "echo 0");
    program(
        &bare.join("apt-cache"),
        "case \"$1 $2\" in\n\
         'policy cargo') echo '  Candidate: 0.66.0+ds1-1' ;;\n\
         'policy cargo-web') echo '  Candidate: (none)' ;;\n\
         search*) echo 'cargo-1.80 - Rust'; echo 'cargo-1.91 - Rust'; echo 'cargo-1.89 - Rust' ;;\n\
         'policy cargo-1.91') echo '  Candidate: 1.91.0-0ubuntu1' ;;\n\
         'policy cargo-1.89') echo '  Candidate: 1.89.0-0ubuntu1' ;;\n\
         'policy cargo-1.80') echo '  Candidate: 1.80.1-0ubuntu1' ;;\n\
         esac",
    );
    let new = format!(
        "echo \"$@\" >>apt.log\ncase \"$*\" in *install*cargo*)\n\
         for name in cargo rustc; do printf '#!/bin/sh\\necho rustc 1.91.0\\n' >{0}/$name; /bin/chmod 755 {0}/$name; done ;; esac",
        bare.display()
    );
    program(&bare.join("apt-get"), &new);
    let output = installer(&scratch, &["--deps-only", "--yes"]).env("PATH", &bare).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let log = fs::read_to_string(scratch.project().join("apt.log")).unwrap();
    assert_eq!(log, "update -qq\ninstall -y -qq cargo-1.91\n");
}

#[test]
fn a_wrong_option_is_a_usage_error() {
    let scratch = Scratch::new();
    for args in [&["--bogus"][..], &["--prefix"], &["--purge"]] {
        let output = installer(&scratch, args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
    }
}
