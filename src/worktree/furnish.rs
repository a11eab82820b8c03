//! What is put into a worktree once it exists: files, index, git's hook, what must be ignored, settings, registry.

use std::fs;
use std::path::Path;

use super::admin::put;
use super::attributes;
use super::base;
use super::create::{Created, Work, settled};
use super::error::WorktreeError;
use super::exclude;
use super::facts;
use super::git::{Git, require_ok};
use super::index;
use super::journal::{self, Step};
use super::plan::CreatePlan;
use super::populate::{self, Content};
use super::preflight::Material;
use super::registry::{self, Record};
use super::repo::Repo;
use crate::base::disk::{self, DiskError};
use crate::base::failure::Failure;

impl Work<'_> {
    /// Writes the files and the index.
    pub(super) fn fill(&mut self) -> Result<(), Failure> {
        if let Some(material) = &self.plan.native {
            self.fill_native(material)?;
        } else {
            let args = ["reset", "--hard", "--no-recurse-submodules", "--quiet"];
            Git::at(self.repo.world(), &self.plan.path).output(&args)?;
            self.reached("files")?;
        }
        self.reached("index")?;
        Ok(())
    }

    fn fill_native(&mut self, material: &Material) -> Result<(), WorktreeError> {
        let Material { tree, donor } = material;
        let git2 = self.repo.git2().ok_or_else(|| WorktreeError::refused("engine", "libgit2 cannot serve here"))?;
        let odb = git2.odb().map_err(WorktreeError::libgit2("open the object store"))?;
        let contents = attributes::contents(self.repo, &self.plan.facts, &odb, tree, &self.plan.commit)?;
        let content = |at: usize| contents.get(at).copied().unwrap_or(Content::Plain);
        let interrupt = &self.repo.world().interrupt;
        let stamps = populate::copy(tree, donor, &self.plan.path, &content, interrupt, self.observer)?;
        self.reached("files")?;
        let lock = self.admin.join("index.lock");
        put(&lock, &index::encode(tree, &stamps, self.plan.facts.index_version))?;
        let index = self.admin.join("index");
        fs::rename(&lock, &index).map_err(DiskError::io("write", &index))?;
        self.copied = stamps.iter().flatten().count();
        self.by_git = Some(stamps.len() - self.copied);
        let mut rest = Vec::new();
        for (item, _) in tree.items.iter().zip(&stamps).filter(|(_, stamp)| stamp.is_none()) {
            rest.extend_from_slice(&item.path);
            rest.push(0);
        }
        if rest.is_empty() {
            return Ok(());
        }
        let args = ["checkout-index", "--force", "--index", "-z", "--stdin"];
        let spoken = Git::at(self.repo.world(), &self.plan.path).feed(&args, Some(&rest))?;
        interrupt.check()?;
        require_ok(&args, &spoken)
    }

    /// git's own hook, as `git worktree add` runs it: what it says is passed on, and its failure stops nothing.
    pub(super) fn hook(&mut self) -> Result<(), Failure> {
        if self.plan.hooks && facts::has_post_checkout(&self.plan.facts, &self.plan.path) {
            let none = "0".repeat(self.plan.commit.len());
            let args = ["hook", "run", "--ignore-missing", "post-checkout", "--", &none, &self.plan.commit, "1"];
            let spoken = Git::at(self.repo.world(), &self.plan.path).run(&args)?;
            for line in String::from_utf8_lossy(&spoken.stdout).lines().chain(spoken.stderr.lines()) {
                self.observer.note(line);
            }
            if !spoken.ok() {
                self.observer.note("note: the post-checkout hook failed; the worktree stays, as with git");
            }
        }
        self.reached("hook")?;
        Ok(())
    }

    pub(super) fn finish(
        &mut self,
        id: String,
        dress: &mut dyn FnMut(&Path, &Path) -> Result<(), Failure>,
    ) -> Result<Created, Failure> {
        let (repo, plan) = (self.repo, self.plan);
        self.shield()?;
        self.reached("shield")?;
        dress(&plan.path, &self.admin)?;
        self.reached("dress")?;
        let file = plan.roost.root.join(registry::FILE);
        let record = Record::new(&plan.name, &plan.path, &plan.branch, repo.world().now());
        self.journal.will(Step::Registry {
            path: file.clone().into(),
            project: plan.roost.project.clone(),
            spec: plan.name.clone(),
            root: plan.path.clone().into(),
        })?;
        registry::record(&file, &plan.roost.project, &record)?;
        if !plan.attach {
            base::remember(repo, &self.admin, &plan.base)?;
        }
        self.reached("registry")?;
        disk::remove(&self.admin.join("locked"))?;
        self.reached("unlock")?;
        Ok(Created { id, admin: self.admin.clone(), record, copied: self.copied, by_git: self.by_git })
    }

    /// Makes git ignore what must not be committed: in the worktree, and the worktree itself where it is in main.
    fn shield(&mut self) -> Result<(), WorktreeError> {
        let (repo, plan) = (self.repo, self.plan);
        let own = plan.in_main.then(|| own_line(repo, plan)).flatten();
        if plan.shield.is_empty() && own.is_none() {
            return Ok(());
        }
        let _lock = journal::lock(repo, || {})?;
        if let (Some(line), Some(main)) = (&own, repo.main_root()) {
            exclude::ensure(repo, main, line, Some(&mut self.journal))?;
        }
        for file in &plan.shield {
            exclude::ensure(repo, &plan.path, file, Some(&mut self.journal))?;
        }
        Ok(())
    }
}

/// What has to be ignored in the main checkout when the worktree is inside of it: the directory of all worktrees (the
/// registry is in it too), or the worktree alone where that is not its place.
fn own_line(repo: &Repo, plan: &CreatePlan) -> Option<String> {
    let main = repo.main_root()?;
    let root = settled(&plan.roost.root);
    let inside = root.starts_with(main) && root != main && plan.path.starts_with(&root);
    let relative = if inside { root.strip_prefix(main) } else { plan.path.strip_prefix(main) }.ok()?;
    Some(relative.to_str()?.to_owned())
}
