//! What would change in a file, as a unified diff for people (`--dry-run`).

use similar::TextDiff;

use super::paint::{Paint, clean};

/// The unified diff of `old` and `new` under `name`, coloured by `paint`; empty where nothing changes.
pub fn unified(name: &str, old: &str, new: &str, paint: Paint) -> String {
    if old == new {
        return String::new();
    }
    let name = name.trim_start_matches('/');
    let diff = TextDiff::from_lines(old, new);
    let text = diff.unified_diff().context_radius(3).header(&format!("a/{name}"), &format!("b/{name}")).to_string();
    text.lines()
        .map(|line| {
            let line = clean(line);
            match line.as_bytes().first() {
                Some(b'+') => paint.green(&line),
                Some(b'-') => paint.red(&line),
                Some(b'@') => paint.cyan(&line),
                _ => line,
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}
