//! Making a worktree: every step is written into the journal before it is done, and undone when a later one fails.

use std::fs;
use std::path::{Path, PathBuf};

use super::admin::{Admin, INITIALIZING, put};
use super::error::WorktreeError;
use super::git::{Git, require_ok};
use super::journal::{self, Journal, Step};
use super::name;
use super::observer::Observer;
use super::plan::CreatePlan;
use super::reason::Reason;
use super::registry::{self, Record};
use super::repo::Repo;
use super::roots::RECORD;
use crate::base::disk::DiskError;
use crate::base::failure::{Failure, Kind};

/// A worktree that was made.
#[derive(Debug, Clone)]
pub struct Created {
    /// Its id in git's administrative area.
    pub id: String,
    /// Its administrative directory.
    pub admin: PathBuf,
    /// What the registry says of it.
    pub record: Record,
    /// How many files were copied from another checkout.
    pub copied: usize,
    /// How many git wrote because they could not be copied; `None` where git did the whole work.
    pub by_git: Option<usize>,
}

/// Where `MOAI_FAIL_AT` can end the process in a debug build, for the tests of what the next command finds.
pub const FAIL_POINTS: &[&str] = &[
    "journal", "parents", "target", "branch", "admin", "files", "index", "hook", "shield", "dress", "registry",
    "unlock",
];

/// Makes the worktree that was planned. `dress` writes what belongs into it (settings with a key) and runs inside
/// the undo: when it fails, nothing is left. It gets the worktree's root and its administrative directory.
///
/// Safe with any number of others at once: names and branches are given out under the repository's lock, and files
/// are written outside of it.
pub fn create(
    repo: &Repo,
    plan: &CreatePlan,
    observer: &mut dyn Observer,
    dress: &mut dyn FnMut(&Path, &Path) -> Result<(), Failure>,
) -> Result<Created, Failure> {
    repo.world().interrupt.listen();
    registry::require_readable(&plan.roost.root.join(registry::FILE))?;
    let lock = journal::lock(repo, || observer.note("waiting for another moai in this repository"))?;
    recheck(repo, plan)?;
    let journal = Journal::start(repo.common_dir(), &plan.name, begin(plan))?;
    let mut work = Work { repo, plan, observer, journal, admin: PathBuf::new(), copied: 0, by_git: None };
    let outcome = work.set_up().and_then(|id| {
        drop(lock);
        work.fill()?;
        work.hook()?;
        work.finish(id, dress)
    });
    let Work { journal, .. } = work;
    match outcome {
        Ok(created) => {
            journal.commit()?;
            Ok(created)
        }
        Err(failure) => Err(undo(repo, journal, failure)),
    }
}

fn undo(repo: &Repo, journal: Journal, failure: Failure) -> Failure {
    // The lock is free again here in every case: it was dropped with the closure that held it.
    let undone = journal::lock(repo, || {}).and_then(|_lock| journal.undo(repo));
    let failure = match repo.world().interrupt.check() {
        Err(stopped) if !matches!(failure.kind(), Kind::Interrupted(_)) => Failure::from(stopped),
        _ => failure,
    };
    match undone {
        Ok(()) => failure.hint("everything that was begun has been undone"),
        Err(error) => {
            let what = Failure::from(error).chain().join(": ");
            failure.hint(format!("not everything could be undone ({what}); `moai worktree recover` tries again"))
        }
    }
}

fn begin(plan: &CreatePlan) -> Step {
    Step::Begin {
        path: plan.path.clone().into(),
        branch: plan.branch.clone(),
        commit: plan.commit.clone(),
        ours: plan.shield.clone(),
    }
}

/// What was planned may have changed while we waited for the lock.
fn recheck(repo: &Repo, plan: &CreatePlan) -> Result<(), WorktreeError> {
    let entries = repo.entries()?;
    let taken = || {
        WorktreeError::refused(
            "exists",
            format!("another process has just made {} at {}", plan.name, plan.path.display()),
        )
        .hint(format!("go there: `moai worktree go {}`", plan.name))
    };
    let there = fs::symlink_metadata(&plan.path).is_ok() && !super::undo::is_empty(&plan.path).unwrap_or(false);
    if there || entries.iter().any(|entry| entry.path == plan.path) {
        return Err(taken());
    }
    if name::checked_out_at(&entries, &plan.branch).is_some() {
        return Err(taken());
    }
    let state = name::branch_state(repo, &plan.branch)?;
    let expected = if plan.attach { name::BranchState::At(plan.commit.clone()) } else { name::BranchState::Free };
    if state == expected { Ok(()) } else { Err(taken()) }
}

/// A creation at work.
pub(super) struct Work<'a> {
    pub repo: &'a Repo,
    pub plan: &'a CreatePlan,
    pub observer: &'a mut dyn Observer,
    pub journal: Journal,
    pub admin: PathBuf,
    pub copied: usize,
    pub by_git: Option<usize>,
}

