//! What a client's request is for, from what it says in its headers and from the shape of its body, and what its
//! model's name means. Pure: the gateway brings the headers and the body's head.
//!
//! The headers and the shapes were seen from Claude Code 2.1.329 (2026-11), which sends the headers where
//! `CLAUDE_CODE_GATEWAY_HINT_HEADERS=1` is set.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Errand {
    /// A turn of a conversation, of its main thread or of an agent: the text decides.
    Turn,
    /// The conversation made short: by the model that has it in its cache.
    Compaction,
    /// A question beside the conversation, with all of it in front: likewise.
    Aside,
    /// A search of the web for the conversation.
    Search,
    /// The client's own business: titles, summaries of what was done, suggestions. A cheap model does.
    Background,
}

impl Errand {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Turn, Self::Compaction, Self::Aside, Self::Search, Self::Background];

    /// The word in headers and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Compaction => "compaction",
            Self::Aside => "aside",
            Self::Search => "search",
            Self::Background => "background",
        }
    }
}

/// What there is to see of a request before its text is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signs<'a> {
    /// `x-claude-code-request-class`: main, subagent, workflow, compaction, auxiliary, `side_reply`.
    pub class: Option<&'a str>,
    /// `x-claude-1p-request-class`: main, blocking-subagent, background-task, summary-extraction,
    /// followup-generation.
    pub first_party: Option<&'a str>,
    /// The client is Claude Code, by its `User-Agent`.
    pub claude_code: bool,
    /// The model that is asked for.
    pub model: &'a str,
    /// How many tools come with it.
    pub tools: usize,
    /// It has the tool that searches the web at the vendor's.
    pub web_search: bool,
    /// The answer is to follow a schema.
    pub schema: bool,
}

impl Signs<'_> {
    /// What the request is for; `None` where only its text can tell ([`of_text`]).
    pub fn errand(&self) -> Option<Errand> {
        let cheap = self.claude_code && self.model.to_ascii_lowercase().contains("haiku");
        let own = matches!(self.first_party, Some("summary-extraction" | "followup-generation"));
        Some(match self.class {
            Some("compaction") => Errand::Compaction,
            Some("side_reply") => Errand::Aside,
            Some("auxiliary") if self.web_search => Errand::Search,
            None if self.web_search && self.tools == 1 => Errand::Search,
            // What is auxiliary and main to the first party is a part of the turn.
            Some("auxiliary") if self.first_party != Some("main") => Errand::Background,
            // Without the headers a title is known by its schema: a turn has tools.
            None if self.claude_code && self.tools == 0 && self.schema => Errand::Background,
            _ if own || cheap => Errand::Background,
            None if self.claude_code => return None,
            _ => Errand::Turn,
        })
    }
}

/// How Claude Code orders a summary of a conversation (`/compact`, and when the window is full): the frame that stands
/// around every wording of the order, in the text of the client of 2.1.329 (strings of its binary, 2026-11-21). What the
/// user said last may stand before it in the same message.
const FRAME: &str = "CRITICAL: Respond with TEXT ONLY. Do NOT call any tools.";
/// What looks for it, made once.
static FRAMES: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(FRAME));
/// The frame's last line says what is wanted: `an <analysis> block followed by a <summary> block`, or that one alone.
const WANTED: &str = "a <summary> block.";
/// The wordings themselves (same source): all of the conversation, what came after a part that is kept, what comes
/// before one. Clients before the frame began with the first of them.
const ORDERS: [&str; 3] = [
    "Your task is to create a detailed summary of the conversation so far",
    "Your task is to create a detailed summary of the RECENT portion of the conversation",
    "Your task is to create a detailed summary of this conversation. This summary will be placed at the start",
];
/// So far from its beginning an order is looked for, in letters.
const NEAR: usize = 1_000;

/// What the last words of the user say about a request of Claude Code that comes without the headers.
pub fn of_text(text: &str) -> Errand {
    let near = |text: &str, words: &str| {
        let end = text.char_indices().nth(NEAR).map_or(text.len(), |(at, _)| at);
        text.get(..end).is_some_and(|near| near.contains(words))
    };
    // Nearly no text has it, and this is asked of most.
    let has_frame = FRAMES.find(text.as_bytes()).is_some();
    let framed = has_frame
        && text.rmatch_indices(FRAME).any(|(at, _)| {
            let (before, order) = text.split_at(at);
            // Whoever quotes it in the middle of a line orders nothing.
            (before.is_empty() || before.ends_with('\n')) && near(order, WANTED)
        });
    let ordered = ORDERS.iter().any(|order| text.trim_start().starts_with(order));
    if framed || ordered { Errand::Compaction } else { Errand::Turn }
}

/// What a client means by the name of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming<'a> {
    /// Whichever moai chooses.
    Any,
    /// This one and no other, where it is known.
    This(&'a str),
}

/// What stands before moai's names in the list of models that Claude Code is given, because it keeps only names with
/// `claude` or `anthropic` in them.
pub const FOR_CLAUDE_CODE: &str = "claude-code/";

/// Words of Claude Code and of moai that leave the choice to moai.
const ANY: [&str; 9] = ["auto", "moai", "default", "best", "fable", "opus", "opusplan", "sonnet", "haiku"];

