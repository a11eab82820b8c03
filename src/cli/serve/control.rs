//! `moai serve status`, `stop` and `reload`: the gateway that runs, seen and moved from outside of its process.

use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;
use crate::cli::ui::{SCHEMA, Ui, clean};

use super::state::{self, Presence, State};
use super::words;

/// How often the state is looked at while something is waited for.
const STEP: Duration = Duration::from_millis(20);
/// How long reading the configuration may take.
const RELOAD: Duration = Duration::from_secs(10);
/// How much longer than its answers under way a gateway may take to stop.
const AFTER_DRAIN: Duration = Duration::from_secs(10);

/// Runs `moai serve status`: exit 0 where a gateway runs, else 1.
pub(super) fn status(world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let presence = state::look(world)?;
    let standing = match &presence {
        Presence::None => "stopped",
        Presence::Stale(_) => "killed",
        Presence::Starting => "starting",
        Presence::Running(_) => "running",
    };
    let (Presence::Running(state) | Presence::Stale(state)) = &presence else {
        if ui.json {
            ui.answer_json(&json!({ "schema": SCHEMA, "state": standing }))?;
        } else if presence == Presence::Starting {
            ui.answer("a gateway is just starting")?;
        } else {
            ui.answer("no gateway runs")?;
            ui.hint("start one: `moai serve`, or `moai serve --detach` in the background")?;
        }
        return Err(Failure::told(Kind::Expected));
    };
    let health = matches!(presence, Presence::Running(_)).then(|| super::access::health(world, state)).flatten();
    if ui.json {
        ui.answer_json(&document(standing, state, health.as_ref()))?;
    } else {
        for line in lines(standing, state, world, ui) {
            ui.answer(line)?;
        }
        for line in health.iter().flat_map(words::health) {
            ui.answer(format!("{}{}", ui.style.dim(&format!("{:<10}", line.label)), line.text))?;
        }
    }
    if standing == "running" { Ok(()) } else { Err(Failure::told(Kind::Expected)) }
}

/// The running gateway as JSON, for `status` and for the start.
pub(super) fn document(standing: &str, state: &State, health: Option<&serde_json::Value>) -> serde_json::Value {
    json!({
        "schema": SCHEMA,
        "state": standing,
        "url": state.url,
        "address": state.address,
        "stopping": state.stopping,
        "pid": state.pid,
        "since": state.since.to_string(),
        "directory": state.directory,
        "config": state.config,
        "model": state.model,
        "models": state.models,
        "key_file": state.key_file,
        "detached": state.detached,
        "version": state.moai,
        "reloads": state.reloads,
        "last_reload": state.last_reload.as_ref().map(|reload| json!({
            "at": reload.at.to_string(),
            "refused": reload.refused,
        })),
        "health": health,
    })
}

fn lines(standing: &str, state: &State, world: &World, ui: &Ui) -> Vec<String> {
    let style = ui.style;
    let mut lines = Vec::new();
    let mut line = |label: &str, text: String| lines.push(format!("{}{text}", style.dim(&format!("{label:<10}"))));
    if standing == "running" {
        let background = match (state.stopping, state.detached) {
            (true, _) => "stopping: it waits for the answers under way",
            (false, true) => "in the background",
            (false, false) => "in a terminal",
        };
        line("gateway", format!("{} {}", style.bold(&state.url), style.dim(&format!("({background})"))));
    } else {
        line("gateway", format!("not running; the one at {} was killed", state.url));
    }
    if let Some(reach) = words::reach(state).filter(|_| standing == "running") {
        line("reach", style.yellow(&reach.warning()));
    }
    line("process", format!("{}, since {}", state.pid, state.since.strftime("%F %T UTC")));
    line("directory", clean(&world.tilde(&state.directory)));
    if let Some(config) = &state.config {
        line("config", clean(&world.tilde(config)));
    }
    line("models", clean(&super::models_line(&state.models, state.model.as_deref())));
    let key = if state.key_file.exists() { clean(&world.tilde(&state.key_file)) } else { "revoked".into() };
    line("key", key);
    if let Some(reload) = &state.last_reload {
        let at = reload.at.strftime("%F %T UTC");
        line(
            "reload",
            match &reload.refused {
                None => format!("{at}: the configuration was read again"),
                Some(why) => style.yellow(&clean(&format!("{at}: refused, the old one counts: {why}"))),
            },
        );
    }
    lines
}

