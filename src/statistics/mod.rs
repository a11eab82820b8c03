//! Floor 1: what can be said of numbers that were measured, and how surely. Pure arithmetic; nothing of moai in it.
//!
//! | question | method | source |
//! |---|---|---|
//! | a rate | Wilson's score interval | Wilson 1927; Brown, Cai, `DasGupta` 2001 |
//! | the difference of two rates | from two Wilson intervals, method 10 | Newcombe, Statistics in Medicine 17, 1998 |
//! | the difference of two means | Welch's t, with his degrees of freedom | Welch, Biometrika 34, 1947 |
//! | what is believed of a rate | the beta distribution, drawn from | Marsaglia, Tsang, ACM TOMS 26, 2000 |
//! | a mean that is looked at all the time | asymptotic confidence sequence | Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, Annals of Statistics 52, 2024, theorem 2.2 |
//!
//! Quantiles are computed: the normal one after Acklam (2003; its relative error is under 1.2e-9), Student's after Hill
//! (Communications of the ACM 13, 1970, algorithm 396).

pub mod beta;
pub(crate) mod dice;
mod quantile;
mod sample;

pub use quantile::{normal, student};
pub use sample::{Sample, float};

/// What a number lies in, as surely as was asked for.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Interval {
    /// The best guess.
    pub point: f64,
    /// Not less than this.
    pub low: f64,
    /// Not more than this.
    pub high: f64,
}

impl Interval {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { point: 0.0, low: f64::NEG_INFINITY, high: f64::INFINITY };

    /// Everything times `factor`, which is not negative.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { point: self.point * factor, low: self.low * factor, high: self.high * factor }
    }

    /// Everything times `factor`, which may be negative: then the ends change places.
    #[must_use]
    pub fn times_signed(self, factor: f64) -> Self {
        let Self { point, low, high } = self.times(factor);
        if factor < 0.0 { Self { point, low: high, high: low } } else { Self { point, low, high } }
    }

    /// The difference lies on one side of zero.
    pub fn excludes_zero(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// Of `all` trials `hits` went well: the rate, wrong with probability `alpha` (Wilson).
pub fn rate(hits: u64, all: u64, alpha: f64) -> Interval {
    if all == 0 {
        return Interval { point: 0.0, low: 0.0, high: 1.0 };
    }
    let (n, z) = (float(all), normal(1.0 - alpha / 2.0));
    let point = float(hits) / n;
    let middle = (point + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (point * (1.0 - point) / n + z * z / (4.0 * n * n)).sqrt();
    // At the ends the formula gives 0 and 1 but for rounding.
    let low = if hits == 0 { 0.0 } else { (middle - half).max(0.0) };
    let high = if hits == all { 1.0 } else { (middle + half).min(1.0) };
    Interval { point, low, high }
}

/// The rate of `a` less that of `b` (hits, all), wrong with probability `alpha` (Newcombe).
pub fn rates_apart(a: (u64, u64), b: (u64, u64), alpha: f64) -> Interval {
    let (a, b) = (rate(a.0, a.1, alpha), rate(b.0, b.1, alpha));
    let apart = |one: f64, other: f64| (one * one + other * other).sqrt();
    let point = a.point - b.point;
    Interval {
        point,
        low: point - apart(a.point - a.low, b.high - b.point),
        high: point + apart(a.high - a.point, b.point - b.low),
    }
}

/// The mean of `a` less that of `b`, wrong with probability `alpha` (Welch).
pub fn means_apart(a: &Sample, b: &Sample, alpha: f64) -> Interval {
    let (Some(a_error), Some(b_error)) = (a.squared_error(), b.squared_error()) else { return Interval::UNKNOWN };
    let point = a.mean() - b.mean();
    let both = a_error + b_error;
    if both <= 0.0 {
        return Interval { point, low: point, high: point };
    }
    let part = |error: f64, sample: &Sample| error * error / (float(sample.count()) - 1.0);
    let freedom = both * both / (part(a_error, a) + part(b_error, b));
    let half = student(1.0 - alpha / 2.0, freedom) * both.sqrt();
    Interval { point, low: point - half, high: point + half }
}

/// The sample's mean, so that the interval holds at all sizes of the sample at once with probability 1 − `alpha`: it
/// may be looked at after every value. It is narrowest, for its kind, where there are `tuned` values.
pub fn sequence(sample: &Sample, tuned: u64, alpha: f64) -> Interval {
    let Some(variance) = sample.variance() else { return Interval::UNKNOWN };
    let n = float(sample.count());
    let log = -2.0 * alpha.ln();
    let rho = (log + (log + 1.0).ln()) / float(tuned.max(1));
    let grown = n * rho + 1.0;
    let half = (variance * 2.0 * grown / (n * n * rho) * (grown.sqrt() / alpha).ln()).sqrt();
    let point = sample.mean();
    Interval { point, low: point - half, high: point + half }
}

/// The mean of `a` less that of `b` in the same manner: each has half of the error, so both hold at once.
pub fn sequences_apart(a: &Sample, b: &Sample, tuned: u64, alpha: f64) -> Interval {
    let (a, b) = (sequence(a, tuned, alpha / 2.0), sequence(b, tuned, alpha / 2.0));
    Interval { point: a.point - b.point, low: a.low - b.high, high: a.high - b.low }
}

#[cfg(test)]
mod tests;
