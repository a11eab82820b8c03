//! A home out of an archive. It is put together beside the old one and takes its place in one step, so that a power cut
//! leaves the old one or the new one.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::base::disk::{self, Access, DiskError};

use super::archive::Archive;
use super::error::BackupError;
use super::{JOURNAL, Part, part, shelf};

/// The directories of an unfinished restore begin so.
const STAGE: &str = ".moai-restore-";

/// What a restore did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// How many files came out of the archive.
    pub files: usize,
    /// How many of the old home are there still, because they are not of those that backups have.
    pub carried: usize,
}

/// Puts what is in the archive in the place of what is in `home`. `try_it` looks at the new home before it takes its
/// place. What backups never hold (logs, and keys where the archive has none) stays as it is.
pub fn restore<E: From<BackupError>>(
    archive: &Archive,
    home: &Path,
    try_it: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<Restored, E> {
    let home = disk::follow(home).map_err(BackupError::from)?;
    let parent = home.parent().unwrap_or_else(|| Path::new("/")).to_path_buf();
    disk::create_dirs(&parent, Access::Keep).map_err(BackupError::from)?;
    // A volume of its own cannot be exchanged as a whole.
    let mounted = is_mount(&home, &parent);
    let beside = if mounted { &home } else { &parent };
    let stage = private().tempdir_in(beside);
    let stage = stage.map_err(|error| BackupError::from(DiskError::io("create", beside)(error)))?;
    archive.extract(stage.path())?;
    try_it(stage.path())?;
    let swapped = if mounted {
        piece_by_piece(archive, stage.path(), &home)
    } else {
        carry(archive, &home, stage.path()).and_then(|carried| at_once(stage.path(), &home).map(|()| carried))
    };
    let carried = swapped.map_err(|error| BackupError::from(DiskError::io("replace", &home)(error)))?;
    Ok(Restored { files: archive.manifest().files.len(), carried })
}

/// A directory that only its owner may look into: it becomes moai's home.
fn private() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(STAGE).permissions(fs::Permissions::from_mode(0o700));
    builder
}

fn is_mount(home: &Path, parent: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).ok().map(|meta| meta.dev());
    home.exists() && device(home) != device(parent)
}

/// Whether a file of the old home has a place in the new one.
fn stays(archive: &Archive, path: &Path) -> bool {
    let manifest = archive.manifest();
    let there = path.to_str().is_some_and(|path| manifest.has(path));
    !there
        && match part(path) {
            Part::Passing => true,
            Part::Key => !manifest.keys,
            Part::Journal => !manifest.has(JOURNAL),
            Part::Kept => false,
        }
}

/// Takes what stays into the new home, as links to the same files: nothing is copied, and nothing is missing at any
/// moment.
fn carry(archive: &Archive, home: &Path, stage: &Path) -> io::Result<usize> {
    let files = shelf::files(home).map_err(io::Error::other)?;
    let mut carried = 0;
    let staged = |path: &Path| path.iter().next().is_some_and(|first| is_stage(Path::new(first)));
    for path in files.iter().filter(|path| stays(archive, path) && !staged(path)) {
        let place = stage.join(path);
        disk::create_dirs(place.parent().unwrap_or(stage), Access::Private).map_err(io::Error::other)?;
        let from = home.join(path);
        if fs::hard_link(&from, &place).is_err() {
            fs::copy(&from, &place)?;
        }
        carried += 1;
    }
    Ok(carried)
}

/// The new home in the place of the old one, by the one call that exchanges two names.
fn at_once(stage: &Path, home: &Path) -> io::Result<()> {
    if !home.exists() {
        return fs::rename(stage, home);
    }
    if renameat_with(CWD, stage, CWD, home, RenameFlags::EXCHANGE).is_ok() {
        // The old one has the stage's name now, and goes with it.
        return Ok(());
    }
    let aside = stage.with_extension("old");
    fs::rename(home, &aside)?;
    if let Err(error) = fs::rename(stage, home) {
        fs::rename(&aside, home)?;
        return Err(error);
    }
    // What is left of it is in the backup that was made before.
    drop(fs::remove_dir_all(&aside));
    Ok(())
}

/// The same inside of a volume, name by name; where one cannot be moved, those before it go back.
fn piece_by_piece(archive: &Archive, stage: &Path, home: &Path) -> io::Result<usize> {
    let old = private().tempdir_in(home)?;
    let carried = carry(archive, home, stage)?;
    let names = |dir: &Path| -> io::Result<Vec<PathBuf>> {
        let names = fs::read_dir(dir)?.map(|entry| entry.map(|entry| PathBuf::from(entry.file_name())));
        Ok(names.collect::<io::Result<Vec<_>>>()?.into_iter().filter(|name| !is_stage(name)).collect())
    };
    let mut moved: Vec<(PathBuf, PathBuf)> = Vec::new();
    let mut all = names(home)?.into_iter().map(|name| (home.join(&name), old.path().join(&name))).collect::<Vec<_>>();
    all.extend(names(stage)?.into_iter().map(|name| (stage.join(&name), home.join(&name))));
    for (from, to) in all {
        if let Err(error) = fs::rename(&from, &to) {
            for (from, to) in moved.iter().rev() {
                fs::rename(to, from)?;
            }
            return Err(error);
        }
        moved.push((from, to));
    }
    Ok(carried)
}

fn is_stage(name: &Path) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(STAGE))
}
