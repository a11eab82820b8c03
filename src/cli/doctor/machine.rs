//! The machine: git, Claude Code, the home directory, space on the disk.

use std::path::Path;

use crate::base::program::Program;
use crate::base::world::World;
use crate::worktree::Git;

use super::Patient;
use super::finding::Finding;

/// `git worktree list --porcelain -z` came with it (release notes of git 2.36).
const GIT_WANTED: [u32; 2] = [2, 36];
/// The newest Claude Code seen in which a worktree's own settings win over the main checkout's (2026-11-20).
const CLAUDE_OWN_WINS: [u32; 3] = [2, 1, 197];
/// The oldest seen in which the main checkout's win (2026-11-20).
const CLAUDE_MAIN_WINS: [u32; 3] = [2, 1, 329];
/// Less than this is too little to write anything with confidence.
const ROOM: u64 = 64 * 1024 * 1024;

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Vec<Finding>) {
    let world = patient.world;
    findings.push(git(patient));
    findings.push(claude(world));
    match world.moai_home() {
        Ok(home) => findings.extend([writable(world, &home), room(world, &home)].into_iter().flatten()),
        Err(error) => findings.push(Finding::failure("home", &error.into())),
    }
    findings.extend(room(world, &patient.project.root));
}

fn git(patient: &Patient<'_>) -> Finding {
    let Some(version) = Git::at(patient.world, &patient.project.root).version() else {
        let missing = "git is not installed";
        return match patient.project.git {
            Some(_) => Finding::error("git", missing).todo("install git and run this again"),
            None => Finding::info("git", missing),
        };
    };
    if numbers(&version).as_slice() < GIT_WANTED.as_slice() {
        let [major, minor] = GIT_WANTED;
        return Finding::warn("git", format!("git {version} is old"))
            .todo(format!("install git {major}.{minor} or newer: what libgit2 cannot do is handed to it"));
    }
    Finding::ok("git", format!("git {version}"))
}

fn claude(world: &World) -> Finding {
    let said = Program::new(world, "claude").and_then(|program| program.args(["--version"]).run());
    let Ok(said) = said else {
        return Finding::warn("claude", "Claude Code is not installed")
            .todo("`npm install -g @anthropic-ai/claude-code`");
    };
    let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    let version = numbers(text.split_whitespace().next().unwrap_or_default());
    if !said.ok() || version.is_empty() {
        return Finding::warn("claude", "`claude --version` does not say its version")
            .todo("reinstall it: `npm install -g @anthropic-ai/claude-code`");
    }
    let name = text.split_whitespace().next().unwrap_or_default().to_owned();
    if version.as_slice() >= CLAUDE_MAIN_WINS.as_slice() {
        return Finding::ok("claude", format!("Claude Code {name}: main's local settings override a worktree's"));
    }
    if version.as_slice() <= CLAUDE_OWN_WINS.as_slice() {
        return Finding::info("claude", format!("Claude Code {name}: a worktree's local settings override main's"))
            .todo("after an update main's override them, key by key: run `moai doctor` again then");
    }
    Finding::info(
        "claude",
        format!("Claude Code {name}: whether main's local settings override a worktree's is not known"),
    )
    .todo("keep keys out of the main checkout while a worktree is on GLM: `moai claude`")
}

/// The leading numbers of a version: `2.47.3.windows.1` → 2, 47, 3.
fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

fn writable(world: &World, home: &Path) -> Option<Finding> {
    // Before the first key there is no such directory; then its parent counts.
    let exists = home.ancestors().find(|path| path.exists())?;
    let writable = exists.is_dir() && rustix::fs::access(exists, rustix::fs::Access::WRITE_OK).is_ok();
    (!writable).then(|| {
        Finding::error("home", "moai's home cannot be written: no key can be stored, and no backend switched")
            .at(world.tilde(home))
            .todo("make it writable, or choose another: `export MOAI_HOME=…`")
    })
}

fn room(world: &World, dir: &Path) -> Option<Finding> {
    let exists = dir.ancestors().find(|dir| dir.is_dir())?;
    let disk = rustix::fs::statvfs(exists).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    (free < ROOM).then(|| {
        Finding::warn("disk", format!("only {} MiB are left on the disk", free / (1024 * 1024)))
            .at(world.tilde(exists))
            .todo("free some space: what cannot be written whole is not written at all")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(numbers("2.47.3.windows.1"), [2, 47, 3]);
        assert!(numbers("2.9.0").as_slice() < GIT_WANTED.as_slice());
        assert!(numbers("2.1.1000").as_slice() > CLAUDE_MAIN_WINS.as_slice());
        assert!(numbers("unknown").is_empty());
    }
}
