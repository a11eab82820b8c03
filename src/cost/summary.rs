//! The daily summary of SPEC-MODEL-001 (`CostSummary`).

use jiff::civil::Date;

use crate::base::sort;
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

/// The shares of amounts in their sum, in percent to a hundredth; they sum to exactly 100. What rounding leaves over goes
/// to the largest remainders. Where nothing was paid, `counts` are shared out; where there is nothing at all, all are 0.
pub fn shares(amounts: &[Usd], counts: &[u64]) -> Vec<f64> {
    let nanos: Vec<i128> = amounts.iter().map(|amount| i128::from(amount.nanos().max(0))).collect();
    let paid = nanos.iter().any(|amount| *amount > 0);
    let parts = if paid { nanos } else { counts.iter().map(|count| i128::from(*count)).collect() };
    let whole: i128 = parts.iter().sum();
    if whole == 0 {
        return vec![0.0; parts.len()];
    }
    let mut hundredths: Vec<i128> = parts.iter().map(|part| part * 10_000 / whole).collect();
    let mut rests: Vec<(i128, usize)> = parts.iter().map(|part| part * 10_000 % whole).zip(0..).collect();
    sort::by(&mut rests, |a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let left = usize::try_from(10_000 - hundredths.iter().sum::<i128>()).unwrap_or(0);
    for (_, at) in rests.iter().take(left) {
        if let Some(share) = hundredths.get_mut(*at) {
            *share += 1;
        }
    }
    hundredths.into_iter().map(|share| f64::from(i32::try_from(share).unwrap_or(0)) / 100.0).collect()
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
    fn shares_sum_to_100() {
        let usd = Usd::from_nanos;
        for parts in [vec![1, 1, 1], vec![5, 0, 2, 9], vec![1; 7], vec![10_000_019, 3, 1]] {
            let shares = shares(&parts.iter().map(|part| usd(*part)).collect::<Vec<_>>(), &vec![1; parts.len()]);
            let hundredths: f64 = shares.iter().map(|share| (share * 100.0).round()).sum();
            assert!((hundredths - 10_000.0).abs() < 0.5, "{parts:?}: {shares:?}");
        }
        assert_eq!(shares(&[usd(1), usd(1), usd(1)], &[1, 1, 1]), [33.34, 33.33, 33.33]);
        assert_eq!(shares(&[Usd::ZERO, Usd::ZERO], &[1, 3]), [25.0, 75.0], "where nothing was paid");
        assert_eq!(shares(&[Usd::ZERO], &[0]), [0.0]);
        assert!(shares(&[], &[]).is_empty());
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
