//! Whether a model of one's own machine may be asked now: what its server holds in memory, what is about to be there
//! and what the model needs must fit together (`local.memory`). Pure: who is looked at and who is unloaded is
//! `exchange`'s affair.

use crate::base::sort;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// A GiB.
const GIB: u64 = 1 << 30;
/// Bytes of a number in the cache of keys and values, as Ollama keeps it (f16, the default of `OLLAMA_KV_CACHE_TYPE`;
/// docs.ollama.com/faq, 2026-11).
const CACHED: u64 = 2;
/// So long requests for a model that is there go before one that waits for its memory: models that take turns at every
/// request would do nothing but load. After it, whoever waits longest is next.
const PASSING: Duration = Duration::from_secs(10);

/// What the models of one server may take together, and what happens where they would take more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// How much, in bytes.
    pub bytes: u64,
    /// What makes room.
    pub when_full: WhenFull,
    /// How long a request waits for room at most; after it the next model of its plan is asked.
    pub wait: Duration,
}

/// What happens to a request whose model does not fit beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// The models that were not used for longest are unloaded; for those that are answering it is waited.
    #[default]
    Unload,
    /// It waits until the server lets go of others by itself (`OLLAMA_KEEP_ALIVE`).
    Wait,
    /// The next model of its plan is asked.
    FallBack,
}

impl WhenFull {
    /// The words of the configuration.
    pub const WORDS: [&'static str; 3] = ["unload", "wait", "fall_back"];

    /// The one that a word of the configuration means.
    pub fn of(word: &str) -> Option<Self> {
        let at = Self::WORDS.iter().position(|known| *known == word)?;
        [Self::Unload, Self::Wait, Self::FallBack].get(at).copied()
    }
}

/// A model in a server's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Its id there, with its tag.
    pub model: String,
    /// What it takes, in bytes.
    pub bytes: u64,
    /// How much of that is the graphics card's.
    pub vram: u64,
    /// The window that it was loaded with, where the server says so.
    pub context: Option<u64>,
    /// When the server lets go of it, if nobody asks it before.
    pub until: Option<Timestamp>,
}

/// A request that is answered by a model, or waits for its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The model's id, with its tag.
    pub model: String,
    /// What it takes.
    pub bytes: u64,
    /// How long it has been waiting; `None`: it is being answered.
    pub waited: Option<Duration>,
}

/// What a request wants.
#[derive(Debug, Clone, Copy)]
pub struct Want<'a> {
    /// The model's id, with its tag.
    pub model: &'a str,
    /// What it takes once it is loaded.
    pub bytes: u64,
    /// The window that it will be asked to have; another one loads it anew. `None`: any will do.
    pub context: Option<u64>,
    /// How long the request has been waiting.
    pub waited: Duration,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Ask it.
    Go,
    /// Unload these, then ask it.
    Unload(Vec<String>),
    /// Not now: look again in a while.
    Wait(String),
    /// Not at all: the next model of the plan.
    Decline(String),
}

