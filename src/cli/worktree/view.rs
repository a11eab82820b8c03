//! A worktree as people and programs see it: the JSON object and the row of the table.

use std::path::Path;

use serde::Serialize;

use crate::base::world::World;
use crate::cli::ui::{Column, Style, Table};
use crate::worktree::{Entry, Resident, State};

use super::which::ago;

/// One worktree in JSON. The first six fields are those of moai-adk's registry, under its names. A field that does
/// not apply is left out; one that could not be found out is null. `docs/schema/worktree-list.json` describes it.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the fields of the answer")]
pub(super) struct Row {
    spec_id: String,
    path: String,
    branch: Option<String>,
    created_at: Option<String>,
    last_accessed: Option<String>,
    status: &'static str,
    id: Option<String>,
    main: bool,
    current: bool,
    bare: bool,
    detached: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    locked: Option<Reason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prunable: Option<Reason>,
    head: Option<Head>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'static str>,
    changes: Option<Changes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Distance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream: Option<Distance>,
    backend: Option<Backend>,
    processes: Vec<Process>,
}

#[derive(Debug, Serialize)]
struct Reason {
    reason: String,
}

#[derive(Debug, Serialize)]
struct Head {
    sha: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
}

#[derive(Debug, Serialize)]
struct Changes {
    staged: usize,
    modified: usize,
    untracked: usize,
    conflicted: usize,
    files: Vec<Changed>,
}

#[derive(Debug, Serialize)]
struct Changed {
    change: &'static str,
    path: String,
}

#[derive(Debug, Serialize)]
struct Distance {
    name: String,
    ahead: usize,
    behind: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    integrated: Option<&'static str>,
}

/// Who answers in a worktree: as its own files say, and as the client will really do.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Backend {
    /// What the worktree's own settings say.
    pub(super) configured: &'static str,
    /// What Claude Code does, with the main checkout's settings above.
    pub(super) effective: &'static str,
    /// What is wrong about that, one sentence each; empty where nothing is.
    pub(super) conflict: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Process {
    pid: u32,
    name: String,
}

/// What is known of one worktree, gathered.
pub(super) struct Seen<'a> {
    pub(super) entry: &'a Entry,
    pub(super) state: &'a State,
    pub(super) backend: Option<Backend>,
    pub(super) residents: Vec<Resident>,
    pub(super) current: bool,
    pub(super) created_at: Option<String>,
    pub(super) last_accessed: Option<String>,
}

impl Seen<'_> {
    /// The JSON object.
    pub(super) fn row(&self) -> Row {
        let (entry, state) = (self.entry, self.state);
        let reason = |reason: &Option<String>| reason.clone().map(|reason| Reason { reason });
        Row {
            spec_id: entry.name(),
            path: entry.path.display().to_string(),
            branch: entry.branch.clone(),
            created_at: self.created_at.clone(),
            last_accessed: self.last_accessed.clone().or_else(|| state.active.map(|time| time.to_string())),
            status: self.status(),
            id: entry.id.clone(),
            main: entry.main,
            current: self.current,
            bare: entry.bare,
            detached: entry.branch.is_none(),
            locked: reason(&entry.locked),
            prunable: reason(&entry.prunable),
            head: entry.head.clone().map(|sha| {
                let commit = state.commit.as_ref();
                Head {
                    sha,
                    subject: commit.map(|commit| commit.subject.clone()),
                    time: commit.map(|commit| commit.time.to_string()),
                }
            }),
            operation: state.operation.map(crate::worktree::Operation::as_str),
            changes: state.changes.as_ref().map(changes),
            trouble: state.trouble.clone(),
            base: state.base.as_ref().map(|base| Distance {
                integrated: state.integrated.map(crate::worktree::Integrated::as_str),
                ..distance(base)
            }),
            upstream: state.upstream.as_ref().map(distance),
            backend: self.backend.clone(),
            processes: self
                .residents
                .iter()
                .map(|resident| Process { pid: resident.pid, name: resident.name.clone() })
                .collect(),
        }
    }

    /// moai-adk's three words.
    fn status(&self) -> &'static str {
        if self.entry.prunable.is_some() {
            "stale"
        } else if !self.entry.main && self.is_merged() {
            "merged"
        } else {
            "active"
        }
    }

    /// Its work is in the base, and it had some: a branch that never had a commit is new, not merged.
    fn is_merged(&self) -> bool {
        self.state.moved && self.state.integrated.is_some()
    }

    /// The words of the state column, the most urgent first, and its style.
    fn state_words(&self) -> (String, Style) {
        let mut words = Vec::new();
        let mut style = Style::Dim;
        if self.entry.bare {
            return ("bare".into(), Style::Dim);
        }
        if self.entry.prunable.is_some() {
            words.push("missing".to_owned());
            style = Style::Red;
        }
        if let Some(operation) = self.state.operation {
            words.push(operation.as_str().to_owned());
            style = Style::Red;
        }
        if self.entry.locked.is_some() {
            words.push("locked".to_owned());
        }
        if self.entry.branch.is_none() && self.state.operation.is_none() {
            words.push("detached".to_owned());
        }
        if self.state.changes.is_none() && self.entry.prunable.is_none() {
            words.push("unreadable".to_owned());
            style = Style::Red;
        }
        if let Some(resident) = self.residents.first() {
            words.push(format!("in use: {}", resident.name));
            style = if style == Style::Dim { Style::Yellow } else { style };
        }
        if !self.entry.main && words.is_empty() && self.state.is_clean() && self.is_merged() {
            words.push("merged".to_owned());
            style = Style::Green;
        }
        if words.is_empty() {
            words.push(if self.state.is_clean() { "clean" } else { "changed" }.to_owned());
        }
        (words.join(", "), style)
    }
}

