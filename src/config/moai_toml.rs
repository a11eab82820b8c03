//! `config.toml`: moai's own settings, of the person (`~/.moai`) and of the project (`.moai`). Read with `toml`,
//! edited in place.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, line_column};
use super::layers::{Entry, Raw};

/// Every place of the file and what it says.
pub(super) fn entries(path: &Path, text: &str) -> Result<Vec<Entry>, ConfigError> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let table = DeTable::parse(body)
        .map_err(|error| ConfigError::at(path, body, error.span().map_or(0, |span| span.start), error.message()))?;
    let mut entries = Vec::new();
    collect(table.get_ref(), "", body, &mut entries);
    Ok(entries)
}

fn collect(table: &DeTable<'_>, prefix: &str, text: &str, entries: &mut Vec<Entry>) {
    for (key, value) in table {
        let name = join(prefix, key.get_ref());
        let line = Some(line_column(text, value.span().start).0);
        let raw = match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => {
                collect(inner, &name, text, entries);
                continue;
            }
            DeValue::String(text) => Raw::Scalar(text.to_string()),
            DeValue::Integer(number) => Raw::Scalar(number.to_string()),
            DeValue::Float(number) => Raw::Scalar(number.to_string()),
            DeValue::Boolean(on) => Raw::Scalar(on.to_string()),
            DeValue::Datetime(when) => Raw::Scalar(when.to_string()),
            DeValue::Array(_) => Raw::Other("a list"),
            DeValue::Table(_) => Raw::Other("a table"),
        };
        entries.push(Entry { path: name, raw, line });
    }
}

/// A name below a prefix; one with a dot in it is quoted, so that it cannot pass for two.
pub(super) fn join(prefix: &str, name: &str) -> String {
    let name = if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() };
    if prefix.is_empty() { name } else { format!("{prefix}.{name}") }
}
