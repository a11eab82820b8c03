//! YAML files of people, edited in place: one value is set or taken out, and not one other byte is touched. Comments,
//! order, quotes, indentation, line ends and a BOM stay.
//!
//! Every edit is proved before it is handed out: the new text is read again by the parser that reads it in earnest,
//! and has to be the old document with that one value changed. What would be more than that (an anchor that is used
//! elsewhere) or cannot be pointed at is refused, with its line. Refusals quote nothing: these files hold keys.

mod scan;
#[cfg(test)]
mod tests;

use serde_yaml::{Mapping, Value};

use scan::{Entry, Lost, Map, Node};

/// Why an edit was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: cannot be edited in place: {why}")]
pub struct Refusal {
    /// The line, from 1.
    pub line: usize,
    /// What is in the way. Nothing of the file is quoted.
    pub why: &'static str,
}

/// Where a value has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The names from the root down.
    pub names: Vec<String>,
    /// The line of the last of them, from 1.
    pub line: usize,
    /// Its column in characters, from 1.
    pub column: usize,
}

/// Reads a document, with or without a BOM; one of nothing but comments is null. Merge keys (`<<`) stay as they are.
pub fn read(text: &str) -> serde_yaml::Result<Value> {
    serde_yaml::from_str(text.strip_prefix(BOM).unwrap_or(text))
}

/// Where the values of the document stand that are no mappings, in their order; nothing where that is not understood.
pub fn places(text: &str) -> Vec<Place> {
    let body = text.strip_prefix(BOM).unwrap_or(text);
    let mut found = Vec::new();
    if let Ok(Node::Map(root)) = scan::root(body) {
        collect(&root, &[], &mut found);
    }
    let (mut at, mut line, mut column) = (0, 1, 1);
    let place = |(names, start): (Vec<String>, usize)| {
        let between = body.get(at..start).unwrap_or_default();
        line += between.matches('\n').count();
        column = match between.rsplit_once('\n') {
            Some((_, tail)) => 1 + tail.chars().count(),
            None => column + between.chars().count(),
        };
        at = start;
        Place { names, line, column }
    };
    found.into_iter().map(place).collect()
}

/// The text with `value`, a text, a number or a switch, at the path of `names`. What is missing of the path is added:
/// a key behind the last one of its mapping.
pub fn set(text: &str, names: &[&str], value: &Value) -> Result<String, Refusal> {
    let sheet = Sheet::of(text)?;
    if names.iter().try_fold(&sheet.value, |group, name| group.get(name)) == Some(value) {
        return Ok(text.to_owned());
    }
    let splice = sheet.setting(names, value)?;
    let mut wanted = sheet.value.clone();
    put(&mut wanted, names, value).ok_or_else(|| sheet.refusal(splice.from, GROUP))?;
    sheet.proved(splice, &wanted)
}

/// The text without what stands at the path of `names`, and without the comment behind it. A group that loses its
/// last entry stays, empty.
pub fn remove(text: &str, names: &[&str]) -> Result<String, Refusal> {
    let sheet = Sheet::of(text)?;
    let (splice, in_braces) = sheet.removal(names)?;
    let mut wanted = sheet.value.clone();
    take(&mut wanted, names, in_braces).ok_or_else(|| sheet.refusal(splice.from, GROUP))?;
    sheet.proved(splice, &wanted)
}

const BOM: char = '\u{feff}';
/// What ends a line for libyaml.
const LINE_ENDS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];
const GROUP: &str = "a value stands where a group of settings belongs";

/// A text and what it says.
struct Sheet<'a> {
    bom: &'a str,
    body: &'a str,
    line_end: &'static str,
    value: Value,
    root: Node,
}

/// Bytes that are replaced.
struct Splice {
    from: usize,
    to: usize,
    new: String,
}

impl<'a> Sheet<'a> {
    fn of(text: &'a str) -> Result<Self, Refusal> {
        let (bom, body) = text.split_at(text.len() - text.strip_prefix(BOM).unwrap_or(text).len());
        let value = read(body).map_err(|error| Refusal {
            line: error.location().map_or(1, |place| place.line()),
            why: "this is not valid YAML",
        })?;
        let root = scan::root(body).map_err(|Lost(at, why)| refusal(body, at, why))?;
        let line_end = if body.contains("\r\n") { "\r\n" } else { "\n" };
        Ok(Self { bom, body, line_end, value, root })
    }

