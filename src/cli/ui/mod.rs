//! The only code that writes to the terminal. Answers go to standard output, talk goes to standard error.
//!
//! Colour, hyperlinks and progress are decided once, here: colour by `--color`, then `NO_COLOR`, `CLICOLOR_FORCE`,
//! TERM=dumb and whether the stream is a terminal; links and progress only on a terminal. What comes from files,
//! branches or servers passes [`clean`] first, so that it cannot drive the terminal.

mod diff;
mod paint;
mod pick;
mod screen;
mod table;

use std::io::{self, BufRead as _, Write};

use serde::Serialize;

use crate::base::failure::{Failure, Kind};
use crate::base::secret::Secret;
use crate::base::world::World;

pub use diff::unified;
pub use paint::{Paint, clean};
pub use screen::{Screen, Wish, plain};
pub use table::{Column, Style, Table};

/// The schema number of every `--json` answer. It grows when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Colour {
    /// Where the stream is a terminal that can.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Where a command's answer and its talk go.
pub struct Streams {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
}

impl Streams {
    /// Standard output and standard error.
    pub fn of_process() -> Self {
        Self { out: Box::new(io::BufWriter::new(io::stdout())), err: Box::new(io::stderr()) }
    }

    /// Both into one writer, in the order in which they are said.
    pub fn both(writer: impl Write + Clone + 'static) -> Self {
        Self { out: Box::new(writer.clone()), err: Box::new(writer) }
    }
}

/// How a command speaks.
#[expect(clippy::struct_excessive_bools, reason = "each is a decision made once, from different sources")]
pub struct Ui {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    /// Styles for standard output.
    pub style: Paint,
    /// Styles for standard error.
    pub talk: Paint,
    /// Whether `--json` was asked for: answers are JSON, and there is no progress.
    pub json: bool,
    quiet: bool,
    interactive: bool,
    progress: bool,
    screen: bool,
    width: Option<u16>,
    warned: Vec<String>,
    /// Words of the command line that are keys: a complaint about the line does not repeat them.
    keys: Vec<Secret>,
}

impl Ui {
    /// The streams of this process.
    pub fn new(world: &World, colour: Colour, json: bool, quiet: bool) -> Self {
        Self::on(Streams::of_process(), world, colour, json, quiet)
    }

    /// Other streams; what the terminal can is still the world's to say.
    pub fn on(streams: Streams, world: &World, colour: Colour, json: bool, quiet: bool) -> Self {
        let dumb = world.env.text("TERM") == Some("dumb");
        let colour_for = |terminal: bool| match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto if world.env.text("NO_COLOR").is_some() => false,
            Colour::Auto if world.env.text("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            Colour::Auto => terminal && !dumb,
        };
        let links_for = |terminal: bool| terminal && !dumb && paint::terminal_has_links(&world.env);
        Self {
            out: streams.out,
            err: streams.err,
            style: Paint::new(colour_for(world.terminal.stdout), links_for(world.terminal.stdout)),
            talk: Paint::new(colour_for(world.terminal.stderr), links_for(world.terminal.stderr)),
            json,
            quiet,
            interactive: world.terminal.stdin && world.terminal.stderr && !json,
            progress: world.terminal.stderr && !dumb && !json && !quiet,
            screen: world.terminal.stdin && world.terminal.stdout && !dumb && !json,
            width: world.terminal.stdout.then(|| terminal_width(world)).flatten(),
            warned: Vec::new(),
            keys: crate::keys::among(&world.args),
        }
    }

    /// A line of the answer.
    pub fn answer(&mut self, line: impl AsRef<str>) -> Result<(), Failure> {
        writeln!(self.out, "{}", line.as_ref()).and_then(|()| self.out.flush()).map_err(Failure::output)
    }

