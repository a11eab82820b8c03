//! What is asked: the words of the command line, a file, standard input; or the lines of a batch.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use serde_json::Value;

use crate::base::failure::Failure;
use crate::base::interrupt::Interrupt;
use crate::base::world::World;

use super::Args;

/// The longest prompt, in bytes: more than any model reads.
const MOST: u64 = 16 << 20;

/// What is asked.
pub(super) enum Input {
    /// One prompt.
    One(String),
    /// Many.
    Batch(Lines),
}

impl Input {
    /// Reads a single prompt; opens a batch.
    pub(super) fn of(args: &Args, world: &World) -> Result<Self, Failure> {
        if let Some(path) = &args.batch {
            return Lines::open(path, world).map(Self::Batch);
        }
        let mut parts =
            vec![args.words.iter().filter(|word| *word != "-").map(String::as_str).collect::<Vec<_>>().join(" ")];
        if args.words.iter().any(|word| word == "-") || args.file.as_deref() == Some(Path::new("-")) {
            parts.push(text(io::stdin().lock(), "standard input")?);
        }
        if let Some(path) = args.file.as_deref().filter(|path| *path != Path::new("-")) {
            parts.push(text(open(path, world)?, &path.display().to_string())?);
        }
        if args.words.is_empty() && args.file.is_none() {
            if world.terminal.stdin {
                return Err(Failure::usage("what should be asked?")
                    .hint("give the prompt: `moai route \"API 설계해줘\"`, or `moai route -f FILE`"));
            }
            parts.push(text(io::stdin().lock(), "standard input")?);
        }
        parts.retain(|part| !part.is_empty());
        Ok(Self::One(parts.join("\n\n")))
    }
}

fn open(path: &Path, world: &World) -> Result<File, Failure> {
    let whole = world.cwd()?.join(path);
    let wrong = |why: &str| {
        Failure::usage(format!("cannot read {}: {why}", path.display()))
            .hint("check the path, or give the prompt as an argument")
    };
    if whole.is_dir() {
        return Err(wrong("it is a directory"));
    }
    File::open(&whole).map_err(|error| wrong(&error.to_string()))
}

/// All of `from`, without a byte order mark and without line ends at its end.
fn text(from: impl Read, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    from.take(MOST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
    if bytes.len() as u64 > MOST {
        return Err(Failure::usage(format!("{name} is longer than {} MiB", MOST >> 20)).with_code("too-long"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Failure::usage(format!("{name} is not UTF-8 text (byte {at})")).hint("convert it to UTF-8")
    })?;
    Ok(text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']).to_owned())
}

/// A line of a batch: its prompt, and what it is called.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// Its number in the input, from 1.
    pub(super) number: u64,
    /// `id`, as it came; `None` of a plain line.
    pub(super) id: Option<Value>,
    /// The prompt, or what is wrong with the line.
    pub(super) text: Result<String, String>,
}

/// The lines of a batch, read as they are needed.
pub(super) struct Lines {
    from: Box<dyn BufRead>,
    number: u64,
    interrupt: Interrupt,
}

/// Something to read from that may come slowly: Ctrl-C ends the wait for it.
struct Patient<R> {
    from: R,
    bell: Option<UnixStream>,
}

impl<R: Read + AsFd> Read for Patient<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(bell) = &self.bell {
            let mut two = [PollFd::new(&self.from, PollFlags::IN), PollFd::new(bell, PollFlags::IN)];
            // A signal interrupts the wait; by then the bell has rung.
            while poll(&mut two, None) == Err(rustix::io::Errno::INTR) {}
            if two.last().is_some_and(|bell| bell.revents().contains(PollFlags::IN)) {
                return Err(io::Error::other("stopped"));
            }
        }
        self.from.read(buffer)
    }
}

