//! Awkward repositories: whatever git makes of them with `git worktree add`, `moai worktree create` makes the same:
//! every file with its bytes and mode, every index entry, the same HEAD, a clean status, and the shared
//! configuration untouched.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::scratch::{Scratch, mode};

/// A file as it lies in a checkout: kind and mode, content.
type Files = BTreeMap<PathBuf, (String, Vec<u8>)>;

fn files(root: &Path) -> Files {
    fn walk(root: &Path, dir: &Path, found: &mut Files) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let relative = path.strip_prefix(root).unwrap().to_path_buf();
            if relative == Path::new(".git") {
                continue;
            }
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_symlink() {
                let target = fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes();
                found.insert(relative, ("link".into(), target));
            } else if meta.is_dir() {
                found.insert(relative, (format!("dir {:o}", mode(&path)), Vec::new()));
                walk(root, &path, found);
            } else {
                found.insert(relative, (format!("file {:o}", mode(&path)), fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = Files::new();
    walk(root, root, &mut found);
    found
}

/// `git ls-files --debug` without what must differ: times, device and inode.
fn debug(scratch: &Scratch, root: &Path) -> String {
    let text = scratch.git_in(root, ["ls-files", "--debug", "--sparse"]);
    text.lines().filter(|line| !line.contains("time:") && !line.contains("ino:")).collect::<Vec<_>>().join("\n")
}

fn admin(scratch: &Scratch, root: &Path) -> PathBuf {
    PathBuf::from(scratch.git_in(root, ["rev-parse", "--absolute-git-dir"]))
}

/// The names of the files in an administrative directory.
fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    // `moai` is our own directory, which git lets be.
    names.retain(|name| !name.starts_with("sharedindex.") && name != "moai");
    names.sort();
    names
}

/// Compares two checkouts of one commit.
#[track_caller]
fn assert_same(scratch: &Scratch, theirs: &Path, ours: &Path) {
    let (expected, found) = (files(theirs), files(ours));
    let all: Vec<&PathBuf> = expected.keys().chain(found.keys()).collect();
    for path in all {
        assert_eq!(found.get(path), expected.get(path), "{} differs", path.display());
    }
    let ask = |root: &Path, args: &[&str]| scratch.git_in(root, args);
    for args in [
        &["ls-files", "--stage", "--sparse", "-z"][..],
        &["ls-files", "-t", "-v", "--sparse", "-z"],
        &["status", "--porcelain=v2", "--untracked-files=all"],
        &["rev-parse", "HEAD"],
        &["stash", "list"],
    ] {
        assert_eq!(ask(ours, args), ask(theirs, args), "git {args:?} differs");
    }
    assert_eq!(ask(ours, &["status", "--porcelain"]), "", "status is not clean");
    assert_eq!(ask(ours, &["write-tree"]), ask(ours, &["rev-parse", "HEAD^{tree}"]));
    // Beside git's files there is only our own directory, which remembers the branch that it was made from.
    let mut own = names(&admin(scratch, ours));
    own.retain(|name| name != "moai");
    assert_eq!(own, names(&admin(scratch, theirs)));
    let config = |root: &Path| ask(root, &["config", "--list", "--show-scope"]);
    assert_eq!(config(ours), config(theirs));
}

/// Makes `feature/SPEC-1` in both ways from `from` and compares; returns what ours said (`--json`).
#[track_caller]
fn same_as_git(scratch: &Scratch, from: &Path, extra: &[&str]) -> Value {
    let common = PathBuf::from(scratch.git_in(from, ["rev-parse", "--path-format=absolute", "--git-common-dir"]));
    let before = fs::read(common.join("config")).unwrap();
    let theirs = scratch.root().join("theirs");
    let base = extra.iter().position(|arg| *arg == "--base").map_or("HEAD", |at| extra[at + 1]);
    let main = scratch.git_in(from, ["worktree", "list", "--porcelain"]);
    let main = PathBuf::from(main.lines().next().unwrap().strip_prefix("worktree ").unwrap());
    scratch.git_in(
        &main,
        [
            OsStr::new("worktree"),
            "add".as_ref(),
            "-q".as_ref(),
            "--no-track".as_ref(),
            "-b".as_ref(),
            "theirs".as_ref(),
            theirs.as_ref(),
            base.as_ref(),
        ],
    );
    // Before anything refreshes it: what the index says right after the checkout.
    let expected = debug(scratch, &theirs);
    let mut args = vec!["worktree", "create", "SPEC-1", "--json"];
    args.extend(extra);
    let said = scratch.moai_in(from, args).json();
    let ours = PathBuf::from(said["path"].as_str().unwrap());
    assert_eq!(debug(scratch, &ours), expected, "git ls-files --debug differs");
    assert_same(scratch, &theirs, &ours);
    assert_eq!(fs::read(common.join("config")).unwrap(), before, "the shared configuration changed");
    scratch.git_in(&ours, ["fsck", "--no-dangling", "--no-progress"]);
    assert_eq!(said["branch"], "feature/SPEC-1");
    assert!(!admin(scratch, &ours).join("locked").exists());
    said
}

#[track_caller]
fn assert_native(said: &Value, by_git: u64) {
    assert_eq!(said["engine"], "native", "{said:#}");
    assert_eq!(said["by_git"], by_git, "{said:#}");
    assert!(said["copied"].as_u64().unwrap() > 0, "{said:#}");
}

#[track_caller]
fn assert_git(said: &Value, reason: &str) {
    assert_eq!(said["engine"], "git", "{said:#}");
    assert_eq!(said["reasons"][0]["code"], reason, "{said:#}");
}

/// A project with directories, modes, links and odd names.
fn project() -> Scratch {
    let scratch = Scratch::repository();
    scratch.write("src/deep/er/a.rs", "fn a() {}\n");
    scratch.write("src/deep.rs", "mod er;\n");
    scratch.write("src-2/b", "b\n");
    scratch.write("empty", "");
    scratch.write("문서/설계 노트.md", "# 설계\n");
    scratch.write(OsStr::from_bytes(b"latin1-\xe9"), "bytes\n");
    scratch.write("tab\tand\nline", "odd\n");
    scratch.write("big", vec![7_u8; 700_000]);
    let tool = scratch.write("bin/tool", "#!/bin/sh\n");
    fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("../src/deep.rs", scratch.project().join("bin/link")).unwrap();
    std::os::unix::fs::symlink("nowhere", scratch.project().join("dangling")).unwrap();
    commit(&scratch, "second");
    scratch
}

fn commit(scratch: &Scratch, message: &str) {
    scratch.git(["add", "-A"]);
    scratch.git(["commit", "-q", "-m", message]);
}

/// The TREE extension of an index, as bytes.
fn tree_extension(index: &Path) -> Vec<u8> {
    let bytes = fs::read(index).unwrap();
    let at = bytes.windows(4).rposition(|window| window == b"TREE").expect("no TREE extension");
    bytes[at..bytes.len() - 20].to_vec()
}

#[test]
fn plain_files_modes_links_and_names() {
    let scratch = project();
    let said = same_as_git(&scratch, &scratch.project(), &[]);
    assert_native(&said, 0);
    let index = |root: &Path| fs::read(admin(&scratch, root).join("index")).unwrap().len();
    let ours = PathBuf::from(said["path"].as_str().unwrap());
    assert_eq!(index(&ours), index(&scratch.root().join("theirs")));
}

#[test]
fn the_tree_extension_is_git_s_to_the_byte() {
    let scratch = project();
    let theirs = scratch.root().join("theirs");
    scratch.git([OsStr::new("worktree"), "add".as_ref(), "-q".as_ref(), theirs.as_ref()]);
    let ours = scratch.moai(["worktree", "create", "SPEC-1"]).ok();
    let ours = admin(&scratch, Path::new(ours.trim())).join("index");
    assert_eq!(tree_extension(&ours), tree_extension(&admin(&scratch, &theirs).join("index")));
}

/// The donor's index says of some directories which trees they are, of others not any more, and of some wrongly for
/// the commit that is wanted: what comes out is the commit, and the extension git's to the byte.
#[test]
fn directories_are_taken_from_an_index_that_is_only_partly_the_commit() {
    for version in ["2", "4"] {
        let scratch = project();
        for name in ["src.d/x", "src/deep/other/b.rs", "srcs/c", "lib/one/1", "lib/two/2", "lib/two-1/3", "lib/z"] {
            scratch.write(name, format!("{name}\n"));
        }
        commit(&scratch, "third");
        scratch.write("lib/two/2", "changed\n");
        scratch.write("src/deep/more/c.rs", "c\n");
        commit(&scratch, "fourth");
        scratch.git(["update-index", "--index-version", version]);
        // Staged, deleted from the index, only meant to be added, and hidden from git.
        scratch.write("src/deep/er/new.rs", "new\n");
        scratch.git(["add", "src/deep/er/new.rs"]);
        scratch.git(["rm", "-q", "--cached", "src-2/b"]);
        scratch.write("lib/one/meant", "meant\n");
        scratch.git(["add", "-N", "lib/one/meant"]);
        scratch.git(["update-index", "--skip-worktree", "lib/z"]);
        for (spec, base) in [("SPEC-1", "HEAD"), ("SPEC-2", "HEAD~1"), ("SPEC-3", "HEAD~2")] {
            let theirs = scratch.root().join(format!("theirs-{spec}"));
            let add = [OsStr::new("worktree"), "add".as_ref(), "-q".as_ref(), "--no-track".as_ref()];
            let branch = ["-b".as_ref(), OsStr::new(spec), theirs.as_ref(), base.as_ref()];
            scratch.git(add.iter().chain(&branch));
            let ours = scratch.moai(["worktree", "create", spec, "--base", base, "--engine", "native"]).ok();
            let ours = Path::new(ours.trim());
            let index = |root: &Path| tree_extension(&admin(&scratch, root).join("index"));
            assert_eq!(index(ours), index(&theirs), "{spec} from {base}, version {version}");
            assert_same(&scratch, &theirs, ours);
        }
    }
}

#[test]
fn an_index_that_is_damaged_is_left_to_git() {
    let scratch = project();
    let index = scratch.project().join(".git/index");
    let mut bytes = fs::read(&index).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&index, bytes).unwrap();
    let said = scratch.moai(["worktree", "create", "SPEC-1", "--json"]).json();
    assert_git(&said, "index-extension");
    let ours = PathBuf::from(said["path"].as_str().unwrap());
    assert_eq!(scratch.git_in(&ours, ["status", "--porcelain"]), "");
}

#[test]
fn line_endings_ident_and_encodings_by_attribute() {
    let scratch = project();
    scratch.write(".gitattributes", "*.bat text eol=crlf\n*.id ident\n*.utf16 text working-tree-encoding=UTF-16LE\n");
    scratch.write("run.bat", "echo\r\necho\r\n");
    scratch.write("version.id", "$Id$\n");
    let utf16: Vec<u8> = "안녕\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    scratch.write("text.utf16", utf16);
    commit(&scratch, "attributes");
    let said = same_as_git(&scratch, &scratch.project(), &[]);
    assert_native(&said, 3);
    assert!(fs::read(Path::new(said["path"].as_str().unwrap()).join("run.bat")).unwrap().contains(&b'\r'));
}

#[test]
fn text_auto_alone_converts_nothing_here() {
    let scratch = project();
    scratch.write(".gitattributes", "* text=auto\n*.png binary\n");
    scratch.write("a.png", b"\x89PNG\r\n\x1a\n");
    commit(&scratch, "attributes");
    assert_native(&same_as_git(&scratch, &scratch.project(), &[]), 0);
}

#[test]
fn attributes_outside_the_tree_count_too() {
    let scratch = project();
    fs::create_dir_all(scratch.project().join(".git/info")).unwrap();
    fs::write(scratch.project().join(".git/info/attributes"), "*.rs text eol=crlf\n").unwrap();
    let said = same_as_git(&scratch, &scratch.project(), &[]);
    assert_native(&said, 2);
    assert_eq!(fs::read(Path::new(said["path"].as_str().unwrap()).join("src/deep.rs")).unwrap(), b"mod er;\r\n");
}

#[test]
fn attributes_of_the_wanted_commit_count_and_not_those_of_the_main_checkout() {
    let scratch = project();
    scratch.write(".gitattributes", "*.rs text eol=crlf\n");
    commit(&scratch, "crlf");
    scratch.write(".gitattributes", "");
    commit(&scratch, "lf again");
    same_as_git(&scratch, &scratch.project(), &["--base", "HEAD~1"]);
    let other = project();
    other.write(".gitattributes", "*.rs text eol=crlf\n");
    commit(&other, "crlf");
    same_as_git(&other, &other.project(), &["--base", "HEAD~1"]);
}

#[test]
fn autocrlf_is_git_s_work() {
    let scratch = project();
    scratch.git(["config", "core.autocrlf", "true"]);
    assert_git(&same_as_git(&scratch, &scratch.project(), &[]), "line-endings");
}

#[test]
fn a_clean_and_smudge_filter_runs() {
    let scratch = project();
    scratch.git(["config", "filter.shout.clean", "tr A-Z a-z"]);
    scratch.git(["config", "filter.shout.smudge", "tr a-z A-Z"]);
    scratch.write(".gitattributes", "*.loud filter=shout\n");
    scratch.write("x.loud", "HELLO\n");
    commit(&scratch, "filter");
    let said = same_as_git(&scratch, &scratch.project(), &[]);
    assert_native(&said, 1);
    assert_eq!(fs::read(Path::new(said["path"].as_str().unwrap()).join("x.loud")).unwrap(), b"HELLO\n");
}

#[test]
fn git_lfs_content_is_copied_and_a_pointer_is_not() {
    if std::process::Command::new("git-lfs").arg("version").output().is_err() {
        eprintln!("SKIPPED git_lfs_content_is_copied_and_a_pointer_is_not: git-lfs is not installed");
        return;
    }
    let scratch = project();
    scratch.git(["lfs", "install", "--local", "--skip-repo"]);
    scratch.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    scratch.write("one.bin", vec![1_u8; 5000]);
    scratch.write("two.bin", vec![2_u8; 5000]);
    commit(&scratch, "lfs");
    // Older than the index, so that the stamps can be trusted.
    let old = fs::File::options().write(true).open(scratch.project().join("one.bin")).unwrap();
    old.set_modified(std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000)).unwrap();
    let pointer = scratch.git(["cat-file", "blob", "HEAD:two.bin"]);
    scratch.write("two.bin", format!("{pointer}\n"));
    scratch.git(["add", "."]);
    assert_eq!(scratch.git(["status", "--porcelain"]), "");
    let said = same_as_git(&scratch, &scratch.project(), &[]);
    assert_native(&said, 1);
    let root = PathBuf::from(said["path"].as_str().unwrap());
    assert_eq!(fs::read(root.join("one.bin")).unwrap(), vec![1_u8; 5000]);
    assert_eq!(fs::read(root.join("two.bin")).unwrap(), vec![2_u8; 5000]);
}

