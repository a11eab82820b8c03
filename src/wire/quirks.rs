//! What a provider does differently from the others of its dialect: data, so that a new provider is configuration.
//!
//! Each field says what it is for, and the presets say whom it is taken to be true of. They were put together in
//! 2026-11 from vendors' error reports and from how public adapters behave, not by asking the live services: a preset
//! is a start, and configuration overrides it. Read [`Quirks::preset`] for the built-in ones.

use std::borrow::Cow;

use serde::Deserialize;

/// How one provider differs.
#[expect(clippy::struct_excessive_bools, reason = "each is one independent fact about a vendor, set by name")]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// The name under which this provider's thinking is marked, so that it is given back to nobody else. Letters
    /// and digits.
    pub origin: Cow<'static, str>,
    /// The models are `OpenAI`'s own: `o1`, `o3`, `o4` and `gpt-5` take `max_completion_tokens` and
    /// `reasoning_effort` and refuse `temperature` and `top_p`; the others take none of that.
    pub openai_models: bool,
    /// Output is limited by `max_completion_tokens` instead of `max_tokens`, whatever the model.
    pub max_completion_tokens: bool,
    /// The values of `reasoning_effort` that are understood; empty: the field is not sent.
    pub efforts: Vec<Effort>,
    /// Thinking is switched by `thinking: {"type": "enabled" | "disabled"}` (GLM, `DeepSeek`).
    pub thinking_switch: bool,
    /// The model wants its own reasoning back as `reasoning_content` on messages with tool calls (`DeepSeek`,
    /// Kimi, GLM), and answers 400 without it.
    pub echo_reasoning: bool,
    /// `parallel_tool_calls` is understood.
    pub parallel_switch: bool,
    /// `tool_choice` may be something else than `auto`.
    pub tool_choice: bool,
    /// How many stop sequences are taken.
    pub stops: usize,
    /// Pictures are understood.
    pub images: bool,
    /// PDFs are understood as parts of type `file`.
    pub documents: bool,
    /// `response_format` takes a JSON schema, not only `json_object`.
    pub json_schema: bool,
    /// The user's session is named as `safety_identifier` (hashed) and `prompt_cache_key`.
    pub session_fields: bool,
    /// `cache_control` is understood on text parts (`OpenRouter` for Claude, Qwen).
    pub cache_control: bool,
    /// How the model searches the web.
    pub web_search: WebSearch,
    /// The host is Anthropic itself: its accounting line is kept, and its own signatures are good there.
    pub anthropic: bool,
    /// The host answers `/v1/messages/count_tokens` (Anthropic dialect).
    pub count_tokens: bool,
    /// Top-level fields of Anthropic's requests that this host refuses, instead of passing over what it does not
    /// know: `context_management`, `output_config`, `safeguards`, …
    pub refuses: Vec<Cow<'static, str>>,
    /// `system` is understood as a role in the middle of a conversation (Anthropic dialect).
    pub system_messages: bool,
    /// Reasoning tokens come beside `completion_tokens`, not inside them (xAI).
    pub reasoning_beside_output: bool,
}

/// How much a model is to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Not at all.
    None,
    /// Next to nothing.
    Minimal,
    /// A little.
    Low,
    /// Some.
    Medium,
    /// A lot.
    High,
    /// More than that.
    Xhigh,
    /// As much as it can.
    Max,
}

/// How a model searches the web.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebSearch {
    /// It does not.
    #[default]
    No,
    /// Z.AI: a tool of type `web_search`.
    Zai,
    /// `OpenRouter`: the plugin `web`.
    OpenRouter,
    /// `OpenAI`'s search models: `web_search_options`.
    Options,
    /// It runs Anthropic's own server tool (Anthropic dialect).
    Server,
}

