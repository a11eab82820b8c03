//! What the journal tells programs, under one set of names: `moai … --json` and the gateway's API say the same.

use serde_json::{Map, Value, json};

use crate::cost::{CostSummary, Verdict, shares};
use crate::model::Usd;

use super::days::Days;
use super::query::{By, Line, Totals};
use super::shadow::Shadowed;
use super::stats::ModelStats;

/// The schema number of the documents; it grows when a field changes its meaning or goes.
const SCHEMA: u32 = 1;

impl Totals {
    /// The sums of a line as a JSON object. Amounts are exact decimals in dollars; `cost_usd` leaves out what is
    /// unpriced, and is `null` where nothing else is there.
    pub fn document(&self) -> Map<String, Value> {
        let usage = self.usage;
        let saved = self.baseline.saturating_sub(self.compared);
        let mut map = Map::new();
        for (name, value) in [
            ("requests", json!(self.requests)),
            ("attempts", json!(self.attempts)),
            ("cost_usd", json!(self.known())),
            ("unpriced", json!(self.unpriced)),
            ("unmetered", json!(self.unmetered)),
            ("input_tokens", json!(usage.input)),
            ("cache_read_tokens", json!(usage.cache_read)),
            ("cache_write_tokens", json!(usage.cache_write())),
            ("output_tokens", json!(usage.output)),
            ("reasoning_tokens", json!(usage.reasoning)),
            ("web_searches", json!(usage.web_searches)),
            ("errors", json!(self.errors)),
            ("cancelled", json!(self.cancelled)),
            ("cached", json!(self.cached)),
            ("fallbacks", json!(self.fallbacks)),
            ("retries", json!(self.retries)),
            ("baseline_cost_usd", json!(self.baseline)),
            ("saved_usd", json!(saved)),
            ("uncompared", json!(self.uncompared)),
            ("first_at", json!(self.first_at)),
            ("last_at", json!(self.last_at)),
        ] {
            map.insert(name.into(), value);
        }
        map
    }

    /// What is known of the cost; unknown is not free.
    pub fn known(&self) -> Option<Usd> {
        (self.unpriced == 0 || self.cost != Usd::ZERO).then_some(self.cost)
    }
}

/// A day with the names of the seeds' `CostSummary`, its sums, and its lines by model, tier, … with their shares
/// (`docs/schema/costs-today.json`).
pub fn day_document(
    summary: &CostSummary,
    (totals, shadows): (&Totals, Shadowed),
    (by, lines): (By, &[Line]),
    budget: Option<Verdict>,
) -> Map<String, Value> {
    let mut document = Map::new();
    document.insert("schema".into(), json!(SCHEMA));
    for (name, value) in [
        ("date", json!(summary.date)),
        ("total_cost_usd", json!(summary.total_cost_usd)),
        ("tier1_cost_usd", json!(summary.tier1_cost_usd)),
        ("tier2_cost_usd", json!(summary.tier2_cost_usd)),
        ("tier1_percentage", json!(summary.tier1_percentage)),
        ("tier2_percentage", json!(summary.tier2_percentage)),
        ("total_requests", json!(summary.total_requests)),
        ("shadows_usd", json!(shadows.cost)),
    ] {
        document.insert(name.into(), value);
    }
    document.extend(totals.document());
    document.insert("by".into(), json!(by.as_str()));
    document.insert("lines".into(), lines_document(lines));
    document.insert("budget".into(), json!(budget));
    document
}

/// Lines, each with its value, its share in percent and its sums. The shares sum to 100.
pub fn lines_document(lines: &[Line]) -> Value {
    let costs: Vec<Usd> = lines.iter().map(|line| line.totals.cost).collect();
    let counts: Vec<u64> = lines.iter().map(|line| line.totals.attempts).collect();
    let line = |(line, share): (&Line, f64)| {
        let mut map = Map::new();
        map.insert("value".into(), json!(line.value));
        map.insert("percentage".into(), json!(share));
        map.extend(line.totals.document());
        Value::Object(map)
    };
    lines.iter().zip(shares(&costs, &counts)).map(line).collect()
}

/// How the models did (`docs/schema/stats.json`).
pub fn stats_document(models: &[ModelStats], days: Days) -> Map<String, Value> {
    let total = models.iter().fold(Totals::default(), |sum, one| sum.plus(&one.totals));
    let model = |one: &ModelStats| {
        let mut map = Map::new();
        for (name, value) in [
            ("model", json!(one.model)),
            ("error_rate", json!(one.error_rate)),
            ("fallback_rate", json!(one.fallback_rate)),
            ("first_ms", json!(one.first_ms)),
            ("total_ms", json!(one.total_ms)),
        ] {
            map.insert(name.into(), value);
        }
        map.extend(one.totals.document());
        Value::Object(map)
    };
    let mut document = Map::new();
    for (name, value) in [
        ("schema", json!(SCHEMA)),
        ("since", json!(days.since)),
        ("until", json!(days.until)),
        ("requests", json!(total.requests)),
        ("attempts", json!(total.attempts)),
        ("error_rate", json!(rate(total.errors, total.attempts))),
        ("fallback_rate", json!(rate(total.fallbacks, total.attempts))),
        ("total", json!(total.document())),
        ("models", models.iter().map(model).collect()),
    ] {
        document.insert(name.into(), value);
    }
    document
}

/// A part of a whole, from 0 to 1; of nothing 0.
pub fn rate(part: u64, whole: u64) -> f64 {
    let small = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    if whole == 0 { 0.0 } else { small(part) / small(whole) }
}
