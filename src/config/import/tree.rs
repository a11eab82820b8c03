//! JSON as people write configuration in it: comments, trailing commas, unquoted names, single quotes (JSON5). Read
//! into values; nothing of the text is quoted in errors.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstContainerNode, CstLeafNode, CstNode, CstRootNode};
use serde_json::{Map, Number, Value as Json};

use super::ImportError;

/// Whether a text is JSON and not YAML: what it begins with, comments apart, is a brace.
pub(super) fn is_json(text: &str) -> bool {
    let mut rest = text.trim_start();
    loop {
        rest = match rest.as_bytes() {
            [b'/', b'/', ..] => rest.split_once('\n').map_or("", |(_, after)| after).trim_start(),
            [b'/', b'*', ..] => rest.split_once("*/").map_or("", |(_, after)| after).trim_start(),
            [b'{', ..] => return true,
            _ => return false,
        };
    }
}

/// The text's value.
pub(super) fn parse(path: &str, text: &str) -> Result<Json, ImportError> {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: true,
        allow_missing_commas: false,
        allow_single_quoted_strings: true,
        allow_hexadecimal_numbers: true,
        allow_unary_plus_numbers: true,
        allow_bare_decimal_point_numbers: true,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: true,
    };
    let root = CstRootNode::parse(text, &options).map_err(|error| ImportError::Syntax {
        path: path.into(),
        line: error.line_display(),
        column: error.column_display(),
        problem: lower_first(&error.kind().to_string()),
    })?;
    Ok(root.value().map_or(Json::Null, |node| value(&node)))
}

fn value(node: &CstNode) -> Json {
    match node {
        CstNode::Container(CstContainerNode::Object(object)) => {
            let mut map = Map::new();
            for property in object.properties() {
                if let (Some(name), Some(inner)) = (property.decoded_name(), property.value()) {
                    map.insert(name, value(&inner));
                }
            }
            Json::Object(map)
        }
        CstNode::Container(CstContainerNode::Array(array)) => Json::Array(array.elements().iter().map(value).collect()),
        CstNode::Leaf(CstLeafNode::StringLit(text)) => text.decoded_value().map_or(Json::Null, Json::String),
        CstNode::Leaf(CstLeafNode::BooleanLit(on)) => Json::Bool(on.value()),
        CstNode::Leaf(CstLeafNode::NumberLit(number)) => number_of(&number.to_string()),
        _ => Json::Null,
    }
}

fn number_of(text: &str) -> Json {
    let text = text.trim_start_matches('+');
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let whole = hexadecimal.map_or_else(|| text.parse().ok(), |digits| u64::from_str_radix(digits, 16).ok());
    let number = whole.map(Number::from).or_else(|| text.parse().ok().and_then(Number::from_f64));
    number.map_or(Json::Null, Json::Number)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
