//! Vendors' texts before anybody sees them: one line, not too long, and without keys, which some vendors repeat.

const LONGEST: usize = 600;

/// What a key starts with, and at least how long it then is.
const KEYS: [&str; 10] = ["sk-", "sk_", "AIza", "gsk_", "xai-", "pplx-", "key-", "Bearer ", "co_", "eyJ"];

/// `text` on one line, cut to a readable length, with anything like a key blotted out.
pub(super) fn line(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(LONGEST + 8));
    for word in text.split_whitespace() {
        if !clean.is_empty() {
            clean.push(' ');
        }
        if is_key(word) {
            clean.push_str("[redacted]");
        } else {
            clean.extend(word.chars().filter(|c| !c.is_control()));
        }
        if clean.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|at| clean.is_char_boundary(*at)).unwrap_or(0);
            clean.truncate(end);
            clean.push('…');
            break;
        }
    }
    clean
}

fn is_key(word: &str) -> bool {
    let bare = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    // GLM's keys are 32 hex digits, a dot and 16 letters or digits.
    let glm = bare.split_once('.').is_some_and(|(id, secret)| {
        id.len() == 32 && secret.len() >= 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
    });
    let key_part = KEYS.iter().any(|start| bare.find(start).is_some_and(|at| bare.len() - at >= start.len() + 12));
    glm || key_part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_line_ends_do_not_get_out() {
        let text = "Incorrect API key provided: sk-proj-abc*******************XYZ1.\nSee https://platform.openai.com";
        assert_eq!(line(text), "Incorrect API key provided: [redacted] See https://platform.openai.com");
        assert_eq!(line(&format!("bad {}.{}", "0123456789abcdef".repeat(2), "abcdefgh12345678")), "bad [redacted]");
        assert_eq!(line("no\u{1b}[31m colour"), "no[31m colour");
        assert!(line(&"한글 ".repeat(1000)).len() < LONGEST + 8);
    }
}
