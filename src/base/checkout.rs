//! Where we stand in git's eyes: the checkout around a directory, its git directories, and the main checkout. One
//! answer for every room, read from git's own small files, so that two of them can never disagree about it.
//!
//! What it does not do: say whether the repository is sound. That is for whoever opens it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::world::{World, WorldError};

/// Where a main checkout is noted that git itself does not know: below the common directory.
const NOTED: &str = "moai/main";

/// A checkout, or a bare repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The top of the checkout; of a bare repository the repository itself. Canonical.
    pub root: PathBuf,
    /// Its own git directory: `.git`, or `<common>/worktrees/<id>` of a linked worktree. Canonical.
    pub dir: PathBuf,
    /// The repository's, shared by all its checkouts. Canonical.
    pub common: PathBuf,
    /// The main checkout, from whose top git itself finds this repository; `None` for a bare one, and where nobody
    /// knows (`git init --separate-git-dir` leaves no trace of it).
    pub main: Option<PathBuf>,
}

impl Checkout {
    /// The checkout of the world's working directory, `None` where there is none around it.
    ///
    /// `GIT_DIR` and `GIT_WORK_TREE` are obeyed as git does, for hooks run with them; one that leads nowhere from
    /// here (a hook that changed its directory) is not. `GIT_CEILING_DIRECTORIES` ends the search.
    pub fn find(world: &World) -> Result<Option<Self>, WorldError> {
        let cwd = world.cwd()?;
        let cwd = fs::canonicalize(cwd).unwrap_or_else(|_| cwd.to_path_buf());
        let named = |name: &str| world.env.raw(name).filter(|path| !path.is_empty()).map(|path| cwd.join(path));
        let mut found = match named("GIT_DIR").and_then(|dir| git_dir(&dir)) {
            Some(dir) => Some(Self::of_dir(dir, &cwd)),
            None => search(world, &cwd),
        };
        let tree = named("GIT_WORK_TREE").filter(|tree| tree.is_dir()).and_then(|tree| fs::canonicalize(tree).ok());
        if let (Some(found), Some(tree)) = (found.as_mut(), tree) {
            found.root = tree;
            if found.dir == found.common {
                found.main = main_of(&found.common, Some(&found.root));
            }
        }
        Ok(found)
    }

    /// The checkout that this git directory belongs to; where it does not say, `cwd`, as git has it.
    fn of_dir(dir: PathBuf, cwd: &Path) -> Self {
        let common = common_of(&dir);
        if dir != common {
            let root = linked_root(&dir).unwrap_or_else(|| cwd.to_path_buf());
            let main = main_of(&common, None);
            return Self { root, dir, common, main };
        }
        let main = main_of(&common, Some(cwd));
        let root = main.clone().unwrap_or_else(|| if says_bare(&common) { dir.clone() } else { cwd.to_path_buf() });
        Self { root, dir, common, main }
    }

    /// Notes the main checkout in the repository where git would not know it from another checkout. For callers that
    /// hold the repository's lock; a note that cannot be written is no harm.
    pub fn note_main(&self) {
        if let Some(main) = self.main.as_ref().filter(|_| main_of(&self.common, None).is_none()) {
            let text = [main.as_os_str().as_bytes(), b"\n"].concat();
            drop(super::disk::replace(&self.common.join(NOTED), &text, super::disk::Access::Keep));
        }
    }
}

/// Whether the repository's own configuration calls it bare.
pub fn says_bare(common: &Path) -> bool {
    core_setting(common, "bare").is_some_and(|value| is_true(&value))
}