#[test]
fn submodules_are_empty_directories() {
    let scratch = project();
    let other = scratch.root().join("library");
    scratch.git([OsStr::new("clone"), "-q".as_ref(), ".".as_ref(), other.as_ref()]);
    scratch.git([
        OsStr::new("-c"),
        "protocol.file.allow=always".as_ref(),
        "submodule".as_ref(),
        "add".as_ref(),
        "-q".as_ref(),
        other.as_ref(),
        "vendor/library".as_ref(),
    ]);
    commit(&scratch, "submodule");
    assert_native(&same_as_git(&scratch, &scratch.project(), &[]), 0);
}

#[test]
fn a_sparse_checkout_stays_sparse() {
    let scratch = project();
    scratch.git(["sparse-checkout", "set", "--cone", "--no-sparse-index", "src"]);
    let said = same_as_git(&scratch, &scratch.project(), &[]);
    assert_git(&said, "sparse-checkout");
    assert!(!Path::new(said["path"].as_str().unwrap()).join("bin/tool").exists());
}

#[test]
fn a_sparse_index_stays_sparse() {
    let scratch = project();
    scratch.git(["sparse-checkout", "set", "--cone", "--sparse-index", "src"]);
    assert_git(&same_as_git(&scratch, &scratch.project(), &[]), "sparse-checkout");
}

