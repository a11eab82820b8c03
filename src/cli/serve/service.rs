//! `moai serve install` and `uninstall`: the gateway as a service of the person's session, kept running by systemd or
//! launchd. Everything that install makes, uninstall takes away; neither lets it run while nobody is logged in.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::base::disk::{self, Access};
use crate::base::failure::{Failure, Kind};
use crate::base::program::{Program, ProgramError};
use crate::base::world::World;
use crate::cli::ui::{SCHEMA, Ui, clean, unified};

use super::snapshot::Loader;
use super::state::{self, Presence};
use super::unit::{LABEL, MARK, Service, UNIT};

/// Time to stop, beside what answers under way are given.
const SLACK: u64 = 10;
/// The variables that a service gets, where they are set here.
const VARIABLES: [&str; 8] =
    ["PATH", "LANG", "TZ", "MOAI_HOME", "MOAI_CONFIG", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"];

/// Who keeps the service running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Manager {
    /// systemd: a unit of the user's session
    Systemd,
    /// launchd: an agent of the user's session
    Launchd,
}

impl Manager {
    const fn here() -> Self {
        if cfg!(target_os = "macos") { Self::Launchd } else { Self::Systemd }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Launchd => "launchd",
        }
    }
}

/// Which service, and whether only to look.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct ServiceArgs {
    /// Show what would be written and run, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Write or remove the file alone: do not start or stop anything
    #[arg(long)]
    no_start: bool,
    /// Who keeps it running; by default the one of this system
    #[arg(long, value_enum, value_name = "WHO")]
    manager: Option<Manager>,
}

/// A service on this machine.
struct Place {
    manager: Manager,
    path: PathBuf,
}

