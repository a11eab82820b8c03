//! How backups fail.

use std::path::PathBuf;

use crate::base::disk::DiskError;
use crate::base::failure::{Explain, Kind};
use crate::base::random::NoRandom;

/// Why a backup cannot be made, read or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The disk refused.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// The file is none of ours.
    #[error("{} is no backup of moai", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is of a later moai.
    #[error("{} has the form {found}; this moai reads {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version that is known.
        known: u32,
    },
    /// The passphrase is another one.
    #[error("the passphrase does not open {}, or its first lines are damaged", path.display())]
    Passphrase {
        /// The file.
        path: PathBuf,
    },
    /// Something in it is not as it was written.
    #[error("{} is damaged, cut off or changed: nothing of it is used", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// A file is larger than any that moai keeps.
    #[error("{} is too large for a backup", path.display())]
    Large {
        /// The file.
        path: PathBuf,
    },
    /// The home is not empty.
    #[error("{} is not empty", home.display())]
    NotEmpty {
        /// moai's home.
        home: PathBuf,
    },
    /// There is no backup.
    #[error("there is no backup in {}", dir.display())]
    None {
        /// The directory.
        dir: PathBuf,
    },
}

impl Explain for BackupError {
    fn kind(&self) -> Kind {
        match self {
            Self::Disk(error) => error.kind(),
            _ => Kind::Expected,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Disk(error) => error.hints(),
            Self::Newer { .. } => vec!["update moai, and run the command again".into()],
            Self::Passphrase { .. } => vec!["nothing was changed; try another passphrase".into()],
            Self::Damaged { .. } => vec!["nothing was changed; take another one: `moai backup list`".into()],
            Self::NotEmpty { .. } => vec![
                "what is there is backed up first, and then replaced, with `moai backup restore FILE --force`".into(),
                "or restore beside it: `MOAI_HOME=/another/place moai backup restore FILE`".into(),
            ],
            Self::None { .. } => vec!["make one: `moai backup create`".into()],
            Self::Random(_) | Self::Foreign { .. } | Self::Large { .. } => Vec::new(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Disk(error) => return error.code(),
            Self::Random(_) => "no-random",
            Self::Foreign { .. } => "not-a-backup",
            Self::Newer { .. } => "newer",
            Self::Passphrase { .. } => "wrong-passphrase",
            Self::Damaged { .. } => "damaged",
            Self::Large { .. } => "too-large",
            Self::NotEmpty { .. } => "not-empty",
            Self::None { .. } => "no-backup",
        })
    }
}
