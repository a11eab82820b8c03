//! Who answers what, out of the settings; every model that is named is one that is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::error::ConfigError;
use crate::config::keys::Value;
use crate::config::layers::{Origin, Setting};
use crate::model::{TaskKind, Tier};
use crate::route::retry::Rules;
use crate::route::{Agent, BY_KIND, Policy, Strategy, Task};

use super::fixed::Fixed;
use super::group::groups;
use super::roll::Roll;

/// The policy of the settings.
pub(super) fn policy(
    fixed: Fixed<'_>,
    free: &[Setting],
    roll: &mut Roll,
    warnings: &mut Vec<String>,
) -> Result<Policy, ConfigError> {
    let mut named = |roll: &mut Roll, setting: Option<&Setting>| -> Result<Vec<String>, ConfigError> {
        let Some(setting) = setting else { return Ok(Vec::new()) };
        let words = words(setting);
        roll.check(setting, &words, warnings)?;
        Ok(words)
    };
    let tier1 = named(roll, fixed.setting("tiers.plan"))?;
    let tier2 = named(roll, fixed.setting("tiers.implement"))?;
    let chain = named(roll, fixed.setting("route.chain"))?;
    let background = named(roll, fixed.setting("serve.background"))?;
    let by_kind = [&tier1, &tier2, &chain].into_iter().flatten().any(|word| word == BY_KIND);
    let mut kinds = BTreeMap::new();
    for kind in TaskKind::ALL {
        let setting = fixed.setting(&format!("kinds.{kind}"));
        let mut models = named(roll, setting)?;
        // The defaults are models of an Ollama that may not be there, unless a list asks for them.
        if !by_kind && setting.is_some_and(|setting| setting.origin == Origin::Default) {
            models.retain(|word| roll.models.iter().any(|model| model.answers_to(word) && !model.named_only));
        }
        if setting.is_some_and(|setting| setting.origin != Origin::Default) {
            roll.serve(&models);
        }
        if !models.is_empty() {
            kinds.insert(kind, models);
        }
    }
    let mut agents = BTreeMap::new();
    for group in groups(free, "agents") {
        let agent = Agent {
            primary: named(roll, group.setting("primary_model"))?.into_iter().next(),
            fallbacks: named(roll, group.setting("fallback_model"))?,
            strategy: group.text("model_selection_strategy").and_then(|word| word.parse().ok()),
        };
        agents.insert(group.name.to_owned(), agent);
    }
    let mut tasks = BTreeMap::new();
    for group in groups(free, "tasks") {
        let mut task = Task::default();
        for (parts, setting) in group.settings() {
            let model = named(roll, Some(setting))?.into_iter().next();
            task.models.extend(parts.first().zip(model).map(|(context, model)| ((*context).to_owned(), model)));
        }
        tasks.insert(group.name.to_owned(), task);
    }
    Ok(Policy {
        default_tier: if fixed.number("route.default_tier") == Some(1) { Tier::One } else { Tier::Two },
        threshold: match fixed.value("route.confidence_threshold") {
            Some(Value::Decimal(text)) => text.parse().ok(),
            _ => None,
        },
        tier1,
        tier2,
        kinds,
        agents,
        tasks,
        chain,
        background,
        strategy: fixed.value("route.strategy").and_then(|value| value.to_string().parse::<Strategy>().ok()),
        retry: rules(fixed),
        experiments: Vec::new(),
        beliefs: Arc::default(),
    })
}

/// The words of a setting that names models.
fn words(setting: &Setting) -> Vec<String> {
    match &setting.value {
        Some(Value::List(words)) => words.clone(),
        Some(Value::Text(word)) => vec![word.clone()],
        _ => Vec::new(),
    }
}

fn rules(fixed: Fixed<'_>) -> Rules {
    let standard = Rules::default();
    let count =
        |name: &str, default| fixed.number(name).map_or(default, |number| u32::try_from(number).unwrap_or(u32::MAX));
    let time = |name: &str, default| fixed.duration(name).unwrap_or(default);
    Rules {
        rate_limit: count("retry.rate_limit", standard.rate_limit),
        server: count("retry.server", standard.server),
        first_wait: time("retry.first_wait", standard.first_wait),
        longest_wait: time("retry.longest_wait", standard.longest_wait),
        longest_retry_after: time("retry.longest_retry_after", standard.longest_retry_after),
        most_attempts: count("retry.most_attempts", standard.most_attempts),
        total: time("retry.total", standard.total),
        deadline: None,
    }
}
