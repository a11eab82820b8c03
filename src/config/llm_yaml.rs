//! `.moai/config/sections/llm.yaml`, of both eras of moai-adk: read with libyaml's rules, edited in place.

use std::collections::HashMap;
use std::path::Path;

use serde_yaml::Value as Yaml;

use crate::base::yaml;

use super::error::ConfigError;
use super::layers::{Entry, Raw};
use super::moai_toml::join;

/// Every place of the file and what it says.
pub(super) fn entries(path: &Path, text: &str) -> Result<Vec<Entry>, ConfigError> {
    let root = parse(path, text)?;
    let mut entries = Vec::new();
    collect(&root, "", &mut entries);
    let path = |names: &[String]| names.iter().fold(String::new(), |above, name| join(&above, name));
    let places = yaml::places(text).into_iter().map(|place| (path(&place.names), (place.line, place.column)));
    let places: HashMap<String, (usize, usize)> = places.collect();
    for entry in &mut entries {
        entry.at = places.get(&entry.path).copied();
    }
    Ok(entries)
}

/// The document, merge keys applied.
fn parse(path: &Path, text: &str) -> Result<Yaml, ConfigError> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let fail = |error: &serde_yaml::Error| {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        ConfigError::Syntax { path: path.to_path_buf(), line, column, problem: problem(error) }
    };
    let mut root = yaml::read(text).map_err(|error| fail(&error))?;
    root.apply_merge().map_err(|error| fail(&error))?;
    match root {
        Yaml::Null | Yaml::Mapping(_) => Ok(root),
        _ => Err(ConfigError::at(
            path,
            body,
            0,
            "this is not a mapping (names, each with a colon and what belongs to it)",
        )),
    }
}

/// What libyaml says, without the place, which we put in front.
fn problem(error: &serde_yaml::Error) -> String {
    let text = error.to_string();
    let end = text.find(" at line ").unwrap_or(text.len());
    text.get(..end).unwrap_or_default().to_owned()
}

fn collect(value: &Yaml, prefix: &str, entries: &mut Vec<Entry>) {
    let raw = match value {
        Yaml::Mapping(mapping) if !mapping.is_empty() => {
            for (key, inner) in mapping {
                collect(inner, &join(prefix, &name(key)), entries);
            }
            return;
        }
        Yaml::Null => Raw::Null,
        Yaml::Bool(_) | Yaml::Number(_) | Yaml::String(_) => scalar(value).map_or(Raw::Null, Raw::Scalar),
        Yaml::Sequence(items) => {
            let texts: Option<Vec<String>> = items.iter().map(scalar).collect();
            texts.map_or(Raw::Other("a list of more than plain values"), Raw::List)
        }
        Yaml::Mapping(_) => Raw::Other("a mapping"),
        Yaml::Tagged(_) => Raw::Other("a tagged value"),
    };
    if !prefix.is_empty() {
        entries.push(Entry { path: prefix.to_owned(), raw, at: None });
    }
}

fn name(key: &Yaml) -> String {
    match key {
        Yaml::String(text) => text.clone(),
        Yaml::Number(number) => number.to_string(),
        Yaml::Bool(on) => on.to_string(),
        _ => "?".into(),
    }
}

fn scalar(value: &Yaml) -> Option<String> {
    match value {
        Yaml::Bool(on) => Some(on.to_string()),
        Yaml::Number(number) => Some(number.to_string()),
        Yaml::String(text) => Some(text.clone()),
        _ => None,
    }
}
