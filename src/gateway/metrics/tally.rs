//! Sums over the rows of the books since the start. A row that is added here is the one that is written down, so the
//! sums are the journal's own, to the token and the nano-dollar.
//!
//! How many series there can be is bounded: names of models come from the configuration, but a client may name an
//! `ollama/…` that nobody has heard of. Beyond [`MOST`] the rest count as `other`.

use std::collections::BTreeMap;

use crate::journal::{Attempt, Outcome};
use crate::model::{Tier, Usage, Usd};

use super::histogram::{DURATION, FIRST, Histogram, TOKENS};
use super::text::{Kind, Page, dollars, seconds};

/// How many names of one sort are told apart.
const MOST: usize = 100;
/// What all others count as.
const OTHER: &str = "other";

/// The sums.
#[derive(Debug, Clone, Default)]
pub(in crate::gateway) struct Tally {
    requests: BTreeMap<(Tier, String, &'static str), u64>,
    lanes: BTreeMap<Lane, Sums>,
    calls: BTreeMap<Call, Calls>,
}

/// Who was asked, as moai calls them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Lane {
    provider: String,
    model: String,
    tier: Tier,
}

/// Who was asked, as the vendor calls them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    provider: String,
    model: String,
}

#[derive(Debug, Clone, Default)]
struct Sums {
    outcomes: BTreeMap<&'static str, u64>,
    errors: BTreeMap<String, u64>,
    fallbacks: u64,
    retries: u64,
    unpriced: u64,
    unmetered: u64,
    usage: Usage,
    cost: Usd,
    compared: Usd,
    baseline: Usd,
}

/// One of the sums.
type Amount = fn(&Sums) -> Usd;
type Count = fn(&Sums) -> u64;

#[derive(Debug, Clone)]
struct Calls {
    /// By the error that it ended with; none for one that went well.
    durations: BTreeMap<String, Histogram>,
    first: Histogram,
    input: Histogram,
    output: Histogram,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            durations: BTreeMap::new(),
            first: Histogram::new(&FIRST),
            input: Histogram::new(&TOKENS),
            output: Histogram::new(&TOKENS),
        }
    }
}

impl Tally {
    /// Adds the attempts of one request.
    pub(in crate::gateway) fn add(&mut self, rows: &[Attempt]) {
        let asked = |row: &&Attempt| row.outcome != Outcome::Shadow;
        if let Some(last) = rows.last().filter(asked) {
            let first = rows.first().map_or("", |row| row.decided_by.as_str());
            let decided = bounded(&self.requests, |(_, by, _)| by, first);
            *self.requests.entry((last.tier, decided, last.outcome.as_str())).or_default() += 1;
        }
        for row in rows {
            let lane = Lane { provider: row.provider.clone(), model: row.model.clone(), tier: row.tier };
            let other = || Lane { provider: OTHER.into(), model: OTHER.into(), tier: row.tier };
            within(&mut self.lanes, lane, other).add(row);
            // Nobody was called for an answer from the cache.
            if !matches!(row.outcome, Outcome::Cached | Outcome::Shadow) {
                let call = Call { provider: row.provider.clone(), model: row.model_id.clone() };
                let other = || Call { provider: OTHER.into(), model: OTHER.into() };
                within(&mut self.calls, call, other).add(row);
            }
        }
    }

