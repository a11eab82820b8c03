//! What a person's doings say of decisions: opinions, forced models, prompts that were asked again, and answers that
//! were worked on with. Requests go in, labelled cases come out.
//!
//! | what was done | what it says | weight |
//! |---|---|---|
//! | an opinion `plan` or `implement` | the prompt belongs to that tier | 1 |
//! | an opinion `good` | the tier was right | 0.5 |
//! | a model was forced, by somebody who does not force every request | the prompt belongs to that model's tier | 0.3 |
//! | the same was asked again within ten minutes, and the other tier answered | it belongs to the later tier | 0.3 |
//! | the conversation went on within half an hour | the tier was right | 0.1 |
//!
//! The strongest counts, once for each prompt.

use std::collections::BTreeMap;

use super::Lesson;
use crate::model::Tier;

/// How soon the same is asked again by somebody who was not content, in milliseconds.
const AGAIN: i64 = 10 * 60 * 1000;
/// How soon a conversation goes on, in milliseconds.
const ONWARD: i64 = 30 * 60 * 1000;
const DAY: i64 = 24 * 60 * 60 * 1000;
/// What a score is taken for where only the tier is known, in thousandths of a logit.
const UNKNOWN_SCORE: i32 = 1_000;

/// A request of the past, as far as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its id.
    pub request: String,
    /// When, in milliseconds since 1970.
    pub at: i64,
    /// The conversation.
    pub session: Option<String>,
    /// The prompt's fingerprint.
    pub fingerprint: String,
    /// The names that can be learned from.
    pub evidence: Vec<String>,
    /// What the text was classified as.
    pub tier: Tier,
    /// What the text's own words scored, in thousandths of a logit, where it was kept.
    pub score: Option<i32>,
    /// How it was answered; `None` where nothing was sent.
    pub answer: Option<PastAnswer>,
}

/// How a request of the past was answered, by its last attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastAnswer {
    /// What decided: `classifier`, `force`, …
    pub decided_by: String,
    /// The tier of the model.
    pub tier: Tier,
    /// There was a whole answer.
    pub whole: bool,
}

/// Why a case has its label, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// A person corrected the tier.
    Corrected,
    /// A person said that the answer was good.
    Approved,
    /// A person forced a model.
    Forced,
    /// It was asked again, and the other tier answered.
    AskedAgain,
    /// The conversation went on.
    Accepted,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Corrected, Self::Approved, Self::Forced, Self::AskedAgain, Self::Accepted];

    /// The word in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Corrected => "corrected",
            Self::Approved => "approved",
            Self::Forced => "forced",
            Self::AskedAgain => "asked-again",
            Self::Accepted => "accepted",
        }
    }

    /// What it counts.
    pub const fn weight(self) -> f64 {
        match self {
            Self::Corrected => 1.0,
            Self::Approved => 0.5,
            Self::Forced | Self::AskedAgain => 0.3,
            Self::Accepted => 0.1,
        }
    }
}

/// A prompt with the tier that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The prompt.
    pub fingerprint: String,
    /// What was seen.
    pub evidence: Vec<String>,
    /// What the built-in weights say, in thousandths of a logit; positive is tier 1.
    pub score: i32,
    /// The right tier.
    pub label: Tier,
    /// Why it is taken for that.
    pub why: Why,
}

/// The cases in what a person did (in the order of time) and said, one for each prompt, in the order of fingerprints.
pub fn cases(past: &[Past], lessons: &[Lesson]) -> Vec<Case> {
    let mut found: BTreeMap<&str, Case> = BTreeMap::new();
    let mut add = |case: Case, key| match found.get(key) {
        Some(known) if known.why < case.why => {}
        _ => drop(found.insert(key, case)),
    };
    for lesson in lessons {
        let asked = past.iter().rev().find(|past| past.fingerprint == lesson.fingerprint);
        let why = if lesson.corrects { Why::Corrected } else { Why::Approved };
        // A correction says that the classifier was on the other side.
        let decided = if lesson.corrects { other(lesson.tier()) } else { lesson.tier() };
        let case = Case {
            fingerprint: lesson.fingerprint.clone(),
            evidence: lesson.evidence.clone(),
            score: asked.and_then(|past| past.score).unwrap_or_else(|| signed(UNKNOWN_SCORE, decided)),
            label: lesson.tier(),
            why,
        };
        add(case, &lesson.fingerprint);
    }
    let standing = forced_shares(past);
    for (at, one) in past.iter().enumerate() {
        let Some((label, why)) = said(one, past.get(at + 1..).unwrap_or_default(), &standing) else { continue };
        let score = one.score.unwrap_or_else(|| signed(UNKNOWN_SCORE, one.tier));
        let case = Case { fingerprint: one.fingerprint.clone(), evidence: one.evidence.clone(), score, label, why };
        add(case, &one.fingerprint);
    }
    found.into_values().collect()
}

/// What was forced, of what: by conversation and day.
type Shares<'a> = BTreeMap<(Option<&'a str>, i64), (u32, u32)>;

fn forced_shares(past: &[Past]) -> Shares<'_> {
    let mut shares = Shares::new();
    for one in past {
        let Some(answer) = &one.answer else { continue };
        let share = shares.entry((one.session.as_deref(), one.at.div_euclid(DAY))).or_default();
        share.0 += u32::from(answer.decided_by == "force");
        share.1 += 1;
    }
    shares
}