impl Work<'_> {
    /// Everything that needs the lock: directories, branch, administrative files. Returns the id.
    fn set_up(&mut self) -> Result<String, Failure> {
        let plan = self.plan;
        self.reached("journal")?;
        self.parents()?;
        self.reached("parents")?;
        self.journal.will(Step::Target { path: plan.path.clone().into(), existed: plan.existed })?;
        if !plan.existed
            && let Err(error) = fs::create_dir(&plan.path)
        {
            self.journal.wont()?;
            return Err(DiskError::io("create", &plan.path)(error).into());
        }
        self.reached("target")?;
        if plan.native.is_some() {
            self.set_up_native()?;
        } else {
            self.set_up_git()?;
        }
        self.reached("admin")?;
        Ok(self.admin.file_name().unwrap_or_default().to_string_lossy().into_owned())
    }

    fn parents(&mut self) -> Result<(), WorktreeError> {
        let Some(parent) = self.plan.path.parent() else { return Ok(()) };
        let missing: Vec<&Path> = parent.ancestors().take_while(|path| !path.exists()).collect();
        for path in missing.into_iter().rev() {
            self.journal.will(Step::Parent { path: path.into() })?;
            match fs::create_dir(path) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                    return Err(DiskError::io("create", path)(error).into());
                }
                _ => {}
            }
        }
        let record = self.plan.roost.folder.join(RECORD);
        let ours = self.plan.path.parent() == Some(&settled(&self.plan.roost.folder)) && !self.plan.in_main;
        if ours && !record.exists() {
            self.journal.will(Step::File { path: record.clone().into() })?;
            put(&record, &super::admin::line(b"", self.repo.common_dir()))?;
        }
        Ok(())
    }

    fn set_up_native(&mut self) -> Result<(), WorktreeError> {
        let plan = self.plan;
        let common = self.repo.common_dir();
        let git2 = self.repo.git2().ok_or_else(|| WorktreeError::refused("engine", "libgit2 cannot serve here"))?;
        if !plan.attach {
            self.journal.will(Step::Branch { name: plan.branch.clone(), commit: plan.commit.clone() })?;
            if let Err(error) = self.make_branch(git2) {
                self.journal.wont()?;
                return Err(WorktreeError::libgit2("make the branch")(error));
            }
        }
        self.reached("branch")?;
        let id = name::free_id(&self.repo.entries()?, &plan.name);
        let temporary = common.join(format!("moai/tmp-{}-{id}", std::process::id()));
        self.admin = common.join("worktrees").join(&id);
        self.journal.will(Step::Admin { temporary: temporary.clone().into(), path: self.admin.clone().into() })?;
        Admin {
            root: &plan.path,
            branch: &plan.branch,
            commit: &plan.commit,
            facts: &plan.facts,
            now: self.repo.world().now().as_second(),
        }
        .build(&temporary, &self.admin)
    }

    /// The branch with the log entry that git writes; fails where it is there by now.
    fn make_branch(&self, git2: &git2::Repository) -> Result<(), git2::Error> {
        let plan = self.plan;
        let full = format!("refs/heads/{}", plan.branch);
        let (name, email) = plan.facts.ident.split_once(" <").unwrap_or((&plan.facts.ident, ""));
        let time = git2::Time::new(self.repo.world().now().as_second(), 0);
        let who = git2::Signature::new(name, email.trim_end_matches('>'), &time)?;
        let mut transaction = git2.transaction()?;
        transaction.lock_ref(&full)?;
        if git2.find_reference(&full).is_ok() {
            return Err(git2::Error::from_str("it exists by now"));
        }
        let oid = git2::Oid::from_str(&plan.commit)?;
        transaction.set_target(&full, oid, Some(&who), &format!("branch: Created from {}", plan.base))?;
        transaction.commit()
    }

    fn set_up_git(&mut self) -> Result<(), WorktreeError> {
        let plan = self.plan;
        for reason in plan.reasons.iter().filter(|reason| **reason != Reason::Asked) {
            let version = self.repo.git().version().unwrap_or_else(|| "?".into());
            self.observer.note(&format!("note: this repository {reason}: using git {version} instead"));
        }
        if !plan.attach {
            self.journal.will(Step::Branch { name: plan.branch.clone(), commit: plan.commit.clone() })?;
        }
        self.journal.will(Step::Git)?;
        let mut args: Vec<std::ffi::OsString> =
            ["worktree", "add", "--quiet", "--no-checkout", "--lock", "--reason"].iter().map(Into::into).collect();
        args.push(INITIALIZING.into());
        if plan.attach {
            args.push(plan.path.clone().into());
            args.push(plan.branch.clone().into());
        } else {
            args.extend(["--no-track".into(), "-b".into(), plan.branch.clone().into()]);
            args.push(plan.path.clone().into());
            args.push(plan.commit.clone().into());
        }
        let dir = self.repo.main_root().unwrap_or_else(|| self.repo.common_dir());
        let spoken = Git::at(self.repo.world(), dir).run(&args)?;
        require_ok(&args, &spoken)?;
        self.admin = super::repo::gitfile(&plan.path.join(".git"))?;
        self.reached("branch")
    }

    /// A point between two steps: Ctrl-C is heeded here, and a debug build can be told to die here.
    pub(super) fn reached(&self, point: &str) -> Result<(), WorktreeError> {
        debug_assert!(FAIL_POINTS.contains(&point), "{point} is not in FAIL_POINTS");
        if cfg!(debug_assertions) {
            fail_at(self.repo, point);
        }
        Ok(self.repo.world().interrupt.check()?)
    }
}

pub(super) fn settled(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// `MOAI_FAIL_AT=branch` kills the process there, `branch:int` interrupts it, for tests.
fn fail_at(repo: &Repo, point: &str) {
    use rustix::process::{Signal, getpid, kill_process};
    let Some(wanted) = repo.world().env.text("MOAI_FAIL_AT") else { return };
    let signal = match wanted.split_once(':') {
        Some((wanted, "int")) if wanted == point => Signal::INT,
        None if wanted == point => Signal::KILL,
        _ => return,
    };
    // Where the system refuses, the process goes on, and the test that asked for it fails.
    kill_process(getpid(), signal).unwrap_or_default();
}
