//! Floor 5 but for the vendors: what moai keeps on disk. A crate of its own; `src/lib.rs` has the map of the house.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make their own files with the plain tools"))]

pub mod backup;
pub mod config;
pub mod journal;
pub mod keys;
pub mod log;
pub mod settings;
pub mod worktree;

pub(crate) use moai_core::{alert, base, catalog, classify, cost, model, route, statistics, wire};