/// What was done about one request says of it, given those that came after.
fn said(one: &Past, after: &[Past], standing: &Shares<'_>) -> Option<(Tier, Why)> {
    let answer = one.answer.as_ref().filter(|answer| answer.whole)?;
    if answer.decided_by == "force" {
        // Whoever forces everything has said nothing of this prompt.
        let (forced, all) = standing.get(&(one.session.as_deref(), one.at.div_euclid(DAY)))?;
        return (forced * 2 <= *all).then_some((answer.tier, Why::Forced));
    }
    let mut later = after
        .iter()
        .take_while(|next| next.at - one.at <= ONWARD)
        .filter(|next| next.session == one.session)
        .filter_map(|next| Some((next, next.answer.as_ref()?)));
    let again = later.clone().find(|(next, _)| next.at - one.at <= AGAIN && is_same(one, next));
    if let Some((_, next)) = again {
        return (next.whole && next.tier != answer.tier).then_some((next.tier, Why::AskedAgain));
    }
    let decided = answer.decided_by == "classifier" && answer.tier == one.tier && one.session.is_some();
    (decided && later.next().is_some()).then_some((one.tier, Why::Accepted))
}

/// Whether two prompts ask for the same: the same words, or hardly other evidence.
fn is_same(one: &Past, other: &Past) -> bool {
    if one.fingerprint == other.fingerprint {
        return true;
    }
    let shared = one.evidence.iter().filter(|name| other.evidence.contains(name)).count();
    let all = one.evidence.len() + other.evidence.len() - shared;
    shared >= 4 && shared * 5 >= all * 4
}

const fn other(tier: Tier) -> Tier {
    match tier {
        Tier::One => Tier::Two,
        Tier::Two => Tier::One,
    }
}

const fn signed(score: i32, tier: Tier) -> i32 {
    match tier {
        Tier::One => score,
        Tier::Two => -score,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn past(number: i64, minute: i64, prompt: &str, tier: Tier, by: &str) -> Past {
        Past {
            request: number.to_string(),
            at: minute * MINUTE,
            session: Some("s".into()),
            fingerprint: prompt.into(),
            evidence: vec![format!("op:{prompt}")],
            tier: Tier::Two,
            score: Some(-700),
            answer: Some(PastAnswer { decided_by: by.into(), tier, whole: true }),
        }
    }

    fn whys(past: &[Past], lessons: &[Lesson]) -> Vec<(String, Tier, Why)> {
        cases(past, lessons).into_iter().map(|case| (case.fingerprint, case.label, case.why)).collect()
    }

    #[test]
    fn a_conversation_that_goes_on_has_accepted_and_its_last_answer_is_open() {
        let done = [past(1, 0, "a", Tier::Two, "classifier"), past(2, 5, "b", Tier::Two, "classifier")];
        assert_eq!(whys(&done, &[]), [("a".to_owned(), Tier::Two, Why::Accepted)]);
        let late = [past(1, 0, "a", Tier::Two, "classifier"), past(2, 50, "b", Tier::Two, "classifier")];
        assert_eq!(whys(&late, &[]), []);
        let elsewhere = Past { session: Some("t".into()), ..past(2, 5, "b", Tier::Two, "classifier") };
        assert_eq!(whys(&[past(1, 0, "a", Tier::Two, "classifier"), elsewhere], &[]), []);
    }

    #[test]
    fn what_is_asked_again_was_not_accepted_and_belongs_to_the_tier_that_answered_then() {
        let first = past(1, 0, "a", Tier::Two, "classifier");
        assert_eq!(whys(&[first.clone(), past(2, 2, "a", Tier::Two, "classifier")], &[]), []);
        let other = [first.clone(), past(2, 2, "a", Tier::One, "agent"), past(3, 4, "b", Tier::Two, "classifier")];
        assert_eq!(whys(&other, &[]), [("a".to_owned(), Tier::One, Why::AskedAgain)]);
        let failed = Past {
            answer: Some(PastAnswer { decided_by: "agent".into(), tier: Tier::One, whole: false }),
            ..past(2, 2, "a", Tier::One, "agent")
        };
        assert_eq!(whys(&[first, failed], &[]), [], "an answer that failed is no better one");
    }

    #[test]
    fn a_forced_model_counts_unless_everything_is_forced() {
        let mut day = vec![
            past(1, 0, "a", Tier::Two, "classifier"),
            past(2, 40, "b", Tier::One, "force"),
            past(3, 80, "c", Tier::Two, "classifier"),
        ];
        assert_eq!(whys(&day, &[]), [("b".to_owned(), Tier::One, Why::Forced)]);
        day.extend((4..9).map(|number| past(number, number * 40, &number.to_string(), Tier::One, "force")));
        assert_eq!(whys(&day, &[]), []);
    }

    #[test]
    fn what_a_person_says_counts_more_than_what_they_do() {
        let done = [past(1, 0, "a", Tier::Two, "classifier"), past(2, 5, "b", Tier::Two, "classifier")];
        let lesson = Lesson::new("a".into(), vec!["op:a".into()], Tier::One, true);
        let found = cases(&done, &[lesson]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].label, found[0].why, found[0].score), (Tier::One, Why::Corrected, -700));
        let old = Lesson::new("z".into(), vec!["op:z".into()], Tier::One, true);
        assert_eq!(cases(&[], &[old])[0].score, -1_000, "of an old one the side is known");
    }

    #[test]
    fn what_was_stopped_or_not_sent_says_nothing() {
        let mut stopped = past(1, 0, "a", Tier::Two, "classifier");
        stopped.answer = None;
        assert_eq!(whys(&[stopped, past(2, 5, "b", Tier::Two, "classifier")], &[]), []);
    }
}
