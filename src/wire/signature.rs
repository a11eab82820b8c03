//! Thinking blocks carry the signature of whoever thought them. What a provider sealed for itself is packed into a
//! signature with moai's mark and the provider's name, and unpacked for that provider alone.
//!
//! Nothing is forged: before an Anthropic upstream a block with such a mark is taken out, not re-signed.
//!
//! Whoever speaks Anthropic's dialect without being Anthropic signs, too (Z.AI, resellers), in whatever form, and
//! Anthropic answers 400 to a signature that it did not make. What is Anthropic's own cannot be told by its form, which
//! changes; so theirs are marked on the way out ([`mark_stream`], [`mark_whole`]) and nothing else of their bytes is
//! touched, and on the way in each gets its own back as it was and nobody else's ([`thought`]).

use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::{self, Finder};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::quirks::Quirks;
use super::request::{Entries, Items, Splice, place};

const MARK: &str = "moai-";
const VERSION: &str = "-v1:";

/// A signature of ours: `sealed` may be empty, then it only says who thought.
pub(super) fn pack(origin: &str, sealed: &str) -> String {
    format!("{MARK}{origin}{VERSION}{sealed}")
}

/// What `origin` sealed, where the signature is ours and of that provider.
pub(super) fn unpack<'a>(signature: &'a str, origin: &str) -> Option<&'a str> {
    signature.strip_prefix(MARK)?.strip_prefix(origin)?.strip_prefix(VERSION)
}

/// What becomes of thinking at a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Thought<'a> {
    /// It goes there as it is.
    Kept,
    /// It goes there under the host's own signature.
    Own(&'a str),
    /// It is somebody else's.
    Foreign,
}

/// What becomes of thinking with this signature at a host of Anthropic's dialect with these quirks.
///
/// What has no mark is Anthropic's own; what has no signature at all may be anybody's but Anthropic's.
pub(super) fn thought<'a>(signature: &'a str, quirks: &Quirks) -> Thought<'a> {
    match (unpack(signature, &quirks.origin), quirks.anthropic) {
        (Some(own), false) => Thought::Own(own),
        (None, true) if !signature.is_empty() && !signature.starts_with(MARK) => Thought::Kept,
        (None, false) if signature.is_empty() => Thought::Kept,
        _ => Thought::Foreign,
    }
}

/// Whether a raw JSON string is a signature that Anthropic did not make.
pub(super) fn is_foreign(raw: &[u8]) -> bool {
    raw.strip_prefix(b"\"").is_none_or(|text| text.starts_with(b"\"") || text.starts_with(MARK.as_bytes()))
}

/// A host's stream in Anthropic's dialect, as far as its events are whole, with its signatures marked as `origin`'s; the
/// same bytes where there are none.
pub fn mark_stream(bytes: &Bytes, origin: &str) -> Bytes {
    const KEY: &[u8] = b"\"signature\"";
    if SIGNATURE.find(bytes).is_none() {
        return bytes.clone();
    }
    // Inside of a text the quotes are escaped, so these are keys and types.
    let mut at = 0;
    let mut splice = Splice::new(bytes);
    let mark = pack(origin, "");
    while let Some(found) = bytes.get(at..).and_then(|rest| memmem::find(rest, KEY)) {
        let key = at + found;
        at = key + KEY.len();
        let line = bytes.get(..key).unwrap_or_default();
        let begin = memchr::memrchr2(b'\n', b'\r', line).map_or(0, |end| end + 1);
        let line = bytes.get(begin..).unwrap_or_default();
        let line = line.get(..memchr::memchr2(b'\n', b'\r', line).unwrap_or(line.len())).unwrap_or_default();
        let has = |word: &str| memmem::find(line, word.as_bytes()).is_some();
        let said = has("\"signature_delta\"") || (has("\"content_block_start\"") && has("\"thinking\""));
        let Some(value) = value_of(bytes, at).filter(|_| said) else { continue };
        // A block begins with an empty one, and has its own later.
        if bytes.get(value) != Some(&b'"') || has("\"signature_delta\"") {
            splice.replace(value..value, mark.clone());
        }
    }
    splice.apply()
}

/// Where the text of a JSON string begins whose key ends at `from`.
fn value_of(bytes: &[u8], from: usize) -> Option<usize> {
    let skip = |at: usize| {
        let rest = bytes.get(at..)?;
        rest.iter().position(|byte| !byte.is_ascii_whitespace()).map(|spaces| at + spaces)
    };
    let colon = skip(from).filter(|at| bytes.get(*at) == Some(&b':'))?;
    skip(colon + 1).filter(|at| bytes.get(*at) == Some(&b'"')).map(|at| at + 1)
}

/// Most answers have none, and what looks for it is made once.
static SIGNATURE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"signature"));

