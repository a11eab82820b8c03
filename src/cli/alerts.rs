//! `moai alerts`: what stands, who is told of it, and silence for a while. The gateway does the watching; this reads
//! what it has written down.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::alert::{Alert, Event, Rule, Rules, Sink};
use crate::base::failure::Failure;
use crate::base::world::World;
use crate::config::{Alerts, Routing};
use crate::gateway::{self, ALL, AlertBook, Silence, Silences};
use crate::log::Log;

use super::costs::counted;
use super::here::Here;
use super::serve::state::{self, Presence};
use super::ui::{Column, SCHEMA, Style, Table, Ui, clean};

/// The sink that is always there.
const LOG: &str = "log";
/// How many events `list` shows.
const SHOWN: usize = 10;

/// What is wrong, who is told of it, and silence
///
/// A gateway that runs (`moai serve`) looks every few seconds: what the last hour cost, how slow answers are, how many
/// fail, how budgets stand, which provider cannot be asked, what has no price. Each alert is told when it begins and when
/// it is over, to the log and to the sinks of `[alerts.sinks]`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai alerts list
  moai alerts test                      does everybody hear who should?
  moai alerts silence error-rate --for 2h
  moai alerts silence all --for 30m
  moai alerts unsilence error-rate")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// What stands, what is silenced, how the sinks are, and what was told of late
    #[command(after_help = "Examples:\n  moai alerts list\n  moai alerts list --json | jq '.alerts[].message'")]
    List,
    /// Tell every sink, or this one, that this is a test
    #[command(
        after_help = "Examples:\n  moai alerts test\n  moai alerts test team\n\nExit 1 where somebody does not hear."
    )]
    Test(TestArgs),
    /// Tell nobody of an alert for a while; what it missed is told afterwards
    #[command(
        after_help = "Examples:\n  moai alerts silence error-rate --for 2h\n  moai alerts silence slow-response/glm-4.7 --for 1d\n  moai alerts silence all --for 30m"
    )]
    Silence(SilenceArgs),
    /// End a silence
    #[command(after_help = "Examples:\n  moai alerts unsilence error-rate\n  moai alerts unsilence all")]
    Unsilence(NameArgs),
}

#[derive(Debug, clap::Args)]
struct TestArgs {
    /// The sink; else all of them
    #[arg(value_name = "SINK")]
    sink: Option<String>,
}

#[derive(Debug, clap::Args)]
struct SilenceArgs {
    /// The alert, or one of them (`slow-response/glm-4.7`), or `all`
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
    /// How long: 90s, 30m, 2h, 1d, 1h30m
    #[arg(long = "for", value_name = "TIME", value_parser = span)]
    time: Duration,
}

#[derive(Debug, clap::Args)]
struct NameArgs {
    /// The alert, or one of them, or `all`
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,
}

/// Runs `moai alerts`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    match &args.command {
        Command::List => list(world, ui),
        Command::Test(args) => test(args.sink.as_deref(), world, ui),
        Command::Silence(args) => {
            let silence = Silences::silence(world, &args.name, args.time, world.now())?;
            if ui.json {
                return ui.answer_json(&json!({ "schema": SCHEMA, "silenced": silent(&silence) }));
            }
            ui.answer(format!("{} is silent until {}", clean(&silence.name), local(silence.until, world)))
        }
        Command::Unsilence(args) => {
            let ended = Silences::end(world, &args.name, world.now())?;
            if ui.json {
                return ui.answer_json(&json!({ "schema": SCHEMA, "unsilenced": args.name, "was_silenced": ended }));
            }
            let what = clean(&args.name);
            ui.answer(if ended { format!("{what} is told again") } else { format!("{what} was not silenced") })
        }
    }
}

fn configured(world: &World) -> Result<(Alerts, u64), Failure> {
    let here = Here::quietly(world)?;
    let routing = Routing::load(world, &here.project, &here.config)?;
    Ok((routing.alerts, routing.log.max_bytes))
}

