//! Prometheus's text format: a family with its help and its type, and below it a line for each series.

use std::fmt::{Display, Write as _};

use crate::model::Usd;

use super::histogram::Histogram;

/// The text as it grows.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    family: &'static str,
}

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts in buckets.
    Histogram,
}

/// A label and its value.
pub(super) type Label<'a> = (&'static str, &'a str);

impl Page {
    /// Begins a family: what follows belongs to it.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.family = name;
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// A family of one series without labels.
    pub(super) fn single(&mut self, name: &'static str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(&[], value);
    }

    /// A series of the family.
    pub(super) fn sample(&mut self, labels: &[Label<'_>], value: impl Display) {
        self.series("", labels, None, value);
    }

    /// A histogram of the family; `unit` writes a bound or a sum in the family's unit.
    pub(super) fn histogram<T: Display>(&mut self, labels: &[Label<'_>], histogram: &Histogram, unit: fn(u64) -> T) {
        let mut below = 0;
        for (bound, count) in histogram.buckets() {
            below += count;
            self.series("_bucket", labels, Some(&unit(bound)), below);
        }
        self.series("_bucket", labels, Some(&"+Inf"), histogram.count());
        self.series("_sum", labels, None, unit(histogram.sum()));
        self.series("_count", labels, None, histogram.count());
    }

    /// The whole text.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn series(&mut self, end: &str, labels: &[Label<'_>], bound: Option<&dyn Display>, value: impl Display) {
        let family = self.family;
        self.write(format_args!("{family}{end}"));
        let mut before = '{';
        for (name, value) in labels {
            self.write(format_args!("{before}{name}=\""));
            self.escape(value);
            self.text.push('"');
            before = ',';
        }
        if let Some(bound) = bound {
            self.write(format_args!("{before}le=\"{bound}\""));
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        self.write(format_args!(" {value}\n"));
    }

    /// A label's value: what would end it is escaped.
    fn escape(&mut self, value: &str) {
        for c in value.chars() {
            match c {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                c => self.text.push(c),
            }
        }
    }

    fn write(&mut self, words: std::fmt::Arguments<'_>) {
        // A text takes whatever is written.
        let _always = self.text.write_fmt(words);
    }
}

/// Milliseconds as seconds: `0.01`, `2`, `81.92`.
pub(super) fn seconds(millis: u64) -> String {
    let (whole, rest) = (millis / 1000, millis % 1000);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest:03}").trim_end_matches('0').to_owned() }
}

/// Dollars to the nano-dollar.
pub(super) fn dollars(amount: Usd) -> String {
    format!("{amount:.9}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_reads_as_the_format_says() {
        let mut page = Page::default();
        page.family("a_total", Kind::Counter, "How many.");
        page.sample(&[("model", "a\"b\\c\nd"), ("kind", "x")], 3);
        page.single("b", Kind::Gauge, "One.", dollars(Usd::from_nanos(52_500_001)));
        let said = "# HELP a_total How many.\n# TYPE a_total counter\na_total{model=\"a\\\"b\\\\c\\nd\",kind=\"x\"} 3\n\
                    # HELP b One.\n# TYPE b gauge\nb 0.052500001\n";
        assert_eq!(page.into_text(), said);
    }

    #[test]
    fn a_histogram_counts_upwards_to_all_of_it() {
        let mut histogram = Histogram::new(&[10, 1280]);
        for millis in [5, 10, 11, 5000] {
            histogram.add(millis);
        }
        let mut page = Page::default();
        page.family("h_seconds", Kind::Histogram, "Times.");
        page.histogram(&[("m", "x")], &histogram, seconds);
        let text = page.into_text();
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "h_seconds_bucket{m=\"x\",le=\"0.01\"} 2",
                "h_seconds_bucket{m=\"x\",le=\"1.28\"} 3",
                "h_seconds_bucket{m=\"x\",le=\"+Inf\"} 4",
                "h_seconds_sum{m=\"x\"} 5.026",
                "h_seconds_count{m=\"x\"} 4",
            ]
        );
    }
}
