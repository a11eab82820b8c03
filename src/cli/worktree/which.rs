//! The repository, its worktrees, and which of them a command is about.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::Ui;
use crate::worktree::{Entry, Repo};

/// A repository with the list of its worktrees.
pub(super) struct Trees {
    pub(super) repo: Repo,
    pub(super) entries: Vec<Entry>,
}

impl Trees {
    /// Those of the repository that we stand in.
    pub(super) fn open(world: &World) -> Result<Self, Failure> {
        let repo = Repo::open(world)?;
        let entries = repo.entries()?;
        Ok(Self { repo, entries })
    }

    /// The worktree that `word` names. Without a word the person chooses; `linked` leaves the main checkout out.
    pub(super) fn named(&self, ui: &mut Ui, word: Option<&str>, linked: bool) -> Result<&Entry, Failure> {
        if let Some(word) = word {
            return Ok(self.repo.find_entry(&self.entries, word)?);
        }
        let choices: Vec<&Entry> = self.entries.iter().filter(|entry| !(entry.bare || linked && entry.main)).collect();
        if choices.is_empty() {
            return Err(Failure::expected("there is no worktree yet")
                .with_code("no-worktree")
                .hint("make one: `moai worktree create SPEC-1`"));
        }
        let labels: Vec<String> = choices
            .iter()
            .map(|entry| {
                let branch = entry.branch.as_deref().unwrap_or("on no branch");
                format!("{}  {branch}  {}", entry.name(), self.repo.world().tilde(&entry.path))
            })
            .collect();
        if let Some(entry) = ui.pick("Which worktree?", &labels)?.and_then(|at| choices.get(at)) {
            return Ok(entry);
        }
        let names: Vec<String> = choices.iter().map(|entry| entry.name()).collect();
        Err(Failure::usage("which worktree?").hint(format!("give one of: {}", names.join(", "))))
    }

    /// The worktree that we stand in.
    pub(super) fn current(&self) -> Option<&Entry> {
        let cwd = self.repo.world().cwd().ok()?;
        self.repo.entry_at(&self.entries, cwd)
    }

    /// The base of `entry`: what was asked for, else what it was made from.
    pub(super) fn base(&self, entry: &Entry, asked: Option<&str>) -> Option<String> {
        asked.map(str::to_owned).or_else(|| self.repo.base_of(&self.entries, entry))
    }
}

/// Tells the shell function of `moai shell-init` where to go; without it nothing happens.
pub(in crate::cli) fn lead_shell(world: &World, path: &Path) -> Result<bool, Failure> {
    use std::os::unix::ffi::OsStrExt as _;
    let Some(file) = world.env.raw("MOAI_CD_FILE").filter(|file| !file.is_empty()) else { return Ok(false) };
    // The function made the file, private; it reads the path raw and never runs it.
    crate::base::disk::replace(Path::new(file), path.as_os_str().as_bytes(), crate::base::disk::Access::Private)?;
    Ok(true)
}

/// How long ago, in one word: `now`, `12m`, `5h`, `3d`, `7w`.
pub(in crate::cli) fn ago(now: Timestamp, then: Timestamp) -> String {
    let past: SignedDuration = now.duration_since(then);
    let (minutes, hours) = (past.as_mins(), past.as_hours());
    match (minutes, hours, hours / 24) {
        (..1, _, _) => "now".into(),
        (_, 0, _) => format!("{minutes}m"),
        (_, _, 0) => format!("{hours}h"),
        (_, _, days @ ..14) => format!("{days}d"),
        (_, _, days) => format!("{}w", days / 7),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_one_word() {
        let now = Timestamp::from_second(100_000_000).unwrap();
        let past = |seconds: i64| ago(now, Timestamp::from_second(100_000_000 - seconds).unwrap());
        assert_eq!(
            [past(-5), past(59), past(60), past(3600), past(86_400), past(86_400 * 20)],
            ["now", "now", "1m", "1h", "1d", "2w"]
        );
    }
}
