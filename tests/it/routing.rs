//! `moai config` over routing: providers, models, agents and tasks with their origins, and what is refused.

use std::fs;

use crate::scratch::{Scratch, mode};

const SECRET: &str = "sk-or-v1-SeCrEtSeCrEtSeCrEtSeCrEt";

#[test]
fn a_provider_is_set_up_from_the_command_line() {
    let scratch = Scratch::repository();
    for (name, value) in [
        ("providers.openrouter.base_url", "https://openrouter.ai/api/v1"),
        ("providers.openrouter.key_env", "OPENROUTER_API_KEY"),
        ("models.qwen3.7.provider", "openrouter"),
        ("models.qwen3.7.id", "qwen/qwen3.7-max"),
        ("models.qwen3.7.kinds", "coding,reasoning"),
        ("tiers.implement", "qwen3.7,glm-4.7"),
        ("budget.daily_usd", "12.50"),
        ("providers.openrouter.headers.X-Title", "moai, at work"),
    ] {
        scratch.moai(["config", "set", "--user", name, value]).ok();
    }
    let path = scratch.home().join(".moai/config.toml");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "[providers.openrouter]\nbase_url = \"https://openrouter.ai/api/v1\"\nkey_env = [\"OPENROUTER_API_KEY\"]\n\n\
         [providers.openrouter.headers]\nX-Title = \"moai, at work\"\n\n\
         [models.\"qwen3.7\"]\nprovider = \"openrouter\"\nid = \"qwen/qwen3.7-max\"\nkinds = [\"coding\", \"reasoning\"]\n\n\
         [tiers]\nimplement = [\"qwen3.7\", \"glm-4.7\"]\n\n[budget]\ndaily_usd = 12.50\n"
    );
    assert_eq!(scratch.moai(["config", "get", "models.qwen3.7.id"]).ok(), "qwen/qwen3.7-max\n");
    assert_eq!(scratch.moai(["config", "get", "models.\"qwen3.7\".kinds"]).ok(), "coding, reasoning\n");
    let list = scratch.moai(["config", "list", "providers.openrouter"]).ok();
    assert!(list.contains("providers.openrouter.base_url") && list.contains("~/.moai/config.toml:2"), "{list}");
    assert!(!list.contains("providers.anthropic"), "{list}");
    let tier = scratch.moai(["config", "explain", "tiers.implement", "--json"]).json();
    assert_eq!((&tier["value"][0], &tier["origin"]), (&"qwen3.7".into(), &"user".into()));
    assert_eq!(tier["hides"][0]["value"][0], "glm-4.7");
    scratch.moai(["config", "unset", "--user", "models.qwen3.7.kinds"]).ok();
    assert!(!fs::read_to_string(&path).unwrap().contains("kinds"));
    scratch.moai(["config", "get", "models.qwen3.7.kinds"]).fails(1);
}

#[test]
fn what_moai_comes_with_is_listed_when_it_is_asked_for() {
    let scratch = Scratch::repository();
    let plain = scratch.moai(["config", "list"]).ok();
    assert!(plain.contains("tiers.plan") && !plain.contains("models.claude-opus.id"), "{plain}");
    let all = scratch.moai(["config", "list", "--all"]).ok();
    assert!(all.contains("models.claude-opus.id") && all.contains("claude-opus-4-5-20251101"), "{all}");
    let models = scratch.moai(["config", "list", "models", "--json"]).json();
    let names: Vec<&str> =
        models["settings"].as_array().unwrap().iter().map(|setting| setting["name"].as_str().unwrap()).collect();
    assert!(names.iter().all(|name| name.starts_with("models.")) && names.contains(&"models.\"glm-4.7\".tier"));
    assert!(scratch.moai(["config", "list", "nothing"]).fails(1).contains("no setting is set below `nothing`"));
}

#[test]
fn explain_says_which_variable_it_was() {
    let mut scratch = Scratch::repository();
    scratch.write_home(".moai/config.toml", "[route]\ndefault_tier = 1\n");
    scratch.set_env("MODEL_ROUTER_DEFAULT_TIER", "2");
    scratch.set_env("ANTHROPIC_MODEL", "claude-opus-5-5");
    scratch.set_env("OLLAMA_HOST", "0.0.0.0");
    let text = scratch.moai(["config", "explain", "route.default_tier"]).ok();
    assert!(text.contains("variable  MOAI_ROUTE_DEFAULT_TIER, MODEL_ROUTER_DEFAULT_TIER"), "{text}");
    assert!(text.contains("value     2  from $MODEL_ROUTER_DEFAULT_TIER"), "{text}");
    assert!(text.contains("hides     1  from ~/.moai/config.toml:2"), "{text}");
    let text = scratch.moai(["config", "explain", "models.claude-opus.id"]).ok();
    assert!(text.contains("value     claude-opus-5-5  from $ANTHROPIC_MODEL"), "{text}");
    assert!(text.contains("hides     claude-opus-4-5-20251101  from default"), "{text}");
    assert_eq!(scratch.moai(["config", "get", "providers.ollama.base_url"]).ok(), "http://127.0.0.1:11434\n");
    scratch.set_env("MODEL_ROUTER_DAILY_BUDGET_USD", "plenty");
    let stderr = scratch.moai(["config", "list"]).fails(3);
    assert!(stderr.contains("$MODEL_ROUTER_DAILY_BUDGET_USD: `budget.daily_usd`"), "{stderr}");
    assert!(stderr.contains("unset MODEL_ROUTER_DAILY_BUDGET_USD"), "{stderr}");
}