fn list(world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let (alerts, _) = configured(world)?;
    let (book, silences) = gateway::alerts(world)?;
    let watched = matches!(state::look(world)?, Presence::Running(_));
    let now = world.now();
    if ui.json {
        return ui.answer_json(&document(&alerts, &book, &silences, watched, world));
    }
    let standing: Vec<&Alert> = book.engine.active().collect();
    if !watched {
        ui.warn("no gateway runs, so nobody watches; this is how the last one left it")?;
    }
    if standing.is_empty() {
        ui.answer("nothing is wrong")?;
    } else {
        let mut table = Table::new([Column::fixed("alert"), Column::fixed("since"), Column::shrinking("what")]);
        for alert in standing {
            let silence = silences.of(alert, now).map(|one| format!(" (silent until {})", local(one.until, world)));
            table.row([
                (alert.rule.as_str().to_owned(), style(alert.severity())),
                (local(alert.since, world), Style::Dim),
                (clean(&alert.text) + &silence.unwrap_or_default(), Style::Plain),
            ]);
        }
        ui.answer_table(&table)?;
    }
    for one in silences.lasting(now) {
        ui.answer(format!("silent until {}: {}", local(one.until, world), clean(&one.name)))?;
    }
    for sink in &alerts.sinks {
        ui.answer(clean(&told_of(sink, &book, world)))?;
    }
    let recent: Vec<&Event> = book.history.iter().rev().take(SHOWN).collect();
    for (place, event) in recent.into_iter().enumerate() {
        let head = if place == 0 { "\n" } else { "" };
        let at = ui.style.dim(&local(event.at, world));
        ui.answer(format!("{head}{at} {}", clean(&event.sentence())))?;
    }
    if alerts.sinks.is_empty() {
        ui.hint("alerts go to the log alone; for Slack, Discord, a webhook or a program see docs/alerts.md")?;
    }
    Ok(())
}

fn told_of(sink: &Sink, book: &AlertBook, world: &World) -> String {
    let how = book.standing(&sink.name);
    let waiting = match book.waiting(&sink.name) as u64 {
        0 => String::new(),
        waiting => format!(", {} waiting", counted(waiting, "message")),
    };
    let state = match (&how.trouble, how.heard) {
        (Some(trouble), _) => format!(": {trouble} ({})", counted(how.failures, "time")),
        (None, Some(heard)) => format!(", heard last {}", local(heard, world)),
        (None, None) => String::new(),
    };
    let dropped = match how.dropped {
        0 => String::new(),
        dropped => format!("; {dropped} of the oldest were given up"),
    };
    format!("sink {} ({}){waiting}{state}{dropped}", sink.name, sink.kind())
}

fn test(wanted: Option<&str>, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let (alerts, most) = configured(world)?;
    let known = |name: &str| name == LOG || alerts.sinks.iter().any(|sink| sink.name == name);
    if let Some(wanted) = wanted.filter(|wanted| !known(wanted)) {
        let names: Vec<&str> = std::iter::once(LOG).chain(alerts.sinks.iter().map(|sink| sink.name.as_str())).collect();
        return Err(Failure::expected(format!("there is no sink `{}`", clean(wanted)))
            .with_code("no-such-sink")
            .hint(format!("one of {}", clean(&names.join(", ")))));
    }
    let event = Event::test(world.now());
    let machine = world.machine();
    let is_wanted = |name: &str| wanted.is_none_or(|wanted| wanted == name);
    let mut results: Vec<(&str, &str, Option<String>)> = Vec::new();
    if is_wanted(LOG) {
        let log = Log::alerts(&world.moai_home()?.join("logs"), most);
        let written = log.add(&event.document(&machine));
        results.push((LOG, LOG, written.err().map(|error| error.to_string())));
    }
    for sink in alerts.sinks.iter().filter(|sink| is_wanted(&sink.name)) {
        let told = gateway::deliver(sink, &event, world, &machine);
        results.push((&sink.name, sink.kind(), told.err().map(|error| error.to_string())));
    }
    let heard = results.iter().all(|(.., why)| why.is_none());
    if ui.json {
        let results: Vec<Value> = results
            .iter()
            .map(|(name, kind, why)| json!({ "sink": name, "kind": kind, "heard": why.is_none(), "error": why }))
            .collect();
        ui.answer_json(&json!({ "schema": SCHEMA, "results": results }))?;
    } else {
        for (name, kind, why) in &results {
            let what = why.as_ref().map_or_else(|| ui.style.green("heard it"), |why| ui.style.red(&clean(why)));
            ui.answer(format!("{} ({kind}): {what}", clean(name)))?;
        }
    }
    if heard { Ok(()) } else { Err(Failure::told(crate::base::failure::Kind::Expected)) }
}

