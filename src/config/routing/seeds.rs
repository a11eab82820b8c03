//! The files of seed 003 where they lie: `agent_model.yaml` and `task_model_mapping.yaml`, below `config/` or
//! `.moai/config/`. They are other programs' files, too: read, never written, and what moai does not know is theirs.

use std::path::{Path, PathBuf};

use crate::base::disk;
use crate::config::Project;
use crate::config::error::ConfigError;
use crate::config::keys::{nearest, parts};
use crate::config::layers::{Entry, Layer, Source};
use crate::config::llm_yaml;
use crate::config::moai_toml::join;

/// Where the files may be, below the project, the weaker place first.
const PLACES: [&str; 2] = ["config", ".moai/config"];
const AGENTS: &str = "agent_model.yaml";
const TASKS: &str = "task_model_mapping.yaml";
const FIELDS: [&str; 3] = ["primary_model", "fallback_model", "model_selection_strategy"];

/// The files that are there as sources, and what is odd about them.
pub(super) fn read(project: &Project) -> Result<(Vec<Source>, Vec<String>), ConfigError> {
    let mut sources = Vec::new();
    let mut warnings = Vec::new();
    for place in PLACES {
        for (file, convert) in [(AGENTS, agents as Convert), (TASKS, tasks)] {
            let path = project.file(&format!("{place}/{file}"));
            let Some(text) = disk::read_text(&path)? else { continue };
            let mut entries = Vec::new();
            for entry in llm_yaml::entries(&path, &text)? {
                match convert(&parts(&entry.path)) {
                    Meaning::Setting(name) => entries.push(Entry { path: name, ..entry }),
                    Meaning::Strange => {}
                    Meaning::Near(wrong, near) => warnings.push(odd(&path, &entry, &wrong, near)),
                }
            }
            sources.push(Source { layer: Layer::Seed, path, entries });
        }
    }
    Ok((sources, warnings))
}

/// The paths of the files, whether they exist or not.
pub(super) fn paths(project: &Project) -> Vec<PathBuf> {
    let files = PLACES.iter().flat_map(|place| [AGENTS, TASKS].map(|file| format!("{place}/{file}")));
    files.map(|file| project.file(&file)).collect()
}

type Convert = fn(&[&str]) -> Meaning;

/// What a place of such a file is to moai.
pub(in crate::config) enum Meaning {
    /// This setting.
    Setting(String),
    /// Nothing.
    Strange,
    /// Nothing, but the name looks like the other.
    Near(String, &'static str),
}

fn setting(names: &[&str]) -> Meaning {
    Meaning::Setting(names.iter().fold(String::new(), |prefix, name| join(&prefix, name)))
}

pub(in crate::config) fn agents(path: &[&str]) -> Meaning {
    let path = path.strip_prefix(&["agents"]).unwrap_or(path);
    let [agent, field] = path else { return Meaning::Strange };
    if FIELDS.contains(field) {
        return setting(&["agents", agent, field]);
    }
    let near = nearest(field, FIELDS.into_iter()).and_then(|near| FIELDS.into_iter().find(|field| *field == near));
    near.map_or(Meaning::Strange, |near| Meaning::Near((*field).to_owned(), near))
}

pub(in crate::config) fn tasks(path: &[&str]) -> Meaning {
    match path {
        ["task_mappings" | "tasks", task] => setting(&["tasks", task, "default"]),
        ["task_mappings" | "tasks", task, context] => setting(&["tasks", task, context]),
        [top, ..] if nearest(top, ["task_mappings"].into_iter()).is_some() && *top != "task_mappings" => {
            Meaning::Near((*top).to_owned(), "task_mappings")
        }
        _ => Meaning::Strange,
    }
}

fn odd(path: &Path, entry: &Entry, wrong: &str, near: &str) -> String {
    let place = entry.at.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default();
    format!("{}{place}: `{wrong}` is not used; did you mean `{near}`?", path.display())
}
