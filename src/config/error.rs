//! How configuration fails: the file, the line, what is wrong, and what to run. No message repeats a value that
//! could be a secret.

use std::path::{Path, PathBuf};

use crate::base::disk::DiskError;
use crate::base::failure::{Explain, Kind};
use crate::base::world::WorldError;

use super::keys;
use super::layers::Origin;

/// Why the configuration cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// There is no home or no working directory.
    #[error(transparent)]
    World(#[from] WorldError),
    /// A file does not parse.
    #[error("{}:{line}:{column}: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser says.
        problem: String,
    },
    /// A value is not what its key takes.
    #[error("{origin}: `{key}` {problem}")]
    Value {
        /// The setting.
        key: String,
        /// Where it was set.
        origin: Box<Origin>,
        /// What is wrong, without the value where that might be a secret.
        problem: String,
    },
    /// A value given on the command line is not what its key takes.
    #[error("`{key}` {problem}")]
    Given {
        /// The setting.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// There is no such setting.
    #[error("there is no setting `{0}`")]
    Unknown(String),
    /// glm.json names a variable that nothing sets.
    #[error("{}: `{key}` needs ${{{name}}}, which is not set", path.display())]
    MissingVariable {
        /// The file.
        path: PathBuf,
        /// The key of `env` that needs it.
        key: String,
        /// The variable.
        name: String,
    },
    /// glm.json has something in it that is not what it should be.
    #[error("{}: {problem}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// An edit in place would have touched more than the value.
    #[error("{}: cannot change `{key}` in place: {why}", place(path, *line))]
    Edit {
        /// The file.
        path: PathBuf,
        /// From 1, where it is known.
        line: Option<usize>,
        /// The setting.
        key: String,
        /// What is in the way.
        why: &'static str,
    },
}

impl ConfigError {
    /// A syntax error at a byte offset of `text`.
    pub(super) fn at(path: &Path, text: &str, offset: usize, problem: impl Into<String>) -> Self {
        let (line, column) = line_column(text, offset);
        Self::Syntax { path: path.to_path_buf(), line, column, problem: problem.into() }
    }
}

impl Explain for ConfigError {
    fn kind(&self) -> Kind {
        match self {
            Self::Disk(error) => error.kind(),
            Self::World(error) => error.kind(),
            Self::Given { .. } | Self::Unknown(_) => Kind::Usage,
            _ => Kind::Config,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Disk(error) => error.hints(),
            Self::World(error) => error.hints(),
            Self::Syntax { .. } | Self::Shape { .. } => vec!["correct the file by hand; nothing was changed".into()],
            Self::Value { key, origin, .. } => vec![match origin.as_ref() {
                Origin::Environment { variable } => format!("unset {variable}, or give it another value"),
                _ => format!("correct the file, or see what it takes: `moai config explain {key}`"),
            }],
            Self::Given { key, .. } => vec![format!("see what it takes: `moai config explain {key}`")],
            Self::Unknown(name) => vec![match keys::nearest_name(name) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "all settings: `moai config list`".into(),
            }],
            Self::MissingVariable { name, .. } if keys::is_key_variable(name) => {
                vec!["store the key with `moai glm <key>`".into()]
            }
            Self::MissingVariable { name, .. } => vec![format!("set {name} in your shell and run the command again")],
            Self::Edit { .. } => vec!["change it by hand: `moai config edit`; nothing was changed".into()],
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Disk(error) => error.code(),
            Self::World(error) => error.code(),
            Self::Syntax { .. } | Self::Shape { .. } => Some("invalid-file"),
            Self::Value { .. } | Self::Given { .. } => Some("bad-value"),
            Self::Unknown(_) => Some("unknown-setting"),
            Self::MissingVariable { .. } => Some("missing-variable"),
            Self::Edit { .. } => Some("not-editable"),
        }
    }
}

fn place(path: &Path, line: Option<usize>) -> String {
    line.map_or_else(|| path.display().to_string(), |line| format!("{}:{line}", path.display()))
}

/// Line and column, from 1, of a byte offset; columns count characters.
fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
