//! Many prompts: a line of JSON for each, in their order. A line that fails says so in its own place, and the next one
//! is asked.

use serde_json::json;

use crate::base::failure::{Failure, Kind};
use crate::cli::ui::{SCHEMA, Ui};

use super::Args;
use super::desk::Desk;
use super::explain;
use super::input::{Line, Lines};
use super::one::empty;
use super::report::Report;
use super::send::{Asked, Sender, Talk, warn_of_trouble};
use super::sink::Sink;

/// Answers every line.
pub(super) fn run(args: &Args, lines: Lines, mut desk: Desk, ui: &mut Ui) -> Result<(), Failure> {
    let ended = each(args, lines, &mut desk, ui);
    desk.books.flush();
    ended
}

fn each(args: &Args, mut lines: Lines, desk: &mut Desk, ui: &mut Ui) -> Result<(), Failure> {
    let mut sink = Sink::of(args.output.as_deref(), &desk.place.world)?;
    let sender = if args.dry_run { None } else { Some(Sender::new(desk)?) };
    let mut count = 0_u64;
    let mut failed: Vec<Kind> = Vec::new();
    loop {
        let line = match lines.next() {
            Ok(Some(line)) => line,
            Ok(None) => break,
            Err(failure) => {
                sink.close(false, ui)?;
                return Err(failure);
            }
        };
        count += 1;
        let (number, id) = (line.number, line.id.clone());
        let (text, failure) = match answer(args, line, sender.as_ref(), desk, ui) {
            Ok((report, failure)) => (to_line(&report.of_line(number, id))?, failure),
            Err(failure) if failure.kind() == Kind::ClosedPipe => return Err(failure),
            Err(failure) => {
                let error = ui.failure_json(&failure);
                let line = json!({ "schema": SCHEMA, "id": id, "line": number, "error": error });
                (to_line(&line)?, Some(failure))
            }
        };
        sink.line(&text, ui)?;
        if let Some(failure) = failure {
            if matches!(failure.kind(), Kind::Interrupted(_)) {
                sink.close(false, ui)?;
                return Err(failure);
            }
            failed.push(failure.kind());
        }
    }
    sink.close(true, ui)?;
    if failed.is_empty() {
        return Ok(());
    }
    ui.say(format!("{} of {count} lines failed; each says why in `error`", failed.len()))?;
    let same = failed.windows(2).all(|pair| pair.first() == pair.last());
    Err(Failure::told(failed.first().copied().filter(|_| same).unwrap_or(Kind::Expected)))
}

/// The report of a line, and what went wrong on its way.
fn answer(
    args: &Args,
    line: Line,
    sender: Option<&Sender>,
    desk: &mut Desk,
    ui: &mut Ui,
) -> Result<(Report, Option<Failure>), Failure> {
    desk.place.world.interrupt.check()?;
    let text = line.text.map_err(|why| Failure::usage(why).with_code("bad-line"))?;
    if let Some(sender) = sender {
        if text.trim().is_empty() {
            return Err(empty());
        }
        let mut talk = Talk::of(args, desk, false, ui)?;
        let decided = desk.decide(args.next(&text), talk.as_ref().map(Talk::conversation), false)?;
        explain::doubts(&decided).iter().try_for_each(|doubt| ui.warn(doubt))?;
        desk.log(&decided, &text, false, args, ui)?;
        let sent = sender.send(Asked { args, text: &text, decided: &decided }, talk.as_mut(), desk, None, ui)?;
        let report = Report::decided(&decided, desk.books.prices(), args.choice.session.as_ref()).sent(&sent);
        return match sent.finished.check().map_err(Failure::from) {
            Ok(()) => Ok((report, None)),
            Err(failure) => Ok((report.failed(&failure, ui), Some(failure))),
        };
    }
    let talk = Talk::of(args, desk, true, ui)?;
    let decided = desk.decide(args.next(&text), talk.as_ref().map(Talk::conversation), true)?;
    explain::doubts(&decided).iter().try_for_each(|doubt| ui.warn(doubt))?;
    warn_of_trouble(desk, ui)?;
    desk.remember(&decided, &text);
    desk.log(&decided, &text, true, args, ui)?;
    Ok((Report::decided(&decided, desk.books.prices(), args.choice.session.as_ref()), None))
}

fn to_line(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|error| Failure::new(Kind::Bug, format!("cannot write JSON: {error}")))
}
