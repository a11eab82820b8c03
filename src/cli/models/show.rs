//! `moai models show`: one model, whole.

use serde_json::{Value as Json, json};

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::ui::{Paint, SCHEMA, Style, Ui, clean};
use crate::journal::{Days, ModelStats};
use crate::model::{TaskKind, Tier};
use crate::route::memory::{Gib, Loaded, tagged};
use crate::route::{Fact, Facts, Model, NotReady, Policy, Ready};
use crate::wire::Fault;

use super::entry::Entry;
use super::list::{style, window};
use super::shop::{Shop, is_ollama};
use super::survey::{State, state, survey};

/// Show one model: where it is, what it costs and takes, who is answered by it, how it did
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai models show glm-4.7
  moai models show ollama/qwen2.5-coder:32b
  moai models show claude-opus --json")]
pub(super) struct Args {
    /// The model: its name, its vendor's id, or PROVIDER/ID
    #[arg(value_name = "MODEL")]
    model: String,
    /// Ask nobody: only what is known here
    #[arg(long)]
    offline: bool,
}

/// Everything that is known of a model.
struct Seen {
    model: Model,
    state: State,
    /// Why it is so.
    why: Option<String>,
    /// It is an Ollama's.
    local: bool,
    /// How large its files are there.
    files: Option<u64>,
    /// What it takes of the memory now.
    held: Option<Loaded>,
    price: Fact,
    /// The settings that name it.
    uses: Vec<String>,
    stats: Option<ModelStats>,
}

/// Runs `moai models show`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let mut shop = Shop::open(world, std::slice::from_ref(&args.model), ui)?;
    let seen = look(args, &mut shop)?;
    if ui.json {
        return ui.answer_json(&document(&seen));
    }
    ui.answer(ui.style.bold(&clean(&seen.model.name)))?;
    for (label, text) in lines(&seen, ui.style).iter().filter(|(_, text)| !text.is_empty()) {
        ui.answer(format!("{}{text}", ui.style.dim(&format!("  {label:<10}"))))?;
    }
    if seen.state == State::NotPulled {
        ui.hint(clean(&format!("`ollama pull {}`", seen.model.id)))?;
    }
    Ok(())
}

fn look(args: &Args, shop: &mut Shop) -> Result<Seen, Failure> {
    let found = shop.roster.models().filter(|(model, _)| model.answers_to(&args.model));
    let exact = found.min_by_key(|(model, _)| !model.name.eq_ignore_ascii_case(&args.model));
    let Some((model, ready)) = exact.map(|(model, ready)| (model.clone(), ready)) else {
        return Err(shop.ready(&args.model).err().unwrap_or_else(|| Failure::expected("no such model")));
    };
    let asked: Vec<_> = ready.iter().map(Ready::provider).collect();
    let mut survey = survey(shop, &asked, args.offline)?;
    let state = state(&model, &ready, &survey);
    let said = survey.remove(&model.provider);
    let fault = said.as_ref().and_then(|said| said.fault.as_ref()).map(Fault::told);
    let id = tagged(&model.id);
    let (offered, loaded) = said.map(|said| (said.offered.unwrap_or_default(), said.loaded)).unwrap_or_default();
    let measured = shop.books.existing()?.map(|journal| journal.stats(Days::default())).transpose()?;
    Ok(Seen {
        state,
        why: ready.as_ref().err().map(NotReady::why).or(fault),
        local: ready.as_ref().is_ok_and(|ready| is_ollama(ready.provider())),
        files: offered.iter().find(|one| one.id == id).and_then(|one| one.bytes),
        held: loaded.into_iter().find(|one| one.model == id),
        price: Facts::priced([&model], shop.books.prices(), shop.world.now()).of(&model.name),
        uses: uses(&model, &shop.policy),
        stats: measured.and_then(|all| all.into_iter().find(|one| one.model == model.name)),
        model,
    })
}

