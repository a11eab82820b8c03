//! Keys: there, usable, private, and no forgotten copies.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::base::disk;
use crate::base::secret::Secret;
use crate::keys;
use crate::model::{Mode, ProviderId};
use crate::settings::{Committable, committable_file};

use super::Patient;
use super::finding::{Finding, Fix};

/// Where the Go versions of moai-adk (2.4) left the key in the project.
const STALE: &str = ".moai/.env.glm";

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Vec<Finding>) {
    let known = in_use(patient, findings);
    for name in [".env.glm", "credentials.yaml"] {
        if let Ok(home) = patient.world.moai_home() {
            findings.extend(loose(patient, &home.join(name)));
        }
    }
    let roots = [&patient.project.root, &patient.project.main];
    let linked = patient.project.is_linked();
    for root in roots.into_iter().take(if linked { 2 } else { 1 }) {
        findings.extend(stale(patient, root, known));
    }
}

/// The key in use, and others that are not. Returns whether there is one.
fn in_use(patient: &Patient<'_>, findings: &mut Vec<Finding>) -> bool {
    let world = patient.world;
    let mut used: Option<Secret> = None;
    for held in keys::everywhere(world, ProviderId::Glm, &patient.lookup()) {
        let place = held.source.describe(world);
        match held.key {
            Err(error) if used.is_none() => {
                findings.push(Finding::failure("key", &error.into()).at(place));
                return false;
            }
            Err(_) | Ok(None) => {}
            Ok(Some(key)) => match &used {
                None => {
                    findings.push(Finding::ok("key", format!("GLM key {}", key.fingerprint())).at(place));
                    used = Some(key);
                }
                Some(first) if *first != key => findings.push(
                    Finding::info("key-unused", format!("another GLM key, {}, is not used", key.fingerprint()))
                        .at(place)
                        .todo("see the order: `moai key where glm`"),
                ),
                Some(_) => {}
            },
        }
    }
    if used.is_none() {
        let mode = patient.config.as_ref().map_or(Mode::ClaudeOnly, crate::config::Config::mode);
        let missing = match mode {
            Mode::ClaudeOnly => Finding::info("key", "there is no GLM key; mode claude-only needs none"),
            mode => Finding::error("key", format!("there is no GLM key, and mode {mode} needs one")),
        };
        findings.push(missing.todo("`moai glm <key>`, or `moai glm --stdin < file`"));
    }
    used.is_some()
}

/// A file that holds keys and that others may read.
fn loose(patient: &Patient<'_>, path: &Path) -> Option<Finding> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let shown = patient.world.tilde(path);
        Finding::error("key-mode", format!("others may read the keys in it (mode {mode:o})"))
            .at(&shown)
            .todo(format!("`chmod 600 {shown}`"))
            .fix(Fix::Private(path.to_path_buf()))
    })
}

/// The plaintext copy in the project. It goes only where the key is known from elsewhere.
fn stale(patient: &Patient<'_>, root: &Path, known: bool) -> Option<Finding> {
    let path = root.join(STALE);
    let text = disk::read_text(&path).ok().flatten()?;
    let key = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(_, value)| Secret::new(value.trim().trim_matches(['"', '\''])))
        .next();
    let shown = patient.world.tilde(&path);
    let print = key.map_or_else(|| "no key".to_owned(), |key| format!("key {}", key.fingerprint()));
    let what = format!("an old moai-adk left a plaintext copy in the project ({print}); nothing reads it");
    Some(match (committable_file(patient.world, root, STALE), known) {
        (Ok(Committable::Tracked), _) => Finding::error("stale-key", format!("{what}, and it is committed"))
            .at(&shown)
            .todo(format!("`git rm --cached {STALE}`, then make a new key: this one is in the history")),
        (_, false) => Finding::warn("stale-key", format!("{what}; it may be your only copy"))
            .at(&shown)
            .todo("store the key with `moai glm --stdin`, then run `moai doctor --fix`"),
        (_, true) => Finding::warn("stale-key", what).at(&shown).todo(format!("`rm {shown}`")).fix(Fix::Remove(path)),
    })
}
