//! Who is with a local model or waits for its memory, over all processes of this person: a small file for each such
//! request, and a lock beside it that the system lets go of however its process ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::disk::{self, Access, DiskError, PassingLock};
use crate::base::interrupt::Interrupt;
use crate::base::random;
use crate::route::memory;

/// What the files of claims end with.
const END: &str = "json";

/// A claim of ours; it is gone when it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    row: Row,
    _alive: PassingLock,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    version: u32,
    model: String,
    bytes: u64,
    /// How long it has been waiting, in milliseconds; none: it is being answered.
    waited: Option<u64>,
}

impl Claim {
    /// A request that waits for this model.
    pub(super) fn new(dir: &Path, model: &str, bytes: u64) -> Result<Self, DiskError> {
        let name: [u8; 8] = random::bytes().map_err(|_error| {
            let source = std::io::Error::other("the system gives no random bytes");
            DiskError::io("name a file in", dir)(source)
        })?;
        let path = dir.join(format!("{:016x}.{END}", u64::from_be_bytes(name)));
        let alive = PassingLock::take(&lock_of(&path), Duration::ZERO, &Interrupt::default(), || {})?;
        let claim =
            Self { path, row: Row { version: 1, model: model.to_owned(), bytes, waited: Some(0) }, _alive: alive };
        claim.write()?;
        Ok(claim)
    }

    /// Says how long it has been waiting, and for how much.
    pub(super) fn waits(&mut self, bytes: u64, waited: Duration) -> Result<(), DiskError> {
        self.row.waited = Some(u64::try_from(waited.as_millis()).unwrap_or(u64::MAX));
        self.row.bytes = bytes;
        self.write()
    }

    /// Says that it is being answered.
    pub(super) fn begins(&mut self) -> Result<(), DiskError> {
        self.row.waited = None;
        self.write()
    }

    fn write(&self) -> Result<(), DiskError> {
        let text = serde_json::to_string(&self.row).unwrap_or_default();
        // What a crash of the machine takes away, it takes from nobody: the models are gone with it.
        disk::replace_unsynced(&self.path, text.as_bytes(), Access::Private)
    }

    /// The claims of all others; those of processes that have died are cleared away.
    pub(super) fn others(&self) -> Vec<memory::Claim> {
        let entries = self.path.parent().map(fs::read_dir).and_then(Result::ok);
        let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
        paths
            .filter(|path| *path != self.path && path.extension().is_some_and(|end| end == END))
            .filter_map(|path| read(&path))
            .collect()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // One that cannot be removed is known as dead by its lock.
        drop(disk::remove(&self.path));
    }
}

fn lock_of(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

fn read(path: &Path) -> Option<memory::Claim> {
    if PassingLock::take(&lock_of(path), Duration::ZERO, &Interrupt::default(), || {}).is_ok() {
        drop(disk::remove(path));
        return None;
    }
    let row: Row = serde_json::from_str(&disk::read_text(path).ok()??).ok()?;
    Some(memory::Claim { model: row.model, bytes: row.bytes, waited: row.waited.map(Duration::from_millis) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_seen_by_others_as_long_as_it_lives() {
        let dir = tempfile::tempdir().unwrap();
        let mine = Claim::new(dir.path(), "a:1", 5).unwrap();
        let mut other = Claim::new(dir.path(), "b:1", 7).unwrap();
        assert_eq!(other.others(), [memory::Claim { model: "a:1".into(), bytes: 5, waited: Some(Duration::ZERO) }]);
        other.waits(9, Duration::from_secs(3)).unwrap();
        assert_eq!(mine.others()[0].waited, Some(Duration::from_secs(3)));
        other.begins().unwrap();
        assert_eq!((mine.others()[0].waited, mine.others()[0].bytes), (None, 9));
        drop(other);
        assert_eq!(mine.others(), []);
        // What a killed process left, and what is no claim.
        fs::write(dir.path().join("0000000000000001.json"), r#"{"version":1,"model":"x","bytes":1,"waited":null}"#)
            .unwrap();
        fs::write(dir.path().join("notes.txt"), "x").unwrap();
        assert_eq!(mine.others(), []);
        assert!(!dir.path().join("0000000000000001.json").exists());
        drop(mine);
        let left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"]);
    }
}
