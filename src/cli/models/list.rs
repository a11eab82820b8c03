//! `moai models list`: every model, with what moai knows of it and what its provider says.

use serde_json::{Value as Json, json};

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui, clean};
use crate::model::Rate;
use crate::route::memory::Gib;
use crate::route::{Facts, Model, NotReady, Provider, Ready};
use crate::upstream::Offered;

use super::entry::Entry;
use super::shop::{Shop, is_ollama};
use super::survey::{State, Survey, state, survey};

/// List the models: price, window, key, and how they are at this moment
///
/// Every provider that has its key is asked for its list at once, and none is waited for for long: what an Ollama has
/// pulled and loaded is in it. `ready` is a model that its provider lists; `configured` one whose provider keeps no list.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai models list
  moai models list --provider ollama
  moai models list --all             with everything that providers list and nobody has configured
  moai models list --offline         without asking anybody
  moai models list --json | jq -r '.models[] | select(.state == \"ready\") | .model'")]
pub(super) struct Args {
    /// Only the models of this provider
    #[arg(long, value_name = "PROVIDER")]
    provider: Option<String>,
    /// Also what providers list and nobody has configured
    #[arg(short, long)]
    all: bool,
    /// Ask nobody: only what is known here
    #[arg(long)]
    offline: bool,
}

/// A model, and how it stands.
struct Row<'a> {
    model: &'a Model,
    ready: Result<Ready, NotReady>,
    state: State,
}

/// Runs `moai models list`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let shop = Shop::open(world, &[], ui)?;
    let wanted = |name: &str| args.provider.as_deref().is_none_or(|only| only.eq_ignore_ascii_case(name));
    let providers: Vec<&Provider> = shop.providers.iter().filter(|provider| wanted(&provider.name)).collect();
    if providers.is_empty() {
        let names: Vec<&str> = shop.providers.iter().map(|provider| provider.name.as_str()).collect();
        return Err(Failure::expected(format!(
            "no provider is called `{}`",
            args.provider.as_deref().unwrap_or_default()
        ))
        .with_code("no-provider")
        .hint(format!("there is {}", names.join(", "))));
    }
    let with_key: Vec<&Provider> = providers
        .iter()
        .copied()
        .filter(|provider| shop.roster.providers().any(|one| one.name == provider.name))
        .collect();
    let survey = survey(&shop, &with_key, args.offline)?;
    let known = || shop.roster.models().filter(|(model, _)| wanted(&model.provider));
    let rows: Vec<Row<'_>> =
        known().map(|(model, ready)| Row { model, state: state(model, &ready, &survey), ready }).collect();
    let others: Vec<(&Provider, &Offered)> =
        with_key.iter().flat_map(|provider| strangers(provider, &survey, &rows).map(|one| (*provider, one))).collect();
    let shown = |provider: &Provider| args.all || is_ollama(provider);
    let facts = Facts::priced(known().map(|(model, _)| model), shop.books.prices(), world.now());
    if ui.json {
        let mut models: Vec<Json> = rows.iter().map(|row| document(row, &facts, &survey)).collect();
        models.extend(
            others
                .iter()
                .filter(|(provider, _)| shown(provider))
                .map(|(provider, one)| stranger(provider, one, &survey)),
        );
        let providers: Vec<Json> = providers.iter().map(|provider| provider_document(provider, &survey)).collect();
        return ui.answer_json(&json!({ "schema": SCHEMA, "models": models, "providers": providers }));
    }
    let mut table = Table::new([
        Column::fixed("model"),
        Column::shrinking("id"),
        Column::fixed("tier").spare(),
        Column::fixed("good at").spare(),
        Column::number("window"),
        Column::number("$/M in"),
        Column::number("out"),
        Column::fixed("state"),
    ]);
    for row in &rows {
        line(&mut table, row, &facts);
    }
    for (provider, one) in others.iter().filter(|(provider, _)| shown(provider)) {
        let loaded = is_loaded(provider, &one.id, &survey);
        let size = one.bytes.filter(|bytes| *bytes > 0).map(|bytes| Gib(bytes).to_string());
        let what = [one.what.clone(), size].into_iter().flatten().collect::<Vec<_>>().join(", ");
        let state = if loaded { State::Loaded } else { State::Ready };
        table.row([
            (format!("{}/{}", provider.name, one.id), Style::Plain),
            (what, Style::Dim),
            (String::new(), Style::Plain),
            (String::new(), Style::Plain),
            (String::new(), Style::Plain),
            (String::new(), Style::Plain),
            (String::new(), Style::Plain),
            (state.as_str().into(), style(state)),
        ]);
    }
    ui.answer_table(&table)?;
    talk(&providers, &others, &survey, &shown, ui)
}

