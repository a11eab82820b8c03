//! Tool schemas in what each vendor reads of JSON Schema.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::object;

/// How deep `$ref`s are followed: a schema that needs more refers to itself.
const DEEPEST: usize = 24;
/// How large a schema may grow while `$ref`s are put in, in values.
const LARGEST: usize = 20_000;

/// A schema for `function.parameters`: an object with properties, and without what names the schema itself.
pub(super) fn for_chat(schema: &Value) -> Value {
    let mut map = match schema {
        Value::Object(map) => map.clone(),
        _ => Map::new(),
    };
    for key in ["$schema", "$id"] {
        map.shift_remove(key);
    }
    as_object(map)
}

/// A schema for Gemini's `parametersJsonSchema`: as for chat, every `$ref` put in its place, no `required` twice.
pub(super) fn for_gemini(schema: &Value) -> Value {
    let mut inliner = Inliner { root: schema, left: LARGEST };
    match inliner.inlined(schema, 0) {
        Value::Object(map) => as_object(map),
        _ => as_object(Map::new()),
    }
}

/// The same, written without making it.
pub(super) struct ForChat<'a>(pub(super) &'a Value);

impl serde::Serialize for ForChat<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;
        let own = self.0.as_object();
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in own.into_iter().flatten().filter(|(key, _)| !matches!(key.as_str(), "$schema" | "$id")) {
            map.serialize_entry(key, value)?;
        }
        let has = |key| own.is_some_and(|own| own.contains_key(key));
        if !has("type") {
            map.serialize_entry("type", "object")?;
        }
        let kind = own.and_then(|own| own.get("type"));
        if kind.is_none_or(|kind| kind == "object") && !has("properties") {
            map.serialize_entry("properties", &Map::new())?;
        }
        map.end()
    }
}

fn as_object(mut map: Map<String, Value>) -> Value {
    map.entry("type").or_insert_with(|| "object".into());
    if map.get("type").and_then(Value::as_str) == Some("object") {
        map.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    }
    Value::Object(map)
}

struct Inliner<'a> {
    root: &'a Value,
    left: usize,
}

impl Inliner<'_> {
    fn inlined(&mut self, value: &Value, depth: usize) -> Value {
        self.left = self.left.saturating_sub(1);
        if depth > DEEPEST || self.left == 0 {
            return Value::Object(object([("type", "object".into())]));
        }
        match value {
            Value::Object(map) => self.inlined_object(map, depth),
            Value::Array(items) => items.iter().map(|item| self.inlined(item, depth)).collect(),
            other => other.clone(),
        }
    }

    fn inlined_object(&mut self, map: &Map<String, Value>, depth: usize) -> Value {
        if let Some(target) = map.get("$ref").and_then(Value::as_str) {
            let found = target.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            let mut whole = match found.map(|found| self.inlined(found, depth + 1)) {
                Some(Value::Object(whole)) => whole,
                _ => Map::new(),
            };
            for (key, value) in map.iter().filter(|(key, _)| *key != "$ref") {
                whole.insert(key.clone(), self.inlined(value, depth + 1));
            }
            return Value::Object(whole);
        }
        let mut kept = Map::with_capacity(map.len());
        for (key, value) in map {
            match key.as_str() {
                "$schema" | "$id" | "$defs" | "definitions" | "$comment" | "$anchor" => {}
                // A property may have any name: its schema is a schema, its name is not a keyword.
                "properties" | "patternProperties" => {
                    kept.insert(key.clone(), self.inlined_properties(value, depth + 1));
                }
                "required" => {
                    kept.insert(key.clone(), once(value));
                }
                _ => {
                    kept.insert(key.clone(), self.inlined(value, depth + 1));
                }
            }
        }
        Value::Object(kept)
    }

    fn inlined_properties(&mut self, value: &Value, depth: usize) -> Value {
        match value {
            Value::Object(map) => {
                map.iter().map(|(name, schema)| (name.clone(), self.inlined(schema, depth))).collect()
            }
            other => other.clone(),
        }
    }
}

fn once(required: &Value) -> Value {
    let Value::Array(items) = required else { return required.clone() };
    let mut seen = HashSet::new();
    items.iter().filter(|item| seen.insert(item.to_string())).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn chat_keeps_all_but_the_schemas_own_name() {
        let schema = json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "properties": {"a": {"exclusiveMinimum": 0}}, "additionalProperties": false});
        assert_eq!(
            for_chat(&schema),
            json!({"type": "object", "properties": {"a": {"exclusiveMinimum": 0}}, "additionalProperties": false})
        );
        assert_eq!(for_chat(&Value::Null), json!({"type": "object", "properties": {}}));
        for schema in [schema, Value::Null, json!({"$id": 1, "type": "array"}), json!({"properties": {"a": {}}})] {
            assert_eq!(serde_json::to_string(&ForChat(&schema)).unwrap(), for_chat(&schema).to_string());
        }
    }

    #[test]
    fn gemini_gets_references_in_place() {
        let schema = json!({"type": "object", "$defs": {"P": {"type": "string", "$comment": "x"}},
            "properties": {"p": {"$ref": "#/$defs/P", "description": "a path"}, "$id": {"type": "string"}},
            "required": ["p", "p"]});
        assert_eq!(
            for_gemini(&schema),
            json!({"type": "object",
                "properties": {"p": {"type": "string", "description": "a path"}, "$id": {"type": "string"}},
                "required": ["p"]})
        );
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let schema = json!({"type": "object", "properties": {"l": {"$ref": "#"}, "r": {"$ref": "#"}}});
        let text = for_gemini(&schema).to_string();
        assert!(!text.contains("$ref") && text.len() < 2_000_000, "{}", text.len());
    }
}
