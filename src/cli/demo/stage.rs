//! Where the demo plays: a temporary home with a repository in it, and a world that sees nothing else.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use git2::{IndexAddOption, Repository, RepositoryInitOptions, Signature, Time};
use tempfile::TempDir;

use crate::base::disk::{self, Access, DiskError};
use crate::base::failure::{Failure, Kind};
use crate::base::world::{Env, World};
use crate::cli::run_on;
use crate::cli::ui::Streams;

use super::gateway::Gate;

/// What the demo's project keeps in Claude Code's settings: oddly written on purpose, to be given back to the byte.
pub(super) const SETTINGS: &str =
    "{\n   \"permissions\" : { \"allow\": [\"Bash(cargo test:*)\"] },\n\t\"language\": \"한국어\"\n}";

/// The files of the scratch project.
const FILES: &[(&str, &str)] = &[
    ("README.md", "# DesignWorkflow\n\nA scratch project of `moai demo`.\n"),
    ("src/login.txt", "one file, so that there is something to check out\n"),
    (".moai/specs/SPEC-001/spec.md", "# SPEC-001: login\n"),
    (".gitignore", ".claude/settings.local.json\n"),
];

/// The scratch home and repository.
pub(super) struct Stage {
    /// The gateway, while it runs. It ends before its home is removed.
    pub(super) gate: RefCell<Gate>,
    dir: TempDir,
    home: PathBuf,
    outside: World,
}

impl Stage {
    /// Makes the home, and in it a repository with one commit, through libgit2 alone.
    pub(super) fn new(world: &World) -> Result<Self, Failure> {
        let temp = PathBuf::from(world.env.text("TMPDIR").unwrap_or("/tmp"));
        let made = tempfile::Builder::new().prefix("moai-demo-").tempdir_in(&temp);
        let dir = made.map_err(DiskError::io("make a scratch directory in", &temp))?;
        let home = dir.path().canonicalize().map_err(DiskError::io("find", dir.path()))?;
        let stage = Self { gate: RefCell::default(), dir, home, outside: world.clone() };
        for (file, text) in FILES {
            disk::replace(&stage.project().join(file), text.as_bytes(), Access::Keep)?;
        }
        commit(&stage.project(), world).map_err(|error| {
            Failure::new(Kind::Bug, error.message().to_owned()).context("cannot make the demo's repository")
        })?;
        disk::replace(&stage.settings(), SETTINGS.as_bytes(), Access::Keep)?;
        Ok(stage)
    }

    pub(super) fn home(&self) -> &Path {
        &self.home
    }

    pub(super) fn project(&self) -> PathBuf {
        self.home.join("DesignWorkflow")
    }

    pub(super) fn settings(&self) -> PathBuf {
        self.project().join(".claude/settings.local.json")
    }

    pub(super) fn worktree(&self) -> PathBuf {
        self.home.join("worktrees/DesignWorkflow/SPEC-001")
    }

    /// The world of one step: this home, this project, the outside's PATH and clock, no terminal to ask on.
    pub(super) fn world(&self, words: &[&str], coloured: bool) -> World {
        let kept = ["PATH", "TMPDIR", "LANG", "LC_ALL", "TZ", "MOAI_NOW"];
        let kept = kept.into_iter().filter_map(|name| Some((name, self.outside.env.raw(name)?)));
        let own = [("HOME", self.home.as_os_str()), ("GIT_CONFIG_NOSYSTEM", OsStr::new("1"))];
        let env: Env = kept.chain(own).collect();
        let mut world = World::scratch(&self.home, self.project(), env);
        let color = if coloured { "--color=always" } else { "--color=never" };
        world.args = ["moai", color].iter().chain(words).map(Into::into).collect();
        world.clock = self.outside.clock;
        world.interrupt = self.outside.interrupt.clone();
        world
    }

    /// What a command says as JSON, outside of what is shown: what proofs go by.
    pub(super) fn asked(&self, words: &[&str]) -> Result<serde_json::Value, String> {
        let heard = Heard::default();
        let words: Vec<&str> = ["--json"].iter().chain(words).copied().collect();
        let exit = run_on(&self.world(&words, false), Streams::both(heard.clone()));
        let said = heard.text();
        if exit != 0 {
            return Err(format!("`moai {}` ended with exit code {exit}: {said}", words.join(" ")));
        }
        serde_json::from_str(&said).map_err(|error| format!("`moai {}`: {error}", words.join(" ")))
    }

    /// Leaves the directory where it is.
    pub(super) fn keep(self) -> PathBuf {
        drop(self.gate);
        self.dir.keep()
    }
}

/// A repository on `main` with everything in `root` in its first commit, by an author of the demo's own.
fn commit(root: &Path, world: &World) -> Result<(), git2::Error> {
    let repo = Repository::init_opts(root, RepositoryInitOptions::new().initial_head("main"))?;
    let mut index = repo.index()?;
    index.add_all(["*"], IndexAddOption::DEFAULT, None)?;
    index.write()?;
    let tree = repo.find_tree(index.write_tree()?)?;
    let author = Signature::new("moai demo", "demo@example.com", &Time::new(world.now().as_second(), 0))?;
    repo.commit(Some("HEAD"), &author, &author, "A scratch project", &tree, &[])?;
    Ok(())
}

/// What a step said, answer and talk in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(super) struct Heard(Rc<RefCell<Vec<u8>>>);

impl Heard {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.borrow()).into_owned()
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
