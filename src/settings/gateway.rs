//! The environment that Claude Code needs on moai's gateway, each variable with its reason. The models are Claude's own
//! names, unless one was named: the gateway decides who answers.

use super::glm::{Form, GlmEnv, Value, Variable};

/// The variable by which moai knows the settings that it wrote for its gateway, and a process that runs on one.
pub(super) const GATEWAY_VAR: &str = "MOAI_GATEWAY";

/// The variable with the headers of every request, a line for each.
pub(super) const HEADERS: &str = "ANTHROPIC_CUSTOM_HEADERS";

/// What the names of moai's own headers begin with.
const OWN: &str = "x-moai-";

/// What `apiKeyHelper` ends with where moai set it for the gateway.
pub(super) const HELPER: &str = "serve key print --start";

/// Where the gateway is and what it is to know of the sessions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GatewaySpec {
    /// Its address: `http://127.0.0.1:3456`.
    pub url: String,
    /// The names of the models behind haiku, sonnet, opus and fable, where somebody named them.
    pub models: Option<[String; 4]>,
    /// Headers for every request: `x-moai-project` and its kin.
    pub headers: Vec<(String, String)>,
    /// The smallest window of the models that may answer, in tokens.
    pub window: u32,
}

/// Every variable that moai sets for its gateway beside those of the models, with its reason.
pub const GATEWAY_REASONS: &[(&str, &str)] = &[
    ("ANTHROPIC_BASE_URL", "where Claude Code sends its requests: moai's gateway on this machine"),
    (
        "ANTHROPIC_AUTH_TOKEN",
        "the gateway's access key, for one process; in a file it is empty, and `apiKeyHelper` asks moai for the key",
    ),
    (
        "ANTHROPIC_API_KEY",
        "empty on purpose: an Anthropic key of the shell has no business here, the gateway has the vendors' keys",
    ),
    (
        "ANTHROPIC_CUSTOM_HEADERS",
        "the project, the checkout and its SPEC, so that its own model applies and costs are told apart",
    ),
    ("CLAUDE_CODE_GATEWAY_HINT_HEADERS", "Claude Code says what a request is for, and small tasks go to a cheap model"),
    (
        "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY",
        "`/model` lists the gateway's models, too, so that one can be chosen in the middle of a session",
    ),
    (
        "CLAUDE_CODE_ATTRIBUTION_HEADER",
        "no per-request billing line in the system prompt: it changes every time and defeats prompt caches",
    ),
    (
        "CLAUDE_CODE_MAX_CONTEXT_TOKENS",
        "the smallest window of the models that may answer, so that the conversation is made shorter in time",
    ),
    ("CLAUDE_CODE_DISABLE_1M_CONTEXT", "no model with a window that the others do not have"),
    ("API_TIMEOUT_MS", "50 minutes instead of 10: long thinking is not an error; the gateway has timeouts of its own"),
    (GATEWAY_VAR, "marks the settings and the processes that are on the gateway: it does not send to itself"),
];

/// The models that Claude Code has names for.
const TIERS: [&str; 4] = [
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_FABLE_MODEL",
];

