//! Which files git would convert on checkout (line endings, `$Id$`, encodings, filters): those are not copied, with
//! the exception of what Git LFS made of an object.
//!
//! The first look is a search for the words in every attributes file that counts; only where one is found is git
//! asked, because only git's own matching of patterns is right.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use git2::{Config, Odb, Oid, Repository};

use super::error::WorktreeError;
use super::facts::Facts;
use super::populate::Content;
use super::repo::Repo;
use super::tree::{Kind, Tree};

/// A word in an attributes file that may change what is written to the checkout. `text` alone does not: without
/// `core.autocrlf` or `core.eol` (then git does the whole work) text is written as it is stored on this system.
const WORDS: [&[u8]; 4] = [b"eol=crlf", b"ident", b"filter", b"working-tree-encoding"];

/// Where a system's attributes may be.
const SYSTEM: [&str; 3] = ["/etc/gitattributes", "/usr/local/etc/gitattributes", "/opt/homebrew/etc/gitattributes"];

/// The attributes that git is asked for.
const ASKED: [&str; 4] = ["filter", "eol", "ident", "working-tree-encoding"];

/// How each item of the tree is to be written; empty when every file is written as it is stored.
pub(super) fn contents(
    repo: &Repo,
    facts: &Facts,
    odb: &Odb<'_>,
    tree: &Tree,
    commit: &str,
) -> Result<Vec<Content>, WorktreeError> {
    if !mentioned(repo, facts, odb, tree)? {
        return Ok(Vec::new());
    }
    ask(repo, tree, commit)
}

/// Whether a clean or process filter is configured and an attributes file of the checkout names one. Git LFS puts its
/// filter into everybody's configuration; it is the attributes that use it.
pub(super) fn has_filters(repo: &Repository, config: &Config) -> bool {
    let drivers = config.entries(Some("^filter\\..*\\.(clean|process)$"));
    if !drivers.is_ok_and(|mut entries| entries.next().is_some()) {
        return false;
    }
    let (Some(root), Ok(index)) = (repo.workdir(), repo.index()) else { return true };
    let inside = index
        .iter()
        .filter(|entry| entry.path.rsplit(|byte| *byte == b'/').next() == Some(b".gitattributes"))
        .map(|entry| root.join(OsStr::from_bytes(&entry.path)));
    // One that was never added counts as well, at the top where it usually is.
    let own = [root.join(".gitattributes"), repo.commondir().join("info/attributes")];
    let named = config.get_path("core.attributesfile").ok();
    let mut files = own.into_iter().chain(named).chain(SYSTEM.map(PathBuf::from)).chain(inside);
    files.any(|path| fs::read(path).is_ok_and(|text| contains(&text, b"filter")))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

fn mentioned(repo: &Repo, facts: &Facts, odb: &Odb<'_>, tree: &Tree) -> Result<bool, WorktreeError> {
    let speaks = |text: &[u8]| WORDS.iter().any(|word| contains(text, word));
    let own = [Some(repo.common_dir().join("info/attributes")), facts.attributes_file.clone()];
    if own
        .into_iter()
        .flatten()
        .chain(SYSTEM.map(PathBuf::from))
        .any(|path| fs::read(path).is_ok_and(|text| speaks(&text)))
    {
        return Ok(true);
    }
    for item in tree.items.iter().filter(|item| item.split().1 == b".gitattributes" && item.kind != Kind::Submodule) {
        let oid = Oid::from_bytes(&item.oid).map_err(WorktreeError::libgit2("read an object name"))?;
        let object = odb.read(oid).map_err(WorktreeError::libgit2("read .gitattributes"))?;
        if speaks(object.data()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Asks git for every file, with the attributes of the commit (not of the checkout that we stand in).
fn ask(repo: &Repo, tree: &Tree, commit: &str) -> Result<Vec<Content>, WorktreeError> {
    let mut input = Vec::new();
    for item in &tree.items {
        input.extend_from_slice(&item.path);
        input.push(0);
    }
    let source = format!("--source={commit}");
    let mut args = vec!["check-attr", source.as_str(), "--stdin", "-z"];
    args.extend(ASKED);
    let dir = repo.main_root().unwrap_or_else(|| repo.common_dir());
    let spoken = super::git::Git::at(repo.world(), dir).feed(&args, Some(&input))?;
    if !spoken.ok() {
        // A git before 2.40 has no --source: it writes the files itself then.
        return Ok(vec![Content::Converted; tree.items.len()]);
    }
    let mut values = spoken.stdout.split(|byte| *byte == 0);
    let contents = tree.items.iter().map(|_| {
        let mut content = Content::Plain;
        for name in ASKED {
            let (_path, _name, value) = (values.next(), values.next(), values.next());
            content = match (name, value) {
                (_, Some(b"unspecified" | b"unset")) | ("eol", Some(b"lf")) => content,
                ("filter", Some(b"lfs")) if content == Content::Plain => Content::Lfs,
                _ => Content::Converted,
            };
        }
        content
    });
    Ok(contents.collect())
}
