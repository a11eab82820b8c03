//! One prompt.

use crate::base::failure::Failure;
use crate::cli::ui::Ui;

use super::Args;
use super::desk::{Decided, Desk};
use super::explain;
use super::report::Report;
use super::send::{Asked, Sender, Sent, Talk, warn_of_trouble};
use super::sink::Sink;

/// Decides on `text`, and sends it unless it is a dry run.
pub(super) fn run(args: &Args, text: &str, mut desk: Desk, ui: &mut Ui) -> Result<(), Failure> {
    let mut sink = Sink::of(args.output.as_deref(), &desk.place.world)?;
    if text.trim().is_empty() && !args.dry_run {
        return Err(empty());
    }
    let mut talk = Talk::of(args, &mut desk, args.dry_run, ui)?;
    let decided = desk.decide(args.next(text), talk.as_ref().map(Talk::conversation), args.dry_run)?;
    explain::doubts(&decided).iter().try_for_each(|doubt| ui.warn(doubt))?;
    desk.log(&decided, text, args.dry_run, args, ui)?;
    if args.dry_run {
        desk.remember(&decided, text);
        desk.books.flush();
        warn_of_trouble(&desk, ui)?;
        return dry(args, text, &decided, &desk, sink, ui);
    }
    if args.explain && !ui.json {
        for line in explain::lines(&decided, text, &desk, ui.talk) {
            ui.say(line)?;
        }
    } else {
        let line = ui.talk.dim(&explain::line(&decided));
        ui.say(line)?;
    }
    let sender = Sender::new(&desk)?;
    let streams = sink.streams() && !ui.json && !args.wish.no_stream;
    let shown = streams.then_some(&mut sink);
    let sent = sender.send(Asked { args, text, decided: &decided }, talk.as_mut(), &mut desk, shown, ui)?;
    let checked = sent.finished.check().map_err(Failure::from);
    if ui.json {
        return json(args, &decided, &sent, checked, &desk, sink, ui);
    }
    if let Some(answer) = sent.finished.answer.as_ref().filter(|_| !streams) {
        sink.put(&answer.text, ui)?;
    }
    sink.close(checked.is_ok(), ui)?;
    checked?;
    explain::short(&sent).map_or(Ok(()), |why| ui.warn(why))?;
    let line = ui.talk.dim(&explain::summary(&decided, &sent));
    ui.say(line)
}

/// An empty prompt can be classified, but nobody can answer it.
pub(super) fn empty() -> Failure {
    Failure::usage("the prompt is empty")
        .with_code("empty-prompt")
        .hint("give the prompt: `moai route \"API 설계해줘\"`; `--dry-run` says where an empty one would go")
}

fn dry(args: &Args, text: &str, decided: &Decided, desk: &Desk, mut sink: Sink, ui: &mut Ui) -> Result<(), Failure> {
    if ui.json {
        let report = Report::decided(decided, desk.books.prices(), args.choice.session.as_ref());
        put_json(&report, &mut sink, ui)?;
    } else if args.explain {
        for line in explain::lines(decided, text, desk, ui.style) {
            sink.line(&line, ui)?;
        }
    } else {
        sink.line(&explain::line(decided), ui)?;
    }
    if let Some(why) = decided.missing.as_ref().filter(|_| !ui.json) {
        let (warning, hints) = explain::missing(why);
        ui.say(warning)?;
        hints.iter().take(1).try_for_each(|hint| ui.hint(hint))?;
    }
    sink.close(true, ui)
}

fn json(
    args: &Args,
    decided: &Decided,
    sent: &Sent,
    checked: Result<(), Failure>,
    desk: &Desk,
    mut sink: Sink,
    ui: &mut Ui,
) -> Result<(), Failure> {
    let report = Report::decided(decided, desk.books.prices(), args.choice.session.as_ref()).sent(sent);
    let Err(failure) = checked else {
        put_json(&report, &mut sink, ui)?;
        return sink.close(true, ui);
    };
    // Who was tried, and what there is of an answer, with what broke it.
    put_json(&report.failed(&failure, ui), &mut sink, ui)?;
    sink.close(false, ui)?;
    ui.complain(&failure)?;
    Err(Failure::told(failure.kind()))
}

fn put_json(report: &Report, sink: &mut Sink, ui: &mut Ui) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(report)
        .map_err(|error| Failure::new(crate::base::failure::Kind::Bug, format!("cannot write JSON: {error}")))?;
    sink.line(&text, ui)
}