/// What Claude Code needs to run on the gateway.
pub fn gateway_env(spec: &GatewaySpec, form: Form) -> GlmEnv {
    let plain = |value: &str| Value::Plain(value.to_owned());
    let (token, helper) = match form {
        Form::Embed(key) => (Value::Key(key), None),
        Form::Helper(command) => (plain(""), Some(command)),
    };
    let mut values = vec![
        ("ANTHROPIC_AUTH_TOKEN", token),
        ("ANTHROPIC_BASE_URL", plain(&spec.url)),
        ("ANTHROPIC_API_KEY", plain("")),
        ("CLAUDE_CODE_GATEWAY_HINT_HEADERS", plain("1")),
        ("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", plain("1")),
        ("CLAUDE_CODE_ATTRIBUTION_HEADER", plain("0")),
        ("CLAUDE_CODE_MAX_CONTEXT_TOKENS", plain(&spec.window.to_string())),
        ("CLAUDE_CODE_DISABLE_1M_CONTEXT", plain("1")),
        ("API_TIMEOUT_MS", plain("3000000")),
        (GATEWAY_VAR, plain(&spec.url)),
    ];
    if !spec.headers.is_empty() {
        let lines: Vec<String> =
            spec.headers.iter().map(|(name, value)| format!("{name}: {}", escaped(value))).collect();
        values.push((HEADERS, plain(&lines.join("\n"))));
    }
    if let Some(models) = &spec.models {
        values.extend(TIERS.into_iter().zip(models).map(|(name, model)| (name, plain(model))));
    }
    let why = |name: &str| {
        let known = GATEWAY_REASONS.iter().find(|(known, _)| *known == name);
        known.map_or("the model that was named for this", |(_, why)| why)
    };
    let variables =
        values.into_iter().map(|(name, value)| Variable { name: name.into(), value, why: why(name) }).collect();
    GlmEnv { variables, helper, permissions: Vec::new() }
}

/// Whether a variable of the process environment has to go for a launch on the gateway: another vendor's credentials,
/// headers, models, and what a GLM session leaves.
pub fn is_in_the_gateways_way(name: &str) -> bool {
    super::launch::is_in_the_way(name, "")
        || TIERS.contains(&name)
        || matches!(name, "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS" | "CLAUDE_CODE_AUTO_COMPACT_WINDOW")
}

/// Headers without moai's own: those of the user, as they are written.
pub(super) fn without_own(headers: &str) -> String {
    let is_own = |line: &str| line.trim_start().get(..OWN.len()).is_some_and(|start| start.eq_ignore_ascii_case(OWN));
    if !headers.lines().any(is_own) {
        return headers.to_owned();
    }
    headers.lines().filter(|line| !line.trim().is_empty() && !is_own(line)).collect::<Vec<_>>().join("\n")
}

/// A header's value as HTTP can carry it: everything but plain ASCII as `%XX`, and `%` itself.
fn escaped(text: &str) -> String {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or('0').to_ascii_uppercase();
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => value.push(char::from(byte)),
            _ => value.extend(['%', digit(byte >> 4), digit(byte & 15)]),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    fn spec() -> GatewaySpec {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        GatewaySpec {
            url: "http://127.0.0.1:3456".into(),
            headers: vec![header("x-moai-project", "쇼핑몰 100%"), header("x-moai-worktree", "/w/SPEC-1")],
            window: 200_000,
            models: None,
        }
    }

    #[test]
    fn every_variable_has_its_reason_and_headers_are_plain() {
        let env = gateway_env(&spec(), Form::Embed(Secret::new("mk-0123456789abcdef")));
        assert!(env.variables.iter().all(|variable| !variable.why.is_empty()));
        let headers = env.plain("ANTHROPIC_CUSTOM_HEADERS").unwrap();
        let project = "x-moai-project: %EC%87%BC%ED%95%91%EB%AA%B0 100%25";
        assert_eq!(headers, format!("{project}\nx-moai-worktree: /w/SPEC-1"));
        assert_eq!(env.plain("ANTHROPIC_DEFAULT_OPUS_MODEL"), None);
        for (name, _) in GATEWAY_REASONS {
            assert!(env.variables.iter().any(|variable| variable.name == *name), "{name}");
        }
    }

    #[test]
    fn a_file_has_no_key_and_a_named_model_stands_behind_every_tier() {
        let spec = GatewaySpec { models: Some(["sim"; 4].map(str::to_owned)), ..spec() };
        let env = gateway_env(&spec, Form::Helper(format!("moai {HELPER}")));
        assert!(env.key().is_none());
        assert_eq!(env.plain("ANTHROPIC_AUTH_TOKEN"), Some(""));
        assert!(TIERS.iter().all(|name| env.plain(name) == Some("sim")));
    }
}
