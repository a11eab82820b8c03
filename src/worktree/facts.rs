//! What the repository's configuration says about checkouts, read once through libgit2.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use git2::{Config, ConfigLevel};

use super::reason::Reason;
use super::repo::Repo;

/// The configuration values that decide how files are written.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of git's own")]
pub(super) struct Facts {
    /// Every reason in the configuration why git must do the work.
    pub reasons: Vec<Reason>,
    /// `extensions.relativeWorktrees`: our administrative paths are relative too.
    pub relative: bool,
    /// Whether `HEAD` gets a log.
    pub log_head: bool,
    /// The version of a new index: 2 or 4.
    pub index_version: u32,
    /// `core.ignoreCase`.
    pub ignore_case: bool,
    /// `core.attributesFile`, or its default.
    pub attributes_file: Option<PathBuf>,
    /// Where the hooks are, relative to the new worktree's root where it is relative.
    pub hooks: PathBuf,
    /// Hooks are named in the configuration too (`hook.<name>.event`).
    pub configured_hooks: bool,
    /// Who is written into the log: `Name <email>`.
    pub ident: String,
}

impl Facts {
    /// Reads them; a repository that libgit2 cannot open has only its one reason.
    pub(super) fn read(repo: &Repo) -> Self {
        let mut facts = Self { hooks: repo.common_dir().join("hooks"), index_version: 2, ..Self::default() };
        facts.reasons.extend(repo.unreadable().cloned());
        let config = match config(repo).and_then(|mut config| config.snapshot()) {
            Ok(config) => config,
            Err(error) => {
                if facts.reasons.is_empty() {
                    facts.reasons.push(Reason::Other(error.message().to_owned()));
                }
                return facts;
            }
        };
        let truth = |name: &str| config.get_bool(name).unwrap_or(false);
        let text = |name: &str| config.get_string(name).ok();
        facts.relative = truth("extensions.relativeworktrees");
        facts.ignore_case = truth("core.ignorecase");
        facts.log_head = match text("core.logallrefupdates").as_deref() {
            Some("always") => true,
            Some(_) => truth("core.logallrefupdates"),
            None => repo.main_root().is_some(),
        };
        let many = truth("feature.manyfiles");
        facts.index_version = match config.get_i32("index.version") {
            Ok(4) => 4,
            Err(_) if many => 4,
            _ => 2,
        };
        facts.attributes_file = match config.get_path("core.attributesfile") {
            Ok(path) => Some(path),
            Err(_) => xdg(repo).map(|dir| dir.join("git/attributes")),
        };
        if let Ok(hooks) = config.get_path("core.hookspath") {
            facts.hooks = hooks;
        }
        facts.configured_hooks = has(&config, "^hook\\..*\\.event$");
        facts.ident = ident(repo, &config);
        facts.find_reasons(repo, &config);
        facts
    }

    fn find_reasons(&mut self, repo: &Repo, config: &Config) {
        let truth = |name: &str| config.get_bool(name).unwrap_or(false);
        let text = |name: &str| config.get_string(name).ok();
        let env = &repo.world().env;
        let mut check = |found: bool, reason: Reason| {
            if found {
                self.reasons.push(reason);
            }
        };
        check(
            env.text("GIT_CONFIG_COUNT").is_some() || env.text("GIT_CONFIG_PARAMETERS").is_some(),
            Reason::ConfigFromEnvironment,
        );
        check(truth("core.sparsecheckout"), Reason::SparseCheckout);
        check(truth("core.splitindex"), Reason::Index("a split".into()));
        check(text("extensions.partialclone").is_some() || promisor(config), Reason::PartialClone);
        let shared = text("core.sharedrepository").unwrap_or_default();
        check(!matches!(shared.as_str(), "" | "0" | "umask" | "false" | "no" | "off"), Reason::SharedRepository);
        let crlf = text("core.autocrlf").is_some_and(|value| value != "input") && truth("core.autocrlf");
        check(crlf || text("core.eol").is_some_and(|eol| eol.eq_ignore_ascii_case("crlf")), Reason::LineEndings);
        check(config.get_bool("core.symlinks").is_ok_and(|symlinks| !symlinks), Reason::NoSymlinks);
        let relative = truth("extensions.relativeworktrees");
        check(truth("worktree.userelativepaths") && !relative, Reason::RelativeWorktrees);
        check(truth("extensions.worktreeconfig") && worktree_config(repo.common_dir()), Reason::WorktreeConfig);
        check(replacements(repo.common_dir()), Reason::Replacements);
    }
}

