//! What is taken from a home into a backup, and the directory in which backups lie.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::base::disk::{self, DiskError};
use crate::base::sort;

use super::archive::{Content, Item};
use super::error::BackupError;
use super::{Part, part, seal};

/// The names of backups that moai names itself begin and end so.
const BEGIN: &str = "moai-";
const END: &str = ".backup";
/// Directories in directories: moai's own go three deep.
const DEEPEST: usize = 8;
/// No file of a home, the journal apart, is larger.
const LARGEST: u64 = 64 << 20;

/// A backup in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelved {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub size: u64,
    /// When it was made, by its name.
    pub created: Option<Timestamp>,
}

/// The files of `home` that belong into a backup, keys where they are asked for. The journal is none of them.
pub fn gather(home: &Path, keys: bool) -> Result<Vec<Item>, BackupError> {
    let mut items = Vec::new();
    for path in files(home)? {
        let wanted = match part(&path) {
            Part::Kept => true,
            Part::Key => keys,
            Part::Journal | Part::Passing => false,
        };
        let (Some(name), true) = (path.to_str(), wanted) else { continue };
        let full = home.join(&path);
        let meta = fs::metadata(&full).map_err(DiskError::io("read", &full))?;
        if meta.len() > LARGEST {
            return Err(BackupError::Large { path: full });
        }
        let bytes = fs::read(&full).map_err(DiskError::io("read", &full))?;
        let mode = meta.permissions().mode() & 0o777;
        items.push(Item { path: name.to_owned(), mode, content: Content::Bytes(bytes) });
    }
    sort::by(&mut items, |a, b| a.path.cmp(&b.path));
    Ok(items)
}

/// Whether nothing that a backup would take is in `home`.
pub fn is_empty(home: &Path) -> Result<bool, BackupError> {
    let taken = |path: &PathBuf| match part(path) {
        Part::Kept | Part::Key => true,
        Part::Journal => path.extension().is_some_and(|extension| extension == "db"),
        Part::Passing => false,
    };
    Ok(!files(home)?.iter().any(taken))
}

/// Every file below `home`, from there on. Links are followed, also those to directories; but not into the home
/// itself, where everything has a name already, nor round in a circle.
pub(super) fn files(home: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let mut found = Vec::new();
    let real = fs::canonicalize(home).unwrap_or_else(|_| home.to_path_buf());
    walk(home, Path::new(""), &mut vec![real], &mut found)?;
    Ok(found)
}

/// `within`: the home, and the directories that links have led into, where they really are.
fn walk(home: &Path, below: &Path, within: &mut Vec<PathBuf>, found: &mut Vec<PathBuf>) -> Result<(), BackupError> {
    let dir = home.join(below);
    let entries = match fs::read_dir(&dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(DiskError::io("read", &dir))?,
    };
    for entry in entries {
        let entry = entry.map_err(DiskError::io("read", &dir))?;
        let path = below.join(entry.file_name());
        // What is gone by now, or leads nowhere, is nothing to keep.
        let Ok(meta) = fs::metadata(entry.path()) else { continue };
        if meta.is_file() {
            found.push(path);
        } else if meta.is_dir() && path.components().count() <= DEEPEST {
            if !entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                walk(home, &path, within, found)?;
                continue;
            }
            let Ok(real) = fs::canonicalize(entry.path()) else { continue };
            let inside = within.first().is_some_and(|home| real.starts_with(home));
            if !inside && !within.iter().any(|dir| dir.starts_with(&real)) {
                within.push(real);
                walk(home, &path, within, found)?;
                within.pop();
            }
        }
    }
    Ok(())
}

/// A name for a backup of this moment that is free in `dir`.
pub fn free_name(dir: &Path, now: Timestamp) -> PathBuf {
    let stamp = now.strftime("%Y-%m-%dT%H-%M-%SZ").to_string();
    let names = (1_u32..).map(|count| match count {
        1 => format!("{BEGIN}{stamp}{END}"),
        count => format!("{BEGIN}{stamp}.{count}{END}"),
    });
    let mut free = names.map(|name| dir.join(name)).filter(|path| !path.exists());
    free.next().unwrap_or_else(|| dir.join(format!("{BEGIN}{stamp}{END}")))
}

/// The backups in a directory, the newest first.
pub fn shelved(dir: &Path) -> Result<Vec<Shelved>, BackupError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(DiskError::io("read", dir))?,
    };
    let mut found: Vec<Shelved> = entries.flatten().filter_map(|entry| look(&entry.path())).collect();
    sort::by_key(&mut found, |it| std::cmp::Reverse((it.created, again(&it.path), it.path.clone())));
    Ok(found)
}

fn look(path: &Path) -> Option<Shelved> {
    let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let start = seal::start(&mut fs::File::open(path).ok()?).ok()?;
    let ours = seal::is_ours(&start);
    ours.then(|| Shelved { path: path.to_path_buf(), size: meta.len(), created: stamp(path) })
}

/// When a backup was made, where moai itself named it.
fn stamp(path: &Path) -> Option<Timestamp> {
    let name = path.file_name()?.to_str()?.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let name = name.split('.').next()?;
    let (date, time) = name.split_once('T')?;
    format!("{date}T{}", time.replace('-', ":")).parse().ok()
}

/// Which of its second it is, from 1.
fn again(path: &Path) -> u32 {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(END));
    name.and_then(|name| name.rsplit_once('.')?.1.parse().ok()).unwrap_or(1)
}

/// The newest backup in a directory.
pub fn newest(dir: &Path) -> Result<PathBuf, BackupError> {
    let first = shelved(dir)?.into_iter().next();
    first.map(|found| found.path).ok_or_else(|| BackupError::None { dir: dir.to_path_buf() })
}

/// Removes all but the newest `keep` of the backups that moai has named itself; returns those that are gone.
pub fn prune(dir: &Path, keep: usize) -> Result<Vec<PathBuf>, BackupError> {
    let own = shelved(dir)?.into_iter().filter(|found| found.created.is_some()).skip(keep.max(1));
    own.map(|old| disk::remove(&old.path).map(|()| old.path).map_err(BackupError::from)).collect()
}
