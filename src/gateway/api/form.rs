//! The bodies and queries of the seeds' API, read field by field: what is wrong is told with the field's name, for
//! people and in the form that clients of `FastAPI` know (`detail`).

use hyper::StatusCode;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::journal::{Days, day_said};

use super::super::answer::{Answer, json as answer};

/// Why a body or a query is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    status: StatusCode,
    /// `body` or `query`, then the names down to the field.
    place: Vec<String>,
    /// What sort of mistake, in the words of pydantic: `missing`, `string_type`, `value_error`, …
    kind: &'static str,
    message: String,
}

impl Wrong {
    /// A value that its field does not take.
    pub(super) fn value(place: &[&str], message: impl Into<String>) -> Self {
        Self::new(place, "value_error", message)
    }

    fn new(place: &[&str], kind: &'static str, message: impl Into<String>) -> Self {
        let place = place.iter().map(|part| (*part).to_owned()).collect();
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, place, kind, message: message.into() }
    }

    /// The answer: 400 for what is no JSON, 422 for what is not what it should be.
    pub(super) fn answer(&self) -> Answer {
        let field = self.place.get(1..).unwrap_or_default().join(".");
        let named = if field.is_empty() { self.message.clone() } else { format!("`{field}` {}", self.message) };
        let code = if self.status == StatusCode::BAD_REQUEST { "bad-json" } else { "bad-field" };
        let hint = "docs/api.md has the fields";
        let field = Some(field).filter(|field| !field.is_empty());
        answer(
            self.status,
            &json!({
                "error": { "code": code, "message": named, "field": field, "hint": hint },
                "detail": [{ "loc": self.place, "msg": self.message, "type": self.kind }],
            }),
        )
    }
}

/// An object of a body, with its place.
#[derive(Debug, Clone)]
pub(super) struct Form<'a> {
    place: Vec<&'a str>,
    fields: Option<&'a Map<String, Value>>,
}

/// Reads a body that has to be a JSON object.
pub(super) fn body(bytes: &[u8]) -> Result<Value, Wrong> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| Wrong {
        status: StatusCode::BAD_REQUEST,
        ..Wrong::new(&["body"], "json_invalid", format!("the body is not JSON: {error}"))
    })?;
    match value {
        Value::Object(_) => Ok(value),
        _ => Err(Wrong::new(&["body"], "dict_type", "the body has to be a JSON object")),
    }
}

impl<'a> Form<'a> {
    /// The form of a body.
    pub(super) fn of(body: &'a Value) -> Self {
        Self { place: vec!["body"], fields: body.as_object() }
    }

    fn wrong(&self, name: &str, kind: &'static str, message: &str) -> Wrong {
        let mut place = self.place.clone();
        place.push(name);
        Wrong::new(&place, kind, message)
    }

    /// That a field's value is not one that it takes.
    pub(super) fn refuse(&self, name: &str, message: &str) -> Wrong {
        self.wrong(name, "value_error", message)
    }

