//! Numbers that look random and are the same every time (`SplitMix64`): what a bandit draws by, and what simulations in
//! tests are thrown with.

use super::{float, normal};

/// Where a row of throws is; any number begins one.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// Evenly between 0 and 1, both left out.
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (float((z ^ (z >> 31)) >> 12) + 0.5) / float(1 << 52)
    }

    /// Around 0 with a spread of 1.
    pub(crate) fn normal(&mut self) -> f64 {
        normal(self.next())
    }

    /// As costs are: many small ones, and a few large ones.
    #[cfg(test)]
    pub(crate) fn skewed(&mut self) -> f64 {
        self.normal().exp()
    }
}
