//! The beta distribution: what is believed of a rate after so many hits and misses.

use super::dice::Dice;
use super::{Interval, float};
use crate::base::sort;

/// So many draws say where an interval ends.
const DRAWS: usize = 2000;

/// What is believed of a rate: a beta distribution. Parts of hits count, and so do hits that are half forgotten.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beta {
    hits: f64,
    misses: f64,
}

impl Default for Beta {
    /// Nothing is known: every rate is as likely.
    fn default() -> Self {
        Self { hits: 1.0, misses: 1.0 }
    }
}

impl Beta {
    /// Adds `weight` of an observation of which `share`, from 0 to 1, is a hit (Agrawal and Goyal, COLT 2012, draw a
    /// hit with that probability; its expectation is the same and needs no throw).
    pub fn add(&mut self, share: f64, weight: f64) {
        let share = share.clamp(0.0, 1.0);
        self.hits += share * weight;
        self.misses += (1.0 - share) * weight;
    }

    /// The mean.
    pub fn mean(self) -> f64 {
        self.hits / (self.hits + self.misses)
    }

    /// A rate as likely as it is believed (from two gamma distributions, those by Marsaglia and Tsang, ACM TOMS 26, 2000;
    /// no parameter is below 1 here).
    pub(crate) fn draw(self, dice: &mut Dice) -> f64 {
        let hits = gamma(self.hits, dice);
        hits / (hits + gamma(self.misses, dice))
    }

    /// The mean, and what the rate lies in but for `alpha`; the same each time.
    pub fn interval(self, alpha: f64) -> Interval {
        let mut dice = Dice(0x5eed);
        let mut draws: Vec<f64> = (0..DRAWS).map(|_| self.draw(&mut dice)).collect();
        sort::by(&mut draws, f64::total_cmp);
        let at = |share: f64| {
            let below = (0..DRAWS).take_while(|rank| float(*rank as u64 + 1) <= share * float(DRAWS as u64)).count();
            draws.get(below).or(draws.last()).copied().unwrap_or_default()
        };
        Interval { point: self.mean(), low: at(alpha / 2.0), high: at(1.0 - alpha / 2.0) }
    }
}

fn gamma(shape: f64, dice: &mut Dice) -> f64 {
    let third = shape - 1.0 / 3.0;
    let scale = 1.0 / (9.0 * third).sqrt();
    loop {
        let normal = dice.normal();
        let cube = (1.0 + scale * normal).powi(3);
        let even = dice.next();
        if cube > 0.0 && even.ln() < 0.5 * normal * normal + third * (1.0 - cube + cube.ln()) {
            return third * cube;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Sample;

    #[test]
    fn draws_have_the_mean_and_the_variance_of_the_distribution() {
        for (hits, misses) in [(1.0, 1.0), (3.5, 1.25), (40.0, 360.0)] {
            let beta = Beta { hits, misses };
            let mut dice = Dice(7);
            let sample: Sample = (0..20_000).map(|_| beta.draw(&mut dice)).collect();
            let all: f64 = hits + misses;
            let variance = hits * misses / (all * all * (all + 1.0));
            assert!((sample.mean() - beta.mean()).abs() < 4.0 * (variance / 20_000.0).sqrt(), "{beta:?} {sample:?}");
            assert!((sample.variance().unwrap() / variance - 1.0).abs() < 0.06, "{beta:?} {sample:?}");
        }
    }

    #[test]
    fn intervals_are_those_of_the_tables_and_close_as_more_is_known() {
        let mut beta = Beta::default();
        let nothing = beta.interval(0.1);
        assert!((nothing.low - 0.05).abs() < 0.02 && (nothing.high - 0.95).abs() < 0.02, "{nothing:?}");
        beta.add(1.0, 30.0);
        beta.add(0.0, 10.0);
        let some = beta.interval(0.1);
        // Beta(31, 11): quantiles 0.05 and 0.95.
        assert!((some.low - 0.621).abs() < 0.02 && (some.high - 0.843).abs() < 0.02, "{some:?}");
        assert!((some.point - 31.0 / 42.0).abs() < 1e-12);
        beta.add(7.0, 1.0);
        assert!((beta.mean() - 32.0 / 43.0).abs() < 1e-12, "a share is at most 1");
    }
}