impl Effort {
    /// The word of the APIs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Xhigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The effort that a word names.
    pub fn named(word: &str) -> Option<Self> {
        [Self::None, Self::Minimal, Self::Low, Self::Medium, Self::High, Self::Xhigh, Self::Max]
            .into_iter()
            .find(|effort| effort.as_str() == word)
    }

    /// What a budget of thinking tokens amounts to (our scale: 4k, 16k, 32k).
    pub const fn of_budget(tokens: u64) -> Self {
        match tokens {
            0..4_096 => Self::Low,
            4_096..16_384 => Self::Medium,
            16_384..32_768 => Self::High,
            _ => Self::Xhigh,
        }
    }

    /// The nearest of `levels`: the same, else the next lower, else the lowest there is above `none`.
    pub fn nearest(self, levels: &[Self]) -> Option<Self> {
        let thinking = || levels.iter().copied().filter(|level| *level != Self::None);
        if self == Self::None {
            return levels.contains(&Self::None).then_some(Self::None);
        }
        thinking().filter(|level| *level <= self).max().or_else(|| thinking().min())
    }
}

impl Default for Quirks {
    /// A plain imitation of `OpenAI` Chat Completions, of which nothing is known.
    fn default() -> Self {
        Self {
            origin: Cow::Borrowed("chat"),
            openai_models: false,
            max_completion_tokens: false,
            efforts: Vec::new(),
            thinking_switch: false,
            echo_reasoning: false,
            parallel_switch: false,
            tool_choice: true,
            stops: 4,
            images: true,
            documents: false,
            json_schema: true,
            session_fields: false,
            cache_control: false,
            web_search: WebSearch::No,
            anthropic: false,
            count_tokens: false,
            refuses: Vec::new(),
            system_messages: false,
            reasoning_beside_output: false,
        }
    }
}

impl Quirks {
    /// The names of the built-in presets.
    pub const PRESETS: [&'static str; 13] = [
        "anthropic",
        "anthropic-compatible",
        "chat",
        "cohere",
        "deepseek",
        "gemini",
        "glm",
        "kimi",
        "mistral",
        "ollama",
        "openai",
        "openrouter",
        "xai",
    ];

    /// The built-in quirks of a provider.
    pub fn preset(name: &str) -> Option<Self> {
        use Effort::{High, Low, Max, Medium, Minimal, None as No, Xhigh};
        let plain = Self { origin: Cow::Owned(name.replace('-', "")), ..Self::default() };
        Some(match name {
            "anthropic" => Self {
                anthropic: true,
                count_tokens: true,
                system_messages: true,
                documents: true,
                cache_control: true,
                ..plain
            },
            // Z.AI and Ollama's Anthropic endpoints: no accounting line, no system role (zai-org/GLM-5#74).
            "anthropic-compatible" => Self { documents: true, cache_control: true, ..plain },
            "chat" => plain,
            // Unchecked against the live service: effort is none or high; parallel_tool_calls is refused.
            "cohere" => Self { efforts: vec![No, High], ..plain },
            // Unchecked against the live service: thinking switch, reasoning_content of tool turns wanted back,
            // json_object only.
            "deepseek" => {
                Self { thinking_switch: true, echo_reasoning: true, images: false, json_schema: false, ..plain }
            }
            "gemini" => Self { documents: true, stops: 5, ..plain },
            // Unchecked against the live service: tool_choice is auto only, one stop word, json_object only, thinking
            // switch, and interleaved
            // thinking wants the reasoning of tool turns back.
            "glm" => Self {
                thinking_switch: true,
                echo_reasoning: true,
                tool_choice: false,
                stops: 1,
                json_schema: false,
                web_search: WebSearch::Zai,
                ..plain
            },
            "kimi" => Self { thinking_switch: true, echo_reasoning: true, stops: 5, ..plain },
            "mistral" => Self { parallel_switch: true, documents: false, ..plain },
            "ollama" => Self { json_schema: true, ..plain },
            "openai" => Self {
                openai_models: true,
                efforts: vec![Minimal, Low, Medium, High],
                parallel_switch: true,
                documents: true,
                session_fields: true,
                ..plain
            },
            "openrouter" => Self {
                efforts: vec![No, Minimal, Low, Medium, High, Xhigh, Max],
                parallel_switch: true,
                documents: true,
                web_search: WebSearch::OpenRouter,
                ..plain
            },
            "xai" => Self { efforts: vec![Low, High], parallel_switch: true, reasoning_beside_output: true, ..plain },
            _ => return None,
        })
    }

