//! What a person's corrections teach (R-OPT-001): at once for exactly the same prompt, and in small steps for prompts
//! that resemble it. `moai learn train` learns the steps anew, from what was done too:
//!
//! - [`evidence`]: what opinions, forced models, prompts asked again and accepted answers say
//! - [`fit`]: weights that fit them, and how well these decide what they were not fitted to
//! - [`regression`]: requests that nobody may make worse
//! - [`Weights`]: the file that they are kept in
//!
//! A lesson holds a fingerprint and the names of what was seen (`op:design`, `fin:fix>code`); those are words of moai's
//! own lexicon, never the prompt's. Steps are small and bounded, because large ones make a classifier worse: a name
//! counts only after three different prompts have taught the same about it, and all of them together move a score by
//! at most 1.5 logits, which turns what was doubtful and leaves alone what was clear.

pub mod evidence;
pub mod fit;
pub mod regression;
mod weights;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::base::sort;
use crate::classify::{Basis, Classification, Evidence, Options};
use crate::model::Tier;

pub use weights::{Weights, WeightsError};

/// What a correction moves each name by, in thousandths of a logit.
const CORRECTION: i32 = 100;
/// What an approval moves each name by: that a good answer came from this tier is weaker than a word about the tier.
const APPROVAL: i32 = 50;
/// How many more prompts must have taught one tier than the other before a name counts.
const CONSISTENT: i32 = 3;
/// The most that lessons move a score by, in thousandths of a logit.
const MOST: i32 = 1_500;

/// The sorts of evidence that say what is asked for and about what. The others (single words, runs of characters, the
/// text's shape) are learned as topics, and would hold words of the prompt.
const SORTS: [&str; 9] = ["op", "do", "fin", "fin-alone", "beg", "ask", "fin-ask", "not", "follow"];

/// One thing that a person taught, as it is kept with their opinion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    /// The version of this form.
    v: u32,
    /// The prompt's [`fingerprint`].
    pub fingerprint: String,
    /// The number of the right tier.
    tier: u8,
    /// Whether the decision was corrected, not approved of.
    pub corrects: bool,
    /// The [`names`] of what was seen.
    pub evidence: Vec<String>,
    /// The number of the opinion that it came with.
    #[serde(skip)]
    pub opinion: i64,
}

impl Lesson {
    /// That prompts like this one belong to `tier`.
    pub fn new(fingerprint: String, evidence: Vec<String>, tier: Tier, corrects: bool) -> Self {
        Self { v: 1, fingerprint, tier: tier.number(), corrects, evidence, opinion: 0 }
    }

    /// The right tier.
    pub fn tier(&self) -> Tier {
        if self.tier == 1 { Tier::One } else { Tier::Two }
    }
}

/// The fingerprint of a prompt: the same for the same words, whatever their case and the space between them. The words
/// cannot be read from it.
pub fn fingerprint(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
        }
        if word.is_ascii() {
            let begin = plain.len();
            plain.push_str(word);
            if let Some(own) = plain.get_mut(begin..) {
                own.make_ascii_lowercase();
            }
        } else {
            plain.push_str(&word.to_lowercase());
        }
    }
    let digest = ring::digest::digest(&ring::digest::SHA256, plain.as_bytes());
    let digits = digest.as_ref().iter().take(16).flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// The names of what was seen in a text that can be learned from.
pub fn names(seen: &Classification) -> Vec<String> {
    let mut names: Vec<String> =
        seen.evidence.iter().map(|item| item.what.clone()).filter(|name| is_name(name)).collect();
    sort::by(&mut names, Ord::cmp);
    names.dedup();
    names
}

/// What the text's own words scored, without what was learned.
pub fn own_score(seen: &Classification) -> i32 {
    let learned = |item: &&Evidence| item.what.starts_with("learned:") || item.what.starts_with("feedback:");
    seen.tier_score - seen.evidence.iter().filter(learned).map(|item| item.weight).sum::<i32>()
}

fn is_name(what: &str) -> bool {
    what.split_once(':').is_some_and(|(sort, _)| SORTS.contains(&sort))
}

/// What lessons say about one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Leaning {
    /// In thousandths of a logit; positive is tier 1.
    weight: i32,
    /// Prompts that taught tier 1 less those that taught tier 2.
    prompts: i32,
}

/// All that a person has taught.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learned {
    exact: BTreeMap<String, Tier>,
    leanings: BTreeMap<String, Leaning>,
    trained: Weights,
}

impl Learned {
    /// From lessons in the order in which they were taught; of two on the same prompt the later one counts.
    pub fn new(lessons: impl IntoIterator<Item = Lesson>) -> Self {
        Self::with(Weights::default(), lessons)
    }

