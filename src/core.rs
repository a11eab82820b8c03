//! Floors 0 to 4: what is pure, on top of `base`. A crate of its own; `src/lib.rs` has the map of the house.

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make their own files with the plain tools"))]

pub mod alert;
pub mod base;
pub mod catalog;
pub mod classify;
pub mod cost;
pub mod model;
pub mod plot;
pub mod route;
pub mod statistics;
pub mod wire;
