//! The repairs of `moai doctor --fix`: each loses nothing, and each is said.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::base::disk::{self, DiskError};
use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::Ui;
use crate::cli::worktree::recover::take_back;
use crate::settings::SETTINGS_LOCAL;
use crate::worktree::{self, Repo};

use super::finding::{Finding, Fix};

/// Repairs what a finding is about, where it can be. Returns whether it did; a repair that fails is said and the
/// finding stays.
pub(super) fn apply(finding: &mut Finding, world: &World, ui: &mut Ui) -> Result<bool, Failure> {
    let Some(fix) = &finding.fix else { return Ok(false) };
    match repair(fix, world) {
        Ok(said) => {
            finding.fixed = true;
            ui.say(said)?;
        }
        Err(failure) => ui.warn(failure.chain().join(": "))?,
    }
    Ok(finding.fixed)
}

/// Repairs, and says what was done.
fn repair(fix: &Fix, world: &World) -> Result<String, Failure> {
    Ok(match fix {
        Fix::Private(path) => {
            private(path)?;
            format!("chmod 600 {}", world.tilde(path))
        }
        Fix::Exclude(root) => {
            let repo = Repo::open(world)?;
            worktree::ensure_ignored(&repo, root, SETTINGS_LOCAL)?;
            format!("added /{SETTINGS_LOCAL} to {}", world.tilde(&repo.common_dir().join("info/exclude")))
        }
        Fix::Remove(path) => {
            disk::remove(path)?;
            format!("removed {}", world.tilde(path))
        }
        Fix::Recover => {
            let (undone, back) = take_back(world, &Repo::open(world)?)?;
            let undone = undone.iter().map(|path| format!("undid the half-made {}", world.tilde(path)));
            undone.chain(back.iter().map(|name| format!("{name} is back"))).collect::<Vec<_>>().join("; ")
        }
    })
}

fn private(path: &Path) -> Result<(), DiskError> {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(DiskError::io("change the mode of", path))
}
