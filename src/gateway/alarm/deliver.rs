//! One message to one sink, here and now.

use std::time::Duration;

use crate::alert::{Event, Sink, Way};
use crate::base::program::{Program, ProgramError};
use crate::base::world::World;
use crate::keys::{self, AddressError};
use crate::upstream::{self, HookError};

/// Why a sink did not hear. No message holds an address.
#[derive(Debug, thiserror::Error)]
pub enum Unheard {
    /// Its address is not known.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// The POST did not arrive.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// Its program does not start.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// Its program took too long, and was ended.
    #[error("the program took longer than {} s", .0.as_secs_f64())]
    Timeout(Duration),
    /// Its program failed.
    #[error("the program exited with {}", .0.map_or_else(|| "a signal".to_owned(), |code| code.to_string()))]
    Exit(Option<i32>),
}

/// Tells `sink`, and waits until it has heard.
pub fn deliver(sink: &Sink, event: &Event, world: &World, machine: &str) -> Result<(), Unheard> {
    match &sink.way {
        Way::Hook { shape, url } => {
            let address = keys::require_address(world, url)?;
            Ok(upstream::post_hook(&address, &shape.body(event, machine), sink.timeout)?)
        }
        Way::Command(words) => {
            let (name, args) = words.split_first().map_or(("", words.as_slice()), |(name, args)| (name.as_str(), args));
            let input = format!("{}\n", event.document(machine)).into_bytes();
            let program = Program::new(world, name)?.args(args).input(input);
            match program.run_within(sink.timeout)? {
                Some(Some(0)) => Ok(()),
                Some(status) => Err(Unheard::Exit(status)),
                None => Err(Unheard::Timeout(sink.timeout)),
            }
        }
    }
}