fn changes(changes: &crate::worktree::Changes) -> Changes {
    Changes {
        staged: changes.staged,
        modified: changes.modified,
        untracked: changes.untracked,
        conflicted: changes.conflicted,
        files: changes
            .first
            .iter()
            .map(|(change, path)| Changed { change: change.as_str(), path: path.display().to_string() })
            .collect(),
    }
}

fn distance(distance: &crate::worktree::Distance) -> Distance {
    Distance { name: distance.name.clone(), ahead: distance.ahead, behind: distance.behind, integrated: None }
}

/// The table of all worktrees.
pub(super) fn table(world: &World, seen: &[Seen<'_>]) -> Table {
    let upstreams = seen.iter().any(|one| one.state.upstream.is_some());
    let mut columns = vec![
        Column::fixed(" "),
        Column::fixed("SPEC"),
        Column::shrinking("branch"),
        Column::fixed("backend"),
        Column::fixed("changes"),
        Column::fixed("base"),
    ];
    if upstreams {
        columns.push(Column::fixed("remote"));
    }
    columns.extend([Column::fixed("state"), Column::fixed("age").spare(), Column::shrinking("path").spare()]);
    let mut table = Table::new(columns);
    for one in seen {
        table.row(cells(world, one, upstreams));
    }
    table
}

fn cells(world: &World, one: &Seen<'_>, upstreams: bool) -> Vec<(String, Style)> {
    let (entry, state) = (one.entry, one.state);
    let marker = match (one.current, entry.main) {
        (true, _) => "@",
        (_, true) => "^",
        _ => "+",
    };
    let branch = entry.branch.clone().unwrap_or_else(|| {
        entry.head.as_deref().map_or_else(String::new, |head| format!("({})", head.get(..7).unwrap_or(head)))
    });
    let signs = state.changes.as_ref().map(crate::worktree::Changes::signs).unwrap_or_default();
    let style =
        if state.changes.as_ref().is_some_and(|changes| changes.conflicted > 0) { Style::Red } else { Style::Yellow };
    let active = state.active.into_iter().chain(state.commit.as_ref().map(|commit| commit.time)).max();
    let mut cells = vec![
        (marker.to_owned(), Style::Dim),
        (entry.name(), Style::Bold),
        (branch, Style::Plain),
        backend_cell(one.backend.as_ref()),
        (signs, style),
        (arrows(state.base.as_ref(), '↑', '↓'), Style::Plain),
    ];
    if upstreams {
        cells.push((arrows(state.upstream.as_ref(), '⇡', '⇣'), Style::Plain));
    }
    cells.push(one.state_words());
    cells.push((active.map(|time| ago(world.now(), time)).unwrap_or_default(), Style::Dim));
    cells.push((shown(world, &entry.path), Style::Dim));
    cells
}

fn backend_cell(backend: Option<&Backend>) -> (String, Style) {
    match backend {
        None => ("?".into(), Style::Dim),
        Some(backend) if !backend.conflict.is_empty() => (format!("{}!", backend.effective), Style::Red),
        Some(backend) if backend.effective == "glm" => (backend.effective.into(), Style::Green),
        Some(backend) => (backend.effective.into(), Style::Plain),
    }
}

fn arrows(distance: Option<&crate::worktree::Distance>, up: char, down: char) -> String {
    let Some(distance) = distance else { return String::new() };
    let part = |sign: char, count: usize| if count == 0 { String::new() } else { format!("{sign}{count}") };
    [part(up, distance.ahead), part(down, distance.behind)]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// A path for people.
pub(super) fn shown(world: &World, path: &Path) -> String {
    world.tilde(path)
}
