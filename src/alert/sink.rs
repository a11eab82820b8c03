//! To whom alerts are told, and in which words.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::event::{Event, Turn};
use super::rule::Rule;

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// Its name.
    pub name: String,
    /// How.
    pub way: Way,
    /// How long one message may take.
    pub timeout: Duration,
    /// Of which alerts; empty: of all.
    pub rules: Vec<Rule>,
}

/// How somebody is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A POST.
    Hook {
        /// Of what.
        shape: Shape,
        /// Where the address is. It is a secret: whoever has it can write there.
        url: UrlAt,
    },
    /// A program and its arguments: it gets the alert on its standard input.
    Command(Vec<String>),
}

/// The form of a POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// The alert's own document.
    Plain,
    /// Slack's incoming webhooks.
    Slack,
    /// Discord's webhooks.
    Discord,
}

/// Where an address is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlAt {
    /// In an environment variable.
    Variable(String),
    /// In a file that only its owner may read.
    File(PathBuf),
}

impl Sink {
    /// Whether it is told of an event.
    pub fn wants(&self, event: &Event) -> bool {
        event.turn == Turn::Test || self.rules.is_empty() || self.rules.contains(&event.rule)
    }

    /// How, in a word.
    pub const fn kind(&self) -> &'static str {
        match &self.way {
            Way::Hook { shape: Shape::Plain, .. } => "webhook",
            Way::Hook { shape: Shape::Slack, .. } => "slack",
            Way::Hook { shape: Shape::Discord, .. } => "discord",
            Way::Command(_) => "command",
        }
    }
}

impl Shape {
    /// What is posted.
    ///
    /// Slack: `{"text"}`, in which `&`, `<` and `>` are entities
    /// (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/>). Discord: `{"content"}` of at most
    /// 2,000 characters that mentions nobody (<https://discord.com/developers/docs/resources/webhook#execute-webhook>).
    /// Both read 2026-11-21.
    pub fn body(self, event: &Event, machine: &str) -> Value {
        let line = || format!("{} moai on {machine}: {}", sign(event), event.sentence());
        match self {
            Self::Plain => event.document(machine),
            Self::Slack => {
                json!({ "text": line().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;") })
            }
            Self::Discord => {
                let content: String = line().chars().take(2_000).collect();
                json!({ "content": content, "allowed_mentions": { "parse": [] } })
            }
        }
    }
}

fn sign(event: &Event) -> &'static str {
    match (event.turn, event.severity()) {
        (Turn::Ended, _) => "✅",
        (_, "critical") => "🔴",
        (_, "warning") => "🟠",
        _ => "🔵",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_receiver_gets_its_own_form() {
        let at = "2026-01-09T12:00:00Z".parse().unwrap();
        let event =
            Event { turn: Turn::Onset, text: format!("<@everyone> & {}", "x".repeat(3_000)), ..Event::test(at) };
        let slack = Shape::Slack.body(&event, "here");
        assert!(
            slack["text"]
                .as_str()
                .unwrap()
                .starts_with("🟠 moai on here: alert cost-per-hour: &lt;@everyone&gt; &amp; ")
        );
        let discord = Shape::Discord.body(&event, "here");
        assert_eq!(discord["content"].as_str().unwrap().chars().count(), 2_000);
        assert_eq!(discord["allowed_mentions"]["parse"], json!([]));
        assert_eq!(Shape::Plain.body(&event, "here"), event.document("here"));
    }
}
