//! A frame as cells: from 40 columns on, wide characters in line, with colours or without.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Modifier, Style};
use unicode_width::UnicodeWidthStr as _;

use crate::cli::costs::{cost, dollars, grouped};
use crate::cli::stats::millis;
use crate::cli::ui::clean;
use crate::cost::Level;
use crate::journal::panels::{Pulse, Recent, Tiles};
use crate::model::Usd;

use super::frame::{Frame, HOURS, Seen};

const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
const DIM: Style = Style::new().add_modifier(Modifier::DIM);
const GREEN: Style = Style::new().fg(Color::Green);
const YELLOW: Style = Style::new().fg(Color::Yellow);
const RED: Style = Style::new().fg(Color::Red);
const PLAIN: Style = Style::new();

/// How many providers and conversations are shown before the requests get the rest of the rows.
const FEW: usize = 4;
/// How many requests are shown where there is no end to the rows.
const SOME: usize = 20;

/// A row of a list: its cells, each with its column and its style.
type Row = Vec<(u16, String, Style)>;

/// How many rows it takes to tell everything.
pub(super) fn whole(frame: &Frame, width: u16) -> u16 {
    let Some(seen) = &frame.seen else { return 3 };
    let alerts = frame.gateway.as_ref().map_or(0, |gateway| gateway.alerts.len().min(FEW));
    let lists = alerts + seen.providers.len().min(FEW) + seen.sessions.len().min(FEW) + seen.recent.len().min(SOME);
    let tiles = usize::from(lay(&tiles(frame, seen), width).last().map_or(0, |(_, y, ..)| *y)) + 1;
    u16::try_from(lists + tiles + 9).unwrap_or(u16::MAX)
}

/// The frame in `area`.
pub(super) fn draw(frame: &Frame, area: Rect, coloured: bool) -> Buffer {
    let mut page = Page { buffer: Buffer::empty(area), y: 0, coloured };
    let time = frame.zone.to_datetime(frame.now).strftime("%Y-%m-%d %H:%M:%S").to_string();
    page.row(&[(0, "moai top".into(), BOLD), (10, time, PLAIN), (31, "q quits".into(), DIM)]);
    if let Some(seen) = &frame.seen {
        page.tiles(frame, seen);
        page.alerts(frame);
        page.strip(seen);
        page.lists(frame, seen);
    }
    if let Some(note) = &frame.note {
        page.y = page.y.max(2).min(area.height.saturating_sub(1));
        page.row(&[(0, note.clone(), YELLOW)]);
    }
    page.buffer
}

struct Page {
    buffer: Buffer,
    y: u16,
    coloured: bool,
}

impl Page {
    fn width(&self) -> u16 {
        self.buffer.area.width
    }

    /// Text at a column of this row, in at most so many columns; what is longer ends in `…`.
    fn put(&mut self, x: u16, y: u16, text: &str, style: Style, room: u16) {
        let room = room.min(self.width().saturating_sub(x));
        if y >= self.buffer.area.height || room == 0 {
            return;
        }
        let style = if self.coloured { style } else { PLAIN };
        let text = clean(text).replace(['\n', '\t'], " ");
        let (end, _) = self.buffer.set_stringn(x, y, &text, usize::from(room), style);
        if text.width() > usize::from(room) && end > x {
            // A wide character that would be cut in half goes as a whole.
            let last = end - 1;
            let covered = last > x && self.buffer.cell((last - 1, y)).is_some_and(|cell| cell.symbol().width() > 1);
            let at = if covered { last - 1 } else { last };
            self.buffer.set_stringn(at, y, if covered { "… " } else { "…" }, 2, style);
        }
    }

    /// A row of cells, each as wide as there is room before the next.
    fn row(&mut self, cells: &[(u16, String, Style)]) {
        for (at, (x, text, style)) in cells.iter().enumerate() {
            let next = cells.get(at + 1).map_or(self.width(), |(next, ..)| next.saturating_sub(1));
            self.put(*x, self.y, text, *style, next.saturating_sub(*x));
        }
        self.y = self.y.saturating_add(1);
    }

    fn tiles(&mut self, frame: &Frame, seen: &Seen) {
        let top = self.y;
        for (x, y, text, style) in lay(&tiles(frame, seen), self.width()) {
            self.put(x, top + y, &text, style, u16::MAX);
            self.y = self.y.max(top + y + 1);
        }
    }

