//! Prompts that do not fit: the phrases by which vendors say so, and the numbers in them.

use super::Tokens;

/// What vendors say, in lower case: the phrases that Claude Code's own binary knows (2.1.329), and GLM's.
const PHRASES: [&str; 25] = [
    "prompt is too long",
    "input is too long for requested model",
    "maximum context length",
    "context_length_exceeded",
    "exceeds the context window",
    "contextwindowexceedederror",
    "longer than the model's context length",
    "longer than the maximum model length",
    "exceeds the available context size",
    "exceeds the maximum number of tokens allowed",
    "exceeded model token limit",
    "input token length too long",
    "input tokens exceed the configured limit",
    "maximum context limit",
    "maximum prompt length",
    "prompt exceeds max length",
    "tokens in request more than max tokens allowed",
    "range of input length should be",
    "context window exceeds limit",
    "but model only supports up to",
    "reduce the length of the messages",
    "`inputs` tokens + `max_new_tokens` must be",
    "context exceeds your deployment",
    "longer than the maximum model's context length",
    "prompt 超长",
];

/// Whether `message` says that the prompt does not fit.
pub(super) fn says_so(message: &str) -> bool {
    let message = message.to_lowercase();
    PHRASES.iter().any(|phrase| message.contains(phrase))
}

/// Whether `message` says that prompt and wanted output together do not fit, and the numbers of it: Anthropic's
/// `input length and max_tokens exceed context limit: A + B > C`.
pub(super) fn output_too_long(message: &str) -> Option<Tokens> {
    let lower = message.to_lowercase();
    let tail = lower.split_once("exceed context limit")?.1;
    let mut numbers = numbers(tail).into_iter();
    Some(Tokens { input: numbers.next()?, output: numbers.next()?, limit: numbers.next()? })
}

/// The two numbers of such a message: of the first two that can be token counts, the larger was sent and the
/// smaller is the limit, in whichever order the vendor names them.
pub(super) fn tokens(message: &str) -> Option<Tokens> {
    const LEAST: u64 = 256;
    let mut counts = numbers(message).into_iter().filter(|number| *number >= LEAST);
    let (first, second) = (counts.next()?, counts.next()?);
    (first != second).then(|| Tokens { input: first.max(second), output: 0, limit: first.min(second) })
}

/// The whole numbers of a text; `200,000` is one. Digits inside words (`gpt-4`, `glm4`) are none.
fn numbers(text: &str) -> Vec<u64> {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ',');
    text.split(|c: char| !inside(c))
        .filter_map(|word| {
            let word = word.trim_matches(|c| matches!(c, '.' | ',' | '-'));
            let digits: String = word.chars().filter(|c| *c != ',').collect();
            digits.parse().ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_every_vendor() {
        let cases = [
            ("prompt is too long: 213462 tokens > 200000 maximum", 213_462, 200_000),
            (
                "This model's maximum context length is 128000 tokens. However, your messages resulted in 150000 tokens.",
                150_000,
                128_000,
            ),
            (
                "This model's maximum context length is 32768 tokens. However, you requested 40000 tokens (38000 in the \
                 messages, 2000 in the completion).",
                40_000,
                32_768,
            ),
            (
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                1_200_000,
                1_048_576,
            ),
            ("the request exceeds the available context size: 9,001 tokens, 8,192 fit gpt-4", 9_001, 8_192),
        ];
        for (message, input, limit) in cases {
            assert!(says_so(message), "{message}");
            assert_eq!(tokens(message), Some(Tokens { input, output: 0, limit }), "{message}");
        }
        assert!(says_so("Prompt 超长") && tokens("Prompt 超长").is_none());
        assert!(!says_so("messages.0: field required"));
    }

    #[test]
    fn prompt_and_output_together() {
        let message = "input length and `max_tokens` exceed context limit: 150000 + 128000 > 200000, decrease them";
        assert_eq!(output_too_long(message), Some(Tokens { input: 150_000, output: 128_000, limit: 200_000 }));
        assert_eq!(output_too_long("prompt is too long"), None);
    }
}
