//! The form in which price books are kept: JSON, one model per line, amounts as decimal text.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use serde::{Deserialize, Serialize};

use super::price::{Block, Hours, ModelPrice, PriceBook, PriceError, Rates, Variant};
use crate::model::{Rate, UsdError};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BookText {
    schema: u32,
    name: String,
    version: String,
    date: String,
    #[serde(default)]
    source: String,
    /// For the reader of the file.
    #[serde(default)]
    unit: String,
    #[serde(default)]
    by_name_only: Vec<String>,
    models: Vec<ModelText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelText {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    vendor: Option<String>,
    id: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    also: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    retired: bool,
    prices: Vec<BlockText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockText {
    #[serde(default, skip_serializing_if = "is_default")]
    variant: Variant,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hours: Option<HoursText>,
    #[serde(rename = "in")]
    input: String,
    out: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    write_5m: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    write_1h: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    search: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    over: Option<OverText>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OverText {
    tokens: u64,
    #[serde(rename = "in")]
    input: String,
    out: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    write_5m: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    write_1h: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    search: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HoursText {
    from: String,
    to: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days: Option<Days>,
}

#[derive(Serialize, Deserialize)]
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

/// The book in the form in which it is read, one model per line.
pub(super) fn render(book: &PriceBook) -> serde_json::Result<String> {
    let head = BookText {
        schema: 1,
        name: book.name.clone(),
        version: book.version.clone(),
        date: book.date.to_string(),
        source: book.source.clone(),
        unit: "USD per million tokens; search: USD per thousand".into(),
        by_name_only: book.by_name_only.clone(),
        models: Vec::new(),
    };
    let head = serde_json::to_string(&head)?;
    let head = head.strip_suffix("]}").unwrap_or(&head);
    let models = book.models.iter().map(|model| serde_json::to_string(&model_text(model)));
    let models = models.collect::<Result<Vec<_>, _>>()?.join(",\n");
    Ok(format!("{head}\n{models}\n]}}\n"))
}

fn model_text(model: &ModelPrice) -> ModelText {
    ModelText {
        vendor: model.vendor.clone(),
        id: model.id.clone(),
        also: model.also.clone(),
        retired: model.retired,
        prices: model.blocks.iter().map(block_text).collect(),
    }
}

fn block_text(block: &Block) -> BlockText {
    let rate = |rate: Option<Rate>| rate.map(|rate| rate.to_string());
    let apiece = |rate: Option<Rate>| rate.map(Rate::per_thousand_text);
    let Rates { input, output, cache_read, cache_write_5m, cache_write_1h, search } = block.rates;
    let minutes = |time: Time| time.strftime("%H:%M").to_string();
    BlockText {
        variant: block.variant,
        since: block.since.map(|day| day.to_string()),
        hours: block.hours.map(|hours| HoursText {
            from: minutes(hours.from),
            to: minutes(hours.to),
            days: hours.workdays.then_some(Days::Workdays),
        }),
        input: input.to_string(),
        out: output.to_string(),
        read: rate(cache_read),
        write_5m: rate(cache_write_5m),
        write_1h: rate(cache_write_1h),
        search: apiece(search),
        over: block.over.map(|(tokens, rates)| OverText {
            tokens,
            input: rates.input.to_string(),
            out: rates.output.to_string(),
            read: rate(rates.cache_read),
            write_5m: rate(rates.cache_write_5m),
            write_1h: rate(rates.cache_write_1h),
            search: apiece(rates.search),
        }),
    }
}

/// Whether a field may be left out of the file.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
