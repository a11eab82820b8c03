//! The wire room against golden data: one request in every dialect, every vendor's stream as events, and what must
//! hold for any bytes at all.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    unreachable_pub,
    missing_docs,
    clippy::cast_possible_truncation,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and reads its own files"
)]

mod answers;
mod cases;
mod faults;
mod fuzz;
mod inbound;
mod properties;
mod requests;
mod splice;