impl Place {
    fn of(args: ServiceArgs, world: &World) -> Result<Self, Failure> {
        let manager = args.manager.unwrap_or(Manager::here());
        let home = world.home()?;
        let path = match manager {
            Manager::Systemd => {
                let named = world.env.text("XDG_CONFIG_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
                named.unwrap_or_else(|| home.join(".config")).join("systemd/user").join(UNIT)
            }
            Manager::Launchd => home.join("Library/LaunchAgents").join(format!("{LABEL}.plist")),
        };
        Ok(Self { manager, path })
    }

    /// What stands in the file. Somebody else's is neither written over nor removed.
    fn own_text(&self, world: &World) -> Result<Option<String>, Failure> {
        let text = disk::read_text(&self.path)?;
        if text.as_ref().is_none_or(|text| text.contains(MARK)) {
            return Ok(text);
        }
        let said = format!("{} is not of moai's making, and stays as it is", clean(&world.tilde(&self.path)));
        Err(Failure::expected(said).with_code("foreign-unit").hint("move it away, or give it another name"))
    }

    /// What has the manager read the file and start the service.
    fn begin(&self) -> Vec<Vec<String>> {
        match self.manager {
            Manager::Systemd => commands(&[
                &["systemctl", "--user", "daemon-reload"],
                &["systemctl", "--user", "enable", "--now", UNIT],
            ]),
            Manager::Launchd => {
                let path = self.path.display().to_string();
                commands(&[&["launchctl", "bootstrap", &domain(), &path]])
            }
        }
    }

    /// What has it stop, before the file goes.
    fn end(&self) -> Vec<Vec<String>> {
        match self.manager {
            Manager::Systemd => commands(&[&["systemctl", "--user", "disable", "--now", UNIT]]),
            Manager::Launchd => commands(&[&["launchctl", "bootout", &format!("{}/{LABEL}", domain())]]),
        }
    }

    /// What has it forget the file.
    fn forget(&self) -> Vec<Vec<String>> {
        match self.manager {
            Manager::Systemd => commands(&[&["systemctl", "--user", "daemon-reload"]]),
            Manager::Launchd => Vec::new(),
        }
    }

    /// What `enable` makes beside the file.
    fn link(&self) -> Option<PathBuf> {
        let dir = self.path.parent().filter(|_| self.manager == Manager::Systemd)?;
        Some(dir.join("default.target.wants").join(UNIT))
    }
}

fn domain() -> String {
    format!("gui/{}", rustix::process::getuid().as_raw())
}

fn commands(list: &[&[&str]]) -> Vec<Vec<String>> {
    list.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect()
}

/// Runs `moai serve install`.
pub(super) fn install(args: ServiceArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let place = Place::of(args, world)?;
    let new = text(&place, world)?;
    let old = place.own_text(world)?.unwrap_or_default();
    let shown = world.tilde(&place.path);
    let steps = if args.no_start { Vec::new() } else { place.begin() };
    if args.dry_run {
        if ui.json {
            return answer(&place, old != new, &steps, &[], true, ui);
        }
        ui.answer(unified(&shown, &old, &new, ui.style))?;
        return told(&steps, "would run", ui);
    }
    if !args.no_start && old.is_empty() && matches!(state::look(world)?, Presence::Running(_) | Presence::Starting) {
        return Err(Failure::expected("a gateway runs already, and a service could not have its port")
            .with_code("running")
            .hint("stop it first: `moai serve stop`")
            .hint("or only write the file: `moai serve install --no-start`"));
    }
    if old != new {
        disk::replace(&place.path, new.as_bytes(), Access::Keep)?;
    }
    // The unit lets it write there alone, so it has to be there.
    disk::create_dirs(&world.moai_home()?, Access::Private)?;
    let missed = run_all(&steps, world)?;
    if ui.json {
        return answer(&place, old != new, &steps, &missed, false, ui);
    }
    ui.say(format!("{shown} {}", if old == new { "stays as it is" } else { "is written" }))?;
    told(&steps, "ran", ui)?;
    later(&missed, ui)?;
    if missed.is_empty() && !args.no_start {
        ui.hint("`moai serve status` shows it; keys have to be in moai's own store: `moai key list`")?;
    }
    Ok(())
}

/// Runs `moai serve uninstall`.
pub(super) fn uninstall(args: ServiceArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let place = Place::of(args, world)?;
    let there = place.own_text(world)?;
    let (before, after) = match (&there, args.no_start) {
        (Some(_), false) => (place.end(), place.forget()),
        _ => (Vec::new(), Vec::new()),
    };
    let steps = [before.clone(), after.clone()].concat();
    if args.dry_run {
        if ui.json {
            return answer(&place, there.is_some(), &steps, &[], true, ui);
        }
        let state = if there.is_some() { "would be removed" } else { "is not there" };
        ui.say(format!("{} {state}", world.tilde(&place.path)))?;
        return told(&steps, "would run", ui);
    }
    let mut missed = run_all(&before, world)?;
    disk::remove(&place.path)?;
    clear(&place)?;
    missed.extend(run_all(&after, world)?);
    if ui.json {
        return answer(&place, there.is_some(), &steps, &missed, false, ui);
    }
    let state = if there.is_some() { "is removed" } else { "was not there" };
    ui.say(format!("{} {state}", world.tilde(&place.path)))?;
    later(&missed, ui)
}

/// Takes the link away that a manager which could not be asked has left, and directories that are empty now.
fn clear(place: &Place) -> Result<(), Failure> {
    let Some(link) = place.link() else { return Ok(()) };
    if std::fs::symlink_metadata(&link).is_ok() {
        disk::remove(&link)?;
    }
    // Those that hold other units stay: a directory is only removed when it is empty.
    for dir in [link.parent(), place.path.parent()].into_iter().flatten() {
        drop(std::fs::remove_dir(dir));
    }
    Ok(())
}

/// The text of the service for this person.
fn text(place: &Place, world: &World) -> Result<String, Failure> {
    let serve = Loader::serve(world)?;
    let own =
        std::env::current_exe().map_err(|error| Failure::expected(format!("cannot find moai itself: {error}")))?;
    let path = |path: &Path| line(path.to_str());
    let (program, home, moai_home) = (path(&own)?, path(world.home()?)?, path(&world.moai_home()?)?);
    let mut variables = Vec::new();
    for name in VARIABLES {
        if let Some(value) = world.env.text(name) {
            variables.push((name, line(Some(value))?));
        }
    }
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let service = Service {
        program: &program,
        home: &home,
        moai_home: &moai_home,
        refuges: &["/var/tmp"],
        variables: &variables,
        stop: serve.drain.as_secs() + SLACK,
    };
    Ok(match place.manager {
        Manager::Systemd => service.systemd(),
        Manager::Launchd => service.launchd(),
    })
}

/// A path or a value that fits into a line.
fn line(text: Option<&str>) -> Result<String, Failure> {
    let fits = text.filter(|text| !text.chars().any(char::is_control));
    fits.map(str::to_owned).ok_or_else(|| {
        Failure::new(Kind::Expected, "a path of this machine has characters that cannot stand in a unit")
            .with_code("odd-path")
    })
}

/// Runs commands; those that cannot be run, or fail, with their reason.
fn run_all(steps: &[Vec<String>], world: &World) -> Result<Vec<(String, String)>, Failure> {
    let mut missed = Vec::new();
    for words in steps {
        let Some((name, rest)) = words.split_first() else { continue };
        let why = match Program::new(world, name) {
            Err(ProgramError::Missing(_)) => Some("it is not installed".to_owned()),
            Err(error) => return Err(error.into()),
            Ok(program) => {
                let spoken = program.args(rest).run()?;
                (!spoken.ok()).then(|| clean(spoken.stderr.lines().last().unwrap_or("it failed")))
            }
        };
        missed.extend(why.map(|why| (words.join(" "), why)));
    }
    Ok(missed)
}

fn told(steps: &[Vec<String>], verb: &str, ui: &mut Ui) -> Result<(), Failure> {
    steps.iter().try_for_each(|words| ui.say(format!("{verb}: {}", words.join(" "))))
}

/// What the person has to run, where moai could not.
fn later(missed: &[(String, String)], ui: &mut Ui) -> Result<(), Failure> {
    for (command, why) in missed {
        ui.warn(format!("`{command}`: {why}"))?;
    }
    if missed.is_empty() { Ok(()) } else { ui.hint("run that yourself in a session of your own") }
}

fn answer(
    place: &Place,
    changed: bool,
    steps: &[Vec<String>],
    missed: &[(String, String)],
    dry_run: bool,
    ui: &mut Ui,
) -> Result<(), Failure> {
    let commands: Vec<String> = steps.iter().map(|words| words.join(" ")).collect();
    let failed = missed.iter().map(|(command, why)| json!({ "command": command, "why": why }));
    ui.answer_json(&json!({
        "schema": SCHEMA,
        "manager": place.manager.as_str(),
        "file": place.path,
        "changed": changed,
        "dry_run": dry_run,
        "commands": commands,
        "failed": failed.collect::<Vec<_>>(),
    }))
}

/// Tells systemd that the gateway answers now (`sd_notify(3)`), where it waits for that.
pub(super) fn ready(world: &World) {
    let Some(path) = world.env.text("NOTIFY_SOCKET") else { return };
    let Ok(socket) = UnixDatagram::unbound() else { return };
    // Nobody has to be listening.
    drop(send(&socket, path));
}

#[cfg(target_os = "linux")]
fn send(socket: &UnixDatagram, path: &str) -> std::io::Result<()> {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::SocketAddr;
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    socket.send_to_addr(b"READY=1", &address).map(drop)
}

#[cfg(not(target_os = "linux"))]
fn send(socket: &UnixDatagram, path: &str) -> std::io::Result<()> {
    socket.send_to(b"READY=1", path).map(drop)
}