    /// Raw bytes of the answer, without a line end.
    pub fn answer_bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.out.write_all(bytes).and_then(|()| self.out.flush()).map_err(Failure::output)
    }

    /// The answer as JSON: one document, indented, with a line end.
    pub fn answer_json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::new(Kind::Bug, format!("cannot write JSON: {error}")))?;
        self.answer(text)
    }

    /// A table on standard output, fitted to the terminal's width.
    pub fn answer_table(&mut self, table: &Table) -> Result<(), Failure> {
        let text = table.render(self.width, self.style);
        self.answer(text)
    }

    /// Talk: what was done. Silent under `--quiet`.
    pub fn say(&mut self, line: impl AsRef<str>) -> Result<(), Failure> {
        if self.quiet {
            return Ok(());
        }
        writeln!(self.err, "{}", line.as_ref()).map_err(Failure::output)
    }

    /// Talk that `--quiet` does not silence: something the person should look at. The same line is said once.
    pub fn warn(&mut self, line: impl AsRef<str>) -> Result<(), Failure> {
        let line = line.as_ref();
        if self.warned.iter().any(|said| said == line) {
            return Ok(());
        }
        self.warned.push(line.to_owned());
        let label = self.talk.yellow("warning:");
        writeln!(self.err, "{label} {line}").map_err(Failure::output)
    }

    /// What to do next.
    pub fn hint(&mut self, line: impl AsRef<str>) -> Result<(), Failure> {
        let label = self.talk.cyan("hint:");
        self.say(format!("{label} {}", line.as_ref()))
    }

    /// A yes/no question on the terminal. Fails as a usage error where nobody can be asked; `flag` names the option
    /// that answers it beforehand (`--yes`).
    pub fn confirm(&mut self, question: &str, flag: &str) -> Result<bool, Failure> {
        if !self.interactive {
            return Err(Failure::usage(format!("this needs a yes, and there is no terminal to ask on: {question}"))
                .hint(format!("give {flag} to answer it beforehand")));
        }
        write!(self.err, "{question} [y/N] ").and_then(|()| self.err.flush()).map_err(Failure::output)?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map_err(Failure::output)?;
        Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes" | "예" | "네" | "ㅇ"))
    }

    /// All of standard input, which must be text of at most 1 MiB.
    pub fn read_stdin(&mut self) -> Result<String, Failure> {
        const MOST: u64 = 1 << 20;
        let mut text = String::new();
        io::Read::read_to_string(&mut io::Read::take(io::stdin().lock(), MOST), &mut text)
            .map_err(|error| Failure::usage(format!("cannot read standard input: {error}")))?;
        Ok(text)
    }

    /// Whether only what is wrong is to be said.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether standard output is a terminal that a live view can have.
    pub fn is_screen(&self) -> bool {
        self.screen
    }

    /// The width of standard output in columns, where it is a terminal.
    pub fn width(&self) -> Option<u16> {
        self.width
    }

    /// Whether a person can be asked (both streams are a terminal, and no `--json`).
    pub fn interactive(&self) -> bool {
        self.interactive
    }

    /// A progress bar on standard error: hidden unless that is a terminal, and under `--json` and `--quiet`.
    pub fn progress(&self, total: u64, label: &str) -> indicatif::ProgressBar {
        if !self.progress {
            return indicatif::ProgressBar::hidden();
        }
        let bar = indicatif::ProgressBar::new(total);
        if let Ok(style) = indicatif::ProgressStyle::with_template("{msg} [{bar:32}] {pos}/{len} {eta}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(label.to_owned());
        bar
    }

    /// `text` with every key of the command line as its fingerprint.
    pub fn without_keys(&self, text: &str) -> String {
        self.keys.iter().fold(text.to_owned(), |text, key| crate::keys::hide(&text, key))
    }

    /// Prints a failure: its chain, its hints. Under `--json` also as one JSON document on standard output.
    pub fn failure(&mut self, failure: &Failure) -> Result<(), Failure> {
        if failure.kind() == Kind::ClosedPipe || failure.is_told() {
            return Ok(());
        }
        self.complain(failure)?;
        if !self.json {
            return Ok(());
        }
        let error = self.failure_json(failure);
        self.answer_json(&serde_json::json!({ "schema": SCHEMA, "error": error }))
    }

    /// A failure as the `error` of a JSON document.
    pub fn failure_json(&self, failure: &Failure) -> serde_json::Value {
        serde_json::json!({
            "code": failure.code(),
            "exit": failure.kind().exit_code(),
            "message": self.without_keys(&failure.chain().join(": ")),
            "hints": failure.hints().iter().map(|hint| self.without_keys(hint)).collect::<Vec<_>>(),
        })
    }

    /// Prints a failure on standard error, and nothing on standard output.
    pub fn complain(&mut self, failure: &Failure) -> Result<(), Failure> {
        let chain: Vec<String> = failure.chain().iter().map(|line| self.without_keys(line)).collect();
        let hints: Vec<String> = failure.hints().iter().map(|hint| self.without_keys(hint)).collect();
        let mut lines = chain.iter().map(|line| clean(line));
        let label = self.talk.red("error:");
        writeln!(self.err, "{label} {}", lines.next().unwrap_or_default()).map_err(Failure::output)?;
        for line in lines {
            writeln!(self.err, "  caused by: {line}").map_err(Failure::output)?;
        }
        for hint in &hints {
            let label = self.talk.cyan("hint:");
            writeln!(self.err, "{label} {}", clean(hint)).map_err(Failure::output)?;
        }
        Ok(())
    }
}

/// The terminal's width in columns: `COLUMNS`, else what the terminal says.
fn terminal_width(world: &World) -> Option<u16> {
    if let Some(columns) = world.env.text("COLUMNS").and_then(|text| text.parse().ok()) {
        return Some(columns);
    }
    rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
}
