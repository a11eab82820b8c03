//! Where worktrees go: where this project's already are, else `~/worktrees/<Project>/<SPEC>`.
//!
//! Two repositories of the same name must not share a directory: `.moai-root` in the project's directory names the
//! repository that it belongs to, and another repository gets `<Project>-<six hex digits>`.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::error::WorktreeError;
use super::name::short_hash;
use super::repo::{Repo, gitfile};

/// The record in a project's directory: the common directory of the repository that it belongs to.
pub const RECORD: &str = ".moai-root";

/// Why worktrees go where they go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    /// `--root` or `worktree.root`.
    Asked,
    /// This project's worktrees are there already.
    Found,
    /// The default.
    Default,
}

/// Where the worktrees of a project go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roost {
    /// The directory of all projects; the registry is in it.
    pub root: PathBuf,
    /// The project's directory; worktrees are directly in it.
    pub folder: PathBuf,
    /// The key of the project in the registry.
    pub project: String,
    /// Why.
    pub because: Because,
}

/// A place where moai or moai-adk puts worktrees, and whether projects have directories of their own in it.
fn known(repo: &Repo) -> Vec<(PathBuf, bool)> {
    let mut places = Vec::new();
    if let Ok(home) = repo.world().home() {
        places.push((home.join("worktrees"), true));
        places.push((home.join("moai/worktrees"), true));
        places.push((home.join(".moai/worktrees"), true));
    }
    if let Some(main) = repo.main_root() {
        places.push((main.join(".moai/worktrees"), false));
    }
    places
}

/// Chooses the place; `asked` is what `--root` or the configuration says (relative: to the main checkout).
pub fn choose(repo: &Repo, entries: &[Entry], asked: Option<&Path>) -> Result<Roost, WorktreeError> {
    let project = repo.project_name();
    if let Some(asked) = asked {
        let root = expand(repo, asked);
        let own = repo.main_root().is_some_and(|main| root.starts_with(main));
        let doubled = root.file_name().is_some_and(|name| name.to_string_lossy() == project.as_str());
        let (root, folder) = if doubled {
            (root.parent().unwrap_or(&root).to_path_buf(), root.clone())
        } else if own {
            (root.clone(), root.clone())
        } else {
            let folder = own_folder(repo, entries, &root, &project)?;
            (root, folder)
        };
        return roost(root, folder, project, Because::Asked);
    }
    let mut best: Option<(usize, PathBuf, PathBuf)> = None;
    for (root, by_project) in known(repo) {
        let folder = if by_project { own_folder(repo, entries, &root, &project)? } else { root.clone() };
        let count = inhabitants(entries, &folder);
        if count > best.as_ref().map_or(0, |(count, ..)| *count) {
            best = Some((count, root, folder));
        }
    }
    if let Some((_, root, folder)) = best {
        return roost(root, folder, project, Because::Found);
    }
    let root = repo.world().home()?.join("worktrees");
    let folder = own_folder(repo, entries, &root, &project)?;
    roost(root, folder, project, Because::Default)
}

fn roost(root: PathBuf, folder: PathBuf, project: String, because: Because) -> Result<Roost, WorktreeError> {
    // The root itself may be a link: that is the person's choice. What is below it is ours.
    if folder != root && fs::symlink_metadata(&folder).is_ok_and(|meta| meta.is_symlink()) {
        return Err(WorktreeError::refused(
            "symlink",
            format!("{} is a symbolic link; worktrees are not made through one", folder.display()),
        )
        .hint("choose another place with --root or --path"));
    }
    Ok(Roost { root, folder, project, because })
}

fn expand(repo: &Repo, asked: &Path) -> PathBuf {
    if let (Ok(rest), Ok(home)) = (asked.strip_prefix("~"), repo.world().home()) {
        return home.join(rest);
    }
    let base = repo.main_root().unwrap_or_else(|| repo.common_dir());
    super::entry::normal(&base.join(asked))
}

/// How many of the worktrees are directly in `folder`.
fn inhabitants(entries: &[Entry], folder: &Path) -> usize {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    entries.iter().filter(|entry| !entry.main && entry.path.parent() == Some(&folder)).count()
}

/// The directory below `root` that is this repository's: under the project's name, or with a tag where another
/// repository of the same name was first.
fn own_folder(repo: &Repo, entries: &[Entry], root: &Path, project: &str) -> Result<PathBuf, WorktreeError> {
    let plain = root.join(project);
    if !belongs_to_another(repo, entries, &plain)? {
        return Ok(plain);
    }
    let tag = short_hash(repo.common_dir().as_os_str().as_bytes());
    Ok(root.join(format!("{project}-{tag}")))
}

fn belongs_to_another(repo: &Repo, entries: &[Entry], folder: &Path) -> Result<bool, WorktreeError> {
    match fs::read(folder.join(RECORD)) {
        Ok(bytes) => {
            let owner = Path::new(std::ffi::OsStr::from_bytes(bytes.trim_ascii_end()));
            // A repository that is gone has no claim.
            return Ok(owner != repo.common_dir() && owner.exists());
        }
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {}
        Err(error) => return Err(crate::base::disk::DiskError::io("read", &folder.join(RECORD))(error).into()),
    }
    if inhabitants(entries, folder) > 0 {
        return Ok(false);
    }
    let Ok(listing) = fs::read_dir(folder) else { return Ok(false) };
    let foreign = |path: PathBuf| {
        gitfile(&path.join(".git")).is_ok_and(|admin| !admin.starts_with(repo.common_dir()) && admin.exists())
    };
    Ok(listing.filter_map(Result::ok).any(|entry| foreign(entry.path())))
}
