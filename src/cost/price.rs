//! Usage times price, exactly.
//!
//! Every bucket of the usage is multiplied by its own rate in pico-dollars; the sum is rounded once. A bucket that
//! holds tokens and has no rate makes the whole amount unknown: unknown is `None`, never a zero. A cliff is chosen by
//! the whole prompt (fresh, read and written together) and holds for the whole request, as the vendors bill it.

use std::fmt;

use jiff::Timestamp;

use crate::catalog::{Prices, Rates, Variant};
use crate::model::{Rate, Usage, Usd};

/// The model that "Claude only" means: tier 1 of the seeds.
pub const BASELINE_MODEL: &str = "claude-opus";

/// What a usage cost, and by which price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// The amount; `None` where it is unknown.
    pub usd: Option<Usd>,
    /// The book that named the price, or the one that was asked.
    pub book: String,
    /// The version of that book.
    pub version: String,
    /// The row of the book, such as `zai/glm-4.7`.
    pub key: Option<String>,
    /// The amount by bucket; they sum to `usd` to the nano-dollar.
    pub parts: Option<Parts>,
    /// Why the amount is unknown.
    pub missing: Option<Missing>,
}

/// An amount by bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Parts {
    /// Fresh prompt tokens.
    pub input: Usd,
    /// Read from the cache.
    pub cache_read: Usd,
    /// Written to the cache for five minutes.
    pub cache_write_5m: Usd,
    /// Written to the cache for an hour.
    pub cache_write_1h: Usd,
    /// Generated, reasoning included.
    pub output: Usd,
    /// Searches.
    pub search: Usd,
}

impl Parts {
    /// The whole amount.
    pub fn total(&self) -> Usd {
        [self.input, self.cache_read, self.cache_write_5m, self.cache_write_1h, self.output, self.search]
            .into_iter()
            .sum()
    }
}

/// What the book did not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The model is not in the book.
    Model,
    /// The model has no price for requests sent this way at that time.
    Variant(Variant),
    /// The bucket holds tokens, and the book has no rate for it.
    Rate(&'static str),
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model => f.write_str("the book does not name the model"),
            Self::Variant(variant) => write!(f, "the book has no {variant} price for the model"),
            Self::Rate(bucket) => write!(f, "the book has no price for {bucket}"),
        }
    }
}

/// What `usage` costs on `model` (`glm-4.7`, `zai/glm-4.7`, …) for a request that started at `at` and was sent as
/// `variant`.
pub fn price(usage: &Usage, model: &str, prices: &Prices, at: Timestamp, variant: Variant) -> Priced {
    let Some((book, row)) = prices.find(model) else {
        let base = prices.base();
        let (book, version) = (base.name.clone(), base.version.clone());
        return Priced { usd: None, book, version, key: None, parts: None, missing: Some(Missing::Model) };
    };
    let parts = match row.at(at, variant) {
        None => Err(Missing::Variant(variant)),
        Some(block) => parts(usage, block.rates_for(usage.prompt())),
    };
    Priced {
        usd: parts.as_ref().ok().map(Parts::total),
        book: book.name.clone(),
        version: book.version.clone(),
        key: Some(row.key()),
        missing: parts.err(),
        parts: parts.ok(),
    }
}

/// What the same tokens would have cost with Claude alone: a Claude model keeps its own price, any other model's
/// tokens are counted on `claude` (usually [`BASELINE_MODEL`]). Cache buckets are kept, so a vendor without caching is
/// not made to look cheaper than it is.
pub fn baseline(usage: &Usage, model: &str, claude: &str, prices: &Prices, at: Timestamp) -> Option<Usd> {
    let is_claude = prices.find(model).is_some_and(|(_, row)| row.vendor.as_deref() == Some("anthropic"));
    let model = if is_claude { model } else { claude };
    price(usage, model, prices, at, Variant::Standard).usd
}

