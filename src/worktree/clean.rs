//! What can be cleaned away, each with its reason, and what looks like it and is kept. Looking changes nothing.

use jiff::{SignedDuration, Timestamp};

use super::entry::Entry;
use super::error::WorktreeError;
use super::inspect::{State, inspect_all};
use super::integrated::Integrated;
use super::remove::guard;
use super::repo::Repo;
use super::trash::{Record, trash};

/// Something that cleaning would take away.
#[derive(Debug, Clone)]
pub enum Litter {
    /// An entry whose directory is gone; it goes to the trash.
    Gone(Entry),
    /// A clean worktree whose work is in its base; it goes to the trash.
    Integrated {
        /// The worktree.
        entry: Entry,
        /// Its base.
        base: String,
        /// Why nothing is lost.
        why: Integrated,
    },
    /// A removed worktree whose days in the trash are over; it is deleted for good.
    Expired(Record),
}

/// A worktree whose work is in its base and that is kept all the same, and why.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The worktree.
    pub entry: Entry,
    /// Why it stays.
    pub why: String,
}

/// What cleaning would do.
#[derive(Debug, Clone, Default)]
pub struct CleanPlan {
    /// What goes.
    pub litter: Vec<Litter>,
    /// What stays although its work is in the base.
    pub kept: Vec<Kept>,
}

/// Looks for litter. A worktree counts as idle when git recorded nothing in it for `idle`; what was removed is kept
/// in the trash for `keep`.
pub fn plan_clean(
    repo: &Repo,
    entries: &[Entry],
    idle: SignedDuration,
    keep: SignedDuration,
) -> Result<CleanPlan, WorktreeError> {
    let now = repo.world().now();
    let mut plan = CleanPlan::default();
    let linked: Vec<Entry> = entries.iter().filter(|entry| !entry.main).cloned().collect();
    let (gone, standing): (Vec<Entry>, Vec<Entry>) = linked.into_iter().partition(|entry| entry.prunable.is_some());
    plan.litter.extend(gone.into_iter().filter(|entry| entry.locked.is_none()).map(Litter::Gone));
    let bases: Vec<Option<String>> = standing.iter().map(|entry| repo.base_of(entries, entry)).collect();
    let states = inspect_all(repo.world(), &standing, &bases);
    for ((entry, state), base) in standing.iter().zip(&states).zip(&bases) {
        let (Some(why), Some(base)) = (state.integrated, base.clone()) else { continue };
        match reason_to_keep(repo, entry, state, why, idle, now) {
            Some(reason) => plan.kept.push(Kept { entry: entry.clone(), why: reason }),
            None => plan.litter.push(Litter::Integrated { entry: entry.clone(), base, why }),
        }
    }
    let expired = trash(repo)?.into_iter().filter(|record| record.expires(keep) <= now);
    // The git directory of files that stand where they stood holds what is staged there.
    plan.litter.extend(expired.filter(|record| !record.is_half_restored()).map(Litter::Expired));
    Ok(plan)
}

/// Why a worktree with nothing of its own stays.
fn reason_to_keep(
    repo: &Repo,
    entry: &Entry,
    state: &State,
    why: Integrated,
    idle: SignedDuration,
    now: Timestamp,
) -> Option<String> {
    const NEW: SignedDuration = SignedDuration::from_hours(24);
    if entry.locked.is_some() {
        return Some("locked".into());
    }
    if let Some(operation) = state.operation {
        return Some(format!("a {} is not finished", operation.as_str()));
    }
    match &state.changes {
        Some(changes) if changes.is_empty() => {}
        Some(changes) => return Some(changes.describe()),
        None => return Some(state.trouble.clone().unwrap_or_else(|| "its state cannot be read".into())),
    }
    if entry.branch.is_none() {
        return Some("on no branch".into());
    }
    if repo.current_root().is_some_and(|here| here == entry.path) {
        return Some("we stand in it".into());
    }
    let quiet = state.active.map_or(SignedDuration::ZERO, |active| now.duration_since(active));
    // A branch that has no commit yet is in its base too: work there has only just begun.
    let untouched = matches!(why, Integrated::SameCommit | Integrated::Ancestor) && !state.moved;
    if untouched && quiet < NEW {
        return Some("new, without a commit yet".into());
    }
    (quiet < idle).then(|| "used recently".into())
}

/// Deletes a record of the trash for good, if it was there for `keep`.
pub fn purge(repo: &Repo, record: &Record, keep: SignedDuration) -> Result<(), WorktreeError> {
    let _lock = guard(repo)?;
    let expires = record.expires(keep);
    if expires > repo.world().now() {
        let text = format!("{} stays in the trash until {expires}", record.name);
        return Err(WorktreeError::refused("not-expired", text));
    }
    if record.is_half_restored() {
        let text = format!("{} is half restored: its files stand at {}", record.name, record.path.display());
        return Err(WorktreeError::refused("half-restored", text)
            .hint(format!("finish it: `moai worktree restore {}`", record.name)));
    }
    record.purge(repo)
}
