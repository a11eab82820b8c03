//! Floor 5: git worktrees, created fast and removed without loss.
//!
//! Discovery, refs and the reading of the index go through libgit2; the administrative files are written by hand
//! (libgit2 writes them differently from git, and without any rollback); what libgit2 cannot do is found beforehand
//! ([`Reason`]) and done by the git executable. Whatever fails, is interrupted or is killed is undone.

mod admin;
mod attributes;
mod base;
mod branch;
mod changes;
mod clean;
mod create;
mod donor;
mod engine;
mod entry;
mod erase;
mod error;
mod exclude;
mod facts;
mod find;
mod finish;
mod furnish;
mod git;
mod held;
mod hidden;
mod index;
mod inspect;
mod integrated;
mod journal;
mod name;
mod observer;
mod plan;
mod populate;
mod preflight;
mod process;
mod reason;
mod refusal;
mod registered;
pub mod registry;
mod remove;
mod repo;
mod rescue;
mod restore;
mod roots;
mod stray;
mod sync;
mod trash;
mod tree;
mod undo;

pub use changes::{Change, Changes};
pub use clean::{CleanPlan, Kept, Litter, plan_clean, purge};
pub use create::{Created, FAIL_POINTS, create};
pub use engine::Engine;
pub use entry::Entry;
pub use error::{GitSaid, WorktreeError};
pub use exclude::{ensure_ignored, is_ignored};
pub use find::set_lock;
pub use finish::{MergePlan, merge, plan_merge};
pub use git::Git;
pub use inspect::{Commit, Distance, Operation, State, Untracked, changes, inspect, inspect_all};
pub use integrated::Integrated;
pub use journal::{Undone, interrupted, recover_interrupted};
pub use name::{default_branch, slug};
pub use observer::{Observer, Silent};
pub use plan::{CreatePlan, Order};
pub use preflight::preflight;
pub use process::{Resident, Residents, residents};
pub use reason::Reason;
pub use refusal::{Refusal, refusals};
pub use registered::{register, registered, touch, unregister};
pub use remove::{Ask, BranchWish, Plan, Removed, Seal, forget, plan_removal, remove};
pub use repo::Repo;
pub use restore::{Restored, restore, settle};
pub use roots::{Because, RECORD, Roost, choose as choose_root};
pub use stray::{Stray, mend, strays};
pub use sync::{Join, SyncPlan, Synced, fetch_base, plan_sync, require_settled, sync};
pub use trash::{Cause, Record, trash};
