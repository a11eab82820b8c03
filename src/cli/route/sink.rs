//! Where the answer goes: standard output as it comes, or a file once it is whole.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::base::disk::{self, Access, DiskError};
use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{Ui, clean};

/// A place for the answer.
pub(super) enum Sink {
    /// Standard output. On a terminal control characters are written out, so that a model cannot drive it; a pipe gets
    /// the bytes as they are.
    Out {
        /// It is a terminal.
        terminal: bool,
        /// What was written last ends a line.
        line_end: bool,
    },
    /// A file, written when the answer is whole.
    File {
        /// Its path.
        path: PathBuf,
        /// The answer so far.
        text: String,
    },
}

impl Sink {
    /// Standard output, or the file of `--output`, which must be possible: an answer costs money.
    pub(super) fn of(output: Option<&Path>, world: &World) -> Result<Self, Failure> {
        let Some(path) = output else {
            return Ok(Self::Out { terminal: world.terminal.stdout, line_end: true });
        };
        let whole = world.cwd()?.join(path);
        let parent = whole.parent().unwrap_or(&whole);
        let wrong = |why: &str| Failure::usage(format!("--output: {} {why}", path.display()));
        if whole.is_dir() {
            return Err(wrong("is a directory"));
        }
        if !parent.is_dir() {
            return Err(wrong("lies in a directory that does not exist")
                .hint(format!("make it: `mkdir -p {}`", parent.display())));
        }
        Ok(Self::File { path: whole, text: String::new() })
    }

    /// Whether it can show an answer while it comes.
    pub(super) fn streams(&self) -> bool {
        matches!(self, Self::Out { .. })
    }

    /// Adds a piece of the answer.
    pub(super) fn put(&mut self, piece: &str, ui: &mut Ui) -> Result<(), Failure> {
        match self {
            Self::Out { terminal, line_end } => {
                if !piece.is_empty() {
                    *line_end = piece.ends_with('\n');
                }
                if *terminal { ui.answer_bytes(clean(piece).as_bytes()) } else { ui.answer_bytes(piece.as_bytes()) }
            }
            Self::File { text, .. } => {
                text.push_str(piece);
                Ok(())
            }
        }
    }

    /// Adds a line.
    pub(super) fn line(&mut self, line: &str, ui: &mut Ui) -> Result<(), Failure> {
        self.put(line, ui)?;
        self.put("\n", ui)
    }

    /// Ends the answer. The file is written if it is `whole`; a part goes into a file beside it. Where neither can be
    /// written, the answer is put out, for it must not be lost.
    pub(super) fn close(self, whole: bool, ui: &mut Ui) -> Result<(), Failure> {
        let (path, mut text) = match self {
            Self::Out { line_end: true, .. } => return Ok(()),
            Self::Out { line_end: false, .. } => return ui.answer_bytes(b"\n"),
            Self::File { text, .. } if text.is_empty() => return Ok(()),
            Self::File { path, text } => (path, text),
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        if is_special(&path) {
            let written = std::fs::OpenOptions::new()
                .write(true)
                .open(&path)
                .and_then(|mut file| file.write_all(text.as_bytes()));
            return written.map_err(|error| DiskError::io("write", &path)(error).into());
        }
        let part = PathBuf::from(format!("{}.part", path.display()));
        let target = if whole { &path } else { &part };
        if let Err(error) = disk::replace(target, text.as_bytes(), Access::Keep) {
            ui.answer_bytes(text.as_bytes())?;
            return Err(
                Failure::from(error).context("the answer is on standard output, because its file cannot be written")
            );
        }
        if !whole {
            ui.say(clean(&format!("what came of the answer is in {}", part.display())))?;
        }
        Ok(())
    }
}

/// A device or a pipe: it is written to as it is, for a file in its place would be no output at all.
fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| !meta.is_file())
}
