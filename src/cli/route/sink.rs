//! Where the answer goes: standard output as it comes, or a file once it is whole.

use std::path::{Path, PathBuf};

use crate::base::disk::{self, Access};
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
        let ours = ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];
        let Some(path) = output.filter(|path| !ours.iter().any(|ours| *path == Path::new(ours))) else {
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
        if std::fs::metadata(&whole).is_ok_and(|there| there.permissions().readonly()) {
            return Err(wrong("is read-only").hint(format!("allow it: `chmod u+w {}`", path.display())));
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

    /// Ends the line that is being written, so that talk does not go on in it.
    pub(super) fn break_line(&mut self, ui: &mut Ui) -> Result<(), Failure> {
        match self {
            Self::Out { line_end: false, .. } => self.put("\n", ui),
            Self::Out { .. } | Self::File { .. } => Ok(()),
        }
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
        let part = PathBuf::from(format!("{}.part", path.display()));
        let stream = disk::is_stream(&path);
        let written = match whole {
            _ if stream => disk::pour(&path, text.as_bytes()),
            true => disk::replace(&path, text.as_bytes(), Access::Keep),
            false => disk::replace(&part, text.as_bytes(), Access::Keep),
        };
        if let Err(error) = written {
            ui.answer_bytes(text.as_bytes())?;
            return Err(
                Failure::from(error).context("the answer is on standard output, because its file cannot be written")
            );
        }
        if !whole && !stream {
            ui.say(clean(&format!("what came of the answer is in {}", part.display())))?;
        }
        Ok(())
    }
}