    /// What is wrong now, the latest last; where there is little room there is one.
    fn alerts(&mut self, frame: &Frame) {
        let room = usize::from(self.buffer.area.height / 8).clamp(1, FEW);
        for one in frame.gateway.iter().flat_map(|gateway| &gateway.alerts).take(room) {
            let style = if one.severity == "critical" { RED } else { YELLOW };
            self.row(&[(0, format!("alert {}: {}", one.alert, one.message), style)]);
        }
    }

    /// Requests by hour, as bars.
    fn strip(&mut self, seen: &Seen) {
        let most = seen.hours.iter().copied().max().unwrap_or(0);
        let bar = |count: &u64| match (*count * 7).div_ceil(most.max(1)) {
            0 => "·",
            height => BARS.get(usize::try_from(height).unwrap_or(7)).copied().unwrap_or("█"),
        };
        let bars: String = seen.hours.iter().map(bar).collect();
        let label = format!("requests, {HOURS} h");
        let x = u16::try_from(label.width() + 1).unwrap_or(0);
        self.row(&[(0, label, DIM), (x, bars, GREEN), (x + HOURS + 2, format!("at most {}", grouped(most)), DIM)]);
    }

    fn lists(&mut self, frame: &Frame, seen: &Seen) {
        let few = usize::from(self.buffer.area.height / 6).clamp(1, FEW);
        let (providers, sessions) = (seen.providers.len().min(few), seen.sessions.len().min(few));
        let below = [providers, sessions].iter().map(|rows| if *rows == 0 { 0 } else { rows + 1 }).sum::<usize>();
        let left = usize::from(self.buffer.area.height.saturating_sub(self.y)).saturating_sub(below + 1);
        self.row(&requests_head(self.width()));
        for one in seen.recent.iter().take(left) {
            let time = frame.zone.to_datetime(one.at).strftime("%H:%M:%S").to_string();
            self.row(&request(one, time, self.width()));
        }
        if providers > 0 {
            self.row(&head(&[(0, "provider"), (20, "ok"), (27, "errors"), (35, "24 h")]));
            for one in seen.providers.iter().take(providers) {
                let style = if one.whole.availability().is_some_and(|part| part < 0.95) { RED } else { PLAIN };
                let why = one.errors.first().map_or(String::new(), |(name, _)| name.clone());
                self.row(&[
                    (0, one.provider.clone(), BOLD),
                    (20, grouped(one.whole.ok), PLAIN),
                    (27, grouped(one.whole.errors), style),
                    (35, one.slots.iter().map(|pulse| beat(*pulse)).collect(), style),
                    (36 + HOURS, why, DIM),
                ]);
            }
        }
        if sessions > 0 {
            self.row(&head(&[(0, "conversation"), (27, "requests"), (37, "cost"), (48, "last")]));
            for line in seen.sessions.iter().take(sessions) {
                let last = line.totals.last_at.map(|at| frame.zone.to_datetime(at).strftime("%H:%M").to_string());
                self.row(&[
                    (0, line.value.clone().unwrap_or_default(), BOLD),
                    (27, grouped(line.totals.requests), PLAIN),
                    (37, cost(&line.totals), PLAIN),
                    (48, last.unwrap_or_default(), DIM),
                ]);
            }
        }
    }
}

/// How an hour of a provider looks without colours.
fn beat(pulse: Pulse) -> &'static str {
    match pulse.availability() {
        None => "·",
        Some(part) if part > 0.99 => "█",
        Some(part) if part >= 0.5 => "▄",
        Some(_) => "×",
    }
}

fn head(cells: &[(u16, &str)]) -> Row {
    cells.iter().map(|(x, text)| (*x, (*text).to_owned(), DIM)).collect()
}

/// The columns of the requests: on a wide terminal also the time that it took and why this model.
fn requests_head(width: u16) -> Row {
    let all = [(0, "time"), (9, "model"), (29, "tier"), (34, "cost"), (44, "took"), (52, "ended"), (64, "why")];
    head(if width >= 80 { &all } else { all.get(..6).unwrap_or_default() })
}

