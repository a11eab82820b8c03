//! What a creation is going to do, decided and checked before anything is touched; `--dry-run` prints it.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::engine::Engine;
use super::entry::{Entry, normal};
use super::error::WorktreeError;
use super::exclude;
use super::facts::Facts;
use super::git::Git;
use super::name::{self, BranchState};
use super::preflight::{self, Choice, Material};
use super::reason::Reason;
use super::repo::Repo;
use super::roots::{self, Roost};
use super::undo;

/// What was asked for.
#[derive(Debug, Clone, Default)]
pub struct Order {
    /// The SPEC or another name that is safe as a directory ([`slug`](super::slug) makes one): the last part of the
    /// path, and the id in git's administrative area.
    pub name: String,
    /// The branch.
    pub branch: String,
    /// What a new branch starts at; else HEAD of the main checkout.
    pub base: Option<String>,
    /// Where worktrees go (`--root`, `worktree.root`); relative to the main checkout.
    pub root: Option<PathBuf>,
    /// Where exactly this one goes, absolute; overrides `root`.
    pub path: Option<PathBuf>,
    /// Who is to make it.
    pub engine: Engine,
    /// Leave out git's post-checkout hook.
    pub no_hooks: bool,
    /// Files (relative, with `/`) that will be written into it and must never be committed.
    pub shield: Vec<String>,
    /// Files that will be written into it and are ignored from then on, unless git tracks them.
    pub hide: Vec<String>,
}

/// What is going to be done.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub struct CreatePlan {
    /// The name asked for.
    pub name: String,
    /// Where the worktree will be.
    pub path: PathBuf,
    /// Its branch.
    pub branch: String,
    /// The branch exists and is taken as it is.
    pub attach: bool,
    /// What a new branch starts at, as it was asked for.
    pub base: String,
    /// The commit, in hex.
    pub commit: String,
    /// Where the project's worktrees are, and why.
    pub roost: Roost,
    /// Why git does the work; empty where we do.
    pub reasons: Vec<Reason>,
    pub(super) existed: bool,
    pub(super) in_main: bool,
    pub(super) hooks: bool,
    pub(super) shield: Vec<String>,
    pub(super) native: Option<Material>,
    pub(super) facts: Facts,
}

impl CreatePlan {
    /// Decides everything about `order`, or says why it cannot be done.
    pub fn new(repo: &Repo, order: &Order) -> Result<Self, WorktreeError> {
        let entries = repo.entries()?;
        let facts = Facts::read(repo);
        name::require_valid_branch(&order.branch)?;
        let roost = roots::choose(repo, &entries, order.root.as_deref())?;
        let path = match &order.path {
            Some(path) => normal(path),
            None => roost.folder.join(&order.name),
        };
        let path = settle(&path);
        let existed = require_free_path(repo, &entries, &path, &order.name)?;
        let in_main = require_good_place(repo, &entries, &path)?;
        require_free_branch(&entries, &order.branch)?;
        let (attach, base, commit) = start(repo, &entries, order)?;
        let mut shield = order.shield.clone();
        for file in &shield {
            if in_commit(repo, &commit, file)? {
                return Err(exclude::tracked(file));
            }
        }
        for file in &order.hide {
            if !in_commit(repo, &commit, file)? {
                shield.push(file.clone());
            }
        }
        let Choice { native, reasons } = preflight::decide(repo, &facts, &entries, order.engine, &commit)?;
        Ok(Self {
            name: order.name.clone(),
            path,
            branch: order.branch.clone(),
            attach,
            base,
            commit,
            roost,
            reasons,
            existed,
            in_main,
            hooks: !order.no_hooks,
            shield,
            native,
            facts,
        })
    }

    /// Who will make it.
    pub fn engine(&self) -> Engine {
        if self.native.is_some() { Engine::Native } else { Engine::Git }
    }
}

/// The path with its existing part canonical, so that git's files name one place in one way.
pub(super) fn settle(path: &Path) -> PathBuf {
    for ancestor in path.ancestors().skip(1) {
        if let Ok(real) = ancestor.canonicalize() {
            return real.join(path.strip_prefix(ancestor).unwrap_or(path));
        }
    }
    path.to_path_buf()
}

/// Fails where something is at the path; true where an empty directory is.
fn require_free_path(repo: &Repo, entries: &[Entry], path: &Path, name: &str) -> Result<bool, WorktreeError> {
    if let Some(entry) = entries.iter().find(|entry| entry.path == path) {
        let branch = entry.branch.as_deref().map_or_else(String::new, |branch| format!(" on {branch}"));
        return Err(match &entry.prunable {
            None => {
                WorktreeError::refused("exists", format!("there is a worktree{branch} at {}", repo.world().tilde(path)))
                    .hint(format!(
                        "go there: `moai worktree go {name}`, or take it away: `moai worktree remove {name}`"
                    ))
            }
            Some(_) => WorktreeError::refused(
                "missing",
                format!("git knows a worktree{branch} at {}, but the directory is gone", repo.world().tilde(path)),
            )
            .hint("clean up first: `moai worktree recover`"),
        });
    }
    let folded = |path: &Path| path.to_string_lossy().to_lowercase();
    if let Some(entry) = entries.iter().find(|entry| !entry.main && folded(&entry.path) == folded(path)) {
        return Err(WorktreeError::refused(
            "case-clash",
            format!("{} differs from {name} only in case; some file systems cannot keep both", entry.path.display()),
        ));
    }
    let occupied = |what: &str| {
        WorktreeError::refused("path-exists", format!("{} {what}", repo.world().tilde(path)))
            .hint("move it away, or choose another place with --path or --root; nothing was changed")
    };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(crate::base::disk::DiskError::io("look at", path)(error).into()),
        Ok(meta) if meta.is_symlink() => Err(occupied("is a symbolic link")),
        Ok(meta) if !meta.is_dir() => Err(occupied("is a file")),
        Ok(_) if undo::is_empty(path).unwrap_or(false) => Ok(true),
        Ok(_) => Err(occupied("exists and is not empty")),
    }
}

