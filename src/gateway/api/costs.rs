//! Seed 000's costs API: `GET /api/costs/daily` and `GET /api/costs/breakdown`.

use std::sync::Arc;

use hyper::StatusCode;
use jiff::civil::Date;
use serde_json::{Map, Value, json};

use crate::base::failure::{Explain, Kind};
use crate::cost::{CostSummary, Scope, Verdict};
use crate::journal::{By, Days, Period, Shadowed, Totals, day_document, lines_document};
use crate::model::Usd;
use crate::wire::FaultKind;

use super::super::answer::{Answer, Refusal, json as answer};
use super::super::inbound::Inbound;
use super::super::ledger::LedgerError;
use super::super::state::Gateway;
use super::form::{self, Wrong};

/// `GET /api/costs/daily`: a day with the fields of the seeds' `CostSummary`; `?date=2026-01-09`, else today.
pub(in crate::gateway) async fn daily(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let today = today(&gateway);
    let (day, by) = match day(&inbound, today).and_then(|day| Ok((day, split(&inbound)?))) {
        Ok(asked) => asked,
        Err(wrong) => return wrong.answer(),
    };
    let read = gateway.ledger.ask(move |journal| {
        let days = Days::only(day);
        let totals = (journal.totals(days)?, journal.shadowed(days)?);
        Ok((journal.summary(day)?, totals, journal.report(Period::Day, Some(by), days)?))
    });
    let (summary, totals, lines) = match read.await {
        Ok(read) => read.unwrap_or_else(|| {
            (CostSummary::new(day, (Usd::ZERO, 0), (Usd::ZERO, 0)), <(Totals, Shadowed)>::default(), Vec::new())
        }),
        Err(error) => return broken(&error, &inbound),
    };
    let budget = verdict(&gateway, &inbound).filter(|_| day == today);
    let mut document = day_document(&summary, (&totals.0, totals.1), (by, &lines), budget);
    document.insert("budgets".into(), budgets(&gateway, &inbound));
    answer(StatusCode::OK, &document)
}

/// `GET /api/costs/breakdown`: what each model has cost, today unless `date`, `since` or `until` say otherwise; `by` has
/// another split.
pub(in crate::gateway) async fn breakdown(gateway: Arc<Gateway>, inbound: Inbound) -> Answer {
    let today = today(&gateway);
    let days = form::days(inbound.query.as_deref(), today);
    let (days, by) = match days.and_then(|days| Ok((days.unwrap_or(Days::only(today)), split(&inbound)?))) {
        Ok(asked) => asked,
        Err(wrong) => return wrong.answer(),
    };
    let lines = match gateway.ledger.ask(move |journal| journal.report(Period::All, Some(by), days)).await {
        Ok(lines) => lines.unwrap_or_default(),
        Err(error) => return broken(&error, &inbound),
    };
    let total = lines.iter().fold(Totals::default(), |sum, line| sum.plus(&line.totals));
    let listed = lines_document(&lines);
    // `dict[str, ModelCost]`: the same lines, by their names.
    let named: Map<String, Value> = listed
        .as_array()
        .into_iter()
        .flatten()
        .map(|line| (line.get("value").and_then(Value::as_str).unwrap_or("none").to_owned(), line.clone()))
        .collect();
    let mut document = Map::new();
    for (name, value) in [
        ("schema", json!(1)),
        ("since", json!(days.since)),
        ("until", json!(days.until)),
        ("by", json!(by.as_str())),
        ("total_cost_usd", json!(total.cost)),
        ("total_requests", json!(total.requests)),
        ("total", json!(total.document())),
        (if by == By::Model { "models" } else { "values" }, Value::Object(named)),
        ("lines", listed),
    ] {
        document.insert(name.to_owned(), value);
    }
    answer(StatusCode::OK, &document)
}

fn day(inbound: &Inbound, today: Date) -> Result<Date, Wrong> {
    let days = form::days(inbound.query.as_deref(), today)?;
    match days {
        None => Ok(today),
        Some(Days { since: Some(since), until: Some(until) }) if since == until => Ok(since),
        Some(_) => {
            Err(Wrong::value(&["query", "since"], "is for /api/costs/breakdown; a day is asked for with `date`"))
        }
    }
}

fn split(inbound: &Inbound) -> Result<By, Wrong> {
    let Some(word) = form::asked(inbound.query.as_deref(), "by") else { return Ok(By::Model) };
    let words = By::ALL.map(By::as_str).join(", ");
    word.parse().map_err(|_unknown| Wrong::value(&["query", "by"], format!("has to be one of {words}")))
}

/// The person's day.
pub(super) fn today(gateway: &Gateway) -> Date {
    gateway.world.zone().to_datetime(gateway.world.now()).date()
}

/// How the day stands against its budget, what is set aside left out.
fn verdict(gateway: &Gateway, inbound: &Inbound) -> Option<Verdict> {
    let allowance = &inbound.snapshot.allowance;
    let standings = gateway.limits.standings(&[Scope::Day], &allowance.budgets);
    standings.first().map(|standing| standing.verdict)
}

/// Every budget that is set and was spent from since the start, with what is set aside for requests under way.
pub(in crate::gateway) fn budgets(gateway: &Gateway, inbound: &Inbound) -> Value {
    let budgets = &inbound.snapshot.allowance.budgets;
    let standings = gateway.limits.all_standings(budgets);
    let one = |standing: &crate::cost::Standing| {
        json!({
            "scope": standing.scope.as_str(),
            "name": standing.scope.name(),
            "level": standing.verdict.level,
            "spent_usd": standing.verdict.spent_usd,
            "limit_usd": standing.verdict.limit_usd,
            "reserved_usd": standing.held,
            "unpriced": standing.verdict.unpriced,
            "on_limit": if budgets.refuse { "refuse" } else { "warn" },
        })
    };
    standings.iter().map(one).collect()
}

/// The journal does not answer: 503, with what to do about it.
pub(super) fn broken(error: &LedgerError, inbound: &Inbound) -> Answer {
    refused(error).answer(inbound.speech, &inbound.id)
}

/// The same, not yet told to anybody.
pub(super) fn refused(error: &LedgerError) -> Refusal {
    let status =
        if error.kind() == Kind::Bug { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::SERVICE_UNAVAILABLE };
    let code = error.code().unwrap_or("journal");
    let refusal = Refusal::new(status, FaultKind::Server, code, error.to_string());
    error.hints().into_iter().next().map_or_else(|| refusal.clone(), |hint| refusal.clone().hint(hint))
}