/// Walks up from `cwd`.
fn search(world: &World, cwd: &Path) -> Option<Checkout> {
    let ceilings: Vec<PathBuf> = world
        .env
        .raw("GIT_CEILING_DIRECTORIES")
        .map(|list| std::env::split_paths(list).filter(|path| path.is_absolute()).collect())
        .unwrap_or_default();
    let ceilings: Vec<PathBuf> = ceilings.into_iter().map(|path| fs::canonicalize(&path).unwrap_or(path)).collect();
    for root in cwd.ancestors() {
        if root != cwd && ceilings.iter().any(|ceiling| ceiling == root) {
            return None;
        }
        let dot = root.join(".git");
        // An empty `.git` directory is no repository; git walks past it, too.
        if let Some(dir) = git_dir(&dot) {
            let common = common_of(&dir);
            let main = main_of(&common, (dir == common).then_some(root));
            return Some(Checkout { root: root.to_path_buf(), dir, common, main });
        }
        // A `.git` file that leads nowhere is a checkout whose repository went away; the repository around it is
        // another one.
        if dot.is_file() {
            return None;
        }
        if is_bare(root) {
            let common = common_of(root);
            let main = main_of(&common, None);
            return Some(Checkout { root: root.to_path_buf(), dir: root.to_path_buf(), common, main });
        }
    }
    None
}

/// The git directory that `path` is or, as a `.git` file, points to.
fn git_dir(path: &Path) -> Option<PathBuf> {
    let dir =
        if fs::metadata(path).ok()?.is_dir() { fs::canonicalize(path).ok()? } else { pointed_to(path, b"gitdir:")? };
    // HEAD may be a link to a branch that has no commit yet.
    fs::symlink_metadata(dir.join("HEAD")).is_ok().then_some(dir)
}

/// Whether a directory is itself a repository, or the git directory of a linked worktree.
fn is_bare(dir: &Path) -> bool {
    let head = dir.join("HEAD").is_file();
    head && (dir.join("objects").is_dir() && dir.join("refs").is_dir() || dir.join("commondir").is_file())
}

/// The common directory of a git directory.
fn common_of(dir: &Path) -> PathBuf {
    pointed_to(&dir.join("commondir"), b"").unwrap_or_else(|| dir.to_path_buf())
}

/// The path that a one-line file of git's holds after `prefix`, relative to the file's directory. Canonical where it
/// exists.
fn pointed_to(file: &Path, prefix: &[u8]) -> Option<PathBuf> {
    let bytes = fs::read(file).ok()?;
    let target = bytes.trim_ascii_end().strip_prefix(prefix)?.trim_ascii_start();
    let path = file.parent()?.join(OsStr::from_bytes(target));
    (!target.is_empty()).then(|| fs::canonicalize(&path).unwrap_or(path))
}

/// The root of the linked worktree whose git directory this is, where it is there.
fn linked_root(dir: &Path) -> Option<PathBuf> {
    let dot = pointed_to(&dir.join("gitdir"), b"")?;
    fs::canonicalize(dot.parent()?).ok()
}

/// The main checkout: `here` where that may be one, else what `core.worktree`, the place of the git directory or our
/// note says. Only a directory from which git finds this repository counts.
fn main_of(common: &Path, here: Option<&Path>) -> Option<PathBuf> {
    let leads_back = |root: &PathBuf| git_dir(&root.join(".git")).is_some_and(|dir| dir == common);
    if let Some(tree) = core_setting(common, "worktree") {
        return fs::canonicalize(common.join(tree)).ok().filter(leads_back);
    }
    if says_bare(common) {
        return None;
    }
    let beside = || (common.file_name() == Some(OsStr::new(".git"))).then(|| common.parent().map(Path::to_path_buf))?;
    let here = here.map(Path::to_path_buf);
    here.filter(leads_back)
        .or_else(|| beside().filter(leads_back))
        .or_else(|| pointed_to(&common.join(NOTED), b"").filter(leads_back))
}

/// The value of `core.<name>` in the repository's own configuration; a name without a value is `true`.
fn core_setting(common: &Path, name: &str) -> Option<String> {
    // The second is read by git where `extensions.worktreeConfig` is set; without, it does not exist.
    ["config.worktree", "config"].iter().find_map(|file| {
        let bytes = fs::read(common.join(file)).ok()?;
        setting_in(&String::from_utf8_lossy(&bytes), name)
    })
}

