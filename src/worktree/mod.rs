//! Floor 5: git worktrees, created fast and removed without loss.
//!
//! Discovery, refs and the reading of the index go through libgit2; the administrative files are written by hand
//! (libgit2 writes them differently from git, and without any rollback); what libgit2 cannot do is found beforehand
//! ([`Reason`]) and done by the git executable. Whatever fails, is interrupted or is killed is undone.

mod base;
mod branch;
mod changes;
mod clean;
mod entry;
mod erase;
mod error;
mod find;
mod finish;
mod git;
mod hidden;
mod inspect;
mod integrated;
mod process;
mod reason;
mod refusal;
mod remove;
mod repo;
mod rescue;
mod restore;
mod stray;
mod sync;
mod trash;

pub use changes::{Change, Changes};
pub use clean::{CleanPlan, Kept, Litter, plan_clean, purge};
pub use entry::Entry;
pub use error::WorktreeError;
pub use find::set_lock;
pub use finish::{MergePlan, merge, plan_merge};
pub use git::Git;
pub use inspect::{Commit, Distance, Operation, State, Untracked, changes, inspect, inspect_all};
pub use integrated::Integrated;
pub use process::{Resident, Residents, residents};
pub use reason::Reason;
pub use refusal::{Refusal, refusals};
pub use remove::{Ask, BranchWish, Plan, Removed, Seal, forget, plan_removal, remove};
pub use repo::Repo;
pub use restore::{Restored, restore, settle};
pub use stray::{Stray, mend, strays};
pub use sync::{Join, SyncPlan, Synced, fetch_base, plan_sync, require_settled, sync};
pub use trash::{Cause, Record, trash};
