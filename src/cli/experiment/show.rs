//! Experiments, for people and for programs.

use serde_json::{Value, json};

use crate::base::failure::Failure;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui, clean};
use crate::route::trial::{ALPHA, Experiment, FEWEST, Measure, Outcome, Standing};
use crate::statistics::Interval;

/// Says which experiments there are.
pub(super) fn list(experiments: &[Experiment], ui: &mut Ui) -> Result<(), Failure> {
    if ui.json {
        return ui.answer_json(
            &json!({ "schema": SCHEMA, "experiments": experiments.iter().map(told).collect::<Vec<_>>() }),
        );
    }
    if experiments.is_empty() {
        ui.say("there are no experiments")?;
        return ui.hint("`moai experiment start --help` says how to start one");
    }
    let columns = [
        Column::fixed("name"),
        Column::fixed("tier"),
        Column::shrinking("arms"),
        Column::fixed("measure"),
        Column::fixed(""),
    ];
    let mut table = Table::new(columns);
    for one in experiments {
        let arms: Vec<String> = one.arms.iter().map(|arm| format!("{}={}", arm.name(), arm.weight)).collect();
        table.row([
            (clean(&one.name), Style::Bold),
            (one.tier.to_string(), Style::Plain),
            (clean(&arms.join(" ")), Style::Plain),
            (one.measure.as_str().to_owned(), Style::Plain),
            (if one.stopped.is_some() { "stopped" } else { "running" }.to_owned(), Style::Plain),
        ]);
    }
    ui.answer_table(&table)
}

/// An experiment for programs: of what an arm is told, its name and its length; the words stay in their file.
pub(super) fn told(experiment: &Experiment) -> Value {
    let mut told = json!(experiment);
    for (at, arm) in experiment.arms.iter().enumerate() {
        if let Some(added) = &arm.prompt {
            let bytes = added.text.as_str().len();
            let said = told.pointer_mut(&format!("/arms/{at}/prompt"));
            if let Some(said) = said {
                *said = json!({ "name": added.name, "bytes": bytes });
            }
        }
    }
    told
}

/// Says what an experiment shows.
pub(super) fn one(experiment: &Experiment, standing: &Standing, ui: &mut Ui) -> Result<(), Failure> {
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "experiment": told(experiment),
            "error": ALPHA,
            "arms": standing.arms,
            "winner": standing.winner,
        }));
    }
    let columns = ["conversations", "requests", "cost", "latency", "errors", "retries", "feedback"].map(Column::number);
    let mut table = Table::new([Column::shrinking("arm")].into_iter().chain(columns));
    for arm in &standing.arms {
        let mut cells = vec![
            (clean(&arm.arm), Style::Bold),
            (arm.conversations.to_string(), Style::Plain),
            (arm.requests.to_string(), Style::Plain),
        ];
        cells.extend(Measure::ALL.map(|measure| {
            let mean = arm.means.get(measure.as_str()).copied().flatten();
            (mean.map_or_else(|| "–".to_owned(), |mean| said(measure, mean)), Style::Plain)
        }));
        table.row(cells);
    }
    ui.answer_table(&table)?;
    let first = standing.arms.first().map(|arm| clean(&arm.arm)).unwrap_or_default();
    for arm in &standing.arms {
        for (measure, apart) in surely(arm) {
            ui.answer(format!("{} against {first}: {}", clean(&arm.arm), difference(measure, apart)))?;
        }
    }
    match &standing.winner {
        Some(winner) => ui.answer(format!(
            "decided: by {}, {} is best; the chance that this is wrong is at most 5 %, however often it was looked at",
            experiment.measure.as_str(),
            clean(winner)
        )),
        None => ui.say(format!(
            "not decided: conversations count once they are over for half an hour, and from {FEWEST} in an arm on"
        )),
    }
}

/// The measures by which an arm surely differs.
fn surely(arm: &Outcome) -> impl Iterator<Item = (Measure, Interval)> + '_ {
    let apart = |measure: Measure| Some((measure, *arm.differences.get(measure.as_str())?));
    Measure::ALL.into_iter().filter_map(apart).filter(|(_, apart)| apart.excludes_zero())
}

fn difference(measure: Measure, Interval { point, low, high }: Interval) -> String {
    format!(
        "{} differs by {} ({} to {})",
        measure.as_str(),
        said(measure, point),
        said(measure, low),
        said(measure, high)
    )
}

fn said(measure: Measure, value: f64) -> String {
    match measure {
        Measure::Cost => format!("${value:.4}"),
        Measure::Latency => format!("{value:.1} s"),
        Measure::Errors | Measure::Retries => format!("{:.1} %", value * 100.0),
        Measure::Feedback => format!("{value:+.2}"),
    }
}
