//! `moai costs estimate`: what a request would cost, by a price book.

use jiff::Timestamp;
use serde_json::json;

use crate::base::failure::{Failure, Kind};
use crate::base::sort;
use crate::base::world::World;
use crate::catalog::{Prices, Variant};
use crate::cli::books::Books;
use crate::cli::here::Here;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::cost::{self, BASELINE_MODEL, Priced};
use crate::model::{Usage, Usd};

use super::figures::{counted, dollars};

/// Say what a request would cost
///
/// Counts are tokens; `1000`, `1_000`, `1,000`, `1k` and `1.5M` are read. A model that the price book does not name has
/// no price, which is an error and not a 0.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai costs estimate glm-4.7 1000 500
  moai costs estimate claude-opus 10000 5000 --prices spec-model-001
  moai costs estimate claude-sonnet-5-5 2k 800 --cache-read 90k --json
  moai costs estimate claude-opus-5-5 1M 100k --variant batch")]
pub(super) struct Args {
    /// The model: glm-4.7, claude-opus, openai/gpt-5.5, …
    #[arg(value_name = "MODEL")]
    model: String,
    /// Prompt tokens that are neither read from nor written to a cache
    #[arg(value_name = "IN", value_parser = tokens)]
    input: u64,
    /// Generated tokens, reasoning included
    #[arg(value_name = "OUT", value_parser = tokens)]
    output: u64,
    /// Prompt tokens read from the vendor's cache
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true, value_parser = tokens)]
    cache_read: u64,
    /// Prompt tokens written to the cache for five minutes
    #[arg(long, value_name = "N", visible_alias = "cache-write", default_value = "0", hide_default_value = true, value_parser = tokens)]
    cache_write_5m: u64,
    /// Prompt tokens written to the cache for an hour
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true, value_parser = tokens)]
    cache_write_1h: u64,
    /// Searches that the vendor runs for the model
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true, value_parser = tokens)]
    searches: u64,
    /// How it is sent: standard, batch, flex, priority or fast
    #[arg(long, value_name = "HOW", default_value = "standard", hide_default_value = true)]
    variant: Variant,
    /// When it is sent, in UTC: prices change (2026-12-01T00:00:00Z)
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// The price book: list, or spec-model-001
    #[arg(long, value_name = "BOOK")]
    prices: Option<String>,
}

/// Runs `moai costs estimate`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let books = Books::open(world, &here, args.prices.as_deref())?;
    let usage = Usage {
        cache_read: args.cache_read,
        cache_write_5m: args.cache_write_5m,
        cache_write_1h: args.cache_write_1h,
        web_searches: args.searches,
        ..Usage::new(args.input, args.output)
    };
    let at = args.at.unwrap_or_else(|| world.now());
    let priced = cost::price(&usage, &args.model, books.prices(), at, args.variant);
    let Some(usd) = priced.usd else { return Err(unknown(&args.model, &priced, books.prices())) };
    let baseline = cost::baseline(&usage, &args.model, BASELINE_MODEL, books.prices(), at);
    if ui.json {
        return ui.answer_json(&document(args, &usage, at, &priced, baseline));
    }
    let parts = priced.parts.unwrap_or_default();
    ui.answer(format!("{}  {}", ui.style.bold(&format!("${usd}")), clean(&args.model)))?;
    for (name, count, part) in [
        ("input", usage.input, parts.input),
        ("cache reads", usage.cache_read, parts.cache_read),
        ("cache writes, 5 minutes", usage.cache_write_5m, parts.cache_write_5m),
        ("cache writes, 1 hour", usage.cache_write_1h, parts.cache_write_1h),
        ("output", usage.output, parts.output),
    ] {
        if count > 0 {
            ui.answer(format!("  {}: ${part}", format_args!("{name} ({})", counted(count, "token"))))?;
        }
    }
    if usage.web_searches > 0 {
        ui.answer(format!("  searches ({}): ${}", usage.web_searches, parts.search))?;
    }
    let key = priced.key.as_deref().unwrap_or_default();
    ui.say(ui.talk.dim(&format!("price: {key} in the book {} ({})", clean(&priced.book), clean(&priced.version))))?;
    match baseline.filter(|baseline| *baseline != usd) {
        Some(baseline) => ui.say(ui.talk.dim(&format!("on {BASELINE_MODEL}: {}", dollars(baseline)))),
        None => Ok(()),
    }
}

fn document(args: &Args, usage: &Usage, at: Timestamp, priced: &Priced, baseline: Option<Usd>) -> serde_json::Value {
    json!({
        "schema": SCHEMA,
        "model": args.model,
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_tokens": usage.cache_read,
        "cache_write_5m_tokens": usage.cache_write_5m,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "searches": usage.web_searches,
        "cost_usd": priced.usd,
        "parts_usd": priced.parts,
        "baseline_model": BASELINE_MODEL,
        "baseline_cost_usd": baseline,
        "price_book": priced.book,
        "price_book_version": priced.version,
        "price_key": priced.key,
        "variant": args.variant,
        "at": at,
    })
}

/// A model or a bucket without a price.
fn unknown(model: &str, outcome: &Priced, prices: &Prices) -> Failure {
    let why = outcome.missing.map(|missing| missing.to_string()).unwrap_or_default();
    let failure = Failure::new(Kind::Expected, format!("the price of {} is unknown: {why}", clean(model)))
        .with_code("no-price")
        .hint(format!("set one: `moai prices set {} <in> <out>`", clean(model)));
    let near = nearest(model, prices);
    if near.is_empty() { failure } else { failure.hint(format!("the book {} has {}", outcome.book, near.join(", "))) }
}

/// The listed models whose names are nearest.
pub(in crate::cli) fn nearest(model: &str, prices: &Prices) -> Vec<String> {
    let wanted = model.trim().to_ascii_lowercase();
    let rows = prices.user().into_iter().chain([prices.base()]).flat_map(|book| &book.models);
    let mut near: Vec<(f64, String)> = rows
        .flat_map(|row| row.also.iter().chain([&row.id]))
        .map(|id| (strsim::jaro_winkler(&wanted, id), id.clone()))
        .filter(|(likeness, _)| *likeness > 0.88)
        .collect();
    sort::by(&mut near, |a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    near.dedup_by(|a, b| a.1 == b.1);
    near.into_iter().take(3).map(|(_, id)| id).collect()
}

/// A count of tokens as people write it.
fn tokens(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no number of tokens, such as 1000, 1k or 1.5M");
    let plain = text.trim().replace(['_', ','], "");
    let (digits, scale) = match plain.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (plain.get(..at).unwrap_or_default(), 3_usize),
        Some((at, 'm' | 'M')) => (plain.get(..at).unwrap_or_default(), 6),
        _ => (plain.as_str(), 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > scale {
        return Err(wrong());
    }
    let count: u64 = format!("{whole}{fraction:0<scale$}").parse().ok().ok_or_else(wrong)?;
    if count > 1_000_000_000_000 { Err(wrong()) } else { Ok(count) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_as_people_write_them() {
        for (text, count) in
            [("0", 0), ("1000", 1000), ("1_000", 1000), ("1,000", 1000), ("1k", 1000), ("1.5M", 1_500_000)]
        {
            assert_eq!(tokens(text), Ok(count), "{text}");
        }
        for text in ["", "-1", "1.5", "k", "1.0005k", "ten", "1e3", "2000000000000", "천"] {
            assert!(tokens(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_misspelt_model_is_told_its_neighbours() {
        assert!(nearest("claude-opuss", &Prices::list()).contains(&"claude-opus".to_owned()));
        assert!(nearest("zzz", &Prices::list()).is_empty());
    }
}