impl Lines {
    fn open(path: &Path, world: &World) -> Result<Self, Failure> {
        let interrupt = world.interrupt.clone();
        interrupt.listen();
        let bell = interrupt.bell().ok();
        let from: Box<dyn BufRead> = if path == Path::new("-") {
            // What standard input keeps in its own buffer could not be waited for.
            let stdin = io::stdin().as_fd().try_clone_to_owned();
            let from = stdin.map_err(|error| Failure::usage(format!("cannot read standard input: {error}")))?;
            Box::new(BufReader::new(Patient { from: File::from(from), bell }))
        } else {
            Box::new(BufReader::new(Patient { from: open(path, world)?, bell }))
        };
        Ok(Self { from, number: 0, interrupt })
    }

    /// That the batch cannot be read, or that the wait for it was stopped.
    fn failure(&self, error: &io::Error) -> Failure {
        let stopped = self.interrupt.check().err().map(Failure::from);
        stopped.unwrap_or_else(|| Failure::expected(format!("cannot read the batch: {error}")))
    }

    /// The next line that is not blank; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Line>, Failure> {
        loop {
            let mut bytes = Vec::new();
            let read = self.from.by_ref().take(MOST + 1).read_until(b'\n', &mut bytes);
            if read.map_err(|error| self.failure(&error))? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if bytes.len() as u64 > MOST {
                self.from.skip_until(b'\n').map_err(|error| self.failure(&error))?;
                return Ok(Some(self.bad(format!("the line is longer than {} MiB", MOST >> 20))));
            }
            let Ok(text) = String::from_utf8(bytes) else {
                return Ok(Some(self.bad("the line is not UTF-8 text".into())));
            };
            let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']);
            if !text.trim().is_empty() {
                return Ok(Some(read_line(self.number, text)));
            }
        }
    }

    fn bad(&self, why: String) -> Line {
        Line { number: self.number, id: None, text: Err(why) }
    }
}

/// A line that begins with a brace is an object; any other is the prompt itself.
fn read_line(number: u64, text: &str) -> Line {
    if !text.trim_start().starts_with('{') {
        return Line { number, id: None, text: Ok(text.to_owned()) };
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value) => {
            let prompt = value.get("text").and_then(Value::as_str).map(str::to_owned);
            let id = value.get("id").filter(|id| !id.is_null()).cloned();
            Line { number, id, text: prompt.ok_or_else(|| "the line has no `text`".to_owned()) }
        }
        // The message of the parser would not quote the line, but its place says enough.
        Err(error) => Line { number, id: None, text: Err(format!("the line is not JSON (column {})", error.column())) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(bytes: &[u8]) -> Vec<Line> {
        let mut lines =
            Lines { from: Box::new(io::Cursor::new(bytes.to_vec())), number: 0, interrupt: Interrupt::default() };
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    #[test]
    fn a_batch_has_plain_lines_objects_and_bad_lines() {
        let found =
            lines("\u{feff}설계해줘\r\n\n  \n{\"id\": 7, \"text\": \"\"}\n{\"id\":\"a\"}\n{oops\nlast".as_bytes());
        let seen: Vec<_> = found.iter().map(|line| (line.number, line.id.clone(), line.text.as_deref())).collect();
        assert_eq!(seen[0], (1, None, Ok("설계해줘")));
        assert_eq!(seen[1], (4, Some(json!(7)), Ok("")));
        assert_eq!((seen[2].0, seen[2].1.clone(), seen[2].2.is_err()), (5, Some(json!("a")), true));
        assert_eq!(seen[3].2.map_err(String::as_str), Err("the line is not JSON (column 2)"));
        assert_eq!(seen[4], (7, None, Ok("last")));
    }

    #[test]
    fn a_line_that_is_no_text_spoils_no_other() {
        let found = lines(b"\xff\xfe\nok\n");
        assert!(found[0].text.is_err());
        assert_eq!(found[1].text.as_deref(), Ok("ok"));
    }

    #[test]
    fn texts_lose_their_mark_and_their_last_line_end() {
        assert_eq!(text("\u{feff}a\r\n\n".as_bytes(), "x").unwrap(), "a");
        assert!(text(&b"a\xff"[..], "x").unwrap_err().chain().concat().contains("byte 1"));
    }
}
