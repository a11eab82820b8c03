//! Money: whole nano-dollars, and the exact rates they come from. No floating point takes part in a sum.
//!
//! A price in micro-USD per million tokens is the same number as pico-USD per token, so tokens times rate is exact in
//! pico-dollars; it is rounded once, half to even, to nano-dollars.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

/// An amount of US dollars in nano-dollars; up to 9.2 thousand million dollars fit, and sums stop there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(i64);

/// A text that is no amount of dollars.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsdError {
    /// Not a plain decimal number.
    #[error("`{0}` is not an amount in dollars, such as 100 or 0.0525")]
    NotDecimal(String),
    /// More digits than are kept.
    #[error("`{text}` has more than {digits} digits after the point")]
    TooFine {
        /// What was given.
        text: String,
        /// How many digits are kept.
        digits: u32,
    },
    /// More than fits.
    #[error("`{0}` is too large an amount")]
    TooLarge(String),
}

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most that can be said: about 9.2 thousand million dollars.
    pub const MAX: Self = Self(i64::MAX);

    const NANOS: i64 = 1_000_000_000;

    /// An amount of nano-dollars.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// The amount in nano-dollars.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Pico-dollars, rounded half to even; what does not fit becomes [`Usd::MAX`].
    pub fn from_picos(picos: u128) -> Self {
        let (whole, rest) = (picos / 1000, picos % 1000);
        let up = rest > 500 || (rest == 500 && whole % 2 == 1);
        i64::try_from(whole + u128::from(up)).map_or(Self::MAX, Self)
    }

    /// The sum, `None` where it does not fit.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// The sum, stopping at the largest amount.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, which may be negative.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// How much of `whole` this is, in hundredths of a percent, rounded half up; `None` for a share of nothing.
    pub fn share_of(self, whole: Self) -> Option<i64> {
        if whole.0 <= 0 {
            return None;
        }
        let whole = i128::from(whole.0);
        let share = (i128::from(self.0) * 20_000 + whole).div_euclid(2 * whole);
        Some(i64::try_from(share).unwrap_or(i64::MAX))
    }

    /// The nearest floating-point number, for JSON; every amount below nine million dollars keeps all its digits.
    #[expect(clippy::cast_precision_loss, reason = "the loss is what the name says, and only above 2^53 nano-dollars")]
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / Self::NANOS as f64
    }
}

impl fmt::Display for Usd {
    /// The shortest exact decimal: `0.0525`, `100`, `-3.5`. Width and alignment are honoured, precision cuts or pads
    /// the digits after the point (`{:.2}` is `0.05`, rounded half up).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = i128::from(self.0);
        let sign = if nanos < 0 { "-" } else { "" };
        let text = match f.precision() {
            Some(digits @ 0..=8) => {
                let unit = 10_i128.pow(9 - u32::try_from(digits).unwrap_or(0));
                let rounded = (nanos.abs() + unit / 2) / unit;
                let scale = 10_i128.pow(u32::try_from(digits).unwrap_or(0));
                let sign = if rounded == 0 { "" } else { sign };
                match digits {
                    0 => format!("{sign}{rounded}"),
                    _ => format!("{sign}{}.{:0digits$}", rounded / scale, rounded % scale),
                }
            }
            Some(_) => format!("{sign}{}.{:09}", nanos.abs() / 1_000_000_000, nanos.abs() % 1_000_000_000),
            None => {
                let text = format!("{sign}{}.{:09}", nanos.abs() / 1_000_000_000, nanos.abs() % 1_000_000_000);
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        };
        // `pad` would take the precision for a length.
        match f.width() {
            Some(width) => write!(f, "{text:>width$}"),
            None => f.write_str(&text),
        }
    }
}

impl FromStr for Usd {
    type Err = UsdError;

    /// Reads a plain decimal such as `100.0`, with an optional dollar sign and minus.
    fn from_str(text: &str) -> Result<Self, UsdError> {
        let bare = text.trim();
        let (negative, bare) = bare.strip_prefix('-').map_or((false, bare), |rest| (true, rest));
        let nanos = decimal(bare.strip_prefix('$').unwrap_or(bare), text, 9)?;
        let nanos = i64::try_from(nanos).ok().ok_or_else(|| UsdError::TooLarge(text.into()))?;
        Ok(Self(if negative { -nanos } else { nanos }))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::saturating_add)
    }
}

impl serde::Serialize for Usd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

/// A price of one token (or one search) in pico-dollars: the same number as micro-dollars per million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Rate(u64);

impl Rate {
    /// Free.
    pub const ZERO: Self = Self(0);
    /// The highest rate that is taken: a million dollars per million tokens. Sums of six parts then always fit.
    pub const MAX: Self = Self(1_000_000_000_000);

    /// Pico-dollars for one.
    pub const fn picos(self) -> u64 {
        self.0
    }