#[test]
fn a_split_index() {
    let scratch = project();
    scratch.git(["update-index", "--split-index"]);
    assert_git(&same_as_git(&scratch, &scratch.project(), &[]), "index-extension");
}

#[test]
fn index_version_4_and_skipped_hashes() {
    for setting in ["index.version=4", "feature.manyFiles=true", "index.skipHash=true"] {
        let scratch = project();
        let (name, value) = setting.split_once('=').unwrap();
        scratch.git(["config", name, value]);
        scratch.git(["update-index", "--force-write-index", "--refresh"]);
        assert_native(&same_as_git(&scratch, &scratch.project(), &[]), 0);
    }
}

#[test]
fn reftable_and_sha256() {
    for (option, reason) in [("--ref-format=reftable", "reftable"), ("--object-format=sha256", "sha256")] {
        let scratch = Scratch::new();
        scratch.git(["init", "-q", "-b", "main", option]);
        scratch.write("a/b", "x\n");
        commit(&scratch, "first");
        let said = same_as_git(&scratch, &scratch.project(), &[]);
        assert_git(&said, reason);
        let stderr = scratch.moai(["worktree", "create", "SPEC-2"]).stderr;
        assert!(stderr.contains("note: this repository uses"), "{stderr}");
        scratch.moai(["worktree", "create", "SPEC-3", "--engine", "native"]).fails(1);
    }
}

