//! The names in a text that must not get lost: SPEC ids and files.

use crate::model::SpecId;

/// File names without an ending that are files all the same.
const BARE: [&str; 5] = ["Dockerfile", "Makefile", "Justfile", "Containerfile", "Procfile"];

/// Endings that make a word without a slash a file.
const ENDINGS: &str = " rs py pyi ts tsx mts js jsx mjs cjs go java kt kts c h cc cpp hpp cs rb php swift scala ex exs \
    erl hs ml lua dart zig vue svelte html css scss sass less sql sh bash zsh fish ps1 md mdx rst adoc txt toml yaml \
    yml json jsonl jsonc xml csv ini cfg conf env lock proto graphql tf hcl gradle ipynb r jl feature ";

/// The SPEC ids in `text`, in order, repeated ones too: `SPEC-` and what follows, or `spec-` with a digit in it.
pub(super) fn spec_ids(text: &str) -> impl Iterator<Item = &str> {
    words(text, |c| c.is_ascii_alphanumeric() || c == '-').filter_map(|word| {
        let start = word.char_indices().map(|(at, _)| at).find(|at| {
            let head = word.get(*at..at + 5).unwrap_or_default();
            let fresh = *at == 0 || word.as_bytes().get(at - 1) == Some(&b'-');
            fresh && head.eq_ignore_ascii_case("spec-")
        })?;
        let id = word.get(start..)?.trim_end_matches('-');
        let meant = id.starts_with("SPEC-") || id.contains(|c: char| c.is_ascii_digit());
        (meant && id.parse::<SpecId>().is_ok()).then_some(id)
    })
}

/// The files that `text` names, in order, repeated ones too; no URLs.
pub(super) fn files(text: &str) -> impl Iterator<Item = &str> {
    words(text, |c| c.is_ascii_alphanumeric() || "_./-@+~:".contains(c)).filter_map(file)
}

fn file(word: &str) -> Option<&str> {
    if word.contains("://") {
        return None;
    }
    // `src/main.rs:12:5` and `main.py:` name the file before the colon.
    let word = word.split(':').find(|part| !part.is_empty())?.trim_end_matches(['.', '-', '/', '+', '@']);
    let name = word.rsplit('/').next()?;
    if BARE.contains(&name) {
        return Some(word);
    }
    let (stem, ending) = name.rsplit_once('.')?;
    let letters = ending.starts_with(|c: char| c.is_ascii_alphabetic()) && ending.len() <= 8;
    let known = ENDINGS.contains(&format!(" {} ", ending.to_ascii_lowercase()));
    let named = !stem.is_empty() && letters && !ending.contains(|c: char| !c.is_ascii_alphanumeric());
    (named && (known || word.contains('/'))).then_some(word)
}

/// The longest runs of characters of which `inside` holds.
fn words(text: &str, inside: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    text.split(move |c| !inside(c)).filter(|word| !word.is_empty())
}

/// Each once, the last named first.
pub(super) fn newest_first<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let all: Vec<&str> = names.collect();
    let mut seen = std::collections::HashSet::new();
    all.into_iter().rev().filter(|name| seen.insert(*name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_ids_are_found_in_any_surroundings() {
        let text = "SPEC-AUTH-001을 (SPEC-2), feature/SPEC-X; spec-7. feature-SPEC-9 spec-driven specs SPEC-";
        assert_eq!(spec_ids(text).collect::<Vec<_>>(), ["SPEC-AUTH-001", "SPEC-2", "SPEC-X", "spec-7", "SPEC-9"]);
    }

    #[test]
    fn files_are_found_and_other_words_are_not() {
        let text = "`src/auth/token.rs:12`를 고치고 main.py, https://a.b/c.html, e.g. v1.2 and/or api.v2 Dockerfile \
            docs/설계.md a/b/c .env.local ./x.toml";
        assert_eq!(
            files(text).collect::<Vec<_>>(),
            ["src/auth/token.rs", "main.py", "Dockerfile", "./x.toml"],
            "names are ASCII; what is not sure is left"
        );
    }

    #[test]
    fn the_newest_comes_first_and_once() {
        assert_eq!(newest_first(["a", "b", "a", "c"].into_iter()), ["c", "a", "b"]);
    }
}
