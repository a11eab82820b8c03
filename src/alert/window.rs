//! The last hour, a second at a time: what it cost, what failed, who was slow, who has no price.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::base::sort;
use crate::model::Usd;

use super::rule::{Reading, Rule, Rules};

/// How far back it goes, in seconds.
const HOUR: i64 = 3_600;
/// How many response times of a model are kept of one second.
const MOST: usize = 100;

/// An attempt that is over.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// When it began.
    pub at: Timestamp,
    /// Who was asked.
    pub model: &'a str,
    /// What it cost; `None`: nobody knows.
    pub cost: Option<Usd>,
    /// How long its first word took, in milliseconds; of an answer that came whole, all of it.
    pub millis: u64,
    /// What came of it: `Some(true)` an answer, `Some(false)` none; `None`: a person stopped it, or nobody was asked.
    pub answered: Option<bool>,
}

/// See the top of this file.
#[derive(Debug, Clone, Default)]
pub struct Window {
    seconds: BTreeMap<i64, Second>,
}

#[derive(Debug, Clone, Default)]
struct Second {
    cost: Usd,
    answered: u64,
    failed: u64,
    models: BTreeMap<String, OfModel>,
}

#[derive(Debug, Clone, Default)]
struct OfModel {
    unpriced: u64,
    millis: Vec<u64>,
}

impl Window {
    /// Counts an attempt.
    pub fn add(&mut self, seen: Seen<'_>) {
        let second = self.seconds.entry(seen.at.as_second()).or_default();
        second.cost = second.cost.saturating_add(seen.cost.unwrap_or_default());
        match seen.answered {
            Some(true) => second.answered += 1,
            Some(false) => second.failed += 1,
            None => {}
        }
        let slow = seen.answered == Some(true);
        if !slow && seen.cost.is_some() {
            return;
        }
        let of_model = match second.models.get_mut(seen.model) {
            Some(known) => known,
            None => second.models.entry(seen.model.to_owned()).or_default(),
        };
        of_model.unpriced += u64::from(seen.cost.is_none());
        if slow && of_model.millis.len() < MOST {
            of_model.millis.push(seen.millis);
        }
    }

    /// What it says now; older seconds are forgotten.
    pub fn readings(&mut self, rules: &Rules, now: Timestamp) -> Vec<Reading> {
        let now = now.as_second();
        self.seconds = self.seconds.split_off(&(now - HOUR + 1));
        let window = i64::try_from(rules.window.as_secs().max(1)).unwrap_or(HOUR).min(HOUR);
        let recent = || self.seconds.range(now - window + 1..).map(|(_, second)| second);
        let mut readings = vec![self.cost(rules)];
        readings.extend(errors(recent(), rules));
        readings.extend(slow(recent(), rules));
        readings.extend(self.unpriced());
        readings.retain(|reading| rules.is_on(reading.rule));
        readings
    }

    fn cost(&self, rules: &Rules) -> Reading {
        let cost = self.seconds.values().fold(Usd::ZERO, |sum, second| sum.saturating_add(second.cost));
        let text = format!("${cost:.2} in the last hour (from ${:.2} on it is an alert)", rules.cost_per_hour);
        Reading { rule: Rule::CostPerHour, subject: String::new(), value: cost.nanos(), text }
    }

    fn unpriced(&self) -> Vec<Reading> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (model, of_model) in self.seconds.values().flat_map(|second| &second.models) {
            *counts.entry(model).or_default() += of_model.unpriced;
        }
        let reading = |(model, count): (&str, u64)| Reading {
            rule: Rule::Unpriced,
            subject: model.to_owned(),
            value: i64::try_from(count).unwrap_or(i64::MAX),
            text: format!(
                "{count} {} to {model} in the last hour of which nobody knows the price: costs and budgets leave them \
                 out (`moai prices set`)",
                if count == 1 { "attempt" } else { "attempts" }
            ),
        };
        counts.into_iter().filter(|(_, count)| *count > 0).map(reading).collect()
    }
}

