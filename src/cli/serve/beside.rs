//! A gateway that runs beside the command that started it, in a process of its own, and ends with it: also when that
//! command is interrupted or killed. `moai demo` has one.

use std::io::Read as _;
use std::process::Child;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::Ui;

use super::start::{failure_of, first_document, itself};
use super::state::{self, Presence, State};
use super::words;

/// The process. It is ended when this is dropped.
pub(in crate::cli) struct Beside {
    child: Child,
}

impl Beside {
    /// Starts it on a free port, waits until it is ready, and says where it is.
    pub(in crate::cli) fn start(world: &World, ui: &mut Ui) -> Result<(Self, State), Failure> {
        let child = itself(world)?.args(["serve", "--json", "--port", "0", "--until-eof"]).beside()?;
        let mut beside = Self { child };
        let said = beside.child.stdout.take().map(first_document).transpose()?.flatten();
        if let Some(error) = said.as_ref().filter(|said| said.get("error").is_some()) {
            return Err(failure_of(error));
        }
        let (Some(_), Presence::Running(state)) = (said, state::look(world)?) else {
            return Err(Failure::expected("the gateway ended before it was ready").with_code("not-started"));
        };
        words::tell_ready(&state, world, ui)?;
        Ok((beside, *state))
    }

    /// What it said on standard error, once it has ended; it has been told to.
    pub(in crate::cli) fn last_words(mut self) -> Result<String, Failure> {
        let mut said = String::new();
        if let Some(errors) = &mut self.child.stderr {
            errors
                .read_to_string(&mut said)
                .map_err(|error| Failure::expected(format!("cannot hear the gateway: {error}")))?;
        }
        Ok(said)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        drop((self.child.kill(), self.child.wait()));
    }
}
