//! How much of something is used: an arc.

use super::svg::{Anchor, Svg, coordinate};
use super::{Caption, Tone};

/// A share of a whole.
#[derive(Debug, Clone, Copy)]
pub struct Gauge<'a> {
    /// What it is called.
    pub caption: Caption<'a>,
    /// The share: 1 is all of it; more is drawn as all. `None` where there is no whole to have a share of.
    pub share: Option<f64>,
    /// Its colour.
    pub tone: Tone,
    /// What stands in it, in a few letters: `63 %`.
    pub said: &'a str,
}

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 68.0;
const RADIUS: f64 = 50.0;

/// Draws the arc from left to right.
pub fn gauge(gauge: &Gauge<'_>) -> String {
    let mut svg = Svg::new(&Caption { drawn: false, ..gauge.caption }, WIDTH, HEIGHT);
    svg.path("arc track", &arc(1.0));
    if let Some(share) = gauge.share.filter(|share| *share > 0.0) {
        svg.path(&format!("arc {}", gauge.tone.class()), &arc(share.min(1.0)));
    }
    svg.text((WIDTH / 2.0, 60.0), Anchor::Middle, "now", gauge.said);
    svg.end()
}

/// The arc of a share, over the top.
fn arc(share: f64) -> String {
    let turned = std::f64::consts::PI * (1.0 - share);
    let (x, y) = (60.0 + RADIUS * turned.cos(), 60.0 - RADIUS * turned.sin());
    format!("M10 60A50 50 0 0 1 {} {}", coordinate(x), coordinate(y))
}