fn parts(usage: &Usage, rates: &Rates) -> Result<Parts, Missing> {
    let mut exact: u128 = 0;
    let mut rounded = Usd::ZERO;
    let mut part = |bucket: &'static str, count: u64, rate: Option<Rate>| {
        let Some(rate) = rate.or((count == 0).then_some(Rate::ZERO)) else {
            return Err(Missing::Rate(bucket));
        };
        // Each part is what it adds to the rounded sum, so that the parts add up to the total.
        exact = exact.saturating_add(rate.times(count));
        let upto = Usd::from_picos(exact);
        let part = upto.saturating_sub(rounded);
        rounded = upto;
        Ok(part)
    };
    Ok(Parts {
        input: part("input", usage.input, Some(rates.input))?,
        cache_read: part("cache reads", usage.cache_read, rates.cache_read)?,
        cache_write_5m: part("cache writes (5 minutes)", usage.cache_write_5m, rates.cache_write_5m)?,
        cache_write_1h: part("cache writes (1 hour)", usage.cache_write_1h, rates.cache_write_1h)?,
        output: part("output", usage.output, Some(rates.output))?,
        search: part("searches", usage.web_searches, rates.search)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AUTUMN: &str = "2026-11-20T12:00:00Z";

    fn usd(text: &str) -> Option<Usd> {
        text.parse().ok()
    }

    fn cost(book: &str, model: &str, usage: Usage, at: &str, variant: Variant) -> Option<Usd> {
        price(&usage, model, &Prices::named(book).unwrap(), at.parse().unwrap(), variant).usd
    }

    fn list(model: &str, usage: Usage) -> Option<Usd> {
        cost("list", model, usage, AUTUMN, Variant::Standard)
    }

    /// `COST_TEST_CASES` of SPEC-MODEL-001's acceptance criteria.
    #[test]
    fn the_seeds_cost_test_cases() {
        for (model, input, output, expected) in [
            ("claude-opus", 1000, 500, "0.0525"),
            ("claude-opus", 10_000, 5000, "0.525"),
            ("glm-4.7", 1000, 500, "0.002"),
            ("glm-4.7", 10_000, 5000, "0.02"),
        ] {
            let seed =
                |model: &str| cost("spec-model-001", model, Usage::new(input, output), AUTUMN, Variant::Standard);
            assert_eq!(seed(model), usd(expected), "{model} {input}+{output}");
        }
        assert_eq!(
            cost("spec-model-001", "claude-opus-4-5-20251101", Usage::new(1000, 500), AUTUMN, Variant::Standard),
            usd("0.0525")
        );
    }

    /// The seeds against the list of autumn 2026, and the price generations in between.
    #[test]
    fn the_list_prices_of_1000_and_500_tokens() {
        for (model, expected) in [
            ("claude-opus-4-1", "0.0525"),
            ("claude-3-opus", "0.0525"),
            ("claude-opus", "0.0175"),
            ("claude-opus-4-5-20251101", "0.0175"),
            ("claude-opus-5-5", "0.014"),
            ("claude-sonnet-4-5", "0.0105"),
            ("claude-sonnet-5-5", "0.007"),
            ("claude-3-5-haiku", "0.0028"),
            ("claude-haiku-5-5", "0.00035"),
            ("claude-fable-5-2", "0.028"),
            ("glm-4.7", "0.0017"),
            ("glm-4.7-flash", "0"),
            ("glm-5.3", "0.0036"),
            ("bigmodel/glm-4.7", "0.0008275"),
            ("gpt-4", "0.06"),
            ("gpt-6.1-sol", "0.007"),
            ("gemini-pro", "0.0003125"),
            ("command-r-plus", "0.0075"),
            ("ollama/llama3.3", "0"),
        ] {
            assert_eq!(list(model, Usage::new(1000, 500)), usd(expected), "{model}");
        }
    }

    #[test]
    fn a_cliff_holds_for_the_whole_request_and_counts_the_cached_prompt() {
        let below = Usage { cache_read: 50_000, ..Usage::new(50_000, 1000) };
        let above = Usage { cache_read: 50_001, ..below };
        assert_eq!(list("claude-haiku-5-5", below), usd("0.006"), "0.005 + 0.0005 + 0.0005");
        assert_eq!(list("claude-haiku-5-5", above), usd("0.03000005"), "every token at five times the price");
        let long = Usage::new(300_000, 1000);
        assert_eq!(list("gpt-5.5", long), usd("3.045"));
    }

    #[test]
    fn dates_and_hours_choose_the_price() {
        let at = |model: &str, at: &str| cost("list", model, Usage::new(1_000_000, 0), at, Variant::Standard);
        assert_eq!(at("claude-opus-4-6", "2026-03-12T23:59:59Z"), usd("10"));
        assert_eq!(at("claude-opus-4-6", "2026-03-13T00:00:00Z"), usd("5"));
        assert_eq!(at("gemini-4-argon", "2026-11-30T23:59:59Z"), usd("2"));
        assert_eq!(at("gemini-4-argon", "2026-12-01T00:00:00Z"), usd("4"));
        assert_eq!(at("deepseek-v4-flash", "2026-11-20T03:59:59Z"), usd("0.3"), "a Friday at peak");
        assert_eq!(at("deepseek-v4-flash", "2026-11-20T04:00:00Z"), usd("0.15"));
        assert_eq!(at("deepseek-v4-flash", "2026-11-21T03:59:59Z"), usd("0.15"), "a Saturday");
    }

    #[test]
    fn variants_have_their_own_prices_or_none() {
        let sent = |model: &str, variant| cost("list", model, Usage::new(1_000_000, 0), AUTUMN, variant);
        assert_eq!(sent("claude-opus-5-5", Variant::Batch), usd("2"));
        assert_eq!(sent("claude-opus-5-5", Variant::Fast), usd("8"));
        assert_eq!(sent("gpt-5.5", Variant::Priority).is_some(), sent("gpt-5.5", Variant::Fast).is_some());
        assert_eq!(sent("glm-4.7", Variant::Batch), None);
    }

    #[test]
    fn an_unknown_price_is_unknown_and_says_why() {
        let prices = Prices::list();
        let at = AUTUMN.parse().unwrap();
        let missing = |usage: Usage, model: &str| price(&usage, model, &prices, at, Variant::Standard).missing;
        assert_eq!(missing(Usage::new(1, 1), "claude-opus-9"), Some(Missing::Model));
        let hour = Usage { cache_write_1h: 1, ..Usage::default() };
        assert_eq!(missing(hour, "gpt-5.6-sol"), Some(Missing::Rate("cache writes (1 hour)")));
        assert_eq!(missing(hour, "claude-opus-5-5"), None);
        assert_eq!(missing(hour, "glm-4.7"), None, "Z.AI stores for nothing");
        let search = Usage { web_searches: 3, ..Usage::default() };
        assert_eq!(list("claude-opus-4-5", search), usd("0.03"));
    }

    #[test]
    fn the_cache_rates_of_the_five_five_family_are_not_a_tenth_of_the_input() {
        let read = Usage { cache_read: 1_000_000, ..Usage::default() };
        assert_eq!(list("claude-opus-5-5", read), usd("0.2"));
        assert_eq!(list("claude-sonnet-5-5", read), usd("0.1"));
        assert_eq!(list("claude-fable-5-1", read), usd("0.25"));
    }

    #[test]
    fn the_baseline_moves_other_models_to_claude_and_leaves_claude_alone() {
        let spec = Prices::named("spec-model-001").unwrap();
        let at = AUTUMN.parse().unwrap();
        let usage = Usage::new(1000, 500);
        assert_eq!(baseline(&usage, "glm-4.7", BASELINE_MODEL, &spec, at), usd("0.0525"));
        assert_eq!(baseline(&usage, "claude-haiku", BASELINE_MODEL, &spec, at), usd("0.0028"));
        assert_eq!(baseline(&usage, "nobody-knows", BASELINE_MODEL, &spec, at), usd("0.0525"));
    }

    /// Seed 002: 5 % of the tokens on Sonnet, 95 % on GLM-4.7 at about 0.50 USD per million, against Sonnet alone:
    /// about 85 % saved.
    #[test]
    fn the_seeds_table_of_savings() {
        let book = r#"{"schema":1,"name":"user","version":"1","date":"2026-01-13",
            "models":[{"id":"glm-4.7","prices":[{"in":"0.5","out":"0.5"}]}]}"#;
        let spec = Prices::named("spec-model-001").unwrap();
        let prices = spec.with_user(crate::catalog::PriceBook::parse(book).unwrap());
        let at = AUTUMN.parse().unwrap();
        let cost = |model: &str, tokens: u64| {
            price(&Usage::new(tokens, tokens / 5), model, &prices, at, Variant::Standard).usd.unwrap()
        };
        let thousand = price(&Usage::new(1000, 500), "glm-4.7", &prices, at, Variant::Standard);
        assert_eq!(thousand.usd, usd("0.00075"), "seed 002 contradicts seed 001's 0.002");
        let mixed = cost("claude-sonnet", 50_000).saturating_add(cost("glm-4.7", 950_000));
        let alone = cost("claude-sonnet", 1_000_000);
        let saved = alone.saturating_sub(mixed).share_of(alone).unwrap();
        assert!((8500..=8700).contains(&saved), "{saved}");
    }

    fn any_usage() -> impl Strategy<Value = Usage> {
        let count = || prop_oneof![0..3_000_000_u64, any::<u64>()];
        (count(), count(), count(), count(), count(), count()).prop_map(|(input, read, w5, w1, output, searches)| {
            Usage {
                input,
                cache_read: read,
                cache_write_5m: w5,
                cache_write_1h: w1,
                output,
                reasoning: 0,
                web_searches: searches,
            }
        })
    }

    proptest! {
        #[test]
        fn parts_sum_to_the_total_and_nothing_overflows(usage in any_usage(), at in 0..4_000_000_000_i64) {
            let prices = Prices::list();
            let at = Timestamp::from_second(at).unwrap();
            for model in ["claude-opus-5-5", "claude-haiku-5-5", "claude-sonnet-4-5", "claude-fable-5-2"] {
                let priced = price(&usage, model, &prices, at, Variant::Standard);
                prop_assert_eq!(priced.parts.unwrap().total(), priced.usd.unwrap());
                prop_assert!(priced.usd.unwrap() >= Usd::ZERO);
            }
        }

        #[test]
        fn more_tokens_never_cost_less(usage in any_usage(), more in 1..1_000_000_u64) {
            let bigger = Usage { output: usage.output.saturating_add(more), ..usage };
            let longer = Usage { input: usage.input.saturating_add(more), ..usage };
            for model in ["claude-opus-5-5", "claude-haiku-5-5", "claude-sonnet-4-5"] {
                let before = list(model, usage).unwrap();
                prop_assert!(list(model, bigger).unwrap() >= before);
                prop_assert!(list(model, longer).unwrap() >= before);
            }
        }
    }
}
