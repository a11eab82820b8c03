//! `moai worktree create`: a worktree with its branch, ready for Claude Code on the backend that was asked for.
//!
//! `moai phase --enter` and `moai hook worktree-create` go through [`make`] too.

use std::fs;
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use serde_json::json;

use crate::base::disk::{self, Access, DiskError};
use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::dress::{Dress, Form};
use crate::cli::here::Here;
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::config::EngineChoice;
use crate::model::{Backend, SpecId};
use crate::settings;
use crate::worktree::{
    self, CreatePlan, Created, Engine, Observer, Order, Repo, WorktreeError, default_branch, recover_interrupted,
};

/// Where moai-adk and moai keep the environment of GLM in a checkout.
const GLM_JSON: &str = ".moai/llm-configs/glm.json";
/// Where Claude Code reads a checkout's own settings.
const SETTINGS: &str = ".claude/settings.local.json";
/// What glm.json is made from where the project has none. It holds no key.
const TEMPLATE: &str = include_str!("../../../templates/glm.json");
/// From so many files on a progress bar is worth its place.
const MANY: usize = 3000;

/// Create a worktree with its branch
///
/// The worktree goes where this project's worktrees already are, else to ~/worktrees/<Project>/<SPEC>. Its branch is
/// feature/<SPEC>, made from the main checkout's HEAD; where that branch exists it is taken as it is. Files are copied
/// from the main checkout where they are what the commit says, which is several times faster than checking them out.
/// Whatever fails, nothing is left behind. The path is printed on standard output.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Args {
    /// The SPEC: letters, digits and single hyphens
    #[arg(value_name = "SPEC")]
    spec: String,
    /// Put Claude Code on GLM there, with the key that `moai glm` has stored
    #[arg(long)]
    glm: bool,
    /// With --glm: keep the key off the disk; Claude Code asks `moai key glm --print` for it
    #[arg(long, requires = "glm")]
    helper: bool,
    /// The branch, instead of feature/<SPEC>
    #[arg(long, short, value_name = "BRANCH")]
    branch: Option<String>,
    /// What a new branch starts at, instead of the main checkout's HEAD
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// The directory of all worktrees, instead of the one found or configured (worktree.root)
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// The worktree's own directory
    #[arg(long, value_name = "DIR", conflicts_with = "root")]
    path: Option<PathBuf>,
    /// Who makes it: auto, native or git (worktree.engine)
    #[arg(long, value_name = "ENGINE", value_parser = ["auto", "native", "git"])]
    engine: Option<String>,
    /// Do not run git's post-checkout hook
    #[arg(long)]
    no_hooks: bool,
    /// Say what would be done and do nothing
    #[arg(long, short = 'n')]
    dry_run: bool,
}

const EXAMPLES: &str = "\
Examples:
  moai worktree create SPEC-001                  ~/worktrees/<Project>/SPEC-001 on feature/SPEC-001
  moai worktree create SPEC-001 --glm            and Claude Code there runs on GLM
  moai worktree create SPEC-001 --base v1.2      from a tag
  moai worktree create SPEC-001 --branch fix/a   on a branch of another name
  cd \"$(moai worktree create SPEC-001)\"          and go there";

/// What a new worktree is to be.
#[derive(Debug, Default)]
pub(in crate::cli) struct Wish {
    /// Its name as a directory: a SPEC id or a [`worktree::slug`].
    pub(in crate::cli) name: String,
    /// Its branch.
    pub(in crate::cli) branch: String,
    /// What a new branch starts at.
    pub(in crate::cli) base: Option<String>,
    /// `--root`, absolute.
    pub(in crate::cli) root: Option<PathBuf>,
    /// `--path`, absolute.
    pub(in crate::cli) path: Option<PathBuf>,
    /// `--engine`.
    pub(in crate::cli) engine: Option<Engine>,
    /// On GLM.
    pub(in crate::cli) glm: bool,
    /// The key is asked for, not written.
    pub(in crate::cli) helper: bool,
    /// Without git's post-checkout hook.
    pub(in crate::cli) no_hooks: bool,
}

impl Wish {
    /// The worktree of a SPEC, on its default branch.
    pub(in crate::cli) fn spec(spec: &SpecId) -> Self {
        Self { name: spec.to_string(), branch: default_branch(spec), ..Self::default() }
    }
}

/// A worktree that was made, and what there is to say about it.
#[derive(Debug)]
pub(in crate::cli) struct Made {
    pub(in crate::cli) plan: CreatePlan,
    pub(in crate::cli) created: Created,
    /// What Claude Code runs on there, as far as we set it.
    pub(in crate::cli) backend: Backend,
}

