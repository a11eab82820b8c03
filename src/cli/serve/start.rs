//! Starting the gateway: the settings, the socket, and then this process or one in the background. The socket is open
//! before anything else begins, so that a start either has the port or says who has it.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::base::disk::{self, Access, DiskError};
use crate::base::failure::{Failure, Kind};
use crate::base::program::Program;
use crate::base::world::World;
use crate::cli::ui::{Ui, clean};
use crate::config::CONFIG_VAR;
use crate::upstream::check_proxies;

use super::snapshot::{Loader, ready};
use super::state::{self, Presence, State};
use super::{StartArgs, listen, run, words};

/// Runs `moai serve`.
pub(super) fn begin(args: &StartArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let (world, config) = with_config(args.config.as_deref(), world)?;
    check_proxies(|variable| world.env.text(variable))?;
    if args.socket {
        let listener = listen::inherited()?;
        leave_the_terminal();
        return run::run(run::Start { listener, config, model: args.model.clone(), detached: true }, &world, ui);
    }
    let listener = open(args, &world)?;
    if !args.detach {
        if args.until_eof {
            end_with_input();
        }
        return run::run(run::Start { listener, config, model: args.model.clone(), detached: false }, &world, ui);
    }
    let document = send_off(listener, config.as_deref(), args.model.as_deref(), &world)?;
    let document = document.map_err(|document| failed(&document, ui))?;
    if ui.json {
        return ui.answer_json(&document);
    }
    let Presence::Running(state) = state::look(&world)? else { return Err(gone()) };
    words::tell_ready(&state, &world, ui)?;
    let log = world.tilde(&log(&world)?);
    ui.say(format!("it runs in the background: `moai serve stop` ends it; its log is {log}"))
}

