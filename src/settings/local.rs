//! A checkout's `.claude/settings.local.json` on the disk: planned, shown, and written under a lock, 0600, together
//! with its ledger. Either both are as planned afterwards or both are as they were.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::{Document, Spot};
use super::error::SettingsError;
use super::glm::GlmEnv;
use super::ledger::{Ledger, file_name};
use super::switch::{self, Step, masked};
use crate::base::disk::{self, Access, DiskError, Lock};
use crate::base::world::World;

/// The file, below a checkout.
pub const SETTINGS_LOCAL: &str = ".claude/settings.local.json";

/// What a write of the file looks like before it is finished, as a pattern of git's: it holds the key, too.
pub const UNFINISHED: &str = ".claude/.moai-*";

/// Whether links may lead the file out of its checkout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// They are the user's own arrangement: follow them.
    Follow,
    /// They are refused: a branch could hold a link to anywhere.
    Stay,
}

/// Which way to go.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// To GLM, with this environment.
    Glm(&'a GlmEnv),
    /// Back to what was before.
    Claude,
}

/// A switch that was worked out. Nothing is written before `Plan::apply`.
#[derive(Clone)]
pub struct Plan {
    /// The settings file, as the user names it.
    pub path: PathBuf,
    /// Where the bytes land: another path where links lead there.
    pub lands: PathBuf,
    /// The real path of the file, where links lead it out of the checkout.
    pub outside: Option<PathBuf>,
    old: Option<String>,
    old_ledger: Option<Ledger>,
    ledger_path: PathBuf,
    step: Step,
    /// The mode lets others read a file that will hold a key.
    loose: bool,
}

/// Works out the switch of the checkout at `root`; reads only.
pub fn plan(world: &World, root: &Path, target: Target<'_>, links: Links) -> Result<Plan, SettingsError> {
    let path = root.join(SETTINGS_LOCAL);
    let Landing { lands, outside } = landing(root, &path, links)?;
    if matches!(target, Target::Glm(_)) {
        require_place(&lands)?;
    }
    let ledger_path = ledger_path(world, root)?;
    let old = disk::read_text(&path)?;
    let old_ledger = load_ledger(&ledger_path)?;
    let invalid = |fault| SettingsError::Invalid { path: path.clone(), fault };
    let step = match target {
        Target::Glm(glm) => {
            let now = world.now().to_string();
            let mut step = switch::enter(old.as_deref(), old_ledger.as_ref(), glm, &path, &now).map_err(invalid)?;
            if let Some(ledger) = step.ledger.as_mut()
                && old.is_none()
            {
                ledger.created.file = true;
                ledger.created.directory |= !root.join(".claude").exists();
            }
            step
        }
        Target::Claude => switch::leave(old.as_deref(), old_ledger.as_ref()).map_err(invalid)?,
    };
    let loose = matches!(target, Target::Glm(_)) && old.is_some() && !is_private(&path);
    Ok(Plan { path, lands, outside, old, old_ledger, ledger_path, step, loose })
}

/// Works the switch out again under the lock and carries it out, so that two moai at once do not mix.
pub fn switch(world: &World, root: &Path, target: Target<'_>, links: Links) -> Result<Plan, SettingsError> {
    let lock_path = ledger_path(world, root)?.with_extension("lock");
    let _lock = Lock::take(&lock_path, Duration::from_secs(10), || {})?;
    let plan = plan(world, root, target, links)?;
    disk::sweep(&plan.lands)?;
    disk::sweep(&plan.ledger_path)?;
    plan.apply()?;
    Ok(plan)
}

impl Plan {
    /// Whether the settings file changes.
    pub fn changes(&self) -> bool {
        self.old != self.step.text || self.loose
    }

    /// The text before and after with every secret as its fingerprint; an absent file is empty.
    pub fn masked(&self) -> (String, String) {
        let show = |text: &Option<String>| text.as_deref().map(masked).unwrap_or_default();
        (show(&self.old), show(&self.step.text))
    }

    /// Whether the file goes.
    pub fn deletes(&self) -> bool {
        self.old.is_some() && self.step.text.is_none()
    }

    /// The user's own settings that are set aside (to GLM) or put back (to Claude).
    pub fn moved(&self) -> &[Spot] {
        &self.step.moved
    }

    /// The host of somebody else's gateway, which stays in charge after leaving GLM.
    pub fn foreign(&self) -> Option<&str> {
        self.step.foreign.as_deref()
    }

    fn apply(&self) -> Result<(), SettingsError> {
        let ledger_changes = self.old_ledger != self.step.ledger;
        // To GLM the ledger goes first: whatever is set afterwards is on record. Back, it goes last.
        if let Some(ledger) = self.step.ledger.as_ref().filter(|_| ledger_changes) {
            disk::replace(&self.ledger_path, ledger.text().as_bytes(), Access::Private)?;
        }
        if self.changes()
            && let Err(error) = self.write()
        {
            self.restore_ledger();
            return Err(error.into());
        }
        if self.step.ledger.is_none() && ledger_changes {
            disk::remove(&self.ledger_path)?;
        }
        Ok(())
    }

