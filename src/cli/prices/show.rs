//! `moai prices show`.

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::catalog::{Block, ModelPrice, PriceBook, Prices};
use crate::cli::books::Books;
use crate::cli::costs::nearest;
use crate::cli::here::Here;
use crate::cli::ui::{Column, Style, Table, Ui, clean};

use super::{cells, condition, current};

/// Show prices, in USD per million tokens
///
/// Without a model, every model that is still served, with the price that holds now. With one, every price it has: since
/// when, at what hours, how it is sent, and above which length of the prompt. `–` is unknown, not free. `--json` is a
/// price book, in the form that `moai prices update` reads.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai prices show
  moai prices show glm-4.7 claude-haiku-5-5
  moai prices show --vendor anthropic
  moai prices show --prices spec-model-001 --json")]
pub(super) struct Args {
    /// The models
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
    /// Only this vendor's models
    #[arg(long, value_name = "VENDOR")]
    vendor: Option<String>,
    /// Also models that are no longer served
    #[arg(long)]
    all: bool,
    /// The price book: list, or spec-model-001
    #[arg(long, value_name = "BOOK")]
    prices: Option<String>,
}

/// Runs `moai prices show`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let books = Books::open(world, &here, args.prices.as_deref())?;
    let prices = books.prices();
    let rows = rows(args, prices)?;
    if ui.json {
        let name = if rows.iter().any(|(book, _)| prices.user().is_some_and(|own| own.name == *book)) {
            format!("{}+user", prices.base().name)
        } else {
            prices.base().name.clone()
        };
        let book =
            PriceBook { name, models: rows.into_iter().map(|(_, row)| row.clone()).collect(), ..prices.base().clone() };
        return ui.answer_bytes(book.render()?.as_bytes());
    }
    if args.models.is_empty() {
        let mut table = table("book");
        for (book, row) in &rows {
            let Some(block) = current(row, world.now()) else { continue };
            line(&mut table, row.key(), block, book, Style::Bold);
        }
        ui.answer_table(&table)?;
    } else {
        let mut table = table("holds");
        for (_, row) in &rows {
            let now = current(row, world.now());
            for block in &row.blocks {
                let style = if now == Some(block) { Style::Bold } else { Style::Plain };
                line(&mut table, row.key(), block, &condition(block), style);
                if let Some((limit, rates)) = &block.over {
                    let over = Block { rates: *rates, over: None, ..block.clone() };
                    let words = [condition(block), format!("prompt over {limit}")];
                    line(&mut table, row.key(), &over, words.join(", ").trim_start_matches(", "), style);
                }
            }
        }
        ui.answer_table(&table)?;
    }
    for book in prices.user().into_iter().chain([prices.base()]) {
        ui.say(ui.talk.dim(&format!("{}: {}, {}", clean(&book.name), clean(&book.version), clean(&book.source))))?;
    }
    Ok(())
}

/// The rows that are asked for, each with the name of its book.
fn rows<'a>(args: &Args, prices: &'a Prices) -> Result<Vec<(&'a str, &'a ModelPrice)>, Failure> {
    if !args.models.is_empty() {
        let row = |model: &String| {
            let found = prices.find(model).map(|(book, row)| (book.name.as_str(), row));
            found.ok_or_else(|| {
                let near = nearest(model, prices);
                let failure = Failure::expected(format!("no price book has {}", clean(model))).with_code("no-price");
                let failure = failure.hint(format!("set a price: `moai prices set {} <in> <out>`", clean(model)));
                if near.is_empty() { failure } else { failure.hint(format!("there is {}", near.join(", "))) }
            })
        };
        return args.models.iter().map(row).collect();
    }
    let own = prices.user().into_iter().flat_map(|book| book.models.iter().map(move |row| (book.name.as_str(), row)));
    let hidden = |row: &ModelPrice| prices.user().is_some_and(|own| own.find(&row.key()).is_some());
    let base = prices.base();
    let listed = base.models.iter().filter(|row| !hidden(row)).map(|row| (base.name.as_str(), row));
    let wanted = |row: &ModelPrice| {
        let vendor =
            args.vendor.as_ref().is_none_or(|vendor| row.vendor.as_ref() == Some(&vendor.to_ascii_lowercase()));
        vendor && (args.all || !row.retired)
    };
    Ok(own.chain(listed).filter(|(_, row)| wanted(row)).collect())
}

fn table(last: &'static str) -> Table {
    let mut columns = vec![Column::fixed("model")];
    columns.extend(["in", "out", "cache read", "write 5m", "write 1h"].map(Column::number));
    columns.push(Column::shrinking(last));
    Table::new(columns)
}

fn line(table: &mut Table, name: String, block: &Block, last: &str, style: Style) {
    let mut row = vec![(name, style)];
    row.extend(cells(&block.rates).map(|cell| (cell, style)));
    row.push((last.to_owned(), Style::Dim));
    table.row(row);
}