fn errors<'a>(recent: impl Iterator<Item = &'a Second>, rules: &Rules) -> Option<Reading> {
    let sum = |(answered, failed), second: &Second| (answered + second.answered, failed + second.failed);
    let (answered, failed): (u64, u64) = recent.fold((0, 0), sum);
    let all = answered + failed;
    if all == 0 || all < rules.least {
        return None;
    }
    let share = i64::try_from(u128::from(failed) * 10_000 / u128::from(all)).unwrap_or(i64::MAX);
    let text = format!(
        "{} of {all} attempts in the last {} failed (from {} on it is an alert)",
        percent(share),
        span(rules.window),
        percent(rules.error_rate)
    );
    Some(Reading { rule: Rule::ErrorRate, subject: String::new(), value: share, text })
}

fn slow<'a>(recent: impl Iterator<Item = &'a Second>, rules: &Rules) -> Vec<Reading> {
    let mut times: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (model, of_model) in recent.flat_map(|second| &second.models) {
        times.entry(model).or_default().extend(&of_model.millis);
    }
    let reading = |(model, mut times): (&str, Vec<u64>)| {
        sort::by(&mut times, Ord::cmp);
        let count = times.len();
        // The least value that 95 % do not exceed.
        let p95 = times.get((count * 95).div_ceil(100).saturating_sub(1)).copied()?;
        let text = format!(
            "5 % of {count} answers of {model} in the last {} took {} or longer to begin (from {} on it is an alert)",
            span(rules.window),
            seconds(Duration::from_millis(p95)),
            seconds(rules.slow_response)
        );
        let value = i64::try_from(p95).unwrap_or(i64::MAX);
        Some(Reading { rule: Rule::SlowResponse, subject: model.to_owned(), value, text })
    };
    times.into_iter().filter(|(_, times)| times.len() as u64 >= rules.least).filter_map(reading).collect()
}

/// Hundredths of a percent for a person.
fn percent(share: i64) -> String {
    let text = format!("{}.{:02}", share / 100, share % 100);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn seconds(time: Duration) -> String {
    let millis = time.as_millis();
    format!("{}.{} s", millis / 1000, millis % 1000 / 100)
}

fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 120 && seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{} s", seconds.max(1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_960_000 + second).unwrap()
    }

    fn seen(second: i64, millis: u64, answered: bool) -> Seen<'static> {
        let cost = Some(Usd::from_nanos(1_000_000_000));
        Seen { at: at(second), model: "m", cost, millis, answered: Some(answered) }
    }

    fn value(readings: &[Reading], rule: Rule) -> Option<i64> {
        readings.iter().find(|reading| reading.rule == rule).map(|reading| reading.value)
    }

    #[test]
    fn an_hour_of_costs_and_five_minutes_of_times_and_errors() {
        let mut window = Window::default();
        let rules = Rules::default();
        for second in 0..100 {
            window.add(seen(second, 1000 + second.unsigned_abs(), second % 10 != 0));
        }
        let readings = window.readings(&rules, at(100));
        assert_eq!(value(&readings, Rule::CostPerHour), Some(100_000_000_000));
        assert_eq!(value(&readings, Rule::ErrorRate), Some(1_000));
        // Of the 90 that answered, the 86th.
        assert_eq!(value(&readings, Rule::SlowResponse), Some(1095));
        assert_eq!(value(&readings, Rule::Unpriced), None);
        let later = window.readings(&rules, at(399));
        assert_eq!((value(&later, Rule::ErrorRate), value(&later, Rule::SlowResponse)), (None, None), "one is too few");
        assert_eq!(value(&window.readings(&rules, at(3_609)), Rule::CostPerHour), Some(90_000_000_000));
        assert_eq!(value(&window.readings(&rules, at(9_000)), Rule::CostPerHour), Some(0));
        assert!(window.seconds.is_empty());
    }

    #[test]
    fn what_has_no_price_is_told_of_each_model() {
        let mut window = Window::default();
        for model in ["a", "b", "a"] {
            window.add(Seen { model, cost: None, ..seen(0, 5, true) });
        }
        window.add(Seen { model: "c", answered: None, ..seen(0, 5, true) });
        let readings = window.readings(&Rules::default(), at(1));
        let told: Vec<_> = readings.iter().filter(|reading| reading.rule == Rule::Unpriced).collect();
        assert_eq!(told.len(), 2);
        assert!(told[0].text.starts_with("2 attempts to a "), "{}", told[0].text);
        let off = Rules { off: vec![Rule::Unpriced], ..Rules::default() };
        assert_eq!(value(&window.readings(&off, at(1)), Rule::Unpriced), None);
    }
}