fn request(one: &Recent, time: String, width: u16) -> Row {
    let (ended, style) = match (one.outcome.as_str(), &one.error) {
        ("ok", _) if one.fallback => ("stood in".to_owned(), YELLOW),
        ("ok", _) => ("ok".to_owned(), GREEN),
        ("failed" | "cut", error) => (error.clone().unwrap_or_else(|| one.outcome.clone()), RED),
        (other, _) => (other.to_owned(), DIM),
    };
    let mut row = vec![
        (0, time, DIM),
        (9, one.model.clone(), BOLD),
        (29, one.tier.to_string(), PLAIN),
        (34, one.cost.map_or("unknown".into(), dollars), PLAIN),
        (44, millis(one.total_ms), PLAIN),
        (52, ended, style),
    ];
    if width >= 80 {
        let why = one.decision.as_ref().map_or(String::new(), |why| format!(": {why}"));
        row.push((64, format!("{}{why}", one.decided_by), DIM));
    }
    row
}

/// The day's figures, each with its label.
fn tiles(frame: &Frame, seen: &Seen) -> Vec<(&'static str, String, Style)> {
    let Tiles { totals, saved, saved_percent, tier1_percent, error_rate, fallback_rate, .. } = seen.tiles;
    // What is rounded sums to a hundred, too.
    let tier2_percent = 100.0 - (tier1_percent * 10.0).round() / 10.0;
    let hundred = |part: f64| if totals.attempts > 0 { format!("{part:.1} %") } else { "–".to_owned() };
    let percent = |part: f64| hundred(part * 100.0);
    let mut tiles = vec![("spent today", cost(&totals), BOLD)];
    if saved != Usd::ZERO || saved_percent.is_some() {
        let part = saved_percent.map_or(String::new(), |part| format!(" ({part:.1} %)"));
        tiles.push(("saved", format!("{}{part}", dollars(saved)), GREEN));
    }
    if let Some(verdict) = &seen.budget {
        let style = match verdict.level {
            Level::Within => GREEN,
            Level::Near => YELLOW,
            Level::Over => RED,
        };
        let spent = verdict.spent_usd.share_of(verdict.limit_usd).unwrap_or(10_000).clamp(0, 10_000);
        let full = usize::try_from(spent / 1000).unwrap_or(0);
        tiles.push(("budget", format!("{}{} {}", "█".repeat(full), "░".repeat(10 - full), verdict.sums()), style));
    }
    tiles.push(("requests", grouped(totals.requests), PLAIN));
    if let Some(gateway) = &frame.gateway {
        let models: Vec<String> = gateway.models.iter().map(|one| format!("{} {}", one.model, one.in_flight)).collect();
        let of = if models.is_empty() { String::new() } else { format!(" ({})", models.join(", ")) };
        let style = if gateway.answering > 0 { GREEN } else { PLAIN };
        tiles.push(("under way", format!("{}{of}", grouped(gateway.answering)), style));
    }
    tiles.push(("tier 1", hundred(tier1_percent), PLAIN));
    tiles.push(("tier 2", hundred(tier2_percent), PLAIN));
    tiles.push(("errors", percent(error_rate), if error_rate >= 0.05 { RED } else { PLAIN }));
    tiles.push(("stood in", percent(fallback_rate), if fallback_rate >= 0.1 { YELLOW } else { PLAIN }));
    tiles.push(("cache", percent(seen.tiles.cache_hit_rate), PLAIN));
    tiles
}

