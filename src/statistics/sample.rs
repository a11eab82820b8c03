//! Numbers as far as a mean and its error need them.

/// How many, their mean, and how far they lie from it (Welford 1962: nothing is lost where they are large and close).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sample {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Sample {
    /// One more.
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let apart = value - self.mean;
        self.mean += apart / float(self.count);
        self.squares += apart * (value - self.mean);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; of none 0.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Their variance, as of a part of many; `None` of fewer than two.
    pub fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.squares / float(self.count - 1))
    }

    /// The square of the mean's standard error.
    pub fn squared_error(&self) -> Option<f64> {
        Some(self.variance()? / float(self.count))
    }
}

impl FromIterator<f64> for Sample {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut sample = Self::default();
        values.into_iter().for_each(|value| sample.add(value));
        sample
    }
}

/// A count as a number to reckon with; counts above 2^53 are rounded.
pub fn float(count: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "nobody counts so far")]
    let number = count as f64;
    number
}