    /// What `count` of them cost, exactly, in pico-dollars.
    pub fn times(self, count: u64) -> u128 {
        u128::from(self.0) * u128::from(count)
    }

    /// A rate from dollars per million (`0.003625`).
    pub fn per_million(text: &str) -> Result<Self, UsdError> {
        let picos = decimal(text.trim(), text, 6)?;
        u64::try_from(picos)
            .ok()
            .filter(|picos| *picos <= Self::MAX.0)
            .map(Self)
            .ok_or_else(|| UsdError::TooLarge(text.into()))
    }

    /// A rate from dollars per thousand.
    pub fn per_thousand(text: &str) -> Result<Self, UsdError> {
        let rate = Self::per_million(text)?;
        rate.0.checked_mul(1000).filter(|picos| *picos <= Self::MAX.0).map(Self).ok_or(UsdError::TooLarge(text.into()))
    }
}

impl Rate {
    /// The price of a thousand in dollars: `10`.
    pub fn per_thousand_text(self) -> String {
        let text = format!("{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

impl fmt::Display for Rate {
    /// Dollars per million: `0.6`, `15`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A plain decimal scaled by 10^`digits`, exactly.
fn decimal(bare: &str, text: &str, digits: u32) -> Result<u128, UsdError> {
    let (whole, fraction) = bare.split_once('.').unwrap_or((bare, ""));
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !plain(whole) || !plain(fraction) {
        return Err(UsdError::NotDecimal(text.into()));
    }
    let fraction = fraction.trim_end_matches('0');
    let places = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
    if places > digits {
        return Err(UsdError::TooFine { text: text.into(), digits });
    }
    let number = |part: &str| match part.trim_start_matches('0') {
        "" => Ok(0),
        part if part.len() > 18 => Err(UsdError::TooLarge(text.into())),
        part => part.parse::<u128>().ok().ok_or_else(|| UsdError::TooLarge(text.into())),
    };
    Ok(number(whole)? * 10_u128.pow(digits) + number(fraction)? * 10_u128.pow(digits - places))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    #[test]
    fn amounts_are_read_and_written_exactly() {
        for (text, nanos) in
            [("0.0525", 52_500_000), ("100", 100_000_000_000), ("-3.5", -3_500_000_000), ("0.000000001", 1), ("0", 0)]
        {
            assert_eq!(usd(text).nanos(), nanos);
            assert_eq!(usd(text).to_string(), text);
        }
        assert_eq!(usd("$100.0"), usd("100"));
        assert_eq!(
            format!("{:.2}|{:>8.2}|{:.0}|{:.9}", usd("1.005"), usd("0.004"), usd("2.5"), usd("1")),
            "1.01|    0.00|3|1.000000000"
        );
        assert_eq!("1e3".parse::<Usd>(), Err(UsdError::NotDecimal("1e3".into())));
        assert_eq!("".parse::<Usd>(), Err(UsdError::NotDecimal(String::new())));
        assert!(matches!("0.0000000001".parse::<Usd>(), Err(UsdError::TooFine { .. })));
        assert!(matches!("9999999999999".parse::<Usd>(), Err(UsdError::TooLarge(_))));
    }

    #[test]
    fn picos_are_rounded_half_to_even_and_stop_at_the_top() {
        for (picos, nanos) in [(499, 0), (500, 0), (501, 1), (1500, 2), (2500, 2), (2501, 3)] {
            assert_eq!(Usd::from_picos(picos).nanos(), nanos, "{picos}");
        }
        assert_eq!(Usd::from_picos(u128::MAX), Usd::MAX);
        assert_eq!(Usd::MAX.checked_add(Usd::from_nanos(1)), None);
        assert_eq!([Usd::MAX, Usd::MAX].into_iter().sum::<Usd>(), Usd::MAX);
    }

    #[test]
    fn json_has_the_digits_of_the_amount() {
        for text in ["0.0525", "0.525", "0.002", "0.02", "1234567.891234567"] {
            assert_eq!(serde_json::to_string(&usd(text)).unwrap(), text);
        }
    }

    #[test]
    fn rates_are_exact_and_bounded() {
        assert_eq!(Rate::per_million("0.003625").unwrap().picos(), 3625);
        assert_eq!(Rate::per_million("15").unwrap().times(1000), 15_000_000_000);
        assert_eq!(Rate::per_thousand("10").unwrap().picos(), 10_000_000_000);
        assert_eq!(Rate::per_million("0.60").unwrap().to_string(), "0.6");
        assert!(Rate::per_million("1000001").is_err());
        assert!(Rate::per_million("-1").is_err());
    }

    #[test]
    fn shares_are_of_something() {
        assert_eq!(usd("1").share_of(usd("3")), Some(3333));
        assert_eq!(usd("2").share_of(usd("3")), Some(6667));
        assert_eq!(usd("1").share_of(Usd::ZERO), None);
    }
}