/// Fails inside git's own files or inside another worktree; true inside the main checkout (then it is ignored there).
pub(super) fn require_good_place(repo: &Repo, entries: &[Entry], path: &Path) -> Result<bool, WorktreeError> {
    if path.as_os_str().as_bytes().contains(&b'\n') {
        return Err(WorktreeError::usage("a worktree's path cannot have a line end in it: git keeps it in a line"));
    }
    if path.starts_with(repo.common_dir()) {
        return Err(WorktreeError::refused(
            "inside-git-dir",
            format!("{} is inside the repository's own files", path.display()),
        )
        .hint("choose another place with --path or --root"));
    }
    if let Some(entry) = entries.iter().find(|entry| !entry.main && path.starts_with(&entry.path)) {
        return Err(WorktreeError::refused(
            "nested",
            format!("{} is inside the worktree {}", path.display(), entry.path.display()),
        )
        .hint("choose another place with --path or --root"));
    }
    Ok(repo.main_root().is_some_and(|main| path.starts_with(main)))
}

fn require_free_branch(entries: &[Entry], branch: &str) -> Result<(), WorktreeError> {
    let Some(entry) = name::checked_out_at(entries, branch) else { return Ok(()) };
    let error = WorktreeError::refused(
        "branch-checked-out",
        format!("the branch {branch} is checked out at {}", entry.path.display()),
    );
    Err(match (&entry.prunable, entry.main) {
        (Some(_), _) => error.hint("that directory is gone; clean up first: `moai worktree recover`"),
        (None, true) => error.hint("choose another branch with --branch, or switch the main checkout to another one"),
        (None, false) => error.hint(format!("work there: `cd {}`", entry.path.display())),
    })
}

/// Whether the branch is there already, what a new one starts at in words, and the commit.
fn start(repo: &Repo, entries: &[Entry], order: &Order) -> Result<(bool, String, String), WorktreeError> {
    if let BranchState::At(commit) = name::branch_state(repo, &order.branch)? {
        if let Some(base) = &order.base
            && resolve(repo, base)? != commit
        {
            return Err(WorktreeError::refused(
                "branch-exists",
                format!("the branch {} exists and is not at {base}", order.branch),
            )
            .hint("leave --base out to work on the branch as it is, or choose another name with --branch"));
        }
        return Ok((true, order.branch.clone(), commit));
    }
    if let Some(base) = &order.base {
        return Ok((false, base.clone(), resolve(repo, base)?));
    }
    let main = entries.iter().find(|entry| entry.main);
    match main.and_then(|main| main.head.clone()).or_else(|| resolve(repo, "HEAD").ok()) {
        Some(commit) => {
            let name = main.and_then(|main| main.branch.clone()).unwrap_or_else(|| "HEAD".into());
            Ok((false, name, commit))
        }
        None => {
            Err(WorktreeError::refused("unborn", "the repository has no commit yet, so there is nothing to check out")
                .hint("make one: `git add . && git commit -m first`, or name a commit with --base"))
        }
    }
}

/// The commit that a revision names, in hex; `HEAD` is the one of the checkout that we stand in.
fn resolve(repo: &Repo, revision: &str) -> Result<String, WorktreeError> {
    let unknown = || {
        WorktreeError::usage(format!("`{revision}` does not name a commit"))
            .hint("see what there is: `git branch --all` and `git log --oneline`")
    };
    if revision.starts_with('-') || revision.is_empty() {
        return Err(unknown());
    }
    let here = repo.current_root().unwrap_or_else(|| repo.common_dir());
    if repo.git2().is_some() {
        let checkout = git2::Repository::open(here).map_err(WorktreeError::libgit2("open the checkout"))?;
        let object = checkout.revparse_single(revision).map_err(|_not_found| unknown())?;
        return Ok(object.peel_to_commit().map_err(|_not_a_commit| unknown())?.id().to_string());
    }
    let wanted = format!("{revision}^{{commit}}");
    let args = ["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted];
    let spoken = Git::at(repo.world(), here).run(&args)?;
    if spoken.ok() { Ok(String::from_utf8_lossy(&spoken.stdout).trim().to_owned()) } else { Err(unknown()) }
}

/// Whether the commit has a file at `path`.
fn in_commit(repo: &Repo, commit: &str, path: &str) -> Result<bool, WorktreeError> {
    let revision = format!("{commit}:{path}");
    match repo.git2() {
        Some(git2) => Ok(git2.revparse_single(&revision).is_ok()),
        None => Ok(repo.git().run(&["cat-file", "-e", &revision])?.ok()),
    }
}
