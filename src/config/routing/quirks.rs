//! Peculiarities of providers: a preset, and what the configuration says otherwise.

use std::borrow::Cow;

use crate::config::keys::Value;
use crate::config::keys::nearest;
use crate::wire::{Dialect, Effort, Quirks, WebSearch};

/// Hosts and whose peculiarities are found there; what stands below a host counts with it.
const HOSTS: &[(&str, &str)] = &[
    ("api.anthropic.com", "anthropic"),
    ("api.openai.com", "openai"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("api.deepseek.com", "deepseek"),
    ("generativelanguage.googleapis.com", "gemini"),
    ("api.moonshot.ai", "kimi"),
    ("api.moonshot.cn", "kimi"),
    ("api.mistral.ai", "mistral"),
    ("openrouter.ai", "openrouter"),
    ("api.x.ai", "xai"),
    ("z.ai", "glm"),
    ("bigmodel.cn", "glm"),
];

const NAMES: [&str; 19] = [
    "openai_models",
    "max_completion_tokens",
    "efforts",
    "thinking_switch",
    "echo_reasoning",
    "parallel_switch",
    "tool_choice",
    "stops",
    "images",
    "documents",
    "json_schema",
    "session_fields",
    "cache_control",
    "web_search",
    "anthropic",
    "count_tokens",
    "refuses",
    "system_messages",
    "reasoning_beside_output",
];

/// The peculiarities of a provider: those of the preset that is named, else of the host, else of the wire. They are
/// marked as the provider's own, so that its thinking is given back to nobody else.
pub(super) fn of(provider: &str, wire: Dialect, preset: Option<&str>, host: &str) -> Quirks {
    let by_host = || {
        let below = |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        HOSTS.iter().find(|(domain, _)| below(domain)).map(|(_, preset)| *preset)
    };
    let named = preset.or_else(by_host);
    let name = match wire {
        Dialect::Anthropic if named == Some("anthropic") => "anthropic",
        Dialect::Anthropic => "anthropic-compatible",
        Dialect::Gemini => "gemini",
        Dialect::Ollama => "ollama",
        Dialect::Chat | Dialect::Responses => named.unwrap_or("chat"),
    };
    let mut quirks = Quirks::preset(name).unwrap_or_default();
    let origin: String = provider.chars().filter(char::is_ascii_alphanumeric).collect();
    if !origin.is_empty() {
        quirks.origin = Cow::Owned(origin);
    }
    quirks
}

/// Sets one peculiarity; what is wrong where the name or the value is.
pub(super) fn set(quirks: &mut Quirks, name: &str, value: &Value) -> Result<(), String> {
    let switch = match value {
        Value::Switch(on) => Some(*on),
        _ => None,
    };
    let flag = match name {
        "openai_models" => &mut quirks.openai_models,
        "max_completion_tokens" => &mut quirks.max_completion_tokens,
        "thinking_switch" => &mut quirks.thinking_switch,
        "echo_reasoning" => &mut quirks.echo_reasoning,
        "parallel_switch" => &mut quirks.parallel_switch,
        "tool_choice" => &mut quirks.tool_choice,
        "images" => &mut quirks.images,
        "documents" => &mut quirks.documents,
        "json_schema" => &mut quirks.json_schema,
        "session_fields" => &mut quirks.session_fields,
        "cache_control" => &mut quirks.cache_control,
        "anthropic" => &mut quirks.anthropic,
        "count_tokens" => &mut quirks.count_tokens,
        "system_messages" => &mut quirks.system_messages,
        "reasoning_beside_output" => &mut quirks.reasoning_beside_output,
        _ => return set_other(quirks, name, value),
    };
    *flag = switch.ok_or("takes true or false")?;
    Ok(())
}

fn set_other(quirks: &mut Quirks, name: &str, value: &Value) -> Result<(), String> {
    let words = || match value {
        Value::List(words) => words.clone(),
        other => vec![other.to_string()],
    };
    match (name, value) {
        ("stops", Value::Number(stops)) => quirks.stops = usize::try_from(*stops).unwrap_or(usize::MAX),
        ("stops", _) => return Err("takes a whole number".into()),
        ("efforts", _) => {
            let efforts: Option<Vec<Effort>> = words().iter().map(|word| Effort::named(word)).collect();
            quirks.efforts = efforts.ok_or("takes a list of none, minimal, low, medium, high, xhigh, max")?;
        }
        ("refuses", _) => quirks.refuses = words().into_iter().map(Cow::Owned).collect(),
        ("web_search", value) => {
            quirks.web_search = match value.to_string().as_str() {
                "no" | "false" => WebSearch::No,
                "zai" => WebSearch::Zai,
                "open_router" | "openrouter" => WebSearch::OpenRouter,
                "options" => WebSearch::Options,
                "server" => WebSearch::Server,
                _ => return Err("takes no, zai, open_router, options or server".into()),
            }
        }
        _ => {
            return Err(match nearest(name, NAMES.into_iter()) {
                Some(near) => format!("is no peculiarity that moai knows: did you mean `{near}`?"),
                None => format!("is no peculiarity that moai knows; there are {}", NAMES.join(", ")),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_says_whose_peculiarities_there_are() {
        let chat = |host| of("mine", Dialect::Chat, None, host);
        assert!(chat("api.deepseek.com").echo_reasoning);
        assert!(chat("api.z.ai").thinking_switch);
        assert!(!chat("notz.ai").thinking_switch);
        assert_eq!(chat("openrouter.ai").web_search, WebSearch::OpenRouter);
        assert_eq!(chat("127.0.0.1").origin, "mine");
        assert!(of("anthropic", Dialect::Anthropic, None, "api.anthropic.com").anthropic);
        assert!(!of("zai", Dialect::Anthropic, Some("glm"), "api.z.ai").anthropic);
    }

    #[test]
    fn every_name_can_be_set_and_no_other() {
        for name in NAMES {
            let mut quirks = Quirks::default();
            let value = match name {
                "stops" => Value::Number(1),
                "efforts" => Value::List(vec!["low".into()]),
                "refuses" => Value::List(vec!["safeguards".into()]),
                "web_search" => Value::Text("options".into()),
                _ => Value::Switch(true),
            };
            assert_eq!(set(&mut quirks, name, &value), Ok(()), "{name}");
        }
        let error = set(&mut Quirks::default(), "imagse", &Value::Switch(true)).unwrap_err();
        assert!(error.contains("did you mean `images`?"), "{error}");
        assert!(set(&mut Quirks::default(), "images", &Value::Number(1)).is_err());
    }
}
