//! Replaces pieces of a byte string and leaves every other byte alone.

use std::ops::Range;

use bytes::Bytes;

/// Pieces of `bytes` and what comes in their place.
pub(in crate::wire) struct Splice<'a> {
    bytes: &'a Bytes,
    edits: Vec<(Range<usize>, String)>,
}

impl<'a> Splice<'a> {
    pub(in crate::wire) fn new(bytes: &'a Bytes) -> Self {
        Self { bytes, edits: Vec::new() }
    }

    /// Puts `text` in place of `range`. Ranges must not overlap; one that does is left out by [`Splice::apply`].
    pub(in crate::wire) fn replace(&mut self, range: Range<usize>, text: impl Into<String>) {
        self.edits.push((range, text.into()));
    }

    /// The new bytes; the old ones, uncopied, where nothing was replaced.
    pub(in crate::wire) fn apply(mut self) -> Bytes {
        if self.edits.is_empty() {
            return self.bytes.clone();
        }
        self.edits.sort_by_key(|(range, _)| range.start);
        let added: usize = self.edits.iter().map(|(_, text)| text.len()).sum();
        let mut out = Vec::with_capacity(self.bytes.len() + added);
        let mut done = 0;
        for (range, text) in &self.edits {
            let Some(kept) = self.bytes.get(done..range.start) else { continue };
            out.extend_from_slice(kept);
            out.extend_from_slice(text.as_bytes());
            done = range.end;
        }
        out.extend_from_slice(self.bytes.get(done..).unwrap_or_default());
        out.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_replaced_in_any_order() {
        let bytes = Bytes::from_static(b"one two three");
        let mut splice = Splice::new(&bytes);
        splice.replace(8..13, "3");
        splice.replace(0..3, "first");
        assert_eq!(splice.apply(), "first two 3");
        assert_eq!(Splice::new(&bytes).apply(), bytes);
    }
}
