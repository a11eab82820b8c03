//! Every vendor's token counts in moai's buckets: matrix 4.2 of the wire page.

use serde_json::Value;

use crate::model::Usage;

fn number(value: &Value, path: &str) -> Option<u64> {
    let found = path.strip_prefix('/')?.split('/').try_fold(value, |value, key| value.get(key))?;
    // Some imitations write counts as 12.0.
    found.as_u64().or_else(|| {
        let float = found.as_f64().filter(|float| *float >= 0.0 && *float < 1e15)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be a small count")]
        Some(float as u64)
    })
}

fn first(value: &Value, paths: &[&str]) -> Option<u64> {
    paths.iter().find_map(|path| number(value, path))
}

/// Anthropic's, which come in two halves: later numbers replace earlier ones unless they are zero, and a total of
/// cache writes keeps the split by lifetime that came with it before.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Anthropic {
    seen: bool,
    usage: Usage,
}

impl Anthropic {
    pub(super) fn merge(&mut self, value: Option<&Value>) -> Option<Usage> {
        if let Some(value) = value.filter(|value| value.is_object()) {
            self.seen = true;
            let mut put = |bucket: fn(&mut Usage) -> &mut u64, path: &str| {
                if let Some(count) = number(value, path).filter(|count| *count > 0) {
                    *bucket(&mut self.usage) = count;
                }
            };
            put(|usage| &mut usage.input, "/input_tokens");
            put(|usage| &mut usage.cache_read, "/cache_read_input_tokens");
            put(|usage| &mut usage.output, "/output_tokens");
            put(|usage| &mut usage.reasoning, "/output_tokens_details/thinking_tokens");
            put(|usage| &mut usage.web_searches, "/server_tool_use/web_search_requests");
            self.merge_writes(value);
        }
        self.seen.then_some(self.usage)
    }

    fn merge_writes(&mut self, value: &Value) {
        let short = number(value, "/cache_creation/ephemeral_5m_input_tokens");
        let long = number(value, "/cache_creation/ephemeral_1h_input_tokens");
        let total = number(value, "/cache_creation_input_tokens");
        let split = short.unwrap_or(0) + long.unwrap_or(0);
        if split > 0 {
            self.usage.cache_write_1h = long.unwrap_or(0);
            // A total that is larger than its parts has a part that nobody named.
            self.usage.cache_write_5m = short.unwrap_or(0) + total.unwrap_or(0).saturating_sub(split);
        } else if let Some(total) = total.filter(|total| *total > 0 && *total != self.usage.cache_write()) {
            self.usage.cache_write_1h = self.usage.cache_write_1h.min(total);
            self.usage.cache_write_5m = total - self.usage.cache_write_1h;
        }
    }
}

/// Chat Completions: the prompt's count includes what was cached.
pub(super) fn chat(value: &Value, reasoning_beside_output: bool) -> Option<Usage> {
    // Cohere bills `billed_units`; its OpenAI-style answers have the usual fields too.
    let prompt = first(value, &["/prompt_tokens", "/input_tokens", "/billed_units/input_tokens"]);
    let output = first(value, &["/completion_tokens", "/output_tokens", "/billed_units/output_tokens"]);
    if prompt.is_none() && output.is_none() {
        return None;
    }
    let cache_read =
        first(value, &["/prompt_tokens_details/cached_tokens", "/prompt_cache_hit_tokens", "/cached_tokens"]);
    let cache_write = first(value, &["/prompt_tokens_details/cache_write_tokens", "/cache_creation_input_tokens"]);
    let (cache_read, cache_write) = (cache_read.unwrap_or(0), cache_write.unwrap_or(0));
    let reasoning = number(value, "/completion_tokens_details/reasoning_tokens").unwrap_or(0);
    let beside = if reasoning_beside_output { reasoning } else { 0 };
    Some(Usage {
        input: prompt.unwrap_or(0).saturating_sub(cache_read.saturating_add(cache_write)),
        cache_read,
        cache_write_5m: cache_write,
        output: output.unwrap_or(0).saturating_add(beside),
        reasoning,
        ..Usage::default()
    })
}

