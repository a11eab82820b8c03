//! Requests of clients that speak another dialect than the hub's.

mod chat;

pub use chat::{ChatRequest, chat};
