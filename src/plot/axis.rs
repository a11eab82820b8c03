//! Axes: what a number is of, and where a person expects lines.

use super::svg::float;

/// What the numbers are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things that are counted.
    Count,
    /// US dollars.
    Usd,
    /// Milliseconds.
    Millis,
    /// Shares: 1 is the whole, shown as 100 %.
    Share,
}

/// How the numbers of one axis are written: all alike.
#[derive(Debug, Clone, Copy)]
struct Style {
    /// What a number is divided by.
    by: f64,
    before: &'static str,
    after: &'static str,
}

impl Unit {
    /// How numbers up to `top` are written.
    fn style(self, top: f64) -> Style {
        let (by, before, after) = match self {
            Self::Count if top >= 2e9 => (1e9, "", "G"),
            Self::Count if top >= 2e6 => (1e6, "", "M"),
            Self::Count if top >= 2e4 => (1e3, "", "k"),
            Self::Count => (1.0, "", ""),
            Self::Usd => (1.0, "$", ""),
            Self::Millis if top >= 120_000.0 => (60_000.0, "", " min"),
            Self::Millis if top >= 2_000.0 => (1_000.0, "", " s"),
            Self::Millis => (1.0, "", " ms"),
            Self::Share => (0.01, "", " %"),
        };
        Style { by, before, after }
    }

    /// A single number, as a tooltip says it: `1,234`, `$0.0525`, `3.42 s`, `12.5 %`.
    pub fn say(self, value: f64) -> String {
        let size = value.abs();
        let style = match self {
            Self::Count if size < 1e6 => self.style(0.0),
            Self::Count => self.style(2.0 * size),
            Self::Millis if size >= 1e3 => self.style(size.max(2e3)),
            _ => self.style(size),
        };
        let digits = match self {
            Self::Count | Self::Millis if style.by <= 1.0 => 0,
            Self::Usd if size != 0.0 && size < 1.0 => 4,
            Self::Share => 1,
            Self::Count | Self::Usd | Self::Millis => 2,
        };
        style.write(value / style.by, digits)
    }
}

impl Style {
    /// What stands beside a line; nothing of a thousand is nothing.
    fn line(self, value: f64, digits: usize) -> String {
        let bare = value == 0.0 && matches!(self.after, "k" | "M" | "G");
        if bare { "0".to_owned() } else { self.write(value, digits) }
    }

    fn write(self, value: f64, digits: usize) -> String {
        let text = format!("{:.digits$}", value.abs());
        let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
        let mut grouped = String::new();
        for (at, digit) in whole.char_indices() {
            if at > 0 && (whole.len() - at).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let nothing = text.chars().all(|c| matches!(c, '0' | '.'));
        let sign = if value < 0.0 && !nothing { "−" } else { "" };
        format!("{sign}{}{grouped}{rest}{}", self.before, self.after)
    }
}

/// A scale from its lowest to its highest line, with zero among them.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    /// The lines: where they are, and what stands beside them.
    pub(super) lines: Vec<(f64, String)>,
}

impl Scale {
    /// The scale for values between `low` and `high`; zero is always on it.
    pub(super) fn new(unit: Unit, low: f64, high: f64) -> Self {
        let (low, high) = (low.min(0.0), high.max(0.0));
        let style = unit.style(high.max(-low));
        let (low, high) = (low / style.by, high / style.by);
        let mut step = nice((high - low) / 4.0);
        if unit == Unit::Count && style.by <= 1.0 {
            step = step.max(1.0);
        }
        // Ten cents are written as cents.
        let digits = if unit == Unit::Usd && digits(step) == 1 { 2 } else { digits(step) };
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        let last = if last <= first { first + 1.0 } else { last };
        // At most a handful: the step is a quarter of the span, rounded up to a nice number.
        let lines = (0..16_usize)
            .map(|at| first + float(at))
            .take_while(|at| *at <= last)
            .map(|at| (at * step * style.by, style.line(at * step, digits)))
            .collect();
        Self { low: first * step * style.by, high: last * step * style.by, lines }
    }