fn names(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The file that a gateway in the background writes its lines to.
pub(super) fn log(world: &World) -> Result<PathBuf, Failure> {
    Ok(world.moai_home()?.join("logs").join("gateway.log"))
}

/// The world with `--config` in it, and that file's whole path.
fn with_config(config: Option<&Path>, world: &World) -> Result<(World, Option<PathBuf>), Failure> {
    let mut world = world.clone();
    let Some(path) = config else { return Ok((world, None)) };
    let whole = world.cwd()?.join(path);
    if !whole.is_file() {
        return Err(Failure::usage(format!("--config: there is no file {}", path.display())).with_code("no-config"));
    }
    world.env.set(CONFIG_VAR, &whole);
    Ok((world, Some(whole)))
}

/// How long another start may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(20);

/// The world of a gateway that is everybody's: no project's settings count in it.
fn at_home(world: &World) -> Result<World, Failure> {
    let mut home = world.clone();
    home.set_cwd(world.home()?.to_path_buf());
    Ok(home)
}

/// The models that a gateway could ask which [`ensure`] would start.
pub(super) fn models(world: &World) -> Result<Vec<String>, Failure> {
    let loaded = Loader::new(&at_home(world)?, "", None).load()?;
    Ok(ready(&loaded.snapshot.roster))
}

/// See [`super::ensure`].
pub(super) fn ensure(world: &World, say: &mut dyn FnMut(&str) -> Result<(), Failure>) -> Result<State, Failure> {
    if let Some(state) = wait_for(world)? {
        return Ok(state);
    }
    let home = at_home(world)?;
    let serve = Loader::serve(&home)?;
    let listener = match listen::bind(&home, &serve.host, serve.port) {
        Ok(listener) => listener,
        Err(failure) if failure.code() == "port-in-use" => {
            // Another start may be a step ahead of us.
            if let Some(state) = wait_for(world)? {
                return Ok(state);
            }
            say(&format!("{}; taking another one", failure.chain().join(": ")))?;
            listen::bind(&home, &serve.host, 0)?
        }
        Err(failure) => return Err(failure),
    };
    let document = send_off(listener, None, None, &home)?;
    match (document, wait_for(world)?) {
        (Ok(_), Some(state)) => {
            say(&format!("started the gateway at {} in the background; `moai serve stop` ends it", state.url))?;
            Ok(state)
        }
        // Somebody else's was quicker.
        (Err(_), Some(state)) => Ok(state),
        (Err(document), None) => Err(failure_of(&document)),
        (Ok(_), None) => Err(gone()),
    }
}

fn gone() -> Failure {
    Failure::expected("the gateway ended as soon as it was ready").with_code("not-started")
}

/// The gateway that runs or is just starting.
fn wait_for(world: &World) -> Result<Option<State>, Failure> {
    let mut left = PATIENCE;
    loop {
        match state::look(world)? {
            Presence::Running(state) => return Ok(Some(*state)),
            Presence::None | Presence::Stale(_) => return Ok(None),
            Presence::Starting if left.is_zero() => return Err(state::already(&Presence::Starting)),
            Presence::Starting => {}
        }
        sleep(STEP);
        left = left.saturating_sub(STEP);
    }
}

/// The socket, where no gateway runs yet.
fn open(args: &StartArgs, world: &World) -> Result<TcpListener, Failure> {
    let serve = Loader::serve(world)?;
    match state::look(world)? {
        running @ (Presence::Running(_) | Presence::Starting) => return Err(state::already(&running)),
        Presence::None | Presence::Stale(_) => {}
    }
    listen::bind(world, args.host.as_deref().unwrap_or(&serve.host), args.port.unwrap_or(serve.port))
}

/// Starts the gateway in a process of its own and waits until it is ready: its document, or that of its failure.
fn send_off(
    listener: TcpListener,
    config: Option<&Path>,
    model: Option<&str>,
    world: &World,
) -> Result<Result<Value, Value>, Failure> {
    let log = log(world)?;
    let errors = open_log(&log)?;
    let mut program = itself(world)?.args(["serve", "--json", "--socket"]);
    if let Some(config) = config {
        program = program.args(["--config".as_ref(), config.as_os_str()]);
    }
    if let Some(model) = model {
        program = program.args(["--model", model]);
    }
    let mut child = program.detach(OwnedFd::from(listener), errors)?;
    let said = child.stdout.take().map(first_document).transpose()?.flatten();
    match said {
        Some(document) if document.get("error").is_some() => Ok(Err(document)),
        Some(document) => Ok(Ok(document)),
        None => Err(Failure::new(Kind::Expected, "the gateway ended before it was ready")
            .with_code("not-started")
            .hint(format!("its log says why: {}", world.tilde(&log)))),
    }
}

/// The program that runs here.
pub(super) fn itself(world: &World) -> Result<Program, Failure> {
    let own =
        std::env::current_exe().map_err(|error| Failure::expected(format!("cannot find moai itself: {error}")))?;
    let own = own.to_str().ok_or_else(|| Failure::expected("the path of moai is not text"))?;
    Ok(Program::new(world, own)?)
}

fn open_log(path: &Path) -> Result<File, Failure> {
    if let Some(parent) = path.parent() {
        disk::create_dirs(parent, Access::Private)?;
    }
    let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    Ok(opened.map_err(DiskError::io("write", path))?)
}

/// The first JSON document of a stream that stays open; `None` where it ends before.
pub(super) fn first_document(stream: impl Read) -> Result<Option<Value>, Failure> {
    let mut text = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line.map_err(|error| Failure::expected(format!("cannot hear the gateway: {error}")))?;
        text.push_str(&line);
        text.push('\n');
        if let Ok(document) = serde_json::from_str(&text) {
            return Ok(Some(document));
        }
    }
    Ok(None)
}

/// The failure of the process in the background as this one's.
fn failed(document: &Value, ui: &mut Ui) -> Failure {
    let failure = failure_of(document);
    if !ui.json {
        return failure;
    }
    let kind = failure.kind();
    // Its own code is known there alone.
    match ui.complain(&failure).and_then(|()| ui.answer_json(document)) {
        Ok(()) => Failure::told(kind),
        Err(failure) => failure,
    }
}

pub(super) fn failure_of(document: &Value) -> Failure {
    let error = |name: &str| document.get("error").and_then(|error| error.get(name));
    let kind = match error("exit").and_then(Value::as_u64) {
        Some(2) => Kind::Usage,
        Some(3) => Kind::Config,
        Some(4) => Kind::Upstream,
        Some(70) => Kind::Bug,
        _ => Kind::Expected,
    };
    let message = clean(error("message").and_then(Value::as_str).unwrap_or("the gateway did not start"));
    names(error("hints")).into_iter().fold(Failure::new(kind, message), Failure::hint)
}

/// Has the end of standard input be a wish to stop: it ends with whoever holds its other end.
fn end_with_input() {
    std::thread::spawn(|| {
        // Input that cannot be read has ended, too.
        drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        let _told = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM);
    });
}

/// A session of its own, so that the end of the terminal is not its end; and standard input is the socket no more: it
/// would stay open when the gateway has closed it.
fn leave_the_terminal() {
    // Where it leads a session already, it needs no other.
    let _led_already = rustix::process::setsid();
    if let Ok(nothing) = File::open("/dev/null") {
        // Where that fails, connections during the drain wait until the process ends.
        let _stays = rustix::stdio::dup2_stdin(nothing);
    }
}
