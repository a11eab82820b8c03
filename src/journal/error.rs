//! What can be wrong with a journal, and what to do about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::base::disk::DiskError;
use crate::base::failure::{Explain, Kind};
use crate::base::random::NoRandom;

use super::key::Source;

/// A journal that cannot be read or written. Nothing was overwritten in any of these cases.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The key is not the one that the journal was made with.
    #[error("the key from {from} does not open the journal at {}", path.display())]
    WrongKey {
        /// The database.
        path: PathBuf,
        /// Where the key came from.
        from: Source,
    },
    /// The place that holds the key, by the note beside the journal, has none.
    #[error("the journal's key is kept in {source_kept}, and there is none")]
    NoKey {
        /// Where it should be.
        source_kept: Source,
    },
    /// The keyring did not answer, or refused.
    #[error("the keyring did not give the journal's key: {0}")]
    Keyring(String),
    /// A key that is not 64 hexadecimal digits.
    #[error("the journal key from {0} is not 64 hexadecimal digits")]
    BadKey(Source),
    /// Others may read the key file.
    #[error("{} can be read by others (mode {mode:03o})", path.display())]
    OpenKey {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The note beside the journal cannot be read.
    #[error("{} is not the note that moai keeps there (line {line})", path.display())]
    Note {
        /// The note.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// There is a file, and it is not a journal of moai.
    #[error("{} is not a journal of moai", .0.display())]
    Foreign(PathBuf),
    /// The file is damaged.
    #[error("the journal at {} is damaged", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What `SQLite` says.
        source: rusqlite::Error,
    },
    /// A newer moai wrote it.
    #[error("the journal at {} has version {found}; this moai knows up to {known}", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that we know.
        known: u32,
    },
    /// Other processes kept it locked for longer than we wait.
    #[error("the journal at {} is busy", .0.display())]
    Busy(PathBuf),
    /// The disk is full, or the file system is read-only.
    #[error("the journal at {} cannot be written", path.display())]
    Unwritable {
        /// The database.
        path: PathBuf,
        /// What `SQLite` says.
        source: rusqlite::Error,
    },
    /// Anything else that `SQLite` refuses.
    #[error("the journal at {} failed", path.display())]
    Sql {
        /// The database.
        path: PathBuf,
        /// What `SQLite` says.
        source: rusqlite::Error,
    },
    /// A row that does not fit its own form.
    #[error("the journal holds a row that this moai cannot read ({0})")]
    Row(String),
    /// A file beside the database.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// No random bytes for a key.
    #[error(transparent)]
    Random(#[from] NoRandom),
}

impl JournalError {
    /// Sorts what `SQLite` says.
    pub(super) fn sql(path: &Path) -> impl Fn(rusqlite::Error) -> Self + '_ {
        move |source| {
            let path = path.to_path_buf();
            match source.sqlite_error_code() {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged { path, source },
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(path),
                Some(
                    ErrorCode::DiskFull
                    | ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::PermissionDenied,
                ) => Self::Unwritable { path, source },
                _ => Self::Sql { path, source },
            }
        }
    }
}

impl Explain for JournalError {
    fn kind(&self) -> Kind {
        match self {
            Self::WrongKey { .. }
            | Self::NoKey { .. }
            | Self::Keyring(_)
            | Self::BadKey(_)
            | Self::OpenKey { .. }
            | Self::Note { .. } => Kind::Config,
            Self::Sql { .. } | Self::Row(_) => Kind::Bug,
            Self::Disk(error) => error.kind(),
            _ => Kind::Expected,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::WrongKey { path, .. } => vec![
                "give the key that the journal was made with, for example in MOAI_JOURNAL_KEY".into(),
                format!(
                    "or start a new journal: `mv {0} {0}.old`; the old one stays readable with its key",
                    path.display()
                ),
            ],
            Self::NoKey { source_kept: Source::Env } => {
                vec!["set MOAI_JOURNAL_KEY to the 64 hexadecimal digits that the journal was made with".into()]
            }
            Self::NoKey { source_kept } => vec![format!(
                "bring the key back to {source_kept}, or give it in MOAI_JOURNAL_KEY; without it the journal cannot be read"
            )],
            Self::Keyring(_) => {
                vec!["unlock the keyring, or give the key in MOAI_JOURNAL_KEY for this command".into()]
            }
            Self::BadKey(_) => vec!["make one with `openssl rand -hex 32`".into()],
            Self::OpenKey { path, .. } => vec![format!("run `chmod 600 {}`", path.display())],
            Self::Note { path, .. } => vec![format!("remove {} and give the key in MOAI_JOURNAL_KEY", path.display())],
            Self::Foreign(path) => vec![format!("move it away: `mv {0} {0}.old`", path.display())],
            Self::Damaged { path, .. } => vec![
                format!("a copy of it may be in {}", path.with_file_name("backups").display()),
                format!("move it away and go on with a new one: `mv {0} {0}.damaged`", path.display()),
                "until then new rows wait in the spool file beside it".into(),
            ],
            Self::Newer { .. } => vec!["update moai; until then new rows wait in the spool file".into()],
            Self::Busy(_) => vec!["another moai is writing; run the same command again".into()],
            Self::Unwritable { path, .. } => {
                vec![format!(
                    "check the space and the owner: `df -h {0}; ls -ld {0}`",
                    path.parent().unwrap_or(path).display()
                )]
            }
            Self::Disk(error) => error.hints(),
            Self::Sql { .. } | Self::Row(_) | Self::Random(_) => Vec::new(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::WrongKey { .. } => "journal-wrong-key",
            Self::NoKey { .. } | Self::Keyring(_) | Self::BadKey(_) | Self::OpenKey { .. } | Self::Note { .. } => {
                "journal-key"
            }
            Self::Foreign(_) => "journal-foreign",
            Self::Damaged { .. } => "journal-damaged",
            Self::Newer { .. } => "journal-newer",
            Self::Busy(_) => "journal-busy",
            Self::Unwritable { .. } | Self::Disk(_) => "journal-unwritable",
            Self::Sql { .. } | Self::Row(_) | Self::Random(_) => "journal",
        })
    }
}
