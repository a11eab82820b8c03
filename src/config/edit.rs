//! Changing a setting in its file: planned as old and new text, proved, then written in one step. Nothing but the
//! value changes: comments, order, indentation, line ends, BOM and file mode stay. What cannot be done so is refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml_edit::{DocumentMut, Item};

use crate::base::disk::{self, Access, DiskError, Lock};
use crate::base::world::World;
use crate::base::yaml;

use super::error::ConfigError;
use super::keys::{self, Home, Name, Value};
use super::layers::{Entry, Layer, Raw};
use super::{Files, llm_yaml, moai_toml};

const BOM: &str = "\u{feff}";

/// A change of one file, not yet written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file.
    pub path: PathBuf,
    /// Its text, empty where there is no such file.
    pub old: String,
    /// Its text after the change.
    pub new: String,
    private: bool,
}

impl Edit {
    /// Whether anything changes.
    pub fn changes(&self) -> bool {
        self.old != self.new
    }

    /// Writes the new text, unless it is the old one. Returns whether it wrote.
    pub fn write(&self) -> Result<bool, ConfigError> {
        if !self.changes() {
            return Ok(false);
        }
        let access = if self.private && !self.path.exists() { Access::Private } else { Access::Keep };
        disk::replace(&self.path, self.new.as_bytes(), access)?;
        Ok(true)
    }
}

/// Keeps two moai from changing settings at once, for as long as it lives. Where the home cannot hold a lock (there
/// is none, or it is read-only) there is none: a project can be configured all the same.
pub fn lock(world: &World) -> Result<Option<Lock>, ConfigError> {
    let Ok(home) = world.moai_home() else { return Ok(None) };
    match Lock::take(&home.join("config.lock"), Duration::from_secs(10), || {}) {
        Ok(lock) => Ok(Some(lock)),
        Err(DiskError::Locked { path }) => Err(DiskError::Locked { path }.into()),
        Err(_) => Ok(None),
    }
}

/// Plans to set a setting to `value`, or to take it out (`None`), in the project's files or (`user`) in the person's.
pub fn plan(files: &Files, name: &Name, value: Option<&Value>, user: bool) -> Result<Edit, ConfigError> {
    let (layer, path) = target(files, name, user)?;
    let old = disk::read_text(&path)?.unwrap_or_default();
    let new = edited(&path, layer, &old, name, value)?;
    Ok(Edit { path, old, new, private: layer == Layer::User })
}

/// Plans to set several settings at once in the person's own file.
pub fn plan_all<'a>(files: &Files, wishes: impl Iterator<Item = (&'a Name, &'a Value)>) -> Result<Edit, ConfigError> {
    let path = files.user.clone().ok_or(crate::base::world::WorldError::NoHome)?;
    let old = disk::read_text(&path)?.unwrap_or_default();
    let mut new = old.clone();
    for (name, value) in wishes {
        new = edited(&path, Layer::User, &new, name, Some(value))?;
    }
    Ok(Edit { path, old, new, private: true })
}

/// Plans several settings at once, each in the person's files or the project's: one edit for each file.
pub fn plan_each<'a>(
    files: &Files,
    changes: impl IntoIterator<Item = (&'a Name, &'a Value, bool)>,
) -> Result<Vec<Edit>, ConfigError> {
    let mut edits: Vec<Edit> = Vec::new();
    for (name, value, user) in changes {
        let (layer, path) = target(files, name, user)?;
        match edits.iter_mut().find(|edit| edit.path == path) {
            Some(edit) => edit.new = edited(&path, layer, &edit.new, name, Some(value))?,
            None => edits.push(plan(files, name, Some(value), user)?),
        }
    }
    Ok(edits)
}

/// The text of an llm.yaml with a setting set to `value`; `path` names it in errors.
pub fn text_with(path: &Path, text: &str, name: &Name, value: &Value) -> Result<String, ConfigError> {
    edited(path, Layer::LlmYaml, text, name, Some(value))
}

/// The file that a setting is written to.
pub fn target(files: &Files, name: &Name, user: bool) -> Result<(Layer, PathBuf), ConfigError> {
    match name.key.home {
        Home::Checkout => Ok((Layer::Checkout, files.checkout.clone())),
        Home::LlmYaml if !user => Ok((Layer::LlmYaml, files.llm_yaml.clone())),
        Home::Toml if !user => Ok((Layer::Project, files.project.clone())),
        _ => match &files.user {
            Some(path) => Ok((Layer::User, path.clone())),
            None => Err(crate::base::world::WorldError::NoHome.into()),
        },
    }
}

