//! Values over buckets: lines, stacked areas, stacked bars.

use super::axis::{Scale, Unit};
use super::svg::{Anchor, LINE, Svg, coordinate, float, short, width};
use super::{Caption, Tone};

/// Values over buckets.
#[derive(Debug, Clone, Copy)]
pub struct Chart<'a> {
    /// What it is called.
    pub caption: Caption<'a>,
    /// What the values are of.
    pub unit: Unit,
    /// The names of the buckets, in their order; as many of them are written as there is room for.
    pub buckets: &'a [String],
    /// What is drawn, at most eight of them to tell apart; the first is at the bottom of a stack.
    pub series: &'a [Series],
    /// What is said where there is nothing to draw.
    pub empty: &'a str,
}

/// One row of values.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its name, for the legend; no legend is drawn where there is but one series and it has no name.
    pub name: String,
    /// Its colour.
    pub tone: Tone,
    /// A value for each bucket; `None` where nothing is known, which is not zero.
    pub values: Vec<Option<f64>>,
}

const WIDTH: f64 = 480.0;
/// Of the part with the axes; legend and title come on top of it.
const HEIGHT: f64 = 210.0;
/// The longest name in a legend, in columns.
const NAME: usize = 24;

/// A line for each series; a gap where nothing is known, a dot where a value stands alone.
pub fn lines(chart: &Chart<'_>) -> String {
    let values = || chart.series.iter().flat_map(|series| series.values.iter().flatten().copied());
    draw(chart, extent(values().filter(|value| value.is_finite())), |svg, plane| {
        // The first one on top: where lines fall together it is seen whole.
        for series in chart.series.iter().rev() {
            for run in runs(&series.values) {
                let class = series.tone.class();
                match run.as_slice() {
                    [(at, value)] => svg.dot(&format!("fill {class}"), plane.point(*at, *value)),
                    several => svg.path(&format!("line {class}"), &plane.along(several)),
                }
            }
        }
    })
}

/// Areas that lie upon each other. What is not known and what is negative counts as nothing.
pub fn areas(chart: &Chart<'_>) -> String {
    if chart.buckets.len() < 2 {
        // An area needs two ends.
        return bars(chart);
    }
    let mut tops = vec![0.0; chart.buckets.len()];
    let mut layers = Vec::new();
    for series in chart.series {
        let floor: Vec<(usize, f64)> = tops.iter().copied().enumerate().collect();
        for (top, value) in tops.iter_mut().zip(series.values.iter().copied().map(known)) {
            *top += value.unwrap_or(0.0).max(0.0);
        }
        let roof: Vec<(usize, f64)> = tops.iter().copied().enumerate().collect();
        layers.push((series.tone.class(), floor, roof));
    }
    let some = chart.series.iter().any(|series| series.values.iter().copied().any(|value| known(value).is_some()));
    draw(chart, some.then(|| (0.0, tops.iter().copied().fold(0.0, f64::max))), |svg, plane| {
        for (class, mut floor, roof) in layers {
            floor.reverse();
            let back = plane.along(&floor).replacen('M', "L", 1);
            svg.path(&format!("fill area {class}"), &format!("{}{back}Z", plane.along(&roof)));
        }
    })
}

/// Bars that stand upon each other, those below zero hang under it.
pub fn bars(chart: &Chart<'_>) -> String {
    let mut ends = vec![(0.0, 0.0); chart.buckets.len()];
    let mut rows = Vec::new();
    let mut some = false;
    for series in chart.series {
        let mut pieces = Vec::new();
        for ((at, (low, high)), value) in ends.iter_mut().enumerate().zip(series.values.iter().copied().map(known)) {
            some |= value.is_some();
            let Some(value) = value.filter(|value| *value != 0.0) else { continue };
            let end = if value < 0.0 { &mut *low } else { &mut *high };
            pieces.push((at, *end, *end + value));
            *end += value;
        }
        rows.push((series.tone.class(), pieces));
    }
    let all = ends.into_iter().flat_map(|(low, high)| [low, high]);
    draw(chart, extent(all.filter(|_| some)), |svg, plane| {
        // One path for a series: thirty days of eight models are a small picture then.
        for (class, pieces) in rows.iter().filter(|(_, pieces)| !pieces.is_empty()) {
            let bars: String = pieces.iter().map(|(at, from, to)| plane.bar(*at, *from, *to)).collect();
            svg.path(&format!("fill {class}"), &bars);
        }
    })
}

fn known(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}

