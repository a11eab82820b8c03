//! Price books: what a token costs at whom, since when, at what hours, above which length, and how it is sent.
//!
//! A book is data (`templates/prices/`, or a file of the user in the same form). Nothing is derived: a rate that the
//! book does not name is unknown, and a model that it does not name has no price. `cost` does the arithmetic.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;

use crate::base::failure::{Explain, Kind};
use crate::base::sort;
use crate::model::{Rate, UsdError};

/// How a request is sent, where the vendor prices that differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// The plain request.
    #[default]
    Standard,
    /// Answered within a day.
    Batch,
    /// Answered when there is room (`service_tier: flex`).
    Flex,
    /// Answered before others (`service_tier: priority`).
    Priority,
    /// Generated faster (`speed: fast`).
    Fast,
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Standard, Self::Batch, Self::Flex, Self::Priority, Self::Fast];

    /// The word in books, rows and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Batch => "batch",
            Self::Flex => "flex",
            Self::Priority => "priority",
            Self::Fast => "fast",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that is no variant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown price variant `{0}`: expected standard, batch, flex, priority or fast")]
pub struct UnknownVariant(pub String);

impl FromStr for Variant {
    type Err = UnknownVariant;

    fn from_str(text: &str) -> Result<Self, UnknownVariant> {
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or_else(|| UnknownVariant(text.into()))
    }
}

/// What one token of each bucket costs. `None` is unknown, not free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Fresh prompt tokens.
    pub input: Rate,
    /// Generated tokens, reasoning included.
    pub output: Rate,
    /// Prompt tokens read from the cache.
    pub cache_read: Option<Rate>,
    /// Prompt tokens written to the cache for five minutes.
    pub cache_write_5m: Option<Rate>,
    /// Prompt tokens written to the cache for an hour.
    pub cache_write_1h: Option<Rate>,
    /// One search that the vendor ran.
    pub search: Option<Rate>,
}

impl Rates {
    /// Everything free: models on the user's own machine.
    pub const FREE: Self = {
        let zero = Rate::ZERO;
        Self {
            input: zero,
            output: zero,
            cache_read: Some(zero),
            cache_write_5m: Some(zero),
            cache_write_1h: Some(zero),
            search: Some(zero),
        }
    };
}

/// Hours of the day in UTC during which a price holds; from 22:00 to 02:00 goes over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// The first minute.
    pub from: Time,
    /// The minute after the last.
    pub to: Time,
    /// Only Monday to Friday.
    pub workdays: bool,
}

impl Hours {
    fn holds(self, at: jiff::civil::DateTime) -> bool {
        let time = at.time();
        let within = if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            self.from <= time || time < self.to
        };
        within && !(self.workdays && matches!(at.date().weekday(), Weekday::Saturday | Weekday::Sunday))
    }
}

/// A price and when it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// For requests sent this way.
    pub variant: Variant,
    /// From this day on (UTC).
    pub since: Option<Date>,
    /// Only at these hours.
    pub hours: Option<Hours>,
    /// The rates.
    pub rates: Rates,
    /// A cliff: for a prompt of more than so many tokens, these rates for the whole request.
    pub over: Option<(u64, Rates)>,
}

impl Block {
    /// The rates for a prompt of this many tokens (fresh, read and written together).
    pub fn rates_for(&self, prompt: u64) -> &Rates {
        match &self.over {
            Some((limit, rates)) if prompt > *limit => rates,
            _ => &self.rates,
        }
    }
}

/// The prices of one model at one vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPrice {
    /// Who sells it; `None` in a user's book: whoever sells it.
    pub vendor: Option<String>,
    /// Its id, in lower case.
    pub id: String,
    /// Other ids of the same model, in lower case.
    pub also: Vec<String>,
    /// The vendor no longer serves it.
    pub retired: bool,
    /// The prices; the last block that holds wins.
    pub blocks: Vec<Block>,
}

impl ModelPrice {
    /// The name of the row: `zai/glm-4.7`.
    pub fn key(&self) -> String {
        match &self.vendor {
            Some(vendor) => format!("{vendor}/{}", self.id),
            None => self.id.clone(),
        }
    }

    /// The price that holds at `at` for requests sent this way.
    pub fn at(&self, at: Timestamp, variant: Variant) -> Option<&Block> {
        let moment = TimeZone::UTC.to_datetime(at);
        self.blocks.iter().rev().find(|block| {
            block.variant == variant
                && block.since.is_none_or(|since| since <= moment.date())
                && block.hours.is_none_or(|hours| hours.holds(moment))
        })
    }

    fn is(&self, vendor: Option<&str>, id: &str) -> bool {
        let sold = || match (vendor, &self.vendor) {
            (Some(wanted), Some(vendor)) => wanted == vendor,
            _ => true,
        };
        (self.id == id || self.also.iter().any(|also| also == id)) && sold()
    }
}

