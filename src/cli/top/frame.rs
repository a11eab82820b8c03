//! What `moai top` shows at one moment, read from the journal.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::base::sort;
use crate::cli::ui::SCHEMA;
use crate::cost::{Budget, Verdict};
use crate::journal::panels::{ProviderHealth, Recent, Split, Tiles, Window};
use crate::journal::{Days, Journal, JournalError, Line};

/// How many requests and conversations are read: more than any terminal shows.
const MOST: u32 = 100;
/// Over how many hours the strips go.
pub(super) const HOURS: u16 = 24;

/// One moment.
pub(super) struct Frame {
    pub(super) now: Timestamp,
    pub(super) zone: TimeZone,
    /// `None` where there is no journal yet.
    pub(super) seen: Option<Seen>,
    /// What the gateway says that runs.
    pub(super) gateway: Option<Gateway>,
    /// What stands below: why nothing can be seen.
    pub(super) note: Option<String>,
}

/// What a running gateway says of this moment (`GET /api/health`).
#[derive(Debug, Default, serde::Serialize)]
pub(super) struct Gateway {
    /// Answers under way.
    pub(super) answering: u64,
    /// Who is asked for them.
    pub(super) models: Vec<Busy>,
    /// The alerts that stand.
    pub(super) alerts: Vec<Standing>,
}

/// A model with requests under way.
#[derive(Debug, serde::Serialize)]
pub(super) struct Busy {
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) in_flight: u64,
}

/// An alert that stands.
#[derive(Debug, serde::Serialize)]
pub(super) struct Standing {
    pub(super) alert: String,
    pub(super) severity: String,
    pub(super) message: String,
}

impl Gateway {
    /// What its health comes to.
    pub(super) fn of(health: &Value) -> Self {
        let each = |name: &str| health.get(name).and_then(Value::as_array).into_iter().flatten();
        let text = |one: &Value, name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |one: &Value, name: &str| one.get(name).and_then(Value::as_u64).unwrap_or_default();
        let busy = |one: &Value| Busy {
            provider: text(one, "provider"),
            model: text(one, "model"),
            in_flight: number(one, "in_flight"),
        };
        let mut models: Vec<Busy> = each("deployments").map(busy).filter(|one| one.in_flight > 0).collect();
        sort::by_key(&mut models, |one| std::cmp::Reverse(one.in_flight));
        let alerts = each("alerts").map(|one| Standing {
            alert: text(one, "alert"),
            severity: text(one, "severity"),
            message: text(one, "message"),
        });
        Self { answering: number(health, "answering"), models, alerts: alerts.collect() }
    }
}

/// What a journal says.
pub(super) struct Seen {
    pub(super) tiles: Tiles,
    pub(super) budget: Option<Verdict>,
    /// Requests of the last hours.
    pub(super) hours: Vec<u64>,
    pub(super) recent: Vec<Recent>,
    pub(super) providers: Vec<ProviderHealth>,
    pub(super) sessions: Vec<Line>,
}

impl Frame {
    pub(super) fn read(
        journal: Option<&Journal>,
        budget: Option<Budget>,
        gateway: Option<Gateway>,
        now: Timestamp,
        zone: TimeZone,
    ) -> Result<Self, JournalError> {
        let today = Days::only(zone.to_datetime(now).date());
        let window = Window::hours(HOURS, now);
        let seen = |journal: &Journal| -> Result<Seen, JournalError> {
            let tiles = journal.tiles(today)?;
            let series = journal.series(window, Split::Tier)?;
            Ok(Seen {
                budget: budget
                    .map(|budget| budget.verdict(tiles.spent.saturating_sub(tiles.shadows), tiles.totals.unpriced)),
                hours: series.whole.slots.iter().map(|slot| slot.requests).collect(),
                recent: journal.recent(MOST)?,
                providers: journal.health(window)?.1,
                sessions: journal.sessions_used(today, MOST as usize)?,
                tiles,
            })
        };
        let seen = journal.map(seen).transpose()?;
        let note = seen.is_none().then(|| "nothing was recorded yet: `moai serve` or `moai route`".to_owned());
        Ok(Self { now, zone, seen, gateway, note })
    }

    /// The same for programs (`docs/schema/top.json`).
    pub(super) fn document(&self) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("schema".into(), json!(SCHEMA));
        document.insert("at".into(), json!(self.now));
        let seen = self.seen.as_ref();
        let provider = |one: &ProviderHealth| {
            let errors: Map<String, Value> =
                one.errors.iter().map(|(name, count)| (name.clone(), json!(count))).collect();
            json!({ "provider": one.provider, "ok": one.whole.ok, "errors": one.whole.errors, "by_error": errors })
        };
        let session = |line: &Line| {
            let totals = &line.totals;
            json!({
                "session_id": line.value,
                "requests": totals.requests,
                "cost_usd": totals.known(),
                "last_at": totals.last_at,
            })
        };
        for (name, value) in [
            ("today", json!(seen.map(|seen| seen.tiles))),
            ("requests", json!(seen.map_or(0, |seen| seen.tiles.totals.requests))),
            ("budget", json!(seen.and_then(|seen| seen.budget))),
            ("gateway", json!(self.gateway)),
            ("requests_by_hour", json!(seen.map(|seen| seen.hours.as_slice()).unwrap_or_default())),
            ("recent", json!(seen.map(|seen| seen.recent.as_slice()).unwrap_or_default())),
            ("providers", seen.map_or(json!([]), |seen| seen.providers.iter().map(provider).collect())),
            ("sessions", seen.map_or(json!([]), |seen| seen.sessions.iter().map(session).collect())),
        ] {
            document.insert(name.into(), value);
        }
        document
    }
}
