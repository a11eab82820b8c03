//! The journal against a bill: a vendor's usage export, as CSV or JSON, compared per UTC day and model.
//!
//! Columns are found by their names in the first line, in any order and case: a day (`date`, `day`, `start_time`,
//! `usage_date_utc`, …), a model, an amount (`cost_usd`, `cost`, `amount`, …) and, where there are any, tokens. Days of
//! bills are UTC days, so the rows are asked by their time and not by the local day.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::base::failure::{Explain, Kind};
use crate::base::sort;
use crate::catalog::Prices;
use crate::model::Usd;

use super::bill;
use super::days::{self, Days};
use super::error::JournalError;
use super::store::Journal;

/// A bill that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// A column is missing from the first line.
    #[error("the bill has no {0}")]
    Column(&'static str),
    /// A field that is not what its column says.
    #[error("`{text}` is no {what} (line {line})")]
    Field {
        /// What it should be.
        what: &'static str,
        /// What stands there.
        text: String,
        /// The line, from 1.
        line: usize,
    },
    /// It begins as JSON and is none.
    #[error("the bill is not JSON (line {line}, column {column})")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// Nothing but the first line.
    #[error("the bill has no lines")]
    Empty,
}

impl Explain for BillError {
    fn kind(&self) -> Kind {
        Kind::Expected
    }

    fn hints(&self) -> Vec<String> {
        vec![
            "a bill is CSV with a first line such as `date,model,input_tokens,output_tokens,cost_usd`".into(),
            "or a vendor's cost report in JSON, as its API gives it".into(),
        ]
    }
}

/// A sum of the bill or of the journal: one model on one UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
#[serde(into = "Shown")]
pub struct Sum {
    /// What it cost, without the attempts of unknown price.
    pub cost_usd: Usd,
    /// Prompt and output tokens together.
    pub tokens: u64,
    /// Attempts of unknown price (of the journal).
    pub unpriced: u64,
}

impl Sum {
    /// What it cost; `None` where no attempt has a known price.
    pub fn known(self) -> Option<Usd> {
        (self.unpriced == 0 || self.cost_usd != Usd::ZERO).then_some(self.cost_usd)
    }
}

/// A [`Sum`] in `--json`: what is unknown is `null`, never 0.
#[derive(serde::Serialize)]
struct Shown {
    cost_usd: Option<Usd>,
    tokens: u64,
    unpriced: u64,
}

impl From<Sum> for Shown {
    fn from(sum: Sum) -> Self {
        Self { cost_usd: sum.known(), tokens: sum.tokens, unpriced: sum.unpriced }
    }
}

/// How well one model's day agrees.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Agreement {
    /// The UTC day; `None` in the line for everything.
    pub day: Option<Date>,
    /// The model; `None` in the line for everything.
    pub model: Option<String>,
    /// The bill's sum.
    pub bill: Sum,
    /// The journal's sum.
    pub journal: Sum,
    /// `1 − |journal − bill| / bill` in percent, not below 0; `None` where the bill has nothing, or
    /// nothing of the journal's has a known price.
    pub percent: Option<f64>,
}

type Sums = BTreeMap<(Date, String), Sum>;

/// The agreement of the journal with a bill, per day and model and, in the last line, as a whole. Only days that the
/// bill speaks of are compared.
pub fn reconcile(journal: &Journal, csv: &str, prices: &Prices) -> Result<Vec<Agreement>, ReconcileError> {
    let bill = read_bill(csv, prices)?;
    let since = bill.keys().map(|(day, _)| *day).min();
    let until = bill.keys().map(|(day, _)| *day).max();
    let ours = journal.booked(Days { since, until }, prices)?;
    Ok(compare(&bill, &ours))
}

