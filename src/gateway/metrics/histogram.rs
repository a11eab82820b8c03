//! Counts in fixed buckets, in whole numbers: milliseconds or tokens. The bounds are those of OpenTelemetry's
//! semantic conventions for generative AI, as of v1.37.0
//! (<https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/>, read 2026-11-21).

/// `gen_ai.client.token.usage`, in tokens.
pub(super) const TOKENS: [u64; 14] =
    [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864];

/// `gen_ai.client.operation.duration`, in milliseconds.
pub(super) const DURATION: [u64; 14] =
    [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240, 20_480, 40_960, 81_920];

/// `gen_ai.server.time_to_first_token`, in milliseconds.
pub(super) const FIRST: [u64; 16] = [1, 5, 10, 20, 40, 60, 80, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000];

/// How many values lie at or below each bound, and what they come to together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Histogram {
    bounds: &'static [u64],
    /// One for each bound; what lies above the last is in `count` alone.
    counts: Vec<u64>,
    count: u64,
    sum: u64,
}

impl Histogram {
    /// An empty one with these bounds, the least first.
    pub(super) fn new(bounds: &'static [u64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len()], count: 0, sum: 0 }
    }

    /// Counts a value.
    pub(super) fn add(&mut self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
    }

    /// Each bound, and how many values lie between it and the one before.
    pub(super) fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        self.bounds.iter().copied().zip(self.counts.iter().copied())
    }

    /// How many values there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub(super) fn sum(&self) -> u64 {
        self.sum
    }
}