    fn write(&self) -> Result<(), DiskError> {
        let Some(text) = &self.step.text else {
            disk::remove(&self.lands)?;
            if self.old_ledger.as_ref().is_some_and(|ledger| ledger.created.directory)
                && let Some(directory) = self.path.parent()
            {
                // Only an empty one goes; anything in it is somebody's.
                drop(std::fs::remove_dir(directory));
            }
            return Ok(());
        };
        if let Some(directory) = self.lands.parent() {
            disk::create_dirs(directory, Access::Keep)?;
        }
        disk::replace(&self.lands, text.as_bytes(), Access::Private)
    }

    /// After a failed write: the record of before, so that nothing claims what did not happen.
    fn restore_ledger(&self) {
        // Where even that fails, the ledger's digests do not match the file, and nothing is taken for ours.
        drop(match &self.old_ledger {
            Some(ledger) => disk::replace(&self.ledger_path, ledger.text().as_bytes(), Access::Private),
            None => disk::remove(&self.ledger_path),
        });
    }
}

/// The record of the checkout at `root`, where there is one.
pub fn load_record(world: &World, root: &Path) -> Result<Option<Ledger>, SettingsError> {
    load_ledger(&ledger_path(world, root)?)
}

/// Forgets the record of a checkout that is gone.
pub fn forget(world: &World, root: &Path) -> Result<(), SettingsError> {
    let path = ledger_path(world, root)?;
    disk::remove(&path)?;
    Ok(disk::remove(&path.with_extension("lock"))?)
}

/// Takes GLM out of the settings of a checkout that was moved from `from` to `at` (into the trash), forgets its
/// record, and tells whether it was on GLM. A file that we wrote a key into and that nobody can read any more goes.
pub fn leave_moved(world: &World, from: &Path, at: &Path) -> Result<bool, SettingsError> {
    let path = at.join(SETTINGS_LOCAL);
    let lands = landing(at, &path, Links::Stay)?.lands;
    let ledger_path = ledger_path(world, from)?;
    let ledger = load_ledger(&ledger_path)?;
    let Some(old) = disk::read_text(&path)? else { return Ok(false) };
    let new = match switch::leave(Some(&old), ledger.as_ref()) {
        Ok(step) => step.text,
        Err(fault) if ledger.is_none() => return Err(SettingsError::Invalid { path, fault }),
        Err(_unreadable) => None,
    };
    let was_glm = ledger.is_some() || new.as_deref() != Some(old.as_str());
    match &new {
        Some(text) if *text != old => disk::replace(&lands, text.as_bytes(), Access::Private)?,
        Some(_) => {}
        None => disk::remove(&lands)?,
    }
    forget(world, from)?;
    Ok(was_glm)
}

/// The local settings of a checkout, `None` where there are none.
pub fn load_local(root: &Path) -> Result<Option<Document>, SettingsError> {
    let path = root.join(SETTINGS_LOCAL);
    let Some(text) = disk::read_text(&path)? else { return Ok(None) };
    Document::parse(&text).map(Some).map_err(|fault| SettingsError::Invalid { path, fault })
}

fn load_ledger(path: &Path) -> Result<Option<Ledger>, SettingsError> {
    let Some(text) = disk::read_text(path)? else { return Ok(None) };
    Ledger::parse(&text).map(Some).map_err(|why| SettingsError::Ledger { path: path.to_path_buf(), why })
}

fn ledger_path(world: &World, root: &Path) -> Result<PathBuf, SettingsError> {
    Ok(world.moai_home()?.join("backends").join(file_name(root)))
}

/// Where a write really goes.
struct Landing {
    /// The path with the links of the file itself followed.
    lands: PathBuf,
    /// The real path, where that is outside of the checkout.
    outside: Option<PathBuf>,
}

/// Where writing to `path` lands once links are followed.
fn landing(root: &Path, path: &Path, links: Links) -> Result<Landing, SettingsError> {
    let lands = disk::follow(path)?;
    let directory = lands.parent().unwrap_or(root);
    // The nearest directory that exists decides: what is missing below it will be made there.
    let exists = directory.ancestors().find(|directory| directory.exists()).unwrap_or(root);
    let real = exists.canonicalize().map_err(DiskError::io("follow", exists))?;
    if root.canonicalize().is_ok_and(|root| real.starts_with(root)) {
        return Ok(Landing { lands, outside: None });
    }
    if links == Links::Stay {
        return Err(SettingsError::Escapes { path: path.to_path_buf(), target: real });
    }
    let rest = lands.strip_prefix(exists).unwrap_or(&lands);
    Ok(Landing { outside: Some(real.join(rest)), lands })
}

/// Fails where the file's directory cannot be made or written to, before anything is.
fn require_place(lands: &Path) -> Result<(), SettingsError> {
    let directories = || lands.ancestors().skip(1);
    let Some(nearest) = directories().find(|path| path.symlink_metadata().is_ok()) else { return Ok(()) };
    let blocked = |what| SettingsError::Blocked { path: nearest.to_path_buf(), what };
    match nearest.metadata() {
        Err(_) => Err(blocked("a link that leads nowhere")),
        Ok(meta) if !meta.is_dir() => Err(blocked("a file")),
        Ok(_) => rustix::fs::access(nearest, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)
            .map_err(|error| DiskError::io("write into", nearest)(error.into()).into()),
    }
}

fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|meta| meta.permissions().mode() & 0o777 == 0o600)
}
