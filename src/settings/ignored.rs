//! That a settings file with a key in it can never be committed: git ignores it, or it is not written.

use std::path::Path;

use super::local::SETTINGS_LOCAL;
use crate::base::program::{Program, ProgramError};
use crate::base::world::World;

/// What git thinks of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committable {
    /// Ignored, or there is no repository.
    No,
    /// In the index: whatever is written into it is in the next commit.
    Tracked,
    /// Neither tracked nor ignored: `git add .` would take it.
    Untracked,
    /// The git executable is not installed, so nobody knows.
    Unknown,
}

/// Asks git about the local settings of the checkout at `root`.
pub fn committable(world: &World, root: &Path) -> Result<Committable, ProgramError> {
    committable_file(world, root, SETTINGS_LOCAL)
}

/// Asks git about another file that may hold a key, by its path below the checkout at `root`.
pub fn committable_file(world: &World, root: &Path, relative: &str) -> Result<Committable, ProgramError> {
    let git = |args: &[&str]| -> Result<Option<i32>, ProgramError> {
        let program = match Program::new(world, "git") {
            Err(ProgramError::Missing(_)) => return Ok(None),
            other => other?,
        };
        let program = program.without_env(world, |name| name.starts_with("GIT_DIR") || name == "GIT_WORK_TREE");
        Ok(Some(program.dir(root).args(args.iter().copied().chain(["--", relative])).run()?.status.unwrap_or(128)))
    };
    match git(&["check-ignore", "--quiet"])? {
        None => Ok(Committable::Unknown),
        // 128: a path behind a link that leads out of the checkout is no path of this repository.
        Some(0 | 128) => Ok(Committable::No),
        Some(_) => Ok(match git(&["ls-files", "--error-unmatch"])? {
            Some(0) => Committable::Tracked,
            _ => Committable::Untracked,
        }),
    }
}