fn document(alerts: &Alerts, book: &AlertBook, silences: &Silences, watched: bool, world: &World) -> Value {
    let now = world.now();
    let machine = world.machine();
    let standing = |alert: &Alert| {
        let mut document = alert.document();
        if let Some(fields) = document.as_object_mut() {
            fields.insert("told".into(), json!(alert.told == alert.step));
            let silent = silences.of(alert, now).map(|one| one.until.to_string());
            fields.insert("silent_until".into(), json!(silent));
        }
        document
    };
    let sink = |sink: &Sink| {
        let how = book.standing(&sink.name);
        json!({
            "name": sink.name,
            "kind": sink.kind(),
            "only": sink.rules,
            "waiting": book.waiting(&sink.name),
            "heard": how.heard.map(|at| at.to_string()),
            "error": how.trouble,
            "failures": how.failures,
            "dropped": how.dropped,
        })
    };
    json!({
        "schema": SCHEMA,
        "watched": watched,
        "alerts": book.engine.active().map(standing).collect::<Vec<_>>(),
        "rules": Rule::ALL.map(|rule| rule_document(rule, &alerts.rules)),
        "silences": silences.lasting(now).map(silent).collect::<Vec<_>>(),
        "sinks": alerts.sinks.iter().map(sink).collect::<Vec<_>>(),
        "recent": book.history.iter().rev().take(SHOWN).map(|event| event.document(&machine)).collect::<Vec<_>>(),
    })
}

fn rule_document(rule: Rule, rules: &Rules) -> Value {
    let threshold = rules.threshold(rule);
    json!({
        "alert": rule,
        "on": rules.is_on(rule),
        "steps": threshold.steps.iter().map(|step| rule.in_unit(*step)).collect::<Vec<_>>(),
        "ends_below": rule.in_unit(threshold.clear),
        "for_seconds": threshold.hold.as_secs_f64(),
        "unit": rule.unit(),
    })
}

fn silent(silence: &Silence) -> Value {
    json!({ "name": silence.name, "until": silence.until.to_string() })
}

fn style(severity: &str) -> Style {
    match severity {
        "critical" => Style::Red,
        "warning" => Style::Bold,
        _ => Style::Plain,
    }
}

fn local(at: Timestamp, world: &World) -> String {
    at.to_zoned(world.zone()).strftime("%F %T").to_string()
}

fn name(text: &str) -> Result<String, String> {
    let names = || Rule::ALL.map(Rule::as_str).join(", ");
    Silences::name(text).ok_or_else(|| format!("there is no such alert: {}, or {ALL}", names()))
}

/// `90s`, `30m`, `2h`, `1d`, and several of them: `1h30m`.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time such as 90s, 30m, 2h, 1d or 1h30m".to_owned();
    let mut seconds: u64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at(end);
        let unit = match after.chars().next() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3_600,
            Some('d') => 86_400,
            _ => return Err(wrong()),
        };
        let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)).ok_or_else(wrong)?;
        seconds = seconds.checked_add(part).ok_or_else(wrong)?;
        rest = after.get(1..).unwrap_or_default();
    }
    if seconds == 0 { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("2h", 7_200), ("1d", 86_400), ("1h30m", 5_400)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)));
        }
        for wrong in ["", "2", "h", "0m", "2w", "-1h", "99999999999999999999h", "2 h"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
