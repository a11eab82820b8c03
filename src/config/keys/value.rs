//! What a value may be, and the checks that make one out of text. No message repeats a text that could be a secret.

use std::fmt;
use std::time::Duration;

use crate::alert::Rule;
use crate::model::{Mode, TaskKind, Tier};
use crate::route::{SimStep, Strategy};

/// What a value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A mode of seed 002, in any of its spellings.
    Mode,
    /// `true` or `false`.
    Switch,
    /// A whole number from 0.
    Number,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// The name of an environment variable.
    Variable,
    /// Names of environment variables.
    Variables,
    /// The name of a model.
    Model,
    /// Names of models, the first choice first.
    Models,
    /// Kinds of task.
    Kinds,
    /// A tier: 1 (plan) or 2 (implement).
    Tier,
    /// The base URL of an API.
    Url,
    /// A directory; `~` is the home directory, a relative one starts at the main checkout.
    Path,
    /// A file; `~` is the home directory.
    File,
    /// An address or a name to listen on.
    Host,
    /// Names of hosts, without a port.
    Hosts,
    /// A port of TCP; 0 is any.
    Port,
    /// A number from 0 to 1.
    Fraction,
    /// A sum of dollars.
    Usd,
    /// Gibibytes of memory, also with a fraction.
    Gib,
    /// Seconds, also with a fraction.
    Seconds,
    /// Seconds, also with a fraction, also none.
    Pause,
    /// What matters most: quality, cost or speed.
    Strategy,
    /// Any text in one line.
    Line,
    /// Any text.
    Text,
    /// What `sim` does, one call after the other.
    Steps,
    /// Names of alerts.
    Alerts,
    /// A program and its arguments.
    Words,
    /// A value of one of [`crate::wire::Quirks`]: `true`, a number, a word or a list of words.
    Quirk,
}

/// A checked value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A word, a name, a URL, a path.
    Text(String),
    /// On or off.
    Switch(bool),
    /// A whole number.
    Number(u64),
    /// A number with a fraction, as it was written: sums of money stay exact.
    Decimal(String),
    /// Several texts in their order.
    List(Vec<String>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) | Self::Decimal(text) => f.pad(text),
            Self::Switch(on) => f.pad(if *on { "true" } else { "false" }),
            Self::Number(number) => f.pad(&number.to_string()),
            Self::List(items) => f.pad(&items.join(", ")),
        }
    }
}

impl Shape {
    /// What a value may be, in a few words for people.
    pub fn describe(self) -> String {
        match self {
            Self::Mode => Mode::ALL.map(Mode::as_str).join(" | "),
            Self::Switch => "true | false".into(),
            Self::Number => "a whole number".into(),
            Self::Choice(words) => words.join(" | "),
            Self::Variable => "the name of an environment variable".into(),
            Self::Variables => "the name of an environment variable, or a list of them".into(),
            Self::Model => "the name of a model".into(),
            Self::Models => "the name of a model, or a list of them".into(),
            Self::Kinds => "a list of coding, reasoning, general".into(),
            Self::Tier => "1 (plan) | 2 (implement)".into(),
            Self::Url => "an http(s) URL".into(),
            Self::Path => "a directory".into(),
            Self::File => "a file".into(),
            Self::Host => "an address or the name of a host".into(),
            Self::Hosts => "the name of a host, or a list of them".into(),
            Self::Port => "a port from 0 to 65535".into(),
            Self::Fraction => "a number from 0 to 1".into(),
            Self::Usd => "a sum of dollars such as 2.50".into(),
            Self::Gib => "a number of GiB such as 36".into(),
            Self::Seconds => "a number of seconds".into(),
            Self::Pause => "a number of seconds, also 0".into(),
            Self::Strategy => Strategy::ALL.map(Strategy::as_str).join(" | "),
            Self::Line | Self::Text => "a text".into(),
            Self::Steps => "a list of answer, 503, 429 retry-after=2, refuse, hang, cut 3".into(),
            Self::Alerts => format!("a list of {}", Rule::ALL.map(Rule::as_str).join(", ")),
            Self::Words => "a list: a program and its arguments".into(),
            Self::Quirk => "true | false, a number, a word, or a list of words".into(),
        }
    }

