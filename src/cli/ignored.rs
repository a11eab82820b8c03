//! What git would do with a file that holds a key: ignore it, commit it, or has committed it already.

use std::path::Path;

use crate::base::world::World;
use crate::config::Project;
use crate::worktree::Git;

/// How git sees a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// There is no repository.
    NoRepository,
    /// There is no git to ask.
    Unknown,
    /// It will never be added by itself.
    Ignored,
    /// `git add .` would take it.
    Exposed,
    /// It is committed or staged.
    Tracked,
}

/// How git sees `relative` in the checkout of `project` at `root`.
pub(super) fn sight(world: &World, project: &Project, root: &Path, relative: &str) -> Sight {
    if project.git.is_none() {
        return Sight::NoRepository;
    }
    let git = Git::at(world, root);
    let status = |args: &[&str]| git.run(args).ok().and_then(|spoken| spoken.status);
    match status(&["ls-files", "--error-unmatch", "--", relative]) {
        Some(0) => return Sight::Tracked,
        Some(1) => {}
        _ => return Sight::Unknown,
    }
    match status(&["check-ignore", "-q", "--", relative]) {
        Some(0) => Sight::Ignored,
        Some(1) => Sight::Exposed,
        _ => Sight::Unknown,
    }
}
