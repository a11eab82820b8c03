//! Floor 5: git worktrees, created fast and removed without loss.
//!
//! Discovery, refs and the reading of the index go through libgit2; the administrative files are written by hand
//! (libgit2 writes them differently from git, and without any rollback); what libgit2 cannot do is found beforehand
//! ([`Reason`]) and done by the git executable. Whatever fails, is interrupted or is killed is undone.

mod entry;
mod error;
mod git;
mod reason;
mod repo;

pub use entry::Entry;
pub use error::WorktreeError;
pub use git::Git;
pub use reason::Reason;
pub use repo::Repo;