/// Decides what becomes of a request. `loaded` is what the server has in memory, `claims` every other request that is
/// with it or waits. A model that is answering is never unloaded.
pub fn admit(budget: &Budget, want: &Want<'_>, loaded: &[Loaded], claims: &[Claim]) -> Verdict {
    let needs = Gib(want.bytes);
    if want.bytes > budget.bytes {
        let most = Gib(budget.bytes);
        return Verdict::Decline(format!("it needs {needs} of memory, and `local.memory` is {most}"));
    }
    let holders = holders(want.model, loaded, claims);
    let used: u64 = holders.values().fold(0, |sum, holder| sum.saturating_add(holder.bytes));
    let full = |who: &str| format!("{who}, and it needs {needs} of {}", Gib(budget.bytes));
    if let Some(first) = claims.iter().find(|claim| goes_before(claim, want, budget)) {
        return not_now(budget, format!("{} waits for memory since longer", first.model));
    }
    let same_window = |one: &Loaded| want.context.is_none() || one.context.is_none() || one.context == want.context;
    let is_there = loaded.iter().any(|one| one.model == want.model && same_window(one))
        || claims.iter().any(|claim| claim.model == want.model && claim.waited.is_none());
    if is_there || used.saturating_add(want.bytes) <= budget.bytes {
        return Verdict::Go;
    }
    let mut idle: Vec<_> = holders.iter().filter(|(_, holder)| !holder.busy).collect();
    // Each request sets the time anew, so who goes first was not used for longest; who is kept for ever goes last.
    sort::by_key(&mut idle, |(_, holder)| holder.until.unwrap_or(Timestamp::MAX));
    let mut left = used;
    let mut out = Vec::new();
    for (model, holder) in idle {
        if left.saturating_add(want.bytes) > budget.bytes {
            left = left.saturating_sub(holder.bytes);
            out.push((*model).to_owned());
        }
    }
    if left.saturating_add(want.bytes) > budget.bytes {
        let busy: Vec<&str> = holders.iter().filter(|(_, holder)| holder.busy).map(|(model, _)| *model).collect();
        return not_now(budget, full(&format!("{} {} answering", busy.join(", "), are(busy.len()))));
    }
    if budget.when_full == WhenFull::Unload {
        return Verdict::Unload(out);
    }
    not_now(budget, full(&format!("{} {} loaded", out.join(", "), are(out.len()))))
}

fn are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

fn not_now(budget: &Budget, why: String) -> Verdict {
    if budget.when_full == WhenFull::FallBack { Verdict::Decline(why) } else { Verdict::Wait(why) }
}

/// Whether a request that waits for another model, which has no room beside this one's, has waited long enough to go
/// before it.
fn goes_before(claim: &Claim, want: &Want<'_>, budget: &Budget) -> bool {
    claim.model != want.model
        && claim.bytes.saturating_add(want.bytes) > budget.bytes
        && claim.waited.is_some_and(|waited| waited >= PASSING && waited > want.waited)
}

/// What a model takes of the memory.
#[derive(Debug, Default)]
struct Holder {
    bytes: u64,
    busy: bool,
    until: Option<Timestamp>,
}

/// Every other model that is in memory or about to be.
fn holders<'a>(wanted: &str, loaded: &'a [Loaded], claims: &'a [Claim]) -> BTreeMap<&'a str, Holder> {
    let mut holders: BTreeMap<&str, Holder> = BTreeMap::new();
    for one in loaded.iter().filter(|one| one.model != wanted) {
        holders.insert(&one.model, Holder { bytes: one.bytes, busy: false, until: one.until });
    }
    for claim in claims.iter().filter(|claim| claim.model != wanted && claim.waited.is_none()) {
        let holder = holders.entry(&claim.model).or_default();
        holder.bytes = holder.bytes.max(claim.bytes);
        holder.busy = true;
    }
    holders
}

/// The numbers of a model's layers, from which follows what its window takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Anatomy {
    /// Heads that keep keys and values, over all layers.
    pub heads: u64,
    /// Numbers of a key and of a value together.
    pub width: u64,
    /// The window that it was trained with; a larger one is not given.
    pub longest: Option<u64>,
}

impl Anatomy {
    /// The window that it gets where `context` is asked for.
    pub fn window(&self, context: u64) -> u64 {
        self.longest.map_or(context, |longest| context.min(longest))
    }

    /// What a window of so many tokens takes, in bytes.
    pub fn bytes(&self, context: u64) -> u64 {
        [self.heads, self.width, CACHED]
            .iter()
            .fold(self.window(context), |product, each| product.saturating_mul(*each))
    }
}

/// A model's id at Ollama with its tag: `llama3.3` is `llama3.3:latest`.
pub fn tagged(id: &str) -> String {
    let name = id.rsplit('/').next().unwrap_or(id);
    if name.contains(':') { id.to_owned() } else { format!("{id}:latest") }
}

