//! The steps of the demo: the commands that a person would type, and what the files must look like after each. Those
//! of routing are in `routing`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use git2::Repository;

use crate::base::disk::{self, Access};
use crate::base::failure::Failure;
use crate::cli::ui::Ui;

use super::stage::{SETTINGS, Stage};
use super::{gateway, routing};

/// A key that looks like one and opens nothing.
const KEY: &str = "00000000000000000000000000000000.madeUpForTheDemo";

/// One step.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// What it is for, shown before it.
    pub(super) aim: &'static str,
    /// What is done.
    pub(super) act: Act,
    /// The exit code that it must end with.
    pub(super) exit: u8,
    /// Whether moai asks the git executable in it.
    pub(super) asks_git: bool,
    /// What happens just before.
    pub(super) before: fn(&Stage) -> Result<(), Failure>,
    /// What it did, as the files show it; or what is not as it should be.
    pub(super) proof: fn(&Stage) -> Result<String, String>,
}

/// What is done in a step.
#[derive(Clone, Copy)]
pub(super) enum Act {
    /// `moai` with these words.
    Moai(&'static [&'static str]),
    /// Something else that a person would type.
    Else {
        /// How it would be typed.
        shown: fn(&Stage) -> String,
        /// Does it.
        run: fn(&Stage, &mut Ui) -> Result<(), Failure>,
    },
}

