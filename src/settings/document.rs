//! One settings file as text that can be read and edited without losing a byte that was not meant: comments, key
//! order, indentation, line ends, BOM, unknown keys and the spelling of numbers stay.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstNode, CstObject, CstObjectProp, CstRootNode};

/// Why a text cannot be edited, and where. Nothing of the content is quoted: settings hold tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

/// A place in the file: a top-level entry, or an entry of a top-level object (`env` and a variable's name).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// The top-level name.
    pub top: String,
    /// The name inside it, where the place is one level down.
    pub inner: Option<String>,
}

impl Spot {
    /// The top-level entry `name`.
    pub fn top(name: &str) -> Self {
        Self { top: name.into(), inner: None }
    }

    /// The variable `name` of `env`.
    pub fn env(name: &str) -> Self {
        Self { top: "env".into(), inner: Some(name.into()) }
    }
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.inner {
            Some(inner) => write!(f, "{}.{inner}", self.top),
            None => f.write_str(&self.top),
        }
    }
}

/// What is to change: the value of each spot as JSON text, `None` to take it away. An inner object that becomes empty
/// by it goes too.
pub type Patch = Vec<(Spot, Option<String>)>;

/// A settings file that parsed.
#[derive(Debug, Clone)]
pub struct Document {
    root: CstObject,
    node: CstRootNode,
    bom: bool,
}

/// `text` with `patch` applied; the same text where nothing changes.
pub fn edit(text: &str, patch: &Patch) -> Result<String, Fault> {
    let document = Document::parse(text)?;
    for (spot, value) in patch {
        document.put(spot, value.as_deref());
    }
    Ok(document.text())
}

/// `text` as a JSON string.
pub fn quote(text: &str) -> String {
    serde_json::Value::String(text.into()).to_string()
}

impl Document {
    /// Reads the text: an object, without duplicate keys where we look, `env` an object of its own.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let (bom, body) = text.strip_prefix('\u{feff}').map_or((false, text), |body| (true, body));
        let options = ParseOptions {
            allow_comments: true,
            allow_trailing_commas: true,
            allow_loose_object_property_names: false,
            allow_missing_commas: false,
            allow_single_quoted_strings: false,
            allow_hexadecimal_numbers: false,
            allow_unary_plus_numbers: false,
            allow_bare_decimal_point_numbers: false,
            allow_non_finite_numbers: false,
            allow_extended_string_escapes: false,
        };
        let node = CstRootNode::parse(body, &options).map_err(|error| Fault {
            line: error.line_display(),
            column: error.column_display(),
            what: lower_first(&error.kind().to_string()),
        })?;
        let fault = |at: usize, what: &str| {
            let (line, column) = place(body, at);
            Fault { line, column, what: what.into() }
        };
        let start = body.len() - body.trim_start().len();
        let Some(value) = node.value() else {
            return Err(fault(0, "the file is empty; write `{}` into it or remove it"));
        };
        let root = value.as_object().ok_or_else(|| fault(start, "not a JSON object"))?;
        let document = Self { root, node, bom };
        unique(&document.root).map_err(|name| fault(find_key(body, &name), "this entry appears twice"))?;
        if let Some(property) = document.root.get("env") {
            let at = find_key(body, "env");
            let env = property.object_value().ok_or_else(|| fault(at, "`env` is not an object"))?;
            unique(&env).map_err(|name| fault(find_key(body, &name), "this variable appears twice"))?;
        }
        Ok(document)
    }

    /// Fails where the text is more than plain JSON: Claude Code 2.1.329 loads no settings file with a comment or a
    /// trailing comma in it (seen 2026-11-21), nor any other that `JSON.parse` refuses, so whatever were written there
    /// would be without effect.
    pub fn require_plain(&self) -> Result<(), Fault> {
        let body = self.node.to_string();
        let Some((at, what)) = first_extra(&body) else { return Ok(()) };
        let (line, column) = place(&body, at);
        Err(Fault { line, column, what: format!("{what}: Claude Code does not load this file with it") })
    }

    /// The value at `spot` as JSON text, spelled as the file spells it.
    pub fn raw(&self, spot: &Spot) -> Option<String> {
        self.property(spot).and_then(|property| property.value()).map(|value| value.to_string())
    }

    /// Whether a variable holds a credential.
    pub fn holds_key(&self) -> bool {
        ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"]
            .iter()
            .any(|name| self.variable(name).is_some_and(|value| !value.is_empty()))
    }

    /// The text at `spot`, where its value is a string.
    pub fn string(&self, spot: &Spot) -> Option<String> {
        let value = self.property(spot)?.value()?;
        value.as_string_lit()?.decoded_value().ok()
    }

    /// A variable of `env` as Claude Code passes it on: strings as they are, numbers and booleans in their spelling.
    pub fn variable(&self, name: &str) -> Option<String> {
        let spot = Spot::env(name);
        self.string(&spot).or_else(|| match self.property(&spot)?.value()? {
            CstNode::Leaf(leaf) if leaf.to_string() != "null" => Some(leaf.to_string()),
            _ => None,
        })
    }

    /// The names in `env`, in the file's order.
    pub fn variables(&self) -> Vec<String> {
        let env = self.root.object_value("env");
        env.map(|env| env.properties().iter().filter_map(CstObjectProp::decoded_name).collect()).unwrap_or_default()
    }

    /// Whether the file says nothing: an object without entries and without comments.
    pub fn is_blank(&self) -> bool {
        self.root.properties().is_empty() && !self.text().contains('/')
    }

    /// The text as it stands now.
    pub fn text(&self) -> String {
        format!("{}{}", if self.bom { "\u{feff}" } else { "" }, self.node)
    }

    /// Sets or removes one place; a value that is there already is not touched.
    fn put(&self, spot: &Spot, value: Option<&str>) {
        if self.raw(spot).as_deref() == value {
            return;
        }
        let Some(value) = value else {
            if let Some(property) = self.property(spot) {
                property.remove();
            }
            if spot.inner.is_some()
                && let Some(outer) = self.root.get(&spot.top)
                && outer.object_value().is_some_and(|object| object.properties().is_empty())
            {
                outer.remove();
            }
            return;
        };
        // `Number` is written as it is given: the one way to put a value back in its own spelling.
        let input = CstInputValue::Number(value.to_owned());
        let (object, name) = match &spot.inner {
            None => (Some(self.root.clone()), &spot.top),
            Some(inner) => (self.root.object_value_or_create(&spot.top), inner),
        };
        let Some(object) = object else { return };
        match object.get(name) {
            Some(property) => property.set_value(input),
            None => drop(object.append(name, input)),
        }
    }

    fn property(&self, spot: &Spot) -> Option<CstObjectProp> {
        match &spot.inner {
            None => self.root.get(&spot.top),
            Some(inner) => self.root.object_value(&spot.top)?.get(inner),
        }
    }
}