/// No file is made to say what moai would then refuse to read, whoever has made the value.
fn require_fit(name: &Name, value: &Value) -> Result<(), ConfigError> {
    let fits = match value {
        Value::List(items) => name.key.check_items(items),
        other => name.key.check(&other.to_string()),
    };
    fits.map(drop).map_err(|problem| ConfigError::Given { key: name.to_string(), problem })
}

fn edited(path: &Path, layer: Layer, old: &str, name: &Name, value: Option<&Value>) -> Result<String, ConfigError> {
    if let Some(value) = value {
        require_fit(name, value)?;
    }
    let read = |text: &str| match layer {
        Layer::LlmYaml => llm_yaml::entries(path, text),
        _ => moai_toml::entries(path, text),
    };
    let there: Vec<&str> = {
        let entries = read(old)?;
        name.places().into_iter().filter(|place| entries.iter().any(|entry| entry.path == *place)).collect()
    };
    let places = match value {
        // A user's config.toml has one name for everything; llm.yaml may have an older one beside it.
        Some(_) if there.is_empty() => vec![name.as_str()],
        _ => there,
    };
    let mut text = old.to_owned();
    for place in places {
        let wanted = value.map(|value| respelled(name, place, value));
        let before = read(&text)?;
        if before.iter().any(|entry| entry.path == place && Some(&entry.raw) == wanted.as_ref().map(raw).as_ref()) {
            continue;
        }
        let new = change(layer, &text, place, wanted.as_ref()).and_then(|new| match read(&new) {
            Ok(after) if proves(&before, &after, place, wanted.as_ref()) => Ok(new),
            _ => Err(NOT_ALONE),
        });
        text = new.map_err(|(line, why)| ConfigError::Edit {
            path: path.to_path_buf(),
            line,
            key: place.to_owned(),
            why,
        })?;
    }
    Ok(text)
}

fn respelled(name: &Name, place: &str, value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(name.key.spelled(place, text).to_owned()),
        other => other.clone(),
    }
}

fn raw(value: &Value) -> Raw {
    match value {
        Value::List(items) => Raw::List(items.clone()),
        other => Raw::Scalar(other.to_string()),
    }
}

/// Why a change was refused, and its line where that is known.
type Refused = (Option<usize>, &'static str);

const NOT_ALONE: Refused = (None, "more than its value would change");

/// The change itself.
fn change(layer: Layer, text: &str, place: &str, value: Option<&Value>) -> Result<String, Refused> {
    if layer != Layer::LlmYaml {
        return toml_change(text, place, value).ok_or(NOT_ALONE);
    }
    let names = keys::parts(place);
    let edited = match value.map(yaml_value) {
        Some(Some(value)) => yaml::set(text, &names, &value),
        Some(None) => return Err((None, "its value is none that is written there")),
        None => yaml::remove(text, &names),
    };
    edited.map_err(|refusal| (Some(refusal.line), refusal.why))
}

/// `None` for what no setting of a YAML file is.
fn yaml_value(value: &Value) -> Option<serde_yaml::Value> {
    match value {
        Value::Text(text) => Some(text.as_str().into()),
        Value::Switch(on) => Some((*on).into()),
        Value::Number(number) => Some((*number).into()),
        Value::Decimal(_) | Value::List(_) => None,
    }
}

/// A change of TOML that stays local; BOM and line ends are those of the file.
fn toml_change(text: &str, place: &str, value: Option<&Value>) -> Option<String> {
    let (bom, body) = text.strip_prefix(BOM).map_or(("", text), |body| (BOM, body));
    let new = toml_with(body, place, value)?;
    let new = if body.contains("\r\n") { added_lines_end_alike(body, &new) } else { new };
    is_local(body, &new).then(|| format!("{bom}{new}"))
}

/// TOML: the bytes of a value that is there are replaced; else the table gets one more line.
fn toml_with(text: &str, place: &str, value: Option<&Value>) -> Option<String> {
    let parsed = toml_edit::Document::parse(text).ok()?;
    let names = keys::parts(place);
    let found = names.iter().try_fold(parsed.as_item(), |item, name| item.get(name));
    if let (Some(Item::Value(old)), Some(value)) = (found, value) {
        let span = old.span()?;
        let mut new = text.get(..span.start)?.to_owned();
        new.push_str(&toml_value(value).to_string());
        new.push_str(text.get(span.end..)?);
        return Some(new);
    }
    let unix = text.replace("\r\n", "\n");
    let mut document: DocumentMut = unix.parse().ok()?;
    let (name, group) = names.split_last()?;
    let mut table: &mut dyn toml_edit::TableLike = document.as_table_mut();
    for (depth, part) in group.iter().enumerate() {
        let item = match value {
            Some(_) => table.entry(part).or_insert_with(implicit_table),
            None => table.get_mut(part)?,
        };
        if let Item::Table(table) = item {
            // A table that only holds other tables gets a heading once it holds a value.
            table.set_implicit(table.is_implicit() && depth + 1 < group.len());
        }
        table = item.as_table_like_mut()?;
    }
    match value {
        Some(value) => drop(table.insert(name, Item::Value(toml_value(value)))),
        None => drop(table.remove(name)?),
    }
    let new = document.to_string();
    Some(if text.contains("\r\n") { new.replace('\n', "\r\n") } else { new })
}

fn implicit_table() -> Item {
    let mut table = toml_edit::Table::new();
    table.set_implicit(true);
    Item::Table(table)
}

fn toml_value(value: &Value) -> toml_edit::Value {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Switch(on) => (*on).into(),
        Value::Number(number) => i64::try_from(*number).unwrap_or(i64::MAX).into(),
        // `.5` and `5.` are no numbers in TOML; the text stays as it was written where it is one.
        Value::Decimal(text) => text.parse().unwrap_or_else(|_| text.as_str().into()),
        Value::List(items) => items.iter().map(String::as_str).collect::<toml_edit::Array>().into(),
    }
}