#[test]
fn a_partial_clone_fetches_what_is_missing() {
    let scratch = project();
    scratch.git(["config", "uploadpack.allowFilter", "true"]);
    scratch.git(["config", "uploadpack.allowAnySHA1InWant", "true"]);
    scratch.write("later", "later\n");
    commit(&scratch, "later");
    let url = format!("file://{}", scratch.project().display());
    let clone = scratch.root().join("clone");
    scratch.git([OsStr::new("clone"), "-q".as_ref(), "--filter=blob:none".as_ref(), url.as_ref(), clone.as_ref()]);
    scratch.git_in(&clone, ["checkout", "-q", "HEAD~1"]);
    let said = same_as_git(&scratch, &clone, &["--base", "origin/main"]);
    assert_git(&said, "partial-clone");
    assert!(Path::new(said["path"].as_str().unwrap()).join("later").exists());
}

#[test]
fn a_shallow_clone() {
    let scratch = project();
    let url = format!("file://{}", scratch.project().display());
    let clone = scratch.root().join("clone");
    scratch.git([OsStr::new("clone"), "-q".as_ref(), "--depth=1".as_ref(), url.as_ref(), clone.as_ref()]);
    assert_native(&same_as_git(&scratch, &clone, &[]), 0);
}

#[test]
fn a_bare_repository_with_and_without_a_worktree_to_copy_from() {
    let scratch = project();
    let bare = scratch.root().join("shop.git");
    scratch.git([OsStr::new("clone"), "-q".as_ref(), "--bare".as_ref(), ".".as_ref(), bare.as_ref()]);
    let first = scratch.moai_in(&bare, ["worktree", "create", "SPEC-0", "--json"]).json();
    assert_git(&first, "no-donor");
    assert!(first["path"].as_str().unwrap().ends_with("/worktrees/shop/SPEC-0"), "{first:#}");
    assert_native(&same_as_git(&scratch, &bare, &[]), 0);
}