/// Runs `moai worktree create`.
pub(super) fn run(args: Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let spec: SpecId = args.spec.parse().map_err(|error| bad_name(&error))?;
    let cwd = world.cwd()?.to_path_buf();
    let wish = Wish {
        branch: args.branch.unwrap_or_else(|| default_branch(&spec)),
        base: args.base,
        root: args.root.map(|root| cwd.join(root)),
        path: args.path.map(|path| cwd.join(path)),
        engine: args.engine.map(|engine| engine.parse()).transpose()?,
        glm: args.glm,
        helper: args.helper,
        no_hooks: args.no_hooks,
        ..Wish::spec(&spec)
    };
    if args.dry_run {
        return preview(&wish, world, ui);
    }
    let made = make(&wish, world, ui)?;
    say(&made, world, ui)?;
    if ui.json { ui.answer_json(&document(&made)) } else { ui.answer_bytes(&path_line(&made.plan.path)) }
}

fn bad_name(error: &crate::model::SpecIdError) -> Failure {
    Failure::usage(error.to_string())
        .with_code("bad-spec-id")
        .hint("a SPEC id is like SPEC-001 or SPEC-AUTH-002; any branch name goes with --branch")
}

/// Makes the worktree. Everything that can be refused is refused before anything is touched; what fails later is
/// undone.
pub(in crate::cli) fn make(wish: &Wish, world: &World, ui: &mut Ui) -> Result<Made, Failure> {
    let here = Here::look(world, ui)?;
    let dress = Dressing::prepare(wish, world, &here, ui)?;
    let repo = open(world, ui)?;
    let plan = CreatePlan::new(&repo, &order(wish, &here))?;
    let mut teller = Teller { ui, bar: None };
    let mut dressed = false;
    let mut write = |root: &Path, _admin: &Path| {
        dressed = true;
        dress.write(world, root)
    };
    let outcome = worktree::create(&repo, &plan, &mut teller, &mut write);
    if outcome.is_err() && dressed {
        // The worktree is gone; what the ledger says of its settings goes too, and its failure changes nothing.
        drop(settings::forget(world, &plan.path));
    }
    let created = outcome?;
    Ok(Made { plan, created, backend: if wish.glm { Backend::Glm } else { Backend::Claude } })
}

/// The repository, with what killed commands left behind taken away.
fn open(world: &World, ui: &mut Ui) -> Result<Repo, Failure> {
    let repo = Repo::open(world)?;
    for undone in recover_interrupted(&repo)? {
        if let Some((path, why)) = undone.kept {
            let path = clean(&world.tilde(&path));
            ui.warn(format!("kept {path}, which a killed command left half made: {}", clean(&why)))?;
            ui.hint(format!("see what is missing: `git -C {path} status`"))?;
        }
        let Some(path) = undone.path else { continue };
        drop(settings::forget(world, &path));
        let what = clean(&world.tilde(&path));
        ui.say(format!("note: undid the half-made {what} that a killed command left behind"))?;
    }
    Ok(repo)
}

fn order(wish: &Wish, here: &Here) -> Order {
    let engine = match (wish.engine, here.config.worktree_engine()) {
        (Some(engine), _) => engine,
        (None, EngineChoice::Auto) => Engine::Auto,
        (None, EngineChoice::Native) => Engine::Native,
        (None, EngineChoice::Git) => Engine::Git,
    };
    let files = |wanted: &[&str]| if wish.glm { wanted.iter().map(|&file| file.into()).collect() } else { Vec::new() };
    Order {
        name: wish.name.clone(),
        branch: wish.branch.clone(),
        base: wish.base.clone(),
        root: wish.root.clone().or_else(|| here.config.worktree_root()),
        path: wish.path.clone(),
        engine,
        no_hooks: wish.no_hooks,
        shield: files(&[SETTINGS, settings::UNFINISHED]),
        hide: files(&[GLM_JSON]),
    }
}

/// What is written into the new worktree.
struct Dressing {
    glm: Option<Dress>,
    /// glm.json where the worktree has none: its bytes and who may read it.
    glm_json: Option<(Vec<u8>, Access)>,
}

impl Dressing {
    /// Finds everything that is needed, above all the key, before anything is touched.
    fn prepare(wish: &Wish, world: &World, here: &Here, ui: &mut Ui) -> Result<Self, Failure> {
        let form = if wish.helper { Form::Helper } else { Form::Configured };
        let glm = wish.glm.then(|| Dress::glm(world, &here.project, &here.config, form, ui)).transpose()?;
        if let Some(dress) = &glm {
            dress.require_apart(world, &here.project.main)?;
        }
        let own = here.project.main.join(GLM_JSON);
        let glm_json = match fs::read(&own) {
            _ if !wish.glm => None,
            Ok(bytes) => Some((bytes, Access::Private)),
            Err(_) if here.config.auto_worktree().copy_glm_config => Some((TEMPLATE.as_bytes().to_vec(), Access::Keep)),
            Err(_) => None,
        };
        Ok(Self { glm, glm_json })
    }