/// Labels and figures one after the other, as many in a row as there is room for.
fn lay(tiles: &[(&'static str, String, Style)], width: u16) -> Vec<(u16, u16, String, Style)> {
    let mut laid = Vec::new();
    let (mut x, mut y) = (0_u16, 0_u16);
    for (label, figure, style) in tiles {
        let columns = |text: &str| u16::try_from(text.width()).unwrap_or(u16::MAX);
        let room = columns(label) + 1 + columns(figure);
        if x > 0 && x.saturating_add(room) > width {
            (x, y) = (0, y + 1);
        }
        laid.push((x, y, (*label).to_owned(), DIM));
        laid.push((x + columns(label) + 1, y, figure.clone(), *style));
        x = x.saturating_add(room).saturating_add(3);
    }
    laid
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ui::plain;
    use crate::journal::panels::ProviderHealth;
    use crate::journal::{Line, Totals};

    fn recent(model: &str, outcome: &str) -> Recent {
        Recent {
            request: "r".into(),
            at: "2026-01-09T11:59:00Z".parse().unwrap(),
            attempts: 1,
            model_asked: None,
            model: model.into(),
            provider: "zai".into(),
            tier: 2,
            kind: None,
            confidence: None,
            decided_by: "classifier".into(),
            decision: Some("op:implement".into()),
            outcome: outcome.into(),
            error: (outcome == "failed").then(|| "timeout".into()),
            fallback: false,
            cost: Some(Usd::from_nanos(2_000_000)),
            first_ms: None,
            total_ms: 1200,
            prompt_tokens: 1,
            output_tokens: 1,
            session: None,
            project: None,
            agent: None,
        }
    }

    fn frame() -> Frame {
        let totals = Totals { requests: 3, attempts: 3, cost: Usd::from_nanos(6_000_000), ..Totals::default() };
        let tiles = Tiles {
            shadows: Usd::ZERO,
            totals,
            spent: totals.cost,
            saved: Usd::from_nanos(60_000_000),
            saved_percent: Some(90.9),
            tier1_percent: 0.0,
            tier2_percent: 100.0,
            fallback_rate: 0.0,
            error_rate: 0.33,
            cache_hit_rate: 0.5,
        };
        let line = |name: &str| Line {
            start: jiff::civil::date(2026, 1, 9),
            value: Some(name.into()),
            totals: Totals { last_at: Some("2026-01-09T11:59:00Z".parse().unwrap()), ..totals },
        };
        let pulse = Pulse { ok: 2, errors: 1 };
        let mut slots = vec![Pulse::default(); 24];
        slots[23] = pulse;
        let seen = Seen {
            tiles,
            budget: Some(crate::cost::Budget { limit: "0.01".parse().unwrap() }.verdict(totals.cost, 0)),
            hours: (0..24).collect(),
            recent: vec![recent("글룸-4.7-아주-긴-이름의-모델입니다", "ok"), recent("glm-4.7", "failed")],
            providers: vec![ProviderHealth {
                provider: "zai".into(),
                whole: pulse,
                errors: vec![("timeout".into(), 1)],
                slots,
            }],
            sessions: vec![line("로그인-기능을-만드는-아주-긴-대화"), line("auth")],
        };
        Frame {
            now: "2026-01-09T12:00:00Z".parse().unwrap(),
            zone: jiff::tz::TimeZone::UTC,
            seen: Some(seen),
            gateway: Some(super::super::frame::Gateway::of(&serde_json::json!({
                "answering": 3,
                "deployments": [{"provider": "zai", "model": "glm-4.7", "in_flight": 2}, {"in_flight": 0}],
                "alerts": [{"alert": "budget", "severity": "critical", "message": "109 % of today's budget is spent"}],
            }))),
            note: None,
        }
    }

    #[test]
    fn everything_is_there_at_60_columns_and_wide_text_lines_up() {
        for width in [60, 80, 120] {
            let frame = frame();
            let text = plain(&draw(&frame, Rect::new(0, 0, width, whole(&frame, width)), false));
            for line in text.lines() {
                assert!(line.width() <= usize::from(width), "{width}: {line}");
            }
            for word in [
                "spent today $0.0060",
                "(90.9 %)",
                "$0.0060 of $0.0100",
                "timeout",
                "zai",
                "auth",
                "33.0 %",
                "under way 3 (glm-4.7 2)",
                "alert budget: 109 %",
            ] {
                assert!(text.contains(word), "{width}: no {word} in\n{text}");
            }
            let column = |word: &str, row: &str| {
                let line =
                    text.lines().filter(|line| !line.contains("under way")).find(|line| line.contains(row)).unwrap();
                line.split_once(word).map(|(before, _)| before.width())
            };
            assert_eq!(column("$0.0020", "글룸"), column("$0.0020", "glm-4.7 "), "{text}");
            assert_eq!(column("$0.0060", "로그인"), column("$0.0060", "auth"), "{text}");
        }
    }

    #[test]
    fn it_fits_into_any_terminal() {
        let frame = frame();
        for width in 1..90 {
            for height in [1, 2, 5, 12, 24] {
                let buffer = draw(&frame, Rect::new(0, 0, width, height), true);
                assert!(plain(&buffer).lines().count() <= usize::from(height));
            }
        }
    }

    #[test]
    fn without_colours_there_is_no_style() {
        let frame = frame();
        let styled = |coloured| {
            let buffer = draw(&frame, Rect::new(0, 0, 80, 24), coloured);
            buffer.content().iter().any(|cell| cell.fg != Color::Reset || !cell.modifier.is_empty())
        };
        assert!(styled(true) && !styled(false));
    }
}