    /// Trained weights, and beside them the lessons that they have not learned from.
    pub fn with(trained: Weights, lessons: impl IntoIterator<Item = Lesson>) -> Self {
        let mut last: BTreeMap<String, Lesson> = BTreeMap::new();
        for lesson in lessons {
            // Approval of what was corrected does not take the correction back.
            let keeps = !lesson.corrects && last.get(&lesson.fingerprint).is_some_and(|known| known.corrects);
            if !keeps {
                last.insert(lesson.fingerprint.clone(), lesson);
            }
        }
        let mut learned = Self { trained, ..Self::default() };
        for (fingerprint, lesson) in last {
            if lesson.corrects {
                learned.exact.insert(fingerprint, lesson.tier());
            }
            if lesson.opinion != 0 && lesson.opinion <= learned.trained.opinions {
                continue;
            }
            let (step, sign) = (if lesson.corrects { CORRECTION } else { APPROVAL }, toward(lesson.tier()));
            for name in lesson.evidence.iter().filter(|name| is_name(name)) {
                let leaning = learned.leanings.entry(name.clone()).or_default();
                leaning.weight = (leaning.weight + step * sign).clamp(-MOST, MOST);
                leaning.prompts += sign;
            }
        }
        learned
    }

    /// The same trained weights, with other lessons.
    #[must_use]
    pub fn retaught(&self, lessons: impl IntoIterator<Item = Lesson>) -> Self {
        Self::with(self.trained.clone(), lessons)
    }

    /// The weights that were trained.
    pub fn trained(&self) -> &Weights {
        &self.trained
    }

    /// Whether nothing was taught.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.leanings.is_empty() && self.trained.is_empty()
    }

    /// How many prompts are known exactly.
    pub fn prompts(&self) -> usize {
        self.exact.len()
    }

    /// The names that count, with what each moves a score by in thousandths of a logit (positive: tier 1).
    pub fn weights(&self) -> impl Iterator<Item = (&str, i32)> {
        let mut all: BTreeMap<&str, i32> =
            self.trained.names.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
        for (name, leaning) in self.leanings.iter().filter(|(_, leaning)| leaning.prompts.abs() >= CONSISTENT) {
            let weight = all.entry(name).or_default();
            *weight = (*weight + leaning.weight).clamp(-MOST, MOST);
        }
        all.into_iter().filter(|(_, weight)| *weight != 0)
    }

    /// The classification of `text` as what was taught makes it.
    #[must_use]
    pub fn applied(&self, text: &str, seen: Classification, options: Options) -> Classification {
        if self.is_empty() || seen.basis == Basis::Command {
            return seen;
        }
        if let Some(tier) = self.exact.get(&fingerprint(text)) {
            return seen.corrected(*tier);
        }
        let evidence = self.evidence(&seen);
        seen.with_evidence(evidence, options)
    }

    /// What the lessons add to the evidence of a text, [`MOST`] in all.
    fn evidence(&self, seen: &Classification) -> Vec<Evidence> {
        let weights: BTreeMap<&str, i32> = self.weights().collect();
        let mut found: BTreeMap<&str, Evidence> = BTreeMap::new();
        for item in &seen.evidence {
            if let Some(weight) = weights.get(item.what.as_str()) {
                let what = format!("learned:{}", item.what);
                found.entry(&item.what).or_insert(Evidence { what, weight: *weight, span: item.span.clone() });
            }
        }
        let sum: i32 = found.values().map(|item| item.weight).sum();
        let mut evidence: Vec<Evidence> = found.into_values().collect();
        if sum.abs() > MOST {
            for item in &mut evidence {
                item.weight = item.weight * MOST / sum.abs();
            }
        }
        evidence.retain(|item| item.weight != 0);
        evidence
    }
}