    fn write(&self, world: &World, root: &Path) -> Result<(), Failure> {
        if let Some((bytes, access)) = &self.glm_json
            && !root.join(GLM_JSON).exists()
        {
            require_no_links(root, GLM_JSON)?;
            disk::replace(&root.join(GLM_JSON), bytes, *access)?;
        }
        if let Some(dress) = &self.glm {
            require_no_links(root, SETTINGS)?;
            dress.write_into(world, root)?;
        }
        Ok(())
    }
}

/// Fails where a part of `path` below `root` is a symbolic link: a tracked link could lead a key out of the worktree.
fn require_no_links(root: &Path, path: &str) -> Result<(), Failure> {
    let mut here = root.to_path_buf();
    for part in path.split('/') {
        here.push(part);
        match fs::symlink_metadata(&here) {
            Ok(meta) if meta.is_symlink() => {
                return Err(WorktreeError::refused(
                    "symlink",
                    format!("{} is a symbolic link; nothing is written through one", here.display()),
                )
                .into());
            }
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(DiskError::io("look at", &here)(error).into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Says on the terminal what the making of a worktree tells.
struct Teller<'a> {
    ui: &'a mut Ui,
    bar: Option<ProgressBar>,
}

impl Observer for Teller<'_> {
    fn note(&mut self, line: &str) {
        // Talk that cannot be written (standard error is closed) must not undo a worktree.
        drop(self.ui.say(clean(line)));
    }

    fn begin(&mut self, total: usize) {
        if total >= MANY {
            self.bar = Some(self.ui.progress(u64::try_from(total).unwrap_or(u64::MAX), "files"));
        }
    }

    fn progress(&mut self, done: usize) {
        if let Some(bar) = &self.bar {
            bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn say(made: &Made, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let plan = &made.plan;
    let branch = clean(&plan.branch);
    let commit = plan.commit.get(..10).unwrap_or(&plan.commit);
    if plan.attach {
        ui.say(format!("the branch {branch} exists; it is taken as it is, at {commit}"))?;
    } else {
        ui.say(format!("made the branch {branch} at {commit} ({})", clean(&plan.base)))?;
    }
    ui.say(format!("made the worktree {}", clean(&world.tilde(&plan.path))))?;
    if made.backend == Backend::Glm {
        ui.say("Claude Code runs on GLM there; start it in the worktree's top directory")?;
    }
    Ok(())
}

fn document(made: &Made) -> serde_json::Value {
    let (plan, record) = (&made.plan, &made.created.record);
    json!({
        "schema": SCHEMA,
        "spec_id": record.spec_id,
        "path": record.path,
        "branch": record.branch,
        "created_at": record.created_at,
        "last_accessed": record.last_accessed,
        "status": record.status,
        "id": made.created.id,
        "commit": plan.commit,
        "base": plan.base,
        "attached": plan.attach,
        "backend": made.backend.as_str(),
        "engine": plan.engine().as_str(),
        "reasons": reasons(plan),
        "copied": made.created.copied,
        "by_git": made.created.by_git,
    })
}

fn reasons(plan: &CreatePlan) -> Vec<serde_json::Value> {
    let reason = |reason: &worktree::Reason| json!({ "code": reason.code(), "text": reason.to_string() });
    plan.reasons.iter().map(reason).collect()
}

/// `--dry-run`: the same checks, and no more.
fn preview(wish: &Wish, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let dress = Dressing::prepare(wish, world, &here, ui)?;
    let repo = Repo::open(world)?;
    let plan = CreatePlan::new(&repo, &order(wish, &here))?;
    let mut files = Vec::new();
    if dress.glm_json.is_some() {
        files.push(GLM_JSON);
    }
    if dress.glm.is_some() {
        files.push(SETTINGS);
    }
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "dry_run": true,
            "spec_id": plan.name,
            "path": plan.path.display().to_string(),
            "branch": plan.branch,
            "commit": plan.commit,
            "base": plan.base,
            "attached": plan.attach,
            "engine": plan.engine().as_str(),
            "reasons": reasons(&plan),
            "files": files,
        }));
    }
    let commit = plan.commit.get(..10).unwrap_or(&plan.commit);
    let from = if plan.attach { "exists, at".into() } else { format!("new, from {} at", clean(&plan.base)) };
    ui.answer(format!("path     {}", clean(&plan.path.display().to_string())))?;
    ui.answer(format!("branch   {} ({from} {commit})", clean(&plan.branch)))?;
    ui.answer(format!("engine   {}", plan.engine()))?;
    for reason in &plan.reasons {
        ui.answer(format!("         this repository {}", clean(&reason.to_string())))?;
    }
    if !files.is_empty() {
        ui.answer(format!("writes   {}", files.join(", ")))?;
    }
    ui.say("nothing was changed (--dry-run)")
}

/// The path as bytes with a line end: it may be no UTF-8.
fn path_line(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt as _;
    [path.as_os_str().as_bytes(), b"\n"].concat()
}
