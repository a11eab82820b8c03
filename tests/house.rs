//! The house test: reads the source and fails where the house is not kept. It proves that imports only go down,
//! that the lower floors are pure, that secrets are exposed only where they must be, that every file says what it
//! is for, and that no file or function outgrows a reader.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, by floor. A room imports only from lower floors; rooms of one floor never import each other.
const FLOORS: &[(u8, &str)] = &[
    (0, "base"),
    (1, "model"),
    (1, "plot"),
    (1, "statistics"),
    (2, "catalog"),
    (3, "wire"),
    (3, "classify"),
    (3, "cost"),
    (3, "alert"),
    (4, "route"),
    (5, "config"),
    (5, "keys"),
    (5, "journal"),
    (5, "log"),
    (5, "backup"),
    (5, "settings"),
    (5, "worktree"),
    (5, "upstream"),
    (6, "exchange"),
    (7, "gateway"),
    (8, "cli"),
];

/// Floors 1 to 4 do no I/O, read no clock and no environment, and are not async.
const IMPURE: &[&str] = &[
    "tokio",
    "reqwest",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "SystemTime",
    "Instant",
    "git2",
    "async fn",
];

/// The rooms that may look at the text of a secret.
const EXPOSERS: &[&str] =
    &["src/base/secret.rs", "src/keys/", "src/journal/key.rs", "src/backup/", "src/upstream/", "src/settings/"];

const LONGEST_FILE: usize = 500;
const LONGEST_FUNCTION: usize = 80;

struct Source {
    path: String,
    room: String,
    /// The lines before `#[cfg(test)]`.
    lines: Vec<String>,
}

fn sources() -> Vec<Source> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    walk(&top.join("src"), &mut paths);
    paths.sort();
    assert!(paths.len() > 10, "the house is empty: is this the right directory?");
    paths
        .iter()
        .map(|path| {
            let relative = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
            let room = relative.split('/').nth(1).unwrap().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(path).unwrap();
            let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").map(str::to_owned).collect();
            Source { path: relative, room, lines }
        })
        .collect()
}

/// The line without comments and string contents, so that prose about `std::fs` is not an import of it.
fn code(line: &str) -> String {
    let mut kept = String::new();
    let mut in_string = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if in_string => {
                chars.next();
            }
            '"' => in_string = !in_string,
            '/' if !in_string && chars.peek() == Some(&'/') => break,
            _ if in_string => {}
            _ => kept.push(c),
        }
    }
    kept
}

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(_, name)| *name == room).map(|(floor, _)| *floor)
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

/// The rooms that a line of code names through `crate::`.
fn rooms_named(code: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for part in code.split("crate::").skip(1) {
        let names = part.strip_prefix('{').map_or_else(|| vec![part], |group| group.split(',').collect());
        for name in names {
            let name: String = name.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            rooms.push(name);
        }
    }
    rooms
}

#[test]
fn imports_only_go_down() {
    let mut problems = Vec::new();
    for source in
        sources().iter().filter(|source| !matches!(source.room.as_str(), "core" | "doors" | "lib" | "main" | "rooms"))
    {
        let Some(here) = floor(&source.room) else {
            problems.push(format!("{}: the room `{}` is on no floor", source.path, source.room));
            continue;
        };
        for (number, line) in source.lines.iter().enumerate() {
            for room in rooms_named(&code(line)).into_iter().filter(|room| *room != source.room) {
                match floor(&room) {
                    Some(there) if there < here => {}
                    Some(_) => problems.push(format!(
                        "{}:{}: `{}` (floor {here}) imports `{room}`, which is not below it",
                        source.path,
                        number + 1,
                        source.room
                    )),
                    None => problems.push(format!(
                        "{}:{}: imports `{room}` from the crate root; name the room it lives in",
                        source.path,
                        number + 1
                    )),
                }
            }
        }
    }
    report(&problems);
}

#[test]
fn the_lower_floors_are_pure() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| floor(&source.room).is_some_and(|floor| (1..=4).contains(&floor))) {
        for (number, line) in source.lines.iter().enumerate() {
            let code = code(line);
            for impure in IMPURE.iter().filter(|impure| code.contains(**impure)) {
                problems.push(format!("{}:{}: `{impure}` on a pure floor", source.path, number + 1));
            }
        }
    }
    report(&problems);
}

#[test]
fn secrets_are_exposed_only_at_the_edges() {
    let mut problems = Vec::new();
    for source in sources().iter().filter(|source| !EXPOSERS.iter().any(|allowed| source.path.starts_with(allowed))) {
        for (number, line) in source.lines.iter().enumerate().filter(|(_, line)| code(line).contains(".expose()")) {
            problems.push(format!("{}:{}: looks at a secret: {}", source.path, number + 1, line.trim()));
        }
    }
    report(&problems);
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent: Vec<String> = sources()
        .iter()
        .filter(|source| !source.lines.first().is_some_and(|line| line.starts_with("//! ")))
        .map(|source| format!("{}: does not open with `//!`", source.path))
        .collect();
    report(&silent);
}

#[test]
fn no_file_outgrows_a_reader() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| source.lines.len() > LONGEST_FILE)
        .map(|source| format!("{}: {} lines, at most {LONGEST_FILE}", source.path, source.lines.len()))
        .collect();
    report(&long);
}

#[test]
fn no_function_outgrows_a_reader() {
    let mut problems = Vec::new();
    for source in sources() {
        let mut open: BTreeMap<usize, (usize, String)> = BTreeMap::new();
        for (number, line) in source.lines.iter().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let code = code(line);
            if let Some(name) = function_name(&code).filter(|_| !code.trim_end().ends_with(';')) {
                open.insert(indent, (number, name));
            }
            if line.trim() == "}"
                && let Some((start, name)) = open.remove(&indent)
                && number - start > LONGEST_FUNCTION
            {
                problems.push(format!("{}:{}: `{name}` is {} lines long", source.path, start + 1, number - start));
            }
        }
    }
    report(&problems);
}

fn function_name(code: &str) -> Option<String> {
    let trimmed = code.trim_start();
    let at = trimmed.find("fn ")?;
    let before = &trimmed[..at];
    let plain = before
        .split_whitespace()
        .all(|word| word.starts_with("pub") || matches!(word, "const" | "async" | "in" | "crate)" | "super)"));
    plain.then(|| trimmed[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

#[test]
fn the_checks_see_what_they_look_for() {
    assert_eq!(rooms_named("use crate::{cli::ui, keys};"), ["cli", "keys"]);
    assert_eq!(rooms_named("let x = crate::keys::find();"), ["keys"]);
    assert_eq!(code(r#"let x = "std::fs"; // std::env"#), "let x = ; ");
    assert_eq!(function_name("    pub(crate) async fn drive(&self) {").as_deref(), Some("drive"));
    assert_eq!(function_name("    let f = other_fn (x);"), None);
}
