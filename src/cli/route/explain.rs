//! A decision for a person: the line that every request gets, and all of it for `--explain`.

use unicode_width::UnicodeWidthStr as _;

use crate::classify::{Basis, Evidence, percent};
use crate::cli::ui::{Paint, clean};
use crate::model::Usd;
use crate::route::{DecidedBy, NoRoute, Ready};
use crate::wire::StopReason;

use super::desk::{Decided, Desk};
use super::send::Sent;

/// The most pieces of evidence that are shown.
const MOST: usize = 12;

/// What was decided, on one line: `claude-opus: tier 1 (plan), by the words of the prompt, 97 % sure`.
pub(super) fn line(decided: &Decided) -> String {
    let decision = &decided.decision;
    let tier = decision.tier();
    let doubt = if decision.uncertain() { ", uncertain" } else { "" };
    let stands = decision.wanted().map(|wanted| format!(", standing in for {wanted}")).unwrap_or_default();
    let text = format!(
        "{}: tier {} ({}), {}, decided by {}{doubt}{stands}",
        decision.plan().first().name(),
        tier.number(),
        tier.as_str(),
        decision.kind(),
        by(decided),
    );
    clean(&text)
}

fn by(decided: &Decided) -> String {
    let sure = sure(decided.decision.confidence());
    match decided.decision.decided_by() {
        DecidedBy::Force => if decided.ask.force_model.is_some() { "--model" } else { "--tier" }.into(),
        DecidedBy::Command => "the command".into(),
        DecidedBy::Worktree => "the worktree's configuration".into(),
        DecidedBy::Agent => "the agent".into(),
        DecidedBy::Task => "the task".into(),
        DecidedBy::Background => "the client's own business".into(),
        DecidedBy::Session => "the conversation".into(),
        DecidedBy::Experiment => "an experiment".into(),
        DecidedBy::Classifier => format!("the prompt ({sure})"),
        DecidedBy::Default => "default".into(),
    }
}

fn sure(confidence: f64) -> String {
    format!("{:.0} % sure", percent(confidence))
}

/// What of the wishes came to nothing, and what will probably go wrong: the person should look at it.
pub(super) fn doubts(decided: &Decided) -> Vec<String> {
    let decision = &decided.decision;
    let unheard =
        decision.because().iter().filter(|reason| reason.what.starts_with("unknown-") || reason.what == "tier");
    let mut doubts: Vec<String> = unheard.map(|reason| clean(&reason.text)).collect();
    let first = decision.plan().first();
    if let (Some(prompt), Some(context)) = (decided.ask.prompt_tokens, first.model().context)
        && prompt > context
    {
        let name = first.name();
        doubts.push(clean(&format!("the prompt has about {prompt} tokens, and {name} reads no more than {context}")));
    }
    doubts
}

/// Why an answer that came to an end is not whole all the same.
pub(super) fn short(sent: &Sent) -> Option<&'static str> {
    match sent.finished.answer.as_ref()?.stop.as_ref()? {
        StopReason::MaxTokens => {
            Some("the answer stops at the most tokens that were allowed; `--max-tokens` allows more")
        }
        StopReason::Refusal => Some("the model refused to go on"),
        _ => None,
    }
}

/// What it came to, on one line: tokens, money, time, and the id that `moai feedback` takes.
pub(super) fn summary(decided: &Decided, sent: &Sent) -> String {
    let mut parts = Vec::new();
    if let Some(answer) = &sent.finished.answer {
        parts.push(answer.model.clone());
        parts.extend(answer.cached.map(|_| "cached".to_owned()));
        parts.push(match answer.usage {
            Some(usage) => {
                let about = if answer.estimated { "about " } else { "" };
                format!("{about}{} tokens in, {} out", usage.prompt(), usage.output)
            }
            None => "tokens not reported".into(),
        });
    }
    parts.push(match sent.cost {
        Some(cost) => format!("${}", amount(cost)),
        None => "cost unknown".into(),
    });
    parts.push(format!("{:.1} s", sent.took.as_secs_f64()));
    if sent.finished.trials.len() > 1 {
        parts.push(format!("{} requests", sent.finished.trials.len()));
    }
    parts.push(decided.id.to_string());
    clean(&parts.join(" · "))
}

/// Money with as many digits as it takes to be more than nothing.
fn amount(cost: Usd) -> String {
    if cost.nanos() % 10_000_000 == 0 { format!("{cost:.2}") } else { cost.to_string() }
}

