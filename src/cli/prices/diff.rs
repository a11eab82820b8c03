//! `moai prices diff`.

use serde_json::{Value, json};

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::catalog::{Block, ModelPrice, PriceBook, Prices};
use crate::cli::books::{self, load_book};
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui};

use super::{cells, condition};

/// Show what another price book changes against the list
///
/// Compared are the rows that the other book has. Without a book it is your own, ~/.moai/prices.json.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai prices diff                  your own rows against the list
  moai prices diff spec-model-001
  moai prices diff newer-list.json --json")]
pub(super) struct Args {
    /// The other book: spec-model-001, list (the built-in one), or a file
    #[arg(value_name = "BOOK")]
    book: Option<String>,
}

/// A row that differs.
pub(super) struct Change<'a> {
    pub(super) key: String,
    pub(super) old: Option<&'a ModelPrice>,
    pub(super) new: &'a ModelPrice,
}

/// Runs `moai prices diff`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let list = books::list(world)?;
    let other = match args.book.as_deref() {
        None => {
            let Some(own) = load_book(&books::user_book(world)?)? else {
                ui.say("you have no prices of your own")?;
                ui.hint("set one: `moai prices set <model> <in> <out>`")?;
                return give(&[], list.base(), None, ui);
            };
            own
        }
        Some(name) => match Prices::named(name) {
            Ok(prices) => prices.base().clone(),
            Err(error) => load_book(&world.cwd()?.join(name))?.ok_or_else(|| {
                Failure::usage(error.to_string()).with_code("price-book").hint("or name a file that exists")
            })?,
        },
    };
    let changes = changes(list.base(), &other);
    give(&changes, list.base(), Some(&other), ui)
}

/// The rows of `new` that have no row in `old`, or one with other prices.
pub(super) fn changes<'a>(old: &'a PriceBook, new: &'a PriceBook) -> Vec<Change<'a>> {
    let change = |row: &'a ModelPrice| {
        let known = old.find(&row.key());
        let same = known.is_some_and(|known| known.blocks == row.blocks);
        (!same).then(|| Change { key: row.key(), old: known, new: row })
    };
    new.models.iter().filter_map(change).collect()
}

fn give(changes: &[Change<'_>], list: &PriceBook, other: Option<&PriceBook>, ui: &mut Ui) -> Result<(), Failure> {
    if ui.json {
        let book = |book: &PriceBook| json!({ "name": book.name, "version": book.version, "date": book.date });
        let changes: Vec<Value> = changes
            .iter()
            .map(|one| json!({ "key": one.key, "old": one.old.map(blocks), "new": blocks(one.new) }))
            .collect();
        return ui
            .answer_json(&json!({ "schema": SCHEMA, "old": book(list), "new": other.map(book), "changes": changes }));
    }
    let Some(other) = other else { return Ok(()) };
    if changes.is_empty() {
        return ui.say(format!(
            "{} says nothing else than {} for its {} models",
            other.name,
            list.name,
            other.models.len()
        ));
    }
    ui.answer_table(&table(changes))?;
    ui.say(ui.talk.dim(&format!("{} {} → {} {}", list.name, list.version, other.name, other.version)))
}

/// Old prices and new ones below each other.
pub(super) fn table(changes: &[Change<'_>]) -> Table {
    let mut columns = vec![Column::fixed("model"), Column::fixed("")];
    columns.extend(["in", "out", "cache read", "write 5m", "write 1h"].map(Column::number));
    columns.push(Column::shrinking("holds"));
    let mut table = Table::new(columns);
    for one in changes {
        let old = one.old.map(|row| row.blocks.as_slice()).unwrap_or_default();
        for (mark, style, ours, theirs) in
            [("-", Style::Red, old, one.new.blocks.as_slice()), ("+", Style::Green, one.new.blocks.as_slice(), old)]
        {
            for block in ours.iter().filter(|block| !theirs.contains(block)) {
                let mut row = vec![(one.key.clone(), Style::Bold), (mark.to_owned(), style)];
                row.extend(cells(&block.rates).map(|cell| (cell, style)));
                row.push((condition(block), Style::Dim));
                table.row(row);
            }
        }
    }
    table
}

fn blocks(row: &ModelPrice) -> Vec<Value> {
    let block = |block: &Block| {
        let rates = &block.rates;
        let text = |rate: Option<crate::model::Rate>| rate.map(|rate| rate.to_string());
        json!({
            "variant": block.variant,
            "since": block.since,
            "in": rates.input.to_string(),
            "out": rates.output.to_string(),
            "read": text(rates.cache_read),
            "write_5m": text(rates.cache_write_5m),
            "write_1h": text(rates.cache_write_1h),
        })
    };
    row.blocks.iter().map(block).collect()
}