/// An amount of memory, for people: `18.5 GiB`.
#[derive(Debug, Clone, Copy)]
pub struct Gib(pub u64);

impl fmt::Display for Gib {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (u128::from(self.0) * 10 + u128::from(GIB / 2)) / u128::from(GIB);
        f.pad(&format!("{}.{} GiB", tenths / 10, tenths % 10))
    }
}

/// So many GiB, with a fraction, in bytes.
pub fn gib(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let digits: String = part.chars().chain("000000".chars()).take(6).collect();
    let part: u64 = digits.parse().ok()?;
    whole.checked_mul(GIB)?.checked_add(u64::try_from(u128::from(part) * u128::from(GIB) / 1_000_000).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QWEN: &str = "qwen2.5-coder:32b";
    const R1: &str = "deepseek-r1:32b";
    const SMALL: &str = "llama3.1:8b";

    fn budget(when_full: WhenFull) -> Budget {
        Budget { bytes: 36 * GIB, when_full, wait: Duration::from_secs(120) }
    }

    fn want(model: &str, gib: u64) -> Want<'_> {
        Want { model, bytes: gib * GIB, context: None, waited: Duration::ZERO }
    }

    fn loaded(model: &str, gib: u64, until: i64) -> Loaded {
        let until = Timestamp::from_second(until).ok();
        Loaded { model: model.into(), bytes: gib * GIB, vram: gib * GIB, context: Some(32_768), until }
    }

    fn answering(model: &str, gib: u64) -> Claim {
        Claim { model: model.into(), bytes: gib * GIB, waited: None }
    }

    fn waiting(model: &str, seconds: u64) -> Claim {
        Claim { model: model.into(), bytes: 20 * GIB, waited: Some(Duration::from_secs(seconds)) }
    }

    /// The table of seed 004: one model of 32B, one beside a small one, and never two.
    #[test]
    fn two_large_models_are_never_in_the_same_memory() {
        let full = budget(WhenFull::Unload);
        assert_eq!(admit(&full, &want(QWEN, 20), &[], &[]), Verdict::Go);
        assert_eq!(admit(&full, &want(QWEN, 20), &[loaded(SMALL, 6, 1)], &[]), Verdict::Go);
        let (one, other) = (loaded(R1, 20, 1), answering(R1, 20));
        assert_eq!(admit(&full, &want(QWEN, 20), std::slice::from_ref(&one), &[]), Verdict::Unload(vec![R1.into()]));
        for there in [&[][..], std::slice::from_ref(&one)] {
            let said = admit(&full, &want(QWEN, 20), there, std::slice::from_ref(&other));
            assert!(
                matches!(&said, Verdict::Wait(why) if why.contains(R1) && why.contains("is answering")),
                "{said:?}"
            );
        }
        let wait = admit(&budget(WhenFull::Wait), &want(QWEN, 20), std::slice::from_ref(&one), &[]);
        assert!(matches!(&wait, Verdict::Wait(why) if why.contains("is loaded")), "{wait:?}");
        let next = admit(&budget(WhenFull::FallBack), &want(QWEN, 20), &[one], &[]);
        assert!(matches!(&next, Verdict::Decline(why) if why.contains("20.0 GiB of 36.0 GiB")), "{next:?}");
    }

    #[test]
    fn who_was_not_used_for_longest_goes_first_and_no_more_than_needed() {
        let there = [loaded("a:1", 10, 300), loaded("b:1", 10, 100), loaded("c:1", 10, 200)];
        let go = |gib| admit(&budget(WhenFull::Unload), &want(QWEN, gib), &there, &[]);
        assert_eq!(go(6), Verdict::Go);
        assert_eq!(go(12), Verdict::Unload(vec!["b:1".into()]));
        assert_eq!(go(20), Verdict::Unload(vec!["b:1".into(), "c:1".into()]));
        // The one that is answering stays, whatever its time is.
        let busy = [answering("b:1", 10)];
        let said = admit(&budget(WhenFull::Unload), &want(QWEN, 12), &there, &busy);
        assert_eq!(said, Verdict::Unload(vec!["c:1".into()]));
        let kept = [Loaded { until: None, ..loaded("k:1", 18, 1) }, loaded("l:1", 18, 900)];
        let said = admit(&budget(WhenFull::Unload), &want(QWEN, 18), &kept, &[]);
        assert_eq!(said, Verdict::Unload(vec!["l:1".into()]));
    }

    #[test]
    fn a_model_that_is_there_takes_nothing_more_unless_it_is_loaded_anew() {
        let there = [loaded(QWEN, 20, 1), loaded(R1, 20, 2)];
        let same = Want { context: Some(32_768), ..want(QWEN, 20) };
        assert_eq!(admit(&budget(WhenFull::Unload), &same, &there, &[]), Verdict::Go);
        let wider = Want { context: Some(65_536), ..want(QWEN, 28) };
        assert_eq!(admit(&budget(WhenFull::Unload), &wider, &there, &[]), Verdict::Unload(vec![R1.into()]));
        // It is being loaded for somebody else.
        let said = admit(&budget(WhenFull::FallBack), &want(QWEN, 20), &[], &[answering(QWEN, 20)]);
        assert_eq!(said, Verdict::Go);
        let never = admit(&budget(WhenFull::Wait), &want("llama3.3:70b", 43), &[], &[]);
        assert!(matches!(&never, Verdict::Decline(why) if why.contains("43.0 GiB")), "{never:?}");
    }

    #[test]
    fn whoever_waits_long_enough_is_next() {
        let there = [loaded(QWEN, 20, 1)];
        let ask = |claims: &[Claim]| admit(&budget(WhenFull::Unload), &want(QWEN, 20), &there, claims);
        assert_eq!(ask(&[waiting(R1, 9)]), Verdict::Go, "a model that is there goes on for a while");
        assert!(matches!(ask(&[waiting(R1, 11)]), Verdict::Wait(_)));
        assert_eq!(ask(&[waiting(QWEN, 11)]), Verdict::Go);
        let beside = admit(&budget(WhenFull::Unload), &want(SMALL, 6), &there, &[waiting(R1, 11)]);
        assert_eq!(beside, Verdict::Go, "there is room for both");
        // Of two that wait, one goes.
        let older = Want { waited: Duration::from_secs(30), ..want(R1, 20) };
        let said = admit(&budget(WhenFull::Unload), &older, &there, &[waiting("other:1", 20)]);
        assert_eq!(said, Verdict::Unload(vec![QWEN.into()]));
    }

    #[test]
    fn a_window_takes_what_its_layers_keep() {
        // Qwen 2.5 Coder 32B: 64 layers of 8 heads, 128 numbers for a key and for a value, trained with 32768.
        let qwen = Anatomy { heads: 64 * 8, width: 256, longest: Some(32_768) };
        assert_eq!(qwen.bytes(4_096), GIB);
        assert_eq!((qwen.bytes(65_536), qwen.window(65_536)), (8 * GIB, 32_768));
    }

    #[test]
    fn amounts_and_names() {
        assert_eq!(Gib(19_851_349_856).to_string(), "18.5 GiB");
        for (text, bytes) in [("36", Some(36 * GIB)), ("0.5", Some(GIB / 2)), (".5", Some(GIB / 2)), ("x", None)] {
            assert_eq!(gib(text), bytes, "{text}");
        }
        assert_eq!(gib("99999999999999"), None);
        for (id, name) in [("llama3.3", "llama3.3:latest"), (QWEN, QWEN), ("host:5/lib/a", "host:5/lib/a:latest")] {
            assert_eq!(tagged(id), name);
        }
        assert_eq!(WhenFull::of("fall_back"), Some(WhenFull::FallBack));
        assert_eq!(WhenFull::of("never"), None);
    }
}
