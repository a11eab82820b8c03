//! What the charts hold: they are whole XML, say their numbers, and nothing in them comes from elsewhere.

use super::*;

const CAPTION: Caption<'_> = Caption { id: "cost", title: "Cost", about: "by hour, UTC", drawn: false };

fn buckets(count: usize) -> Vec<String> {
    (0..count).map(|hour| format!("{hour:02}:00")).collect()
}

fn series(name: &str, tone: usize, values: &[Option<f64>]) -> Series {
    Series { name: name.into(), tone: Tone::Nth(tone), values: values.to_vec() }
}

fn chart<'a>(buckets: &'a [String], series: &'a [Series]) -> Chart<'a> {
    Chart { caption: CAPTION, unit: Unit::Usd, buckets, series, empty: "no data" }
}

/// Every tag is closed, in the order of opening.
fn assert_whole(svg: &str) {
    let mut open = Vec::new();
    for piece in svg.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').expect("a tag that ends");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "in {svg}"),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split(' ').next().unwrap()),
        }
    }
    assert!(open.is_empty(), "left open: {open:?} in {svg}");
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    assert!(!svg.contains("style="), "an inline style, which a strict policy forbids: {svg}");
}

#[test]
fn nothing_to_draw_says_so() {
    let values = [series("a", 0, &[None, None])];
    let hours = buckets(2);
    for draw in [lines, areas, bars] {
        for empty in [chart(&[], &[]), chart(&hours, &[]), chart(&hours, &values), chart(&[], &values)] {
            let svg = draw(&empty);
            assert_whole(&svg);
            assert!(svg.contains(">no data</text>"), "{svg}");
        }
    }
    let none = Timeline { caption: CAPTION, rows: &[], ticks: &[], empty: "no data" };
    assert!(timeline(&none).contains(">no data</text>"));
}

#[test]
fn zero_is_drawn_and_is_not_nothing() {
    let svg = bars(&chart(&buckets(2), &[series("a", 0, &[Some(0.0), None])]));
    assert_whole(&svg);
    assert!(!svg.contains("no data"));
    assert!(svg.contains("<title>00:00\na: $0.00</title>"), "{svg}");
    assert!(svg.contains("<title>01:00</title>"), "what is not known has no number: {svg}");
}

#[test]
fn a_value_that_stands_alone_is_a_dot() {
    let alone = lines(&chart(&buckets(1), &[series("a", 0, &[Some(2.0)])]));
    assert_whole(&alone);
    assert_eq!(alone.matches("<circle").count(), 1);
    let gap = lines(&chart(&buckets(5), &[series("a", 0, &[Some(1.0), Some(2.0), None, Some(3.0), None])]));
    assert_eq!((gap.matches("class=\"line p1\"").count(), gap.matches("<circle").count()), (1, 1));
    assert!(areas(&chart(&buckets(1), &[series("a", 0, &[Some(2.0)])])).contains("class=\"fill p1\""));
}

#[test]
fn numbers_that_are_none_are_left_out() {
    let odd = [series("a", 0, &[Some(f64::NAN), Some(f64::INFINITY), Some(1.0)])];
    for draw in [lines, areas, bars] {
        assert_whole(&draw(&chart(&buckets(3), &odd)));
    }
}

#[test]
fn bars_stand_on_zero_and_on_each_other() {
    let all = [series("a", 0, &[Some(1.0)]), series("b", 1, &[Some(3.0)]), series("c", 2, &[Some(-2.0)])];
    let svg = bars(&chart(&buckets(1), &all));
    assert_whole(&svg);
    let heights: Vec<f64> = ["fill p1", "fill p2", "fill p3"]
        .iter()
        .map(|class| {
            let bar = svg.split(&format!("<path class=\"{class}\" d=\"")).nth(1).unwrap();
            bar.split('v').nth(1).unwrap().split('h').next().unwrap().parse().unwrap()
        })
        .collect();
    assert!(
        (heights[1] / heights[0] - 3.0).abs() < 0.05 && (heights[2] / heights[0] - 2.0).abs() < 0.05,
        "{heights:?}"
    );
}

#[test]
fn the_same_numbers_make_the_same_bytes() {
    let hours = buckets(24);
    let values: Vec<Option<f64>> = (0..24).map(|hour| Some(f64::from(hour) * 0.013)).collect();
    let all = [series("glm-4.7", 0, &values), series("claude", 1, &values)];
    for draw in [lines, areas, bars] {
        assert_eq!(draw(&chart(&hours, &all)), draw(&chart(&hours, &all)));
        assert!(draw(&chart(&hours, &all)).len() < 8_000, "a day of two models is a small picture");
    }
}

#[test]
fn what_stands_in_a_chart_is_escaped() {
    let evil = "<script>alert(1)</script>";
    let caption = Caption { id: "x", title: evil, about: evil, drawn: true };
    let names = [evil.to_owned()];
    let values = [series(evil, 0, &[Some(1.0)])];
    let of = Chart { caption, unit: Unit::Count, buckets: &names, series: &values, empty: evil };
    let rows =
        [Row { name: evil.into(), spans: vec![Span { from: 0.0, to: 0.5, tone: Tone::Bad, about: evil.into() }] }];
    let line = Timeline { caption, rows: &rows, ticks: &[(0.0, evil.into())], empty: evil };
    let round = Gauge { caption, share: Some(1.4), tone: Tone::Bad, said: evil };
    for svg in [lines(&of), areas(&of), bars(&of), timeline(&line), gauge(&round), standalone(&bars(&of))] {
        assert!(!svg.contains("<script"), "{svg}");
        assert!(svg.contains("&lt;script"), "{svg}");
    }
}

#[test]
fn names_of_buckets_do_not_overlap() {
    let days: Vec<String> = (0..30).map(|day| format!("Nov {:02}", day + 1)).collect();
    let svg = bars(&chart(&days, &[series("", 0, &[Some(1.0); 30])]));
    let written = days.iter().filter(|day| svg.contains(&format!(">{day}</text>"))).count();
    assert!((3..=8).contains(&written), "{written} names in {svg}");
}

#[test]
fn a_short_failure_is_seen() {
    let rows = [Row {
        name: "zai".into(),
        spans: vec![
            Span { from: 0.0, to: 1.0, tone: Tone::Good, about: "up".into() },
            Span { from: 1.0, to: 1.0, tone: Tone::Bad, about: "down".into() },
        ],
    }];
    let svg = timeline(&Timeline { caption: CAPTION, rows: &rows, ticks: &[], empty: "" });
    assert_whole(&svg);
    assert!(svg.contains("class=\"fill bad\" x=\"470\" y=\"8\" width=\"2\""), "{svg}");
}

#[test]
fn a_file_of_its_own_has_its_colours_and_both_themes() {
    let svg = standalone(&bars(&chart(&buckets(1), &[series("a", 0, &[Some(1.0)])])));
    assert!(svg.starts_with("<svg class=\"plot\"") && svg.contains("xmlns=\"http://www.w3.org/2000/svg\"><style>"));
    assert!(svg.contains("prefers-color-scheme:dark"));
    assert!(!svg.contains("]]>") && !CSS.contains('<') && !CSS.contains('&'), "the style sheet is no XML of its own");
}

#[test]
fn a_gauge_is_full_at_most() {
    let at = |share| gauge(&Gauge { caption: CAPTION, share, tone: Tone::Warn, said: "x" });
    assert!(at(Some(1.5)).contains("arc warn\" d=\"M10 60A50 50 0 0 1 110 60\""), "{}", at(Some(1.5)));
    assert!(!at(None).contains("arc warn"));
    assert_whole(&at(Some(0.3)));
}
