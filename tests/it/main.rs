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

mod first;
mod journal;
mod scratch;
