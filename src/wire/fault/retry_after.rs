//! How long a vendor asks to wait: `Retry-After` in both forms, its cousins, and what bodies say.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

/// Nobody waits longer than a year; a larger number is a mistake, and would not fit everywhere.
const LONGEST: f64 = 365.0 * 86_400.0;

/// The wait of a `Retry-After` header: seconds (a fraction is allowed) or an HTTP date in any of its three forms,
/// counted from `now`. A date in the past is no wait.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return of_seconds(seconds);
    }
    let then = http_date(value)?;
    Some(Duration::try_from(then.duration_since(now)).unwrap_or_default())
}

fn of_seconds(seconds: f64) -> Option<Duration> {
    (seconds.is_finite() && seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST)))
}

fn http_date(text: &str) -> Option<Timestamp> {
    static RFC2822: jiff::fmt::rfc2822::DateTimeParser = jiff::fmt::rfc2822::DateTimeParser::new();
    if let Ok(date) = RFC2822.parse_timestamp(text) {
        return Some(date);
    }
    // The two obsolete forms that RFC 9110 still asks recipients to read.
    let date = DateTime::strptime("%A, %d-%b-%y %H:%M:%S GMT", text)
        .or_else(|_| DateTime::strptime("%a %b %e %H:%M:%S %Y", text))
        .ok()?;
    date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// The wait that the headers ask for.
pub(super) fn of_headers<'h>(header: &impl Fn(&str) -> Option<&'h str>, now: Timestamp) -> Option<Duration> {
    for name in ["retry-after-ms", "x-ms-retry-after-ms"] {
        if let Some(wait) = header(name).and_then(|value| value.trim().parse::<f64>().ok()) {
            return of_seconds(wait / 1000.0);
        }
    }
    header("retry-after").and_then(|value| retry_after(value, now))
}

/// The wait that a body asks for: Google's `RetryInfo`, or `try again in 6.4s` in the text.
pub(super) fn of_body(error: &Value, message: &str) -> Option<Duration> {
    let details = error.get("details").and_then(Value::as_array);
    let delay = details.into_iter().flatten().find_map(|detail| detail.get("retryDelay")?.as_str());
    if let Some(wait) = delay.and_then(|delay| delay.strip_suffix('s')) {
        return wait.parse().ok().and_then(of_seconds);
    }
    let lower = message.to_ascii_lowercase();
    let tail = ["try again in ", "retry in ", "retry after "].iter().find_map(|start| lower.split_once(start))?.1;
    let number: String = tail.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let unit = tail.get(number.len()..)?.trim_start();
    let number: f64 = number.trim_end_matches('.').parse().ok()?;
    match unit {
        unit if unit.starts_with("ms") => of_seconds(number / 1000.0),
        // `6m0s` is too long to wait out, and is told as minutes.
        unit if unit.starts_with('m') => of_seconds(number * 60.0),
        unit if unit.starts_with('h') => of_seconds(number * 3600.0),
        _ => of_seconds(number),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_forms_of_retry_after() {
        let now: Timestamp = "1994-11-06T08:49:07Z".parse().unwrap();
        let wait = |text| retry_after(text, now).map(|wait| wait.as_millis());
        assert_eq!(wait("30"), Some(30_000));
        assert_eq!(wait(" 1.5 "), Some(1_500));
        for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(wait(date), Some(30_000), "{date}");
        }
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        for bad in ["-1", "soon", "", "NaN", "inf"] {
            assert_eq!(wait(bad), None, "{bad}");
        }
        assert_eq!(wait("1e300"), Some(365 * 86_400 * 1000));
    }

    #[test]
    fn what_bodies_say() {
        let google = json!({"details": [{"@type": "x"}, {"retryDelay": "34.5s"}]});
        assert_eq!(of_body(&google, ""), Some(Duration::from_millis(34_500)));
        let said = |text| of_body(&Value::Null, text).map(|wait| wait.as_millis());
        assert_eq!(said("Please try again in 6.4s. Visit"), Some(6_400));
        assert_eq!(said("Please try again in 20ms."), Some(20));
        assert_eq!(said("try again in 6m0s"), Some(360_000));
        assert_eq!(said("try again later"), None);
    }
}
