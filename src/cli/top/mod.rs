//! `moai top`: what goes on now, in a terminal: the day's sums, requests as they come, providers, conversations. It
//! looks into the journal, so it works without a gateway; one that runs says what is under way and which alerts stand.

mod draw;
mod frame;

use std::time::Duration;

use ratatui_core::layout::Rect;
use serde_json::Value;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::journal::Recorder;

use super::books::{daily_budget, recorder};
use super::here::Here;
use super::serve;
use super::ui::{Screen, Ui, Wish, plain};

use frame::{Frame, Gateway};

/// Watch what goes on: the day's sums, requests as they come, providers, conversations
///
/// `q`, Escape and Ctrl-C end it. Where standard output is no terminal, and with --once, it tells how things stand and
/// ends. It looks into the journal, where the gateway and `moai route` write within a fifth of a second, and asks a
/// gateway that runs what is under way and which alerts stand.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai top
  moai top --every 5        look every five seconds
  moai top --once           as text, once
  moai top --json           as a document, once")]
pub(super) struct Args {
    /// Tell how things stand once, as text, and end
    #[arg(long)]
    once: bool,
    /// Look so often, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=3600))]
    every: u16,
}

/// Runs `moai top`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let recorder = recorder(world, &here)?;
    let budget = daily_budget(&here.config);
    let look = |journal: Option<&_>| Frame::read(journal, budget, gateway(world), world.now(), world.zone());
    if args.once || ui.json || !ui.is_screen() {
        let journal = recorder.look()?;
        let frame = look(journal.as_ref())?;
        if ui.json {
            return ui.answer_json(&Value::Object(frame.document()));
        }
        let width = ui.width().unwrap_or(100);
        return ui.answer(plain(&draw::draw(&frame, Rect::new(0, 0, width, draw::whole(&frame, width)), false)));
    }
    live(&recorder, Duration::from_secs(args.every.into()), &look, world, ui)
}

/// What the gateway says of itself, where one runs and answers.
fn gateway(world: &World) -> Option<Gateway> {
    serve::health(world).as_ref().map(Gateway::of)
}

fn live(
    recorder: &Recorder,
    every: Duration,
    look: &dyn Fn(Option<&crate::journal::Journal>) -> Result<Frame, crate::journal::JournalError>,
    world: &World,
    ui: &Ui,
) -> Result<(), Failure> {
    world.interrupt.listen();
    let mut journal = recorder.look()?;
    let mut frame = look(journal.as_ref())?;
    let mut screen = Screen::open()?;
    loop {
        screen.show(draw::draw(&frame, screen.area(), ui.style.coloured()))?;
        let end = std::time::Instant::now() + every;
        loop {
            // Signals are looked for four times a second.
            let left = end.saturating_duration_since(std::time::Instant::now());
            match screen.wait(left.min(Duration::from_millis(250)))? {
                Wish::Quit => return Ok(()),
                Wish::Draw => screen.show(draw::draw(&frame, screen.area(), ui.style.coloured()))?,
                Wish::Nothing => {}
            }
            world.interrupt.check()?;
            if left.is_zero() {
                break;
            }
        }
        // A journal that is made while we watch is seen, and so is one that is put in the place of another.
        if journal.is_none() {
            journal = recorder.look()?;
        }
        match look(journal.as_ref()) {
            Ok(next) => frame = next,
            Err(error) => {
                frame.note = Some(error.to_string());
                journal = None;
            }
        }
    }
}