fn document(seen: &Seen) -> Json {
    let Seen { model, stats, held, .. } = seen;
    Entry::of(model, &seen.price, seen.state, seen.files).and(json!({
        "schema": SCHEMA,
        "max_output": model.most_output,
        "reason": seen.why,
        "answers": seen.uses,
        "memory_bytes": held.as_ref().map(|held| held.bytes).or(model.memory),
        "requests": stats.as_ref().map_or(0, |stats| stats.totals.requests),
        "error_rate": stats.as_ref().map(|stats| stats.error_rate),
        "first_ms": stats.as_ref().and_then(|stats| stats.first_ms).map(|times| times.p50),
        "total_ms": stats.as_ref().and_then(|stats| stats.total_ms).map(|times| times.p50),
    }))
}

fn lines(seen: &Seen, paint: Paint) -> Vec<(&'static str, String)> {
    let Seen { model, state, price, .. } = seen;
    let word = match style(*state) {
        Style::Green => paint.green(state.as_str()),
        Style::Red => paint.red(state.as_str()),
        Style::Yellow => paint.yellow(state.as_str()),
        _ => state.as_str().to_owned(),
    };
    let because = seen.why.as_ref().map(|why| paint.dim(&clean(&format!(" ({why})"))));
    let kinds: Vec<String> = model.kinds.iter().map(ToString::to_string).collect();
    let good = if kinds.is_empty() { String::new() } else { format!(", good at {}", kinds.join(", ")) };
    let most = model.most_output.map(|most| format!(", answers of up to {}", window(most))).unwrap_or_default();
    let rates = price.input.zip(price.output);
    let rates = rates.map(|(input, output)| format!("${input} in, ${output} out, per million tokens"));
    let so_far = seen.stats.as_ref().map(|stats| {
        let first = stats.first_ms.map(|times| format!(", first token after {} ms", times.p50)).unwrap_or_default();
        format!("{} requests, {:.1} % failed{first}", stats.totals.requests, stats.error_rate * 100.0)
    });
    vec![
        ("state", word + &because.unwrap_or_default()),
        ("provider", clean(&format!("{}, as {}", model.provider, model.id))),
        ("also", clean(&model.aliases.join(", "))),
        ("tier", format!("{}{good}", model.tier.number())),
        ("window", model.context.map_or_else(|| "unknown".into(), |context| window(context) + most.as_str())),
        ("price", rates.unwrap_or_else(|| "unknown".into())),
        ("memory", if seen.local { memory(seen) } else { String::new() }),
        ("answers", if seen.uses.is_empty() { "whoever names it".into() } else { clean(&seen.uses.join(", ")) }),
        ("so far", so_far.unwrap_or_default()),
    ]
}

fn memory(seen: &Seen) -> String {
    let parts = [
        seen.files.map(|bytes| format!("{} of files", Gib(bytes))),
        seen.held
            .as_ref()
            .map(|held| format!("{} loaded, {} of it on the graphics card", Gib(held.bytes), Gib(held.vram))),
        seen.model.memory.map(|bytes| format!("{} by the configuration", Gib(bytes))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// The settings that name a model, and its place there.
fn uses(model: &Model, policy: &Policy) -> Vec<String> {
    let mut uses = Vec::new();
    let mut look = |setting: String, names: &[String]| {
        if let Some(at) = names.iter().position(|name| model.answers_to(name)) {
            uses.push(if names.len() > 1 { format!("{setting} (number {})", at + 1) } else { setting });
        }
    };
    look("tiers.plan".into(), policy.tier(Tier::One));
    look("tiers.implement".into(), policy.tier(Tier::Two));
    for kind in TaskKind::ALL {
        look(format!("kinds.{kind}"), policy.kind(kind));
    }
    look("route.chain".into(), &policy.chain);
    look("serve.background".into(), &policy.background);
    for (name, agent) in &policy.agents {
        look(format!("agents.{name}.primary_model"), agent.primary.as_slice());
        look(format!("agents.{name}.fallback_model"), &agent.fallbacks);
    }
    for (name, task) in &policy.tasks {
        for (context, model) in &task.models {
            look(format!("tasks.{name}.{context}"), std::slice::from_ref(model));
        }
    }
    uses
}
