//! The figures of a report's line: as JSON, as CSV and for people, in one order and under one set of names.

use serde_json::{Map, Value};

use crate::journal::Totals;
use crate::model::Usd;

/// The sums of a line as a JSON object.
pub(in crate::cli) fn json_of(totals: &Totals) -> Map<String, Value> {
    totals.document()
}

/// The values of a JSON object as CSV fields, and their names: `null` is empty.
pub(in crate::cli) fn fields(map: &Map<String, Value>) -> (Vec<String>, Vec<String>) {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    map.iter().map(|(name, value)| (name.clone(), text(value))).unzip()
}

/// A count with commas: `1,234,567`.
pub(in crate::cli) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An amount for people: cents, and for less than a dollar as many digits as tell it from nothing.
pub(in crate::cli) fn dollars(amount: Usd) -> String {
    let size = amount.nanos().unsigned_abs();
    let digits = format!("${amount:.*}", if size == 0 || size >= 1_000_000_000 { 2 } else { 4 });
    match digits.strip_prefix("$-") {
        Some(rest) => format!("-${rest}"),
        None if size > 0 && amount.nanos() < 50_000 => "<$0.0001".into(),
        None => digits,
    }
}

/// What a line cost, for people. A sum that leaves out what has no price says so: never $0.00 for what is unknown.
pub(in crate::cli) fn cost(totals: &Totals) -> String {
    match totals.known() {
        None => "unknown".into(),
        Some(cost) if totals.unpriced == 0 => dollars(cost),
        Some(cost) => format!("{} + ?", dollars(cost)),
    }
}

/// `1 request`, `2 requests`.
pub(in crate::cli) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{} {what}s", grouped(count)) }
}

/// What stands beside a sum that is not whole; `None` where it is.
pub(in crate::cli) fn caveat(totals: &Totals) -> Option<String> {
    let mut parts = Vec::new();
    // An attempt without tokens has no price either (`Attempt::is_unmetered`): that is said once.
    let priceless = totals.unpriced.saturating_sub(totals.unmetered);
    if priceless > 0 {
        let what = counted(priceless, "attempt");
        parts.push(match priceless {
            1 => format!("{what} has no known price and is not in the sums"),
            _ => format!("{what} have no known price and are not in the sums"),
        });
    }
    if totals.unmetered > 0 {
        let what = counted(totals.unmetered, "attempt");
        let unpriced = if totals.unpriced > 0 { ", so what they cost is not in the sums" } else { "" };
        parts.push(format!("for {what} the vendor reported no tokens{unpriced}"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_is_not_0() {
        let cost = |unpriced, usd: &str| json_of(&Totals { unpriced, cost: usd.parse().unwrap(), ..Totals::default() });
        assert_eq!(cost(1, "0")["cost_usd"], Value::Null);
        assert_eq!(cost(1, "0.5")["cost_usd"].as_f64(), Some(0.5));
        assert_eq!(cost(0, "0")["cost_usd"].as_f64(), Some(0.0));
    }

    #[test]
    fn each_reason_for_a_sum_that_is_not_whole_is_said_once() {
        let said = |unpriced, unmetered| caveat(&Totals { unpriced, unmetered, ..Totals::default() });
        assert_eq!(said(0, 0), None);
        let tokens = "for 2 attempts the vendor reported no tokens, so what they cost is not in the sums";
        assert_eq!(said(2, 2).as_deref(), Some(tokens));
        let price = "1 attempt has no known price and is not in the sums";
        assert_eq!(said(1, 0).as_deref(), Some(price));
        assert_eq!(said(3, 2), Some(format!("{price}; {tokens}")));
    }

    #[test]
    fn amounts_and_counts_for_people() {
        let usd = |text: &str| text.parse::<Usd>().unwrap();
        for (amount, shown) in [
            ("0", "$0.00"),
            ("0.0525", "$0.0525"),
            ("0.002", "$0.0020"),
            ("0.000001", "<$0.0001"),
            ("1.005", "$1.01"),
            ("1234.5", "$1234.50"),
            ("-3.5", "-$3.50"),
            ("-0.25", "-$0.2500"),
        ] {
            assert_eq!(dollars(usd(amount)), shown, "{amount}");
        }
        for (count, shown) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(count), shown);
        }
        assert_eq!((counted(1, "request"), counted(2, "request")), ("1 request".into(), "2 requests".into()));
    }
}