/// What `model` means. `anthropic`: in a request of Anthropic's dialect, where `claude-…` is what Claude Code is set to
/// and no wish: it would name it whatever answered.
pub fn naming(model: &str, anthropic: bool) -> Naming<'_> {
    let word = model.trim();
    let is = |known: &str| word.eq_ignore_ascii_case(known);
    if let Some(own) = word.strip_prefix(FOR_CLAUDE_CODE) {
        return if own.eq_ignore_ascii_case("auto") { Naming::Any } else { Naming::This(own) };
    }
    let any = is("auto") || is("moai") || word.is_empty();
    let of_claude_code = || {
        let plain = word.strip_suffix("[1m]").unwrap_or(word);
        word.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("claude-"))
            || ANY.iter().any(|known| plain.eq_ignore_ascii_case(known))
    };
    if any || anthropic && of_claude_code() { Naming::Any } else { Naming::This(word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_say_what_a_request_is_for() {
        for (class, first_party, expected) in [
            ("main", "main", Errand::Turn),
            ("subagent", "blocking-subagent", Errand::Turn),
            ("subagent", "background-task", Errand::Turn),
            ("workflow", "main", Errand::Turn),
            ("compaction", "summary-extraction", Errand::Compaction),
            ("auxiliary", "summary-extraction", Errand::Background),
            ("auxiliary", "followup-generation", Errand::Background),
            ("auxiliary", "main", Errand::Turn),
            ("side_reply", "main", Errand::Aside),
            ("main", "followup-generation", Errand::Background),
            ("something-new", "main", Errand::Turn),
        ] {
            let signs = Signs {
                class: Some(class),
                first_party: Some(first_party),
                claude_code: true,
                model: "claude-opus-5-5",
                tools: 12,
                ..Signs::default()
            };
            assert_eq!(signs.errand(), Some(expected), "{class} {first_party}");
        }
        let search =
            Signs { class: Some("auxiliary"), first_party: Some("main"), web_search: true, ..Signs::default() };
        assert_eq!(search.errand(), Some(Errand::Search));
    }

    #[test]
    fn without_headers_the_shape_says_it() {
        let cli = Signs { claude_code: true, model: "claude-opus-5-5", tools: 12, ..Signs::default() };
        assert_eq!(cli.errand(), None);
        assert_eq!(Signs { model: "claude-haiku-5-5", ..cli }.errand(), Some(Errand::Background));
        assert_eq!(Signs { tools: 0, schema: true, ..cli }.errand(), Some(Errand::Background));
        assert_eq!(Signs { tools: 0, ..cli }.errand(), None, "a person may switch all tools off");
        assert_eq!(Signs { tools: 1, web_search: true, ..cli }.errand(), Some(Errand::Search));
        let other = Signs { claude_code: false, model: "claude-haiku-5-5", ..cli };
        assert_eq!(other.errand(), Some(Errand::Turn), "whoever else names a model means its turn");
    }

    #[test]
    fn the_order_to_make_a_conversation_short_is_known_by_its_frame() {
        let frame = |wanted: &str| {
            format!(
                "CRITICAL: Respond with TEXT ONLY. Do NOT call any tools.\n\n- Do NOT use Read, Bash, Grep, Glob, Edit, \
                 Write, or ANY other tool.\n- You already have all the context you need in the conversation above.\n\
                 - Tool calls will be REJECTED and will waste your only turn — you will fail the task.\n\
                 - Your entire response must be plain text: {wanted}.\n\n"
            )
        };
        let both = frame("an <analysis> block followed by a <summary> block");
        for order in ORDERS {
            assert_eq!(of_text(&format!("{both}{order}, paying close attention")), Errand::Compaction, "{order}");
            assert_eq!(
                of_text(&format!("{order}, and so on")),
                Errand::Compaction,
                "before there was a frame: {order}"
            );
        }
        let own = format!("{}Summarise in the team's own form.", frame("a <summary> block"));
        assert_eq!(of_text(&own), Errand::Compaction, "another wording in the same frame");
        let behind = format!("{}\n{both}{}", "로그인 함수를 구현해줘 ".repeat(500), ORDERS[0]);
        assert_eq!(of_text(&behind), Errand::Compaction, "the user's last words stand before it");
        for text in [
            "로그인 함수를 구현해줘",
            "Your task is to create a detailed summary of the README",
            "why does `CRITICAL: Respond with TEXT ONLY. Do NOT call any tools.` ask for a <summary> block.",
            "fix it:\nCRITICAL: Respond with TEXT ONLY. Do NOT call any tools.",
        ] {
            assert_eq!(of_text(text), Errand::Turn, "{text}");
        }
    }

    #[test]
    fn claude_codes_own_names_are_no_wish() {
        for (model, anthropic, expected) in [
            ("claude-opus-5-5", true, Naming::Any),
            ("Claude-Sonnet-5-5", true, Naming::Any),
            ("opus[1m]", true, Naming::Any),
            ("auto", true, Naming::Any),
            ("moai", false, Naming::Any),
            ("claude-opus", false, Naming::This("claude-opus")),
            ("opus", false, Naming::This("opus")),
            ("glm-4.7", true, Naming::This("glm-4.7")),
            ("anthropic/claude-opus", true, Naming::This("anthropic/claude-opus")),
            ("claude-code/glm-4.7", true, Naming::This("glm-4.7")),
            ("claude-code/auto", true, Naming::Any),
            ("gpt-4o", false, Naming::This("gpt-4o")),
        ] {
            assert_eq!(naming(model, anthropic), expected, "{model}");
        }
    }
}
