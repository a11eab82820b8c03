//! Floor 8, a crate of its own on top of the library: the commands. Their files name the rooms of the floors below as
//! those name each other.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make their own files with the plain tools"))]

pub mod cli;

pub use cli::{report, run};

pub(crate) use moai::{
    alert, backup, base, catalog, classify, config, cost, exchange, gateway, journal, keys, log, model, plot, route,
    settings, statistics, upstream, wire, worktree,
};
