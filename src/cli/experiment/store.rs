//! `~/.moai/experiments.json`: the experiments, 0600.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::disk::{self, Access, Lock};
use crate::base::failure::{Failure, Kind};
use crate::base::world::World;
use crate::route::trial::Experiment;

const SCHEMA: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct File {
    schema: u32,
    experiments: Vec<Experiment>,
}

/// The file.
pub(in crate::cli) fn file(world: &World) -> Result<PathBuf, Failure> {
    Ok(world.moai_home()?.join("experiments.json"))
}

/// The experiments that split conversations now.
pub(in crate::cli) fn running(world: &World) -> Result<Vec<Experiment>, Failure> {
    let mut all = load(world)?;
    all.retain(|experiment| experiment.stopped.is_none());
    Ok(all)
}

/// All experiments, the oldest first.
pub(super) fn load(world: &World) -> Result<Vec<Experiment>, Failure> {
    let path = file(world)?;
    let Some(text) = disk::read_text(&path)? else { return Ok(Vec::new()) };
    let wrong = |what: &str| {
        Failure::new(Kind::Config, format!("{} {what}", path.display()))
            .with_code("broken-experiments")
            .hint(format!("mend it, or move {} away: then there are no experiments", path.display()))
    };
    let file: File =
        serde_json::from_str(&text).map_err(|error| wrong(&format!("is no list of experiments: {error}")))?;
    if file.schema > SCHEMA { Err(wrong("was written by a newer moai")) } else { Ok(file.experiments) }
}

/// Keeps others from changing the file for as long as it lives.
pub(super) fn lock(world: &World) -> Result<Lock, Failure> {
    Ok(Lock::take(&file(world)?.with_extension("lock"), Duration::from_secs(10), || {})?)
}

/// Writes them all.
pub(super) fn save(world: &World, experiments: Vec<Experiment>) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&File { schema: SCHEMA, experiments })
        .map_err(|error| Failure::new(Kind::Bug, format!("cannot write JSON: {error}")))?;
    Ok(disk::replace(&file(world)?, (text + "\n").as_bytes(), Access::Private)?)
}
