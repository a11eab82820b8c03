//! Floor 5: git worktrees.
