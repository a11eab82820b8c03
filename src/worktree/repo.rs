//! The repository, found from anywhere inside any of its worktrees, always through git's common directory: a
//! worktree made from a linked one must not land inside it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use git2::{ErrorClass, ErrorCode, Repository};

use super::entry::normal;
use super::error::WorktreeError;
use super::git::Git;
use super::reason::Reason;
use crate::base::checkout::Checkout;
use crate::base::disk::DiskError;
use crate::base::world::World;

/// A repository with all its worktrees.
pub struct Repo {
    world: World,
    checkout: Checkout,
    current_root: Option<PathBuf>,
    git2: Result<Repository, Reason>,
}

impl std::fmt::Debug for Repo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repo")
            .field("common", &self.checkout.common)
            .field("main", &self.checkout.main)
            .finish_non_exhaustive()
    }
}

impl Repo {
    /// Finds the repository that the working directory is in (or that `GIT_DIR` names).
    pub fn open(world: &World) -> Result<Self, WorktreeError> {
        let cwd = world.cwd()?;
        let cwd = cwd.canonicalize().map_err(DiskError::io("find", cwd))?;
        let Some(checkout) = Checkout::find(world)? else { return Err(WorktreeError::NotARepository(cwd)) };
        if !checkout.common.is_dir() {
            return Err(WorktreeError::Malformed { path: checkout.dir.join("commondir") });
        }
        let git2 = open_common(world, &checkout)?;
        let Checkout { dir, common, main, .. } = &checkout;
        let current_root = if dir == common { main.clone() } else { root_of(dir) };
        // Some tools keep worktrees below `.git`; standing in one of those is standing in a checkout.
        let in_checkout = current_root.as_deref().is_some_and(|root| root.starts_with(common) && cwd.starts_with(root));
        let in_files = cwd.starts_with(common) && (main.is_some() || dir != common);
        if in_files && !in_checkout {
            return Err(WorktreeError::InsideGitDir(common.clone()));
        }
        Ok(Self { world: world.clone(), checkout, current_root, git2 })
    }

    /// The world it was opened in.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// git's common directory, canonical: `.git` of the main checkout, or the bare repository.
    pub fn common_dir(&self) -> &Path {
        &self.checkout.common
    }

    /// The git directory of the worktree we stand in: the common one, or `<common>/worktrees/<id>`.
    pub fn git_dir(&self) -> &Path {
        &self.checkout.dir
    }

    /// The root of the main checkout; `None` for a bare repository, and where nobody knows (see [`Checkout::main`]).
    pub fn main_root(&self) -> Option<&Path> {
        self.checkout.main.as_deref()
    }

    /// Notes the main checkout for the other checkouts, where git would not know it. For holders of the lock.
    pub(super) fn note_main(&self) {
        self.checkout.note_main();
    }

    /// The root of the worktree we stand in; `None` in a bare repository.
    pub fn current_root(&self) -> Option<&Path> {
        self.current_root.as_deref()
    }

    /// The repository through libgit2, opened at the common directory; `None` where libgit2 cannot read it (then
    /// [`unreadable`](Self::unreadable) says why, and the git executable is asked).
    pub fn git2(&self) -> Option<&Repository> {
        self.git2.as_ref().ok()
    }

    /// Why libgit2 cannot read this repository.
    pub fn unreadable(&self) -> Option<&Reason> {
        self.git2.as_ref().err()
    }

    /// The git executable, standing in the common directory (where every command about refs and worktrees works).
    pub fn git(&self) -> Git<'_> {
        Git::at(&self.world, &self.checkout.common)
    }

    /// The project's name: the directory of the main checkout. Of a bare repository `x.git` it is `x`, and of one
    /// that is hidden in a project (`project/.bare`) the project.
    pub fn project_name(&self) -> String {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        if let Some(root) = &self.checkout.main {
            return name(root).unwrap_or_else(|| "root".into());
        }
        let own = name(&self.checkout.common).unwrap_or_else(|| "root".into());
        if own.starts_with('.') {
            return self.checkout.common.parent().and_then(name).unwrap_or_else(|| own.trim_start_matches('.').into());
        }
        own.strip_suffix(".git").map_or_else(|| own.clone(), str::to_owned)
    }
}

/// Where a `.git` file points.
pub(super) fn gitfile(path: &Path) -> Result<PathBuf, WorktreeError> {
    let bytes = fs::read(path).map_err(DiskError::io("read", path))?;
    let target = bytes.trim_ascii_end().strip_prefix(b"gitdir: ");
    let target = target.ok_or_else(|| WorktreeError::Malformed { path: path.to_path_buf() })?;
    Ok(normal(&path.parent().unwrap_or(path).join(OsStr::from_bytes(target))))
}

