//! The ownership ledger: what moai set in a settings file and what was there before, so that leaving GLM puts back
//! exactly that and touches nothing else. One file per checkout, 0600, in `<moai home>/backends/`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

use super::document::Spot;

/// The version that this moai writes.
const VERSION: u32 = 1;

/// The record of one settings file. Its texts can hold the user's own tokens: no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    version: u32,
    /// The settings file, for people who look in here.
    pub(super) file: PathBuf,
    /// When the first switch happened.
    pub(super) since: String,
    /// Whether moai made the file, and the directory around it.
    pub(super) created: Created,
    /// The whole text before the first switch.
    pub(super) before: Before,
    /// The digest of the whole text as moai wrote it last.
    pub(super) after: String,
    /// What was set, place by place.
    pub(super) entries: Vec<Entry>,
}

/// What moai had to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Created {
    /// The settings file.
    pub(super) file: bool,
    /// `.claude/`.
    pub(super) directory: bool,
}

/// The text before the first switch.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Before {
    /// There was no file.
    Absent,
    /// This, to the byte.
    Text(String),
    /// The user edited the file between two switches, or it was on GLM already: only the entries say what was there.
    Unknown,
}

/// One place that moai changed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The top-level name.
    pub(super) top: String,
    /// The name inside it.
    pub(super) inner: Option<String>,
    /// The digest of the JSON text that moai put there; `None` where it took the entry away.
    pub(super) set: Option<String>,
    /// The JSON text that was there; `None` where nothing was.
    pub(super) was: Option<String>,
}

impl Entry {
    pub(super) fn spot(&self) -> Spot {
        Spot { top: self.top.clone(), inner: self.inner.clone() }
    }

    /// Whether the place still holds what moai left there.
    pub(super) fn holds(&self, now: Option<&str>) -> bool {
        now.map(digest) == self.set
    }
}

impl Ledger {
    pub(super) fn new(file: &Path, since: String) -> Self {
        Self {
            version: VERSION,
            file: file.to_path_buf(),
            since,
            created: Created::default(),
            before: Before::Unknown,
            after: String::new(),
            entries: Vec::new(),
        }
    }

    pub(super) fn entry(&self, spot: &Spot) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.top == spot.top && entry.inner == spot.inner)
    }

    /// Whether moai put something at `spot`.
    pub fn owns(&self, spot: &Spot) -> bool {
        self.entry(spot).is_some_and(|entry| entry.set.is_some())
    }

    /// Reads a ledger's text; the error says what is wrong without quoting it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let ledger: Self = serde_json::from_str(text)
            .map_err(|error| format!("line {}, column {}: not a ledger of moai", error.line(), error.column()))?;
        if ledger.version > VERSION {
            return Err(format!("it is of version {}, and this moai knows {VERSION}: update moai", ledger.version));
        }
        Ok(ledger)
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// A digest for comparing: values are not stored a second time.
pub(super) fn digest(text: &str) -> String {
    const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let bytes = Sha1::digest(text.as_bytes());
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| HEX.get(usize::from(nibble))).collect()
}

/// The ledger's file name for a checkout: the same for every spelling of its path.
pub(super) fn file_name(root: &Path) -> String {
    let canonical = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let hash = digest(&canonical.to_string_lossy());
    format!("{}.json", hash.get(..16).unwrap_or(&hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_it_writes_and_refuses_the_future() {
        let mut ledger = Ledger::new(Path::new("/p/.claude/settings.local.json"), "2026-01-09T12:00:00Z".into());
        ledger.before = Before::Text("{}".into());
        ledger.entries.push(Entry {
            top: "env".into(),
            inner: Some("A".into()),
            set: Some(digest("\"1\"")),
            was: None,
        });
        let text = ledger.text();
        assert!(Ledger::parse(&text).is_ok_and(|read| read == ledger));
        assert!(ledger.entries[0].holds(Some("\"1\"")) && !ledger.entries[0].holds(None));
        let newer = text.replace("\"version\": 1", "\"version\": 9");
        assert!(Ledger::parse(&newer).is_err_and(|why| why.contains("version 9")));
        assert!(Ledger::parse("{\"secret\": SeCrEt}").is_err_and(|why| !why.contains("SeCrEt")));
    }

    /// A ledger as the first version wrote it: later versions must read it.
    #[test]
    fn the_first_version_is_read() {
        let text = r#"{"version":1,"file":"/p/.claude/settings.local.json","since":"2026-01-09T12:00:00Z","created":{"file":true,"directory":false},"before":"absent","after":"00","entries":[{"top":"env","inner":"A","set":"00","was":null}]}"#;
        assert!(Ledger::parse(text).is_ok_and(|ledger| ledger.created.file && ledger.before == Before::Absent));
    }
}
