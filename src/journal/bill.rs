//! Bills in JSON: the cost reports of Anthropic (`/v1/organizations/cost_report`: amounts in cents, as text) and of
//! `OpenAI` (`/v1/organization/costs`: amounts in dollars, the model in front of the line item's comma). Sources: the
//! vendors' API references, read on 2026-11-21.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::model::Usd;

use super::reconcile::{BillError, amount};

/// A day, a model as the bill calls it, and what it cost.
pub(super) type Item = (Date, String, Usd);

/// The items of a cost report, one page or a list of pages.
pub(super) fn items(text: &str) -> Result<Vec<Item>, BillError> {
    let json: Value =
        serde_json::from_str(text).map_err(|error| BillError::Json { line: error.line(), column: error.column() })?;
    let pages = json.as_array().map_or_else(|| std::slice::from_ref(&json), Vec::as_slice);
    let mut items = Vec::new();
    for bucket in pages.iter().flat_map(|page| list(page, "data")) {
        let day = day(bucket).ok_or(BillError::Column("day"))?;
        for result in list(bucket, "results") {
            let (model, cost) = item(result).ok_or(BillError::Column("amount"))?;
            items.push((day, model, cost));
        }
    }
    if items.is_empty() { Err(BillError::Empty) } else { Ok(items) }
}

fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    value.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// `starting_at` as text, or `start_time` in seconds since 1970.
fn day(bucket: &Value) -> Option<Date> {
    if let Some(text) = bucket.get("starting_at").and_then(Value::as_str) {
        return text.get(..10)?.parse().ok();
    }
    let at = Timestamp::from_second(bucket.get("start_time")?.as_i64()?).ok()?;
    Some(TimeZone::UTC.to_datetime(at).date())
}

fn item(result: &Value) -> Option<(String, Usd)> {
    let text = |name: &str| result.get(name).and_then(Value::as_str);
    // What belongs to no model (a search, a container) is a line of its own.
    let other = || text("description").or_else(|| text("cost_type")).unwrap_or("(other)").to_owned();
    match result.get("amount")? {
        Value::String(cents) => Some((text("model").map_or_else(other, str::to_owned), dollars(cents)?)),
        Value::Object(money) => {
            let line = text("line_item").and_then(|line| line.split(',').next()).map(str::trim);
            Some((line.map_or_else(other, str::to_owned), amount(&money.get("value")?.to_string())?))
        }
        _ => None,
    }
}

/// `123.78912` cents are 1.2378912 dollars: the point moves, so that no digit is lost.
fn dollars(cents: &str) -> Option<Usd> {
    let (sign, digits) = cents.trim().strip_prefix('-').map_or(("", cents.trim()), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = format!("{whole:0>3}");
    let (dollars, cents) = whole.split_at_checked(whole.len().checked_sub(2)?)?;
    amount(&format!("{sign}{dollars}.{cents}{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String, String)> {
        let items = items(text).unwrap();
        items.into_iter().map(|(day, model, cost)| (day.to_string(), model, cost.to_string())).collect()
    }

    #[test]
    fn the_reports_of_two_vendors() {
        let anthropic = r#"{"data":[{"starting_at":"2026-01-09T00:00:00Z","ending_at":"2026-01-10T00:00:00Z","results":[
            {"currency":"USD","amount":"123.78912","model":"claude-sonnet-4-20250514","token_type":"uncached_input_tokens"},
            {"currency":"USD","amount":"5","model":null,"description":"Web Search Usage","cost_type":"web_search"}]}],
            "has_more":false}"#;
        let line = |day: &str, model: &str, cost: &str| (day.to_owned(), model.to_owned(), cost.to_owned());
        assert_eq!(
            read(anthropic),
            [
                line("2026-01-09", "claude-sonnet-4-20250514", "1.2378912"),
                line("2026-01-09", "Web Search Usage", "0.05")
            ]
        );
        let openai = r#"{"object":"page","data":[{"object":"bucket","start_time":1767916800,"results":[
            {"object":"organization.costs.result","amount":{"value":0.06,"currency":"usd"},"line_item":"gpt-4o, input"}]}]}"#;
        assert_eq!(read(openai), [line("2026-01-09", "gpt-4o", "0.06")]);
        assert_eq!(read(&format!("[{openai},{openai}]")).len(), 2, "pages");
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert_eq!(items("{\n oops"), Err(BillError::Json { line: 2, column: 2 }));
        assert_eq!(items(r#"{"data":[]}"#), Err(BillError::Empty));
        assert_eq!(items(r#"{"data":[{"results":[]}]}"#), Err(BillError::Column("day")));
        let bucket = |result: &str| format!(r#"{{"data":[{{"starting_at":"2026-01-09","results":[{result}]}}]}}"#);
        assert_eq!(items(&bucket(r#"{"amount":"much"}"#)), Err(BillError::Column("amount")));
        assert_eq!(items(&bucket("{}")), Err(BillError::Column("amount")));
    }
}
