//! `<system-reminder>` text: how Claude Code and moai put words of the system into a user's message.

use std::borrow::Cow;

const OPEN: &str = "<system-reminder>";
const CLOSE: &str = "</system-reminder>";

/// `text` in reminder tags.
pub(super) fn wrap(text: &str) -> String {
    format!("{OPEN}\n{}\n{CLOSE}", text.trim())
}

/// `text` without what stands in reminder tags. A tag that is never closed is text.
pub(super) fn strip(text: &str) -> Cow<'_, str> {
    if !text.contains(OPEN) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let Some((_, behind)) = after.split_once(CLOSE) else { break };
        kept.push_str(before);
        rest = behind;
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_closed_reminders_are_taken_out() {
        assert_eq!(strip("a<system-reminder>x</system-reminder>b"), "ab");
        assert_eq!(strip("a<system-reminder>b"), "a<system-reminder>b");
        assert_eq!(strip(&wrap("hidden")), "");
        assert_eq!(strip("plain"), "plain");
    }
}