#[test]
fn a_key_in_a_file_is_refused_with_the_place_and_is_never_shown() {
    for (text, place) in [
        (format!("[providers.x]\nbase_url = \"https://x.example\"\napi_key = \"{SECRET}\"\n"), "config.toml:3:11: "),
        (format!("[providers.x]\nkey_env = \"{SECRET}\"\n"), "config.toml:2:11: "),
        (format!("[providers.x.headers]\nauthorization = \"Bearer {SECRET}\"\n"), "config.toml:2:17: "),
    ] {
        let scratch = Scratch::repository();
        scratch.write(".moai/config.toml", &text);
        let stderr = scratch.moai(["config", "list"]).fails(3);
        assert!(stderr.contains(place) && !stderr.contains("SeCrEt"), "{stderr}");
    }
    let scratch = Scratch::repository();
    let stderr = scratch.moai(["config", "set", "providers.x.key_env", SECRET]).fails(2);
    assert!(stderr.contains("a key does not belong here") && !stderr.contains("SeCrEt"), "{stderr}");
}

#[test]
fn a_slip_in_a_name_is_guessed_and_kept() {
    let scratch = Scratch::repository();
    let text =
        "[providers.mine]\nbase_ulr = \"https://x.example\"\n[provider.mine]\nbase_url = \"https://x.example\"\n";
    scratch.write(".moai/config.toml", text);
    let said = scratch.moai(["config", "get", "llm.mode"]);
    let stderr = &said.stderr;
    assert!(
        stderr.contains(
            "config.toml:2: unknown setting `providers.mine.base_ulr`; did you mean `providers.mine.base_url`?"
        ),
        "{stderr}"
    );
    assert!(
        stderr.contains("unknown setting `provider.mine.base_url`; did you mean `providers.mine.base_url`?"),
        "{stderr}"
    );
    assert_eq!(scratch.read(".moai/config.toml"), text);
    let stderr = scratch.moai(["config", "get", "models.glm-4.7.idd"]).fails(2);
    assert!(stderr.contains("there is no setting `models.glm-4.7.idd`"), "{stderr}");
}

#[test]
fn a_worktree_lays_its_own_file_over_the_main_checkouts() {
    let scratch = Scratch::repository();
    scratch.git(["worktree", "add", "--quiet", "-b", "feature/auth", "../auth"]);
    let other = scratch.root().join("auth");
    scratch.moai(["config", "set", "tiers.plan", "gemini-pro"]).ok();
    scratch.moai(["config", "set", "route.model", "glm-4.7"]).ok();
    scratch.moai_in(&other, ["config", "get", "route.model"]).fails(1);
    scratch.moai_in(&other, ["config", "set", "route.model", "claude-opus"]).ok();
    assert_eq!(fs::read_to_string(other.join(".moai/config.toml")).unwrap(), "[route]\nmodel = \"claude-opus\"\n");
    assert_eq!(scratch.moai_in(&other, ["config", "get", "route.model"]).ok(), "claude-opus\n");
    assert_eq!(scratch.moai_in(&other, ["config", "get", "tiers.plan"]).ok(), "gemini-pro\n");
    assert_eq!(scratch.moai(["config", "get", "route.model"]).ok(), "glm-4.7\n");
    let stderr = scratch.moai(["config", "set", "--user", "route.model", "glm-4.7"]).fails(2);
    assert!(stderr.contains("about one checkout"), "{stderr}");
    let path = scratch.moai_in(&other, ["config", "path"]).ok();
    assert!(path.contains("worktree") && path.contains("auth/.moai/config.toml"), "{path}");
}

#[test]
fn seed_003s_files_are_explained_and_do_not_trouble_other_commands() {
    let scratch = Scratch::repository();
    scratch.write(
        "config/agent_model.yaml",
        "data_agent:\n  primary_model: gemini-pro\n  fallback_model: claude-3-sonnet\n",
    );
    let text = scratch.moai(["config", "explain", "agents.data_agent.primary_model"]).ok();
    assert!(text.contains("value     gemini-pro  from") && text.contains("config/agent_model.yaml:2"), "{text}");
    assert!(scratch.moai(["config", "path"]).ok().contains("agent_model.yaml"));
    // The person's file is weaker, the project's config.toml is stronger.
    scratch.write_home(".moai/config.toml", "[agents.data_agent]\nprimary_model = \"haiku\"\n");
    assert_eq!(scratch.moai(["config", "get", "agents.data_agent.primary_model"]).ok(), "gemini-pro\n");
    scratch.moai(["config", "set", "agents.data_agent.primary_model", "claude-opus"]).ok();
    assert_eq!(scratch.moai(["config", "get", "agents.data_agent.primary_model"]).ok(), "claude-opus\n");
    scratch.write("config/agent_model.yaml", "data_agent:\n  primary_model: [a\n");
    assert!(scratch.moai(["config", "list"]).fails(3).contains("agent_model.yaml:3:"));
    scratch.moai(["mode"]).ok();
}
