//! The letters of SVG: escaped text, short numbers, the frame around a chart.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{CSS, Caption};

/// The room that a column of text takes, in user units: of the letters that a phone gets, which are the larger ones.
pub(super) const COLUMN: f64 = 8.0;
/// How far two lines of text are apart.
pub(super) const LINE: f64 = 19.0;

/// Text as it may stand in HTML and SVG, between tags and in quoted attributes. What is no character of XML and what
/// turns the direction of writing is shown as `U+FFFD`.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(c),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The chart as a file of its own: with its style sheet and the namespace.
pub fn standalone(svg: &str) -> String {
    let Some((head, rest)) = svg.split_once('>') else { return svg.to_owned() };
    format!("{head} xmlns=\"http://www.w3.org/2000/svg\"><style>{CSS}</style>{rest}\n")
}

/// A coordinate to a tenth, as short as it goes.
pub(super) fn coordinate(value: f64) -> String {
    let text = format!("{value:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// A count as a number to draw with.
pub(super) fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// How wide a text is drawn, at the most.
pub(super) fn width(text: &str) -> f64 {
    float(text.width()) * COLUMN
}

/// The text, cut to `columns` with `…` at its end.
pub(super) fn short(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut taken = 1;
    for c in text.chars() {
        taken += c.width().unwrap_or(0);
        if taken > columns {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    cut
}

/// A chart being written.
pub(super) struct Svg {
    text: String,
    width: f64,
}

/// Where a text is anchored.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    /// Begins a chart of `width` times `height` user units with its title.
    pub(super) fn new(caption: &Caption<'_>, width: f64, height: f64) -> Self {
        let (id, title, about) = (escape(caption.id), escape(caption.title), escape(caption.about));
        let (w, h) = (coordinate(width), coordinate(height));
        let text = format!(
            "<svg class=\"plot\" viewBox=\"0 0 {w} {h}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
             <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{about}</desc>"
        );
        let mut svg = Self { text, width };
        if caption.drawn {
            svg.text((0.0, 16.0), Anchor::Start, "head", &short(caption.title, 58));
        }
        svg
    }

    /// Text at a place.
    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, said: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let (x, y, said) = (coordinate(x), coordinate(y), escape(said));
        self.put(format_args!("<text x=\"{x}\" y=\"{y}\"{anchor}{class}>{said}</text>"));
    }

    /// A level line from `from` to `to`.
    pub(super) fn level(&mut self, class: &str, (from, to): (f64, f64), y: f64) {
        let (from, to, y) = (coordinate(from), coordinate(to), coordinate(y));
        self.put(format_args!("<path class=\"{class}\" d=\"M{from} {y}H{to}\"/>"));
    }

    /// A rectangle, with a tooltip where `said` is not empty.
    pub(super) fn rectangle(&mut self, class: &str, (x, y): (f64, f64), (width, height): (f64, f64), said: &str) {
        let (x, y, w, h) = (coordinate(x), coordinate(y), coordinate(width), coordinate(height));
        self.put(format_args!("<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\""));
        self.close("rect", said);
    }

    /// A path.
    pub(super) fn path(&mut self, class: &str, drawn: &str) {
        self.put(format_args!("<path class=\"{class}\" d=\"{drawn}\"/>"));
    }

    /// A dot.
    pub(super) fn dot(&mut self, class: &str, (x, y): (f64, f64)) {
        let (x, y) = (coordinate(x), coordinate(y));
        self.put(format_args!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"3\"/>"));
    }

    /// Says in the middle that there is nothing to be seen.
    pub(super) fn nothing(mut self, said: &str, height: f64) -> String {
        self.text((self.width / 2.0, height / 2.0 + 5.0), Anchor::Middle, "", said);
        self.end()
    }

    /// The chart.
    pub(super) fn end(mut self) -> String {
        self.text.push_str("</svg>");
        self.text
    }

    fn close(&mut self, tag: &str, said: &str) {
        if said.is_empty() {
            self.text.push_str("/>");
        } else {
            self.put(format_args!("><title>{}</title></{tag}>", escape(said)));
        }
    }

    fn put(&mut self, written: std::fmt::Arguments<'_>) {
        self.text.push_str(&written.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_writes_is_text_and_nothing_else() {
        assert_eq!(
            escape("<script>\"a\" & 'b'</script>"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;"
        );
        assert_eq!(escape("a\u{1b}[31m\u{202e}b\r\0"), "a\u{fffd}[31m\u{fffd}b\u{fffd}\u{fffd}");
        assert_eq!(escape("설계\n"), "설계\n");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [1.0, 1.25, -0.01, 10.06].map(coordinate),
            ["1".to_owned(), "1.2".to_owned(), "0".to_owned(), "10.1".to_owned()]
        );
    }

    #[test]
    fn long_names_are_cut_by_columns_not_bytes() {
        assert_eq!(short("claude-opus", 11), "claude-opus");
        assert_eq!(short("claude-opus", 8), "claude-…");
        assert_eq!(short("한글모델이름", 7), "한글모…");
    }
}