#[test]
fn a_detached_head_and_a_dirty_main_checkout() {
    let scratch = project();
    scratch.git(["checkout", "-q", "--detach"]);
    scratch.write("src/deep.rs", "changed\n");
    scratch.write("untracked", "mine\n");
    fs::remove_file(scratch.project().join("src-2/b")).unwrap();
    scratch.write("empty", "staged\n");
    scratch.git(["add", "empty"]);
    let before = scratch.git(["status", "--porcelain"]);
    let said = same_as_git(&scratch, &scratch.project(), &[]);
    assert_native(&said, 3);
    assert_eq!(scratch.git(["status", "--porcelain"]), before);
}

#[test]
fn an_unborn_branch_is_refused_with_a_word() {
    let scratch = Scratch::new();
    scratch.git(["init", "-q", "-b", "main"]);
    let before = scratch.snapshot();
    let stderr = scratch.moai(["worktree", "create", "SPEC-1"]).fails(1);
    assert!(stderr.contains("no commit yet"), "{stderr}");
    assert_eq!(scratch.snapshot(), before);
}

#[test]
fn main_on_another_commit_than_the_base() {
    let scratch = project();
    scratch.git(["tag", "old"]);
    scratch.write("src/deep.rs", "newer\n");
    scratch.write("new/file", "new\n");
    fs::remove_file(scratch.project().join("src-2/b")).unwrap();
    fs::remove_file(scratch.project().join("dangling")).unwrap();
    commit(&scratch, "third");
    // The second time there is a checkout on that very commit to copy from.
    let said = scratch.moai(["worktree", "create", "SPEC-0", "--base", "old", "--json"]).json();
    assert_native(&said, 3);
    let again = same_as_git(&scratch, &scratch.project(), &["--base", "old"]);
    assert_native(&again, 0);
    assert_same(&scratch, &scratch.root().join("theirs"), Path::new(said["path"].as_str().unwrap()));
}

