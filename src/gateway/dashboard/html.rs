//! HTML being written. Markup is what stands in this program's source; everything else is escaped, because there is no
//! other way to put it in.

use std::fmt::Display;

use crate::plot::escape;

/// A piece of HTML.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup from the source of this program.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, between tags or in a quoted attribute.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        self.0.push_str(&escape(&text.to_string()));
        self
    }

    /// Another piece.
    pub(super) fn add(&mut self, piece: &Self) -> &mut Self {
        self.0.push_str(&piece.0);
        self
    }

    /// A chart of [`crate::plot`], which escapes what stands in it.
    pub(super) fn chart(&mut self, svg: &str) -> &mut Self {
        self.0.push_str(svg);
        self
    }

    /// `<tag class="class">text</tag>` for the tags that hold a word or a number.
    pub(super) fn word(&mut self, open: &'static str, text: impl Display, close: &'static str) -> &mut Self {
        self.raw(open).text(text).raw(close)
    }

    /// The text of it.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_source_makes_markup() {
        let mut html = Html::default();
        html.raw("<td title=\"").text("\"><script>").raw("\">").word("<b>", "<script>", "</b>").raw("</td>");
        let said = html.into_text();
        assert_eq!(said, "<td title=\"&quot;&gt;&lt;script&gt;\"><b>&lt;script&gt;</b></td>");
    }
}
