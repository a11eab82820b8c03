//! moai-adk's registry of worktrees, `<root>/.moai-worktree-registry.json`, kept so that its users' other tools find
//! ours. The truth is git; this file is read, appended to and cleaned, never believed.
//!
//! Two shapes are read: project → SPEC → record, and project → SPEC → list of records. Edits are made in place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstContainerNode, CstInputValue, CstNode, CstObject, CstRootNode};
use serde_json::Value;

use super::error::WorktreeError;
use crate::base::disk::{self, Access, Lock};

/// The file's name in the root.
pub const FILE: &str = ".moai-worktree-registry.json";

/// One record, as moai-adk writes it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Record {
    /// The SPEC.
    pub spec_id: String,
    /// The worktree's root, absolute.
    pub path: String,
    /// Its branch.
    pub branch: String,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// When a command last used it.
    pub last_accessed: String,
    /// `active`, `merged`, `stale`, …
    pub status: String,
}

impl Record {
    /// The record of a worktree made at this moment.
    pub fn new(spec: &str, path: &Path, branch: &str, now: Timestamp) -> Self {
        let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        Self {
            spec_id: spec.into(),
            path: path.display().to_string(),
            branch: branch.into(),
            created_at: now.clone(),
            last_accessed: now,
            status: "active".into(),
        }
    }
}

/// The project's records; none where there is no file.
pub fn load(path: &Path, project: &str) -> Result<Vec<Record>, WorktreeError> {
    let Some(text) = disk::read_text(path)? else { return Ok(Vec::new()) };
    let value = parse_value(path, &text)?;
    let specs = value.get(project).and_then(Value::as_object);
    let records = specs.into_iter().flat_map(|specs| specs.values()).flat_map(|value| match value {
        Value::Array(list) => list.iter().collect::<Vec<_>>(),
        single => vec![single],
    });
    Ok(records.filter_map(|record| serde_json::from_value(record.clone()).ok()).collect())
}

/// Fails where the file is there and cannot be read, before anything is changed.
pub(super) fn require_readable(path: &Path) -> Result<(), WorktreeError> {
    match disk::read_text(path)? {
        Some(text) => parse(path, &text).map(drop),
        None => Ok(()),
    }
}

/// Adds the record, in the place of an older one for the same path.
pub fn record(path: &Path, project: &str, record: &Record) -> Result<(), WorktreeError> {
    change(path, true, |root| {
        let specs = root.object_value_or_set(project);
        let value = || {
            let field = |name: &str, text: &str| (name.to_owned(), CstInputValue::from(text.to_owned()));
            CstInputValue::Object(vec![
                field("spec_id", &record.spec_id),
                field("path", &record.path),
                field("branch", &record.branch),
                field("created_at", &record.created_at),
                field("last_accessed", &record.last_accessed),
                field("status", &record.status),
            ])
        };
        match specs.get(&record.spec_id) {
            None => {
                specs.append(&record.spec_id, value());
            }
            Some(property) => match property.array_value() {
                Some(list) => {
                    take_out(list.elements(), &record.path);
                    list.append(value());
                }
                None => property.set_value(value()),
            },
        }
    })
}

/// Writes down that somebody went to the worktree at `root`; where there is no record of it nothing is written.
pub fn touch(path: &Path, project: &str, spec: &str, root: &Path, now: Timestamp) -> Result<(), WorktreeError> {
    let wanted = root.display().to_string();
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    change(path, false, |file| {
        let specs = file.get(project).and_then(|project| project.object_value());
        let Some(property) = specs.and_then(|specs| specs.get(spec)) else { return };
        let records = match property.array_value() {
            Some(list) => list.elements().into_iter().filter_map(|element| element.as_object()).collect(),
            None => property.object_value().into_iter().collect::<Vec<_>>(),
        };
        for record in records.iter().filter(|record| has_path(record, &wanted)) {
            if let Some(accessed) = record.get("last_accessed") {
                accessed.set_value(CstInputValue::from(now.clone()));
            }
        }
    })
}

/// Takes the record of this path out again.
pub fn forget(path: &Path, project: &str, spec: &str, root: &Path) -> Result<(), WorktreeError> {
    let wanted = root.display().to_string();
    change(path, false, |file| {
        let Some(project) = file.get(project) else { return };
        let Some(specs) = project.object_value() else { return };
        let Some(property) = specs.get(spec) else { return };
        if let Some(list) = property.array_value() {
            take_out(list.elements(), &wanted);
            if list.elements().is_empty() {
                property.remove();
            }
        } else if property.object_value().is_some_and(|record| has_path(&record, &wanted)) {
            property.remove();
        }
        if specs.properties().is_empty() {
            project.remove();
        }
    })
}

fn take_out(elements: Vec<CstNode>, path: &str) {
    for element in elements {
        if let CstNode::Container(CstContainerNode::Object(record)) = element
            && has_path(&record, path)
        {
            record.remove();
        }
    }
}