#[test]
fn hidden_changes_of_main_are_not_copied() {
    let scratch = project();
    scratch.git(["update-index", "--skip-worktree", "src/deep.rs"]);
    scratch.git(["update-index", "--assume-unchanged", "src-2/b"]);
    scratch.write("src/deep.rs", "hidden change\n");
    scratch.write("src-2/b", "another\n");
    assert_native(&same_as_git(&scratch, &scratch.project(), &[]), 2);
}

#[test]
fn a_file_changed_behind_git_s_back_with_the_same_size_and_time_is_not_copied() {
    let scratch = project();
    let path = scratch.project().join("src-2/b");
    let when = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "X\n").unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(when).unwrap();
    assert_native(&same_as_git(&scratch, &scratch.project(), &[]), 1);
}

#[test]
fn relative_worktree_paths_are_asked_of_git() {
    let scratch = project();
    scratch.git(["config", "worktree.useRelativePaths", "true"]);
    assert_git(&same_as_git(&scratch, &scratch.project(), &[]), "relative-worktrees");
}

#[test]
fn a_repository_with_relative_worktrees_gets_relative_files() {
    let scratch = project();
    scratch.git(["config", "core.repositoryFormatVersion", "1"]);
    scratch.git(["config", "extensions.relativeWorktrees", "true"]);
    let root = PathBuf::from(scratch.moai(["worktree", "create", "SPEC-1"]).ok().trim());
    let back = fs::read_to_string(root.join(".git")).unwrap();
    assert_eq!(back, "gitdir: ../../../../DesignWorkflow/.git/worktrees/SPEC-1\n");
    let admin = scratch.project().join(".git/worktrees/SPEC-1");
    let there = fs::read_to_string(admin.join("gitdir")).unwrap();
    assert_eq!(admin.join(there.trim()).canonicalize().unwrap(), root.join(".git"));
}

