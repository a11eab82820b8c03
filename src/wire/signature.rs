//! Thinking blocks carry the signature of whoever thought them. What a provider sealed for itself is packed into a
//! signature with moai's mark and the provider's name, and unpacked for that provider alone.
//!
//! Nothing is forged: before an Anthropic upstream a block with such a mark is taken out, not re-signed.

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

/// Whether an Anthropic upstream can have made this signature: it is not empty and not ours.
pub(super) fn may_be_anthropic(signature: &str) -> bool {
    !signature.is_empty() && !signature.starts_with(MARK)
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
        assert!(may_be_anthropic("EqQBCgIYAg") && !may_be_anthropic(&packed) && !may_be_anthropic(""));
        assert_eq!(open_item(&seal_item("rs_1", "e:nc")), Some(("rs_1", "e:nc")));
    }
}
