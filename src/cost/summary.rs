//! The daily summary of SPEC-MODEL-001 (`CostSummary`).

use jiff::civil::Date;

use crate::model::Usd;

/// A day's costs by tier, with the seeds' field names.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct CostSummary {
    /// The day, in local time.
    pub date: Date,
    /// All attempts with a known price.
    pub total_cost_usd: Usd,
    /// Those on tier 1.
    pub tier1_cost_usd: Usd,
    /// Those on tier 2.
    pub tier2_cost_usd: Usd,
    /// Tier 1's share of the cost.
    pub tier1_percentage: f64,
    /// Tier 2's share; the two sum to exactly 100.
    pub tier2_percentage: f64,
    /// Requests of people; the attempts behind them may be more.
    pub total_requests: u64,
}

impl CostSummary {
    /// The summary of a day from its two tiers: cost and requests of each.
    pub fn new(date: Date, tier1: (Usd, u64), tier2: (Usd, u64)) -> Self {
        let (tier1_percentage, tier2_percentage) = percentages(tier1, tier2);
        Self {
            date,
            total_cost_usd: tier1.0.saturating_add(tier2.0),
            tier1_cost_usd: tier1.0,
            tier2_cost_usd: tier2.0,
            tier1_percentage,
            tier2_percentage,
            total_requests: tier1.1.saturating_add(tier2.1),
        }
    }
}

/// The shares of the two tiers in percent, to a hundredth; they sum to exactly 100. Where nothing was paid, the
/// requests are shared out; where there were none, all is tier 2, the default tier.
pub fn percentages(tier1: (Usd, u64), tier2: (Usd, u64)) -> (f64, f64) {
    let count = |requests: u64| Usd::from_nanos(i64::try_from(requests).unwrap_or(i64::MAX));
    let share = tier1
        .0
        .share_of(tier1.0.saturating_add(tier2.0))
        .or_else(|| count(tier1.1).share_of(count(tier1.1.saturating_add(tier2.1))))
        .unwrap_or(0)
        .clamp(0, 10_000);
    let percent = |hundredths: i64| f64::from(i32::try_from(hundredths).unwrap_or(0)) / 100.0;
    (percent(share), percent(10_000 - share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "exactly 100 is the promise")]
    fn the_percentages_sum_to_exactly_100() {
        let usd = Usd::from_nanos;
        for one in 0..=2000_i64 {
            for whole in [1, 3, 7, 997, 2000, 10_000_019] {
                let (first, second) = percentages((usd(one), 1), (usd(whole), 1));
                assert_eq!(first + second, 100.0, "{one} of {whole}");
            }
        }
        for share in 0..=10_000 {
            let (first, second) = percentages((usd(share), 0), (usd(10_000 - share), 0));
            assert_eq!(first + second, 100.0);
        }
        assert_eq!(percentages((Usd::ZERO, 0), (Usd::ZERO, 0)), (0.0, 100.0));
        assert_eq!(percentages((Usd::ZERO, 1), (Usd::ZERO, 3)), (25.0, 75.0));
    }

    #[test]
    fn it_has_the_seeds_fields() {
        let day = CostSummary::new(
            jiff::civil::date(2026, 1, 9),
            ("0.0525".parse().unwrap(), 1),
            ("0.002".parse().unwrap(), 9),
        );
        assert_eq!(
            serde_json::to_string(&day).unwrap(),
            r#"{"date":"2026-01-09","total_cost_usd":0.0545,"tier1_cost_usd":0.0525,"tier2_cost_usd":0.002,"tier1_percentage":96.33,"tier2_percentage":3.67,"total_requests":10}"#
        );
    }
}
