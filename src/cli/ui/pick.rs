//! Choosing one of several on the terminal: type to narrow, arrows to move, Enter to take.

use std::fmt;

use inquire::error::InquireError;
use inquire::ui::RenderConfig;

use crate::base::failure::{Failure, Kind};

use super::Ui;
use super::paint::clean;

/// A choice that shows its text and knows its place.
struct Choice {
    at: usize,
    text: String,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Ui {
    /// Lets the person choose one of `options` and returns its place; `None` where nobody can be asked.
    pub fn pick(&mut self, question: &str, options: &[String]) -> Result<Option<usize>, Failure> {
        if !self.interactive() || options.is_empty() {
            return Ok(None);
        }
        let choices =
            options.iter().enumerate().map(|(at, text)| Choice { at, text: clean(text).replace('\n', " ") }).collect();
        let config = if self.talk.coloured() { RenderConfig::default_colored() } else { RenderConfig::empty() };
        let select = inquire::Select::new(question, choices)
            .with_render_config(config)
            .with_help_message("type to narrow, Enter to take, Esc to leave");
        match select.prompt() {
            Ok(choice) => Ok(Some(choice.at)),
            Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => {
                Err(Failure::new(Kind::Interrupted(2), "nothing was chosen"))
            }
            Err(InquireError::IO(error)) => Err(Failure::output(error)),
            Err(error) => Err(Failure::expected(format!("cannot ask: {error}"))),
        }
    }
}
