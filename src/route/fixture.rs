//! The models and rules of the seeds, for tests.

use super::{Agent, Auth, Engine, KeyNeed, Model, Policy, Provider, Roster, SimScript, Strategy, Task, Timeouts};
use crate::model::{ProviderId, TaskKind, Tier};
use crate::wire::{Dialect, Quirks};

pub(super) fn provider(name: &str, key: KeyNeed) -> Provider {
    Provider {
        name: name.into(),
        base_url: "http://localhost".into(),
        wire: Dialect::Anthropic,
        auth: Auth::ApiKey,
        quirks: Quirks::default(),
        headers: Vec::new(),
        key,
        timeouts: Timeouts::default(),
        engine: if name == "sim" { Engine::Sim(SimScript::default()) } else { Engine::Http },
        balance: super::balance::Balance::default(),
        deployments: Vec::new(),
        health: None,
    }
}

pub(super) fn model(name: &str, provider: &str, id: &str, tier: Tier, aliases: &[&str]) -> Model {
    Model {
        name: name.into(),
        aliases: aliases.iter().map(|alias| (*alias).into()).collect(),
        provider: provider.into(),
        id: id.into(),
        tier,
        kinds: Vec::new(),
        context: Some(200_000),
        most_output: None,
        memory: None,
        quality: 50,
        speed: 50,
        named_only: provider == "sim",
    }
}

pub(super) fn providers() -> Vec<Provider> {
    vec![
        provider("anthropic", KeyNeed::Stored(ProviderId::Anthropic)),
        provider("zai", KeyNeed::Stored(ProviderId::Glm)),
        provider("gemini", KeyNeed::Stored(ProviderId::Gemini)),
        provider("mine", KeyNeed::Variables(vec!["MINE_KEY".into()])),
        Provider { wire: Dialect::Ollama, ..provider("ollama", KeyNeed::None) },
        provider("sim", KeyNeed::None),
    ]
}

/// The seeds' models; those of Ollama are named only unless `ollama`.
pub(super) fn models(ollama: bool) -> Vec<Model> {
    use Tier::{One, Two};
    let ranked = |model: Model, quality, speed| Model { quality, speed, ..model };
    let local = |name, id| Model { named_only: !ollama, ..model(name, "ollama", id, Two, &[]) };
    vec![
        ranked(
            model("claude-opus", "anthropic", "claude-opus-4-5-20251101", One, &["opus", "claude", "claude-3-opus"]),
            95,
            40,
        ),
        ranked(model("claude-sonnet", "anthropic", "claude-sonnet-4-5", One, &["sonnet", "claude-3-sonnet"]), 85, 60),
        ranked(model("claude-haiku", "anthropic", "claude-haiku-4-5", Two, &["haiku", "claude-3-haiku"]), 65, 90),
        ranked(model("glm-4.7", "zai", "glm-4.7", Two, &["glm"]), 80, 55),
        ranked(model("gemini-pro", "gemini", "gemini-2.5-pro", One, &[]), 82, 50),
        model("house", "mine", "house-1", Two, &[]),
        model("lost", "nowhere", "lost-1", Two, &[]),
        local("qwen2.5-coder", "qwen2.5-coder:32b"),
        local("deepseek-r1", "deepseek-r1:32b"),
        local("llama3.3", "llama3.3:latest"),
        model("sim", "sim", "sim-echo", Two, &[]),
    ]
}

/// The seeds' models, with keys for these providers.
pub(super) fn roster(keys: &[&str]) -> Roster {
    Roster::new(models(keys.contains(&"ollama")), providers(), |provider| keys.contains(&provider.name.as_str()))
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).into()).collect()
}

/// SPEC-MODEL-001, seed 003 sections 2 and 3, and seed 004.
pub(super) fn policy() -> Policy {
    let task = |models: &[(&str, &str)]| Task {
        models: models.iter().map(|(context, model)| ((*context).into(), (*model).into())).collect(),
    };
    let agent = |primary: &str, fallbacks: &[&str], strategy| Agent {
        primary: Some(primary.into()),
        fallbacks: names(fallbacks),
        strategy,
    };
    Policy {
        tier1: names(&["claude-opus", "claude-sonnet"]),
        tier2: names(&["glm-4.7", "claude-haiku"]),
        kinds: [
            (TaskKind::Coding, names(&["qwen2.5-coder"])),
            (TaskKind::Reasoning, names(&["deepseek-r1"])),
            (TaskKind::General, names(&["llama3.3"])),
        ]
        .into(),
        agents: [
            ("data_agent".into(), agent("claude-3-sonnet", &["gemini-pro", "claude-3-haiku"], None)),
            ("strategy_agent".into(), agent("claude-3-opus", &["claude-3-haiku", "glm"], Some(Strategy::Quality))),
        ]
        .into(),
        tasks: [
            (
                "data_processing".into(),
                task(&[
                    ("large_dataset", "gemini-pro"),
                    ("normal_dataset", "claude-3-sonnet"),
                    ("simple_calculation", "claude-3-haiku"),
                ]),
            ),
            (
                "strategy_development".into(),
                task(&[
                    ("complex_strategy", "claude-3-opus"),
                    ("signal_generation", "claude-3-sonnet"),
                    ("parameter_optimization", "gemini-pro"),
                ]),
            ),
            (
                "service_operations".into(),
                task(&[
                    ("backtesting", "claude-3-sonnet"),
                    ("order_execution", "claude-3-haiku"),
                    ("risk_monitoring", "claude-3-sonnet"),
                ]),
            ),
        ]
        .into(),
        ..Policy::default()
    }
}
