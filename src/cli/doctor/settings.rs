//! Claude Code's settings in every checkout: that they parse, that a key in them is private and cannot be committed,
//! and that no key reaches another vendor.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::base::program;
use crate::model::Backend;
use crate::settings::{Committable, Credential, Effective, Layer, Layers, SETTINGS_LOCAL, committable, load_local};
use crate::worktree::Repo;

use super::Patient;
use super::finding::{Finding, Fix};

pub(super) fn examine(patient: &Patient<'_>, findings: &mut Vec<Finding>) {
    for root in checkouts(patient) {
        checkout(patient, &root, findings);
    }
    shell(patient, findings);
}

/// This checkout, the main one and every other, each once.
fn checkouts(patient: &Patient<'_>) -> Vec<PathBuf> {
    let mut roots = vec![patient.project.root.clone()];
    let mut add = |root: PathBuf| {
        if !roots.contains(&root) && root.is_dir() {
            roots.push(root);
        }
    };
    add(patient.project.main.clone());
    if patient.project.git.is_some()
        && let Ok(entries) = Repo::open(patient.world).and_then(|repo| repo.entries())
    {
        entries.into_iter().filter(|entry| !entry.bare).for_each(|entry| add(entry.path));
    }
    roots
}

fn checkout(patient: &Patient<'_>, root: &Path, findings: &mut Vec<Finding>) {
    let path = root.join(SETTINGS_LOCAL);
    let shown = patient.world.tilde(&path);
    match load_local(root) {
        Err(error) => findings.push(Finding::failure("settings", &error.into()).at(&shown)),
        Ok(Some(document)) if document.holds_key() => {
            let before = findings.len();
            findings.extend(loose(&path, &shown));
            findings.extend(exposed(patient, root, &shown));
            if findings.len() == before {
                findings.push(Finding::ok("settings", "a key is in it, private, and git does not take it").at(&shown));
            }
            findings.push(
                Finding::info("settings-helper", "the key itself stands in the settings")
                    .at(&shown)
                    .todo("`moai glm --helper` keeps it off the disk and applies a new key everywhere at once"),
            );
        }
        Ok(_) => {}
    }
    merged(patient, root, findings);
}

fn loose(path: &Path, shown: &str) -> Option<Finding> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        Finding::error("settings-mode", format!("others may read the key in it (mode {mode:o})"))
            .at(shown)
            .todo(format!("`chmod 600 {shown}`"))
            .fix(Fix::Private(path.to_path_buf()))
    })
}

fn exposed(patient: &Patient<'_>, root: &Path, shown: &str) -> Option<Finding> {
    match committable(patient.world, root).ok()? {
        Committable::Tracked => Some(
            Finding::error("settings-tracked", "a key is in a file that is committed")
                .at(shown)
                .todo(format!("`git rm --cached {SETTINGS_LOCAL}`, then make a new key on the vendor's site")),
        ),
        Committable::Untracked => {
            let common = patient.project.git.as_ref()?.common.clone();
            let finding =
                Finding::error("settings-exposed", "a key is in a file that `git add .` would commit").at(shown);
            let exclude = patient.world.tilde(&common.join("info/exclude"));
            Some(finding.todo(format!("`echo /{SETTINGS_LOCAL} >> {exclude}`")).fix(Fix::Exclude(root.to_path_buf())))
        }
        Committable::No | Committable::Unknown => None,
    }
}

/// What Claude Code makes of all layers together.
fn merged(patient: &Patient<'_>, root: &Path, findings: &mut Vec<Finding>) {
    let shown = patient.world.tilde(root);
    let layers = Layers::load(patient.world, root, Some(&patient.project.main));
    for (path, _) in layers.broken.iter().filter(|(path, _)| *path != root.join(SETTINGS_LOCAL)) {
        findings.push(
            Finding::error("settings", "Claude Code cannot read this file and ignores it")
                .at(patient.world.tilde(path))
                .todo("correct it by hand: `moai status` names the line"),
        );
    }
    let effective = layers.effective(patient.glm_url());
    for sentence in &effective.mixed {
        let finding = Finding::error("mixed-vendors", sentence.clone()).at(&shown);
        findings.push(finding.todo("`moai claude` in the main checkout, or start it apart: `moai glm -- claude`"));
    }
    for spot in &effective.overridden {
        findings.push(
            Finding::warn("main-overrides", format!("the main checkout overrides {spot} of this worktree"))
                .at(&shown)
                .todo("take it out of main's settings: `moai claude` there"),
        );
    }
    findings.extend(helper(patient, &effective, &shown));
}

/// A helper that is not there leaves Claude Code without a key.
fn helper(patient: &Patient<'_>, effective: &Effective, shown: &str) -> Option<Finding> {
    let Credential::Helper(command) = &effective.bearer.as_ref()?.value else { return None };
    // moai quotes its own path where it is not on the PATH.
    let program = match command.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next()?,
        None => command.split_whitespace().next()?,
    };
    program::find(patient.world, program).is_none().then(|| {
        Finding::error("helper-missing", format!("the key comes from `{program}`, which is not on the PATH"))
            .at(shown)
            .todo("put it on the PATH, or run `moai glm` again")
    })
}

/// Variables of the shell that decide where Claude Code goes, whatever moai writes.
fn shell(patient: &Patient<'_>, findings: &mut Vec<Finding>) {
    let env = &patient.world.env;
    let layers = Layers::load(patient.world, &patient.project.root, Some(&patient.project.main));
    let effective = layers.effective(patient.glm_url());
    for name in ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"] {
        if env.text(name).is_none() {
            continue;
        }
        // Where it really goes to another vendor, the merge above has said so.
        let leaks = effective.backend != Backend::Claude
            && effective.api_key.as_ref().is_some_and(|key| key.layer == Layer::Process);
        let what = match name {
            "ANTHROPIC_BASE_URL" => "is set in the shell: every checkout without settings of its own goes there",
            _ if leaks => "is set in the shell and goes to the endpoint of this checkout",
            _ => "is set in the shell: Claude Code uses it instead of its own login",
        };
        findings.push(
            Finding::warn("shell-variable", format!("{name} {what}"))
                .at(format!("${name}"))
                .todo(format!("`unset {name}`, and take it out of your shell's files")),
        );
    }
}
