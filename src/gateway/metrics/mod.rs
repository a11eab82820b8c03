//! `GET /metrics`: what the gateway counts, for Prometheus.
//!
//! Every row that goes into the books is added to a [`Tally`] by the thread that writes it; no request does anything
//! for it. Reading adds what stands at this moment: breakers, budgets, what is under way. Sums are those of this
//! process; the journal keeps those of all time, and a row counts in both or in neither.
//!
//! - `tally`: sums over rows, with a bound on how many series there can be
//! - `histogram`: counts in fixed buckets
//! - `now`: what stands at this moment
//! - `text`: Prometheus's text format

mod histogram;
mod now;
mod tally;
mod text;

use std::sync::Arc;

use hyper::StatusCode;

use super::answer::{Answer, bytes_as};
use super::inbound::Inbound;
use super::state::Gateway;

pub(in crate::gateway) use tally::Tally;
use text::Page;

/// The format: version 0.0.4 of the text format, which every Prometheus reads
/// (<https://prometheus.io/docs/instrumenting/exposition_formats/>, read 2026-11-21).
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`.
pub(in crate::gateway) async fn page(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let mut page = Page::default();
    gateway.ledger.tally().write(&mut page);
    now::write(&gateway, &inbound.snapshot, &mut page);
    bytes_as(StatusCode::OK, CONTENT_TYPE, page.into_text())
}
