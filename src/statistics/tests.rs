//! Against values from the literature, and against chance.

use super::dice::Dice;
use super::*;

#[track_caller]
fn near(found: f64, expected: f64, by: f64) {
    assert!((found - expected).abs() <= by, "{found} is not {expected}");
}

#[test]
fn quantiles_are_those_of_the_tables() {
    for (share, expected) in [(0.5, 0.0), (0.975, 1.959_963_985), (0.995, 2.575_829_304), (0.01, -2.326_347_874)] {
        near(normal(share), expected, 1e-8);
    }
    // Abramowitz and Stegun, table 26.10.
    for (freedom, at_95, at_99) in [
        (1.0, 12.706, 63.657),
        (2.0, 4.303, 9.925),
        (3.0, 3.182, 5.841),
        (5.0, 2.571, 4.032),
        (10.0, 2.228, 3.169),
        (30.0, 2.042, 2.750),
        (120.0, 1.980, 2.617),
        (1e9, 1.960, 2.576),
    ] {
        near(student(0.975, freedom), at_95, 1e-3);
        near(student(0.995, freedom), at_99, 2e-3);
    }
}

#[test]
fn rates_are_those_of_the_papers() {
    // Newcombe 1998, table I, 81 of 263, and table II, example (a): 56 of 70 less 48 of 80.
    let one = rate(81, 263, 0.05);
    near(one.low, 0.2553, 5e-5);
    near(one.high, 0.3662, 5e-5);
    let apart = rates_apart((56, 70), (48, 80), 0.05);
    near(apart.low, 0.0524, 5e-5);
    near(apart.high, 0.3339, 5e-5);
    assert_eq!((rate(0, 0, 0.05).low, rate(0, 0, 0.05).high), (0.0, 1.0));
    near(rate(0, 20, 0.05).high, 0.1611, 5e-5);
    assert_eq!((rate(0, 20, 0.05).low, rate(20, 20, 0.05).high), (0.0, 1.0));
}

#[test]
fn means_are_those_of_the_textbook() {
    let a: Sample = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4]
        .into_iter()
        .collect();
    let b: Sample = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 24.5]
        .into_iter()
        .collect();
    near(a.mean(), 20.82, 1e-9);
    near(a.variance().unwrap(), 7.867_428_571, 1e-6);
    // 27.89 degrees of freedom; the quantile was integrated numerically.
    let apart = means_apart(&a, &b, 0.05);
    near(apart.point, -2.84, 1e-9);
    near(apart.low, -4.875_459, 1e-4);
    near(apart.high, -0.804_541, 1e-4);
    let one: Sample = [1.0].into_iter().collect();
    assert_eq!(means_apart(&one, &a, 0.05), Interval::UNKNOWN);
    let same: Sample = [2.0, 2.0, 2.0].into_iter().collect();
    assert_eq!(means_apart(&same, &same, 0.05), Interval { point: 0.0, low: 0.0, high: 0.0 });
}

/// How often something that should be rare happens in `runs` worlds.
fn share(runs: u64, mut happens: impl FnMut(&mut Dice) -> bool) -> f64 {
    let hits = (0..runs).filter(|run| happens(&mut Dice(run * 7_919 + 1))).count();
    float(hits as u64) / float(runs)
}

#[test]
fn intervals_miss_as_often_as_they_say() {
    let missed = share(1_500, |dice| {
        let mut hits = || (0..60).filter(|_| dice.next() < 0.9).count() as u64;
        rates_apart((hits(), 60), (hits(), 60), 0.05).excludes_zero()
    });
    assert!((0.02..0.07).contains(&missed), "{missed}");
    let missed = share(1_500, |dice| {
        let mut draw = || (0..40).map(|_| dice.skewed()).collect::<Sample>();
        means_apart(&draw(), &draw(), 0.05).excludes_zero()
    });
    assert!((0.02..0.07).contains(&missed), "of skewed costs, too: {missed}");
}

/// Two arms that are alike, looked at after every pair from the thirtieth on: whether anybody ever said they differ.
fn ever(dice: &mut Dice, look: impl Fn(&Sample, &Sample) -> bool) -> bool {
    let (mut a, mut b) = (Sample::default(), Sample::default());
    (0..1_000).any(|count| {
        a.add(dice.skewed());
        b.add(dice.skewed());
        count >= 30 && look(&a, &b)
    })
}

#[test]
fn who_looks_all_the_time_is_wrong_no_more_often_than_was_said() {
    let peeking = share(150, |dice| ever(dice, |a, b| means_apart(a, b, 0.05).excludes_zero()));
    assert!(peeking > 0.2, "an interval for one look is wrong far too often: {peeking}");
    let valid = share(150, |dice| ever(dice, |a, b| sequences_apart(a, b, 200, 0.05).excludes_zero()));
    assert!(valid <= 0.05, "{valid}");
}

#[test]
fn a_difference_that_is_there_is_found() {
    let found = share(100, |dice| {
        let (mut a, mut b) = (Sample::default(), Sample::default());
        (0..1_000).any(|_| {
            a.add(1.6 * dice.skewed());
            b.add(dice.skewed());
            a.count() >= 30 && sequences_apart(&a, &b, 200, 0.05).low > 0.0
        })
    });
    assert!(found > 0.8, "{found}");
}
