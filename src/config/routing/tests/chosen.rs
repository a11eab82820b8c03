//! Who answers when the configuration is what it is: files and variables in, the plan out.

use super::super::*;
use super::Place;
use crate::classify::classify;
use crate::route::{Ask, Facts, NoRoute, Roster, decide};

const PLAN: &str = "API 설계해줘";
const CODE: &str = "코드 구현해줘";

/// The plan for a text, where these providers have a key.
fn plan(routing: &Routing, ask: &Ask, text: &str, keys: &[&str]) -> Result<String, NoRoute> {
    let has_key = |provider: &Provider| keys.contains(&provider.name.as_str());
    let roster = Roster::new(routing.models.clone(), routing.providers.clone(), has_key);
    let seen = classify(text, routing.policy.options());
    let decision = decide(ask, &seen, &routing.policy, &roster, &Facts::default())?;
    Ok(decision.plan().iter().map(crate::route::Ready::name).collect::<Vec<_>>().join(" "))
}

/// `moai models set ollama/phi4:14b --kind general` is enough: whoever says so has an Ollama.
#[test]
fn a_kind_that_a_person_names_a_local_model_for_is_served_by_it() {
    let place = Place::new();
    place.put(
        "home/.moai/config.toml",
        "[kinds]\ngeneral = [\"ollama/phi4:14b\", \"sim\"]\n[local]\nmemory = 36.5\nwhen_full = \"wait\"\n",
    );
    let routing = place.load(&[]);
    let named_only = |name: &str| routing.models.iter().find(|model| model.answers_to(name)).unwrap().named_only;
    assert_eq!(["ollama/phi4:14b", "sim", "llama3.3"].map(named_only), [false, true, true]);
    let memory = routing.memory.unwrap();
    assert_eq!((memory.bytes, memory.wait.as_secs()), (73 << 29, 120));
    assert_eq!(memory.when_full, crate::route::memory::WhenFull::Wait);
    assert_eq!(Place::new().load(&[]).memory, None);
}

#[test]
fn with_nothing_but_a_key_everything_works() {
    let routing = Place::new().load(&[]);
    let chosen = |text, keys: &[&str]| plan(&routing, &Ask::default(), text, keys).unwrap();
    assert_eq!(chosen(PLAN, &["anthropic", "zai"]), "claude-opus glm-4.7");
    assert_eq!(chosen(CODE, &["anthropic", "zai"]), "glm-4.7 claude-opus");
    for key in ["anthropic", "zai", "gemini", "openai", "cohere"] {
        for text in [PLAN, CODE] {
            assert!(!chosen(text, &[key]).is_empty(), "{key} {text}");
        }
    }
    let none = plan(&routing, &Ask::default(), CODE, &[]).unwrap_err();
    assert!(none.to_string().contains("there is no key for zai"), "{none}");
}

#[test]
fn an_ollama_answers_by_kind_where_there_is_one_or_a_list_asks_for_it() {
    let spoken_of = Place::new().load(&[("OLLAMA_HOST", "127.0.0.1")]);
    let code = plan(&spoken_of, &Ask::default(), CODE, &[]).unwrap();
    assert_eq!(code, "qwen2.5-coder deepseek-r1 llama3.3");
    let place = Place::new();
    place.put("home/.moai/config.toml", "[tiers]\nimplement = [\"kind\"]\n");
    let listed = place.load(&[]);
    assert_eq!(plan(&listed, &Ask::default(), CODE, &["anthropic"]).unwrap(), "qwen2.5-coder claude-opus");
}

#[test]
fn the_seeds_agents_and_tasks_choose_from_their_files() {
    let place = Place::new();
    place.put(
        "project/config/agent_model.yaml",
        "agents:\n  data_agent:\n    primary_model: claude-3-sonnet\n    fallback_model: gemini-pro\n    \
         model_selection_strategy: cost\n",
    );
    place.put(
        "project/config/task_model_mapping.yaml",
        "task_mappings:\n  data_processing:\n    large_dataset: \"gemini-pro\"\n    \
         normal_dataset: \"claude-3-sonnet\"\n    simple_calculation: \"claude-3-haiku\"\n",
    );
    let routing = place.load(&[]);
    let keys = ["anthropic", "zai", "gemini"];
    let ask = |context: &str| Ask {
        agent: Some("data_agent".into()),
        task: Some("data_processing".into()),
        contexts: vec![context.into()],
        ..Ask::default()
    };
    for (context, expected) in [
        ("large_dataset", "gemini-pro claude-sonnet"),
        ("normal", "claude-sonnet gemini-pro"),
        ("simple_calculation", "claude-haiku claude-sonnet gemini-pro"),
    ] {
        let plan = plan(&routing, &ask(context), CODE, &keys).unwrap();
        assert!(plan.starts_with(expected), "{context}: {plan}");
    }
}

#[test]
fn the_words_of_a_provider_switch_force_its_model() {
    let routing = Place::new().load(&[]);
    for (word, first) in [("claude", "claude-opus"), ("glm", "glm-4.7"), ("ollama/llama3.3:latest", "llama3.3")] {
        let ask = Ask { force_model: Some(word.into()), ..Ask::default() };
        assert!(plan(&routing, &ask, CODE, &["anthropic", "zai"]).unwrap().starts_with(first), "{word}");
    }
}