    fn refusal(&self, at: usize, why: &'static str) -> Refusal {
        refusal(self.body, at, why)
    }

    fn setting(&self, names: &[&str], value: &Value) -> Result<Splice, Refusal> {
        let mut node = &self.root;
        // The column of the last key, how much deeper its group stood than the one above, and whether in braces.
        let (mut column, mut step, mut in_braces) = (None, 2, false);
        let mut missing = names;
        while let (Node::Map(map), Some((name, rest))) = (node, missing.split_first()) {
            if !map.flow {
                step = column.map_or(step, |above| map.column.saturating_sub(above));
            }
            (column, in_braces) = (Some(map.column), map.flow);
            match map.entries.iter().find(|entry| entry.key == *name) {
                Some(entry) => (node, missing) = (&entry.value, rest),
                None if map.flow => return Ok(in_front_of_brace(map, missing, value)),
                None => {
                    let end = map.entries.last().map_or(map.start, |entry| entry.end);
                    return Ok(self.lines_below(end, map.column, step, missing, value));
                }
            }
        }
        let at_group = !missing.is_empty();
        match node {
            Node::Empty(_) if at_group && column.is_none() => {
                Ok(self.lines_below(self.body.len(), 0, step, missing, value))
            }
            Node::Empty(at) if at_group && !in_braces => {
                Ok(self.lines_below(*at, column.unwrap_or_default() + step, step, missing, value))
            }
            Node::Empty(at) => Ok(Splice { from: *at, to: *at, new: format!(" {}", flow(missing, value, "")) }),
            Node::Scalar(range) => {
                let old = self.body.get(range.clone()).unwrap_or_default();
                if old.contains(LINE_ENDS) {
                    return Err(self.refusal(range.start, "a text of several lines stands there"));
                }
                if at_group && !is_null(old) {
                    return Err(self.refusal(range.start, GROUP));
                }
                Ok(Splice { from: range.start, to: range.end, new: flow(missing, value, old) })
            }
            Node::Map(map) => Err(self.refusal(map.start, "a group of settings stands there")),
            Node::Other(at, why) => Err(self.refusal(*at, why)),
        }
    }

    /// New lines behind the line that the byte `end` is in.
    fn lines_below(&self, end: usize, column: usize, step: usize, names: &[&str], value: &Value) -> Splice {
        let rest = self.body.get(end..).unwrap_or_default();
        let at = rest.find('\n').map_or(self.body.len(), |newline| end + newline + 1);
        let mut new = String::new();
        if at > 0 && !self.body.get(..at).is_some_and(|before| before.ends_with('\n')) {
            new.push_str(self.line_end);
        }
        for (depth, name) in names.iter().enumerate() {
            new.push_str(&" ".repeat(column + step * depth));
            new.push_str(&plain(name));
            new.push(':');
            if depth + 1 == names.len() {
                new.push(' ');
                new.push_str(&spelled(value, ""));
            }
            new.push_str(self.line_end);
        }
        Splice { from: at, to: at, new }
    }

    /// What takes an entry out, and whether it stands in braces.
    fn removal(&self, names: &[&str]) -> Result<(Splice, bool), Refusal> {
        const ABSENT: &str = "it is not written here; it may come from a merge (`<<`)";
        let mut found: Option<(&Map, usize, &Entry)> = None;
        for name in names {
            let map = match found.map_or(&self.root, |(_, _, entry)| &entry.value) {
                Node::Map(map) => map,
                Node::Other(at, why) => return Err(self.refusal(*at, why)),
                Node::Empty(at) | Node::Scalar(std::ops::Range { start: at, .. }) => {
                    return Err(self.refusal(*at, ABSENT));
                }
            };
            let entry = map.entries.iter().enumerate().find(|(_, entry)| entry.key == *name);
            let (index, entry) = entry.ok_or_else(|| self.refusal(map.start, ABSENT))?;
            found = Some((map, index, entry));
        }
        let (map, index, entry) = found.ok_or_else(|| self.refusal(0, ABSENT))?;
        let (from, to) = if map.flow {
            let before = index.checked_sub(1).and_then(|index| map.entries.get(index));
            match (before, map.entries.get(index + 1)) {
                (_, Some(next)) => (entry.start, next.start),
                (Some(before), None) => (before.end, entry.end),
                (None, None) => (entry.start, entry.end),
            }
        } else {
            let rest = self.body.get(entry.end..).unwrap_or_default();
            let below = rest.find('\n').map_or(self.body.len(), |newline| entry.end + newline + 1);
            (entry.start.saturating_sub(map.column), below)
        };
        Ok((Splice { from, to, new: String::new() }, map.flow))
    }

