//! The settings of alerts. They are the person's: no project's file decides what is run or posted.

use super::{Home, Key, Shape};

const fn key(name: &'static str, shape: Shape, default: Option<&'static str>, doc: &'static str) -> Key {
    Key { name, also: &[], shape, default, env: &[], home: Home::UserToml, doc }
}

pub(super) const ALERTS: &[Key] = &[
    key("alerts.off", Shape::Alerts, None, "Alerts that nobody wants, by their names."),
    key("alerts.every", Shape::Seconds, Some("5"), "How often the gateway looks."),
    key(
        "alerts.window",
        Shape::Seconds,
        Some("300"),
        "Over how long response times and errors are counted, an hour at the most.",
    ),
    key("alerts.least", Shape::Number, Some("10"), "Fewer attempts than these say nothing of times and errors."),
    key(
        "alerts.margin",
        Shape::Fraction,
        Some("0.2"),
        "An alert ends when its value is below its threshold by so large a part of it; what is between changes nothing.",
    ),
    key(
        "alerts.cost_per_hour.above",
        Shape::Usd,
        Some("100"),
        "What the last hour may cost, by whomever it was spent.",
    ),
    key("alerts.cost_per_hour.for", Shape::Pause, Some("0"), "How long it has to be more, or less again."),
    key(
        "alerts.slow_response.above",
        Shape::Seconds,
        Some("10"),
        "How long an answer may take to begin: of each model, the time that 5 % of its answers exceed.",
    ),
    key("alerts.slow_response.for", Shape::Pause, Some("60"), "How long it has to be more, or less again."),
    key("alerts.error_rate.above", Shape::Fraction, Some("0.05"), "How large a part of the attempts may fail."),
    key("alerts.error_rate.for", Shape::Pause, Some("60"), "How long it has to be more, or less again."),
    key(
        "alerts.provider_down.for",
        Shape::Pause,
        Some("30"),
        "How long no model of a provider can be asked until that is an alert, and how long one can until it is over.",
    ),
    key(
        "alerts.sinks.*.kind",
        Shape::Choice(&["webhook", "slack", "discord", "command"]),
        None,
        "How it is told: by a POST of the alert's document, of Slack's or of Discord's form, or by a program.",
    ),
    key("alerts.sinks.*.url_env", Shape::Variable, None, "The variable that holds the address, which is a secret."),
    key("alerts.sinks.*.url_file", Shape::File, None, "Or the file that does, which only its owner may read."),
    key(
        "alerts.sinks.*.command",
        Shape::Words,
        None,
        "The program and its arguments; the alert's document comes on its standard input.",
    ),
    key("alerts.sinks.*.timeout", Shape::Seconds, None, "How long one message may take: 10 seconds unless it says so."),
    key("alerts.sinks.*.only", Shape::Alerts, None, "It hears of these alerts alone."),
];
