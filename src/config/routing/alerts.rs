//! Alerts out of the settings.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::alert::{Rule, Rules, Shape, Sink, UrlAt, Way};
use crate::config::error::ConfigError;
use crate::config::keys::Value;
use crate::config::layers::{Origin, Setting, wrong};
use crate::model::Usd;

use super::fixed::Fixed;
use super::group::{duration, groups};

/// How long one message may take, where nobody says so.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The sink that is always there.
const LOG: &str = "log";

/// `alerts.…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// What is watched.
    pub rules: Rules,
    /// How often.
    pub every: Duration,
    /// Who is told, beside the log.
    pub sinks: Vec<Sink>,
}

impl Default for Alerts {
    fn default() -> Self {
        Self { rules: Rules::default(), every: Duration::from_secs(5), sinks: Vec::new() }
    }
}

/// A sink's settings by their names.
type Fields<'a> = BTreeMap<&'a str, &'a Setting>;

/// Reads them; `path` makes a whole path of a file's name.
pub(super) fn alerts(
    fixed: Fixed<'_>,
    free: &[Setting],
    path: impl Fn(&str) -> PathBuf,
) -> Result<Alerts, ConfigError> {
    let standard = Alerts::default();
    let rules = &standard.rules;
    let time = |name: &str, default| fixed.duration(name).unwrap_or(default);
    let part = |name: &str, default| fixed.value(name).and_then(share).unwrap_or(default);
    let cost = fixed.value("alerts.cost_per_hour.above").and_then(|value| value.to_string().parse().ok());
    let rules = Rules {
        off: names(fixed.value("alerts.off")),
        cost_per_hour: cost.unwrap_or(rules.cost_per_hour),
        cost_hold: time("alerts.cost_per_hour.for", rules.cost_hold),
        slow_response: time("alerts.slow_response.above", rules.slow_response),
        slow_hold: time("alerts.slow_response.for", rules.slow_hold),
        error_rate: part("alerts.error_rate.above", rules.error_rate).max(1),
        error_hold: time("alerts.error_rate.for", rules.error_hold),
        down_hold: time("alerts.provider_down.for", rules.down_hold),
        window: time("alerts.window", rules.window),
        least: fixed.number("alerts.least").unwrap_or(rules.least),
        margin: part("alerts.margin", rules.margin),
    };
    let mut found: BTreeMap<&str, Fields<'_>> = BTreeMap::new();
    for group in groups(free, "alerts").iter().filter(|group| group.name == "sinks") {
        for (parts, setting) in group.settings() {
            let [name, field] = parts else { continue };
            found.entry(name).or_default().insert(field, setting);
        }
    }
    let sinks = found.into_iter().map(|(name, fields)| sink(name, &fields, &path)).collect::<Result<_, _>>()?;
    Ok(Alerts { rules, every: time("alerts.every", standard.every), sinks })
}

fn sink(name: &str, fields: &Fields<'_>, path: impl Fn(&str) -> PathBuf) -> Result<Sink, ConfigError> {
    let value = |field: &str| fields.get(field).and_then(|setting| setting.value.as_ref());
    let text = |field: &str| value(field).map(ToString::to_string);
    let fail = |field: &str, problem: &str| {
        let origin = fields.values().next().map_or(Origin::Default, |setting| setting.origin.clone());
        let name =
            ["alerts", "sinks", name, field].iter().fold(String::new(), |prefix, part| super::join(&prefix, part));
        Err(wrong(&name, origin, problem.into()))
    };
    if name == LOG {
        return fail("kind", "cannot be: `log` is the sink that is always there; give it another name");
    }
    let shape = match text("kind").as_deref() {
        Some("webhook") => Shape::Plain,
        Some("slack") => Shape::Slack,
        Some("discord") => Shape::Discord,
        Some("command") => {
            return command(value("command"), fields, name)
                .map_or_else(|| fail("command", "is missing; write `command = [\"notify-send\", \"moai\"]`"), Ok);
        }
        _ => return fail("kind", "is missing; write `kind = \"webhook\"`, or slack, discord, command"),
    };
    let url = match (text("url_env"), text("url_file")) {
        (Some(variable), None) => UrlAt::Variable(variable),
        (None, Some(file)) => UrlAt::File(path(&file)),
        (None, None) => return fail("url_env", "is missing; name the variable that holds the address, or `url_file`"),
        (Some(_), Some(_)) => return fail("url_file", "and `url_env` cannot both say where the address is"),
    };
    Ok(of(name, Way::Hook { shape, url }, fields))
}

