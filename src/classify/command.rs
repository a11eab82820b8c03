//! Slash commands: what a prompt that starts with `/name` asks for is said by the name.

use std::ops::Range;

use super::paste::boundary;
use crate::model::{Phase, Tier};

/// A slash command at the start of a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Command {
    /// The name without the slash, in lower case: `moai:1-plan`, `sc:design`, `moai plan`.
    pub(super) name: String,
    /// Its bytes in the prompt.
    pub(super) span: Range<usize>,
    /// What it asks for, if its name says so.
    pub(super) tier: Option<Tier>,
    /// The phase of moai that it starts.
    pub(super) phase: Option<Phase>,
}

/// Names that do something: they win even beside a name of the next list (`execute-plan`).
const DO: &str = "implement impl implementation run execute exec fix build tdd apply debug troubleshoot refactor \
    deploy ship loop hotfix autopilot";
/// Names that think.
const THINK: &str = "plan planning plans planner design architect architecture spec specs specify specification \
    brainstorm brainstorming estimate workflow research analyze analyse analysis requirements \
    requirement prd rfc adr clarify tasks roadmap ideate discuss propose proposal explore think \
    ultrathink interview strategy compare evaluate decide decision scope epic discover discovery \
    constitution steering breakdown prioritize recommend ultraplan ralplan panel brief story stories \
    feasibility grill tradeoff tradeoffs 1-plan";
/// Names that do something unless they also think (`create-prd`).
const MAKE: &str = "test tests e2e code dev develop cleanup clean improve document docs doc commit verify lint sync \
    migrate update upgrade format pr push release work create add generate setup install optimize \
    simplify rename merge resume continue make coverage write scaffold feature bug bugfix issue \
    changelog readme undo rollback git";

impl Command {
    /// The command that `text` starts with.
    pub(super) fn leading(text: &str) -> Option<Self> {
        let start = start(text)?;
        let rest = text.get(start..)?;
        let slash = rest.chars().next().filter(|c| matches!(c, '/' | '／'))?;
        let body = rest.get(slash.len_utf8()..)?;
        let length = name_length(body);
        let name: String = narrow(body.get(..length)?);
        let after = body.get(length..)?;
        if name.is_empty() || !name.starts_with(|c: char| c.is_ascii_alphabetic()) || after.starts_with(['/', '\\']) {
            return None;
        }
        let end = start + slash.len_utf8() + length;
        Some(Self::named(name, start..end, after))
    }

    /// A `/moai:…` that stands somewhere inside the text.
    pub(super) fn mentioned(text: &str) -> Option<Self> {
        let at = memchr::memmem::find(text.as_bytes(), b"/moai:")?;
        let clear =
            text.get(..at).is_some_and(|before| !before.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '/'));
        let command = Self::leading(text.get(at..)?)?;
        let span = command.span.start + at..command.span.end + at;
        (clear && at > 0 && command.tier.is_some()).then_some(Self { span, ..command })
    }

    fn named(mut name: String, mut span: Range<usize>, after: &str) -> Self {
        if name == "moai" || name == "alfred" {
            let gap = after.len() - after.trim_start_matches(' ').len();
            let word: String =
                after.trim_start_matches(' ').chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
            if let Some((tier, phase)) = moai(&word) {
                span.end += gap + word.len();
                name = format!("{name} {word}");
                return Self { name, span, tier: Some(tier), phase };
            }
            return Self { name, span, tier: None, phase: None };
        }
        if let Some((_, step)) = name.split_once(':').filter(|(family, _)| matches!(*family, "moai" | "alfred"))
            && let Some((tier, phase)) = moai(step)
        {
            return Self { name, span, tier: Some(tier), phase };
        }
        let tier = by_words(&name);
        Self { name, span, tier, phase: None }
    }
}

/// A step of moai's own commands: `1-plan`, `plan`, `2-run`, `fix`, …
fn moai(step: &str) -> Option<(Tier, Option<Phase>)> {
    let step = step.to_ascii_lowercase();
    let word = step.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches(['-', '_']);
    match word {
        "plan" | "spec" => Some((Tier::One, Some(Phase::Plan))),
        "run" => Some((Tier::Two, Some(Phase::Run))),
        "sync" => Some((Tier::Two, Some(Phase::Sync))),
        _ => by_words(word).map(|tier| (tier, None)),
    }
}

