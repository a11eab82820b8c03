//! Which project a directory belongs to. No git library is opened for that, because every command asks it.

use std::fs;
use std::path::PathBuf;

use crate::base::checkout::Checkout;
use crate::base::world::{World, WorldError};

/// The checkout a command runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The top of the checkout that the working directory is in. Absolute, symlinks resolved.
    pub root: PathBuf,
    /// The main checkout of the same repository: `root` itself unless that is a linked worktree. Also `root` where
    /// there is no main checkout (a bare repository).
    pub main: PathBuf,
    /// Git's directories; `None` outside of a repository.
    pub git: Option<GitDirs>,
}

/// Where git keeps a checkout's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitDirs {
    /// This checkout's own: `.git`, or `.git/worktrees/<id>` of a linked worktree.
    pub dir: PathBuf,
    /// The repository's, shared by all its checkouts.
    pub common: PathBuf,
}

impl Project {
    /// The project of the world's working directory: the git checkout around it, else the nearest directory with a
    /// `.moai` or `.claude` (the home directory does not count: its own belong to the person, not to a project),
    /// else the working directory itself.
    pub fn find(world: &World) -> Result<Self, WorldError> {
        if let Some(Checkout { root, dir, common, main }) = Checkout::find(world)? {
            return Ok(Self { main: main.unwrap_or_else(|| root.clone()), root, git: Some(GitDirs { dir, common }) });
        }
        let cwd = world.cwd()?;
        let cwd = fs::canonicalize(cwd).unwrap_or_else(|_| cwd.to_path_buf());
        let home = world.home().ok().map(|home| fs::canonicalize(home).unwrap_or_else(|_| home.to_path_buf()));
        let marked = cwd
            .ancestors()
            .filter(|dir| home.as_deref() != Some(*dir))
            .find(|dir| dir.join(".moai").is_dir() || dir.join(".claude").is_dir());
        let root = marked.unwrap_or(&cwd).to_path_buf();
        Ok(Self { main: root.clone(), root, git: None })
    }

    /// Whether this is a linked worktree of another checkout.
    pub fn is_linked(&self) -> bool {
        self.root != self.main
    }

    /// The project's name: the directory name of the main checkout (`DesignWorkflow`).
    pub fn name(&self) -> String {
        let named = self.main.file_name().unwrap_or(self.main.as_os_str()).to_string_lossy();
        // Of a bare repository `shop.git` the name is `shop`.
        named.strip_suffix(".git").filter(|stem| !stem.is_empty()).unwrap_or(&named).to_owned()
    }

    /// The path of a project file: this checkout's own where it has one, else the main checkout's, whether that has
    /// one or not (so a new one is written where every worktree sees it).
    pub fn file(&self, relative: &str) -> PathBuf {
        let own = self.root.join(relative);
        if own.exists() { own } else { self.main.join(relative) }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::base::world::Env;

    fn world(home: &Path, cwd: &Path) -> World {
        World::scratch(home, cwd, Env::default())
    }

    fn put(path: PathBuf, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A main checkout with one linked worktree, made of git's own files.
    fn repository(top: &Path) -> (PathBuf, PathBuf) {
        let main = top.join("shop");
        let linked = top.join("SPEC-1");
        put(main.join(".git/HEAD"), "ref: refs/heads/main\n");
        put(main.join(".git/worktrees/SPEC-1/HEAD"), "ref: refs/heads/feature/SPEC-1\n");
        put(main.join(".git/worktrees/SPEC-1/commondir"), "../..\n");
        put(linked.join(".git"), &format!("gitdir: {}\n", main.join(".git/worktrees/SPEC-1").display()));
        fs::create_dir_all(linked.join("src/deep")).unwrap();
        (main, linked)
    }

    #[test]
    fn a_linked_worktree_knows_its_main_checkout_from_any_depth() {
        let temp = tempfile::tempdir().unwrap();
        let top = temp.path().canonicalize().unwrap();
        let (main, linked) = repository(&top);
        let project = Project::find(&world(&top, &linked.join("src/deep"))).unwrap();
        assert_eq!((project.root.as_path(), project.main.as_path()), (linked.as_path(), main.as_path()));
        assert!(project.is_linked());
        assert_eq!(project.name(), "shop");
        assert_eq!(project.git.unwrap().common, main.join(".git"));
        let own = Project::find(&world(&top, &main)).unwrap();
        assert!(!own.is_linked());
    }

    #[test]
    fn a_project_file_is_the_worktrees_own_else_the_main_checkouts() {
        let temp = tempfile::tempdir().unwrap();
        let top = temp.path().canonicalize().unwrap();
        let (main, linked) = repository(&top);
        let project = Project::find(&world(&top, &linked)).unwrap();
        assert_eq!(project.file(".moai/x"), main.join(".moai/x"));
        put(main.join(".moai/x"), "");
        assert_eq!(project.file(".moai/x"), main.join(".moai/x"));
        put(linked.join(".moai/x"), "");
        assert_eq!(project.file(".moai/x"), linked.join(".moai/x"));
    }

    #[test]
    fn without_git_a_marked_directory_counts_but_never_the_home() {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().canonicalize().unwrap();
        fs::create_dir_all(home.join(".moai")).unwrap();
        fs::create_dir_all(home.join("plain/sub")).unwrap();
        fs::create_dir_all(home.join("marked/.claude")).unwrap();
        fs::create_dir_all(home.join("marked/sub")).unwrap();
        let find = |dir: &str| Project::find(&world(&home, &home.join(dir))).unwrap().root;
        assert_eq!(find("plain/sub"), home.join("plain/sub"));
        assert_eq!(find("marked/sub"), home.join("marked"));
    }

    #[test]
    fn a_bare_repository_and_a_submodule() {
        let temp = tempfile::tempdir().unwrap();
        let top = temp.path().canonicalize().unwrap();
        let bare = top.join("shop.git");
        put(bare.join("HEAD"), "ref: refs/heads/main\n");
        fs::create_dir_all(bare.join("objects")).unwrap();
        fs::create_dir_all(bare.join("refs")).unwrap();
        let project = Project::find(&world(&top, &bare)).unwrap();
        assert_eq!((project.root.clone(), project.name()), (bare, "shop".into()));

        let module = top.join("super/.git/modules/lib");
        put(module.join("HEAD"), "ref: refs/heads/main\n");
        put(module.join("config"), "[core]\n\tworktree = ../../../lib\n");
        put(top.join("super/.git/HEAD"), "ref: refs/heads/main\n");
        put(top.join("super/lib/.git"), "gitdir: ../.git/modules/lib\n");
        let sub = Project::find(&world(&top, &top.join("super/lib"))).unwrap();
        assert_eq!((sub.root.clone(), sub.is_linked()), (top.join("super/lib"), false));
        put(module.join("worktrees/w/HEAD"), "ref: refs/heads/x\n");
        put(module.join("worktrees/w/commondir"), "../..\n");
        put(top.join("w/.git"), &format!("gitdir: {}\n", module.join("worktrees/w").display()));
        let linked = Project::find(&world(&top, &top.join("w"))).unwrap();
        assert_eq!(linked.main, top.join("super/lib"));
    }
}
