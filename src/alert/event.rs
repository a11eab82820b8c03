//! What is told of an alert: that it begins, that it gets worse, that it is over.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rule::Rule;

/// What an alert does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// It begins.
    Onset,
    /// It has reached a further step.
    Raised,
    /// It is over.
    Ended,
    /// It is none: somebody tries whether sinks hear.
    Test,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What it does.
    pub turn: Turn,
    /// What is watched.
    pub rule: Rule,
    /// Of whom; empty where it is of everything.
    pub subject: String,
    /// The step that it reached, from 1; of one that is over, the one it had.
    pub step: usize,
    /// The value.
    pub value: i64,
    /// The threshold that was reached.
    pub threshold: i64,
    /// What is measured, for a person.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
    /// When this was found.
    pub at: Timestamp,
}

impl Turn {
    /// The word in documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Onset => "onset",
            Self::Raised => "raised",
            Self::Ended => "ended",
            Self::Test => "test",
        }
    }
}

impl Event {
    /// One that tries whether sinks hear.
    pub fn test(at: Timestamp) -> Self {
        Self {
            turn: Turn::Test,
            rule: Rule::CostPerHour,
            subject: String::new(),
            step: 1,
            value: 0,
            threshold: 0,
            text: "a test of moai's alerts; nothing is wrong".into(),
            since: at,
            at,
        }
    }

    /// A name of its own: the same however often it is sent, so that a receiver can leave a repetition out.
    pub fn id(&self) -> String {
        let Self { turn, rule, subject, step, at, .. } = self;
        format!("{}/{subject}/{}/{step}/{at}", rule.as_str(), turn.as_str())
    }

    /// `info`, `warning`, `critical`.
    pub fn severity(&self) -> &'static str {
        if self.turn == Turn::Test { "info" } else { self.rule.severity(self.step) }
    }

    /// One sentence for a person, without anything that ends a line.
    pub fn sentence(&self) -> String {
        let text: String = self.text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
        let rule = self.rule;
        match self.turn {
            Turn::Test => text,
            Turn::Onset | Turn::Raised => format!("alert {rule}: {text}"),
            Turn::Ended => format!("alert {rule} is over after {}: {text}", lasted(self.at.duration_since(self.since))),
        }
    }

    /// The whole of it for programs: `docs/schema/alert.json`.
    pub fn document(&self, machine: &str) -> Value {
        json!({
            "schema": 1,
            "id": self.id(),
            "alert": self.rule,
            "subject": Some(&self.subject).filter(|subject| !subject.is_empty()),
            "state": self.turn,
            "severity": self.severity(),
            "message": self.sentence(),
            "value": self.rule.in_unit(self.value),
            "threshold": self.rule.in_unit(self.threshold),
            "unit": self.rule.unit(),
            "since": self.since.to_string(),
            "at": self.at.to_string(),
            "machine": machine,
        })
    }
}

/// `40 s`, `7 min`, `2 h 5 min`, `3 d 2 h`.
fn lasted(time: SignedDuration) -> String {
    let seconds = time.as_secs().max(0);
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-01-09T{text}Z").parse().unwrap()
    }

    #[test]
    fn it_is_told_in_one_line() {
        let event = Event {
            turn: Turn::Ended,
            rule: Rule::ErrorRate,
            subject: String::new(),
            step: 1,
            value: 120,
            threshold: 500,
            text: "1.20 %\nof 40".into(),
            since: at("12:00:00"),
            at: at("14:05:59"),
        };
        assert_eq!(event.sentence(), "alert error-rate is over after 2 h 5 min: 1.20 %?of 40");
        let document = event.document("here");
        assert_eq!((&document["value"], &document["threshold"]), (&json!(0.012), &json!(0.05)));
        assert_eq!((&document["state"], &document["severity"]), (&json!("ended"), &json!("critical")));
        assert_eq!(document["id"], "error-rate//ended/1/2026-01-09T14:05:59Z");
        let test = Event::test(at("12:00:00")).document("here");
        assert_eq!((&test["state"], &test["severity"]), (&json!("test"), &json!("info")));
    }
}
