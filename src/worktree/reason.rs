//! Why libgit2 cannot serve a repository, as values that can be printed.

use std::fmt;

/// One thing about a repository that libgit2 1.9 cannot do; the git executable does the work there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// `extensions.refStorage=reftable`.
    Reftable,
    /// `extensions.objectFormat=sha256`.
    Sha256,
    /// Another extension that libgit2 does not know.
    Extension(String),
    /// The index has an extension that libgit2 must not ignore: sparse (`sdir`) or split (`link`).
    Index(&'static str),
    /// `core.sparseCheckout`.
    SparseCheckout,
    /// A promisor remote: objects may be missing until git fetches them.
    PartialClone,
    /// `core.sharedRepository`: files must get the group's modes.
    SharedRepository,
    /// Submodules are checked out along with the tree (`submodule.recurse`).
    RecurseSubmodules,
    /// Configuration through `GIT_CONFIG_COUNT` or `git -c`, which libgit2 does not read.
    ConfigFromEnvironment,
    /// `GIT_OBJECT_DIRECTORY` and its kin.
    ObjectsFromEnvironment,
    /// git 2.48's relative paths, which libgit2 writes as absolute ones.
    RelativeWorktrees,
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
            Self::RecurseSubmodules => "recurse-submodules",
            Self::ConfigFromEnvironment => "config-from-environment",
            Self::ObjectsFromEnvironment => "objects-from-environment",
            Self::RelativeWorktrees => "relative-worktrees",
            Self::Asked => "asked",
            Self::Other(_) => "other",
        }
    }
}

/// `this repository …` without its subject: `uses reftable refs; libgit2 cannot read them`.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reftable => f.write_str("uses reftable refs; libgit2 cannot read them"),
            Self::Sha256 => f.write_str("uses SHA-256 object names; libgit2 cannot read them"),
            Self::Extension(name) => write!(f, "uses the extension {name}; libgit2 does not know it"),
            Self::Index(name) => write!(f, "has a {name} index; libgit2 cannot read it"),
            Self::SparseCheckout => f.write_str("is a sparse checkout; libgit2 would check out everything"),
            Self::PartialClone => f.write_str("is a partial clone; libgit2 cannot fetch missing objects"),
            Self::SharedRepository => f.write_str("is shared between users; libgit2 does not set the group's modes"),
            Self::RecurseSubmodules => f.write_str("checks out submodules along (submodule.recurse)"),
            Self::ConfigFromEnvironment => {
                f.write_str("gets configuration through the environment; libgit2 does not read it")
            }
            Self::ObjectsFromEnvironment => {
                f.write_str("gets objects through the environment; libgit2 does not look there")
            }
            Self::RelativeWorktrees => f.write_str("uses relative worktree paths; libgit2 writes absolute ones"),
            Self::Asked => f.write_str("was asked to be served by git (--engine git)"),
            Self::Other(text) => write!(f, "cannot be opened by libgit2 ({text})"),
        }
    }
}
