//! `moai models test`: whether a model answers, how soon, and what that costs.

use serde_json::json;

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::costs::dollars;
use crate::cli::ui::{SCHEMA, Ui, clean};

use super::probe;
use super::shop::Shop;

/// What is asked.
const QUESTION: &str = "Answer with the one word OK and nothing else.";
/// Models that think need some room before the word.
const MOST: u64 = 1024;

/// Send a model one tiny request, and say how soon it answered and what it cost
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai models test glm-4.7
  moai models test ollama/qwen2.5-coder:32b
  moai models test claude-opus --json")]
pub(super) struct Args {
    /// The model: its name, its vendor's id, or PROVIDER/ID
    #[arg(value_name = "MODEL")]
    model: String,
}

/// Runs `moai models test`.
pub(super) fn run(args: &Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let mut shop = Shop::open(world, std::slice::from_ref(&args.model), ui)?;
    let ready = shop.ready(&args.model)?;
    let probe = probe::send(&mut shop, &ready, QUESTION, MOST, ui)?;
    if let Some(error) = probe.failed {
        return Err(error.into());
    }
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "model": ready.name(),
            "provider": ready.provider().name,
            "id": ready.model().id,
            "answer": probe.text,
            "first_ms": probe.first.map(millis),
            "total_ms": millis(probe.total),
            "input_tokens": probe.usage.map(|usage| usage.input),
            "output_tokens": probe.usage.map(|usage| usage.output),
            "estimated": probe.estimated,
            "cost_usd": probe.cost.map(|cost| cost.to_string()),
        }));
    }
    let paint = ui.style;
    let first = probe.first.map(|first| format!("first token after {} ms, ", millis(first))).unwrap_or_default();
    let tokens =
        probe.usage.map(|usage| format!("{} tokens in, {} out, ", usage.input, usage.output)).unwrap_or_default();
    let cost = probe.cost.map_or_else(|| "an unknown price".to_owned(), dollars);
    let name = paint.green(&clean(ready.name()));
    ui.answer(format!("{name} answers: {first}{} ms in all, {tokens}{cost}", millis(probe.total)))
}
