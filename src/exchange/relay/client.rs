//! The client of a relay: asks in its own words, and is told in them.

use bytes::Bytes;
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use super::RelayOrder;
use super::outlet::{By, Head, Outlet};
use super::pen::{Pen, Reader, Writer, failure};
use super::query::Typed;
use crate::exchange::asker::{Asker, Heard, Question};
use crate::exchange::audience::Note;
use crate::exchange::board::Seat;
use crate::route::retry::Attempt;
use crate::route::{Model, Provider};
use crate::wire::{Dialect, Dropped, Event, Fault, estimate_tokens};

/// Who asked, and how far its answer is.
pub(super) struct Client<'a> {
    order: &'a RelayOrder<'a>,
    outlet: Outlet,
    /// The request in the hub's terms, once somebody of another dialect is asked.
    typed: Option<Result<Typed, Fault>>,
    reader: Reader,
    pen: Option<Pen>,
    by: Option<By>,
    attempts: u32,
    dropped: Vec<Dropped>,
    /// Content went out.
    shown: bool,
    /// When something went out last; at first, when the request came.
    last: Instant,
}

impl<'a> Client<'a> {
    pub(super) fn new(order: &'a RelayOrder<'a>, outlet: Outlet) -> Self {
        let query = order.query;
        let reader = Reader {
            dialect: query.dialect,
            model: query.request.head().model.clone(),
            created: (order.now)().as_second(),
            usage: query.wants_usage(),
            input: 0,
            origin: None,
        };
        Self {
            order,
            outlet,
            typed: None,
            reader,
            pen: None,
            by: None,
            attempts: 0,
            dropped: Vec::new(),
            shown: false,
            last: Instant::now(),
        }
    }

    /// Nobody answered: says so, as an answer of its own or, where a stream has begun, in it.
    pub(super) async fn refuse(mut self, fault: &Fault) {
        if self.outlet.is_closed() {
            let reply = fault.reply(self.reader.dialect, self.order.id.as_str());
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            for (name, value) in reply.headers {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    headers.insert(HeaderName::from_static(name), value);
                }
            }
            self.open(reply.status, headers, Some(reply.body.into()));
        } else if !self.shown {
            self.outlet.send(failure(&self.reader, fault)).await;
        }
        self.outlet.end().await;
    }

    fn open(&mut self, status: u16, headers: HeaderMap, whole: Option<Bytes>) {
        let Self { outlet, by, attempts, dropped, .. } = self;
        let (by, attempts, dropped) = (by.clone(), *attempts, dropped.clone());
        outlet.open(|| Head { status, headers, by, attempts, dropped, whole });
    }

    fn open_stream(&mut self) {
        if self.outlet.is_closed() {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            self.open(200, headers, None);
        }
    }

    async fn send(&mut self, bytes: Bytes) {
        self.outlet.send(bytes).await;
        self.last = Instant::now();
    }
}

impl Asker for Client<'_> {
    const READS: bool = false;

    fn question(&mut self, model: &Model, provider: &Provider) -> Result<Question<'_>, Fault> {
        let query = self.order.query;
        if query.is_of(provider) {
            return Ok(query.spliced(model, provider));
        }
        let typed = self.typed.get_or_insert_with(|| {
            self.reader.input = estimate_tokens(query.request.bytes());
            query.typed()
        });
        typed.as_ref().map(|typed| typed.encoded(model, provider)).map_err(Clone::clone)
    }

    fn begin(&mut self, attempt: &Attempt, seat: &Seat, dropped: Vec<Dropped>) {
        let query = self.order.query;
        let model = attempt.ready.model();
        let quirks = &seat.provider().quirks;
        let marks = query.dialect == Dialect::Anthropic && !quirks.anthropic;
        self.reader.origin = marks.then(|| quirks.origin.clone().into_owned());
        self.pen = Some(Pen::new(self.reader.clone(), query.streams(), query.is_of(seat.provider())));
        if let Some(gist) = self.order.gist {
            gist.forget();
        }
        self.attempts = attempt.number;
        self.dropped = dropped;
        self.by = Some(By {
            model: model.name.clone(),
            provider: attempt.ready.provider().name.clone(),
            deployment: seat.deployment().map(str::to_owned),
            tier: model.tier,
            fallback: attempt.fallback || self.order.decision.is_fallback(),
        });
    }

    fn note(&mut self, _note: &Note) {}

    fn hear(&mut self, heard: Heard<'_>) {
        if let Some(gist) = self.order.gist {
            gist.hear(&heard.events);
        }
        if let Some(pen) = &mut self.pen {
            pen.hear(heard);
        }
    }

    async fn let_out(&mut self) {
        let Some(pen) = self.pen.as_mut().filter(|_| self.order.query.streams()) else { return };
        let bytes = pen.take();
        if !bytes.is_empty() {
            self.shown = true;
            self.open_stream();
            self.send(bytes).await;
        }
    }

    async fn end(&mut self) {
        self.outlet.end().await;
        // Last: whoever has this needs the rest of the pipe no more.
        if let Some(whole) = self.pen.as_mut().and_then(Pen::whole) {
            self.shown = true;
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            self.open(200, headers, Some(whole));
        }
    }

    async fn broke(&mut self, fault: &Fault) {
        self.send(failure(&self.reader, fault)).await;
    }

    fn has_shown(&self) -> bool {
        self.shown
    }

    fn sign_due(&self) -> Option<Instant> {
        let wait = if self.outlet.is_closed() { self.order.hold } else { self.order.ping };
        self.order.query.streams().then(|| self.last + wait)
    }

    async fn give_sign(&mut self) {
        self.open_stream();
        self.send(Writer::one(&self.reader, &Event::Ping)).await;
    }
}