/// The gateway that runs; else an error that says how to start one.
fn require(world: &World) -> Result<State, Failure> {
    match state::look(world)? {
        Presence::Running(state) => Ok(*state),
        Presence::Starting => Err(Failure::expected("a gateway is just starting").with_code("starting")),
        Presence::None | Presence::Stale(_) => Err(Failure::expected("no gateway runs")
            .with_code("not-running")
            .hint("start one: `moai serve`, or `moai serve --detach` in the background")),
    }
}

/// Runs `moai serve stop`: asks it to end, and waits until it has.
pub(super) fn stop(world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let state = match state::look(world)? {
        Presence::Running(state) => *state,
        Presence::Starting => return Err(Failure::expected("a gateway is just starting").with_code("starting")),
        Presence::None | Presence::Stale(_) => {
            if ui.json {
                return ui.answer_json(&json!({ "schema": SCHEMA, "action": "unchanged", "state": "stopped" }));
            }
            return ui.say("no gateway runs: nothing to stop");
        }
    };
    world.interrupt.listen();
    state::signal(&state, Signal::TERM)?;
    let mut left = Duration::from_secs(state.drain) + AFTER_DRAIN;
    let mut told = false;
    while is_same(world, &state)? {
        world.interrupt.check()?;
        if left.is_zero() {
            let why = format!("process {} has not ended", state.pid);
            return Err(Failure::expected(why)
                .with_code("does-not-stop")
                .hint(format!("end it at once: `kill -9 {}`; what is under way is lost with it", state.pid)));
        }
        if !told && left < Duration::from_secs(state.drain) + AFTER_DRAIN.saturating_sub(Duration::from_secs(1)) {
            told = true;
            ui.say("waiting for the answers that are under way")?;
        }
        sleep(STEP);
        left = left.saturating_sub(STEP);
    }
    if ui.json {
        return ui.answer_json(
            &json!({ "schema": SCHEMA, "action": "stopped", "state": "stopped", "url": state.url, "pid": state.pid }),
        );
    }
    ui.say(format!("the gateway at {} has stopped", state.url))
}

fn is_same(world: &World, state: &State) -> Result<bool, Failure> {
    Ok(match state::look(world)? {
        Presence::Running(now) => now.nonce == state.nonce,
        // It has taken its file away and is about to end.
        Presence::Starting => true,
        Presence::None | Presence::Stale(_) => false,
    })
}

/// Runs `moai serve reload`: has the configuration read again, and says what came of it.
pub(super) fn reload(world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let before = require(world)?;
    world.interrupt.listen();
    state::signal(&before, Signal::HUP)?;
    let mut left = RELOAD;
    let reload = loop {
        world.interrupt.check()?;
        let now = require(world)?;
        if now.reloads > before.reloads
            && let Some(reload) = now.last_reload
        {
            break reload;
        }
        if left.is_zero() {
            return Err(Failure::expected(format!("process {} has not answered", before.pid))
                .with_code("no-reload")
                .hint("see what it does: `moai serve status`"));
        }
        sleep(STEP);
        left = left.saturating_sub(STEP);
    };
    if let Some(why) = reload.refused {
        return Err(Failure::new(Kind::Config, format!("{why}; the old configuration still counts"))
            .with_code("reload-refused")
            .hint("mend it and run `moai serve reload` again"));
    }
    if ui.json {
        return ui.answer_json(&json!({ "schema": SCHEMA, "action": "reloaded", "at": reload.at.to_string() }));
    }
    ui.say("the configuration was read again; requests under way end on the old one")
}
