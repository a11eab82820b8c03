//! The learned weights: `templates/classify/weights.tsv`, written by `tests/cases/classify/train.py`, read once.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::LazyLock;

use crate::base::packed::unpack;

use super::feature::hash;
use super::lexicon::Plain;

const SOURCE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/weights.tsv.z"));

/// What one feature says, in thousandths of a logit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Weight {
    /// For tier 1.
    pub(super) tier: i32,
    /// For each kind, in the order of `TaskKind::ALL`.
    pub(super) kinds: [i32; 3],
}

/// How a score becomes a probability: `1 / (1 + exp(-(slope × |score| + base)))`, never under one half.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Calibration {
    /// Per logit.
    pub(super) slope: f64,
    /// In logits.
    pub(super) base: f64,
}

/// The table of this build.
pub(super) struct Table {
    weights: HashMap<u64, Weight, BuildHasherDefault<Plain>>,
    /// What every text starts with.
    pub(super) bias: Weight,
    /// For the tier.
    pub(super) tier: Calibration,
    /// For the kind; the score is the distance between the best two.
    pub(super) kind: Calibration,
}

/// The weights of this build.
pub(super) fn table() -> &'static Table {
    static TABLE: LazyLock<Table> = LazyLock::new(|| Table::parse(&unpack(SOURCE)));
    &TABLE
}

impl Table {
    fn parse(source: &str) -> Self {
        let one = Calibration { slope: 1.0, base: 0.0 };
        // Most commands that classify do so once: reading the rows is what it costs them.
        let rows = source.len() / 24;
        let weights = HashMap::with_capacity_and_hasher(rows, BuildHasherDefault::default());
        let mut table = Self { weights, bias: Weight::default(), tier: one, kind: one };
        for line in source.as_bytes().split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"#")) {
            let mut columns = line.split(|byte| *byte == b'\t');
            let Some(name) = columns.next().filter(|name| !name.is_empty()) else { continue };
            let mut next = || columns.next().map(number).unwrap_or_default();
            let weight = Weight { tier: next(), kinds: [next(), next(), next()] };
            let calibration =
                Calibration { slope: f64::from(weight.tier) / 1000.0, base: f64::from(weight.kinds[0]) / 1000.0 };
            match name {
                b"=bias" => table.bias = weight,
                b"=tier-calibration" => table.tier = calibration,
                b"=kind-calibration" => table.kind = calibration,
                _ => {
                    table.weights.insert(hash(name), weight);
                }
            }
        }
        table
    }

    /// The weight of the feature with that hash.
    pub(super) fn weight(&self, hash: u64) -> Option<Weight> {
        self.weights.get(&hash).copied()
    }
}

/// A whole number, as the trainer writes them.
fn number(text: &[u8]) -> i32 {
    let (digits, sign) = text.strip_prefix(b"-").map_or((text, 1), |digits| (digits, -1));
    sign * digits.iter().fold(0, |number: i32, digit| number.wrapping_mul(10).wrapping_add(i32::from(digit & 0x0f)))
}

impl Calibration {
    /// The probability that the winner by `margin` thousandths of a logit is right.
    pub(super) fn probability(self, margin: i32) -> f64 {
        let logit = self.slope * f64::from(margin.abs()) / 1000.0 + self.base;
        (1.0 / (1.0 + (-logit).exp())).clamp(0.5, 0.999)
    }
}