    /// The new text, once it says `wanted` and no more.
    fn proved(&self, splice: Splice, wanted: &Value) -> Result<String, Refusal> {
        let Splice { from, to, new } = splice;
        let around = self.body.get(..from).zip(self.body.get(to..));
        let edited = around.map(|(before, after)| [self.bom, before, &new, after].concat());
        let edited = edited.filter(|edited| read(edited).is_ok_and(|found| found == *wanted));
        edited.ok_or_else(|| self.refusal(from, "more than this value would change"))
    }
}

fn refusal(body: &str, at: usize, why: &'static str) -> Refusal {
    Refusal { line: body.get(..at).unwrap_or(body).matches('\n').count() + 1, why }
}

fn collect(map: &Map, above: &[String], found: &mut Vec<(Vec<String>, usize)>) {
    for entry in &map.entries {
        let names = [above, std::slice::from_ref(&entry.key)].concat();
        match &entry.value {
            Node::Map(inner) if !inner.entries.is_empty() => collect(inner, &names, found),
            _ => found.push((names, entry.start)),
        }
    }
}

/// One more entry of a mapping in braces.
fn in_front_of_brace(map: &Map, names: &[&str], value: &Value) -> Splice {
    let inner = flow(names, value, "");
    // Without the outer braces: they are there.
    let entry = inner.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(&inner);
    let (at, new) = match map.entries.last() {
        // `a:,` would be a text with a colon in it.
        Some(last @ Entry { value: Node::Empty(_), .. }) => (last.end, format!(" , {entry}")),
        Some(last) => (last.end, format!(", {entry}")),
        None => (map.start, entry.to_owned()),
    };
    Splice { from: at, to: at, new }
}

/// The value below `names`, in braces; the value alone where there are no names.
fn flow(names: &[&str], value: &Value, old: &str) -> String {
    names.iter().rfold(spelled(value, old), |inner, name| format!("{{{}: {inner}}}", plain(name)))
}

fn put(value: &mut Value, names: &[&str], new: &Value) -> Option<()> {
    let mut node = value;
    for name in names {
        if node.is_null() {
            *node = Value::Mapping(Mapping::new());
        }
        node = node.as_mapping_mut()?.entry((*name).into()).or_insert(Value::Null);
    }
    *node = new.clone();
    Some(())
}

fn take(value: &mut Value, names: &[&str], in_braces: bool) -> Option<()> {
    let (name, groups) = names.split_last()?;
    let group = groups.iter().try_fold(value, |group, name| group.get_mut(name))?;
    let map = group.as_mapping_mut()?;
    map.shift_remove(name)?;
    // A block without lines is null.
    if map.is_empty() && !in_braces {
        *group = Value::Null;
    }
    Some(())
}

fn is_null(text: &str) -> bool {
    matches!(text, "~" | "null" | "Null" | "NULL")
}

/// The value in the quotes that the old one had.
fn spelled(value: &Value, old: &str) -> String {
    match value {
        Value::String(text) if old.starts_with('\'') && !text.contains(char::is_control) => {
            format!("'{}'", text.replace('\'', "''"))
        }
        Value::String(text) if old.starts_with('"') => double_quoted(text),
        Value::String(text) => plain(text),
        Value::Bool(on) => on.to_string(),
        Value::Number(number) => number.to_string(),
        // Not a value that can be set; the proof says so.
        _ => String::new(),
    }
}

/// The text without quotes where every YAML reader reads it back as the same, else in double quotes.
fn plain(text: &str) -> String {
    let safe = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./-:~@+".contains(c))
        && !text.ends_with(':')
        && matches!(serde_yaml::from_str(text), Ok(Value::String(read)) if read == text)
        && !matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "y" | "n");
    if safe { text.to_owned() } else { double_quoted(text) }
}

/// Every JSON string is a double-quoted YAML scalar.
fn double_quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}
