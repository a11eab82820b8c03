//! Worktrees for the tests, made by git itself, and what their tests ask again and again.

use std::path::{Path, PathBuf};

use crate::scratch::Scratch;

/// A linked worktree at the seeds' place on the branch `feature/<spec>`.
pub(crate) fn add(scratch: &Scratch, spec: &str) -> PathBuf {
    let path = place(scratch, spec);
    scratch.git(["worktree", "add", "--quiet", "-b", &format!("feature/{spec}"), path.to_str().unwrap()]);
    path
}

/// Where the worktree of a SPEC stands.
pub(crate) fn place(scratch: &Scratch, spec: &str) -> PathBuf {
    scratch.home().join("worktrees/DesignWorkflow").join(spec)
}

/// Writes a file below `dir`, with its directories.
pub(crate) fn put(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Commits everything in `dir`.
pub(crate) fn commit(scratch: &Scratch, dir: &Path, message: &str) {
    scratch.git_in(dir, ["add", "-A"]);
    scratch.git_in(dir, ["commit", "--quiet", "-m", message]);
}

/// Adds and commits one file in `dir`.
pub(crate) fn commit_file(scratch: &Scratch, dir: &Path, path: &str, text: &str) {
    put(dir, path, text);
    commit(scratch, dir, &format!("add {path}"));
}

/// Every file below `dir` with its bytes, the name of a link's target, and the bits of its mode.
pub(crate) fn content(dir: &Path) -> Vec<(String, Vec<u8>, u32)> {
    use std::os::unix::fs::PermissionsExt as _;
    fn walk(base: &Path, dir: &Path, found: &mut Vec<(String, Vec<u8>, u32)>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = std::fs::symlink_metadata(&path).unwrap();
            let name = path.strip_prefix(base).unwrap().to_string_lossy().into_owned();
            if meta.is_dir() {
                walk(base, &path, found);
            } else if meta.is_symlink() {
                let target = std::fs::read_link(&path).unwrap();
                found.push((name, target.into_os_string().into_encoded_bytes(), 0));
            } else {
                found.push((name, std::fs::read(&path).unwrap(), meta.permissions().mode() & 0o7777));
            }
        }
    }
    let mut found = Vec::new();
    walk(dir, dir, &mut found);
    found.sort();
    found
}

/// What must not change when something is refused: the whole scratch world, without the lock file that waiting needs.
pub(crate) fn world(scratch: &Scratch) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = scratch.snapshot();
    files.retain(|(path, _)| !path.ends_with("moai/lock"));
    files
}

/// Asserts that nothing changed, and names what did.
#[track_caller]
pub(crate) fn unchanged(scratch: &Scratch, before: &[(PathBuf, Vec<u8>)]) {
    let after = world(scratch);
    let differ = |one: &[(PathBuf, Vec<u8>)], two: &[(PathBuf, Vec<u8>)]| -> Vec<PathBuf> {
        one.iter().filter(|file| !two.contains(file)).map(|(path, _)| path.clone()).collect()
    };
    let (gone, new) = (differ(before, &after), differ(&after, before));
    assert!(gone.is_empty() && new.is_empty(), "something changed\nbefore: {gone:#?}\nafter: {new:#?}");
}