fn command(value: Option<&Value>, fields: &Fields<'_>, name: &str) -> Option<Sink> {
    match value {
        Some(Value::List(words)) if !words.is_empty() => Some(of(name, Way::Command(words.clone()), fields)),
        _ => None,
    }
}

fn of(name: &str, way: Way, fields: &Fields<'_>) -> Sink {
    let value = |field: &str| fields.get(field).and_then(|setting| setting.value.as_ref());
    let timeout = value("timeout").and_then(duration).unwrap_or(TIMEOUT);
    Sink { name: name.to_owned(), way, timeout, rules: names(value("only")) }
}

fn names(value: Option<&Value>) -> Vec<Rule> {
    match value {
        Some(Value::List(words)) => words.iter().filter_map(|word| word.parse().ok()).collect(),
        _ => Vec::new(),
    }
}

/// A part as hundredths of a percent.
fn share(value: &Value) -> Option<i64> {
    let whole: Usd = value.to_string().parse().ok()?;
    Some(whole.nanos() / 100_000)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Place;
    use super::*;

    const OWN: &str = "home/.moai/config.toml";

    #[test]
    fn without_a_word_the_defaults_of_the_table_are_those_of_the_type() {
        assert_eq!(Place::new().load(&[]).alerts, Alerts::default());
    }

    #[test]
    fn what_is_said_counts() {
        let place = Place::new();
        place.put(
            OWN,
            "[alerts]\noff = [\"unpriced\", \"slow_response\"]\nmargin = 0.5\nerror_rate.above = 0.25\n\
             cost_per_hour = { above = 2.5, for = 30 }\n\
             [alerts.sinks.team]\nkind = \"slack\"\nurl_file = \"~/slack\"\nonly = [\"budget\"]\n\
             [alerts.sinks.bell]\nkind = \"command\"\ncommand = [\"notify-send\", \"a, b\"]\ntimeout = 2\n",
        );
        let Alerts { rules, sinks, .. } = place.load(&[]).alerts;
        assert_eq!(rules.off, [Rule::Unpriced, Rule::SlowResponse]);
        assert_eq!((rules.error_rate, rules.margin), (2_500, 5_000));
        assert_eq!((rules.cost_per_hour, rules.cost_hold), ("2.5".parse().unwrap(), Duration::from_secs(30)));
        let [bell, team] = sinks.as_slice() else { panic!("{sinks:?}") };
        assert_eq!(bell.way, Way::Command(vec!["notify-send".into(), "a, b".into()]));
        assert_eq!((bell.timeout, team.timeout), (Duration::from_secs(2), TIMEOUT));
        assert_eq!(team.rules, [Rule::Budget]);
        assert!(matches!(&team.way, Way::Hook { url: UrlAt::File(file), .. } if file.ends_with("home/slack")));
    }

    #[test]
    fn a_sink_that_cannot_be_is_told_with_its_place_and_an_address_does_not_belong_there() {
        for (text, why) in [
            ("kind = \"slack\"\n", "`alerts.sinks.x.url_env` is missing"),
            ("url_env = \"A\"\n", "`alerts.sinks.x.kind` is missing"),
            ("kind = \"command\"\n", "`alerts.sinks.x.command` is missing"),
            ("kind = \"slack\"\nurl = \"https://hooks/SeCrEt\"\n", "would be a secret"),
            ("kind = \"slack\"\nurl_env = \"A\"\nonly = [\"budgets\"]\n", "no alert"),
        ] {
            let place = Place::new();
            place.put(OWN, &format!("[alerts.sinks.x]\n{text}"));
            let error = place.error(&[]);
            assert!(error.contains(why) && !error.contains("SeCrEt"), "{error}");
        }
    }

    #[test]
    fn a_projects_file_runs_nothing() {
        let place = Place::new();
        place.put("project/.moai/config.toml", "[alerts.sinks.x]\nkind = \"command\"\ncommand = [\"evil\"]\n");
        assert_eq!(place.load(&[]).alerts, Alerts::default());
    }
}