/// In a file of CRLF lines, lines that were added end so, too.
fn added_lines_end_alike(old: &str, new: &str) -> String {
    let (start, old_end, new_end) = differing(old, new);
    let Some(middle) = new.get(start..new_end) else { return new.to_owned() };
    let middle = middle.replace("\r\n", "\n").replace('\n', "\r\n");
    let tail = old.get(old_end..).unwrap_or_default();
    format!("{}{middle}{tail}", old.get(..start).unwrap_or_default())
}

/// Where two texts differ: the first byte, and the ends of the differing parts in each.
fn differing(old: &str, new: &str) -> (usize, usize, usize) {
    let mut start = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
    while !old.is_char_boundary(start) || !new.is_char_boundary(start) {
        start -= 1;
    }
    let room = old.len().min(new.len()) - start;
    let mut same = old.bytes().rev().zip(new.bytes().rev()).take(room).take_while(|(a, b)| a == b).count();
    while !old.is_char_boundary(old.len() - same) || !new.is_char_boundary(new.len() - same) {
        same -= 1;
    }
    (start, old.len() - same, new.len() - same)
}

/// Whether the change stays within one line of the old text, or only adds or only takes away.
fn is_local(old: &str, new: &str) -> bool {
    let (start, old_end, new_end) = differing(old, new);
    let gone = old.get(start..old_end).unwrap_or_default();
    start == old_end || start == new_end || (!gone.contains('\n') && !gone.contains('#'))
}

