//! A file of lines that many processes add to and that starts anew when it is full.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::base::disk::{self, DiskError, Lock};
use crate::base::failure::{Explain, Kind};

/// How long one process waits for another's line.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many full files are kept: `decisions.jsonl.1` is the newest.
const KEPT: u32 = 3;

/// A line that could not be written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file system said no.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What was to be written cannot be JSON.
    #[error("cannot write a line of the log")]
    Json(#[from] serde_json::Error),
}

impl Explain for LogError {
    fn kind(&self) -> Kind {
        match self {
            Self::Disk(error) => error.kind(),
            Self::Json(_) => Kind::Bug,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Disk(error) => error.hints(),
            Self::Json(_) => Vec::new(),
        }
    }
}

/// A log file.
#[derive(Debug, Clone)]
pub struct Log {
    path: PathBuf,
    most: u64,
}

impl Log {
    /// `decisions.jsonl` in the directory of the logs; a new file begins before one is bigger than `most` bytes.
    pub fn decisions(dir: &Path, most: u64) -> Self {
        Self { path: dir.join("decisions.jsonl"), most }
    }

    /// `errors.jsonl` beside it.
    pub fn errors(dir: &Path, most: u64) -> Self {
        Self { path: dir.join("errors.jsonl"), most }
    }

    /// `alerts.jsonl` beside it.
    pub fn alerts(dir: &Path, most: u64) -> Self {
        Self { path: dir.join("alerts.jsonl"), most }
    }

    /// `gateway.log` beside it: lines for people, of a gateway that has no terminal.
    pub fn gateway(dir: &Path, most: u64) -> Self {
        Self { path: dir.join("gateway.log"), most }
    }

    /// The file that is written now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line. Of several processes each gets its line in whole; the file is 0600, whatever it was before.
    pub fn add(&self, line: &impl Serialize) -> Result<(), LogError> {
        self.add_lines(&text(line)?)
    }

    /// Adds lines that [`text`] has made, together.
    pub fn add_lines(&self, lines: &str) -> Result<(), LogError> {
        let bytes = lines.as_bytes();
        let _lock = Lock::take(&self.path.with_extension("lock"), PATIENCE, || {})?;
        if fs::metadata(&self.path).is_ok_and(|meta| meta.len() > 0 && meta.len() + bytes.len() as u64 > self.most) {
            self.rotate()?;
        }
        self.append(bytes)
    }

    fn append(&self, line: &[u8]) -> Result<(), LogError> {
        let fail = |error| DiskError::io("write", &self.path)(error);
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path).map_err(fail)?;
        let meta = file.metadata().map_err(fail)?;
        if meta.mode() & 0o077 != 0 {
            file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(fail)?;
        }
        let written = file.write_all(line);
        if written.is_err() {
            // Half a line would spoil the next one. Where that fails, too, nothing more can be done.
            drop(file.set_len(meta.len()));
        }
        Ok(written.map_err(fail)?)
    }

    /// Makes every full file one older; the oldest goes. The caller holds the lock.
    fn rotate(&self) -> Result<(), LogError> {
        disk::remove(&self.old(KEPT))?;
        for number in (1..KEPT).rev() {
            shift(&self.old(number), &self.old(number + 1))?;
        }
        shift(&self.path, &self.old(1))
    }

    fn old(&self, number: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

/// A line as its file holds it, with the line break.
pub fn text(line: &impl Serialize) -> Result<String, LogError> {
    Ok(serde_json::to_string(line)? + "\n")
}

fn shift(from: &Path, to: &Path) -> Result<(), LogError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(DiskError::io("rename", from)(error).into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &Path) -> Vec<u64> {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str::<u64>(line).unwrap()).collect()
    }

    #[test]
    fn full_files_are_put_aside_and_the_oldest_goes() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::decisions(&dir.path().join("logs"), 8);
        for number in 10..30_u64 {
            log.add(&number).unwrap();
        }
        let at = |name: &str| lines(&dir.path().join("logs").join(name));
        assert_eq!(at("decisions.jsonl"), [28, 29]);
        assert_eq!(at("decisions.jsonl.1"), [26, 27]);
        assert_eq!(at("decisions.jsonl.3"), [22, 23]);
        assert!(!dir.path().join("logs/decisions.jsonl.4").exists());
        log.add(&"longer than a file may be").unwrap();
        assert_eq!(fs::read_to_string(log.path()).unwrap(), "\"longer than a file may be\"\n");
    }

    #[test]
    fn a_file_that_others_could_read_is_closed_to_them() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::errors(dir.path(), 1000);
        fs::write(log.path(), "0\n").unwrap();
        fs::set_permissions(log.path(), fs::Permissions::from_mode(0o644)).unwrap();
        log.add(&1).unwrap();
        assert_eq!(fs::metadata(log.path()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(lines(log.path()), [0, 1]);
    }

    #[test]
    fn writers_at_once_lose_no_line_and_tear_none_through_rotations() {
        let dir = tempfile::tempdir().unwrap();
        // Of 2,000 bytes in all, three files are full or less: nothing is rotated away.
        let log = Log::decisions(dir.path(), 800);
        std::thread::scope(|scope| {
            for writer in 0..8_u64 {
                let log = log.clone();
                scope.spawn(move || (0..50).for_each(|line| log.add(&(1000 + writer * 50 + line)).unwrap()));
            }
        });
        let mut all: Vec<u64> = ["", ".1", ".2", ".3"]
            .iter()
            .flat_map(|end| lines(&dir.path().join(format!("decisions.jsonl{end}"))))
            .collect();
        all.sort_unstable();
        assert_eq!(all, (1000..1400).collect::<Vec<_>>());
    }

    #[test]
    fn where_nothing_can_be_written_it_is_an_error_with_a_hint() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("logs"), "a file in the way").unwrap();
        let error = Log::decisions(&dir.path().join("logs"), 8).add(&1).unwrap_err();
        assert_eq!(error.kind(), Kind::Expected);
        assert!(error.to_string().contains("cannot create"), "{error}");
    }
}