/// A host's whole answer in Anthropic's dialect, its signatures marked as `origin`'s.
pub fn mark_whole(bytes: &Bytes, origin: &str) -> Bytes {
    #[derive(Deserialize)]
    struct Block<'a> {
        #[serde(rename = "type")]
        kind: &'a str,
        #[serde(borrow)]
        signature: &'a RawValue,
    }
    if SIGNATURE.find(bytes).is_none() {
        return bytes.clone();
    }
    let mut splice = Splice::new(bytes);
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let entries = serde_json::from_str::<Entries<'_>>(text).map(|entries| entries.0).unwrap_or_default();
    for (_, content) in entries.iter().filter(|(key, _)| *key == "content") {
        let blocks = serde_json::from_str::<Items<'_>>(content.get()).map(|items| items.0).unwrap_or_default();
        for raw in blocks {
            let Ok(Block { kind: "thinking", signature }) = serde_json::from_str(raw.get()) else { continue };
            if signature.get().len() > 2 && signature.get().starts_with('"') {
                let start = place(text, signature).start + 1;
                splice.replace(start..start, pack(origin, ""));
            }
        }
    }
    splice.apply()
}

/// The parts of a reasoning item of `OpenAI` Responses, in one sealed text.
pub(super) fn seal_item(id: &str, encrypted: &str) -> String {
    format!("{id}:{encrypted}")
}

/// The id and the encrypted content of a reasoning item.
pub(super) fn open_item(sealed: &str) -> Option<(&str, &str)> {
    sealed.split_once(':').filter(|(id, encrypted)| !id.is_empty() && !encrypted.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_opened_only_for_its_maker() {
        let packed = pack("gemini", "AbC+/=");
        assert_eq!(unpack(&packed, "gemini"), Some("AbC+/="));
        assert_eq!(unpack(&packed, "gem"), None);
        assert_eq!(unpack(&packed, "openai"), None);
        assert_eq!(unpack("EqQBCgIYAg", "gemini"), None);
        assert_eq!(open_item(&seal_item("rs_1", "e:nc")), Some(("rs_1", "e:nc")));
    }

    #[test]
    fn thinking_goes_to_whom_it_is_from() {
        let anthropic = Quirks::preset("anthropic").unwrap();
        let zai = Quirks { origin: "zai".into(), ..Quirks::preset("anthropic-compatible").unwrap() };
        for (signature, there, at_zai) in [
            ("EqQBCgIYAg", Thought::Kept, Thought::Foreign),
            ("moai-zai-v1:abc", Thought::Foreign, Thought::Own("abc")),
            ("moai-zai-v1:", Thought::Foreign, Thought::Own("")),
            ("moai-gemini-v1:abc", Thought::Foreign, Thought::Foreign),
            ("moai-anthropic-v1:abc", Thought::Foreign, Thought::Foreign),
            ("", Thought::Foreign, Thought::Kept),
        ] {
            assert_eq!((thought(signature, &anthropic), thought(signature, &zai)), (there, at_zai), "{signature}");
        }
    }

    #[test]
    fn a_stream_is_marked_in_its_signatures_and_nowhere_else() {
        let stream = r#"event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"@a1-"}}

data: {"delta": {"signature" : "@b", "type": "signature_delta"}, "type": "content_block_delta"}

data: {"type":"content_block_start","index":2,"content_block":{"type":"thinking","thinking":"so","signature":"@c"}}

data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","input":{"signature":"mine"}}}

data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"\"signature_delta\",\"signature\":\"x\""}}

data: {"type":"content_block_delta","delta":{"type":"signature_delta","signature":"@"}}
"#;
        let marked = mark_stream(&Bytes::from(stream.replace('@', "")), "zai");
        assert_eq!(std::str::from_utf8(&marked).unwrap(), stream.replace('@', "moai-zai-v1:"));
        let plain = Bytes::from_static(b"data: {\"type\":\"ping\"}\n\n");
        assert_eq!(mark_stream(&plain, "zai").as_ptr(), plain.as_ptr(), "no copy");
    }

    #[test]
    fn a_whole_answer_is_marked_in_its_thinking() {
        let body = r#"{"id":1e2, "content" : [ {"type":"thinking","thinking":"t","signature": "@abc"},
            {"type":"thinking","thinking":"t","signature":""},{"type":"tool_use","input":{"signature":"x"}},
            {"type":"text","text":"\"signature\":\"x\""}],"signature":"x"}"#;
        let marked = mark_whole(&Bytes::from(body.replace('@', "")), "zai");
        assert_eq!(std::str::from_utf8(&marked).unwrap(), body.replace('@', "moai-zai-v1:"));
        assert_eq!(mark_whole(&Bytes::from_static(b"no JSON"), "zai"), "no JSON");
    }
}
