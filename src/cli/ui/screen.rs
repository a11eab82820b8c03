//! The whole terminal, for a view that lives: its own screen, keys as they are pressed, and everything as it was when
//! it ends, also when it ends badly.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Color as Ink, Print, SetAttribute, SetForegroundColor};
use crossterm::terminal::{self, Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{execute, queue};
use ratatui_core::buffer::{Buffer, Cell};
use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Modifier};

use crate::base::failure::Failure;

/// Whether the terminal is ours, so that it is given back once.
static OURS: AtomicBool = AtomicBool::new(false);

/// The terminal while it is ours.
pub struct Screen {
    shown: Buffer,
}

/// What came of waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Nothing, or nothing that matters: time is up.
    Nothing,
    /// The terminal has another size: draw again.
    Draw,
    /// `q`, Escape or Ctrl-C.
    Quit,
}

impl Screen {
    /// Takes the terminal.
    pub fn open() -> Result<Self, Failure> {
        // A panic says what it has to say on the screen that stays.
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
        terminal::enable_raw_mode().map_err(Failure::output)?;
        OURS.store(true, Ordering::SeqCst);
        let screen = Self { shown: Buffer::empty(Rect::ZERO) };
        execute!(io::stdout(), EnterAlternateScreen, Hide).map_err(Failure::output)?;
        Ok(screen)
    }

    /// How many columns and rows there are.
    pub fn area(&self) -> Rect {
        let (columns, rows) = terminal::size().unwrap_or((80, 24));
        Rect::new(0, 0, columns.max(1), rows.max(1))
    }

    /// Shows this: writes what is not there yet.
    pub fn show(&mut self, next: Buffer) -> Result<(), Failure> {
        let mut out = io::BufWriter::new(io::stdout());
        let mut write = |out: &mut io::BufWriter<io::Stdout>| -> io::Result<()> {
            if self.shown.area != next.area {
                self.shown = Buffer::empty(next.area);
                queue!(out, SetAttribute(Attribute::Reset), Clear(ClearType::All))?;
            }
            let (mut after, mut worn) = (None, None);
            for (x, y, cell) in self.shown.diff_iter(&next) {
                if after != Some((x, y)) {
                    queue!(out, MoveTo(x, y))?;
                }
                if worn != Some((cell.fg, cell.modifier)) {
                    wear(out, cell)?;
                    worn = Some((cell.fg, cell.modifier));
                }
                queue!(out, Print(cell.symbol()))?;
                let width = unicode_width::UnicodeWidthStr::width(cell.symbol());
                after = Some((x + u16::try_from(width).unwrap_or(1), y));
            }
            queue!(out, SetAttribute(Attribute::Reset))?;
            out.flush()
        };
        write(&mut out).map_err(Failure::output)?;
        self.shown = next;
        Ok(())
    }

    /// Waits for a key, at most so long.
    pub fn wait(&self, time: Duration) -> Result<Wish, Failure> {
        if !event::poll(time).map_err(Failure::output)? {
            return Ok(Wish::Nothing);
        }
        Ok(match event::read().map_err(Failure::output)? {
            Event::Resize(..) => Wish::Draw,
            Event::Key(key) if key.kind == KeyEventKind::Press => match key.code {
                KeyCode::Char('q' | 'Q' | 'ㅂ') | KeyCode::Esc => Wish::Quit,
                KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Wish::Quit,
                _ => Wish::Nothing,
            },
            _ => Wish::Nothing,
        })
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back. Where that fails there is nobody left to tell.
fn give_back() {
    if OURS.swap(false, Ordering::SeqCst) {
        drop(execute!(io::stdout(), SetAttribute(Attribute::Reset), LeaveAlternateScreen, Show));
        drop(terminal::disable_raw_mode());
    }
}

/// The style of a cell, for all that is written from here on.
fn wear(out: &mut impl io::Write, cell: &Cell) -> io::Result<()> {
    queue!(out, SetAttribute(Attribute::Reset))?;
    if cell.modifier.contains(Modifier::BOLD) {
        queue!(out, SetAttribute(Attribute::Bold))?;
    }
    if cell.modifier.contains(Modifier::DIM) {
        queue!(out, SetAttribute(Attribute::Dim))?;
    }
    let ink = match cell.fg {
        Color::Red => Some(Ink::DarkRed),
        Color::Green => Some(Ink::DarkGreen),
        Color::Yellow => Some(Ink::DarkYellow),
        _ => None,
    };
    match ink {
        Some(ink) => queue!(out, SetForegroundColor(ink)),
        None => Ok(()),
    }
}

/// What a buffer shows, as lines of text without styles: for who has no terminal.
pub fn plain(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut line = String::new();
        let mut covered = 0;
        for x in buffer.area.left()..buffer.area.right() {
            let Some(cell) = buffer.cell((x, y)).filter(|_| covered == 0) else {
                covered -= 1;
                continue;
            };
            line.push_str(cell.symbol());
            covered = unicode_width::UnicodeWidthStr::width(cell.symbol()).saturating_sub(1);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}
