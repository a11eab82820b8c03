//! `~/.moai/optimize/applied.json`: what `moai optimize` has written, so that it can be taken back; 0600.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::base::disk::{self, Access};
use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

const SCHEMA: u32 = 1;
/// How many changes can be taken back.
const KEPT: usize = 20;

/// A file that was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    /// The file.
    pub(super) path: PathBuf,
    /// Its text before; empty where there was no file.
    pub(super) old: String,
    /// Its text after.
    pub(super) new: String,
}

/// What was applied at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Applied {
    /// When.
    pub(super) at: String,
    /// The proposals.
    pub(super) ids: Vec<String>,
    /// The files, in the order in which they were written.
    pub(super) files: Vec<Written>,
}

#[derive(Debug, Serialize, Deserialize)]
struct File {
    schema: u32,
    applied: Vec<Applied>,
}

fn path(world: &World) -> Result<PathBuf, Failure> {
    Ok(world.moai_home()?.join("optimize/applied.json"))
}

/// Everything that was applied and not taken back, the oldest first.
pub(super) fn load(world: &World) -> Result<Vec<Applied>, Failure> {
    let path = path(world)?;
    let Some(text) = disk::read_text(&path)? else { return Ok(Vec::new()) };
    let broken = |what: &str| {
        Failure::new(Kind::Config, format!("{} {what}", path.display()))
            .with_code("broken-applied")
            .hint("move it away: then nothing can be taken back, and `moai optimize` works again")
    };
    // What the parser says could quote the configuration.
    let file: File = serde_json::from_str(&text).map_err(|_quotes| broken("does not say what was applied"))?;
    if file.schema > SCHEMA { Err(broken("was written by a newer moai")) } else { Ok(file.applied) }
}

/// Writes what was applied, without the oldest where there are many.
pub(super) fn save(world: &World, mut applied: Vec<Applied>) -> Result<(), Failure> {
    applied.drain(..applied.len().saturating_sub(KEPT));
    let text = serde_json::to_string_pretty(&File { schema: SCHEMA, applied })
        .map_err(|error| Failure::new(Kind::Bug, format!("cannot write JSON: {error}")))?;
    Ok(disk::replace(&path(world)?, (text + "\n").as_bytes(), Access::Private)?)
}
