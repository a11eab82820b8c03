//! Response times, counted in buckets so that a percentile over a year reads a few hundred numbers. A bucket is at most
//! a thirty-second of its value wide; a percentile is right to 1.6 %.

/// The milliseconds within which so many percent of the answers came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Percentiles {
    /// Half of them.
    pub p50: u64,
    /// 95 %.
    pub p95: u64,
    /// 99 %.
    pub p99: u64,
}

/// How often each bucket was hit, from the first bucket to the last that was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Histogram(Vec<u32>);

impl Histogram {
    /// Counts one answer.
    pub(super) fn count(&mut self, millis: u64) {
        self.add(bucket(millis), 1);
    }

    /// Counts what another one has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        for (bucket, count) in other.counted() {
            self.add(bucket, count);
        }
    }

    /// Counts what was packed.
    pub(super) fn merge_packed(&mut self, packed: &[u8]) {
        let mut numbers = Numbers(packed);
        let mut bucket = 0_usize;
        while let Some((gap, count)) = numbers.next().zip(numbers.next()) {
            bucket = bucket.saturating_add(usize::try_from(gap).unwrap_or(usize::MAX));
            self.add(bucket, u32::try_from(count).unwrap_or(u32::MAX));
        }
    }

    /// Its buckets that were hit, each as its distance from the last one and its count, seven bits a byte.
    pub(super) fn packed(&self) -> Vec<u8> {
        let mut packed = Vec::new();
        let mut last = 0;
        for (bucket, count) in self.counted() {
            push(&mut packed, bucket - last);
            push(&mut packed, count as usize);
            last = bucket;
        }
        packed
    }

    /// The nearest ranks; `None` where nothing was counted.
    pub(super) fn percentiles(&self) -> Option<Percentiles> {
        let all: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let rank = |percent: u64| {
            let wanted = all.saturating_mul(percent).div_ceil(100).max(1);
            let mut seen = 0;
            let found = self.0.iter().position(|count| {
                seen += u64::from(*count);
                seen >= wanted
            });
            found.map_or(0, middle)
        };
        (all > 0).then(|| Percentiles { p50: rank(50), p95: rank(95), p99: rank(99) })
    }

    /// The mean of the middles of the buckets; `None` where nothing was counted.
    pub(super) fn mean(&self) -> Option<u64> {
        let (all, sum) = self.counted().fold((0_u128, 0_u128), |(all, sum), (bucket, count)| {
            (all + u128::from(count), sum + u128::from(count) * u128::from(middle(bucket)))
        });
        u64::try_from(sum.checked_div(all)?).ok()
    }

    fn counted(&self) -> impl Iterator<Item = (usize, u32)> {
        self.0.iter().copied().enumerate().filter(|(_, count)| *count > 0)
    }

    fn add(&mut self, bucket: usize, count: u32) {
        // A damaged row must not make us ask for all memory.
        let bucket = bucket.min(LAST);
        if bucket >= self.0.len() {
            self.0.resize(bucket + 1, 0);
        }
        if let Some(known) = self.0.get_mut(bucket) {
            *known = known.saturating_add(count);
        }
    }
}

/// The bucket of the largest number.
const LAST: usize = 64 + 57 * 32 + 31;

/// The numbers of a packed histogram; a number that breaks off is none.
struct Numbers<'a>(&'a [u8]);

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..63).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

fn push(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        let [low, ..] = (number & 0x7f).to_le_bytes();
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

/// The bucket of a number of milliseconds: exact below 64, then 32 buckets for every doubling.
fn bucket(millis: u64) -> usize {
    if millis < 64 {
        return usize::try_from(millis).unwrap_or(0);
    }
    let power = millis.ilog2();
    let step = (millis >> (power - 5)) & 31;
    64 + (power as usize - 6) * 32 + usize::try_from(step).unwrap_or(0)
}

/// The middle of a bucket.
fn middle(bucket: usize) -> u64 {
    if bucket < 64 {
        return bucket as u64;
    }
    let (power, step) = ((bucket - 64) / 32 + 6, (bucket - 64) % 32);
    let Some(width) = 1_u64.checked_shl(u32::try_from(power - 5).unwrap_or(63)) else { return u64::MAX };
    (32 + step as u64).saturating_mul(width).saturating_add(width / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_rise_and_hold_their_values_to_a_sixtieth() {
        let mut last = 0;
        for millis in (0..5000).chain((5000..4_000_000).step_by(997)) {
            let found = bucket(millis);
            assert!(found >= last, "{millis}");
            last = found;
            let off = middle(found).abs_diff(millis);
            assert!(off * 62 <= millis, "{millis} became {}", middle(found));
        }
        assert!(middle(bucket(u64::MAX)) > u64::MAX / 2);
        assert_eq!(bucket(u64::MAX), LAST);
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.percentiles(), histogram.mean()), (None, None));
        for millis in 1..=50 {
            histogram.count(millis);
            histogram.count(millis);
        }
        assert_eq!(histogram.percentiles(), Some(Percentiles { p50: 25, p95: 48, p99: 50 }));
        assert_eq!(histogram.mean(), Some(25));
        let mut one = Histogram::default();
        one.count(7);
        assert_eq!(one.percentiles(), Some(Percentiles { p50: 7, p95: 7, p99: 7 }));
    }

    #[test]
    fn what_is_packed_comes_back_and_damage_is_survived() {
        let mut histogram = Histogram::default();
        for millis in [0, 3, 3, 700, 1_000_000, u64::MAX] {
            histogram.count(millis);
        }
        (0..300).for_each(|_| histogram.count(12));
        let packed = histogram.packed();
        let mut back = Histogram::default();
        back.merge_packed(&packed);
        assert_eq!(back, histogram);
        back.merge(&histogram);
        assert_eq!(back.percentiles(), histogram.percentiles(), "twice the same");
        for cut in 0..packed.len() {
            Histogram::default().merge_packed(packed.get(..cut).unwrap());
        }
        let mut wild = Histogram::default();
        wild.merge_packed(&[0xff; 64]);
        wild.merge_packed(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1]);
        assert!(wild.0.len() <= LAST + 1);
    }
}
