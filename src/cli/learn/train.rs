//! `moai learn train` and `import`: new weights, judged before they are written.

use std::path::Path;

use serde_json::{Value, json};

use crate::base::failure::Failure;
use crate::base::sort;
use crate::base::world::World;
use crate::cli::serve;
use crate::cli::ui::{Column, Style, Table, Ui, clean};
use crate::route::learn::Weights;
use crate::route::learn::fit::{FEWEST, Share, cross, fit, telling};

use super::show::signed;
use super::store::{self, Store};
use super::{Evidence, document, fares, require_no_worse, with};

/// Parts of the way to the new weights, in percent: the first that is no worse is taken.
const PARTS: [i32; 3] = [100, 50, 25];

/// Learns anew, and writes the weights where they are no worse than those of before.
pub(super) fn train(
    store: &Store,
    evidence: &Evidence,
    dry_run: bool,
    world: &World,
    ui: &mut Ui,
) -> Result<(), Failure> {
    let before = store.load()?;
    let telling = telling(&evidence.cases);
    if telling < FEWEST {
        let message = format!(
            "too little to learn from: {}; {FEWEST} prompts with more than acceptance are needed",
            evidence.told()
        );
        return Err(Failure::expected(message)
            .with_code("too-little-evidence")
            .hint("say what you think of decisions: `moai feedback last plan`"));
    }
    let own = cross(&evidence.cases, &before);
    let fitted = fit(&evidence.cases, &before);
    let was = with(&before);
    let tried = PARTS.map(|percent| {
        let part = Weights {
            trained_at: Some(world.now().to_string()),
            opinions: evidence.opinions(),
            ..fitted.part_of_the_way(&before, percent)
        };
        (percent, with(&part), part)
    });
    let [whole, ..] = &tried;
    let best = tried.iter().find(|(_, measure, _)| measure.right >= was.right);
    let Some((percent, is, after)) = best else { return require_no_worse(&was, &whole.1) };
    require_own_no_worse(own)?;
    let changed = after.names != before.names || after.opinions != before.opinions;
    if changed && !dry_run {
        store.write(after)?;
        serve::nudge(world);
    }
    let more = [
        ("changed", json!(changed)),
        ("dry_run", json!(dry_run)),
        ("percent", json!(percent)),
        ("evidence", evidence.counts().into()),
        ("moved", moved(&before, after)),
        ("own", json!({ "before": own.0.rate(), "after": own.1.rate() })),
        ("regression", json!({ "before": fares(&was), "after": fares(is) })),
    ];
    if ui.json {
        return ui.answer_json(&document("train", store, after, &more));
    }
    ui.answer(format!("learned from: {}", evidence.told()))?;
    ui.answer(format!(
        "your prompts, decided without having learned from them: {:.1} % → {:.1} % right",
        own.0.rate() * 100.0,
        own.1.rate() * 100.0
    ))?;
    ui.answer(format!("regression set: {} → {} of {} right", was.right, is.right, is.all))?;
    if *percent < 100 {
        ui.answer(format!("only {percent} % of the way is taken: more would make the regression set worse"))?;
    }
    table(&before, after, ui)?;
    done(changed, dry_run, store, world, ui)
}

/// Takes over weights from a file, where they are no worse than those of before.
pub(super) fn import(store: &Store, file: &Path, dry_run: bool, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let before = store.load()?;
    let path = if file.is_absolute() { file.to_path_buf() } else { world.cwd()?.join(file) };
    let Some(read) = store::read(&path, false)? else {
        return Err(Failure::expected(format!("there is no file {}", clean(&path.display().to_string())))
            .with_code("no-weights-file"));
    };
    // The opinions of another journal have other numbers: those of this one count beside the weights.
    let own = Weights { opinions: 0, ..read };
    let (was, is) = (with(&before), with(&own));
    require_no_worse(&was, &is)?;
    let changed = own != before;
    if changed && !dry_run {
        store.write(&own)?;
        serve::nudge(world);
    }
    if ui.json {
        let more = [
            ("changed", json!(changed)),
            ("dry_run", json!(dry_run)),
            ("moved", moved(&before, &own)),
            ("regression", json!({ "before": fares(&was), "after": fares(&is) })),
        ];
        return ui.answer_json(&document("import", store, &own, &more));
    }
    ui.answer(format!("regression set: {} → {} of {} right", was.right, is.right, is.all))?;
    table(&before, &own, ui)?;
    done(changed, dry_run, store, world, ui)
}

/// Fails where a person's own prompts would be decided worse.
fn require_own_no_worse((before, after): (Share, Share)) -> Result<(), Failure> {
    if after.right >= before.right {
        return Ok(());
    }
    Err(Failure::expected(format!(
        "refused: of your own prompts {:.1} % would be decided rightly, {:.1} % are now",
        after.rate() * 100.0,
        before.rate() * 100.0
    ))
    .with_code("worse-weights")
    .hint("what was said of prompts like these does not agree: `moai feedback export` lists it"))
}

fn done(changed: bool, dry_run: bool, store: &Store, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let path = world.tilde(&store.file());
    match (changed, dry_run) {
        (false, _) => ui.say("nothing changes"),
        (true, true) => ui.say(format!("{path} would be written")),
        (true, false) => {
            ui.say(format!("written to {path}"))?;
            ui.hint("take it back: `moai learn undo`")
        }
    }
}

/// The names whose weight is another one, with both.
fn differing<'a>(before: &'a Weights, after: &'a Weights) -> impl Iterator<Item = (&'a str, i32, i32)> {
    let names = sort::set(before.names.keys().chain(after.names.keys()).map(String::as_str));
    let both = |name: &'a str| (name, before.of(name), after.of(name));
    names.into_iter().map(both).filter(|(_, before, after)| before != after)
}

fn moved(before: &Weights, after: &Weights) -> Value {
    differing(before, after)
        .map(|(name, before, after)| json!({ "name": name, "before": before, "after": after }))
        .collect()
}

fn table(before: &Weights, after: &Weights, ui: &mut Ui) -> Result<(), Failure> {
    let mut rows: Vec<_> = differing(before, after).collect();
    if rows.is_empty() {
        return Ok(());
    }
    sort::by_key(&mut rows, |(name, before, after)| (std::cmp::Reverse((after - before).abs()), *name));
    let columns = [Column::shrinking("what is seen"), Column::number("before"), Column::number("after")];
    let mut table = Table::new(columns);
    for (name, before, after) in rows {
        table.row([(clean(name), Style::Bold), (signed(before), Style::Plain), (signed(after), Style::Plain)]);
    }
    ui.answer("")?;
    ui.answer_table(&table)?;
    ui.answer("")
}