/// A step that works, with nothing before it.
const fn step(aim: &'static str, words: &'static [&'static str], proof: fn(&Stage) -> Result<String, String>) -> Step {
    acting(aim, Act::Moai(words), proof)
}

const fn acting(aim: &'static str, act: Act, proof: fn(&Stage) -> Result<String, String>) -> Step {
    Step { aim, act, exit: 0, asks_git: false, before: nothing, proof }
}

/// The same, where moai asks the git executable: a rescue commit is made as git would make it, filters and all.
const fn with_git(step: Step) -> Step {
    Step { asks_git: true, ..step }
}

/// All of them, in order.
pub(super) const STEPS: &[Step] = &[
    step("Store the key of Z.AI (a made-up one)", &["glm", KEY], key_is_private),
    step("Switch this project to GLM", &["glm"], settings_have_glm),
    step("What runs where?", &["status"], nothing_changed),
    step("And back to Claude", &["claude"], settings_are_as_before),
    step("Plan with Claude, implement with GLM", &["mode", "mashup"], mode_is_mashup),
    step("Where would the run phase of SPEC-001 go?", &["phase", "run", "SPEC-001"], no_worktree_yet),
    step("A worktree for it, on GLM", &["worktree", "create", "SPEC-001", "--glm"], worktree_is_on_glm),
    step("All worktrees", &["worktree", "list"], both_are_listed),
    Step {
        aim: "Somebody has written something there; removing it must not lose that",
        act: Act::Moai(&["worktree", "remove", "SPEC-001"]),
        exit: 1,
        asks_git: false,
        before: write_notes,
        proof: notes_are_there,
    },
    with_git(step("Insisting", &["worktree", "remove", "SPEC-001", "--force"], worktree_is_gone)),
    with_git(step("And yet nothing is lost", &["worktree", "restore", "SPEC-001"], notes_are_there)),
    Step {
        before: routing::simulate,
        ..step(
            "Ask the model that fits, answers simulated: planning goes to Claude",
            &["route", "로그인 API를 설계해줘"],
            routing::claude_planned,
        )
    },
    step("Implementing goes to GLM", &["route", "Write a unit test for the login form"], routing::glm_implemented),
    Step {
        before: routing::fail_glm,
        ..step(
            "GLM is overloaded now; somebody answers all the same",
            &["route", "이 로그인 버그 수정해줘"],
            routing::claude_stood_in,
        )
    },
    Step {
        before: routing::simulate,
        ..acting(
            "Every model behind one address, for Claude Code and every other client",
            Act::Else { shown: |_| "moai serve --port 0 &".into(), run: gateway::start },
            gateway::it_listens_for_this_machine,
        )
    },
    acting(
        "A client of Anthropic's API asks it for a plan, streamed",
        Act::Else { shown: gateway::plan_shown, run: gateway::plan },
        gateway::a_stream_of_claude,
    ),
    acting(
        "A client of OpenAI's API asks it for code",
        Act::Else { shown: gateway::code_shown, run: gateway::code },
        gateway::a_completion_of_glm,
    ),
    acting(
        "Enough of it",
        Act::Else { shown: |_| "moai serve stop".into(), run: gateway::stop },
        gateway::nothing_is_left_running,
    ),
    step("And what did it cost?", &["costs", "today"], routing::all_is_in_the_books),
];

#[expect(clippy::unnecessary_wraps, reason = "one of several things that may happen before a step")]
fn nothing(_stage: &Stage) -> Result<(), Failure> {
    Ok(())
}

fn write_notes(stage: &Stage) -> Result<(), Failure> {
    Ok(disk::replace(&stage.worktree().join("notes.md"), b"two hours of work\n", Access::Keep)?)
}

pub(super) fn text(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

pub(super) fn private(path: &Path) -> Result<(), String> {
    let mode = fs::metadata(path).map_err(|error| format!("{}: {error}", path.display()))?.permissions().mode() & 0o777;
    if mode == 0o600 { Ok(()) } else { Err(format!("{} can be read by others ({mode:o})", path.display())) }
}

pub(super) fn require(holds: bool, wrong: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(wrong.into()) }
}

fn key_is_private(stage: &Stage) -> Result<String, String> {
    let path = stage.home().join(".moai/.env.glm");
    require(text(&path)?.contains(KEY), "the key is not in ~/.moai/.env.glm")?;
    private(&path)?;
    Ok("the key is in ~/.moai/.env.glm, and only you can read it".into())
}

/// The settings of a checkout send Claude Code to GLM, with the key, and only the owner can read them.
fn on_glm(settings: &Path) -> Result<(), String> {
    let value: serde_json::Value = serde_json::from_str(&text(settings)?).map_err(|error| error.to_string())?;
    let set =
        |name: &str| value.pointer(&format!("/env/{name}")).and_then(serde_json::Value::as_str).unwrap_or_default();
    require(set("ANTHROPIC_BASE_URL") == "https://api.z.ai/api/anthropic", "ANTHROPIC_BASE_URL is not Z.AI's")?;
    require(set("ANTHROPIC_AUTH_TOKEN") == KEY, "ANTHROPIC_AUTH_TOKEN is not the key")?;
    require(set("ANTHROPIC_DEFAULT_SONNET_MODEL").starts_with("glm-"), "Sonnet is not a GLM model")?;
    private(settings)
}

fn settings_have_glm(stage: &Stage) -> Result<String, String> {
    on_glm(&stage.settings())?;
    require(
        text(&stage.settings())?.contains("\t\"language\": \"한국어\""),
        "a line that was there before has changed",
    )?;
    Ok(".claude/settings.local.json sends Claude Code to GLM; its other lines are untouched".into())
}

fn nothing_changed(stage: &Stage) -> Result<String, String> {
    on_glm(&stage.settings())?;
    Ok("it only looked".into())
}

fn settings_are_as_before(stage: &Stage) -> Result<String, String> {
    require(text(&stage.settings())? == SETTINGS, "settings.local.json is not what it was")?;
    Ok(format!("settings.local.json is what it was, all {} bytes of it", SETTINGS.len()))
}

fn mode_is_mashup(stage: &Stage) -> Result<String, String> {
    let file = stage.project().join(".moai/config/sections/llm.yaml");
    require(text(&file)?.contains("mode: mashup"), "llm.yaml does not say mashup")?;
    Ok(".moai/config/sections/llm.yaml says mode: mashup".into())
}

fn no_worktree_yet(stage: &Stage) -> Result<String, String> {
    require(!stage.worktree().exists(), "a worktree was made without being asked for")?;
    Ok("it told where, and made nothing".into())
}

fn worktree_is_on_glm(stage: &Stage) -> Result<String, String> {
    on_glm(&stage.worktree().join(".claude/settings.local.json"))?;
    let repo = Repository::open(stage.worktree()).map_err(|error| error.message().to_owned())?;
    let branch = repo.head().ok().and_then(|head| head.shorthand().ok().map(str::to_owned)).unwrap_or_default();
    require(branch == "feature/SPEC-001", "it is not on feature/SPEC-001")?;
    let mut options = git2::StatusOptions::new();
    let seen = repo.statuses(Some(options.include_untracked(true))).map_err(|error| error.message().to_owned())?;
    require(seen.is_empty(), "git sees files in it that could be committed by mistake")?;
    Ok("on feature/SPEC-001, sent to GLM; git sees nothing to commit, so the key cannot slip in".into())
}

fn both_are_listed(stage: &Stage) -> Result<String, String> {
    let repo = Repository::open(stage.project()).map_err(|error| error.message().to_owned())?;
    let known = repo.worktrees().map_err(|error| error.message().to_owned())?;
    require(known.iter().flatten().flatten().eq(["SPEC-001"]), "git knows other worktrees than SPEC-001")?;
    Ok("git knows it, too: nothing here is hidden from your other tools".into())
}

fn worktree_is_gone(stage: &Stage) -> Result<String, String> {
    require(!stage.worktree().exists(), "the worktree is still there")?;
    let repo = Repository::open(stage.project()).map_err(|error| error.message().to_owned())?;
    require(repo.find_branch("feature/SPEC-001", git2::BranchType::Local).is_ok(), "the branch is gone too")?;
    Ok("the worktree is gone, its branch is kept".into())
}

fn notes_are_there(stage: &Stage) -> Result<String, String> {
    require(text(&stage.worktree().join("notes.md"))? == "two hours of work\n", "notes.md is not what it was")?;
    Ok("notes.md is there, as it was written".into())
}
