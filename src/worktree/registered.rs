//! What moai-adk's registry says of the worktrees, and keeping it in step with them.

use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::error::WorktreeError;
use super::registry::{self, FILE, Record};
use super::repo::Repo;

/// The registry that a worktree at `path` belongs into, and its project there: `<root>/<project>/<SPEC>` or
/// `<root>/<SPEC>`; `None` where neither root has one.
fn registry_of(repo: &Repo, path: &Path) -> Option<(PathBuf, String)> {
    let folder = path.parent()?;
    let project = folder.file_name().map(|name| name.to_string_lossy().into_owned());
    let above = folder.parent().map(|root| root.join(FILE)).filter(|file| file.is_file());
    let beside = Some(folder.join(FILE)).filter(|file| file.is_file());
    above.zip(project).or_else(|| beside.map(|file| (file, repo.project_name())))
}

/// What the registry says of `entry`. A registry that cannot be read says nothing here; creating names it.
pub fn registered(repo: &Repo, entry: &Entry) -> Option<Record> {
    let (file, project) = registry_of(repo, &entry.path)?;
    let path = entry.path.display().to_string();
    registry::load(&file, &project).ok()?.into_iter().find(|record| record.path == path)
}

/// Writes down that somebody went to `entry`.
pub fn touch(repo: &Repo, entry: &Entry) -> Result<(), WorktreeError> {
    match registry_of(repo, &entry.path) {
        Some((file, project)) => registry::touch(&file, &project, &entry.name(), &entry.path, repo.world().now()),
        None => Ok(()),
    }
}

/// Takes a removed worktree out.
pub fn unregister(repo: &Repo, name: &str, path: &Path) -> Result<(), WorktreeError> {
    match registry_of(repo, path) {
        Some((file, project)) => registry::forget(&file, &project, name, path),
        None => Ok(()),
    }
}

/// Puts a worktree in that is back or was found; where there is no registry none is made.
pub fn register(repo: &Repo, name: &str, path: &Path, branch: &str) -> Result<(), WorktreeError> {
    match registry_of(repo, path) {
        Some((file, project)) => {
            registry::record(&file, &project, &Record::new(name, path, branch, repo.world().now()))
        }
        None => Ok(()),
    }
}
