//! Floor 5: backups. One encrypted file holds what moai keeps at home: configuration, the journal with its key,
//! conversations and what was learned, and, where it is asked for, keys. `docs/backup.md` describes the format.
//!
//! - [`part`]: what belongs into a backup.
//! - [`create`] and [`Archive`]: the file, written whole or not at all, read only where every byte of it is authentic.
//! - [`restore`]: a home out of an archive, put in its place in one step.

mod archive;
mod error;
mod restore;
mod seal;
mod shelf;

use std::path::{Component, Path};

pub use archive::{Archive, Content, Item, Manifest, Written, create};
pub use error::BackupError;
pub use restore::{Restored, restore};
pub use shelf::{Shelved, free_name, gather, is_empty, newest, prune, shelved};

/// What a file of moai's home is to a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// In every backup.
    Kept,
    /// A key: in a backup where it is asked for.
    Key,
    /// Of the journal, which is copied in its own way.
    Journal,
    /// Logs, locks, what a running process says of itself, other backups: in none.
    Passing,
}

/// What the file at `path`, from moai's home on, is to a backup.
pub fn part(path: &Path) -> Part {
    let mut names = path.components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    let (first, second) = (names.next().unwrap_or_default(), names.next());
    let last = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let ends = |end: &str| Path::new(last).extension().is_some_and(|extension| extension == end);
    match (first, second) {
        _ if ends("lock") || ends("sock") || ends("log") => Part::Passing,
        _ if first.starts_with(".moai-") || last.starts_with(".moai-") => Part::Passing,
        ("logs" | "backups" | "local", _)
        | ("journal", Some("backups" | "turns"))
        | ("gateway", Some("serve.json" | "force.json")) => Part::Passing,
        ("journal", _) => Part::Journal,
        ("gateway", _) | (".env.glm" | "credentials.yaml" | "keyring", None) => Part::Key,
        _ => Part::Kept,
    }
}

/// Where the copy of the journal is in an archive.
pub const JOURNAL: &str = "journal/journal.db";
/// Where its key is.
pub const JOURNAL_KEY: &str = "journal/journal.key";
/// Where the person's settings are.
pub const CONFIG: &str = "config.toml";

#[cfg(test)]
mod tests;