    /// Whether it takes several values.
    pub const fn is_list(self) -> bool {
        matches!(
            self,
            Self::Variables | Self::Models | Self::Kinds | Self::Steps | Self::Hosts | Self::Alerts | Self::Words
        )
    }

    /// The checked value of one text; a list of names may be written with commas.
    pub(super) fn check(self, text: &str) -> Result<Value, String> {
        let expected = |reason: &str| Err(format!("{reason}; expected {}", self.describe()));
        match self {
            Self::Mode => match text.parse::<Mode>() {
                Ok(mode) => Ok(Value::Text(mode.as_str().into())),
                Err(_) => expected(&not_one_of(text, &Mode::ALL.map(Mode::as_str))),
            },
            Self::Choice(words) => match words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
                Some(word) => Ok(Value::Text((*word).into())),
                None => expected(&not_one_of(text, words)),
            },
            Self::Switch => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Ok(Value::Switch(true)),
                "false" | "no" | "off" => Ok(Value::Switch(false)),
                _ => expected(&not_one_of(text, &["true", "false"])),
            },
            Self::Number => text.parse().map(Value::Number).or_else(|_| expected("is not a number that moai can use")),
            Self::Port => match text.parse::<u16>() {
                Ok(port) => Ok(Value::Number(port.into())),
                Err(_) => expected("is not a port"),
            },
            Self::Tier => match text.parse::<Tier>() {
                Ok(tier) => Ok(Value::Number(tier.number().into())),
                Err(_) => expected("is not a tier"),
            },
            Self::Strategy => match text.parse::<Strategy>() {
                Ok(strategy) => Ok(Value::Text(strategy.as_str().into())),
                Err(_) => expected(&not_one_of(text, &Strategy::ALL.map(Strategy::as_str))),
            },
            Self::Fraction | Self::Usd | Self::Gib | Self::Seconds | Self::Pause => {
                self.check_decimal(text).or_else(expected)
            }
            Self::Url => check_url(text).map_or_else(expected, |()| Ok(Value::Text(text.trim_end_matches('/').into()))),
            Self::Variables | Self::Models | Self::Kinds | Self::Steps | Self::Hosts | Self::Alerts | Self::Words => {
                self.check_items(text.split(',').map(str::trim).filter(|item| !item.is_empty()))
            }
            Self::Quirk => Ok(quirk(text)),
            Self::Variable | Self::Model | Self::Path | Self::File | Self::Host | Self::Line | Self::Text => {
                self.check_item(text).map_or_else(expected, |()| Ok(Value::Text(text.into())))
            }
        }
    }

    /// The checked value of several texts.
    pub(super) fn check_items<'a>(self, items: impl Iterator<Item = &'a str>) -> Result<Value, String> {
        let items: Vec<String> = items.map(str::to_owned).collect();
        if !self.is_list() && self != Self::Quirk {
            return Err(format!("is a list; expected {}", self.describe()));
        }
        for item in &items {
            self.check_item(item).map_err(|reason| format!("{reason}; expected {}", self.describe()))?;
        }
        Ok(Value::List(items))
    }

    /// What is wrong with one text of this shape.
    fn check_item(self, text: &str) -> Result<(), &'static str> {
        match self {
            Self::Variable | Self::Variables if is_variable(text) => Ok(()),
            Self::Variable | Self::Variables => {
                Err("is not a variable's name (letters, digits and `_`; a key does not belong here)")
            }
            Self::Text => Ok(()),
            _ if text.is_empty() => Err("is empty"),
            Self::Model | Self::Models if text.chars().any(|c| c.is_whitespace() || c.is_control()) => {
                Err("has a space in it")
            }
            Self::Host | Self::Hosts if !is_host(text) => Err("is not the name of a host (no scheme, no port)"),
            Self::Kinds if text.parse::<TaskKind>().is_err() => Err("has a word in it that is no kind"),
            Self::Steps if step(text).is_none() => Err("has a step in it that moai does not know"),
            Self::Alerts if text.parse::<Rule>().is_err() => Err("has a word in it that is no alert"),
            Self::Line | Self::Words if text.chars().any(char::is_control) => {
                Err("has a line break or a control character in it")
            }
            _ => Ok(()),
        }
    }

    fn check_decimal(self, text: &str) -> Result<Value, &'static str> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let Some(number) = text.parse::<f64>().ok().filter(|number| plain && number.is_finite()) else {
            return Err("is not a number that moai can use");
        };
        match self {
            Self::Fraction if number > 1.0 => Err("is more than 1"),
            Self::Seconds | Self::Pause if number > 86_400.0 => Err("is more than a day"),
            Self::Seconds if number == 0.0 => Err("is no time at all"),
            Self::Gib if number > 65_536.0 => Err("is more than a machine has"),
            Self::Usd if text.parse::<crate::model::Usd>().is_err() => Err("is not a sum that moai can use"),
            _ => Ok(Value::Decimal(text.into())),
        }
    }
}

