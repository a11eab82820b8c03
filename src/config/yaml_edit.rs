//! Editing YAML in place: the tree says where a value stands, and only those bytes change. A key that is missing is
//! added below its group; a document without any is begun. What comes out is proved by the caller ([`super::edit`]).

use ::yaml_edit::path::YamlPath as _;
use ::yaml_edit::{Document, Mapping, MappingEntry, YamlFile, YamlNode};

use super::error::line_column;
use super::keys::Value;
use super::moai_toml::join;

/// The dotted paths of a document with the line and column of their keys, from 1.
pub(super) fn places(text: &str) -> Vec<(String, (usize, usize))> {
    let mut found = Vec::new();
    if let Some(root) = document(text).and_then(|document| document.as_mapping()) {
        walk(&root, "", text, &mut found);
    }
    found
}

fn document(text: &str) -> Option<Document> {
    YamlFile::parse(text).to_result().ok()?.document()
}

fn walk(mapping: &Mapping, prefix: &str, text: &str, found: &mut Vec<(String, (usize, usize))>) {
    for entry in mapping.entries() {
        let Some(YamlNode::Scalar(key)) = entry.key_node() else { continue };
        let name = join(prefix, &key.as_string());
        match entry.value_node() {
            Some(YamlNode::Mapping(inner)) if !inner.is_empty() => walk(&inner, &name, text, found),
            _ => found.push((name, line_column(text, key.byte_range().start as usize))),
        }
    }
}

/// The text with `value` at the dotted `place`; `None` where this editor does not know how.
pub(super) fn set(text: &str, place: &str, value: &Value) -> Option<String> {
    let Some(root) = document(text).and_then(|document| document.as_mapping()) else {
        return Some(begin(text, place, value));
    };
    let mut mapping = root;
    let mut names = place.split('.').peekable();
    while let Some(name) = names.next() {
        let Some(entry) = mapping.entries().find(|entry| entry.key_matches(name)) else { break };
        match (entry.value_node(), names.peek()) {
            (Some(YamlNode::Mapping(inner)), Some(_)) => mapping = inner,
            (Some(YamlNode::Scalar(scalar)), None) if !scalar.is_null() => {
                let range = scalar.byte_range();
                let (from, to) = (range.start as usize, range.end as usize);
                let old = text.get(from..to)?;
                return Some(splice(text, from, to, &scalar_like(old, value)));
            }
            (None, None) => return after_colon(text, &entry, &format!(" {}", plain(value))),
            (Some(node), None) if is_null(&node) => return fill_null(text, &entry, &node, value),
            (node, Some(_)) if node.as_ref().is_none_or(is_null) => {
                let rest: Vec<&str> = names.collect();
                return below(text, &entry, node.as_ref(), &rest, value);
            }
            _ => return None,
        }
    }
    let tree = document(text)?;
    match value {
        Value::Text(word) => tree.try_set_path(place, word.as_str()).ok()?,
        Value::Switch(on) => tree.try_set_path(place, *on).ok()?,
        Value::Number(number) => tree.try_set_path(place, i64::try_from(*number).ok()?).ok()?,
        // No setting of a YAML file has such a value.
        Value::Decimal(_) | Value::List(_) => return None,
    }
    Some(rebuild(text, &tree))
}

/// The text without what stands at the dotted `place`; `None` where there is nothing or the editor does not know how.
pub(super) fn unset(text: &str, place: &str) -> Option<String> {
    let tree = document(text)?;
    tree.try_remove_path(place).ok()?;
    Some(rebuild(text, &tree))
}

/// The whole file with the edited document in it: directives and a second document stay outside of the tree.
fn rebuild(text: &str, tree: &Document) -> String {
    let edited = tree.to_string();
    let old = document(text).map(|document| document.to_string()).unwrap_or_default();
    match text.split_once(old.as_str()) {
        Some((before, after)) if !old.is_empty() => format!("{before}{edited}{after}"),
        _ => edited,
    }
}

fn is_null(node: &YamlNode) -> bool {
    matches!(node, YamlNode::Scalar(scalar) if scalar.is_null())
}

fn splice(text: &str, from: usize, to: usize, new: &str) -> String {
    let mut out = String::with_capacity(text.len() + new.len());
    out.push_str(text.get(..from).unwrap_or_default());
    out.push_str(new);
    out.push_str(text.get(to..).unwrap_or_default());
    out
}

/// `mode:`, `mode: ~`, `mode: null`: the value takes the null's place, or a place of its own after the colon.
fn fill_null(text: &str, entry: &MappingEntry, node: &YamlNode, value: &Value) -> Option<String> {
    let range = node.byte_range();
    if range.start < range.end {
        return Some(splice(text, range.start as usize, range.end as usize, &plain(value)));
    }
    after_colon(text, entry, &format!(" {}", plain(value)))
}

fn after_colon(text: &str, entry: &MappingEntry, addition: &str) -> Option<String> {
    let key_end = entry.key_node()?.byte_range().end as usize;
    let colon = key_end + text.get(key_end..)?.find(':')?;
    Some(splice(text, colon + 1, colon + 1, addition))
}

/// A group that is there and empty (`llm:`) gets its first lines, after the comment on its own line.
fn below(text: &str, entry: &MappingEntry, null: Option<&YamlNode>, rest: &[&str], value: &Value) -> Option<String> {
    if null.is_some_and(|node| node.byte_range().start < node.byte_range().end) {
        return None;
    }
    let key = entry.key_node()?.byte_range();
    let line_start = text.get(..key.start as usize)?.rfind('\n').map_or(0, |at| at + 1);
    let indent = key.start as usize - line_start;
    let after_key = text.get(key.end as usize..)?;
    let (at, newline_first) = match after_key.find('\n') {
        Some(newline) => (key.end as usize + newline + 1, false),
        None => (text.len(), true),
    };
    let lines = nested(indent + 2, rest, value);
    let addition = if newline_first { format!("\n{lines}") } else { lines };
    Some(splice(text, at, at, &addition))
}

/// A document of nothing but comments, or of nothing at all.
fn begin(text: &str, place: &str, value: &Value) -> String {
    let names: Vec<&str> = place.split('.').collect();
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{gap}{}", nested(0, &names, value))
}

fn nested(indent: usize, names: &[&str], value: &Value) -> String {
    let line = |(depth, name): (usize, &&str)| {
        let pad = " ".repeat(indent + 2 * depth);
        let value = if depth + 1 == names.len() { format!(" {}", plain(value)) } else { String::new() };
        format!("{pad}{name}:{value}\n")
    };
    names.iter().enumerate().map(line).collect()
}

/// The value in the quotes that the old one had.
fn scalar_like(old: &str, value: &Value) -> String {
    match (old.chars().next(), value) {
        (Some('"'), Value::Text(text)) => double_quoted(text),
        (Some('\''), Value::Text(text)) => format!("'{}'", text.replace('\'', "''")),
        _ => plain(value),
    }
}

/// The value without quotes where YAML reads it back as the same, else in double quotes.
fn plain(value: &Value) -> String {
    let Value::Text(text) = value else { return value.to_string() };
    let safe = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./-:~@+".contains(c))
        && !text.ends_with(':')
        && matches!(serde_yaml::from_str(text), Ok(serde_yaml::Value::String(read)) if read == *text)
        && !matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "y" | "n");
    if safe { text.clone() } else { double_quoted(text) }
}

fn double_quoted(text: &str) -> String {
    // Every JSON string is a double-quoted YAML scalar.
    serde_json::Value::String(text.to_owned()).to_string()
}
