//! The choice among deployments.

use std::cmp::Ordering;
use std::time::Duration;

use super::{Balance, Cause, Lane, State};

/// One of those to choose from.
#[derive(Debug)]
pub struct Entry<'a> {
    /// What is known of it.
    pub lane: &'a mut Lane,
    /// Its share under [`Balance::Weighted`]; 0 counts as 1.
    pub weight: u32,
    /// Its place under [`Balance::Priority`]: the lowest first.
    pub priority: u32,
    /// It has failed this request already.
    pub tried: bool,
}

/// The place of the one to ask. `favourite` is where this conversation's prompts are cached: it stays there as long as
/// that one may be asked.
///
/// One that is left alone is never chosen as long as another may be asked. If none may, and nobody was tried for this
/// request, it is the least bad one: better a small chance than none. `None`: nobody is left.
pub fn choose(
    balance: Balance,
    entries: &mut [Entry<'_>],
    favourite: Option<usize>,
    now: Duration,
    seed: u64,
) -> Option<usize> {
    let free = |entry: &Entry<'_>| !entry.tried && entry.lane.breaker().state(now).admits();
    let mut fit: Vec<usize> = Vec::with_capacity(entries.len());
    fit.extend(entries.iter().enumerate().filter(|(_, entry)| free(entry)).map(|(at, _)| at));
    if fit.is_empty() {
        return if entries.iter().any(|entry| entry.tried) { None } else { least_bad(entries, now) };
    }
    if let Some(favourite) = favourite.filter(|favourite| fit.contains(favourite)) {
        return Some(favourite);
    }
    match balance {
        Balance::RoundRobin => turn(entries, &fit, |_| 1),
        Balance::Weighted => turn(entries, &fit, |entry| entry.weight),
        Balance::LeastLoaded => {
            let load = |at: &usize| entries.get(*at).map(|entry| entry.lane.in_flight());
            lowest(&fit, seed, |one, other| load(one).cmp(&load(other)))
        }
        Balance::HealthBased => better_of_two(entries, &fit, now, seed),
        Balance::Priority => {
            let place = |at: &usize| entries.get(*at).map_or(u32::MAX, |entry| entry.priority);
            let first = fit.iter().map(place).min()?;
            fit.retain(|at| place(at) == first);
            better_of_two(entries, &fit, now, seed)
        }
    }
}

/// Smooth weighted round robin, as nginx does it: each gets its weight, the richest is chosen and pays for all.
fn turn(entries: &mut [Entry<'_>], fit: &[usize], weight: impl Fn(&Entry<'_>) -> u32) -> Option<usize> {
    let mut all = 0;
    let mut best: Option<(i64, usize)> = None;
    for at in fit {
        let Some(entry) = entries.get_mut(*at) else { continue };
        let weight = i64::from(weight(entry).max(1));
        all += weight;
        entry.lane.turn = entry.lane.turn.saturating_add(weight);
        if best.is_none_or(|(turn, _)| entry.lane.turn > turn) {
            best = Some((entry.lane.turn, *at));
        }
    }
    let (_, at) = best?;
    let chosen = entries.get_mut(at)?;
    chosen.lane.turn = chosen.lane.turn.saturating_sub(all);
    Some(at)
}

/// The power of two choices: of two drawn by lot the better one. All of them would run to the best at once.
fn better_of_two(entries: &[Entry<'_>], fit: &[usize], now: Duration, seed: u64) -> Option<usize> {
    let count = u64::try_from(fit.len()).ok().filter(|count| *count > 0)?;
    let first = mixed(seed) % count;
    let second = if count > 1 { (first + 1 + mixed(seed ^ u64::MAX) % (count - 1)) % count } else { first };
    let at = |place: u64| usize::try_from(place).ok().and_then(|place| fit.get(place)).copied();
    let (first, second) = (at(first)?, at(second)?);
    let cost = |at: usize| entries.get(at).map_or(f64::INFINITY, |entry| entry.lane.cost(now));
    Some(if cost(second) < cost(first) { second } else { first })
}

/// The lowest; among equals the seed decides.
fn lowest(fit: &[usize], seed: u64, by: impl Fn(&usize, &usize) -> Ordering) -> Option<usize> {
    let least = fit.iter().min_by(|one, other| by(one, other))?;
    let equal: Vec<usize> = fit.iter().filter(|at| by(at, least) == Ordering::Equal).copied().collect();
    let count = u64::try_from(equal.len()).ok().filter(|count| *count > 0)?;
    equal.get(usize::try_from(mixed(seed) % count).ok()?).copied()
}

/// The one that is left alone for the mildest cause, and of those the one whose time is over first.
fn least_bad(entries: &[Entry<'_>], now: Duration) -> Option<usize> {
    let badness = |entry: &Entry<'_>| match entry.lane.breaker().state(now) {
        State::Closed => (Cause::Busy, Duration::ZERO),
        State::HalfOpen(cause, _) => (cause, Duration::ZERO),
        State::Open(cause, left) => (cause, left),
    };
    entries.iter().enumerate().min_by_key(|(_, entry)| badness(entry)).map(|(at, _)| at)
}

/// A seed that counts up, spread (`SplitMix64`).
fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