/// `OpenAI` Responses: the prompt's count includes what was cached.
pub(super) fn responses(value: &Value) -> Option<Usage> {
    let prompt = number(value, "/input_tokens");
    let output = number(value, "/output_tokens");
    if prompt.is_none() && output.is_none() {
        return None;
    }
    let cache_read = number(value, "/input_tokens_details/cached_tokens").unwrap_or(0);
    Some(Usage {
        input: prompt.unwrap_or(0).saturating_sub(cache_read),
        cache_read,
        output: output.unwrap_or(0),
        reasoning: number(value, "/output_tokens_details/reasoning_tokens").unwrap_or(0),
        ..Usage::default()
    })
}

/// Gemini: what tools put into the prompt counts too, thoughts are output, and chunks are cumulative.
pub(super) fn gemini(value: &Value) -> Option<Usage> {
    let prompt = number(value, "/promptTokenCount");
    let answer = number(value, "/candidatesTokenCount");
    let thoughts = number(value, "/thoughtsTokenCount").unwrap_or(0);
    if prompt.is_none() && answer.is_none() && thoughts == 0 {
        return None;
    }
    let cache_read = number(value, "/cachedContentTokenCount").unwrap_or(0);
    let tools = number(value, "/toolUsePromptTokenCount").unwrap_or(0);
    Some(Usage {
        input: prompt.unwrap_or(0).saturating_add(tools).saturating_sub(cache_read),
        cache_read,
        output: answer.unwrap_or(0).saturating_add(thoughts),
        reasoning: thoughts,
        ..Usage::default()
    })
}

/// Ollama: no count is no count, not zero; cached prompt tokens are part of the prompt's count where they are told.
pub(super) fn ollama(value: &Value) -> Option<Usage> {
    let prompt = number(value, "/prompt_eval_count");
    let output = number(value, "/eval_count");
    if prompt.is_none() && output.is_none() {
        return None;
    }
    let cache_read = number(value, "/prompt_eval_cached_count").unwrap_or(0);
    Some(Usage {
        input: prompt.unwrap_or(0).saturating_sub(cache_read),
        cache_read,
        output: output.unwrap_or(0),
        ..Usage::default()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn anthropic_takes_the_last_number_that_is_not_zero() {
        let mut usage = Anthropic::default();
        assert_eq!(usage.merge(None), None);
        usage.merge(Some(&json!({"input_tokens": 0, "output_tokens": 0})));
        let start = json!({"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 30,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}, "output_tokens": 1});
        usage.merge(Some(&start));
        let end = json!({"input_tokens": 12, "cache_creation_input_tokens": 30, "output_tokens": 40});
        let whole = usage.merge(Some(&end)).unwrap();
        assert_eq!(
            whole,
            Usage { input: 12, cache_read: 5, cache_write_5m: 10, cache_write_1h: 20, output: 40, ..Usage::default() }
        );
    }

    #[test]
    fn what_includes_the_cache_is_told_apart() {
        let openai = json!({"prompt_tokens": 100, "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 60}, "completion_tokens_details": {"reasoning_tokens": 8}});
        let expected = Usage { cache_read: 60, reasoning: 8, ..Usage::new(40, 20) };
        assert_eq!(chat(&openai, false), Some(expected));
        assert_eq!(chat(&openai, true), Some(Usage { output: 28, ..expected }));
        let deepseek = json!({"prompt_tokens": 100, "prompt_cache_hit_tokens": 90, "completion_tokens": 1});
        assert_eq!(chat(&deepseek, false), Some(Usage { cache_read: 90, ..Usage::new(10, 1) }));
        assert_eq!(chat(&json!({"total_tokens": 3}), false), None);
        let gemini_usage = json!({"promptTokenCount": 100, "cachedContentTokenCount": 30, "candidatesTokenCount": 5,
            "thoughtsTokenCount": 7, "toolUsePromptTokenCount": 11});
        assert_eq!(gemini(&gemini_usage), Some(Usage { cache_read: 30, reasoning: 7, ..Usage::new(81, 12) }));
        assert_eq!(ollama(&json!({"done": true})), None);
        assert_eq!(ollama(&json!({"eval_count": 3})), Some(Usage::new(0, 3)));
    }
}