/// Whether `after` says at `place` what was wanted, and everywhere else what `before` said.
fn proves(before: &[Entry], after: &[Entry], place: &str, wanted: Option<&Value>) -> bool {
    // A group that was empty and is filled now, or the other way round, stands in one of the lists alone.
    let above = |path: &str| path == place || place.starts_with(&format!("{path}."));
    let rest = |entries: &[Entry]| -> Vec<(String, Raw)> {
        let others = entries.iter().filter(|entry| !above(&entry.path));
        others.map(|entry| (entry.path.clone(), entry.raw.clone())).collect()
    };
    let says = after.iter().find(|entry| entry.path == place).map(|entry| &entry.raw);
    says == wanted.map(raw).as_ref() && rest(before) == rest(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yaml(old: &str, name: &str, value: &str) -> Result<String, ConfigError> {
        let name = keys::find(name).unwrap();
        edited(Path::new("/p/llm.yaml"), Layer::LlmYaml, old, &name, Some(&name.key.check(value).unwrap()))
    }

    fn toml(old: &str, name: &str, value: &str) -> Result<String, ConfigError> {
        let name = keys::find(name).unwrap();
        edited(Path::new("/p/config.toml"), Layer::Project, old, &name, Some(&name.key.check(value).unwrap()))
    }

    #[test]
    fn only_the_value_changes() {
        for (old, new) in [
            ("llm:\n  mode: claude-only  # why\n", "llm:\n  mode: mashup  # why\n"),
            (
                "# top\r\nllm:\r\n    mode:   'glm-only'   # x\r\n    a: 1\r\n",
                "# top\r\nllm:\r\n    mode:   'mashup'   # x\r\n    a: 1\r\n",
            ),
            ("\u{feff}llm:\n  mode: \"hybrid\"\n", "\u{feff}llm:\n  mode: \"mashup\"\n"),
            ("llm: {mode: glm-only, x: [1, 2]} # flow\n", "llm: {mode: mashup, x: [1, 2]} # flow\n"),
            ("---\nother: |\n  mode: fake\nllm:\n  mode: &m glm-only\n  copy: *m\n", ""),
            ("\"llm\":\n  'mode': claude-only", "\"llm\":\n  'mode': mashup"),
            ("llm:\n  mode:\n  x: 1\n", "llm:\n  mode: mashup\n  x: 1\n"),
            ("llm:\n  mode: # none yet\n", "llm:\n  mode: mashup # none yet\n"),
            ("llm:\n  mode: ~\n", "llm:\n  mode: mashup\n"),
            ("llm:\n  mode: ''\n  team_mode: glm\n", "llm:\n  mode: 'mashup'\n  team_mode: cg\n"),
            ("llm:\n  team_mode: \"\"\n", "llm:\n  team_mode: \"cg\"\n"),
        ] {
            let result = yaml(old, "llm.mode", "mashup");
            if new.is_empty() {
                // The alias would change with its anchor: refused.
                assert!(matches!(result, Err(ConfigError::Edit { .. })), "{result:?}");
            } else {
                assert_eq!(result.unwrap(), new);
            }
        }
    }

    #[test]
    fn a_missing_key_is_added_where_it_belongs() {
        for (old, new) in [
            ("", "llm:\n  mode: mashup\n"),
            ("# only words", "# only words\nllm:\n  mode: mashup\n"),
            ("# only words\r\n", "# only words\r\nllm:\r\n  mode: mashup\r\n"),
            ("other: 1\n", "other: 1\nllm:\n  mode: mashup\n"),
            ("llm:\n", "llm:\n  mode: mashup\n"),
            ("llm: # todo\nother: 1\n", "llm: # todo\n  mode: mashup\nother: 1\n"),
            ("llm:\n    x: 1\nother: 1\n", "llm:\n    x: 1\n    mode: mashup\nother: 1\n"),
            ("llm: {x: 1}\n", "llm: {x: 1, mode: mashup}\n"),
        ] {
            assert_eq!(yaml(old, "llm.mode", "mashup").unwrap(), new, "{old:?}");
        }
        let nested = yaml("llm:\n  mode: mashup\n", "llm.auto_worktree.enabled", "false").unwrap();
        assert_eq!(nested, "llm:\n  mode: mashup\n  auto_worktree:\n    enabled: false\n");
    }

    #[test]
    fn values_that_yaml_would_misread_are_quoted() {
        let quoted = |value: &str| yaml("", "llm.glm.models.opus", value).unwrap().lines().last().unwrap().to_owned();
        assert_eq!(quoted("glm-5.2[1m]"), "      opus: \"glm-5.2[1m]\"");
        assert_eq!(quoted("5.2"), "      opus: \"5.2\"");
        assert_eq!(quoted("glm-4.7"), "      opus: glm-4.7");
    }

    #[test]
    fn taking_a_value_out_leaves_the_rest() {
        let key = keys::find("llm.glm_env_var").unwrap();
        let out = |old: &str| edited(Path::new("/p"), Layer::LlmYaml, old, &key, None).unwrap();
        assert_eq!(out("llm:\n  glm_env_var: X # c\n  mode: mashup # k\n"), "llm:\n  mode: mashup # k\n");
        assert_eq!(out("llm:\n  mode: mashup\n"), "llm:\n  mode: mashup\n");
    }

    #[test]
    fn toml_is_edited_in_place_too() {
        for (old, new) in [
            ("[worktree]\nengine = 'git' # why\n", "[worktree]\nengine = \"auto\" # why\n"),
            ("worktree.engine = \"git\"\r\nx = 1\r\n", "worktree.engine = \"auto\"\r\nx = 1\r\n"),
            ("", "[worktree]\nengine = \"auto\"\n"),
            (
                "# c\nx = 0.10\n\n[worktree]\ntrash_days = 3\n",
                "# c\nx = 0.10\n\n[worktree]\ntrash_days = 3\nengine = \"auto\"\n",
            ),
            ("[worktree]\r\ntrash_days = 3 # d\r\n", "[worktree]\r\ntrash_days = 3 # d\r\nengine = \"auto\"\r\n"),
            ("worktree = { trash_days = 3 }\n", "worktree = { trash_days = 3 , engine = \"auto\" }\n"),
        ] {
            assert_eq!(toml(old, "worktree.engine", "auto").unwrap(), new, "{old:?}");
        }
        let key = keys::find("llm.glm.models.opus").unwrap();
        let user = edited(Path::new("/p"), Layer::User, "", &key, Some(&Value::Text("glm-5".into()))).unwrap();
        assert_eq!(user, "[llm.glm.models]\nopus = \"glm-5\"\n");
    }

    #[test]
    fn no_file_is_made_to_say_what_would_not_be_read() {
        let list = |items: &[&str]| Value::List(items.iter().map(|item| (*item).to_owned()).collect());
        for (name, value) in [
            ("tiers.implement", list(&["glm-4.7", "ollama/x y"])),
            ("kinds.coding", list(&["ollama/\u{1b}x"])),
            ("agents.coder.primary_model", Value::Text("ollama/x y".into())),
            ("serve.port", Value::Number(70_000)),
            ("llm.mode", Value::Text("other".into())),
        ] {
            let key = keys::find(name).unwrap();
            let refused = edited(Path::new("/p"), Layer::User, "", &key, Some(&value));
            assert!(matches!(&refused, Err(ConfigError::Given { key, .. }) if key == name), "{name}: {refused:?}");
        }
    }

    #[test]
    fn what_cannot_be_changed_alone_is_refused() {
        for text in [
            "llm:\n- a\n",
            "llm: x\n",
            "llm:\n  mode: !!str glm\n",
            "llm:\n  mode: >-\n    glm-only\n",
            "a: &a {mode: glm}\nllm: *a\n",
            "%YAML 1.2\n---\n# nothing\n...\n",
        ] {
            let refused = yaml(text, "llm.mode", "mashup");
            assert!(matches!(refused, Err(ConfigError::Edit { .. })), "{text:?}: {refused:?}");
        }
        assert!(matches!(yaml("---\na: 1\n---\nb: 2\n", "llm.mode", "mashup"), Err(ConfigError::Syntax { .. })));
        assert!(matches!(yaml("llm:\n  mode: a\n  mode: b\n", "llm.mode", "mashup"), Err(ConfigError::Syntax { .. })));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

        /// Any file that says a mode, in any dress: changing it and changing it back gives the same bytes.
        #[test]
        fn an_edit_and_its_undo_give_the_same_bytes(
            bom: bool, crlf: bool, last_line_open: bool, indent in 1_usize..6, gap in 1_usize..4,
            quote in proptest::sample::select(vec!["", "\"", "'"]),
            comment in proptest::sample::select(vec!["", " # why", "\t# 한글: \"x\"", "   #"]),
            before in proptest::collection::vec(proptest::sample::select(LINES), 0..4),
            after in proptest::collection::vec(proptest::sample::select(LINES), 0..4),
            mode in proptest::sample::select(vec!["claude-only", "mashup", "glm-only"]),
            other in proptest::sample::select(vec!["claude-only", "mashup", "glm-only"]),
        ) {
            let pad = " ".repeat(indent);
            // A key may stand once; the others only move around.
            let line = |(at, (name, rest)): (usize, (&str, &str))| format!("{pad}{name}{at}{rest}");
            let mut lines = vec!["# top".to_owned(), String::new(), "llm:".to_owned()];
            let numbered = |lines: Vec<(&'static str, &'static str)>, from: usize| {
                lines.into_iter().enumerate().map(move |(at, line)| (at + from, line))
            };
            lines.extend(numbered(before, 0).map(line));
            lines.push(format!("{pad}mode:{}{quote}{mode}{quote}{comment}", " ".repeat(gap)));
            lines.extend(numbered(after, 10).map(line));
            lines.push("other: {a: 1,  b: [x ,y]} # end".to_owned());
            let mut text = lines.join("\n") + if last_line_open { "" } else { "\n" };
            if crlf { text = text.replace('\n', "\r\n"); }
            if bom { text.insert(0, '\u{feff}'); }
            let there = yaml(&text, "llm.mode", other).unwrap();
            proptest::prop_assert_eq!(there.len() + mode.len(), text.len() + other.len());
            proptest::prop_assert_eq!(yaml(&there, "llm.mode", mode).unwrap(), text);
        }
    }

    /// Other people's lines below `llm`: a name that gets a number, and what follows it.
    const LINES: &[(&str, &str)] = &[
        ("# note ", ": mode: fake"),
        ("k", ": 0.10"),
        ("url", ": https://api.z.ai/x#y"),
        ("\"quoted key ", "\": 'it''s'"),
        ("flow", ": {mode: inner, n: [1, 2]}"),
        ("list", ": [ ]"),
        ("한글", ": 값 # 말"),
    ];
}