/// The lowest and the highest of them.
fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.map(|value| (value, value)).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// What is known without a gap, piece by piece.
fn runs(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let mut runs = vec![Vec::new()];
    for (at, value) in values.iter().copied().enumerate() {
        match (known(value), runs.last_mut()) {
            (Some(value), Some(run)) => run.push((at, value)),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The part of the picture that values stand in.
struct Plane {
    left: f64,
    top: f64,
    height: f64,
    /// The width of a bucket.
    step: f64,
    scale: Scale,
}

impl Plane {
    fn x(&self, bucket: usize) -> f64 {
        self.left + (float(bucket) + 0.5) * self.step
    }

    fn y(&self, value: f64) -> f64 {
        self.top + self.height * (1.0 - self.scale.share(value))
    }

    fn point(&self, bucket: usize, value: f64) -> (f64, f64) {
        (self.x(bucket), self.y(value))
    }

    /// A bar of the bucket between two values.
    fn bar(&self, bucket: usize, from: f64, to: f64) -> String {
        let wide = (self.step * 0.72).clamp(1.0, 48.0);
        let (top, bottom) = (self.y(from.max(to)), self.y(from.min(to)));
        let [x, y, wide, high] = [self.x(bucket) - wide / 2.0, top, wide, bottom - top].map(coordinate);
        format!("M{x} {y}h{wide}v{high}h-{wide}z")
    }

    fn along(&self, points: &[(usize, f64)]) -> String {
        let mut path = String::new();
        for (at, value) in points {
            let (x, y) = self.point(*at, *value);
            path.push(if path.is_empty() { 'M' } else { 'L' });
            path.push_str(&coordinate(x));
            path.push(' ');
            path.push_str(&coordinate(y));
        }
        path
    }
}

/// Title, legend, axes, then what `fill` draws, and the tooltips over all of it.
fn draw(chart: &Chart<'_>, span: Option<(f64, f64)>, fill: impl FnOnce(&mut Svg, &Plane)) -> String {
    let head = if chart.caption.drawn { 28.0 } else { 4.0 };
    let Some((low, high)) = span.filter(|_| !chart.buckets.is_empty()) else {
        return Svg::new(&chart.caption, WIDTH, head + 96.0).nothing(chart.empty, head + 96.0);
    };
    let (entries, rows) = legend(chart);
    let top = head + rows * LINE + 8.0;
    let scale = Scale::new(chart.unit, low, high);
    let left = scale.lines.iter().map(|(_, said)| width(said)).fold(0.0, f64::max) + 8.0;
    let step = (WIDTH - left - 8.0) / float(chart.buckets.len());
    let plane = Plane { left, top, height: HEIGHT - 32.0, step, scale };
    let mut svg = Svg::new(&chart.caption, WIDTH, top + HEIGHT);
    for (tone, name, x, row) in entries {
        let y = head + row * LINE;
        svg.rectangle(&format!("fill {}", tone.class()), (x, y + 1.0), (10.0, 10.0), "");
        svg.text((x + 15.0, y + 11.0), Anchor::Start, "", &name);
    }
    axes(&mut svg, &plane, chart.buckets);
    fill(&mut svg, &plane);
    svg.level("zero", (plane.left, WIDTH - 8.0), plane.y(0.0));
    for (at, bucket) in chart.buckets.iter().enumerate() {
        let said = tooltip(chart, at, bucket);
        svg.rectangle("hit", (plane.x(at) - step / 2.0, top), (step, plane.height), &said);
    }
    svg.end()
}

/// The entries of the legend with their places, and how many rows they take.
fn legend(chart: &Chart<'_>) -> (Vec<(Tone, String, f64, f64)>, f64) {
    if let [only] = chart.series
        && only.name.is_empty()
    {
        return (Vec::new(), 0.0);
    }
    let (mut x, mut row) = (0.0, 0.0);
    let mut entries = Vec::new();
    for series in chart.series {
        let name = short(&series.name, NAME);
        let wide = 15.0 + width(&name) + 12.0;
        if x > 0.0 && x + wide > WIDTH {
            (x, row) = (0.0, row + 1.0);
        }
        entries.push((series.tone, name, x, row));
        x += wide;
    }
    (entries, if chart.series.is_empty() { 0.0 } else { row + 1.0 })
}

/// The lines across with their numbers, and as many names of buckets as fit.
fn axes(svg: &mut Svg, plane: &Plane, buckets: &[String]) {
    for (value, said) in &plane.scale.lines {
        let y = plane.y(*value);
        svg.level("grid", (plane.left, WIDTH - 8.0), y);
        svg.text((plane.left - 8.0, y + 4.0), Anchor::End, "", said);
    }
    let widest = buckets.iter().map(|bucket| width(bucket)).fold(0.0, f64::max);
    let fits = |every: usize| float(every) * plane.step >= widest + 10.0;
    // Steps that days, weeks and hours are counted in.
    let every = [1, 2, 3, 4, 6, 7, 12, 14, 24, 28, 48, 56].into_iter().find(|every| fits(*every));
    let y = plane.top + plane.height + 18.0;
    for (at, bucket) in buckets.iter().enumerate().step_by(every.unwrap_or(buckets.len().max(1))) {
        let x = plane.x(at);
        if x + width(bucket) / 2.0 <= WIDTH {
            svg.text((x, y), Anchor::Middle, "", bucket);
        }
    }
}

/// The numbers of a bucket, a line each.
fn tooltip(chart: &Chart<'_>, at: usize, bucket: &str) -> String {
    let mut said = bucket.to_owned();
    for series in chart.series {
        if let Some(value) = series.values.get(at).copied().and_then(known) {
            said.push('\n');
            if !series.name.is_empty() {
                said.push_str(&series.name);
                said.push_str(": ");
            }
            said.push_str(&chart.unit.say(value));
        }
    }
    said
}