/// A dated list of prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceBook {
    /// Its name: `list`, `spec-model-001`, `user`.
    pub name: String,
    /// Its version, which every row of the journal carries: the date and a hash.
    pub version: String,
    /// The day the prices were known to hold.
    pub date: Date,
    /// Where they come from.
    pub source: String,
    /// Vendors that sell other people's models: found only when the id names them (`groq/…`).
    pub by_name_only: Vec<String>,
    /// The models.
    pub models: Vec<ModelPrice>,
}

/// A row that differs between two books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The row's key: `zai/glm-4.7`.
    pub key: String,
    /// The row in the old book.
    pub old: Option<ModelPrice>,
    /// The row in the new book.
    pub new: Option<ModelPrice>,
}

/// A price book that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PriceError {
    /// Not JSON, or not in the form of a book.
    #[error("not a price book (line {line}, column {column})")]
    Form {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the reader says.
        source: serde_json::Error,
    },
    /// A newer form than this program reads.
    #[error("the price book has schema {0}; this moai reads schema 1")]
    Schema(u32),
    /// A number that is no price.
    #[error("the price of `{model}` cannot be read")]
    Rate {
        /// The model.
        model: String,
        /// Why.
        source: UsdError,
    },
    /// A day or an hour that is none.
    #[error("the price of `{model}` has a date or an hour that cannot be read")]
    Time {
        /// The model.
        model: String,
        /// Why.
        source: jiff::Error,
    },
    /// A model without prices, or with an empty id.
    #[error("the price book has a model without a name or without prices (`{0}`)")]
    Empty(String),
}

impl Explain for PriceError {
    fn kind(&self) -> Kind {
        Kind::Config
    }

    fn hints(&self) -> Vec<String> {
        vec!["the form is that of `moai prices show --json`; amounts are text, such as \"0.6\"".into()]
    }

    fn code(&self) -> Option<&'static str> {
        Some("price-book")
    }
}

impl PriceBook {
    /// Reads a book in the form of `templates/prices/list.json`.
    pub fn parse(text: &str) -> Result<Self, PriceError> {
        super::price_file::parse(text)
    }

    /// The book in the form that [`PriceBook::parse`] reads.
    pub fn render(&self) -> Result<String, PriceError> {
        super::price_file::render(self).map_err(|source| PriceError::Form { line: 0, column: 0, source })
    }

    /// Puts a model's row into the book, in place of the one with the same vendor and id.
    pub fn set(&mut self, row: ModelPrice) {
        self.models.retain(|one| (&one.vendor, &one.id) != (&row.vendor, &row.id));
        self.models.push(row);
        sort::by(&mut self.models, |a, b| (&a.vendor, &a.id).cmp(&(&b.vendor, &b.id)));
    }

    /// Takes a model's row out; says whether there was one.
    pub fn unset(&mut self, vendor: Option<&str>, id: &str) -> bool {
        let before = self.models.len();
        self.models.retain(|row| (row.vendor.as_deref(), row.id.as_str()) != (vendor, id));
        self.models.len() < before
    }

    /// The same rows under a new date, with a version made of that and a hash of the rows.
    pub fn dated(mut self, date: Date) -> Result<Self, PriceError> {
        self.date = date;
        self.version = String::new();
        let digest = ring::digest::digest(&ring::digest::SHA256, self.render()?.as_bytes());
        let hash = digest.as_ref().iter().take(4).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        self.version = format!("{date}+{hash}");
        Ok(self)
    }

    /// What `newer` changes against this book, by the rows' keys: rows that come, go, and have other prices.
    pub fn changes(&self, newer: &Self) -> Vec<Change> {
        let rows = |book: &Self| -> BTreeMap<String, ModelPrice> {
            sort::map(book.models.iter().map(|row| (row.key(), row.clone())))
        };
        let (old, new) = (rows(self), rows(newer));
        let keys = sort::set(old.keys().chain(new.keys()));
        let change = |key: &String| match (old.get(key), new.get(key)) {
            (Some(old), Some(new)) if old.blocks == new.blocks => None,
            (old, new) => Some(Change { key: key.clone(), old: old.cloned(), new: new.cloned() }),
        };
        keys.into_iter().filter_map(change).collect()
    }

    /// The model's row: `glm-4.7`, `zai/GLM-4.7`, `claude-opus-4-5-20251101`, `models/gemini-2.5-pro`. An id in front of
    /// a slash has to be a vendor; a date or `-latest` at the end is ignored when the id is not listed with it. An id
    /// that only resembles a listed one is not found.
    pub fn find(&self, model: &str) -> Option<&ModelPrice> {
        self.models.get(self.position(model)?)
    }