/// Everything about a decision.
pub(super) fn lines(decided: &Decided, text: &str, desk: &Desk, paint: Paint) -> Vec<String> {
    let Decided { seen, decision, .. } = decided;
    let mut lines = Vec::new();
    let mut row =
        |label: &str, text: &str| lines.push(format!("{} {}", paint.dim(&format!("{label:<11}")), clean(text)));
    let first = decision.plan().first();
    row("prompt", &shorten(text, 100));
    row("model", &format!("{} ({} at {})", first.name(), first.model().id, first.provider().name));
    row("decided by", &by(decided));
    for reason in decision.because() {
        row("", &format!("{}: {}", reason.what, reason.text));
    }
    let score = f64::from(seen.tier_score) / 1000.0;
    let sure = sure(seen.confidence);
    let tier = seen.tier;
    row(
        "the prompt",
        &format!("tier {} ({}), {sure}, score {score:+.3}{}", tier.number(), tier.as_str(), basis(seen.basis)),
    );
    for one in seen.evidence.iter().take(MOST) {
        row("", &weighed(one, text));
    }
    if seen.evidence.len() > MOST {
        let rest: i32 = seen.evidence.iter().skip(MOST).map(|one| one.weight).sum();
        row("", &format!("{:+.3}  {} more", f64::from(rest) / 1000.0, seen.evidence.len() - MOST));
    }
    let sure_of_kind = self::sure(seen.kind_confidence);
    row("kind", &format!("{}, {}", seen.kind, sure_of_kind));
    for one in seen.kind_evidence.iter().take(4) {
        row("", &weighed(one, text));
    }
    for (at, (step, said)) in steps(decided, desk).into_iter().enumerate() {
        let mark = if step == decision.decided_by() { "*" } else { " " };
        row(if at == 0 { "precedence" } else { "" }, &format!("{mark} {:<11} {said}", step.as_str()));
    }
    for (at, ready) in decision.plan().iter().enumerate() {
        let role = if at == 0 { "asked" } else { "stands in where those before it fail" };
        row(if at == 0 { "candidates" } else { "" }, &format!("{}. {:<16} {role}", at + 1, Ready::name(ready)));
    }
    for one in decision.alternatives() {
        row("", &format!("-  {:<16} {}", one.model, one.why));
    }
    lines
}

/// The steps of the precedence, with what each has to say here.
fn steps(decided: &Decided, desk: &Desk) -> Vec<(DecidedBy, String)> {
    let ask = &decided.ask;
    let none = || "-".to_owned();
    DecidedBy::ALL
        .into_iter()
        .filter(|step| *step != DecidedBy::Background)
        .map(|step| {
            let said = match step {
                DecidedBy::Force => {
                    let tier = ask.force_tier.map(|tier| format!("--tier {tier}"));
                    ask.force_model.as_ref().map(|model| format!("--model {model}")).or(tier).unwrap_or_else(none)
                }
                DecidedBy::Command => decided.seen.command.map_or_else(none, |phase| phase.slash_command().to_owned()),
                DecidedBy::Worktree => {
                    desk.place.model.as_ref().map_or_else(none, |(model, origin)| format!("{model} ({origin})"))
                }
                DecidedBy::Agent => ask.agent.clone().unwrap_or_else(none),
                DecidedBy::Task => ask.task.as_ref().map_or_else(none, |task| {
                    if ask.contexts.is_empty() { task.clone() } else { format!("{task}: {}", ask.contexts.join(", ")) }
                }),
                DecidedBy::Background => none(),
                DecidedBy::Session => ask.session_model.clone().unwrap_or_else(none),
                DecidedBy::Experiment => {
                    let policy = &desk.place.routing.policy;
                    policy.experiment(decided.seen.tier).map_or_else(none, |experiment| experiment.name.clone())
                }
                DecidedBy::Classifier => format!("tier {}", decided.seen.tier.number()),
                DecidedBy::Default => format!("tier {}", desk.place.routing.policy.default_tier.number()),
            };
            (step, said)
        })
        .collect()
}

fn basis(basis: Basis) -> String {
    match basis {
        Basis::Text => String::new(),
        Basis::Command => " (a command)".into(),
        Basis::ManyFiles => " (an architecture decision over five files or more)".into(),
        Basis::Empty => " (nothing is asked)".into(),
        Basis::Greeting => " (a greeting)".into(),
        Basis::Onward => " (only to go on)".into(),
        Basis::NoEvidence => " (nothing speaks for either tier)".into(),
        Basis::BelowThreshold => " (less sure than the threshold)".into(),
        Basis::Feedback => " (you said so before)".into(),
    }
}

fn weighed(one: &Evidence, text: &str) -> String {
    let weight = f64::from(one.weight) / 1000.0;
    let place = match text.get(one.span.clone()).filter(|words| !words.is_empty()) {
        Some(words) => format!("{}  (bytes {}-{})", shorten(words, 40), one.span.start, one.span.end),
        None => String::new(),
    };
    // Hangul is two columns wide.
    let fill = " ".repeat(28_usize.saturating_sub(one.what.width()));
    format!("{weight:+.3}  {}{fill} {place}", one.what).trim_end().to_owned()
}

/// On one line, the end cut off.
fn shorten(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    line.chars().take(most - 1).collect::<String>() + "…"
}

/// That the models of a dry run cannot be asked yet, and what to do about it.
pub(super) fn missing(why: &NoRoute) -> (String, Vec<String>) {
    use crate::base::failure::Explain as _;
    (clean(&format!("it could not be sent: {why}")), why.hints().iter().map(|hint| clean(hint)).collect())
}
