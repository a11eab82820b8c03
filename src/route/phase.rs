//! Seed 002's "Command Routing Decision Tree": for a mode and a phase, where the work is done and who does it, and,
//! from where the person stands, what has to happen first.
//!
//! One row of the seed needs reading: "glm-only, plan → Execute in main (GLM worktree)". The seed's table of modes
//! says for it "GLM" without a worktree, and a plan is written before there is a SPEC to name a worktree after. So it
//! means: in the main checkout, with the main checkout itself running on GLM.

use crate::model::{Backend, Mode, Phase};

/// Where a phase is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the main checkout.
    Main,
    /// Wherever the person is, on the current branch.
    Current,
    /// In the worktree of the SPEC.
    Worktree,
}

impl Place {
    /// The word in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Current => "current",
            Self::Worktree => "worktree",
        }
    }

    /// In words for a table.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Main => "main checkout",
            Self::Current => "current branch",
            Self::Worktree => "worktree of the SPEC",
        }
    }
}

/// A row of the decision tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Where.
    pub place: Place,
    /// Who.
    pub backend: Backend,
    /// The row in the seed's own words.
    pub words: &'static str,
}

/// The row for this mode and phase.
pub const fn rule(mode: Mode, phase: Phase) -> Rule {
    let (place, words) = match (phase, mode) {
        (Phase::Plan, Mode::ClaudeOnly | Mode::Mashup) => (Place::Main, "Execute in main (Claude)"),
        (Phase::Plan, Mode::GlmOnly) => (Place::Main, "Execute in main (GLM worktree)"),
        (Phase::Run | Phase::Sync, Mode::ClaudeOnly) => (Place::Current, "Execute in current branch (Claude)"),
        (Phase::Run | Phase::Sync, Mode::GlmOnly) => (Place::Current, "Execute in current branch (GLM)"),
        (Phase::Run, Mode::Mashup) => (Place::Worktree, "Create/enter worktree with GLM"),
        (Phase::Sync, Mode::Mashup) => (Place::Worktree, "Use worktree with GLM"),
    };
    Rule { place, backend: mode.backend(phase), words }
}

/// The SPEC's worktree, as seen from where the person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worktree {
    /// No SPEC was named, and the person is in no worktree that could be meant.
    Unnamed,
    /// The SPEC has none.
    Missing,
    /// It has one, and the person is elsewhere.
    Elsewhere,
    /// The person is in it.
    Here,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// `llm.mode`.
    pub mode: Mode,
    /// The phase to be done.
    pub phase: Phase,
    /// Whether the person is in the main checkout.
    pub in_main: bool,
    /// The SPEC's worktree.
    pub worktree: Worktree,
    /// `llm.auto_worktree.enabled`.
    pub auto_worktree: bool,
}

/// What has to happen before the phase can start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it is done here.
    Stay,
    /// Go to the main checkout.
    GoToMain,
    /// Go to the SPEC's worktree.
    Enter,
    /// Create the SPEC's worktree; moai may do it.
    Create,
    /// Create the SPEC's worktree; `llm.auto_worktree.enabled` is off, so the person has to say it.
    CreateByHand,
    /// Run the SPEC first: there is no worktree whose work could be synced.
    RunFirst,
    /// Name the SPEC.
    NameSpec,
}

impl Step {
    /// The word in `--json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stay => "stay",
            Self::GoToMain => "go-to-main",
            Self::Enter => "enter",
            Self::Create => "create",
            Self::CreateByHand => "create-by-hand",
            Self::RunFirst => "run-first",
            Self::NameSpec => "name-spec",
        }
    }
}

/// The rule that holds, and what has to happen first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The row of the tree.
    pub rule: Rule,
    /// The step before it.
    pub step: Step,
}

/// Decides what `ask` comes to.
pub const fn decide(ask: Ask) -> Decision {
    let rule = rule(ask.mode, ask.phase);
    let step = match rule.place {
        Place::Current => Step::Stay,
        Place::Main if ask.in_main => Step::Stay,
        Place::Main => Step::GoToMain,
        Place::Worktree => match (ask.worktree, ask.phase) {
            (Worktree::Here, _) => Step::Stay,
            (Worktree::Elsewhere, _) => Step::Enter,
            (Worktree::Unnamed, _) => Step::NameSpec,
            (Worktree::Missing, Phase::Sync) => Step::RunFirst,
            (Worktree::Missing, _) if ask.auto_worktree => Step::Create,
            (Worktree::Missing, _) => Step::CreateByHand,
        },
    };
    Decision { rule, step }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Backend::{Claude, Glm};
    use Mode::{ClaudeOnly, GlmOnly, Mashup};
    use Phase::{Plan, Run, Sync};

    /// The tree of seed 002, row by row, in its words.
    const TREE: [(Phase, Mode, &str, Place, Backend); 9] = [
        (Plan, ClaudeOnly, "Execute in main (Claude)", Place::Main, Claude),
        (Plan, Mashup, "Execute in main (Claude)", Place::Main, Claude),
        (Plan, GlmOnly, "Execute in main (GLM worktree)", Place::Main, Glm),
        (Run, ClaudeOnly, "Execute in current branch (Claude)", Place::Current, Claude),
        (Run, Mashup, "Create/enter worktree with GLM", Place::Worktree, Glm),
        (Run, GlmOnly, "Execute in current branch (GLM)", Place::Current, Glm),
        (Sync, ClaudeOnly, "Execute in current branch (Claude)", Place::Current, Claude),
        (Sync, Mashup, "Use worktree with GLM", Place::Worktree, Glm),
        (Sync, GlmOnly, "Execute in current branch (GLM)", Place::Current, Glm),
    ];

    #[test]
    fn the_nine_rows_of_the_tree() {
        for (phase, mode, words, place, backend) in TREE {
            assert_eq!(rule(mode, phase), Rule { place, backend, words }, "{phase} {mode}");
        }
    }

    fn step(mode: Mode, phase: Phase, in_main: bool, worktree: Worktree, auto_worktree: bool) -> Step {
        decide(Ask { mode, phase, in_main, worktree, auto_worktree }).step
    }

    #[test]
    fn mashup_creates_or_enters_the_worktree_and_asks_where_it_may_not() {
        assert_eq!(step(Mashup, Run, true, Worktree::Missing, true), Step::Create);
        assert_eq!(step(Mashup, Run, true, Worktree::Missing, false), Step::CreateByHand);
        assert_eq!(step(Mashup, Run, true, Worktree::Elsewhere, false), Step::Enter);
        assert_eq!(step(Mashup, Run, false, Worktree::Here, true), Step::Stay);
        assert_eq!(step(Mashup, Run, true, Worktree::Unnamed, true), Step::NameSpec);
        assert_eq!(step(Mashup, Sync, true, Worktree::Missing, true), Step::RunFirst);
        assert_eq!(step(Mashup, Sync, true, Worktree::Elsewhere, true), Step::Enter);
    }

    #[test]
    fn a_plan_is_made_in_main_and_the_single_backend_modes_stay_where_they_are() {
        for mode in Mode::ALL {
            assert_eq!(step(mode, Plan, true, Worktree::Unnamed, true), Step::Stay);
            assert_eq!(step(mode, Plan, false, Worktree::Here, true), Step::GoToMain);
        }
        for (mode, phase) in [(ClaudeOnly, Run), (ClaudeOnly, Sync), (GlmOnly, Run), (GlmOnly, Sync)] {
            for in_main in [true, false] {
                assert_eq!(step(mode, phase, in_main, Worktree::Missing, true), Step::Stay);
            }
        }
    }
}