/// The configuration as git sees it. libgit2 does not read `GIT_CONFIG_GLOBAL` and its kin, so where one is set the
/// levels are put together here.
fn config(repo: &Repo) -> Result<Config, git2::Error> {
    let env = &repo.world().env;
    let special = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM"];
    if let Some(git2) = repo.git2()
        && special.iter().all(|name| env.raw(name).is_none())
    {
        return git2.config();
    }
    let mut config = Config::new()?;
    let mut add = |path: &Path, level: ConfigLevel| {
        if path.is_file() { config.add_file(path, level, true) } else { Ok(()) }
    };
    if env.raw("GIT_CONFIG_NOSYSTEM").is_none() {
        let system = env.raw("GIT_CONFIG_SYSTEM").map(PathBuf::from).or_else(|| Config::find_system().ok());
        add(&system.unwrap_or_default(), ConfigLevel::System)?;
    }
    if let Some(global) = env.raw("GIT_CONFIG_GLOBAL") {
        add(Path::new(global), ConfigLevel::Global)?;
    } else {
        add(&xdg(repo).unwrap_or_default().join("git/config"), ConfigLevel::XDG)?;
        add(&repo.world().home().map(|home| home.join(".gitconfig")).unwrap_or_default(), ConfigLevel::Global)?;
    }
    add(&repo.common_dir().join("config"), ConfigLevel::Local)?;
    if config.get_bool("extensions.worktreeconfig").unwrap_or(false) {
        let path = repo.common_dir().join("config.worktree");
        if path.is_file() {
            config.add_file(&path, ConfigLevel::Worktree, true)?;
        }
    }
    Ok(config)
}

fn xdg(repo: &Repo) -> Option<PathBuf> {
    let world = repo.world();
    match world.env.text("XDG_CONFIG_HOME") {
        Some(dir) => Some(PathBuf::from(dir)),
        None => world.home().ok().map(|home| home.join(".config")),
    }
}

fn has(config: &Config, pattern: &str) -> bool {
    config.entries(Some(pattern)).is_ok_and(|mut entries| matches!(entries.next(), Some(Ok(_))))
}

fn promisor(config: &Config) -> bool {
    let Ok(mut entries) = config.entries(Some("^remote\\..*\\.(promisor|partialclonefilter)$")) else { return false };
    while let Some(Ok(entry)) = entries.next() {
        let value = entry.value().unwrap_or("true");
        if !matches!(value, "false" | "0" | "no" | "off") {
            return true;
        }
    }
    false
}

/// Whether `config.worktree` holds more than what git leaves behind or does not copy.
fn worktree_config(common: &Path) -> bool {
    let Ok(config) = Config::open(&common.join("config.worktree")) else { return false };
    let Ok(mut entries) = config.entries(None) else { return true };
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.name().unwrap_or_default();
        let off = matches!(entry.value(), Ok("false"));
        let kept = matches!(name, "core.bare" | "core.worktree")
            || (off && matches!(name, "core.sparsecheckout" | "core.sparsecheckoutcone" | "index.sparse"));
        if !kept {
            return true;
        }
    }
    false
}

fn replacements(common: &Path) -> bool {
    let loose = fs::read_dir(common.join("refs/replace")).is_ok_and(|mut listing| listing.next().is_some());
    loose
        || fs::read(common.join("packed-refs"))
            .is_ok_and(|packed| packed.windows(14).any(|window| window == b" refs/replace/"))
}

fn ident(repo: &Repo, config: &Config) -> String {
    let env = &repo.world().env;
    let value = |variable: &str, key: &str, other: &str| {
        env.text(variable)
            .map(str::to_owned)
            .or_else(|| config.get_string(key).ok())
            .or_else(|| config.get_string(other).ok())
    };
    let clean = |text: String| text.replace(['<', '>', '\n'], "");
    let user = env.text("USER").unwrap_or("unknown").to_owned();
    let name = value("GIT_COMMITTER_NAME", "committer.name", "user.name").unwrap_or_else(|| user.clone());
    let email = value("GIT_COMMITTER_EMAIL", "committer.email", "user.email").unwrap_or(user);
    format!("{} <{}>", clean(name), clean(email))
}

/// Whether a post-checkout hook will be found from this worktree root.
pub(super) fn has_post_checkout(facts: &Facts, root: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let hook = root.join(&facts.hooks).join(OsStr::new("post-checkout"));
    facts.configured_hooks
        || fs::metadata(hook).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