/// What the table does not say: who does not answer and why, and how much more there is.
fn talk(
    providers: &[&Provider],
    others: &[(&Provider, &Offered)],
    survey: &Survey,
    shown: &dyn Fn(&Provider) -> bool,
    ui: &mut Ui,
) -> Result<(), Failure> {
    for provider in providers {
        if let Some(fault) = survey.get(&provider.name).and_then(|said| said.fault.as_ref()) {
            ui.say(clean(&format!("{}: {}", provider.name, fault.told())))?;
        }
        let more = others.iter().filter(|(of, _)| of.name == provider.name).count();
        if more > 0 && !shown(provider) {
            ui.say(format!(
                "{} lists {more} more: `moai models list --all --provider {}`",
                provider.name, provider.name
            ))?;
        }
    }
    Ok(())
}

fn line(table: &mut Table, row: &Row<'_>, facts: &Facts) {
    let Row { model, state, .. } = row;
    let fact = facts.of(&model.name);
    let rate = |rate: Option<Rate>| rate.map_or_else(|| "–".to_owned(), |rate| rate.to_string());
    let kinds: Vec<String> = model.kinds.iter().map(ToString::to_string).collect();
    table.row([
        (model.name.clone(), Style::Bold),
        (if model.id == model.name { model.provider.clone() } else { super::shop::full_name(model) }, Style::Dim),
        (model.tier.number().to_string(), Style::Plain),
        (kinds.join(", "), Style::Plain),
        (model.context.map_or_else(|| "–".to_owned(), window), Style::Plain),
        (rate(fact.input), Style::Plain),
        (rate(fact.output), Style::Plain),
        (state.as_str().to_owned(), style(*state)),
    ]);
}

/// `200k`, `1M`, `32k`.
pub(super) fn window(tokens: u64) -> String {
    match tokens {
        0..=9_999 => tokens.to_string(),
        10_000..=999_999 => format!("{}k", tokens / 1000),
        _ => format!("{}.{}M", tokens / 1_000_000, tokens % 1_000_000 / 100_000).replace(".0M", "M"),
    }
}

pub(super) fn style(state: State) -> Style {
    match state {
        State::Ready | State::Loaded => Style::Green,
        State::Configured => Style::Plain,
        State::Unlisted | State::NotPulled | State::Down => Style::Yellow,
        State::KeyRefused => Style::Red,
        State::NoKey | State::NoProvider => Style::Dim,
    }
}

/// What a provider lists and nobody has configured.
fn strangers<'a>(provider: &Provider, survey: &'a Survey, rows: &'a [Row<'_>]) -> impl Iterator<Item = &'a Offered> {
    let name = provider.name.clone();
    let offered = survey.get(&name).and_then(|said| said.offered.as_ref()).into_iter().flatten();
    offered.filter(move |one| {
        !rows.iter().any(|row| {
            row.model.answers_to(&format!("{name}/{}", one.id)) || {
                // `llama3.3` is `llama3.3:latest`.
                row.model.provider == name && crate::route::memory::tagged(&row.model.id) == one.id
            }
        })
    })
}

fn is_loaded(provider: &Provider, id: &str, survey: &Survey) -> bool {
    survey.get(&provider.name).is_some_and(|said| said.loaded.iter().any(|one| one.model == id))
}

fn document(row: &Row<'_>, facts: &Facts, survey: &Survey) -> Json {
    let Row { model, ready, state } = row;
    let fact = facts.of(&model.name);
    let id = crate::route::memory::tagged(&model.id);
    let offered = survey.get(&model.provider).and_then(|said| said.offered.as_ref());
    let files = offered.and_then(|list| list.iter().find(|one| one.id == id)?.bytes);
    Entry::of(model, &fact, *state, files).and(json!({
        "key": match ready {
            Ok(ready) if ready.provider().key == crate::route::KeyNeed::None => "none needed",
            Ok(_) => "found",
            Err(NotReady::NoKey { .. }) => "missing",
            Err(_) => "unknown",
        },
        "configured": true,
        "what": Json::Null,
    }))
}

fn stranger(provider: &Provider, one: &Offered, survey: &Survey) -> Json {
    let state = if is_loaded(provider, &one.id, survey) { State::Loaded } else { State::Ready };
    Entry::stranger(provider, one, state).and(json!({
        "key": if provider.key == crate::route::KeyNeed::None { "none needed" } else { "found" },
        "configured": false,
        "what": one.what,
    }))
}

fn provider_document(provider: &Provider, survey: &Survey) -> Json {
    let said = survey.get(&provider.name);
    let health = match said {
        None => "not asked",
        Some(said) if said.fault.is_some() => "down",
        Some(_) => "ok",
    };
    json!({
        "provider": provider.name,
        "health": health,
        "error": said.and_then(|said| said.fault.as_ref()).map(crate::wire::Fault::told),
        "lists": said.and_then(|said| said.offered.as_ref()).map(Vec::len),
    })
}
