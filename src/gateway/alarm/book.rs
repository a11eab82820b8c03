//! What alerts write down, below `~/.moai/gateway/`, 0600: `alerts.json` is the gateway's (what stands, what waits for
//! whom, what was told), `silences.json` the person's. Each has one writer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, Engine, Event, Rule, Sink};
use crate::base::disk::{self, Access, Lock};
use crate::base::failure::{Failure, Kind};
use crate::base::world::World;

use super::deliver::Unheard;

/// The version of both files.
const SCHEMA: u32 = 1;
/// How many messages may wait for one sink; further ones push the oldest out, and are counted.
const MOST: usize = 1_000;
/// How many events are kept to be looked at.
const HISTORY: usize = 50;
/// The name that silences everything.
pub const ALL: &str = "all";

/// `alerts.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertBook {
    schema: u32,
    /// What stands.
    pub engine: Engine,
    /// What each sink is still to be told, the oldest first.
    outbox: BTreeMap<String, Vec<Event>>,
    /// How the sinks are.
    sinks: BTreeMap<String, SinkStanding>,
    /// What was told of late, the newest last.
    pub history: Vec<Event>,
}

/// How a sink is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkStanding {
    /// When it heard something last.
    pub heard: Option<Timestamp>,
    /// Why it did not hear the last message, as long as it has heard nothing since.
    pub trouble: Option<String>,
    /// How often it did not hear, one after the other.
    pub failures: u64,
    /// How many messages were pushed out.
    pub dropped: u64,
}

impl AlertBook {
    /// The book; `None` where there is none yet.
    pub fn load(world: &World) -> Result<Option<Self>, Failure> {
        read(&path(world, "alerts.json")?)
    }

    /// The book of the gateway before this one. One that cannot be read is put aside, with a word on it.
    pub(super) fn restore(world: &World) -> (Self, Option<String>) {
        match Self::load(world) {
            Ok(book) => (book.unwrap_or_default(), None),
            Err(failure) => (Self::default(), Some(put_aside(world, &failure))),
        }
    }

    /// Writes it down.
    pub(super) fn save(&mut self, world: &World) -> Result<(), Failure> {
        self.schema = SCHEMA;
        write(&path(world, "alerts.json")?, self)
    }

    /// An event for every sink that wants it.
    pub(super) fn add(&mut self, event: &Event, sinks: &[Sink]) {
        for sink in sinks.iter().filter(|sink| sink.wants(event)) {
            let waiting = self.outbox.entry(sink.name.clone()).or_default();
            waiting.push(event.clone());
            if waiting.len() > MOST {
                // Never the first: it may be under way.
                waiting.remove(1);
                self.sinks.entry(sink.name.clone()).or_default().dropped += 1;
            }
        }
        self.history.push(event.clone());
        let surplus = self.history.len().saturating_sub(HISTORY);
        self.history.drain(..surplus);
    }

    /// Forgets what waits for sinks that are none any more. Says whether there was anything.
    pub(super) fn keep(&mut self, sinks: &[Sink]) -> bool {
        let known = |name: &String| sinks.iter().any(|sink| sink.name == *name);
        let before = (self.outbox.len(), self.sinks.len());
        self.outbox.retain(|name, _| known(name));
        self.sinks.retain(|name, _| known(name));
        before != (self.outbox.len(), self.sinks.len())
    }

    /// What a sink is to be told next.
    pub(super) fn next(&self, sink: &str) -> Option<&Event> {
        self.outbox.get(sink)?.first()
    }

    /// A sink has heard its next message, or has not.
    pub(super) fn told(&mut self, sink: &str, result: Result<(), Unheard>, now: Timestamp) {
        let standing = self.sinks.entry(sink.to_owned()).or_default();
        match result {
            Ok(()) => {
                *standing = SinkStanding { heard: Some(now), dropped: standing.dropped, ..SinkStanding::default() };
                if let Some(waiting) = self.outbox.get_mut(sink).filter(|waiting| !waiting.is_empty()) {
                    waiting.remove(0);
                }
                self.outbox.retain(|_, waiting| !waiting.is_empty());
            }
            Err(why) => {
                standing.trouble = Some(why.to_string());
                standing.failures += 1;
            }
        }
    }

    /// How many messages wait for a sink.
    pub fn waiting(&self, sink: &str) -> usize {
        self.outbox.get(sink).map_or(0, Vec::len)
    }