/// What the words of a command's name say: the part after the last `:` first.
fn by_words(name: &str) -> Option<Tier> {
    let last = name.rsplit(':').next().unwrap_or(name);
    let in_list =
        |part: &str, list: &str| part.split(['-', '_', '.']).any(|word| list.split(' ').any(|known| known == word));
    for part in [last, name.split([':', '.']).next().unwrap_or_default()] {
        if in_list(part, DO) {
            return Some(Tier::Two);
        }
        if in_list(part, THINK) {
            return Some(Tier::One);
        }
        if in_list(part, MAKE) {
            return Some(Tier::Two);
        }
    }
    None
}

/// Where the command would start: after white space, quotes and the marks of a copied prompt, or inside the
/// `<command-name>` that Claude Code sends.
fn start(text: &str) -> Option<usize> {
    const TAG: &str = "<command-name>";
    let trimmed = text.trim_start_matches(|c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '“' | '”' | '‘' | '「' | '>' | '❯' | '\u{FEFF}')
    });
    let offset = text.len() - trimmed.len();
    if trimmed.starts_with("<command-") {
        let near = trimmed.get(..boundary(trimmed, 600))?;
        return near.find(TAG).map(|at| offset + at + TAG.len());
    }
    Some(offset)
}

fn name_length(body: &str) -> usize {
    body.char_indices()
        .find(|(_, c)| {
            !narrow_char(*c).is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | '.'))
        })
        .map_or(body.len(), |(at, _)| at)
}

fn narrow_char(c: char) -> Option<char> {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0),
        _ if c.is_ascii() => Some(c),
        _ => None,
    }
}

fn narrow(name: &str) -> String {
    name.chars()
        .filter_map(narrow_char)
        .collect::<String>()
        .to_ascii_lowercase()
        .trim_end_matches(['.', ':'])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, Option<Tier>, Option<Phase>)> {
        Command::leading(text).map(|command| (command.name, command.tier, command.phase))
    }

    #[test]
    fn moais_own_commands_name_their_phase() {
        for (text, name, tier, phase) in [
            ("/moai:1-plan auth system", "moai:1-plan", Tier::One, Some(Phase::Plan)),
            ("/moai:2-run SPEC-001", "moai:2-run", Tier::Two, Some(Phase::Run)),
            ("  /moai:3-sync", "moai:3-sync", Tier::Two, Some(Phase::Sync)),
            ("/MOAI:1-Plan x", "moai:1-plan", Tier::One, Some(Phase::Plan)),
            ("／ｍｏａｉ：１－ｐｌａｎ x", "moai:1-plan", Tier::One, Some(Phase::Plan)),
            ("/moai plan \"x\"", "moai plan", Tier::One, Some(Phase::Plan)),
            ("/moai fix \"x\"", "moai fix", Tier::Two, None),
            ("“/moai:1-plan x”", "moai:1-plan", Tier::One, Some(Phase::Plan)),
            (
                "<command-message>plan</command-message>\n<command-name>/moai:1-plan</command-name>",
                "moai:1-plan",
                Tier::One,
                Some(Phase::Plan),
            ),
        ] {
            assert_eq!(read(text), Some((name.to_owned(), Some(tier), phase)), "{text}");
        }
    }

    #[test]
    fn other_commands_are_read_by_their_words() {
        for (text, tier) in [
            ("/sp.plan the api", Some(Tier::One)),
            ("/speckit.implement", Some(Tier::Two)),
            ("/speckit.tasks", Some(Tier::One)),
            ("/kiro:spec-impl auth 1", Some(Tier::Two)),
            ("/kiro:spec-design auth", Some(Tier::One)),
            ("/execute-plan docs/plan.md", Some(Tier::Two)),
            ("/create-prd", Some(Tier::One)),
            ("/help", None),
            ("/clear", None),
        ] {
            assert_eq!(read(text).map(|(_, tier, phase)| (tier, phase)), Some((tier, None)), "{text}");
        }
    }

    #[test]
    fn paths_are_no_commands() {
        for text in ["/etc/hosts is wrong", "plan /moai:1-plan", "/", "//x", "/한글"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_command_inside_the_text_is_a_mention() {
        let text = "이제 /moai:2-run SPEC-001 실행해줘";
        let command = Command::mentioned(text);
        assert_eq!(
            command.map(|command| (text.get(command.span), command.tier)),
            Some((Some("/moai:2-run"), Some(Tier::Two)))
        );
        assert_eq!(Command::mentioned("/moai:2-run SPEC-001"), None);
    }
}
