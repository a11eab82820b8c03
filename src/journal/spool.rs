//! The spool: rows that could not be written, one JSON line each, until the next run writes them.
//!
//! Lines are sealed with a key of their own made from the journal's. Where that key is not at hand (which may be why
//! the journal could not be written) the row goes in the clear into the private file; it holds names and numbers, no
//! text of prompts or answers.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};

use crate::base::disk::{self, Access, DiskError, Lock};
use crate::base::random;

use super::attempt::Attempt;
use super::error::JournalError;
use super::key::JournalKey;
use super::store::{Journal, Place};

const PATIENCE: Duration = Duration::from_secs(2);

/// What a replay did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Replayed {
    /// Rows that are in the journal now.
    pub(super) rows: usize,
    /// Lines that could not be read; they were put aside.
    pub(super) unread: usize,
}

#[derive(Serialize, Deserialize)]
struct SpoolLine {
    v: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    row: Option<Attempt>,
}

fn file(dir: &Path) -> PathBuf {
    dir.join("spool.jsonl")
}

/// The places where a spool may be: beside the journal, and the refuges.
fn dirs(place: &Place) -> impl Iterator<Item = &Path> {
    std::iter::once(&place.dir).chain(&place.refuges).map(PathBuf::as_path)
}

/// The same without those that others have made: a refuge may lie where everybody can write.
fn own_dirs(place: &Place) -> impl Iterator<Item = &Path> {
    dirs(place).filter(|dir| *dir == place.dir || is_own(dir))
}

fn is_own(dir: &Path) -> bool {
    let uid = rustix::process::getuid().as_raw();
    std::fs::symlink_metadata(dir).is_ok_and(|found| found.is_dir() && found.uid() == uid)
}

/// Whether rows wait.
pub(super) fn waits(place: &Place) -> bool {
    own_dirs(place).any(|dir| file(dir).exists())
}

/// Adds rows, all or none; returns the file that holds them now.
pub(super) fn add(place: &Place, key: Option<&JournalKey>, attempts: &[Attempt]) -> Result<PathBuf, JournalError> {
    let mut lines = String::new();
    for attempt in attempts {
        lines.push_str(&seal(key, attempt)?);
    }
    let mut failure = None;
    for dir in dirs(place) {
        let ready = disk::create_dirs(dir, Access::Private);
        if ready.is_ok() && *dir != place.dir && !is_own(dir) {
            continue;
        }
        match ready.and_then(|()| append(dir, &lines)) {
            Ok(()) => return Ok(file(dir)),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    Err(failure.map_or_else(|| JournalError::Row("there is no place for a spool".into()), JournalError::Disk))
}

fn append(dir: &Path, lines: &str) -> Result<(), DiskError> {
    let _lock = Lock::take(&dir.join("spool.lock"), PATIENCE, || {})?;
    let path = file(dir);
    let fail = |error| DiskError::io("write", &path)(error);
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map_err(fail)?;
    let before = file.metadata().map_err(fail)?.len();
    let written = file.write_all(lines.as_bytes()).and_then(|()| file.sync_data());
    if written.is_err() {
        // Half a line would spoil the next one.
        drop(file.set_len(before));
    }
    written.map_err(fail)
}

/// Writes all spooled rows into the journal. A file goes when its rows are in; lines that cannot be read are put
/// aside, so that they neither block the others nor get lost.
pub(super) fn replay(place: &Place, key: &JournalKey, journal: &mut Journal) -> Result<Replayed, JournalError> {
    let mut done = Replayed::default();
    for dir in own_dirs(place) {
        let path = file(dir);
        if !path.exists() {
            continue;
        }
        let _lock = Lock::take(&dir.join("spool.lock"), PATIENCE, || {})?;
        // A line torn in the middle of a character must not hold up the others.
        let bytes = std::fs::read(&path).map_err(DiskError::io("read", &path))?;
        let text = String::from_utf8_lossy(&bytes);
        let (mut rows, mut unread) = (Vec::new(), String::new());
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            if let Some(row) = open(key, line) {
                rows.push(row);
            } else {
                done.unread += 1;
                unread.push_str(line);
                unread.push('\n');
            }
        }
        journal.append_all(&rows)?;
        done.rows += rows.len();
        if !unread.is_empty() {
            let aside = dir.join("spool.unread.jsonl");
            let before = disk::read_text(&aside)?.unwrap_or_default();
            disk::replace(&aside, (before + &unread).as_bytes(), Access::Private)?;
        }
        disk::remove(&path)?;
    }
    Ok(done)
}

fn seal(key: Option<&JournalKey>, attempt: &Attempt) -> Result<String, JournalError> {
    let json = |line: &SpoolLine| serde_json::to_string(line).map_err(|error| JournalError::Row(error.to_string()));
    let Some(cipher) = key.and_then(sealer) else {
        return Ok(json(&SpoolLine { v: 1, sealed: None, row: Some(attempt.clone()) })? + "\n");
    };
    let nonce: [u8; 12] = random::bytes()?;
    let mut bytes = serde_json::to_vec(attempt).map_err(|error| JournalError::Row(error.to_string()))?;
    cipher
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(b"moai spool 1"), &mut bytes)
        .ok()
        .ok_or_else(|| JournalError::Row("it cannot be sealed".into()))?;
    let sealed = nonce.iter().chain(&bytes).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    Ok(json(&SpoolLine { v: 1, sealed: Some(sealed), row: None })? + "\n")
}

fn open(key: &JournalKey, line: &str) -> Option<Attempt> {
    let line: SpoolLine = serde_json::from_slice(line.as_bytes()).ok()?;
    let Some(sealed) = line.sealed else { return line.row };
    let pairs = sealed.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let bytes = bytes?;
    let (nonce, sealed) = bytes.split_at_checked(12)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut sealed = sealed.to_vec();
    let plain = sealer(key)?.open_in_place(nonce, Aad::from(b"moai spool 1"), &mut sealed).ok()?;
    serde_json::from_slice(plain).ok()
}

/// Nonces are random; a spool never holds so many lines that two would meet.
fn sealer(key: &JournalKey) -> Option<LessSafeKey> {
    UnboundKey::new(&CHACHA20_POLY1305, &key.spool_key()?).ok().map(LessSafeKey::new)
}
