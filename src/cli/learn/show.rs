//! `moai learn show`.

use serde_json::json;

use crate::base::failure::Failure;
use crate::base::sort;
use crate::base::world::World;
use crate::cli::ui::{Column, Style, Table, Ui, clean};
use crate::route::learn::{Learned, Weights};

use super::store::Store;
use super::{Evidence, document, fares, with};

/// Says what is learned, from what, and how well it decides.
pub(super) fn run(store: &Store, evidence: &Evidence, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let weights = store.load()?;
    let (built_in, now) = (with(&Weights::default()), with(&weights));
    let learned = Learned::with(weights.clone(), evidence.lessons.iter().cloned());
    if ui.json {
        let holds = sort::map(learned.weights());
        return ui.answer_json(&document(
            "show",
            store,
            &weights,
            &[
                ("evidence", evidence.counts().into()),
                ("exact", json!(learned.prompts())),
                ("holds", json!(holds)),
                ("regression", json!({ "built_in": fares(&built_in), "now": fares(&now) })),
            ],
        ));
    }
    match &weights.trained_at {
        Some(at) => ui.answer(format!(
            "trained {} from {} prompts: {} names, in {}",
            clean(at),
            weights.prompts,
            weights.names.len(),
            world.tilde(&store.file())
        ))?,
        None => ui.answer("never trained: the built-in weights decide, and what feedback has taught at once")?,
    }
    ui.answer(format!("to learn from: {}; known exactly: {} prompts", evidence.told(), learned.prompts()))?;
    ui.answer(format!("regression set: {} of {} right ({} built in)", now.right, now.all, built_in.right))?;
    let mut rows: Vec<(&str, i32)> = learned.weights().collect();
    if rows.is_empty() {
        return Ok(());
    }
    sort::by_key(&mut rows, |(name, weight)| (std::cmp::Reverse(weight.abs()), *name));
    let mut table =
        Table::new([Column::shrinking("what is seen"), Column::number("weight"), Column::fixed("leans to")]);
    for (name, weight) in rows {
        let side = if weight > 0 { "plan" } else { "implement" };
        table.row([(clean(name), Style::Bold), (signed(weight), Style::Plain), (side.to_owned(), Style::Plain)]);
    }
    ui.answer("")?;
    ui.answer_table(&table)
}

/// Thousandths of a logit, in logits: `+0.42`.
pub(super) fn signed(thousandths: i32) -> String {
    format!("{:+.2}", f64::from(thousandths) / 1000.0)
}
