//! Why libgit2 (or our copying) cannot serve a repository, as values that can be printed.

use std::fmt;

/// One thing about a repository that the native engine cannot do; the git executable does the work there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// `extensions.refStorage=reftable`.
    Reftable,
    /// `extensions.objectFormat=sha256`.
    Sha256,
    /// Another extension that libgit2 does not know.
    Extension(String),
    /// The index has an extension that libgit2 must not ignore: sparse (`sdir`), split (`link`), or another.
    Index(String),
    /// `core.sparseCheckout`.
    SparseCheckout,
    /// A promisor remote: objects may be missing until git fetches them.
    PartialClone,
    /// `core.sharedRepository`: files must get the group's modes.
    SharedRepository,
    /// `core.autocrlf=true` or `core.eol=crlf`: every text file is converted.
    LineEndings,
    /// `core.symlinks=false`: links are written as plain files.
    NoSymlinks,
    /// `config.worktree` of the main checkout has settings that git copies.
    WorktreeConfig,
    /// `refs/replace`: git reads other objects than the ones named.
    Replacements,
    /// Configuration through `GIT_CONFIG_COUNT` or `git -c`, which libgit2 does not read.
    ConfigFromEnvironment,
    /// `worktree.useRelativePaths` where the repository does not have the extension yet: git would add it.
    RelativeWorktrees,
    /// The commit holds a path that only git should judge (`.git` in some spelling).
    SuspiciousPath(String),
    /// No other checkout to copy files from.
    NoDonor,
    /// `--engine git`.
    Asked,
    /// libgit2 could not open it for a reason of its own.
    Other(String),
}

impl Reason {
    /// A stable name for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Reftable => "reftable",
            Self::Sha256 => "sha256",
            Self::Extension(_) => "extension",
            Self::Index(_) => "index-extension",
            Self::SparseCheckout => "sparse-checkout",
            Self::PartialClone => "partial-clone",
            Self::SharedRepository => "shared-repository",
            Self::LineEndings => "line-endings",
            Self::NoSymlinks => "no-symlinks",
            Self::WorktreeConfig => "worktree-config",
            Self::Replacements => "replacements",
            Self::ConfigFromEnvironment => "config-from-environment",
            Self::RelativeWorktrees => "relative-worktrees",
            Self::SuspiciousPath(_) => "suspicious-path",
            Self::NoDonor => "no-donor",
            Self::Asked => "asked",
            Self::Other(_) => "other",
        }
    }
}

/// The sentence after "this repository": `uses reftable refs; libgit2 cannot read them`.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Reftable => "uses reftable refs; libgit2 cannot read them",
            Self::Sha256 => "uses SHA-256 object names; libgit2 cannot read them",
            Self::Extension(name) => return write!(f, "uses the extension {name}; libgit2 does not know it"),
            Self::Index(name) => return write!(f, "has {name} index; libgit2 cannot read it"),
            Self::SparseCheckout => "is a sparse checkout; libgit2 would check out everything",
            Self::PartialClone => "is a partial clone; libgit2 cannot fetch missing objects",
            Self::SharedRepository => {
                "is shared between users (core.sharedRepository); libgit2 does not set their modes"
            }
            Self::LineEndings => "converts line endings (core.autocrlf or core.eol); copied files would keep theirs",
            Self::NoSymlinks => "writes symlinks as plain files (core.symlinks=false)",
            Self::WorktreeConfig => "has settings per worktree (config.worktree), which git copies",
            Self::Replacements => "replaces objects (refs/replace); libgit2 does not",
            Self::ConfigFromEnvironment => "gets configuration through the environment; libgit2 does not read it",
            Self::RelativeWorktrees => "is to get relative worktree paths (worktree.useRelativePaths)",
            Self::SuspiciousPath(path) => return write!(f, "has a path that git must judge ({path})"),
            Self::NoDonor => "has no other checkout to copy files from",
            Self::Asked => "is served by git as asked (--engine git)",
            Self::Other(text) => return write!(f, "cannot be opened by libgit2 ({text})"),
        };
        f.write_str(text)
    }
}