    /// Writes all of it.
    pub(in crate::gateway::metrics) fn write(&self, page: &mut Page) {
        self.write_calls(page);
        page.family("moai_requests_total", Kind::Counter, "Requests that were sent to somebody, by how they ended.");
        for ((tier, decided, outcome), count) in &self.requests {
            let tier = tier.number().to_string();
            page.sample(&[("tier", &tier), ("decided_by", decided), ("outcome", outcome)], count);
        }
        self.write_attempts(page);
        self.write_tokens(page);
        let money: [(&'static str, &str, Amount); 3] = [
            ("moai_cost_usd_total", "What attempts cost, as far as that is known.", |sums| sums.cost),
            ("moai_compared_cost_usd_total", "The part of it that can be compared with Claude alone.", |sums| {
                sums.compared
            }),
            ("moai_baseline_usd_total", "What that part would have cost on Claude alone.", |sums| sums.baseline),
        ];
        for (name, help, amount) in money {
            page.family(name, Kind::Counter, help);
            self.each(page, |sums| dollars(amount(sums)));
        }
        page.family(
            "moai_saved_usd",
            Kind::Gauge,
            "Saved against Claude alone since the start; below 0: it cost more.",
        );
        self.each(page, |sums| dollars(sums.baseline.saturating_sub(sums.compared)));
    }

    fn write_calls(&self, page: &mut Page) {
        let labels = |call: &Call| (call.provider.clone(), call.model.clone());
        page.family("gen_ai_client_token_usage", Kind::Histogram, "Number of input and output tokens used.");
        for (call, calls) in &self.calls {
            let (provider, model) = labels(call);
            for (kind, tokens) in [("input", &calls.input), ("output", &calls.output)] {
                page.histogram(&[CHAT, (PROVIDER, &provider), (MODEL, &model), (TOKEN, kind)], tokens, |count| count);
            }
        }
        page.family(
            "gen_ai_client_operation_duration_seconds",
            Kind::Histogram,
            "How long a request to a vendor took.",
        );
        for (call, calls) in &self.calls {
            let (provider, model) = labels(call);
            for (error, times) in &calls.durations {
                let labels = [CHAT, (PROVIDER, &*provider), (MODEL, &model), ("error_type", error)];
                let failed = if error.is_empty() { labels.get(..3).unwrap_or_default() } else { &labels };
                page.histogram(failed, times, seconds);
            }
        }
        let help = "Time to the first token of answers that went well.";
        page.family("gen_ai_server_time_to_first_token_seconds", Kind::Histogram, help);
        for (call, calls) in self.calls.iter().filter(|(_, calls)| calls.first.count() > 0) {
            let (provider, model) = labels(call);
            page.histogram(&[CHAT, (PROVIDER, &provider), (MODEL, &model)], &calls.first, seconds);
        }
    }

    fn write_attempts(&self, page: &mut Page) {
        page.family("moai_attempts_total", Kind::Counter, "Attempts to get an answer, by how they ended.");
        self.split(page, "outcome", |sums| sums.outcomes.iter().map(|(word, count)| (*word, *count)).collect());
        page.family("moai_errors_total", Kind::Counter, "Attempts that failed or were cut, by what went wrong.");
        self.split(page, "error", |sums| sums.errors.iter().map(|(word, count)| (word.as_str(), *count)).collect());
        let counts: [(&'static str, &str, Count); 4] = [
            ("moai_fallbacks_total", "Attempts that stood in for another model.", |sums| sums.fallbacks),
            ("moai_retries_total", "Attempts that asked the same model once more.", |sums| sums.retries),
            ("moai_unpriced_attempts_total", "Attempts of unknown price: not in the cost.", |sums| sums.unpriced),
            ("moai_unmetered_attempts_total", "Attempts for which the vendor reported no tokens.", |sums| {
                sums.unmetered
            }),
        ];
        for (name, help, count) in counts {
            page.family(name, Kind::Counter, help);
            self.each(page, count);
        }
    }

    fn write_tokens(&self, page: &mut Page) {
        page.family("moai_tokens_total", Kind::Counter, "Tokens; reasoning is a part of output, the others are apart.");
        self.split(page, "type", |sums| {
            let usage = sums.usage;
            vec![
                ("input", usage.input),
                ("cache_read", usage.cache_read),
                ("cache_write_5m", usage.cache_write_5m),
                ("cache_write_1h", usage.cache_write_1h),
                ("output", usage.output),
                ("reasoning", usage.reasoning),
            ]
        });
        page.family("moai_web_searches_total", Kind::Counter, "Searches that vendors ran for models.");
        self.each(page, |sums| sums.usage.web_searches);
    }

    /// A series for each lane.
    fn each<T: std::fmt::Display>(&self, page: &mut Page, value: impl Fn(&Sums) -> T) {
        for (lane, sums) in &self.lanes {
            let tier = lane.tier.number().to_string();
            page.sample(&[("provider", &lane.provider), ("model", &lane.model), ("tier", &tier)], value(sums));
        }
    }

    /// A series for each lane and each word.
    fn split<'a>(&'a self, page: &mut Page, label: &'static str, words: impl Fn(&'a Sums) -> Vec<(&'a str, u64)>) {
        for (lane, sums) in &self.lanes {
            let tier = lane.tier.number().to_string();
            for (word, count) in words(sums) {
                let labels = [("provider", &*lane.provider), ("model", &lane.model), ("tier", &tier), (label, word)];
                page.sample(&labels, count);
            }
        }
    }
}

/// The labels of OpenTelemetry's conventions, with `_` for their dots, as Prometheus has it.
const CHAT: (&str, &str) = ("gen_ai_operation_name", "chat");
const PROVIDER: &str = "gen_ai_provider_name";
const MODEL: &str = "gen_ai_request_model";
const TOKEN: &str = "gen_ai_token_type";

/// The entry of a key; of another one where there are too many already.
fn within<K: Ord, V: Default>(map: &mut BTreeMap<K, V>, key: K, other: impl FnOnce() -> K) -> &mut V {
    let room = map.len() < MOST || map.contains_key(&key);
    map.entry(if room { key } else { other() }).or_default()
}

/// A word, or [`OTHER`] where there are too many already.
fn bounded<K: Ord, V>(map: &BTreeMap<K, V>, of: impl Fn(&K) -> &String, word: &str) -> String {
    let room = map.len() < MOST || map.keys().any(|key| of(key) == word);
    if room { word.to_owned() } else { OTHER.to_owned() }
}

impl Sums {
    fn add(&mut self, row: &Attempt) {
        // A copy is no attempt to answer; what it costs is money all the same.
        if row.outcome != Outcome::Shadow {
            *self.outcomes.entry(row.outcome.as_str()).or_default() += 1;
        }
        if row.outcome.is_error() {
            let error = bounded(&self.errors, |error| error, row.error.as_deref().unwrap_or(OTHER));
            *self.errors.entry(error).or_default() += 1;
        }
        self.fallbacks += u64::from(row.fallback);
        self.retries += u64::from(row.retries);
        self.unpriced += u64::from(row.cost.is_none());
        self.unmetered += u64::from(row.is_unmetered());
        self.usage += row.usage.unwrap_or_default();
        self.cost = self.cost.saturating_add(row.cost.unwrap_or_default());
        if let Some((cost, baseline)) = row.cost.zip(row.baseline) {
            self.compared = self.compared.saturating_add(cost);
            self.baseline = self.baseline.saturating_add(baseline);
        }
    }
}

impl Calls {
    fn add(&mut self, row: &Attempt) {
        let error = if row.outcome.is_error() { row.error.as_deref().unwrap_or(OTHER) } else { "" };
        let error = bounded(&self.durations, |error| error, error);
        self.durations.entry(error).or_insert_with(|| Histogram::new(&DURATION)).add(row.total_ms);
        if let Some(first) = row.first_ms.filter(|_| row.outcome == Outcome::Ok) {
            self.first.add(first);
        }
        if let Some(usage) = row.usage {
            self.input.add(usage.prompt());
            self.output.add(usage.output);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(model: &str, outcome: Outcome) -> Attempt {
        let row = r#"{"request": "0190b5c2-7a4e-7f3d-8c21-5b6a7d8e9f01", "number": 1, "at": "2026-01-09T12:00:00Z",
            "machine": "m", "decided_by": "classifier", "model": "m", "model_id": "m-id", "provider": "p", "tier": "2",
            "book": "b", "book_version": "1", "total_ms": 1500, "outcome": "ok", "fallback": false, "retries": 0,
            "session": null, "project": null, "worktree": null, "spec": null, "agent": null, "decision": null,
            "model_asked": null, "confidence": null, "usage": null, "cost": null, "baseline": null, "price_key": null,
            "first_ms": 90, "error": null}"#;
        Attempt { model: model.into(), model_id: model.into(), outcome, ..serde_json::from_str(row).unwrap() }
    }

    fn text(tally: &Tally) -> String {
        let mut page = Page::default();
        tally.write(&mut page);
        page.into_text()
    }

    #[test]
    fn rows_are_summed_to_the_nano_dollar_and_the_token() {
        let mut tally = Tally::default();
        let usage = Usage { cache_read: 7, cache_write_5m: 2, reasoning: 3, ..Usage::new(1000, 500) };
        let paid = Attempt {
            usage: Some(usage),
            cost: Some(Usd::from_nanos(52_500_001)),
            baseline: Some(Usd::from_nanos(60_000_000)),
            ..row("glm", Outcome::Ok)
        };
        let failed = Attempt { error: Some("overloaded".into()), ..row("opus", Outcome::Failed) };
        tally.add(&[failed, Attempt { fallback: true, number: 2, ..paid.clone() }]);
        tally.add(&[paid]);
        let said = text(&tally);
        for line in [
            "moai_requests_total{tier=\"2\",decided_by=\"classifier\",outcome=\"ok\"} 2",
            "moai_attempts_total{provider=\"p\",model=\"glm\",tier=\"2\",outcome=\"ok\"} 2",
            "moai_errors_total{provider=\"p\",model=\"opus\",tier=\"2\",error=\"overloaded\"} 1",
            "moai_fallbacks_total{provider=\"p\",model=\"glm\",tier=\"2\"} 1",
            "moai_unpriced_attempts_total{provider=\"p\",model=\"opus\",tier=\"2\"} 1",
            "moai_cost_usd_total{provider=\"p\",model=\"glm\",tier=\"2\"} 0.105000002",
            "moai_saved_usd{provider=\"p\",model=\"glm\",tier=\"2\"} 0.014999998",
            "moai_tokens_total{provider=\"p\",model=\"glm\",tier=\"2\",type=\"cache_read\"} 14",
            "gen_ai_client_token_usage_sum{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"p\",\
             gen_ai_request_model=\"glm\",gen_ai_token_type=\"input\"} 2018",
            "gen_ai_client_operation_duration_seconds_sum{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"p\",\
             gen_ai_request_model=\"opus\",error_type=\"overloaded\"} 1.5",
            "gen_ai_server_time_to_first_token_seconds_count{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"p\",\
             gen_ai_request_model=\"glm\"} 2",
        ] {
            assert!(said.lines().any(|one| one == line), "{line} is not in\n{said}");
        }
    }

    #[test]
    fn names_that_clients_make_up_do_not_make_series_without_end() {
        let mut tally = Tally::default();
        for number in 0..10_000 {
            let odd = Attempt {
                decided_by: number.to_string(),
                error: Some(number.to_string()),
                ..row(&format!("ollama/{number}"), Outcome::Failed)
            };
            tally.add(&[odd]);
        }
        let many = text(&tally).lines().count();
        tally.add(&[row("ollama/new", Outcome::Failed)]);
        assert_eq!(text(&tally).lines().count(), many);
        let one = row("ollama/0", Outcome::Ok);
        let mut same = Tally::default();
        for number in 0..10_000 {
            same.add(&[Attempt { error: Some(number.to_string()), outcome: Outcome::Failed, ..one.clone() }]);
        }
        assert!(text(&same).lines().count() < 3_000);
        let all: u64 = tally.lanes.values().flat_map(|sums| sums.outcomes.values()).sum();
        assert_eq!(all, 10_001, "what is told apart no more is counted all the same");
    }
}