fn has_path(record: &CstObject, path: &str) -> bool {
    let held = record.get("path").and_then(|property| property.value());
    held.and_then(|value| value.as_string_lit()).and_then(|text| text.decoded_value().ok()).as_deref() == Some(path)
}

/// Edits the file in place, under its lock. A file that is not there is made only when `create`; one that is left
/// empty by us goes again.
fn change(path: &Path, create: bool, edit: impl FnOnce(&CstObject)) -> Result<(), WorktreeError> {
    if !create && !path.exists() {
        return Ok(());
    }
    let lock_path = lock_path(path);
    let _lock = Lock::take(&lock_path, Duration::from_secs(30), || {})?;
    let before = disk::read_text(path)?;
    let text = before.clone().unwrap_or_else(|| "{}\n".into());
    let root = parse(path, &text)?;
    let object = root.object_value_or_set();
    edit(&object);
    let after = root.to_string();
    if Some(&after) == before.as_ref() || (before.is_none() && !create) {
        return Ok(());
    }
    if !create && object.properties().is_empty() {
        return Ok(disk::remove(path)?);
    }
    // git is the truth; a lost registry is made again, so nobody waits for the disk here.
    Ok(disk::replace_unsynced(path, after.as_bytes(), Access::Keep)?)
}

fn lock_path(path: &Path) -> PathBuf {
    path.with_extension("lock")
}

fn parse(path: &Path, text: &str) -> Result<CstRootNode, WorktreeError> {
    parse_value(path, text)?;
    let options = ParseOptions::default();
    CstRootNode::parse(text.strip_prefix('\u{feff}').unwrap_or(text), &options)
        .map_err(|_text| unreadable(path, 1, 1, "it is not JSON"))
}

fn parse_value(path: &Path, text: &str) -> Result<Value, WorktreeError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let value: Value =
        serde_json::from_str(text).map_err(|error| unreadable(path, error.line(), error.column(), "it is not JSON"))?;
    if value.is_object() { Ok(value) } else { Err(unreadable(path, 1, 1, "it is not a JSON object")) }
}

fn unreadable(path: &Path, line: usize, column: usize, why: &str) -> WorktreeError {
    WorktreeError::Unreadable { path: path.to_path_buf(), line, column, why: why.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        (dir, path)
    }

    fn sample(spec: &str, path: &str) -> Record {
        Record::new(spec, Path::new(path), "feature/x", "2026-01-09T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_record_is_added_and_taken_out_and_the_rest_stays_to_the_byte() {
        let (_dir, path) = scratch();
        let before = "{\n    \"Other\": {\"SPEC-1\": {\"spec_id\": \"SPEC-1\", \"extra\": 1.0}}\n}\n";
        std::fs::write(&path, before).unwrap();
        record(&path, "Demo", &sample("SPEC-2", "/w/SPEC-2")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("{\"SPEC-1\": {\"spec_id\": \"SPEC-1\", \"extra\": 1.0}}"), "{text}");
        assert_eq!(load(&path, "Demo").unwrap(), [sample("SPEC-2", "/w/SPEC-2")]);
        forget(&path, "Demo", "SPEC-2", Path::new("/w/other")).unwrap();
        assert_eq!(load(&path, "Demo").unwrap().len(), 1);
        forget(&path, "Demo", "SPEC-2", Path::new("/w/SPEC-2")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    }

    #[test]
    fn lists_are_appended_to_and_a_file_of_ours_alone_goes_again() {
        let (_dir, path) = scratch();
        std::fs::write(
            &path,
            r#"{"Demo": {"SPEC-1": [{"spec_id": "SPEC-1", "path": "/a", "branch": "b",
            "created_at": "", "last_accessed": "", "status": "active"}]}}"#,
        )
        .unwrap();
        record(&path, "Demo", &sample("SPEC-1", "/b")).unwrap();
        let records = load(&path, "Demo").unwrap();
        assert_eq!(records.iter().map(|record| record.path.as_str()).collect::<Vec<_>>(), ["/a", "/b"]);
        let (_dir, fresh) = scratch();
        record(&fresh, "Demo", &sample("SPEC-1", "/b")).unwrap();
        forget(&fresh, "Demo", "SPEC-1", Path::new("/b")).unwrap();
        assert!(!fresh.exists());
    }

    #[test]
    fn a_broken_file_is_named_with_its_place_and_left_alone() {
        let (_dir, path) = scratch();
        std::fs::write(&path, "{\n  \"Demo\": {,}\n}\n").unwrap();
        let error = record(&path, "Demo", &sample("SPEC-1", "/b")).unwrap_err();
        assert!(matches!(error, WorktreeError::Unreadable { line: 2, column: 12, .. }), "{error:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\n  \"Demo\": {,}\n}\n");
    }
}