    /// Where a value stands between the lowest line (0) and the highest (1).
    pub(super) fn share(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// The next number up that people count in: 1, 2 or 5 times a power of ten.
fn nice(step: f64) -> f64 {
    if !step.is_finite() || step <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(step.log10().floor());
    let found = [1.0, 2.0, 5.0].into_iter().find(|times| times * power >= step * (1.0 - 1e-9));
    found.unwrap_or(10.0) * power
}

/// How many digits after the point tell multiples of `step` apart.
fn digits(step: f64) -> usize {
    let mut digits = 0;
    let mut rest = step;
    while (rest - rest.round()).abs() > 1e-6 * rest && digits < 9 {
        rest *= 10.0;
        digits += 1;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(unit: Unit, low: f64, high: f64) -> Vec<String> {
        Scale::new(unit, low, high).lines.into_iter().map(|(_, said)| said).collect()
    }

    #[test]
    fn lines_stand_where_people_expect_them() {
        assert_eq!(said(Unit::Count, 0.0, 7.0), ["0", "2", "4", "6", "8"]);
        assert_eq!(said(Unit::Count, 0.0, 1.0), ["0", "1"]);
        assert_eq!(said(Unit::Count, 0.0, 3_400_000.0), ["0", "1M", "2M", "3M", "4M"]);
        assert_eq!(said(Unit::Usd, 0.0, 0.037), ["$0.00", "$0.01", "$0.02", "$0.03", "$0.04"]);
        assert_eq!(said(Unit::Usd, 0.0, 0.23), ["$0.00", "$0.10", "$0.20", "$0.30"]);
        assert_eq!(said(Unit::Usd, 0.0, 18.0), ["$0", "$5", "$10", "$15", "$20"]);
        assert_eq!(said(Unit::Millis, 0.0, 800.0), ["0 ms", "200 ms", "400 ms", "600 ms", "800 ms"]);
        assert_eq!(said(Unit::Millis, 0.0, 4_100.0), ["0 s", "2 s", "4 s", "6 s"]);
        assert_eq!(said(Unit::Share, 0.0, 0.5), ["0 %", "20 %", "40 %", "60 %"]);
        assert_eq!(said(Unit::Usd, -3.0, 5.0), ["−$4", "−$2", "$0", "$2", "$4", "$6"]);
    }

    #[test]
    fn zero_is_on_every_scale_and_nothing_is_a_scale_too() {
        for (low, high) in [(5.0, 9.0), (0.0, 0.0), (-2.0, -1.0), (0.0, 1e-9), (0.0, 1e15)] {
            let scale = Scale::new(Unit::Usd, low, high);
            assert!(scale.lines.iter().any(|(at, _)| *at == 0.0), "{low} to {high}: {:?}", scale.lines);
            assert!((2..=7).contains(&scale.lines.len()), "{low} to {high}: {:?}", scale.lines);
            assert!(scale.share(low) >= 0.0 && scale.share(high) <= 1.0);
        }
    }

    #[test]
    fn single_numbers_are_said_as_in_a_sentence() {
        let count = |value| Unit::Count.say(value);
        assert_eq!([0.0, 1_234.0, 1_234_567.0].map(count), ["0", "1,234", "1.23M"]);
        let usd = |value| Unit::Usd.say(value);
        assert_eq!([0.0, 0.0525, 12.5, -3.0, -0.00001].map(usd), ["$0.00", "$0.0525", "$12.50", "−$3.00", "$0.0000"]);
        let millis = |value| Unit::Millis.say(value);
        assert_eq!([812.4, 1_104.0, 3_420.0, 150_000.0].map(millis), ["812 ms", "1.10 s", "3.42 s", "2.50 min"]);
        assert_eq!(Unit::Share.say(0.125), "12.5 %");
    }
}