/// Opens it with libgit2; what libgit2 cannot read comes back as the reason, anything else is an error.
fn open_common(world: &World, checkout: &Checkout) -> Result<Result<Repository, Reason>, WorktreeError> {
    let common = checkout.common.as_path();
    let failed = WorktreeError::libgit2("open the repository");
    let error = match Repository::open(common) {
        // libgit2 takes the directory that the common one is in for the main checkout.
        Ok(repo) => match (repo.workdir().and_then(|root| root.canonicalize().ok()), &checkout.main) {
            (root, main) if root == *main => return Ok(Ok(repo)),
            (_, Some(main)) => return repo.set_workdir(main, false).map(|()| Ok(repo)).map_err(failed),
            (_, None) => return Repository::open_bare(common).map(Ok).map_err(failed),
        },
        Err(error) => error,
    };
    if error.code() == ErrorCode::Owner {
        // git reads safe.directory from places that libgit2 does not (GIT_CONFIG_GLOBAL and its kin).
        if Git::at(world, common).run(&["rev-parse", "--git-dir"]).is_ok_and(|spoken| spoken.ok()) {
            return Ok(Err(Reason::Other("it belongs to somebody else, whom only git was told to trust".into())));
        }
        let root = if common.ends_with(".git") { common.parent().unwrap_or(common) } else { common };
        return Err(WorktreeError::NotTrusted(root.to_path_buf()));
    }
    let text = error.message();
    if let Some((_, name)) = text.split_once("unsupported extension name ") {
        let name = name.to_ascii_lowercase();
        let reftable = name.contains("refstorage");
        return Ok(Err(if reftable { Reason::Reftable } else { Reason::Extension(name) }));
    }
    if text.contains("unknown object format") {
        return Ok(Err(Reason::Sha256));
    }
    if error.class() == ErrorClass::Repository && error.code() != ErrorCode::NotFound {
        return Ok(Err(Reason::Other(text.to_owned())));
    }
    Err(WorktreeError::libgit2("open the repository")(error))
}

/// The root of the linked worktree whose git directory this is.
fn root_of(dir: &Path) -> Option<PathBuf> {
    let bytes = fs::read(dir.join("gitdir")).ok()?;
    let dot_git = normal(&dir.join(OsStr::from_bytes(bytes.trim_ascii_end())));
    let root = dot_git.parent()?;
    Some(root.canonicalize().unwrap_or_else(|_| root.to_path_buf()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::world::Env;

    struct Playground {
        dir: tempfile::TempDir,
    }

    impl Playground {
        fn new() -> Self {
            Self { dir: tempfile::tempdir().unwrap() }
        }

        fn root(&self) -> PathBuf {
            self.dir.path().canonicalize().unwrap()
        }

        fn git(&self, dir: &str, args: &[&str]) {
            let status = std::process::Command::new("git")
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
                .args(args)
                .current_dir(self.root().join(dir))
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .output()
                .unwrap();
            assert!(status.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&status.stderr));
        }

        fn open(&self, dir: &str) -> Result<Repo, WorktreeError> {
            let path = std::env::var("PATH").unwrap();
            Repo::open(&World::scratch(self.root(), self.root().join(dir), Env::from_iter([("PATH", path)])))
        }
    }

    #[test]
    fn found_from_anywhere_in_any_worktree() {
        let ground = Playground::new();
        ground.git("", &["init", "-q", "repo"]);
        ground.git("repo", &["commit", "-q", "--allow-empty", "-m", "x"]);
        ground.git("repo", &["worktree", "add", "-q", "-b", "feature/a", "../wt/a"]);
        fs::create_dir_all(ground.root().join("wt/a/deep/er")).unwrap();
        let repo = ground.open("wt/a/deep/er").unwrap();
        assert_eq!(repo.common_dir(), ground.root().join("repo/.git"));
        assert_eq!(repo.main_root().unwrap(), ground.root().join("repo"));
        assert_eq!(repo.current_root().unwrap(), ground.root().join("wt/a"));
        assert_eq!(repo.project_name(), "repo");
        let entries = repo.entries().unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].branch.as_deref(), Some("main"));
        assert_eq!(entries[1].id.as_deref(), Some("a"));
        assert_eq!(entries[1].branch.as_deref(), Some("feature/a"));
        assert_eq!(entries[1].head, entries[0].head);
        assert_eq!(repo.entry_at(&entries, &ground.root().join("wt/a/deep")).unwrap().id.as_deref(), Some("a"));
        fs::remove_dir_all(ground.root().join("wt/a")).unwrap();
        let prunable = ground.open("repo").unwrap().entries().unwrap();
        assert_eq!(prunable[1].prunable.as_deref(), Some("gitdir file points to non-existent location"));
    }

    #[test]
    fn what_libgit2_cannot_open_is_asked_of_git() {
        for (name, option, reason) in
            [("r", "--ref-format=reftable", Reason::Reftable), ("s", "--object-format=sha256", Reason::Sha256)]
        {
            let ground = Playground::new();
            ground.git("", &["init", "-q", option, name]);
            ground.git(name, &["commit", "-q", "--allow-empty", "-m", "x"]);
            ground.git(name, &["worktree", "add", "-q", "-b", "b", "../wt"]);
            let repo = ground.open("wt").unwrap();
            assert_eq!(repo.unreadable(), Some(&reason));
            let entries = repo.entries().unwrap();
            assert_eq!(entries[1].id.as_deref(), Some("wt"));
            assert_eq!(entries[1].branch.as_deref(), Some("b"));
            assert_eq!(entries[1].head, entries[0].head);
            assert_eq!(repo.main_root().unwrap(), ground.root().join(name));
        }
    }

    #[test]
    fn bare_hidden_and_wrong_places() {
        let ground = Playground::new();
        ground.git("", &["init", "-q", "--bare", "p/.bare"]);
        let repo = ground.open("p/.bare").unwrap();
        assert_eq!((repo.main_root(), repo.project_name().as_str()), (None, "p"));
        assert!(repo.entries().unwrap()[0].bare);
        ground.git("", &["init", "-q", "q"]);
        assert!(matches!(ground.open("q/.git/refs"), Err(WorktreeError::InsideGitDir(_))));
        fs::create_dir(ground.root().join("none")).unwrap();
        assert!(matches!(ground.open("none"), Err(WorktreeError::NotARepository(_))));
    }
}
