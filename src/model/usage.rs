//! What an answer used, in tokens: six disjoint or nested buckets that every vendor's numbers are converted to.
//!
//! Vendors count differently (Anthropic's input leaves cached tokens out, `OpenAI`'s and Gemini's include them); the
//! conversion is done once, where the answer is read (`wire`), so that price times usage is right everywhere else.

use std::ops::{Add, AddAssign};

/// Tokens of one answer. `input`, `cache_read`, `cache_write_5m` and `cache_write_1h` are disjoint and together are
/// the prompt; `reasoning` is a part of `output`.
///
/// A vendor that reported nothing is `None: Option<Usage>`, never a zero: unknown is not free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Prompt tokens that were neither read from nor written to a cache.
    pub input: u64,
    /// Prompt tokens read from the vendor's cache.
    pub cache_read: u64,
    /// Prompt tokens written to the cache for five minutes, or without a stated lifetime.
    pub cache_write_5m: u64,
    /// Prompt tokens written to the cache for an hour.
    pub cache_write_1h: u64,
    /// Generated tokens, reasoning included.
    pub output: u64,
    /// The part of `output` that was reasoning, where the vendor says so.
    pub reasoning: u64,
    /// Searches that the vendor ran for the model; billed apiece, not in tokens.
    pub web_searches: u64,
}

impl Usage {
    /// A usage of fresh input and output only, as most local models report it.
    pub const fn new(input: u64, output: u64) -> Self {
        Self { input, cache_read: 0, cache_write_5m: 0, cache_write_1h: 0, output, reasoning: 0, web_searches: 0 }
    }

    /// Tokens written to the cache, whatever their lifetime.
    pub const fn cache_write(self) -> u64 {
        self.cache_write_5m.saturating_add(self.cache_write_1h)
    }

    /// The whole prompt: fresh, read from and written to the cache. Price cliffs and context windows count this.
    pub const fn prompt(self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write())
    }

    /// Prompt and output together.
    pub const fn total(self) -> u64 {
        self.prompt().saturating_add(self.output)
    }

    /// Whether every bucket is zero.
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            input: self.input.saturating_add(other.input),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write_5m: self.cache_write_5m.saturating_add(other.cache_write_5m),
            cache_write_1h: self.cache_write_1h.saturating_add(other.cache_write_1h),
            output: self.output.saturating_add(other.output),
            reasoning: self.reasoning.saturating_add(other.reasoning),
            web_searches: self.web_searches.saturating_add(other.web_searches),
        }
    }
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Usage {
    fn sum<I: Iterator<Item = Self>>(usages: I) -> Self {
        usages.fold(Self::default(), Self::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_is_the_sum_of_its_disjoint_parts() {
        let usage = Usage { input: 1, cache_read: 20, cache_write_5m: 300, cache_write_1h: 4000, ..Usage::new(0, 7) };
        let usage = Usage { input: 1, ..usage };
        assert_eq!((usage.prompt(), usage.cache_write(), usage.total()), (4321, 4300, 4328));
    }

    #[test]
    fn sums_do_not_overflow() {
        let most = Usage::new(u64::MAX, 1);
        assert_eq!([most, most].into_iter().sum::<Usage>(), Usage::new(u64::MAX, 2));
    }
}
