//! `config.toml`: moai's own settings, of the person (`~/.moai`) and of the project (`.moai`). Read with `toml`,
//! edited in place.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::base::sort;

use super::error::ConfigError;
use super::layers::{Entry, Raw};

/// Every place of the file and what it says.
pub(super) fn entries(path: &Path, text: &str) -> Result<Vec<Entry>, ConfigError> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let table = DeTable::parse(body)
        .map_err(|error| ConfigError::at(path, body, error.span().map_or(0, |span| span.start), error.message()))?;
    let mut entries = Vec::new();
    collect(table.get_ref(), "", &Lines::of(body), &mut entries);
    // The parser sorts by name; people sort by sense.
    sort::by_key(&mut entries, |entry| entry.at);
    Ok(entries)
}

/// Where the lines of a text begin: a place is found without counting from the top.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    /// Line and column, from 1, of a byte offset; columns count characters.
    fn place(&self, offset: usize) -> (usize, usize) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count());
        (line, column + 1)
    }
}

fn collect(table: &DeTable<'_>, prefix: &str, lines: &Lines<'_>, entries: &mut Vec<Entry>) {
    for (key, value) in table {
        let name = join(prefix, key.get_ref());
        let raw = match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => {
                collect(inner, &name, lines, entries);
                continue;
            }
            DeValue::Array(items) => {
                let texts: Option<Vec<String>> = items.iter().map(|item| scalar(item.get_ref())).collect();
                texts.map_or(Raw::Other("a list of more than plain values"), Raw::List)
            }
            DeValue::Table(_) => Raw::Other("a table"),
            value => scalar(value).map_or(Raw::Null, Raw::Scalar),
        };
        entries.push(Entry { path: name, raw, at: Some(lines.place(value.span().start)) });
    }
}

fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(on) => Some(on.to_string()),
        DeValue::Datetime(when) => Some(when.to_string()),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// A name below a prefix; one with a dot in it is quoted, so that it cannot pass for two.
pub(super) fn join(prefix: &str, name: &str) -> String {
    let name = if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() };
    if prefix.is_empty() { name } else { format!("{prefix}.{name}") }
}
