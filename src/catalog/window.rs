//! Context windows. Claude Code assumes one million tokens for a model id that it does not know (seen with 2.1.329),
//! so whoever points it at another model has to say how much that model takes.

/// The model that the seeds run GLM on (SPEC-MODEL-001, 2026-01).
pub const GLM_DEFAULT_MODEL: &str = "glm-4.7";

/// The GLM models that people's files name (seen 2026-11-20); offered by completion, never required.
pub const GLM_MODELS: &[&str] = &["glm-4.7", "glm-4.7-flashx", "glm-5", "glm-5.1", "glm-5.2", "glm-5.3"];

/// Family prefixes and their windows in tokens; the longest prefix that fits wins. From genai-prices 0.2.3 and
/// `LiteLLM` 1.109.1, both the newest on 2026-11-20.
const WINDOWS: &[(&str, u32)] = &[
    ("glm-4.5", 128_000),
    ("glm-4.6v", 128_000),
    ("glm-4", 200_000),
    ("glm-5", 200_000),
    ("glm-5.2", 1_000_000),
    ("glm-5.3", 1_000_000),
    ("claude-", 200_000),
    ("claude-opus-4-6", 1_000_000),
    ("claude-opus-4-7", 1_000_000),
    ("claude-opus-4-8", 1_000_000),
    ("claude-opus-5", 1_000_000),
    ("claude-sonnet-4-6", 1_000_000),
    ("claude-sonnet-5", 1_000_000),
    ("claude-haiku-5", 1_000_000),
    ("claude-fable-5", 1_000_000),
    ("claude-mythos-5", 1_000_000),
];

/// The context window of a model in tokens, `None` where the catalog does not know the model. A `[1m]` suffix (the
/// way Claude Code spells the large window) is taken at its word, `zai/` and other path prefixes are ignored.
pub fn window(model: &str) -> Option<u32> {
    let id = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    if id.ends_with("[1m]") {
        return Some(1_000_000);
    }
    WINDOWS
        .iter()
        .filter(|(prefix, _)| id.starts_with(prefix))
        .max_by_key(|(prefix, _)| prefix.len())
        .map(|(_, tokens)| *tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_and_their_exceptions() {
        for (model, tokens) in [
            ("glm-4.7", 200_000),
            ("GLM-4.7-FlashX", 200_000),
            ("glm-4.5-air", 128_000),
            ("glm-5.1", 200_000),
            ("glm-5.3-flash", 1_000_000),
            ("glm-4.7[1m]", 1_000_000),
            ("zai/glm-5.2", 1_000_000),
            ("claude-opus-4-5-20251101", 200_000),
            ("claude-sonnet-5-5", 1_000_000),
        ] {
            assert_eq!(window(model), Some(tokens), "{model}");
        }
        assert_eq!(window("qwen3-coder"), None);
    }
}