    /// Whether a host of Anthropic's dialect can be given a tool of this `type`: those that Anthropic's servers run
    /// (docs.claude.com, tool use overview, 2026-11) are known to nobody else; those of its types that the client runs
    /// are the host's own affair. Z.AI offers its search as an MCP server instead.
    pub(super) fn takes_tool(&self, kind: &str) -> bool {
        const SERVER: [&str; 6] =
            ["web_search_", "web_fetch_", "code_execution_", "tool_search_tool_", "mcp_toolset", "advisor_"];
        let searches = kind.starts_with("web_search_") && self.web_search != WebSearch::No;
        self.anthropic || searches || !SERVER.iter().any(|server| kind.starts_with(server))
    }

    /// Whether `model` is one of `OpenAI`'s that always reason.
    pub(super) fn reasons(&self, model: &str) -> bool {
        let name = model.rsplit('/').next().unwrap_or(model);
        self.openai_models && ["o1", "o3", "o4", "gpt-5"].iter().any(|family| name.starts_with(family))
    }

    /// The efforts that `model` knows. Of `OpenAI`'s, 5.1 and later can be told not to reason, and 5.2 and later to
    /// reason more than high (platform.openai.com/docs/guides/reasoning, 2026-11).
    pub(super) fn efforts_of(&self, model: &str) -> Cow<'_, [Effort]> {
        use Effort::{High, Low, Medium, None as No, Xhigh};
        let name = model.rsplit('/').next().unwrap_or(model);
        let minor = name.strip_prefix("gpt-5.").and_then(|rest| {
            rest.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse::<u32>().ok())
        });
        match minor.filter(|_| self.openai_models) {
            Some(0) | None => Cow::Borrowed(&self.efforts),
            Some(1) => Cow::Borrowed(&[No, Low, Medium, High]),
            Some(_) => Cow::Borrowed(&[No, Low, Medium, High, Xhigh]),
        }
    }

    /// Whether output is limited by `max_completion_tokens` for `model`.
    pub(super) fn completion_field(&self, model: &str) -> bool {
        self.max_completion_tokens || self.reasons(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_effort_is_the_next_lower_one() {
        use Effort::{High, Low, Max, Medium, Minimal, None as No};
        let levels = [Minimal, Low, Medium, High];
        assert_eq!(Max.nearest(&levels), Some(High));
        assert_eq!(Medium.nearest(&[Low, High]), Some(Low));
        assert_eq!(Low.nearest(&[No, High]), Some(High));
        assert_eq!(No.nearest(&levels), None);
        assert_eq!(High.nearest(&[]), None);
    }

    #[test]
    fn every_preset_is_there() {
        for name in Quirks::PRESETS {
            assert!(Quirks::preset(name).is_some(), "{name}");
        }
        assert_eq!(Quirks::preset("nobody"), None);
    }

    #[test]
    fn openai_models_that_reason_are_known_by_name() {
        let openai = Quirks::preset("openai").unwrap();
        assert!(openai.reasons("gpt-5.1") && openai.reasons("o3-mini") && openai.reasons("openai/gpt-5"));
        assert!(!openai.reasons("gpt-4o"));
        assert!(openai.efforts_of("gpt-5.5-pro").contains(&Effort::Xhigh));
        assert!(!openai.efforts_of("gpt-5").contains(&Effort::None));
        assert!(!Quirks::default().reasons("gpt-5"));
    }
}