#[test]
fn the_post_checkout_hook_runs_from_hooks_path_with_git_s_arguments() {
    let scratch = project();
    let hook = "#!/bin/sh\necho \"$PWD $1 $2 $3\" > \"$HOME/hook-$(basename \"$PWD\")\"\necho from the hook\n";
    let path = scratch.write_home("hooks/post-checkout", hook);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    scratch.git(["config", "core.hooksPath", scratch.home().join("hooks").to_str().unwrap()]);
    let said = same_as_git(&scratch, &scratch.project(), &[]);
    assert_native(&said, 0);
    let ran = |name: &str| fs::read_to_string(scratch.home().join(format!("hook-{name}"))).unwrap();
    let arguments = |text: String| text.split_once(' ').unwrap().1.to_owned();
    assert_eq!(arguments(ran("SPEC-1")), arguments(ran("theirs")));
    let said = scratch.moai(["worktree", "create", "SPEC-2", "--no-hooks"]);
    assert!(!said.stderr.contains("from the hook"));
    assert!(!scratch.home().join("hook-SPEC-2").exists());
    assert!(scratch.moai(["worktree", "create", "SPEC-3"]).stderr.contains("from the hook"));
}

#[test]
fn from_inside_a_worktree_the_new_one_stands_beside_it() {
    let scratch = project();
    let first = scratch.moai(["worktree", "create", "SPEC-0"]).ok();
    let deep = Path::new(first.trim()).join("src/deep");
    let said = same_as_git(&scratch, &deep, &[]);
    assert_native(&said, 0);
    let path = Path::new(said["path"].as_str().unwrap());
    assert_eq!(path.parent(), Path::new(first.trim()).parent());
}

#[test]
fn git_variables_do_not_redirect_us() {
    let mut scratch = project();
    let git_dir = scratch.project().join(".git");
    scratch.set_env("GIT_INDEX_FILE", "/nowhere/index");
    scratch.set_env("GIT_WORK_TREE", "/nowhere");
    let said = scratch.moai_command(["worktree", "create", "SPEC-1", "--json"]).env("GIT_DIR", &git_dir).output();
    let said = said.unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_native(&said, 0);
    let status = scratch
        .command("git")
        .args(["status", "--porcelain"])
        .env_remove("GIT_INDEX_FILE")
        .env_remove("GIT_WORK_TREE")
        .current_dir(said["path"].as_str().unwrap())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&status.stdout), "");
}

#[test]
fn a_shared_repository_keeps_the_group_s_modes() {
    let scratch = project();
    scratch.git(["config", "core.sharedRepository", "group"]);
    fs::set_permissions(scratch.project().join(".git"), fs::Permissions::from_mode(0o2775)).unwrap();
    let said = same_as_git(&scratch, &scratch.project(), &[]);
    assert_git(&said, "shared-repository");
    // The others of the group must be able to take moai's lock too.
    assert_eq!(mode(&scratch.project().join(".git/moai/lock")), 0o664);
    assert_eq!(mode(&scratch.project().join(".git/moai/journal")) & 0o070, 0o070);
}

#[test]
fn names_that_differ_only_in_case() {
    let scratch = project();
    scratch.write("Readme.md", "other\n");
    scratch.write("SRC/deep.rs", "other\n");
    commit(&scratch, "case");
    assert_native(&same_as_git(&scratch, &scratch.project(), &[]), 0);
}

