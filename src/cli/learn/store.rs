//! `~/.moai/learn/weights.json`: a person's own weights, 0600, and what it was before each change, so that every change
//! can be taken back to the byte.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base::disk::{self, Access, DiskError, Lock};
use crate::base::failure::{Explain as _, Failure};
use crate::base::sort;
use crate::base::world::World;
use crate::route::learn::Weights;

/// How many versions from before are kept.
const KEPT: usize = 20;

/// The file and its past.
pub(super) struct Store {
    dir: PathBuf,
}

/// The file of a person's own weights.
pub(in crate::cli) fn file(world: &World) -> Result<PathBuf, Failure> {
    Ok(Store::of(world)?.file())
}

/// A person's own weights; none where nothing was trained.
pub(in crate::cli) fn load(world: &World) -> Result<Weights, Failure> {
    Store::of(world)?.load()
}

/// The weights in a file; `None` where there is no such file.
pub(super) fn read(path: &Path, undo: bool) -> Result<Option<Weights>, Failure> {
    let Some(text) = disk::read_text(path)? else { return Ok(None) };
    let weights = Weights::parse(&text).map_err(|error| {
        let message = format!("{} holds {error}", path.display());
        let failure = Failure::new(error.kind(), message).with_code(error.code().unwrap_or("broken-weights"));
        let hints = if undo { error.hints() } else { Vec::new() };
        hints.into_iter().fold(failure, Failure::hint)
    })?;
    Ok(Some(weights))
}

impl Store {
    pub(super) fn of(world: &World) -> Result<Self, Failure> {
        Ok(Self { dir: world.moai_home()?.join("learn") })
    }

    pub(super) fn file(&self) -> PathBuf {
        self.dir.join("weights.json")
    }

    /// Keeps others from changing the file for as long as it lives.
    pub(super) fn lock(&self) -> Result<Lock, DiskError> {
        Lock::take(&self.dir.join("lock"), Duration::from_secs(10), || {})
    }

    pub(super) fn load(&self) -> Result<Weights, Failure> {
        let past = !self.past().is_empty();
        let found = read(&self.file(), past).map_err(|failure| {
            if past { failure } else { failure.hint("move the file away: then the built-in weights decide alone") }
        });
        Ok(found?.unwrap_or_default())
    }

    /// Writes new weights, and keeps what was there.
    pub(super) fn write(&self, weights: &Weights) -> Result<(), Failure> {
        let past = self.past();
        let before = disk::read_text(&self.file())?.unwrap_or_default();
        let next = past.last().map_or(1, |(number, _)| number + 1);
        disk::replace(&self.before(next), before.as_bytes(), Access::Private)?;
        for (_, old) in past.iter().take((past.len() + 1).saturating_sub(KEPT)) {
            disk::remove(old)?;
        }
        Ok(disk::replace(&self.file(), weights.render().as_bytes(), Access::Private)?)
    }

    /// Puts back what was there before the last change; `false` where nothing is known of it.
    pub(super) fn undo(&self) -> Result<bool, Failure> {
        let Some((_, path)) = self.past().pop() else { return Ok(false) };
        let before = disk::read_text(&path)?.unwrap_or_default();
        // An empty one says that there was no file.
        if before.is_empty() {
            disk::remove(&self.file())?;
        } else {
            disk::replace(&self.file(), before.as_bytes(), Access::Private)?;
        }
        disk::remove(&path)?;
        Ok(true)
    }

    /// How many changes can be taken back.
    pub(super) fn changes(&self) -> usize {
        self.past().len()
    }

    fn before(&self, number: u32) -> PathBuf {
        self.dir.join(format!("before/{number:06}.json"))
    }

    /// The versions from before, the oldest first.
    fn past(&self) -> Vec<(u32, PathBuf)> {
        let Ok(entries) = fs::read_dir(self.dir.join("before")) else { return Vec::new() };
        let number = |path: &Path| path.file_name()?.to_str()?.strip_suffix(".json")?.parse().ok();
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
        let mut found: Vec<(u32, PathBuf)> = paths.filter_map(|path| Some((number(&path)?, path))).collect();
        sort::by(&mut found, Ord::cmp);
        found
    }
}
