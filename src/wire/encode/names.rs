//! Names of tools and ids of calls, in the letters that each API allows.

use std::collections::HashMap;

use sha1::{Digest, Sha1};

use crate::wire::hub::{Block, Prompt};

/// `OpenAI` and Gemini take at most 64 characters of `[A-Za-z0-9_-]` (Gemini: not a digit or hyphen first).
const LONGEST: usize = 64;

/// Which names were changed on the way out, so that the answer's calls can be named back.
///
/// A changed name depends on nothing but the name, so it is the same in every request of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ToolNames {
    to_wire: HashMap<String, String>,
    to_client: HashMap<String, String>,
}

impl ToolNames {
    pub(super) fn new(prompt: &Prompt) -> Self {
        let mut names = Self::default();
        for tool in &prompt.tools {
            names.add(&tool.name);
        }
        for block in prompt.messages.iter().flat_map(|message| &message.content) {
            if let Block::ToolUse { name, .. } = block {
                names.add(name);
            }
        }
        names
    }

    fn add(&mut self, name: &str) {
        if fits(name) || self.to_wire.contains_key(name) {
            return;
        }
        let wire = tame(name);
        self.to_client.insert(wire.clone(), name.to_owned());
        self.to_wire.insert(name.to_owned(), wire);
    }

    /// The name to send.
    pub(super) fn to_wire<'a>(&'a self, name: &'a str) -> &'a str {
        self.to_wire.get(name).map_or(name, String::as_str)
    }

    /// The client's name for one that came back.
    pub fn to_client<'a>(&'a self, name: &'a str) -> &'a str {
        self.to_client.get(name).map_or(name, String::as_str)
    }
}

fn fits(name: &str) -> bool {
    name.len() <= LONGEST
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// A name that fits everywhere: other letters become `_`, and the end is a hash, so that two names stay two.
fn tame(name: &str) -> String {
    const HASH: usize = 8;
    let mut tamed = String::with_capacity(LONGEST);
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        tamed.push('_');
    }
    for c in name.chars() {
        if tamed.len() >= LONGEST - HASH - 1 {
            break;
        }
        tamed.push(if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' });
    }
    tamed.push('_');
    tamed.push_str(&hash(name).chars().take(HASH).collect::<String>());
    tamed
}

/// The SHA-1 of a text, in hex.
pub(super) fn hash(text: &str) -> String {
    Sha1::digest(text.as_bytes()).iter().fold(String::with_capacity(40), |mut hex, byte| {
        for half in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
        hex
    })
}

/// A call's id in the letters that Anthropic allows (`^[a-zA-Z0-9_-]+$`); the same for the same id.
pub(in crate::wire) fn anthropic_id(id: &str) -> String {
    let good = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if good { id.to_owned() } else { format!("toolu_{}", hash(id).chars().take(24).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_fit_are_left_alone_and_others_come_back() {
        let mut prompt = Prompt::new("m", "x");
        let long = format!("mcp__server__{}", "x".repeat(80));
        for name in ["Read", &long, "mcp.dots/slash", "9lives"] {
            let tool = serde_json::json!({"model": "m", "messages": [], "tools": [{"name": name, "input_schema": {}}]});
            prompt.tools.extend(Prompt::from_value(tool).unwrap().tools);
        }
        let names = ToolNames::new(&prompt);
        assert_eq!(names.to_wire("Read"), "Read");
        for name in [long.as_str(), "mcp.dots/slash", "9lives"] {
            let wire = names.to_wire(name).to_owned();
            assert!(fits(&wire), "{wire}");
            assert_eq!(names.to_client(&wire), name);
        }
        assert_ne!(tame("a.b"), tame("a/b"));
    }

    #[test]
    fn ids_for_anthropic() {
        assert_eq!(anthropic_id("call_1-A"), "call_1-A");
        assert!(anthropic_id("functions.Read:0").starts_with("toolu_"));
        assert_eq!(anthropic_id("a.b"), anthropic_id("a.b"));
        assert_eq!(hash("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