/// Where a text that parsed first leaves plain JSON, and by what.
fn first_extra(body: &str) -> Option<(usize, &'static str)> {
    let mut chars = body.char_indices();
    let mut comma = None;
    while let Some((at, c)) = chars.next() {
        match c {
            '/' => return Some((at, "a comment")),
            '}' | ']' if comma.is_some() => return comma.map(|at| (at, "a trailing comma")),
            ',' => comma = Some(at),
            '"' => {
                comma = None;
                while let Some((start, inside)) = chars.next() {
                    match inside {
                        '\\' => drop(chars.next()),
                        '"' => break,
                        '\0'..='\u{1f}' => return Some((start, "a bare control character in a text")),
                        _ => {}
                    }
                }
            }
            ' ' | '\t' | '\r' | '\n' => {}
            c if c.is_whitespace() || c == '\u{feff}' => return Some((at, "white space that JSON does not know")),
            _ => comma = None,
        }
    }
    None
}

/// The first name that stands twice: JSON readers disagree about which one counts.
fn unique(object: &CstObject) -> Result<(), String> {
    let mut seen = std::collections::BTreeSet::new();
    for name in object.properties().iter().filter_map(CstObjectProp::decoded_name) {
        if !seen.insert(name.clone()) {
            return Err(name);
        }
    }
    Ok(())
}

/// Where the last `"name"` stands, for pointing at it.
fn find_key(body: &str, name: &str) -> usize {
    body.rfind(&quote(name)).unwrap_or(0)
}

fn place(body: &str, at: usize) -> (usize, usize) {
    let before = body.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: &str) -> Patch {
        vec![(Spot::env(name), Some(quote(value)))]
    }

    #[test]
    fn an_edit_touches_nothing_else() {
        let text = "\u{feff}{\r\n    // mine\r\n    \"n\": 12345678901234567890123, \"한\": \"\\u0041\",\r\n    \"env\": {\r\n        \"A\": \"1\" // why\r\n    }\r\n}\r\n";
        let edited = edit(text, &set("B", "x\"y")).unwrap();
        assert_eq!(edited, text.replace("\"1\" // why", "\"1\", // why\r\n        \"B\": \"x\\\"y\""));
        assert_eq!(edit(&edited, &vec![(Spot::env("B"), None)]).unwrap(), text);
    }

    #[test]
    fn nothing_to_change_is_the_same_text() {
        let text = "{\"env\":{\"A\":\"1\"}}";
        assert_eq!(edit(text, &set("A", "1")).unwrap(), text);
        assert_eq!(edit(text, &vec![(Spot::env("B"), None), (Spot::top("c"), None)]).unwrap(), text);
    }

    #[test]
    fn an_env_that_became_empty_goes() {
        assert_eq!(
            edit("{\n  \"a\": 1,\n  \"env\": {\n    \"A\": \"1\"\n  }\n}\n", &vec![(Spot::env("A"), None)]).unwrap(),
            "{\n  \"a\": 1\n}\n"
        );
        assert_eq!(edit("{}\n", &set("A", "1")).unwrap(), "{\n  \"env\": {\n    \"A\": \"1\"\n  }\n}\n");
    }

    #[test]
    fn what_cannot_be_edited_is_refused_by_place() {
        for (text, line, column) in [
            ("", 1, 1),
            ("// only\n", 1, 1),
            ("[1]", 1, 1),
            ("{\n  \"a\": tru\n}", 2, 8),
            ("{\n  \"env\": \"x\"\n}", 2, 3),
            ("{\"a\": 1, \"a\": 2}", 1, 10),
            ("{\"env\": {\"K\": \"SeCrEt\" \"L\": 1}}", 1, 23),
            ("{'a': 1}", 1, 2),
        ] {
            let fault = Document::parse(text).unwrap_err();
            assert_eq!((fault.line, fault.column), (line, column), "{text:?}: {fault}");
            assert!(!fault.to_string().contains("SeCrEt"));
        }
    }

    #[test]
    fn values_are_read_as_claude_code_reads_them() {
        let document =
            Document::parse("{\"env\": {\"A\": \"\\u0041\", \"N\": 3000, \"B\": true, \"X\": null}}").unwrap();
        assert_eq!(document.variable("A").as_deref(), Some("A"));
        assert_eq!(document.variable("N").as_deref(), Some("3000"));
        assert_eq!(document.variable("B").as_deref(), Some("true"));
        assert_eq!(document.variable("X"), None);
        assert_eq!(document.raw(&Spot::env("A")).as_deref(), Some("\"\\u0041\""));
    }
}