/// What a word of [`Shape::Steps`] means.
pub(in crate::config) fn step(text: &str) -> Option<SimStep> {
    let mut words = text.split_whitespace();
    let step = match (words.next()?, words.next()) {
        ("answer", None) => SimStep::Answer,
        ("refuse", None) => SimStep::Refuse,
        ("hang", None) => SimStep::Hang,
        ("cut", Some(pieces)) => SimStep::Cut(pieces.parse().ok()?),
        (status, wait) => {
            let status = status.parse().ok().filter(|status| (400..600).contains(status))?;
            let seconds = wait.map(|wait| wait.strip_prefix("retry-after=")?.parse().ok());
            let retry_after = match seconds {
                Some(seconds) => Some(Duration::from_secs(seconds?)),
                None => None,
            };
            SimStep::Status { status, retry_after, body: None }
        }
    };
    words.next().is_none().then_some(step)
}

fn quirk(text: &str) -> Value {
    match (text, text.parse()) {
        ("true", _) => Value::Switch(true),
        ("false", _) => Value::Switch(false),
        (_, Ok(number)) => Value::Number(number),
        _ => Value::Text(text.into()),
    }
}

/// Says what a word is not, and repeats it only where it is too short to be a secret.
fn not_one_of(text: &str, words: &[&str]) -> String {
    if text.chars().count() > 20 {
        return "is not a word that moai knows here".into();
    }
    match nearest(text, words.iter().copied()) {
        Some(near) => format!("`{text}` is not known: did you mean `{near}`?"),
        None => format!("`{text}` is not known"),
    }
}

/// Whether a text can name an environment variable.
fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        // A key of letters and digits alone.
        && !(text.len() >= 20 && text.contains(|c: char| c.is_ascii_digit()) && text.contains(|c: char| c.is_ascii_lowercase()))
}

/// Whether a text is an address (`::1`, also in brackets) or a name of letters, digits, `-`, `_` and dots.
fn is_host(text: &str) -> bool {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<std::net::IpAddr>().is_ok()
        || text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn check_url(text: &str) -> Result<(), &'static str> {
    let Some((scheme, rest)) = text.split_once("://") else { return Err("is not a URL") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match scheme {
        _ if text.chars().any(|c| c.is_whitespace() || c.is_control()) => Err("has a space in it"),
        _ if authority.is_empty() => Err("names no host"),
        // Others read `\\` as `/`, decode `%2f` or fold letters: a host that is not what it looks like.
        _ if text.contains('\\') => Err("has a backslash in it"),
        _ if authority.contains('@') => Err("has a user name or password in it, which ends up in logs"),
        _ if !authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:[]".contains(&byte)) => {
            Err("names a host with characters that no host has (write an international name in its `xn--` form)")
        }
        _ if rest.contains(['?', '#']) => Err("has a query in it; only a base URL can be used"),
        "https" | "http" => Ok(()),
        _ => Err("is not an http or https URL"),
    }
}

/// The word that `text` is most likely meant to be.
pub(in crate::config) fn nearest<'a>(text: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_ascii_lowercase();
    words
        .map(|word| (strsim::jaro_winkler(&text, &word.to_ascii_lowercase()), word))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}
