//! Experiments, for people and for programs.

use serde_json::{Value, json};

use super::{Seen, Shows};
use crate::base::failure::Failure;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui, clean};
use crate::model::Usd;
use crate::route::bandit::{HALF_LIFE, Shown as Believed};
use crate::route::shadow::Shown;
use crate::route::trial::{ALPHA, Experiment, FEWEST, Form, Measure, Outcome, Standing};
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
            (measured(one).to_owned(), Style::Plain),
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

/// What it goes by.
fn measured(experiment: &Experiment) -> &'static str {
    match experiment.form {
        Form::Split => experiment.measure.as_str(),
        Form::Bandit { .. } => "bandit",
        Form::Shadow { .. } => "shadow",
    }
}

/// Says what an experiment shows.
pub(super) fn one(seen: &Seen, ui: &mut Ui) -> Result<(), Failure> {
    match &seen.shows {
        Shows::Bandit(shown) => bandit(&seen.experiment, shown, ui),
        Shows::Split(standing) => split(&seen.experiment, standing, ui),
        Shows::Shadow(shown, today) => shadow(&seen.experiment, shown, *today, ui),
    }
}

/// Says what a bandit believes, what it does, and why.
fn bandit(experiment: &Experiment, shown: &[Believed], ui: &mut Ui) -> Result<(), Failure> {
    if ui.json {
        return ui.answer_json(&json!({ "schema": SCHEMA, "experiment": told(experiment), "bandit": shown }));
    }
    ui.answer(format!("{} {}", clean(&experiment.name), does(experiment)))?;
    let columns = ["conversations", "success", "90 %", "cost", "worth", "share"].map(Column::number);
    let mut table = Table::new([Column::fixed("kind"), Column::shrinking("arm")].into_iter().chain(columns));
    for one in shown {
        let Interval { point, low, high } = one.success;
        let plain = |text: String| (text, Style::Plain);
        table.row([
            plain(one.kind.unwrap_or("–").to_owned()),
            (clean(&one.arm), Style::Bold),
            plain(one.conversations.to_string()),
            plain(format!("{point:.2}")),
            plain(format!("{low:.2} to {high:.2}")),
            plain(one.cost.map_or_else(|| "–".to_owned(), |cost| said(Measure::Cost, cost))),
            plain(format!("{:.2}", one.utility)),
            plain(format!("{:.0} %", one.share * 100.0)),
        ]);
    }
    if shown.is_empty() {
        return ui.say("it has seen nothing yet, and tries all alike");
    }
    ui.answer_table(&table)?;
    let days = HALF_LIFE / (24 * 60 * 60 * 1000);
    ui.answer("worth: the success less the price put on the cost. A conversation goes to the arm that is worth most")?;
    ui.answer(format!(
        "in a draw of what is believed; share is how often that is. After {days} days a conversation counts half"
    ))
}

/// Says what copies show.
fn shadow(experiment: &Experiment, shown: &Shown, today: Usd, ui: &mut Ui) -> Result<(), Failure> {
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "experiment": told(experiment),
            "shadow": shown,
            "spent_today_usd": today,
        }));
    }
    ui.answer(format!("{} {}", clean(&experiment.name), does(experiment)))?;
    let columns = ["requests", "without an answer", "cost of one", "latency"].map(Column::number);
    let mut table = Table::new([Column::shrinking("who")].into_iter().chain(columns));
    let number = |value: Option<f64>, measure| value.map_or_else(|| "–".to_owned(), |value| said(measure, value));
    let copies = [shown.copies.to_string(), shown.failed.to_string()];
    let model = experiment.arms.first().map(|arm| clean(&arm.model)).unwrap_or_default();
    let given = [(shown.copies - shown.failed).to_string(), "–".to_owned()];
    for (at, (who, counts)) in [(model, copies), ("the answers".to_owned(), given)].into_iter().enumerate() {
        let mut cells = vec![(who, Style::Bold)];
        cells.extend(counts.map(|count| (count, Style::Plain)));
        cells.push((number(shown.mean_cost.get(at).copied().flatten(), Measure::Cost), Style::Plain));
        cells.push((number(shown.mean_seconds.get(at).copied().flatten(), Measure::Latency), Style::Plain));
        table.row(cells);
    }
    ui.answer_table(&table)?;
    if let Some(Interval { point, low, high }) = shown.agreement {
        ui.answer(format!(
            "agreed: {:.0} % ({:.0} to {:.0} %): ended for the same reason, and called the same tool first",
            point * 100.0,
            low * 100.0,
            high * 100.0
        ))?;
        ui.answer(format!("otherwise: {} ended so, {} called another tool", shown.other_end, shown.other_tool))?;
    }
    ui.answer(format!("spent: ${today:.4} today, ${:.4} in all", shown.cost))
}

/// What an experiment does, in words.
pub(super) fn does(experiment: &Experiment) -> String {
    let tier = experiment.tier;
    match experiment.form {
        Form::Split => {
            let shares: Vec<String> =
                experiment.arms.iter().map(|arm| format!("{}={}", clean(&arm.name()), arm.weight)).collect();
            format!("splits tier {tier} among {}", shares.join(", "))
        }
        Form::Bandit { cost_weight } => {
            let arms: Vec<String> = experiment.arms.iter().map(|arm| clean(&arm.name())).collect();
            let arms = arms.join(", ");
            format!(
                "learns to whom of {arms} to give tier {tier}; the dearest has to be better by {cost_weight} in a hundred"
            )
        }
        Form::Shadow { share, budget } => {
            let model = experiment.arms.first().map(|arm| clean(&arm.model)).unwrap_or_default();
            format!("copies {share} % of the requests of tier {tier} to {model}, for up to ${budget:.2} a day")
        }
    }
}

/// Says what a split shows.
fn split(experiment: &Experiment, standing: &Standing, ui: &mut Ui) -> Result<(), Failure> {
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
