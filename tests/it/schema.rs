//! The `--json` documents against the schemas of `docs/schema/`: [`holds`] is the part of JSON Schema that they use, and
//! fails on a keyword that it does not know, so that no promise of a schema goes unchecked.

use std::fs;

use serde_json::Value;

/// What [`holds`] checks, and what only describes.
const KEYWORDS: [&str; 18] = [
    "$schema",
    "$defs",
    "$ref",
    "title",
    "description",
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "anyOf",
    "pattern",
];

/// Fails where the document is not what `docs/schema/<name>.json` says.
#[track_caller]
pub(crate) fn holds(name: &str, document: &Value) {
    let path = format!("{}/docs/schema/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let schema: Value = serde_json::from_str(&text).unwrap();
    fits(&schema, &schema, document, name);
}

/// Fails where the document is not what `schema`, a part of `root`, says.
#[track_caller]
pub(crate) fn fits(root: &Value, schema: &Value, document: &Value, name: &str) {
    let mut problems = Vec::new();
    check(root, schema, document, name, &mut problems);
    assert!(problems.is_empty(), "{}\n{document:#}", problems.join("\n"));
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return check(root, root.pointer(reference.trim_start_matches('#')).unwrap(), value, at, problems);
    }
    for keyword in schema.as_object().into_iter().flatten().map(|(keyword, _)| keyword) {
        assert!(KEYWORDS.contains(&keyword.as_str()), "{at}: this test does not know `{keyword}`");
    }
    if let Some(options) = schema["anyOf"].as_array() {
        let fits = options.iter().any(|option| {
            let mut found = Vec::new();
            check(root, option, value, at, &mut found);
            found.is_empty()
        });
        if !fits {
            problems.push(format!("{at}: {value} fits none of the options"));
        }
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().map(|one| one.as_str().unwrap()).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|one| is(one, value)) {
        problems.push(format!("{at}: {value} is none of {types:?}"));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        problems.push(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        problems.push(format!("{at}: {value} is not {}", schema["const"]));
    }
    if let Some(number) = value.as_f64() {
        let low = schema["minimum"].as_f64().is_some_and(|least| number < least);
        if low || schema["maximum"].as_f64().is_some_and(|most| number > most) {
            problems.push(format!("{at}: {value} is out of bounds"));
        }
    }
    if let Some(count) = value.as_array().map(|items| items.len() as u64) {
        let few = schema["minItems"].as_u64().is_some_and(|least| count < least);
        if few || schema["maxItems"].as_u64().is_some_and(|most| count > most) {
            problems.push(format!("{at}: {count} items are too few or too many"));
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(root, &schema["items"], item, &format!("{at}[{index}]"), problems);
    }
    // What is only one of several says its fields there.
    if let Some(object) = value.as_object().filter(|_| schema["properties"].is_object() || schema["anyOf"].is_null()) {
        fields(root, schema, object, at, problems);
    }
}

fn fields(root: &Value, schema: &Value, object: &serde_json::Map<String, Value>, at: &str, problems: &mut Vec<String>) {
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !object.contains_key(name) {
            problems.push(format!("{at}: {name} is missing"));
        }
    }
    for (name, value) in object {
        let at = format!("{at}.{name}");
        match (&schema["properties"][name], &schema["additionalProperties"]) {
            (Value::Null, Value::Object(_)) => {
                check(root, &schema["additionalProperties"], value, &at, problems);
            }
            (Value::Null, Value::Bool(true)) => {}
            (Value::Null, _) => problems.push(format!("{at} is not in the schema")),
            (property, _) => check(root, property, value, &at, problems),
        }
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type `{other}`"),
    }
}

#[test]
fn a_document_that_does_not_fit_is_seen() {
    let schema = serde_json::json!({"type": "object", "properties": {"a": {"type": "integer", "minimum": 0}}, "required": ["a"]});
    for (document, says) in [
        (serde_json::json!({"a": 1}), None),
        (serde_json::json!({"a": -1}), Some("out of bounds")),
        (serde_json::json!({"a": "1"}), Some("none of")),
        (serde_json::json!({}), Some("a is missing")),
        (serde_json::json!({"a": 1, "b": 2}), Some("not in the schema")),
    ] {
        let mut problems = Vec::new();
        check(&schema, &schema, &document, "it", &mut problems);
        assert_eq!(problems.is_empty(), says.is_none(), "{document}: {problems:?}");
        assert!(says.is_none_or(|says| problems[0].contains(says)), "{problems:?}");
    }
}
