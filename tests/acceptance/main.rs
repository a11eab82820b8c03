//! The acceptance criteria of SPEC-MODEL-001, AC-001 to AC-006, in their own words (`tests/features/*.feature`): each
//! scenario has a fresh home, two vendors on loopback that play recorded streams, and the real `moai` between them.
//!
//! A step that fails, one that nobody has defined, and a file that does not parse fail the run. `cargo test --test
//! acceptance -- 비용` plays the scenarios with that word in their names or in their feature's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking, and it makes its own world with the plain tools"
)]

#[allow(dead_code, reason = "shared with the integration tests, which use more of it")]
#[path = "../it/scratch.rs"]
mod scratch;
#[allow(dead_code, reason = "shared with the integration tests, which use more of it")]
#[path = "../it/upstream/mod.rs"]
mod upstream;

mod context;
mod costs;
mod fallback;
mod gateway;
mod routing;
mod scene;

use std::cell::Cell;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

use cucumber::step::{Collection, Context};
use cucumber::{Cucumber, StatsWriter as _};

use scene::Scene;

/// The scenarios that the specification has, each once; its tables come on top.
const OF_THE_SPEC: usize = 14;

/// The steps that are defined so far.
pub(crate) type Steps = Collection<Scene>;

/// A step as it was read: the words that its pattern caught, and its table.
pub(crate) struct Told(Context);

impl Told {
    /// What group `number` of the pattern caught, from 1.
    #[track_caller]
    pub(crate) fn word(&self, number: usize) -> &str {
        &self.0.matches[number].1
    }

    /// The same as a number.
    #[track_caller]
    pub(crate) fn number(&self, number: usize) -> u64 {
        self.word(number).parse().unwrap()
    }

    /// The rows of the step's table under its head.
    #[track_caller]
    pub(crate) fn rows(&self) -> Vec<[&str; 2]> {
        let rows = &self.0.step.table.as_ref().expect("the step has a table").rows;
        rows[1..].iter().map(|row| [row[0].as_str(), row[1].as_str()]).collect()
    }
}

/// Defines a step: `step!(steps.given, r"^…$", |scene, told| { … })`.
macro_rules! step {
    ($steps:ident . $word:ident, $pattern:expr, |$scene:ident, $told:ident| $does:block) => {
        $steps = $steps.$word(None, regex::Regex::new($pattern).unwrap(), |$scene, context| {
            Box::pin(async move {
                let $told = $crate::Told(context);
                let _ = &$told;
                $does
            })
        });
    };
}
pub(crate) use step;

fn main() -> ExitCode {
    // The arguments of the other tests come here, too: a word is a filter, and flags are for them.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let every = words.is_empty();
    if std::env::args().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    let steps = routing::steps(gateway::steps(Steps::new()));
    let steps = context::steps(fallback::steps(costs::steps(steps)));
    let count = Rc::new(Cell::new(0));
    let counting = Rc::clone(&count);
    let played = Cucumber::new()
        .steps(steps)
        .max_concurrent_scenarios(1)
        .after(move |_, _, _, _, scene: Option<&mut Scene>| {
            counting.set(counting.get() + 1);
            Box::pin(async move {
                if let Some(scene) = scene {
                    scene.keeps_its_keys();
                }
            })
        })
        .fail_on_skipped()
        .with_default_cli()
        .filter_run(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/features"), move |feature, _, scenario| {
            let name = format!("{} {}", feature.name, scenario.name);
            every || words.iter().any(|word| name.contains(word.as_str()))
        });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let writer = runtime.block_on(played);
    assert!(!every || count.get() >= OF_THE_SPEC, "only {} scenarios were played", count.get());
    if writer.execution_has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
