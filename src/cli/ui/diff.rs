//! What would change in a file, as a unified diff for people (`--dry-run`). Our own: the files are a page long, and
//! a crate for it is half a megabyte of the program.

use super::paint::{Paint, clean};

/// Kept lines around a change.
const CONTEXT: usize = 3;
/// Above this many pairs of lines, everything between the common ends counts as changed.
const MOST_PAIRS: usize = 4_000_000;

/// A line of the one text, the other, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Kept(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// The unified diff of `old` and `new` under `name`, coloured by `paint`; empty where nothing changes.
pub fn unified(name: &str, old: &str, new: &str, paint: Paint) -> String {
    if old == new {
        return String::new();
    }
    let name = name.trim_start_matches('/');
    let mut out = vec![paint.red(&clean(&format!("--- a/{name}"))), paint.green(&clean(&format!("+++ b/{name}")))];
    let lines = compare(&lines(old), &lines(new));
    let is_change = |line: &Line<'_>| !matches!(line, Line::Kept(_));
    let mut at = 0;
    while let Some(first) = lines.iter().skip(at).position(is_change).map(|found| at + found) {
        let start = first.saturating_sub(CONTEXT).max(at);
        // Changes that fewer than two contexts part share a hunk.
        let mut last = first;
        for (index, line) in lines.iter().enumerate().skip(first) {
            if is_change(line) {
                last = index;
            } else if index - last > 2 * CONTEXT {
                break;
            }
        }
        at = (last + 1 + CONTEXT).min(lines.len());
        hunk(&lines, start, at, paint, &mut out);
    }
    out.join("\n")
}

/// The lines from `start` to `end` with their header.
fn hunk(lines: &[Line<'_>], start: usize, end: usize, paint: Paint, out: &mut Vec<String>) {
    let in_old = |line: &&Line<'_>| !matches!(line, Line::New(_));
    let in_new = |line: &&Line<'_>| !matches!(line, Line::Gone(_));
    let before = || lines.iter().take(start);
    let within = || lines.iter().take(end).skip(start);
    let old = range(before().filter(in_old).count(), within().filter(in_old).count());
    let new = range(before().filter(in_new).count(), within().filter(in_new).count());
    out.push(paint.cyan(&format!("@@ -{old} +{new} @@")));
    for line in within() {
        let (sign, text) = match line {
            Line::Kept(text) => (' ', text),
            Line::Gone(text) => ('-', text),
            Line::New(text) => ('+', text),
        };
        let shown = clean(&format!("{sign}{}", text.trim_end_matches(['\n', '\r'])));
        out.push(match line {
            Line::Kept(_) => shown,
            Line::Gone(_) => paint.red(&shown),
            Line::New(_) => paint.green(&shown),
        });
        if !text.ends_with('\n') {
            out.push("\\ No newline at end of file".into());
        }
    }
}

/// A range of lines as the format has it: `3,2`, `3` for one line, `2,0` for none after the second.
fn range(before: usize, count: usize) -> String {
    match count {
        0 => format!("{before},0"),
        1 => format!("{}", before + 1),
        _ => format!("{},{count}", before + 1),
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Every line of both texts once, in order: the longest common run of lines is kept.
fn compare<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let head = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let middle = |all: &[&'a str]| -> Vec<&'a str> { all.iter().take(all.len() - tail).skip(head).copied().collect() };
    let mut all: Vec<Line<'a>> = old.iter().take(head).copied().map(Line::Kept).collect();
    all.extend(longest(&middle(old), &middle(new)));
    all.extend(old.iter().skip(old.len() - tail).copied().map(Line::Kept));
    all
}

/// The same by the table of the longest common subsequence.
fn longest<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let width = new.len() + 1;
    let replaced = || old.iter().copied().map(Line::Gone).chain(new.iter().copied().map(Line::New)).collect();
    if old.len().saturating_mul(new.len()) > MOST_PAIRS {
        return replaced();
    }
    let mut table = vec![0_u32; (old.len() + 1) * width];
    let cell = |table: &[u32], row: usize, column: usize| table.get(row * width + column).copied().unwrap_or_default();
    for (row, a) in old.iter().enumerate().rev() {
        for (column, b) in new.iter().enumerate().rev() {
            let best = if a == b {
                cell(&table, row + 1, column + 1) + 1
            } else {
                cell(&table, row + 1, column).max(cell(&table, row, column + 1))
            };
            if let Some(place) = table.get_mut(row * width + column) {
                *place = best;
            }
        }
    }
    let mut all = Vec::with_capacity(old.len() + new.len());
    let (mut row, mut column) = (0, 0);
    loop {
        match (old.get(row), new.get(column)) {
            (Some(a), Some(b)) if a == b => {
                all.push(Line::Kept(a));
                (row, column) = (row + 1, column + 1);
            }
            (Some(a), b) if b.is_none() || cell(&table, row + 1, column) >= cell(&table, row, column + 1) => {
                all.push(Line::Gone(a));
                row += 1;
            }
            (_, Some(b)) => {
                all.push(Line::New(b));
                column += 1;
            }
            (Some(_) | None, None) => return all,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(old: &str, new: &str) -> String {
        unified("f", old, new, Paint::new(false, false))
    }

    #[test]
    fn as_diff_writes_it() {
        assert_eq!(plain("", "a\nb\n"), "--- a/f\n+++ b/f\n@@ -0,0 +1,2 @@\n+a\n+b");
        assert_eq!(plain("a\n", "a"), "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file");
        let old = (1..=20).map(|number: u8| number.to_string()).collect::<Vec<_>>().join("\n") + "\n";
        let new = old.replace("2\n3\n", "2\nx\n").replace("15\n", "");
        let said = plain(&old, &new);
        assert_eq!(
            said,
            "--- a/f\n+++ b/f\n@@ -1,6 +1,6 @@\n 1\n 2\n-3\n+x\n 4\n 5\n 6\n@@ -12,7 +12,6 @@\n 12\n 13\n 14\n-15\n 16\n 17\n 18"
        );
    }

    proptest! {
        /// What git makes of the old text with our diff is the new one.
        #[test]
        fn git_can_apply_it(old in "([a-c]\n){0,12}[a-c]?", new in "([a-c]\n){0,12}[a-c]?") {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join("f"), &old).unwrap();
            let diff = plain(&old, &new);
            if diff.is_empty() {
                return Ok(());
            }
            std::fs::write(dir.path().join("p"), diff + "\n").unwrap();
            let mut git = std::process::Command::new("git");
            let output = git.args(["apply", "--unidiff-zero", "p"]).current_dir(dir.path()).output().unwrap();
            prop_assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            prop_assert_eq!(std::fs::read_to_string(dir.path().join("f")).unwrap_or_default(), new);
        }
    }
}
