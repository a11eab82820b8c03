//! Styles as a value, and the cleaning of text that comes from elsewhere.

use crate::base::world::Env;

/// Paints text, or leaves it alone where the stream has no colours.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    colour: bool,
    links: bool,
}

impl Paint {
    /// Styles for a stream that has colours and hyperlinks, or not.
    pub const fn new(colour: bool, links: bool) -> Self {
        Self { colour, links }
    }

    /// Whether anything is coloured.
    pub const fn coloured(self) -> bool {
        self.colour
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// Headings and names.
    pub fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    /// What may be skipped.
    pub fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    /// Failures and dangers.
    pub fn red(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// Success.
    pub fn green(self, text: &str) -> String {
        self.wrap("32", text)
    }

    /// Warnings.
    pub fn yellow(self, text: &str) -> String {
        self.wrap("33", text)
    }

    /// Hints and commands to type.
    pub fn cyan(self, text: &str) -> String {
        self.wrap("36", text)
    }

    /// `text` linked to `url` (OSC 8) where the terminal can; else `text`.
    pub fn link(self, url: &str, text: &str) -> String {
        if self.links { format!("\u{1b}]8;;{url}\u{1b}\\{text}\u{1b}]8;;\u{1b}\\") } else { text.to_owned() }
    }
}

/// Whether the terminal is known to render OSC 8 hyperlinks; unknown terminals get plain text.
pub(super) fn terminal_has_links(env: &Env) -> bool {
    let program = env.text("TERM_PROGRAM").unwrap_or_default();
    ["iTerm.app", "WezTerm", "vscode", "ghostty", "Hyper"].contains(&program)
        || env.text("KITTY_WINDOW_ID").is_some()
        || env.text("WT_SESSION").is_some()
        || env.text("VTE_VERSION").and_then(|version| version.parse::<u32>().ok()).is_some_and(|vte| vte >= 5000)
}

/// Text with control characters written out (`\u{1b}`), so that a branch or file name cannot drive the terminal.
/// Line ends and tabs stay.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        let hidden = (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if hidden {
            cleaned.push_str(&c.escape_unicode().to_string());
        } else {
            cleaned.push(c);
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        assert_eq!(clean("a\u{1b}[31mb\r"), "a\\u{1b}[31mb\\u{d}");
        assert_eq!(clean("한글 ok\n"), "한글 ok\n");
        assert_eq!(clean("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn no_colour_no_escapes() {
        let plain = Paint::new(false, false);
        assert_eq!(plain.red("x"), "x");
        assert_eq!(plain.link("file:///a", "a"), "a");
        assert_eq!(Paint::new(true, false).green("x"), "\u{1b}[32mx\u{1b}[0m");
    }
}