    /// Where the model's row stands.
    pub(super) fn position(&self, model: &str) -> Option<usize> {
        let id = model.trim().to_ascii_lowercase();
        let id = id.strip_suffix("[1m]").unwrap_or(&id);
        let (vendor, id) = split_vendor(id);
        let exact = |id: &str| self.models.iter().position(|one| one.is(vendor, id) && self.offers(one, vendor));
        exact(id).or_else(|| undated(id).and_then(exact))
    }

    fn offers(&self, model: &ModelPrice, vendor: Option<&str>) -> bool {
        vendor.is_some() || model.vendor.as_ref().is_none_or(|own| !self.by_name_only.contains(own))
    }
}

/// The names under which vendors stand before a slash, and the book's name for them.
const VENDORS: &[(&str, &str)] = &[
    ("anthropic", "anthropic"),
    ("claude", "anthropic"),
    ("openai", "openai"),
    ("google", "google"),
    ("gemini", "google"),
    ("models", "google"), // Gemini's own `models/gemini-2.5-pro`
    ("zai", "zai"),
    ("z-ai", "zai"),
    ("z.ai", "zai"),
    ("glm", "zai"),
    ("zhipuai", "zhipuai"),
    ("bigmodel", "zhipuai"),
    ("cohere", "cohere"),
    ("deepseek", "deepseek"),
    ("mistral", "mistral"),
    ("x-ai", "x-ai"),
    ("xai", "x-ai"),
    ("moonshotai", "moonshotai"),
    ("moonshot", "moonshotai"),
    ("minimax", "minimax"),
    ("groq", "groq"),
    ("cerebras", "cerebras"),
];

/// The vendor's name in books and the model's id, of a name as people write it (`glm/glm-4.7`: `zai`, `glm-4.7`). An id
/// without a vendor that is known stays whole.
pub fn vendor_and_id(model: &str) -> (Option<String>, String) {
    let id = model.trim().to_ascii_lowercase();
    let (vendor, id) = split_vendor(&id);
    (vendor.map(str::to_owned), id.to_owned())
}

/// The vendor in front of the first slash. An unknown one stays part of the id, so that a reseller's
/// `openrouter/anthropic/…` does not get the vendor's own price.
fn split_vendor(id: &str) -> (Option<&str>, &str) {
    let known = id.split_once('/').and_then(|(prefix, rest)| {
        VENDORS.iter().find(|(name, _)| *name == prefix).map(|(_, vendor)| (Some(*vendor), rest))
    });
    known.unwrap_or((None, id))
}

/// Whether the model runs on the user's own machine: `ollama/…`, but not Ollama's hosted models, and `sim/…`.
pub(super) fn is_local(model: &str) -> bool {
    let id = model.trim().to_ascii_lowercase();
    let hosted = id.ends_with("-cloud") || id.ends_with(":cloud");
    id == "sim" || id.starts_with("sim/") || (id.starts_with("ollama/") && !hosted)
}

/// The id without `-20251101`, `@20251101`, `-2026-04-23`, `-002` or `-latest` at its end.
fn undated(id: &str) -> Option<&str> {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(base) = id.strip_suffix("-latest").or_else(|| id.strip_suffix("@latest")) {
        return Some(base);
    }
    let (base, last) = id.rsplit_once(['-', '@'])?;
    if digits(last, 8) || digits(last, 3) {
        return Some(base);
    }
    let (base, month) = base.rsplit_once('-')?;
    let (base, year) = base.rsplit_once('-')?;
    (digits(last, 2) && digits(month, 2) && digits(year, 4)).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_at_the_end_are_seen_and_versions_are_not() {
        for (id, base) in [
            ("claude-opus-4-5-20251101", Some("claude-opus-4-5")),
            ("claude-opus-4@20250514", Some("claude-opus-4")),
            ("gpt-5.5-2026-04-23", Some("gpt-5.5")),
            ("gemini-1.5-pro-002", Some("gemini-1.5-pro")),
            ("claude-opus-4-5", None),
            ("glm-4.7", None),
        ] {
            assert_eq!(undated(id), base, "{id}");
        }
    }

    #[test]
    fn hours_go_over_midnight_and_skip_the_weekend() {
        let hours =
            |from: &str, to: &str, workdays| Hours { from: from.parse().unwrap(), to: to.parse().unwrap(), workdays };
        let at = |text: &str| text.parse().unwrap();
        assert!(hours("22:00", "02:00", false).holds(at("2026-01-09T01:59")));
        assert!(!hours("22:00", "02:00", false).holds(at("2026-01-09T02:00")));
        assert!(hours("01:00", "04:00", true).holds(at("2026-01-09T01:00")), "a Friday");
        assert!(!hours("01:00", "04:00", true).holds(at("2026-01-10T01:00")), "a Saturday");
    }

    #[test]
    fn local_models_are_those_that_run_here() {
        assert!(is_local("ollama/qwen2.5-coder:32b") && is_local("sim/echo"));
        assert!(!is_local("ollama/qwen3-coder:480b-cloud") && !is_local("ollama") && !is_local("simile"));
    }
}
