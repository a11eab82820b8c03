//! The repairs of `moai doctor --fix`: each loses nothing, and each is said.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::base::disk::{self, DiskError};
use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::Ui;
use crate::settings::{self, SETTINGS_LOCAL};

use super::finding::{Finding, Fix};

/// Repairs what a finding is about, where it can be. Returns whether it did; a repair that fails is said and the
/// finding stays.
pub(super) fn apply(finding: &mut Finding, world: &World, ui: &mut Ui) -> Result<bool, Failure> {
    let Some(fix) = &finding.fix else { return Ok(false) };
    let (done, said) = match fix {
        Fix::Private(path) => (private(path), format!("chmod 600 {}", world.tilde(path))),
        Fix::Exclude(common) => {
            let path = world.tilde(&common.join("info/exclude"));
            (settings::exclude(common).map(drop), format!("added /{SETTINGS_LOCAL} to {path}"))
        }
        Fix::Remove(path) => (disk::remove(path), format!("removed {}", world.tilde(path))),
    };
    match done {
        Ok(()) => {
            finding.fixed = true;
            ui.say(said)?;
        }
        Err(error) => {
            let failure = Failure::from(error);
            ui.warn(failure.chain().join(": "))?;
        }
    }
    Ok(finding.fixed)
}

fn private(path: &Path) -> Result<(), DiskError> {
    let mode = if path.is_dir() { 0o700 } else { 0o600 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(DiskError::io("change the mode of", path))
}
