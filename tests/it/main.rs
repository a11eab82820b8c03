//! The integration tests: one binary. Each runs the real `moai` in a scratch world (own HOME, own repository,
//! cleared environment, fixed clock, hermetic git) and is strict about standard output, standard error and status.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking, and it makes its own world with the plain tools"
)]

mod alerts;
mod api;
mod awkward;
mod backend;
mod backup;
mod balance;
mod ci;
mod client;
mod clients;
mod config;
mod costs;
mod dashboard;
mod demo;
mod deploy;
mod doctor;
mod exchange;
mod experiment;
mod first;
mod generated;
mod hostile;
mod import;
mod init;
mod install;
mod journal;
mod keys;
mod layouts;
mod learn;
mod limits;
mod links;
mod memory;
mod metrics;
mod mode;
mod models;
mod optimize;
mod panels;
mod phase;
mod prices;
mod readme;
mod relay;
mod route;
mod routing;
mod schema;
mod scratch;
mod serve;
mod serve_cli;
mod shells;
mod soak;
mod status;
mod story;
mod trees;
mod turns;
mod upstream;
mod worktree_create;
mod worktree_keep;
mod worktree_list;
mod worktree_remove;
