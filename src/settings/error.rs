//! What can go wrong with a settings file. No message holds anything of its content.

use std::path::PathBuf;

use super::document::Fault;
use crate::base::disk::DiskError;
use crate::base::failure::{Explain, Kind};
use crate::base::world::WorldError;

/// A settings file or its ledger that cannot be worked with. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file cannot be edited.
    #[error("{}:{}:{}: {}", path.display(), fault.line, fault.column, fault.what)]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where and what.
        fault: Fault,
    },
    /// The ledger is damaged or from a newer moai.
    #[error("cannot read moai's record of this project, {}: {why}", path.display())]
    Ledger {
        /// The ledger.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// `.claude` or the file is a link that leads out of the checkout.
    #[error("{} leads out of the checkout, to {}", path.display(), target.display())]
    Escapes {
        /// The path inside the checkout.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// Something stands where the directory of the settings belongs.
    #[error("{} is {what}, and {} belongs in it", path.display(), super::local::SETTINGS_LOCAL)]
    Blocked {
        /// What stands there.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A file operation.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// No home directory.
    #[error(transparent)]
    World(#[from] WorldError),
}

impl Explain for SettingsError {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid { .. } | Self::Ledger { .. } => Kind::Config,
            Self::Escapes { .. } | Self::Blocked { .. } => Kind::Expected,
            Self::Disk(error) => error.kind(),
            Self::World(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Invalid { path, .. } => {
                vec![format!(
                    "correct {} in an editor and run the same command again; nothing was changed",
                    path.display()
                )]
            }
            Self::Ledger { path, .. } => vec![format!(
                "move {} away; moai then recognises GLM's settings by their host only; nothing was changed",
                path.display()
            )],
            Self::Escapes { path, .. } => {
                vec![format!("make {} a real file in the checkout; nothing was changed", path.display())]
            }
            Self::Blocked { path, what } => vec![if what.contains("link") {
                format!("make the directory that {} leads to, or remove the link; nothing was changed", path.display())
            } else {
                format!("move {} away and run the same command again; nothing was changed", path.display())
            }],
            Self::Disk(error) => error.hints(),
            Self::World(error) => error.hints(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { .. } | Self::Ledger { .. } => Some("invalid-file"),
            Self::Escapes { .. } => Some("escapes"),
            Self::Blocked { .. } => Some("blocked"),
            Self::Disk(error) => error.code(),
            Self::World(error) => error.code(),
        }
    }
}