#[test]
fn settings_per_worktree_are_copied_by_git() {
    let scratch = project();
    scratch.git(["config", "extensions.worktreeConfig", "true"]);
    scratch.git(["config", "--worktree", "demo.key", "value"]);
    assert_git(&same_as_git(&scratch, &scratch.project(), &[]), "worktree-config");
}

#[test]
fn replaced_objects_are_git_s_work() {
    let scratch = project();
    let old = scratch.git(["rev-parse", "HEAD:src-2/b"]);
    let new = scratch.git(["rev-parse", "HEAD:src/deep.rs"]);
    scratch.git(["replace", &old, &new]);
    let said = scratch.moai(["worktree", "create", "SPEC-1", "--json"]).json();
    assert_git(&said, "replacements");
}

#[test]
fn configuration_through_the_environment_is_git_s_work() {
    let mut scratch = project();
    scratch.set_env("GIT_CONFIG_COUNT", "1");
    scratch.set_env("GIT_CONFIG_KEY_0", "core.autocrlf");
    scratch.set_env("GIT_CONFIG_VALUE_0", "true");
    assert_git(&same_as_git(&scratch, &scratch.project(), &[]), "config-from-environment");
}

#[test]
fn the_person_s_own_git_configuration_is_read_without_git_s_variables() {
    let scratch = project();
    scratch.write_home(".gitconfig", "[core]\n\tautocrlf = true\n");
    let run = |name: &str| {
        let mut command = scratch.moai_command(["worktree", "create", name, "--json"]);
        for variable in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"] {
            command.env_remove(variable);
        }
        let said = command.output().unwrap();
        serde_json::from_slice::<Value>(&said.stdout).unwrap()
    };
    assert_git(&run("SPEC-1"), "line-endings");
    scratch.write_home(".gitconfig", "[core]\n\tautocrlf = false\n");
    assert_native(&run("SPEC-2"), 0);
}

#[test]
fn a_commit_with_a_path_that_is_git_s_own_is_left_to_git_which_refuses_it() {
    let scratch = project();
    let blob = scratch.git(["rev-parse", "HEAD:src-2/b"]);
    let mut tree = scratch.command("git");
    tree.args(["hash-object", "-t", "tree", "--literally", "-w", "--stdin"]);
    let mut bytes = b"100644 .GIT\0".to_vec();
    bytes.extend((0..40).step_by(2).map(|at| u8::from_str_radix(&blob[at..at + 2], 16).unwrap()));
    let file = scratch.write_home("tree", bytes);
    let output = tree.stdin(fs::File::open(file).unwrap()).output().unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    let evil = scratch.git(["commit-tree", tree.trim(), "-m", "evil"]);
    let before = scratch.git(["for-each-ref"]);
    let said = scratch.moai(["worktree", "create", "SPEC-1", "--base", &evil]);
    let stderr = said.fails(1);
    assert!(stderr.contains("has a path that git must judge"), "{stderr}");
    assert_eq!(scratch.git(["for-each-ref"]), before);
    assert!(!scratch.home().join("worktrees").exists());
    assert!(!scratch.project().join(".git/worktrees").exists());
}

#[test]
fn somebody_else_s_repository_needs_git_s_word() {
    let scratch = project();
    let chown = std::process::Command::new("chown").args(["-R", "12345"]).arg(scratch.project()).output().unwrap();
    if !chown.status.success() {
        eprintln!("SKIPPED somebody_else_s_repository_needs_git_s_word: only root can give files away");
        return;
    }
    let stderr = scratch.moai(["worktree", "create", "SPEC-1"]).fails(1);
    assert!(stderr.contains("safe.directory"), "{stderr}");
    let config = scratch.write_home("trusting", "[safe]\n\tdirectory = *\n");
    let mut trusting = scratch.moai_command(["worktree", "create", "SPEC-1", "--json"]);
    let said = trusting.env("GIT_CONFIG_GLOBAL", config).output().unwrap();
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    assert_git(&said, "other");
}
