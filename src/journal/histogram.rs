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

/// How often each bucket was hit: those that were, in order, each with its count. An hour of a model hits a handful of the
/// two thousand that there are, and a month has thousands of such hours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Histogram(Vec<(u16, u32)>);

impl Histogram {
    /// Counts one answer.
    pub(super) fn count(&mut self, millis: u64) {
        self.add(0, bucket(millis), 1);
    }

    /// Counts what another one has counted.
    pub(super) fn merge(&mut self, other: &Self) {
        let mut at = 0;
        for (bucket, count) in &other.0 {
            at = self.add(at, *bucket, *count);
        }
    }

    /// Counts what was packed.
    pub(super) fn merge_packed(&mut self, packed: &[u8]) {
        let mut numbers = Numbers(packed);
        let (mut at, mut bucket) = (0, 0_u64);
        while let Some((gap, count)) = numbers.next().zip(numbers.next()) {
            // A damaged row must not lead us beyond the last.
            bucket = bucket.saturating_add(gap).min(LAST.into());
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            at = self.add(at, u16::try_from(bucket).unwrap_or(LAST), count);
        }
    }

    /// Its buckets that were hit, each as its distance from the last one and its count, seven bits a byte.
    pub(super) fn packed(&self) -> Vec<u8> {
        let mut packed = Vec::new();
        let mut last = 0;
        for (bucket, count) in &self.0 {
            push(&mut packed, usize::from(*bucket - last));
            push(&mut packed, *count as usize);
            last = *bucket;
        }
        packed
    }

    /// The nearest ranks; `None` where nothing was counted.
    pub(super) fn percentiles(&self) -> Option<Percentiles> {
        let all: u64 = self.0.iter().map(|(_, count)| u64::from(*count)).sum();
        let (mut rest, mut seen) = (self.0.iter(), 0);
        let mut last = 0;
        // From one rank it goes on to the next.
        let mut rank = |percent: u64| {
            let wanted = all.saturating_mul(percent).div_ceil(100).max(1);
            while seen < wanted {
                let Some((bucket, count)) = rest.next() else { break };
                seen += u64::from(*count);
                last = *bucket;
            }
            middle(last)
        };
        (all > 0).then(|| Percentiles { p50: rank(50), p95: rank(95), p99: rank(99) })
    }

    /// The mean of the middles of the buckets; `None` where nothing was counted.
    pub(super) fn mean(&self) -> Option<u64> {
        let (all, sum) = self.0.iter().fold((0_u128, 0_u128), |(all, sum), (bucket, count)| {
            (all + u128::from(*count), sum + u128::from(*count) * u128::from(middle(*bucket)))
        });
        u64::try_from(sum.checked_div(all)?).ok()
    }

    /// Adds to a bucket that does not lie before the place `from`; says at which place it lies.
    fn add(&mut self, from: usize, bucket: u16, count: u32) -> usize {
        let rest = self.0.get_mut(from..).unwrap_or_default();
        match rest.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => {
                if let Some((_, known)) = rest.get_mut(at) {
                    *known = known.saturating_add(count);
                }
                from + at
            }
            Err(at) => {
                self.0.insert(from + at, (bucket, count));
                from + at
            }
        }
    }
}

/// The bucket of the largest number.
const LAST: u16 = 64 + 57 * 32 + 31;

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
fn bucket(millis: u64) -> u16 {
    let power = millis.max(64).ilog2();
    let (before, step) = if millis < 64 { (0, millis) } else { (64 + (power - 6) * 32, (millis >> (power - 5)) & 31) };
    u16::try_from(u64::from(before) + step).unwrap_or(LAST)
}

/// The middle of a bucket.
fn middle(bucket: u16) -> u64 {
    let Some(above) = bucket.checked_sub(64) else { return bucket.into() };
    let Some(width) = 1_u64.checked_shl(u32::from(above / 32) + 1) else { return u64::MAX };
    (32 + u64::from(above % 32)).saturating_mul(width).saturating_add(width / 2)
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
        assert!(back.0.is_sorted_by_key(|(bucket, _)| *bucket), "{back:?}");
        assert_eq!(back.percentiles(), histogram.percentiles(), "twice the same");
        for cut in 0..packed.len() {
            Histogram::default().merge_packed(packed.get(..cut).unwrap());
        }
        let mut wild = Histogram::default();
        wild.merge_packed(&[0xff; 64]);
        wild.merge_packed(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1]);
        assert!(wild.0.iter().all(|(bucket, _)| *bucket <= LAST) && wild.0.len() < 200);
    }
}
