//! Editing YAML in place: the tree says where a value stands, and only those bytes change.

use ::yaml_edit::{Document, Mapping, YamlFile, YamlNode};

use super::error::line_column;
use super::moai_toml::join;

/// The dotted paths of a document with the lines of their values, from 1.
pub(super) fn lines(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    if let Some(root) = document(text).and_then(|document| document.as_mapping()) {
        walk(&root, "", text, &mut found);
    }
    found
}

fn document(text: &str) -> Option<Document> {
    YamlFile::parse(text).to_result().ok()?.document()
}

fn walk(mapping: &Mapping, prefix: &str, text: &str, found: &mut Vec<(String, usize)>) {
    for entry in mapping.entries() {
        let Some(YamlNode::Scalar(key)) = entry.key_node() else { continue };
        let name = join(prefix, &key.as_string());
        match entry.value_node() {
            Some(YamlNode::Mapping(inner)) => walk(&inner, &name, text, found),
            _ => found.push((name, line_column(text, key.byte_range().start as usize).0)),
        }
    }
}