    /// How a sink is.
    pub fn standing(&self, sink: &str) -> SinkStanding {
        self.sinks.get(sink).cloned().unwrap_or_default()
    }
}

/// An alert, or all of a rule, or everything, that nobody wants to hear of for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// `error-rate`, `slow-response/glm-4.7`, or [`ALL`].
    pub name: String,
    /// Until when.
    pub until: Timestamp,
}

/// `silences.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silences {
    schema: u32,
    /// All of them; those that are over, too.
    silences: Vec<Silence>,
}

impl Silences {
    /// What is silenced; nothing where there is no file.
    pub fn load(world: &World) -> Result<Self, Failure> {
        Ok(read(&path(world, "silences.json")?)?.unwrap_or_default())
    }

    /// Silences an alert for so long from now, whatever was said of it before.
    pub fn silence(world: &World, name: &str, time: Duration, now: Timestamp) -> Result<Silence, Failure> {
        let time = SignedDuration::try_from(time).ok().and_then(|time| now.checked_add(time).ok());
        let until = time.ok_or_else(|| Failure::usage("so long is more than a clock can count"))?;
        let silence = Silence { name: name.to_owned(), until };
        Self::change(world, now, |silences| {
            silences.retain(|one| one.name != name);
            silences.push(silence.clone());
        })?;
        Ok(silence)
    }

    /// Ends the silences of this name. Says whether there was one.
    pub fn end(world: &World, name: &str, now: Timestamp) -> Result<bool, Failure> {
        let mut found = false;
        Self::change(world, now, |silences| {
            found = silences.iter().any(|one| one.name == name);
            silences.retain(|one| one.name != name);
        })?;
        Ok(found)
    }

    fn change(world: &World, now: Timestamp, change: impl FnOnce(&mut Vec<Silence>)) -> Result<(), Failure> {
        let path = path(world, "silences.json")?;
        let _lock = Lock::take(&path.with_extension("lock"), Duration::from_secs(2), || {})?;
        let old: Self = read(&path)?.unwrap_or_default();
        let mut silences = old.silences.clone();
        silences.retain(|one| one.until > now);
        change(&mut silences);
        if silences == old.silences { Ok(()) } else { write(&path, &Self { schema: SCHEMA, silences }) }
    }

    /// Those that last.
    pub fn lasting(&self, now: Timestamp) -> impl Iterator<Item = &Silence> {
        self.silences.iter().filter(move |one| one.until > now)
    }

    /// The longest silence of an alert.
    pub fn of(&self, alert: &Alert, now: Timestamp) -> Option<&Silence> {
        let rule = alert.rule.as_str();
        let fits = |one: &&Silence| match one.name.split_once('/') {
            None => one.name == ALL || one.name == rule,
            Some((name, subject)) => name == rule && subject == alert.subject,
        };
        self.lasting(now).filter(fits).max_by_key(|one| one.until)
    }

    /// The name of a silence as it is kept; `None` where it can be none.
    pub fn name(text: &str) -> Option<String> {
        if text == ALL {
            return Some(ALL.to_owned());
        }
        let (rule, subject) = text.split_once('/').map_or((text, None), |(rule, subject)| (rule, Some(subject)));
        let rule = rule.parse::<Rule>().ok()?;
        Some(subject.map_or_else(|| rule.as_str().to_owned(), |subject| format!("{rule}/{subject}")))
    }
}

fn path(world: &World, name: &str) -> Result<PathBuf, Failure> {
    Ok(world.moai_home()?.join("gateway").join(name))
}

fn read<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<Option<T>, Failure> {
    let Some(text) = disk::read_text(path)? else { return Ok(None) };
    let wrong = |error: serde_json::Error| {
        Failure::new(Kind::Config, format!("{}: {error}", path.display()))
            .with_code("invalid-file")
            .hint(format!("move it away: `mv {0} {0}.old`", path.display()))
    };
    Ok(Some(serde_json::from_str(&text).map_err(wrong)?))
}

fn write(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::new(Kind::Bug, error.to_string()))?;
    Ok(disk::replace(path, (text + "\n").as_bytes(), Access::Private)?)
}

