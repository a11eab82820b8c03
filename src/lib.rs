//! moai: Claude Code on the model that fits. The map of the house; `docs/architecture.md` has the reasons.
//!
//! A room imports only from the floors below it, and rooms of one floor never import each other; `tests/house.rs`
//! holds that on every run.
//!
//! | floor | room | what lives there |
//! |---|---|---|
//! | 8 | `cli` | the doors: one file per command, and the only code that writes to the terminal (`doors.rs`) |
//! | 7 | [`gateway`] | HTTP on loopback: who gets in, the doors, what lives as long as the process |
//! | 6 | [`exchange`] | one request through its plan: send, listen, wait, fall back, stop; its rows, its conversation |
//! | 5 | [`config`] | llm.yaml, glm.json, moai's own config, in layers with an origin per value |
//! | 5 | [`keys`] | where keys are kept and how one is found |
//! | 5 | [`journal`] | every attempt and what it cost, encrypted; conversations, cached answers, feedback |
//! | 5 | [`backup`] | what moai keeps at home, in one encrypted file |
//! | 5 | [`log`] | what was decided and why, and what failed, a line each |
//! | 5 | [`settings`] | Claude Code's settings files: edited in place, undone to the byte |
//! | 5 | [`worktree`] | git worktrees: created fast, removed without loss |
//! | 5 | [`upstream`] | the vendors' APIs over HTTP |
//! | 4 | [`route`] | who answers, who stands in, when to try again; modes and phases |
//! | 3 | [`wire`] | the dialects of the vendors' APIs: requests, streams, errors |
//! | 3 | [`classify`] | a prompt's text: which tier, which kind, how sure, and why |
//! | 3 | [`cost`] | usage times price, budgets, the Claude-only baseline |
//! | 3 | [`alert`] | what is watched, when it is an alert, what is told of it |
//! | 2 | [`catalog`] | providers, models and dated prices as typed data |
//! | 1 | [`plot`] | charts as SVG text: lines, areas, bars, timelines, gauges |
//! | 1 | [`model`] | the words: modes, phases, SPEC ids, providers |
//! | 1 | [`statistics`] | what can be said of measured numbers, and how surely |
//! | 0 | [`base`] | world, disk, secret, failure, interrupt, child processes, YAML edited in place |

#![cfg_attr(test, allow(clippy::disallowed_methods, reason = "tests make their own files with the plain tools"))]

pub mod exchange;
pub mod gateway;
pub mod upstream;

pub use moai_core::{alert, base, catalog, classify, cost, model, plot, route, statistics, wire};
pub use moai_rooms::{backup, config, journal, keys, log, settings, worktree};

pub use base::world::World;
