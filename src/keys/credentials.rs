//! `~/.moai/credentials.yaml`: a flat mapping of `<provider>_api_key` to text, shared with moai-adk. Edited in place,
//! other entries kept. Its parser's messages quote values, so only the place of an error is passed on.

use serde_yaml::{Mapping, Value};

use crate::base::yaml::{self, Refusal};

/// What is wrong with the file, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Invalid {
    /// Not YAML. Line and column from 1; 0 where the parser does not say.
    #[error("line {line}, column {column}: not valid YAML")]
    Syntax {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// Not a mapping of names to values.
    #[error("line 1, column 1: not a mapping of names to keys")]
    NotMapping,
    /// The entry is a number, a list, ….
    #[error("line {line}, column 1: `{entry}` is not a text; put the key in quotes")]
    NotText {
        /// The line.
        line: usize,
        /// The entry.
        entry: &'static str,
    },
    /// This change would not leave the rest alone.
    #[error("{0}; edit it by hand")]
    Refused(#[from] Refusal),
}

/// The value of `entry`, `None` where it is absent or empty.
pub(super) fn parse(text: &str, entry: &'static str) -> Result<Option<String>, Invalid> {
    match mapping(text)?.get(entry) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) if value.trim().is_empty() => Ok(None),
        Some(Value::String(value)) => Ok(Some(value.clone())),
        Some(_) => {
            let place =
                yaml::places(text).into_iter().find(|place| place.names.first().is_some_and(|name| name == entry));
            Err(Invalid::NotText { line: place.map_or(1, |place| place.line), entry })
        }
    }
}

/// The text with `entry` set to `key`; everything else stays as it is.
pub(super) fn with_key(text: &str, entry: &'static str, key: &str) -> Result<String, Invalid> {
    if mapping(text)?.get(entry).is_some_and(Value::is_string) {
        return Ok(yaml::set(text, &[entry], &key.into())?);
    }
    // A new key is quoted, whatever it looks like: an empty text needs quotes, and what replaces it keeps them.
    let quoted = yaml::set(text, &[entry], &"".into())?;
    Ok(yaml::set(&quoted, &[entry], &key.into())?)
}

/// The text without `entry`.
pub(super) fn without_key(text: &str, entry: &'static str) -> Result<String, Invalid> {
    if mapping(text)?.contains_key(entry) { Ok(yaml::remove(text, &[entry])?) } else { Ok(text.to_owned()) }
}

fn mapping(text: &str) -> Result<Mapping, Invalid> {
    let value = yaml::read(text).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |place| (place.line(), place.column()));
        Invalid::Syntax { line, column }
    })?;
    match value {
        Value::Null => Ok(Mapping::new()),
        Value::Mapping(mapping) => Ok(mapping),
        _ => Err(Invalid::NotMapping),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GLM: &str = "glm_api_key";

    #[test]
    fn other_entries_comments_and_order_stay() {
        let text = "# mine\nanthropic_api_key: sk-1 # work\nglm_api_key: old\nteam: {a: 1}\n";
        let edited = with_key(text, GLM, "new").unwrap();
        assert_eq!(edited, "# mine\nanthropic_api_key: sk-1 # work\nglm_api_key: new\nteam: {a: 1}\n");
        assert_eq!(without_key(&edited, GLM).unwrap(), "# mine\nanthropic_api_key: sk-1 # work\nteam: {a: 1}\n");
    }

    #[test]
    fn empty_commented_and_appended() {
        for text in ["", "# only a comment", "anthropic_api_key: x", "anthropic_api_key: x\n", "{}\n", "---\n"] {
            let edited = with_key(text, GLM, "0123:\"#\\key").unwrap();
            assert_eq!(parse(&edited, GLM).unwrap().as_deref(), Some("0123:\"#\\key"), "{text:?} -> {edited:?}");
            assert!(edited.contains("comment") == text.contains("comment"));
        }
    }

    #[test]
    fn a_key_of_digits_stays_a_text() {
        let edited = with_key("glm_api_key: abc\n", GLM, "123456789012").unwrap();
        assert_eq!(parse(&edited, GLM).unwrap().as_deref(), Some("123456789012"));
    }

    #[test]
    fn a_new_key_is_quoted_and_an_old_one_keeps_its_dress() {
        for (old, new) in [
            ("", "glm_api_key: \"new\"\n"),
            ("glm_api_key: # none\r\n", "glm_api_key: \"new\" # none\r\n"),
            ("a: 1\nglm_api_key: ~\n", "a: 1\nglm_api_key: \"new\"\n"),
            ("glm_api_key: 'old' # mine\n", "glm_api_key: 'new' # mine\n"),
            ("{a: b}", "{a: b, glm_api_key: \"new\"}"),
        ] {
            assert_eq!(with_key(old, GLM, "new").unwrap(), new);
        }
        let refused = with_key("a: &a x\nglm_api_key: &k SeCrEt\nb: *k\n", GLM, "new").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "line 2: cannot be edited in place: more than this value would change; edit it by hand"
        );
    }

    #[test]
    fn errors_name_the_place_and_quote_nothing() {
        let error = parse("a: 1\nglm_api_key: \"SeCrEt\n", GLM).unwrap_err();
        assert!(matches!(error, Invalid::Syntax { line: 2.., .. }), "{error}");
        assert!(!error.to_string().contains("SeCrEt"));
        assert_eq!(parse("x: 1\nglm_api_key: 12345678\n", GLM), Err(Invalid::NotText { line: 2, entry: GLM }));
        assert_eq!(parse("- a\n", GLM), Err(Invalid::NotMapping));
        assert_eq!(parse("glm_api_key:\n", GLM), Ok(None));
    }
}