/// Positive for tier 1.
const fn toward(tier: Tier) -> i32 {
    match tier {
        Tier::One => 1,
        Tier::Two => -1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::classify;

    fn see(text: &str) -> Classification {
        classify(text, Options::default())
    }

    fn lesson(text: &str, tier: Tier) -> Lesson {
        Lesson::new(fingerprint(text), names(&see(text)), tier, true)
    }

    fn sums(seen: &Classification) -> bool {
        seen.evidence.iter().map(|item| item.weight).sum::<i32>() == seen.tier_score
    }

    #[test]
    fn one_correction_decides_the_same_prompt_at_once() {
        let text = "Fix the login bug";
        assert_eq!(see(text).tier, Tier::Two);
        let learned = Learned::new([lesson(text, Tier::One)]);
        let now = learned.applied("  fix THE login\nbug ", see(text), Options::default());
        assert_eq!((now.tier, now.basis, now.uncertain), (Tier::One, Basis::Feedback, false));
        assert!(sums(&now) && now.confidence > 0.99, "{now:?}");
        let other = learned.applied("Fix the logout bug", see("Fix the logout bug"), Options::default());
        assert_eq!(other, see("Fix the logout bug"), "one correction says nothing of another prompt");
    }

    #[test]
    fn three_consistent_corrections_move_what_resembles_them_a_little() {
        let taught = ["Explain the cache layer", "Explain the retry loop", "Explain how login works"];
        let probe = "Explain the queue";
        let two = Learned::new(taught.iter().take(2).map(|text| lesson(text, Tier::One)));
        assert_eq!(two.weights().count(), 0);
        let three = Learned::new(taught.iter().map(|text| lesson(text, Tier::One)));
        assert!(three.weights().count() > 0, "{three:?}");
        let (before, after) = (see(probe), three.applied(probe, see(probe), Options::default()));
        let moved = after.tier_score - before.tier_score;
        assert!(moved > 0 && moved <= MOST, "{before:?} {after:?}");
        assert!(sums(&after) && after.evidence.iter().any(|item| item.what.starts_with("learned:")));
        let mixed =
            Learned::new(taught.iter().zip([Tier::One, Tier::Two, Tier::One]).map(|(text, tier)| lesson(text, tier)));
        let shared = names(&see(taught[0])).into_iter().find(|name| names(&see(taught[1])).contains(name)).unwrap();
        assert!(mixed.weights().all(|(name, _)| name != shared), "what is contradicted does not count");
    }

    #[test]
    fn a_thousand_lessons_do_not_turn_what_is_clear() {
        let clear = "Design the architecture of the payment system and write a plan with trade-offs";
        assert_eq!(see(clear).tier, Tier::One);
        let lessons = (0..1000).map(|number| Lesson { fingerprint: number.to_string(), ..lesson(clear, Tier::Two) });
        let after = Learned::new(lessons).applied(clear, see(clear), Options::default());
        assert_eq!(after.tier, Tier::One);
        assert!(see(clear).tier_score - after.tier_score <= MOST);
    }

    #[test]
    fn the_later_lesson_on_a_prompt_counts_and_approval_keeps_a_correction() {
        let text = "Fix the login bug";
        let approval = Lesson { corrects: false, ..lesson(text, Tier::Two) };
        let learned = Learned::new([lesson(text, Tier::One), approval]);
        assert_eq!(learned.exact.values().collect::<Vec<_>>(), [&Tier::One]);
        let learned = Learned::new([lesson(text, Tier::One), lesson(text, Tier::Two)]);
        assert_eq!(learned.exact.values().collect::<Vec<_>>(), [&Tier::Two]);
    }

    #[test]
    fn a_command_stands() {
        let text = "/moai:2-run SPEC-1";
        let learned = Learned::new([lesson(text, Tier::One)]);
        assert_eq!(learned.applied(text, see(text), Options::default()), see(text));
    }

    #[test]
    fn what_was_trained_counts_beside_what_was_said_since() {
        let text = "Explain the queue";
        let name = names(&see(text)).into_iter().find(|name| name.starts_with("op:")).unwrap();
        let trained = Weights { opinions: 3, ..Weights::new([(name.clone(), 400)]) };
        let said = |from: i64| {
            ["Explain the cache layer", "Explain the retry loop", "Explain how login works"]
                .into_iter()
                .zip(from..)
                .map(|(text, opinion)| Lesson { opinion, ..lesson(text, Tier::One) })
        };
        let weight = |learned: &Learned| learned.weights().find(|(one, _)| *one == name).unwrap().1;
        let old = Learned::with(trained.clone(), said(1));
        assert_eq!(weight(&old), 400, "what they were trained on does not count twice");
        assert_eq!(old.prompts(), 3, "but the very prompts are known all the same");
        let new = Learned::with(trained.clone(), said(4));
        assert!(weight(&new) > 600, "{new:?}");
        let seen = new.applied(text, see(text), Options::default());
        assert_eq!(own_score(&seen), see(text).tier_score);
        assert!(sums(&seen));
        assert_eq!(new.retaught([]), Learned::with(trained, []));
    }

    #[test]
    fn a_lesson_holds_no_word_of_the_prompt() {
        for text in
            ["Design the Zanzibar gateway in kotlin", "잔지바르 게이트웨이를 설계해줘", "サンジバルの設計をお願い"]
        {
            let note = serde_json::to_string(&lesson(text, Tier::One)).unwrap();
            for word in ["anzibar", "kotlin", "잔지", "설계", "サンジ", "設計"] {
                assert!(!note.contains(word), "{note}");
            }
            assert_eq!(serde_json::from_str::<Lesson>(&note).unwrap(), lesson(text, Tier::One));
        }
    }
}