fn setting_in(text: &str, name: &str) -> Option<String> {
    let mut in_core = false;
    let mut found = None;
    for line in text.lines().map(str::trim) {
        let mut line = line;
        if let Some((section, rest)) = line.strip_prefix('[').and_then(|line| line.split_once(']')) {
            in_core = section.trim().eq_ignore_ascii_case("core");
            line = rest.trim();
        }
        let (key, value) = line.split_once('=').unwrap_or((line, "true"));
        if in_core && key.trim().eq_ignore_ascii_case(name) {
            found = Some(plain(value.trim()));
        }
    }
    found
}

/// The value without its comment and quotes.
fn plain(value: &str) -> String {
    let mut kept = String::new();
    let mut quoted = false;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' => kept.extend(chars.next()),
            '#' | ';' if !quoted => break,
            c => kept.push(c),
        }
    }
    kept.trim_end().to_owned()
}

fn is_true(value: &str) -> bool {
    ["true", "yes", "on", "1"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::world::Env;

    struct Ground(tempfile::TempDir);

    impl Ground {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn at(&self, path: &str) -> PathBuf {
            self.0.path().canonicalize().unwrap().join(path)
        }

        fn git(&self, dir: &str, args: &[&str]) {
            let output = std::process::Command::new("git")
                .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"])
                .args(["-c", "protocol.file.allow=always"])
                .args(args)
                .current_dir(self.at(dir))
                .env("GIT_CONFIG_GLOBAL", "/dev/null")
                .output()
                .unwrap();
            assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        }

        fn find(&self, dir: &str, env: &[(&str, &str)]) -> Option<Checkout> {
            let env: Env = env.iter().copied().collect();
            Checkout::find(&World::scratch(self.at(""), self.at(dir), env)).unwrap()
        }
    }

    #[test]
    fn a_separate_git_dir_belongs_to_the_checkout_that_points_to_it() {
        let ground = Ground::new();
        fs::create_dir(ground.at("store")).unwrap();
        let store = ground.at("store/shop.git");
        ground.git("", &["init", "-q", "--separate-git-dir", store.to_str().unwrap(), "shop"]);
        ground.git("shop", &["commit", "-q", "--allow-empty", "-m", "x"]);
        ground.git("shop", &["worktree", "add", "-q", "../linked"]);
        fs::create_dir(ground.at("shop/deep")).unwrap();
        let main = ground.find("shop/deep", &[]).unwrap();
        assert_eq!((&main.root, &main.main, &main.common), (&ground.at("shop"), &Some(ground.at("shop")), &store));
        assert_eq!(ground.find("linked", &[]).unwrap().main, None, "git does not know either");
        main.note_main();
        assert_eq!(ground.find("linked", &[]).unwrap().main, Some(ground.at("shop")));
        fs::rename(ground.at("shop"), ground.at("moved")).unwrap();
        assert_eq!(ground.find("linked", &[]).unwrap().main, None, "a note that is no longer true says nothing");
    }

    #[test]
    fn a_submodule_and_its_linked_worktrees() {
        let ground = Ground::new();
        ground.git("", &["init", "-q", "lib"]);
        ground.git("lib", &["commit", "-q", "--allow-empty", "-m", "x"]);
        ground.git("", &["init", "-q", "super"]);
        ground.git("super", &["submodule", "--quiet", "add", "../lib", "lib"]);
        ground.git("super/lib", &["worktree", "add", "-q", "../../w"]);
        let own = ground.find("super/lib", &[]).unwrap();
        assert_eq!((own.root, own.main), (ground.at("super/lib"), Some(ground.at("super/lib"))));
        let linked = ground.find("w", &[]).unwrap();
        assert_eq!((linked.root, linked.main), (ground.at("w"), Some(ground.at("super/lib"))));
    }

    #[test]
    fn a_work_tree_elsewhere_is_no_checkout_that_git_can_be_run_in() {
        let ground = Ground::new();
        ground.git("", &["init", "-q", "shop"]);
        fs::create_dir(ground.at("elsewhere")).unwrap();
        ground.git("shop", &["config", "core.worktree", "../../elsewhere"]);
        let found = ground.find("shop", &[]).unwrap();
        assert_eq!((found.root, found.main), (ground.at("shop"), None));
    }

    #[test]
    fn the_variables_of_a_hook_lead_to_its_checkout() {
        let ground = Ground::new();
        ground.git("", &["init", "-q", "shop"]);
        ground.git("shop", &["commit", "-q", "--allow-empty", "-m", "x"]);
        ground.git("shop", &["worktree", "add", "-q", "../linked"]);
        fs::create_dir_all(ground.at("shop/sub")).unwrap();
        fs::create_dir(ground.at("other")).unwrap();
        let plain = ground.find("shop", &[]).unwrap();
        let admin = ground.at("shop/.git/worktrees/linked");
        let linked = ground.find("linked", &[]).unwrap();
        assert_eq!(ground.find("shop", &[("GIT_DIR", ".git")]).as_ref(), Some(&plain));
        assert_eq!(ground.find("shop/sub", &[("GIT_DIR", ".git")]).as_ref(), Some(&plain), "a hook that went on");
        assert_eq!(ground.find("linked", &[("GIT_DIR", admin.to_str().unwrap())]).as_ref(), Some(&linked));
        let dir = ground.at("shop/.git");
        assert_eq!(ground.find("other", &[("GIT_DIR", dir.to_str().unwrap())]).as_ref(), Some(&plain));
        assert_eq!(ground.find("other", &[]), None);
        let tree = ground.at("other");
        let vars = [("GIT_DIR", dir.to_str().unwrap()), ("GIT_WORK_TREE", tree.to_str().unwrap())];
        let apart = ground.find("shop", &vars).unwrap();
        assert_eq!((apart.root, apart.main.as_ref()), (tree, Some(&ground.at("shop"))));
        assert_eq!(ground.find("shop", &[("GIT_WORK_TREE", "/nowhere")]).as_ref(), Some(&plain));
        let ceiling = ground.at("shop");
        assert_eq!(ground.find("shop/sub", &[("GIT_CEILING_DIRECTORIES", ceiling.to_str().unwrap())]), None);
    }

    #[test]
    fn a_bare_repository_and_the_inside_of_a_git_directory() {
        let ground = Ground::new();
        ground.git("", &["init", "-q", "--bare", "shop.git"]);
        let bare = ground.find("shop.git", &[]).unwrap();
        assert_eq!((&bare.root, bare.main), (&ground.at("shop.git"), None));
        assert_eq!(ground.find("shop.git", &[("GIT_DIR", ".")]).unwrap().root, bare.root);
        ground.git("", &["init", "-q", "shop"]);
        fs::create_dir(ground.at("shop/lost")).unwrap();
        fs::write(ground.at("shop/lost/.git"), "gitdir: /nowhere\n").unwrap();
        assert_eq!(ground.find("shop/lost", &[]), None, "and not the repository around it");
        let inside = ground.find("shop/.git/refs", &[]).unwrap();
        assert_eq!((inside.dir, inside.main), (ground.at("shop/.git"), Some(ground.at("shop"))));
    }

    #[test]
    fn settings_are_read_as_git_writes_them() {
        let text =
            "[core]\n\tbare = false ; no\n\tworktree = \"a b#c\\\\d\" # there\n[other]\n\tbare = true\n[core] bare\n";
        assert_eq!(setting_in(text, "bare").as_deref(), Some("true"));
        assert_eq!(setting_in(text, "worktree").as_deref(), Some("a b#c\\d"));
        assert_eq!(setting_in("[core \"x\"]\nbare = true\n", "bare"), None);
    }
}