fn put_aside(world: &World, failure: &Failure) -> String {
    let why = failure.chain().join(": ");
    let moved = path(world, "alerts.json")
        .ok()
        .and_then(|path| std::fs::rename(&path, path.with_extension("json.unread")).ok());
    match moved {
        Some(()) => format!("what alerts had written down cannot be read and lies in alerts.json.unread: {why}"),
        None => format!("what alerts had written down cannot be read: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Shape, UrlAt, Way};
    use crate::base::world::Env;

    fn sink(name: &str) -> Sink {
        let way = Way::Hook { shape: Shape::Plain, url: UrlAt::Variable("X".into()) };
        Sink { name: name.into(), way, timeout: Duration::from_secs(1), rules: Vec::new() }
    }

    fn now() -> Timestamp {
        "2026-01-09T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn what_waits_is_there_after_a_restart_and_goes_in_its_order() {
        let home = tempfile::tempdir().unwrap();
        let world = World::scratch(home.path(), home.path(), Env::default());
        let mut book = AlertBook::default();
        let sinks = [sink("a"), sink("b")];
        let later = now() + SignedDuration::from_secs(1);
        book.add(&Event::test(now()), &sinks);
        book.add(&Event::test(later), &sinks);
        book.told("a", Ok(()), now());
        book.told("b", Err(Unheard::Timeout(Duration::from_secs(1))), now());
        book.save(&world).unwrap();
        let (mut again, trouble) = AlertBook::restore(&world);
        assert_eq!((&again, trouble), (&book, None));
        assert_eq!((again.waiting("a"), again.waiting("b")), (1, 2));
        assert_eq!(again.next("a").unwrap().at, later);
        assert_eq!((again.standing("b").failures, again.standing("a").heard), (1, Some(now())));
        assert!(again.keep(&sinks[..1]) && again.waiting("b") == 0 && !again.keep(&sinks[..1]));
        for _ in 0..MOST + 5 {
            again.add(&Event::test(now()), &sinks[..1]);
        }
        assert_eq!((again.waiting("a"), again.standing("a").dropped), (MOST, 6));
        assert_eq!(again.next("a").unwrap().at, later, "what may be under way is not pushed out");
    }

    #[test]
    fn a_book_that_cannot_be_read_is_put_aside_and_not_lost() {
        let home = tempfile::tempdir().unwrap();
        let world = World::scratch(home.path(), home.path(), Env::default());
        let path = path(&world, "alerts.json").unwrap();
        disk::replace(&path, b"{", Access::Private).unwrap();
        assert!(look_fails(&world));
        let (book, trouble) = AlertBook::restore(&world);
        assert!(trouble.unwrap().contains("alerts.json.unread") && book == AlertBook::default());
        assert_eq!(std::fs::read_to_string(path.with_extension("json.unread")).unwrap(), "{");
    }

    fn look_fails(world: &World) -> bool {
        super::super::look(world).is_err()
    }

    #[test]
    fn silences_are_of_one_of_a_rule_or_of_everything_and_end_by_themselves() {
        let home = tempfile::tempdir().unwrap();
        let world = World::scratch(home.path(), home.path(), Env::default());
        assert_eq!(Silences::name("error_rate").as_deref(), Some("error-rate"));
        assert_eq!(Silences::name("slow-response/glm-4.7").as_deref(), Some("slow-response/glm-4.7"));
        assert_eq!(Silences::name("nothing"), None);
        let hour = Duration::from_secs(3_600);
        Silences::silence(&world, "slow-response/m", hour, now()).unwrap();
        Silences::silence(&world, "budget", hour * 2, now()).unwrap();
        let mut engine = Engine::default();
        let reading = |rule, subject: &str| crate::alert::Reading {
            rule,
            subject: subject.into(),
            value: 1_000_000,
            text: String::new(),
        };
        let rules = crate::alert::Rules { slow_hold: Duration::ZERO, ..crate::alert::Rules::default() };
        let readings =
            vec![reading(Rule::SlowResponse, "m"), reading(Rule::SlowResponse, "n"), reading(Rule::Budget, "day")];
        engine.look(readings, &[], &rules, now());
        let silent = |at| {
            let silences = Silences::load(&world).unwrap();
            engine.active().map(|alert| silences.of(alert, at).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(silent(now()), [true, false, true]);
        let later = now() + SignedDuration::from_mins(90);
        assert_eq!(silent(later), [false, false, true]);
        Silences::silence(&world, ALL, hour, later).unwrap();
        assert_eq!(silent(later), [true, true, true]);
        assert!(Silences::end(&world, ALL, later).unwrap() && !Silences::end(&world, ALL, later).unwrap());
        assert_eq!(Silences::load(&world).unwrap().silences.len(), 1, "those that are over are forgotten");
    }
}
