//! The form in which price books are kept: JSON, one model per line, amounts as decimal text.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use serde::Deserialize;

use super::price::{Block, Hours, ModelPrice, PriceBook, PriceError, Rates, Variant};
use crate::model::{Rate, UsdError};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BookText {
    schema: u32,
    name: String,
    version: String,
    date: String,
    #[serde(default)]
    source: String,
    /// For the reader of the file.
    #[serde(default, rename = "unit")]
    _unit: String,
    #[serde(default)]
    by_name_only: Vec<String>,
    models: Vec<ModelText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelText {
    vendor: Option<String>,
    id: String,
    #[serde(default)]
    also: Vec<String>,
    #[serde(default)]
    retired: bool,
    prices: Vec<BlockText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockText {
    #[serde(default)]
    variant: Variant,
    since: Option<String>,
    hours: Option<HoursText>,
    #[serde(rename = "in")]
    input: String,
    out: String,
    read: Option<String>,
    write_5m: Option<String>,
    write_1h: Option<String>,
    search: Option<String>,
    over: Option<OverText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OverText {
    tokens: u64,
    #[serde(rename = "in")]
    input: String,
    out: String,
    read: Option<String>,
    write_5m: Option<String>,
    write_1h: Option<String>,
    search: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoursText {
    from: String,
    to: String,
    days: Option<Days>,
}

#[derive(Deserialize)]
enum Days {
    #[serde(rename = "mon-fri")]
    Workdays,
}

pub(super) fn parse(text: &str) -> Result<PriceBook, PriceError> {
    let book: BookText = serde_json::from_str(text).map_err(|source| PriceError::Form {
        line: source.line(),
        column: source.column(),
        source,
    })?;
    if book.schema != 1 {
        return Err(PriceError::Schema(book.schema));
    }
    Ok(PriceBook {
        date: time(&book.name, &book.date)?,
        name: book.name,
        version: book.version,
        source: book.source,
        by_name_only: book.by_name_only,
        models: book.models.into_iter().map(model).collect::<Result<_, _>>()?,
    })
}

fn model(text: ModelText) -> Result<ModelPrice, PriceError> {
    if text.id.trim().is_empty() || text.prices.is_empty() {
        return Err(PriceError::Empty(text.id));
    }
    let blocks = text.prices.into_iter().map(|one| block(&text.id, one)).collect::<Result<_, _>>()?;
    Ok(ModelPrice {
        vendor: text.vendor.map(|vendor| vendor.to_ascii_lowercase()),
        id: text.id.to_ascii_lowercase(),
        also: text.also.iter().map(|also| also.to_ascii_lowercase()).collect(),
        retired: text.retired,
        blocks,
    })
}

fn block(model: &str, text: BlockText) -> Result<Block, PriceError> {
    let over = match text.over {
        None => None,
        Some(OverText { tokens, input, out, read, write_5m, write_1h, search }) => {
            let sheet = [Some(input), Some(out), read, write_5m, write_1h, search];
            Some((tokens, rates(sheet).map_err(wrong(model))?))
        }
    };
    let sheet = [Some(text.input), Some(text.out), text.read, text.write_5m, text.write_1h, text.search];
    let hours = match text.hours {
        None => None,
        Some(HoursText { from, to, days }) => Some(Hours {
            from: time::<Time>(model, &from)?,
            to: time::<Time>(model, &to)?,
            workdays: matches!(days, Some(Days::Workdays)),
        }),
    };
    Ok(Block {
        variant: text.variant,
        since: text.since.map(|day| time::<Date>(model, &day)).transpose()?,
        hours,
        rates: rates(sheet).map_err(wrong(model))?,
        over,
    })
}

fn rates([input, output, read, five_minutes, one_hour, search]: [Option<String>; 6]) -> Result<Rates, UsdError> {
    let rate = |text: Option<String>| text.as_deref().map(Rate::per_million).transpose();
    Ok(Rates {
        input: rate(input)?.unwrap_or_default(),
        output: rate(output)?.unwrap_or_default(),
        cache_read: rate(read)?,
        cache_write_5m: rate(five_minutes)?,
        cache_write_1h: rate(one_hour)?,
        search: search.as_deref().map(Rate::per_thousand).transpose()?,
    })
}

fn wrong(model: &str) -> impl Fn(UsdError) -> PriceError + '_ {
    move |source| PriceError::Rate { model: model.into(), source }
}

fn time<T: FromStr<Err = jiff::Error>>(model: &str, text: &str) -> Result<T, PriceError> {
    text.parse().map_err(|source| PriceError::Time { model: model.into(), source })
}