/// Why a comparison failed: the bill or the journal.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The bill.
    #[error(transparent)]
    Bill(#[from] BillError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Explain for ReconcileError {
    fn kind(&self) -> Kind {
        match self {
            Self::Bill(error) => error.kind(),
            Self::Journal(error) => error.kind(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Bill(error) => error.hints(),
            Self::Journal(error) => error.hints(),
        }
    }
}

fn compare(bill: &Sums, ours: &Sums) -> Vec<Agreement> {
    let days = sort::set(bill.keys().map(|(day, _)| *day));
    let ours = ours.iter().filter(|((day, _), _)| days.contains(day)).map(|(key, sum)| (key.clone(), *sum));
    let ours: Sums = sort::map(ours);
    let keys = sort::set(bill.keys().chain(ours.keys()));
    let at = |sums: &Sums, key: &(Date, String)| sums.get(key).copied().unwrap_or_default();
    let line = |key: Option<&(Date, String)>, bill: Sum, journal: Sum| Agreement {
        day: key.map(|(day, _)| *day),
        model: key.map(|(_, model)| model.clone()),
        percent: journal.known().and_then(|ours| agreement(ours, bill.cost_usd)),
        bill,
        journal,
    };
    let whole = |sums: &Sums| {
        sums.values().fold(Sum::default(), |all, one| Sum {
            cost_usd: all.cost_usd.saturating_add(one.cost_usd),
            tokens: all.tokens.saturating_add(one.tokens),
            unpriced: all.unpriced.saturating_add(one.unpriced),
        })
    };
    let mut lines: Vec<Agreement> =
        keys.into_iter().map(|key| line(Some(key), at(bill, key), at(&ours, key))).collect();
    // A bill is one vendor's, or a few vendors': what others were asked is on other bills.
    let billed = sort::set(bill.keys().map(|(_, model)| vendor(model)));
    let theirs: Sums = sort::map(ours.into_iter().filter(|((_, model), _)| billed.contains(vendor(model))));
    lines.push(line(None, whole(bill), whole(&theirs)));
    lines
}

/// The vendor in a row's name of a price book (`zai/glm-4.7`); of a model that no book names, the whole name.
fn vendor(model: &str) -> &str {
    model.split_once('/').map_or(model, |(vendor, _)| vendor)
}

fn agreement(ours: Usd, bill: Usd) -> Option<f64> {
    let off = Usd::from_nanos(ours.saturating_sub(bill).nanos().saturating_abs());
    let share = off.share_of(bill)?;
    Some(f64::from(i32::try_from(10_000 - share).unwrap_or(0).max(0)) / 100.0)
}

/// One name for a model, whatever the vendor adds to it: the row of the price book, else the id itself.
fn canonical(model: &str, prices: &Prices) -> String {
    prices.find(model).map_or_else(|| model.trim().to_ascii_lowercase(), |(_, row)| row.key())
}

impl Journal {
    /// What the journal holds of these UTC days, by day and model.
    fn booked(&self, days: Days, prices: &Prices) -> Result<Sums, JournalError> {
        const DAY: i64 = 86_400_000;
        let sql = JournalError::sql(&self.path);
        let (first, last) = days.numbers();
        let mut query = self
            .db
            .prepare_cached(
                "SELECT at / 86400000, (SELECT text FROM names WHERE id = provider),
                 (SELECT text FROM names WHERE id = model_id), sum(cost), sum(cost IS NULL),
                 sum(input + cache_read + cache_write_5m + cache_write_1h + output)
                 FROM attempts WHERE at >= ?1 AND at < ?2 GROUP BY 1, provider, model_id",
            )
            .map_err(&sql)?;
        let range = [first.saturating_mul(DAY), last.saturating_add(1).saturating_mul(DAY)];
        let mut rows = query.query(range).map_err(&sql)?;
        let mut sums = Sums::new();
        while let Some(row) = rows.next().map_err(&sql)? {
            let day = days::day(row.get(0).map_err(&sql)?);
            let provider: String = row.get(1).map_err(&sql)?;
            let model: String = row.get(2).map_err(&sql)?;
            let full = format!("{provider}/{model}");
            let model = if prices.find(&full).is_some() { canonical(&full, prices) } else { canonical(&model, prices) };
            let cost: Option<i64> = row.get(3).map_err(&sql)?;
            let count = |column| row.get::<_, i64>(column).map(|count| u64::try_from(count).unwrap_or(0));
            let sum = sums.entry((day, model)).or_default();
            sum.cost_usd = sum.cost_usd.saturating_add(Usd::from_nanos(cost.unwrap_or(0)));
            sum.unpriced += count(4).map_err(&sql)?;
            sum.tokens = sum.tokens.saturating_add(count(5).map_err(&sql)?);
        }
        Ok(sums)
    }
}

const DAY_NAMES: &[&str] =
    &["date", "day", "usage_date", "usage_date_utc", "date_utc", "start_time", "start_date", "timestamp", "time"];
const MODEL_NAMES: &[&str] = &["model", "model_version", "model_id", "model_name", "line_item", "sku"];
const COST_NAMES: &[&str] =
    &["cost_usd", "cost", "amount_usd", "amount", "total_cost", "total_cost_usd", "usd", "price"];

fn read_bill(text: &str, prices: &Prices) -> Result<Sums, BillError> {
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with(['{', '[']) {
        return read_csv(text, prices);
    }
    let mut sums = Sums::new();
    for (day, model, cost) in bill::items(text)? {
        let sum = sums.entry((day, canonical(&model, prices))).or_default();
        sum.cost_usd = sum.cost_usd.saturating_add(cost);
    }
    Ok(sums)
}

fn read_csv(csv: &str, prices: &Prices) -> Result<Sums, BillError> {
    let mut lines = records(csv);
    let (_, head) = lines.next().ok_or(BillError::Empty)?;
    let head: Vec<String> = head.iter().map(|name| name.trim().to_ascii_lowercase().replace([' ', '-'], "_")).collect();
    let column = |names: &[&str]| names.iter().find_map(|name| head.iter().position(|column| column == name));
    let day_at = column(DAY_NAMES).ok_or(BillError::Column("day"))?;
    let model_at = column(MODEL_NAMES).ok_or(BillError::Column("model"))?;
    let cost_at = column(COST_NAMES).ok_or(BillError::Column("amount"))?;
    // `total_tokens` would count the others twice.
    let counts = |name: &str| (name.ends_with("tokens") || name.contains("tokens_")) && !name.starts_with("total");
    let token_at: Vec<usize> = head.iter().enumerate().filter(|(_, name)| counts(name)).map(|(at, _)| at).collect();
    let mut sums = Sums::new();
    for (line, fields) in lines {
        let field = |at: usize| fields.get(at).map_or("", |field| field.trim());
        let wrong = |what, text: &str| BillError::Field { what, text: text.into(), line };
        let day: Date =
            field(day_at).get(..10).unwrap_or_default().parse().ok().ok_or_else(|| wrong("day", field(day_at)))?;
        let cost = amount(field(cost_at)).ok_or_else(|| wrong("amount", field(cost_at)))?;
        let mut tokens = 0_u64;
        for at in &token_at {
            let text = field(*at).replace(['_', ','], "");
            let count = if text.is_empty() {
                0
            } else {
                text.parse().ok().ok_or_else(|| wrong("number of tokens", field(*at)))?
            };
            tokens = tokens.saturating_add(count);
        }
        let sum = sums.entry((day, canonical(field(model_at), prices))).or_default();
        sum.cost_usd = sum.cost_usd.saturating_add(cost);
        sum.tokens = sum.tokens.saturating_add(tokens);
    }
    if sums.is_empty() { Err(BillError::Empty) } else { Ok(sums) }
}

/// An amount with more digits than nano-dollars is cut: bills carry sums of floats.
pub(super) fn amount(text: &str) -> Option<Usd> {
    let text = text.strip_suffix("USD").unwrap_or(text).trim();
    // A comma before three digits parts thousands; any other may be a decimal one, and is not guessed at.
    let whole = text.split('.').next().unwrap_or_default();
    let thousands = whole.split(',').skip(1).all(|digits| digits.len() == 3);
    if !thousands || text.matches(',').count() != whole.matches(',').count() {
        return None;
    }
    let text = text.replace(',', "");
    let cut = text
        .split_once('.')
        .map_or(text.clone(), |(whole, digits)| format!("{whole}.{}", digits.chars().take(9).collect::<String>()));
    cut.parse().ok()
}

/// The records of a CSV text with the line on which each begins: quotes, doubled quotes, commas and line ends in them.
fn records(csv: &str) -> impl Iterator<Item = (usize, Vec<String>)> + '_ {
    // What parts the names of the first line parts the fields of all.
    let head = csv.lines().find(|line| !line.is_empty()).unwrap_or_default();
    let separator = [';', '\t'].into_iter().find(|one| head.contains(*one)).unwrap_or(',');
    let mut chars = csv.chars().peekable();
    let mut line = 1;
    std::iter::from_fn(move || {
        while chars.next_if(|c| matches!(c, '\n' | '\r')).is_some_and(|c| {
            line += usize::from(c == '\n');
            true
        }) {}
        chars.peek()?;
        let start = line;
        let (mut fields, mut field, mut quoted) = (Vec::new(), String::new(), false);
        while let Some(c) = chars.next() {
            line += usize::from(c == '\n');
            match c {
                '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
                '"' => quoted = !quoted,
                c if c == separator && !quoted => fields.push(std::mem::take(&mut field)),
                '\n' if !quoted => break,
                '\r' if !quoted => {}
                c => field.push(c),
            }
        }
        fields.push(field);
        Some((start, fields))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(csv: &str) -> Result<Sums, BillError> {
        read_bill(csv, &Prices::list())
    }

    fn key(day: &str, model: &str) -> (Date, String) {
        (day.parse().unwrap(), model.into())
    }

    #[test]
    fn a_decimal_comma_is_no_thousands_mark() {
        for good in ["1,234.5", "7.50", "1,000,000 USD"] {
            assert!(amount(good).is_some(), "{good}");
        }
        for bad in ["7,50", "1,23,456", "1.5,000", "12,3456"] {
            assert_eq!(amount(bad), None, "{bad}");
        }
        let european = read("date;model;cost\n2026-01-09;glm-4.7;7,50\n").unwrap_err();
        assert_eq!(european.to_string(), "`7,50` is no amount (line 2)");
    }

    #[test]
    fn the_whole_is_of_the_vendors_that_the_bill_names() {
        let sum = |usd: &str| Sum { cost_usd: usd.parse().unwrap(), ..Sum::default() };
        let bill = Sums::from([(key("2026-01-09", "anthropic/claude-opus"), sum("7.5"))]);
        let mut ours = bill.clone();
        ours.insert(key("2026-01-09", "zai/glm-4.7"), sum("0.82"));
        ours.insert(key("2026-01-09", "anthropic/claude-haiku"), sum("0.75"));
        let lines = compare(&bill, &ours);
        assert_eq!(lines.len(), 4, "every model has its line");
        assert_eq!(lines[3].percent, Some(90.0), "what the vendor did not bill counts, another vendor does not");
    }

    #[test]
    fn what_has_no_known_price_is_not_compared() {
        let bill =
            Sums::from([(key("2026-01-09", "x/new"), Sum { cost_usd: "7.5".parse().unwrap(), ..Sum::default() })]);
        let ours = Sums::from([(key("2026-01-09", "x/new"), Sum { unpriced: 2, tokens: 30, ..Sum::default() })]);
        let lines = compare(&bill, &ours);
        assert_eq!(lines[0].percent, None);
        let json = serde_json::to_value(lines[0].journal).unwrap();
        assert_eq!(json, serde_json::json!({ "cost_usd": null, "tokens": 30, "unpriced": 2 }));
        assert_eq!(compare(&bill, &Sums::new())[0].percent, Some(0.0), "what was never asked is known to cost nothing");
    }

    #[test]
    fn bills_in_the_shapes_that_vendors_give_them() {
        let plain =
            read("date,model,input_tokens,output_tokens,cost_usd\n2026-01-09,glm-4.7,1000,500,0.0017\n").unwrap();
        let sum = plain[&key("2026-01-09", "zai/glm-4.7")];
        assert_eq!((sum.cost_usd.to_string().as_str(), sum.tokens), ("0.0017", 1500));
        let odd = "\u{feff}\"Usage Date UTC\";\"Model\";\"Amount\"\r\n\"2026-01-09T00:00:00Z\";\"claude-opus-4-5-20251101\";\"$1,234.50\"\r\n\r\n";
        let odd = read(odd).unwrap();
        assert_eq!(odd[&key("2026-01-09", "anthropic/claude-opus-4-5")].cost_usd.to_string(), "1234.5");
    }

    #[test]
    fn a_wrong_bill_is_refused_with_its_line() {
        assert_eq!(read(""), Err(BillError::Empty));
        assert_eq!(read("date,model,cost\n"), Err(BillError::Empty));
        assert_eq!(read("model,cost\nx,1\n"), Err(BillError::Column("day")));
        let wrong = read("date,model,cost\n2026-01-09,m,1\nyesterday,m,1\n");
        assert_eq!(wrong, Err(BillError::Field { what: "day", text: "yesterday".into(), line: 3 }));
        let wrong = read("date,model,cost\n2026-01-09,\"a\nb\",1\n2026-01-09,m,much\n");
        assert_eq!(wrong, Err(BillError::Field { what: "amount", text: "much".into(), line: 4 }));
    }

    #[test]
    fn agreement_is_relative_to_the_bill() {
        let usd = |text: &str| text.parse().unwrap();
        assert_eq!(agreement(usd("0.95"), usd("1")), Some(95.0));
        assert_eq!(agreement(usd("1.05"), usd("1")), Some(95.0));
        assert_eq!(agreement(usd("5"), usd("1")), Some(0.0));
        assert_eq!(agreement(usd("1"), Usd::ZERO), None);
    }
}