    /// A field's value; `null` is the same as nothing.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.fields?.get(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&'a str>, Wrong> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.wrong(name, "string_type", "has to be a text"))
    }

    /// A text that says something.
    pub(super) fn word(&self, name: &str) -> Result<Option<&'a str>, Wrong> {
        Ok(self.text(name)?.map(str::trim).filter(|word| !word.is_empty()))
    }

    /// A text that has to be there, and to say something.
    pub(super) fn required(&self, name: &str) -> Result<&'a str, Wrong> {
        let text = self.text(name)?.ok_or_else(|| self.wrong(name, "missing", "is missing"))?;
        if text.trim().is_empty() { Err(self.wrong(name, "string_too_short", "is empty")) } else { Ok(text) }
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Wrong> {
        let Some(value) = self.value(name) else { return Ok(false) };
        value.as_bool().ok_or_else(|| self.wrong(name, "bool_type", "has to be true or false"))
    }

    /// A whole number from 1.
    pub(super) fn count(&self, name: &str) -> Result<Option<u64>, Wrong> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let count = value.as_u64().filter(|count| *count > 0);
        count.map(Some).ok_or_else(|| self.wrong(name, "int_type", "has to be a whole number from 1"))
    }

    /// A number from `least` to `most`, as it was written.
    pub(super) fn number(&self, name: &str, least: f64, most: f64) -> Result<Option<serde_json::Number>, Wrong> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let fits = |number: &&serde_json::Number| number.as_f64().is_some_and(|it| (least..=most).contains(&it));
        let number = match value {
            Value::Number(number) => Some(number).filter(fits),
            _ => None,
        };
        let message = format!("has to be a number from {least} to {most}");
        number.cloned().map(Some).ok_or_else(|| self.wrong(name, "float_type", &message))
    }

    /// An object of its own; an empty form where there is none.
    pub(super) fn form(&self, name: &'a str) -> Result<Self, Wrong> {
        let place: Vec<&str> = self.place.iter().copied().chain([name]).collect();
        match self.value(name) {
            None => Ok(Self { place, fields: None }),
            Some(Value::Object(fields)) => Ok(Self { place, fields: Some(fields) }),
            Some(_) => Err(self.wrong(name, "dict_type", "has to be an object")),
        }
    }

    /// A list.
    pub(super) fn list(&self, name: &str) -> Result<&'a [Value], Wrong> {
        match self.value(name) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(self.wrong(name, "list_type", "has to be a list")),
        }
    }
}

/// What a query says of a name, with its `%` and `+` undone.
pub(in crate::gateway) fn asked(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| plain(value));
    value.filter(|value| !value.is_empty())
}

fn plain(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| *first == b'%');
        bytes.push(byte.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The day that a query asks for (`date`), or the days (`since`, `until`); `None` where it asks for none.
pub(super) fn days(query: Option<&str>, today: Date) -> Result<Option<Days>, Wrong> {
    let read = |name: &str| {
        let Some(text) = asked(query, name) else { return Ok(None) };
        let said = "has to be a day such as 2026-01-31, today, yesterday or 7d";
        day_said(&text, today).map(Some).ok_or_else(|| Wrong::value(&["query", name], said))
    };
    if let Some(day) = read("date")? {
        return Ok(Some(Days::only(day)));
    }
    let days = Days { since: read("since")?, until: read("until")? };
    match (days.since, days.until) {
        (None, None) => Ok(None),
        (Some(since), Some(until)) if since > until => {
            Err(Wrong::value(&["query", "since"], "has to be before `until`"))
        }
        _ => Ok(Some(days)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let value = json!({"message": 7, "preferences": {"temperature": 9, "max_tokens": -1}, "context": "x"});
        let form = Form::of(&value);
        assert_eq!(form.text("message").unwrap_err().place, ["body", "message"]);
        assert_eq!(form.required("agent").unwrap_err().kind, "missing");
        let preferences = form.form("preferences").unwrap();
        let wrong = preferences.number("temperature", 0.0, 2.0).unwrap_err();
        assert_eq!(wrong.place, ["body", "preferences", "temperature"]);
        assert_eq!(wrong.message, "has to be a number from 0 to 2");
        assert!(preferences.count("max_tokens").is_err() && form.form("context").is_err());
        assert_eq!(body(b"[1]").unwrap_err().status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(body(b"{").unwrap_err().status, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn queries_are_read() {
        let query = Some("by=agent&since=7d&name=a%20b%2Bc+d&broken=%2&empty=");
        assert_eq!(asked(query, "by").as_deref(), Some("agent"));
        assert_eq!(asked(query, "name").as_deref(), Some("a b+c d"));
        assert_eq!(asked(query, "broken").as_deref(), Some("%2"));
        assert_eq!(asked(query, "empty"), None);
        let today = "2026-01-09".parse().unwrap();
        assert_eq!(days(query, today).unwrap().unwrap().since, Some("2026-01-03".parse().unwrap()));
        assert_eq!(days(Some("date=yesterday"), today).unwrap(), Some(Days::only("2026-01-08".parse().unwrap())));
        assert!(days(Some("date=2026-13-01"), today).is_err());
        assert!(days(Some("since=today&until=yesterday"), today).is_err());
        assert_eq!(days(None, today).unwrap(), None);
    }
}
