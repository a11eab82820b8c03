//! Claude Code's `statusLine`: set in a settings file and taken out of it again, to the byte where nobody else has
//! written in between.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::disk::{self, Access};

use super::document::{Document, Fault, Spot, edit, quote};
use super::error::SettingsError;

/// The place in the file.
const PLACE: &str = "statusLine";

/// What a settings file was before moai's line went in. The text can hold the user's own tokens: no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRecord {
    version: u32,
    /// The whole text before; `None` where there was no file.
    before: Option<String>,
    /// The whole text as moai wrote it.
    after: String,
    /// What stood in its place before, as JSON text.
    was: Option<String>,
    /// What moai put there.
    set: String,
}

/// What a change comes to.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusStep {
    /// The text of the file; `None` where it goes.
    pub text: Option<String>,
    /// What is remembered from now on.
    pub record: Option<StatusRecord>,
}

/// Why the status line stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is there already, or it is gone already.
    Done,
    /// Somebody else's line stands there.
    Foreign,
}

/// `text` with `command` as its status line. A line of somebody else is left, unless it is to be replaced.
pub fn install(
    text: Option<&str>,
    record: Option<&StatusRecord>,
    command: &str,
    replace: bool,
) -> Result<Result<StatusStep, Kept>, Fault> {
    let document = Document::parse(text.unwrap_or("{}\n"))?;
    document.require_plain()?;
    let spot = Spot::top(PLACE);
    let set = format!("{{ \"type\": \"command\", \"command\": {} }}", quote(command));
    let now = document.raw(&spot);
    let ours = record.filter(|record| same(now.as_deref(), Some(&record.set)));
    if ours.is_some_and(|record| record.set == set) {
        return Ok(Err(Kept::Done));
    }
    if now.is_some() && ours.is_none() && !replace {
        return Ok(Err(Kept::Foreign));
    }
    let after = edit(text.unwrap_or("{}\n"), &vec![(spot, Some(set.clone()))])?;
    let record = match ours {
        // Another path of moai: what was there before it counts on. Where somebody else has written since, the file is
        // never again what it was, and only the line comes back.
        Some(old) => {
            let untouched = text == Some(&old.after);
            StatusRecord { after: if untouched { after.clone() } else { String::new() }, set, ..old.clone() }
        }
        None => StatusRecord { version: 1, before: text.map(str::to_owned), after: after.clone(), was: now, set },
    };
    Ok(Ok(StatusStep { text: Some(after), record: Some(record) }))
}

/// `text` without moai's status line: what was there before comes back.
pub fn uninstall(text: Option<&str>, record: Option<&StatusRecord>) -> Result<Result<StatusStep, Kept>, Fault> {
    let Some((text, record)) = text.zip(record) else { return Ok(Err(Kept::Done)) };
    if text == record.after {
        return Ok(Ok(StatusStep { text: record.before.clone(), record: None }));
    }
    let document = Document::parse(text)?;
    let spot = Spot::top(PLACE);
    if !same(document.raw(&spot).as_deref(), Some(&record.set)) {
        return Ok(Err(Kept::Foreign));
    }
    let text = edit(text, &vec![(spot, record.was.clone())])?;
    Ok(Ok(StatusStep { text: Some(text), record: None }))
}

/// The record in this file.
pub fn load_status_record(path: &Path) -> Result<Option<StatusRecord>, SettingsError> {
    // What cannot be read is no record: the line then counts as somebody else's, and is left alone.
    Ok(disk::read_text(path)?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Writes the step: first what is remembered, then the file.
pub fn apply_status(file: &Path, remembered: &Path, step: &StatusStep) -> Result<(), SettingsError> {
    if let Some(record) = &step.record {
        let text = serde_json::to_string(record).unwrap_or_default() + "\n";
        disk::replace(remembered, text.as_bytes(), Access::Private)?;
    }
    match &step.text {
        Some(text) => disk::replace(file, text.as_bytes(), Access::Keep)?,
        None => disk::remove(file)?,
    }
    if step.record.is_none() {
        disk::remove(remembered)?;
    }
    Ok(())
}

/// Whether two JSON texts say the same.
fn same(one: Option<&str>, other: Option<&str>) -> bool {
    let read = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    match (read(one), read(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: &str = "moai statusline";

    fn standing(text: &str) -> Option<String> {
        Document::parse(text).ok()?.raw(&Spot::top(PLACE))
    }

    fn put(text: Option<&str>, replace: bool) -> StatusStep {
        install(text, None, COMMAND, replace).unwrap().unwrap_or_else(|kept| panic!("{kept:?}"))
    }

    fn take(text: Option<&str>, record: Option<&StatusRecord>) -> Result<Option<String>, Kept> {
        uninstall(text, record).unwrap().map(|step| step.text)
    }

    #[test]
    fn undone_to_the_byte() {
        for before in [None, Some("{}"), Some("{\n\t\"a\": 1.0\n}\n"), Some("{ \"env\": { \"K\": \"v\" } }\r\n")] {
            let step = put(before, false);
            let text = step.text.unwrap();
            assert!(standing(&text).is_some_and(|line| line.contains(COMMAND)), "{text}");
            let again = install(Some(&text), step.record.as_ref(), COMMAND, false).unwrap();
            assert!(again.is_err_and(|kept| kept == Kept::Done));
            assert_eq!(take(Some(&text), step.record.as_ref()), Ok(before.map(str::to_owned)), "{before:?}");
        }
    }

    #[test]
    fn what_others_wrote_meanwhile_stays() {
        let step = put(Some("{\n  \"a\": 1\n}\n"), false);
        let edited = step.text.unwrap().replace("\"a\": 1", "\"a\": 2");
        assert_eq!(take(Some(&edited), step.record.as_ref()), Ok(Some("{\n  \"a\": 2\n}\n".into())));
    }

    #[test]
    fn a_line_of_somebody_else_stays_unless_it_is_to_go_and_then_comes_back() {
        let theirs = "{\n  \"statusLine\": { \"type\": \"command\", \"command\": \"mine.sh\" }\n}\n";
        assert!(install(Some(theirs), None, COMMAND, false).unwrap().is_err_and(|kept| kept == Kept::Foreign));
        let step = put(Some(theirs), true);
        let text = step.text.unwrap();
        assert_eq!(take(Some(&text), step.record.as_ref()), Ok(Some(theirs.to_owned())));
        let edited = text.replacen('{', "{\n  \"b\": true,", 1);
        let back = take(Some(&edited), step.record.as_ref()).unwrap().unwrap();
        assert!(back.contains("mine.sh") && back.contains("\"b\": true"), "{back}");
        assert_eq!(take(Some(theirs), step.record.as_ref()), Err(Kept::Foreign), "they put theirs back themselves");
        assert_eq!(take(Some(theirs), None), Err(Kept::Done));
    }

    #[test]
    fn another_path_of_moai_replaces_the_old_one() {
        let first = put(Some("{}\n"), false);
        let text = first.text.unwrap();
        let second = install(Some(&text), first.record.as_ref(), "/opt/moai statusline", false).unwrap();
        let Ok(second) = second else { panic!("it is ours") };
        assert_eq!(take(second.text.as_deref(), second.record.as_ref()), Ok(Some("{}\n".into())));
    }
}
