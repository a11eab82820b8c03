//! `moai prices set`, `unset` and `update`: the person's own rows, and newer lists. Whole or not at all, under a lock.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::base::disk::{self, Lock};
use crate::base::failure::{Failure, Kind};
use crate::base::world::World;
use crate::catalog::{Block, ModelPrice, PriceBook, Rates, Variant, vendor_and_id};
use crate::cli::books::{self, load_book, save_book};
use crate::cli::ui::{SCHEMA, Ui, clean};
use crate::model::{Rate, UsdError};

use super::diff::{changes, table};

/// Set your own price of a model, in USD per million tokens
///
/// It is kept in ~/.moai/prices.json and comes before the list. A cache rate that is not given is unknown: a request
/// that uses the cache then has no price.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai prices set glm-4.7 0.5 2.0 --cache-read 0.1
  moai prices set openrouter/qwen/qwen3-coder 0.22 0.95
  moai prices set zai/glm-5 1 3.2 --dry-run")]
pub(super) struct SetArgs {
    /// The model, with or without its vendor: glm-4.7, zai/glm-4.7
    #[arg(value_name = "MODEL")]
    model: String,
    /// A million prompt tokens
    #[arg(value_name = "IN", value_parser = rate)]
    input: Rate,
    /// A million generated tokens
    #[arg(value_name = "OUT", value_parser = rate)]
    output: Rate,
    /// A million tokens read from the cache
    #[arg(long, value_name = "USD", value_parser = rate)]
    cache_read: Option<Rate>,
    /// A million tokens written to the cache for five minutes
    #[arg(long, value_name = "USD", visible_alias = "cache-write", value_parser = rate)]
    cache_write_5m: Option<Rate>,
    /// A million tokens written to the cache for an hour
    #[arg(long, value_name = "USD", value_parser = rate)]
    cache_write_1h: Option<Rate>,
    /// A thousand searches
    #[arg(long, value_name = "USD", value_parser = searches)]
    search: Option<Rate>,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Take your own price of a model back
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  moai prices unset glm-4.7\n  moai prices unset zai/glm-5 --dry-run")]
pub(super) struct UnsetArgs {
    /// The model, as it was set
    #[arg(value_name = "MODEL")]
    model: String,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Use a newer list of prices
///
/// The file is a whole price book (`moai prices show --json` prints one). It is checked, and refused where it is older
/// than the list in use. It counts until a moai with a newer list comes; with --force, always. Your own rows stay in front.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai prices update list.json --dry-run
  moai prices update list.json
  moai prices update last-month.json --force
  moai prices update --built-in             back to the list that moai comes with")]
pub(super) struct UpdateArgs {
    /// The new book
    #[arg(value_name = "FILE", required_unless_present = "built_in")]
    file: Option<PathBuf>,
    /// Go back to the list that moai comes with
    #[arg(long, conflicts_with_all = ["file", "force"])]
    built_in: bool,
    /// Take it even where it is older
    #[arg(long)]
    force: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

fn rate(text: &str) -> Result<Rate, UsdError> {
    Rate::per_million(text)
}

fn searches(text: &str) -> Result<Rate, UsdError> {
    Rate::per_thousand(text)
}

/// Runs `moai prices set`.
pub(super) fn set(args: &SetArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let (vendor, id) = vendor_and_id(&args.model);
    if id.is_empty() || id.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Failure::usage("this is no name of a model"));
    }
    let rates = Rates {
        input: args.input,
        output: args.output,
        cache_read: args.cache_read,
        cache_write_5m: args.cache_write_5m,
        cache_write_1h: args.cache_write_1h,
        search: args.search,
    };
    let block = Block { variant: Variant::Standard, since: None, hours: None, rates, over: None };
    let row = ModelPrice { vendor, id, also: Vec::new(), retired: false, blocks: vec![block] };
    if args.cache_read.is_none() && !ui.json {
        ui.hint("cache reads of it have no price: give --cache-read where the vendor caches")?;
    }
    edit(world, args.dry_run, ui, |book| {
        book.set(row);
        Ok(())
    })
}

/// Runs `moai prices unset`.
pub(super) fn unset(args: &UnsetArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let (vendor, id) = vendor_and_id(&args.model);
    edit(world, args.dry_run, ui, |book| {
        if book.unset(vendor.as_deref(), &id) {
            return Ok(());
        }
        let set: Vec<String> = book.models.iter().map(ModelPrice::key).collect();
        let failure =
            Failure::expected(format!("you have set no price of {}", clean(&args.model))).with_code("no-price");
        Err(if set.is_empty() { failure } else { failure.hint(format!("you have set {}", set.join(", "))) })
    })
}

/// Changes the person's own book.
fn edit(
    world: &World,
    dry_run: bool,
    ui: &mut Ui,
    change: impl FnOnce(&mut PriceBook) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let path = books::user_book(world)?;
    let _lock = lock(world)?;
    let today = world.zone().to_datetime(world.now()).date();
    let old = load_book(&path)?.unwrap_or_else(|| PriceBook {
        name: "user".into(),
        version: String::new(),
        date: today,
        source: "set with `moai prices set`".into(),
        by_name_only: Vec::new(),
        models: Vec::new(),
    });
    let mut new = old.clone();
    change(&mut new)?;
    let list = books::list(world)?;
    let changed = new.models != old.models;
    if changed {
        new = new.dated(today)?;
        if !dry_run {
            save_book(&path, &new)?;
        }
    }
    if ui.json {
        let answer = json!({ "schema": SCHEMA, "path": path, "changed": changed, "dry_run": dry_run, "version": new.version, "models": new.models.len() });
        return ui.answer_json(&answer);
    }
    if !changed {
        return ui.say(format!("{} says so already", world.tilde(&path)));
    }
    let mut differs = changes(list.base(), &new);
    differs.retain(|one| !old.models.contains(one.new));
    if !differs.is_empty() {
        ui.answer_table(&table(&differs))?;
    }
    ui.say(format!("{} {}", if dry_run { "would write" } else { "wrote" }, world.tilde(&path)))
}

/// Runs `moai prices update`.
pub(super) fn update(args: &UpdateArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let [updated, pinned] = books::list_books(world)?;
    let _lock = lock(world)?;
    let Some(file) = args.file.as_ref().filter(|_| !args.built_in) else {
        if !args.dry_run {
            disk::remove(&updated)?;
            disk::remove(&pinned)?;
        }
        let list = crate::catalog::Prices::list();
        return said(args, list.base(), &Value::Null, ui);
    };
    let shown = clean(&file.display().to_string());
    let new = load_book(&world.cwd()?.join(file))?
        .ok_or_else(|| Failure::expected(format!("there is no file {shown}")).with_code("no-file"))?;
    if matches!(new.name.as_str(), "user" | "local" | "spec-model-001") {
        return Err(Failure::new(Kind::Config, format!("{shown}: a list cannot be called `{}`", new.name))
            .with_code("price-book"));
    }
    if new.models.is_empty() {
        return Err(Failure::new(Kind::Config, format!("{shown}: the book has no models")).with_code("price-book"));
    }
    let old = books::list(world)?;
    let older = new.date < old.base().date;
    if older && !args.force {
        let message = format!("{shown} is of {}, and the list in use is of {}", new.date, old.base().date);
        return Err(Failure::expected(message).with_code("older").hint("take it all the same with --force"));
    }
    let (changed, gone) =
        (changes(old.base(), &new), old.base().models.iter().filter(|row| new.find(&row.key()).is_none()).count());
    if !ui.json && !changed.is_empty() {
        ui.answer_table(&table(&changed))?;
    }
    let built_in = crate::catalog::Prices::list();
    let pin = args.force && new.date <= built_in.base().date;
    let (to, other): (&Path, &Path) = if pin { (&pinned, &updated) } else { (&updated, &pinned) };
    if !args.dry_run {
        save_book(to, &new)?;
        disk::remove(other)?;
    }
    said(args, &new, &json!({ "changed": changed.len(), "gone": gone, "path": to, "pinned": pin }), ui)
}

fn said(args: &UpdateArgs, book: &PriceBook, what: &Value, ui: &mut Ui) -> Result<(), Failure> {
    if ui.json {
        let answer = json!({
            "schema": SCHEMA, "name": book.name, "version": book.version, "date": book.date,
            "models": book.models.len(), "dry_run": args.dry_run, "update": what,
        });
        return ui.answer_json(&answer);
    }
    let count = |name: &str| what.get(name).and_then(Value::as_u64).unwrap_or(0);
    if !what.is_null() {
        ui.say(format!("{} rows differ, {} rows of the old list are not in it", count("changed"), count("gone")))?;
    }
    let verb = if args.dry_run { "would use" } else { "in use:" };
    ui.say(format!("{verb} {} {}, {} models", clean(&book.name), clean(&book.version), book.models.len()))
}

fn lock(world: &World) -> Result<Lock, Failure> {
    Ok(Lock::take(&world.moai_home()?.join("prices.lock"), Duration::from_secs(10), || {})?)
}
