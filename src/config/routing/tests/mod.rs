//! What routing is configured to be, from real files and a made environment.

mod chosen;
mod several;

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::base::world::Env;
use crate::model::{ProviderId, TaskKind, Tier};
use crate::route::{Auth, Engine, KeyNeed, SimStep};
use crate::wire::Dialect;

use super::*;

/// A home with a project in it, and what stands in their files.
pub(super) struct Place(tempfile::TempDir);

impl Place {
    pub(super) fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.put("project/.moai/keep", "");
        place
    }

    pub(super) fn put(&self, file: &str, text: &str) -> &Self {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn world(&self, env: &[(&str, &str)]) -> World {
        let top = self.0.path();
        World::scratch(top.join("home"), top.join("project"), env.iter().copied().collect::<Env>())
    }

    pub(super) fn try_load(&self, env: &[(&str, &str)]) -> Result<Routing, ConfigError> {
        let world = self.world(env);
        let project = Project::find(&world).unwrap();
        Routing::load(&world, &project, &Config::load(&world, &project)?)
    }

    pub(super) fn load(&self, env: &[(&str, &str)]) -> Routing {
        self.try_load(env).unwrap()
    }

    pub(super) fn everything(&self, env: &[(&str, &str)]) -> Vec<Setting> {
        let world = self.world(env);
        let project = Project::find(&world).unwrap();
        Config::load(&world, &project).unwrap().everything(&world, &project).unwrap()
    }

    pub(super) fn error(&self, env: &[(&str, &str)]) -> String {
        self.try_load(env).unwrap_err().to_string()
    }
}

fn provider<'a>(routing: &'a Routing, name: &str) -> &'a Provider {
    routing.providers.iter().find(|provider| provider.name == name).unwrap()
}

fn model<'a>(routing: &'a Routing, name: &str) -> &'a Model {
    routing.models.iter().find(|model| model.name == name).unwrap()
}

#[test]
fn with_nothing_said_the_seeds_models_are_there() {
    let routing = Place::new().load(&[]);
    assert_eq!(routing.warnings, [""; 0]);
    assert_eq!(routing.policy.tier1.first().unwrap(), "claude-opus");
    assert_eq!(routing.policy.tier2.first().unwrap(), "glm-4.7");
    assert_eq!(routing.policy.default_tier, Tier::Two);
    assert_eq!((routing.policy.threshold, routing.budget, &routing.route_model), (None, None, &None));
    let names: Vec<&str> = routing.providers.iter().map(|provider| provider.name.as_str()).collect();
    assert_eq!(names, ["anthropic", "zai", "gemini", "openai", "cohere", "ollama", "sim"]);
    let opus = model(&routing, "claude-opus");
    assert_eq!((opus.id.as_str(), opus.tier, opus.context), ("claude-opus-4-5-20251101", Tier::One, Some(200_000)));
    assert_eq!(model(&routing, "glm-4.7").id, "glm-4.7");
    let keys: Vec<&KeyNeed> = routing.providers.iter().map(|provider| &provider.key).collect();
    let stored = [ProviderId::Anthropic, ProviderId::Glm, ProviderId::Gemini, ProviderId::OpenAi, ProviderId::Cohere]
        .map(KeyNeed::Stored);
    assert_eq!(keys[..5], stored.iter().collect::<Vec<_>>());
    assert_eq!(provider(&routing, "anthropic").auth, Auth::ApiKey);
    assert!(provider(&routing, "anthropic").quirks.anthropic && !provider(&routing, "zai").quirks.anthropic);
    assert_eq!(provider(&routing, "gemini").auth, Auth::GoogApiKey);
    assert_eq!((provider(&routing, "zai").wire, provider(&routing, "zai").auth), (Dialect::Anthropic, Auth::ApiKey));
    let ollama = provider(&routing, "ollama");
    assert_eq!((ollama.wire, ollama.timeouts.total), (Dialect::Ollama, Duration::from_secs(120)));
    assert!(model(&routing, "sim").named_only && model(&routing, "llama3.3").named_only);
    assert!(routing.policy.kinds.is_empty(), "nobody said that there is an Ollama");
    assert_eq!((routing.log.prompts, routing.log.max_bytes, routing.price_book.as_str()), (false, 10 << 20, "list"));
}

#[test]
fn every_built_in_value_is_one_that_its_setting_takes_and_every_name_is_known() {
    let entries = moai_toml::entries(Path::new("routing.toml"), BUILT_IN).unwrap();
    for entry in entries {
        let name = keys::find(&entry.path).unwrap_or_else(|| panic!("{}", entry.path));
        assert!(name.key.is_pattern(), "{} has its default in the table", entry.path);
    }
    let all = Place::new().load(&[]).models;
    for one in &all {
        let rivals = all.iter().filter(|other| other.answers_to(&one.name)).count();
        assert_eq!(rivals, 1, "{} is the name of one model alone", one.name);
        assert!(one.context.is_some() || one.provider == "sim", "{}", one.name);
    }
}

#[test]
fn zai_is_spoken_to_as_its_address_says() {
    let place = Place::new();
    let routing = place.load(&[("ZAI_BASE_URL", "https://api.z.ai/v1"), ("ZAI_MODEL", "glm-4.7")]);
    let zai = provider(&routing, "zai");
    assert_eq!((zai.wire, zai.auth, zai.base_url.as_str()), (Dialect::Chat, Auth::Bearer, "https://api.z.ai/v1"));
    assert!(zai.quirks.thinking_switch && routing.warnings.is_empty());
    // A loopback upstream of a test is still GLM.
    assert!(provider(&place.load(&[("ZAI_BASE_URL", "http://127.0.0.1:9/v1")]), "zai").quirks.thinking_switch);
    let moved = place.load(&[("ZAI_BASE_URL", "http://127.0.0.1:9/api/anthropic/")]);
    assert_eq!(provider(&moved, "zai").wire, Dialect::Anthropic);
    // A newer model goes by its own name, in the old one's place.
    let routing = place.load(&[("ZAI_MODEL", "glm-5.2")]);
    assert_eq!(routing.policy.tier2.first().unwrap(), "glm-5.2");
    assert!(!routing.policy.tier2.contains(&"glm-4.7".into()));
    let newer = model(&routing, "glm-5.2");
    assert_eq!((newer.provider.as_str(), newer.tier, newer.context), ("zai", Tier::Two, Some(1_000_000)));
    assert_eq!(place.load(&[("ZAI_MODEL", "glm-4.5-air")]).policy.tier2.first().unwrap(), "glm-4.5-air");
}

#[test]
fn where_glm_was_moved_for_claude_code_routing_follows_unless_told_otherwise() {
    let place = Place::new();
    let china = "https://open.bigmodel.cn/api/anthropic";
    place.put("project/.moai/config/sections/llm.yaml", &format!("llm:\n  glm:\n    base_url: {china}\n"));
    let routing = place.load(&[]);
    assert_eq!(
        (provider(&routing, "zai").base_url.as_str(), provider(&routing, "zai").wire),
        (china, Dialect::Anthropic)
    );
    assert!(routing.warnings.is_empty(), "{:?}", routing.warnings);
    let all = place.everything(&[]);
    let url = all.iter().find(|setting| setting.name.as_str() == "providers.zai.base_url").unwrap();
    assert!(matches!(&url.origin, Origin::Follows { name: "llm.glm.base_url", .. }), "{:?}", url.origin);
    assert_eq!(url.hidden.len(), 1);
    let env = place.load(&[("ZAI_BASE_URL", "https://api.z.ai/v1")]);
    assert_eq!(
        (provider(&env, "zai").base_url.as_str(), provider(&env, "zai").wire),
        ("https://api.z.ai/v1", Dialect::Chat)
    );
    place.put("home/.moai/config.toml", "[providers.zai]\nbase_url = \"https://api.z.ai/api/anthropic\"\n");
    assert_eq!(provider(&place.load(&[]), "zai").base_url, "https://api.z.ai/api/anthropic");
    // A proxy for Claude Code speaks Anthropic's dialect, whatever its path; a repository's file does not name it.
    let place = Place::new();
    place.put("project/.moai/config/sections/llm.yaml", "llm: {glm: {base_url: 'https://proxy.example'}}\n");
    assert!(place.error(&[]).contains("sends prompts and keys to proxy.example"));
    place.put("project/.moai/config/sections/llm.yaml", "");
    place.put("home/.moai/config.toml", "[llm.glm]\nbase_url = \"https://proxy.example\"\n");
    assert_eq!(provider(&place.load(&[]), "zai").wire, Dialect::Anthropic);
}

#[test]
fn anthropics_key_is_not_sent_to_glm_from_a_shell_in_a_glm_session() {
    let place = Place::new();
    let glm = [("ANTHROPIC_BASE_URL", "https://api.z.ai/api/anthropic"), ("ANTHROPIC_MODEL", "glm-4.7")];
    let routing = place.load(&glm);
    assert_eq!(provider(&routing, "anthropic").base_url, "https://api.anthropic.com");
    assert_eq!(model(&routing, "claude-opus").id, "claude-opus-4-5-20251101");
    assert_eq!(routing.policy.tier1.first().unwrap(), "claude-opus");
    assert_eq!(routing.warnings.len(), 1);
    assert!(routing.warnings[0].starts_with("$ANTHROPIC_BASE_URL names GLM's host"), "{:?}", routing.warnings);
    let proxy = place.load(&[("ANTHROPIC_BASE_URL", "https://gateway.example/v1/")]);
    assert_eq!(provider(&proxy, "anthropic").base_url, "https://gateway.example");
    assert!(proxy.warnings.is_empty(), "{:?}", proxy.warnings);
}

#[test]
fn another_opus_is_still_the_opus_and_another_family_goes_by_its_name() {
    let place = Place::new();
    let named = |id: &str| {
        let routing = place.load(&[("ANTHROPIC_MODEL", id)]);
        let first = routing.policy.tier1.first().unwrap().clone();
        let id = model(&routing, &first).id.clone();
        (first, id, routing.warnings)
    };
    let is = |id: &str, name: &str, sent: &str| {
        let (first, found, warnings) = named(id);
        assert_eq!((first.as_str(), found.as_str(), warnings.len()), (name, sent, 0), "{id}: {warnings:?}");
    };
    is("claude-opus-5-5", "claude-opus", "claude-opus-5-5");
    is("claude-opus-4-5-20251101[1m]", "claude-opus", "claude-opus-4-5-20251101");
    is("claude-sonnet-5", "claude-sonnet-5", "claude-sonnet-5");
    is("claude-sonnet-4-5-20250929", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929");
    is("claude-sonnet-5-5", "claude-sonnet", "claude-sonnet-5-5");
    is("sonnet", "claude-sonnet", "claude-sonnet-5-5");
    is("opusplan", "claude-opus", "claude-opus-4-5-20251101");
    let (first, _, warnings) = named("glm-4.7");
    assert_eq!((first.as_str(), warnings.len()), ("claude-opus", 1));
    assert_eq!(model(&place.load(&[("ANTHROPIC_MODEL", "claude-opus-5-5")]), "claude-opus").context, Some(1_000_000));
    assert!(place.error(&[("ANTHROPIC_MODEL", "two words")]).starts_with("$ANTHROPIC_MODEL: "));
}

#[test]
fn the_seeds_variables_count_more_than_files_and_are_named_when_they_are_wrong() {
    let place = Place::new();
    place.put("home/.moai/config.toml", "[route]\ndefault_tier = 2\n[budget]\ndaily_usd = 5\n");
    let routing = place.load(&[
        ("MODEL_ROUTER_DEFAULT_TIER", "1"),
        ("MODEL_ROUTER_CONFIDENCE_THRESHOLD", "0.8"),
        ("MODEL_ROUTER_DAILY_BUDGET_USD", "100.0"),
    ]);
    assert_eq!((routing.policy.default_tier, routing.policy.threshold), (Tier::One, Some(0.8)));
    assert_eq!(routing.budget, Some("100".parse().unwrap()));
    assert_eq!(place.load(&[]).budget, Some("5".parse().unwrap()));
    for (variable, text) in [
        ("MODEL_ROUTER_DEFAULT_TIER", "3"),
        ("MODEL_ROUTER_CONFIDENCE_THRESHOLD", "80%"),
        ("MODEL_ROUTER_CONFIDENCE_THRESHOLD", "1.5"),
        ("MODEL_ROUTER_DAILY_BUDGET_USD", "-1"),
        ("MODEL_ROUTER_DAILY_BUDGET_USD", "a lot"),
        ("ZAI_BASE_URL", "api.z.ai"),
        ("ANTHROPIC_BASE_URL", "ftp://x"),
    ] {
        let error = place.error(&[(variable, text)]);
        assert!(error.starts_with(&format!("${variable}: ")), "{error}");
    }
    // moai's own name for it counts more than the seed's.
    let both = [("MODEL_ROUTER_DEFAULT_TIER", "1"), ("MOAI_ROUTE_DEFAULT_TIER", "2")];
    assert_eq!(place.load(&both).policy.default_tier, Tier::Two);
}

#[test]
fn an_ollama_that_somebody_speaks_of_serves_the_kinds_of_task() {
    let place = Place::new();
    let kinds =
        |routing: &Routing| TaskKind::ALL.map(|kind| routing.policy.kind(kind).first().cloned().unwrap_or_default());
    let expected = ["qwen2.5-coder", "deepseek-r1", "llama3.3"];
    let routing = place.load(&[("OLLAMA_HOST", "0.0.0.0:1234")]);
    assert_eq!(provider(&routing, "ollama").base_url, "http://127.0.0.1:1234");
    assert_eq!(kinds(&routing), expected);
    let coder = model(&routing, "qwen2.5-coder");
    assert_eq!((coder.id.as_str(), coder.named_only, coder.context), ("qwen2.5-coder:32b", false, Some(65_536)));
    place.put(
        "home/.moai/config.toml",
        "[providers.ollama]\ntimeouts.total = 30.5\n[models.mine]\nprovider = \"ollama\"\n",
    );
    let routing = place.load(&[]);
    assert_eq!(kinds(&routing), expected);
    assert_eq!(provider(&routing, "ollama").timeouts.total, Duration::from_millis(30_500));
    assert_eq!(provider(&routing, "ollama").timeouts.first_byte, Duration::from_secs(120));
    assert_eq!(model(&routing, "mine").context, Some(65_536));
    assert!(!model(&routing, "mine").named_only);
}

#[test]
fn a_provider_of_ones_own_is_a_base_url_and_a_variable() {
    let place = Place::new();
    place.put(
        "home/.moai/config.toml",
        r#"
[providers.openrouter]
base_url = "https://openrouter.ai/api/v1/"
key_env = "OPENROUTER_API_KEY"
headers = { "HTTP-Referer" = "https://example.com", X-Title = "moai" }
quirks = { images = false, efforts = ["low", "high"] }

[models."qwen3.7"]
provider = "openrouter"
id = "qwen/qwen3.7-max"
tier = 1
kinds = ["coding", "reasoning"]
aliases = ["q"]

[providers.local]
base_url = "http://127.0.0.1:1234/v1"

[tiers]
1 = "q"
implement = ["openrouter/x-ai/grok-5", "local/anything"]
"#,
    );
    let mut routing = place.load(&[]);
    let own = provider(&routing, "openrouter");
    assert_eq!((own.wire, own.auth), (Dialect::Chat, Auth::Bearer));
    assert_eq!(own.key, KeyNeed::Variables(vec!["OPENROUTER_API_KEY".into()]));
    assert_eq!(own.headers.len(), 2);
    assert!(!own.quirks.images && own.quirks.efforts.len() == 2 && own.quirks.parallel_switch);
    assert_eq!(own.quirks.origin, "openrouter");
    assert_eq!((provider(&routing, "local").auth, &provider(&routing, "local").key), (Auth::None, &KeyNeed::None));
    assert_eq!(routing.policy.tier1, ["q"]);
    let adopted = model(&routing, "openrouter/x-ai/grok-5");
    assert_eq!((adopted.provider.as_str(), adopted.id.as_str()), ("openrouter", "x-ai/grok-5"));
    assert_eq!(routing.adopt("local/x"), None);
    assert_eq!(model(&routing, "local/x").id, "x");
    assert!(routing.adopt("claude-3-opus").unwrap().contains("`claude-opus` answers in its place"));
    assert!(routing.warnings.is_empty(), "{:?}", routing.warnings);
}

#[test]
fn mistakes_are_named_with_their_place_and_what_to_write() {
    let secret = "sk-ant-api03-SeCrEtSeCrEtSeCrEt";
    for (text, said) in [
        ("[providers.x]\nwire = \"chat\"\n", "config.toml:2:8: `providers.x.base_url` is missing; write `base_url = "),
        ("[providers.x]\nbase_url = \"openrouter.ai\"\n", "config.toml:2:12: `providers.x.base_url` is not a URL"),
        (
            "[providers.x]\nbase_url = \"https://x\"\nwire = \"caht\"\n",
            "config.toml:3:8: `providers.x.wire` `caht` is not known: did you mean `chat`?",
        ),
        (
            "[providers.x]\nbase_url = \"https://x\"\napi_key = \"SECRET\"\n",
            "`providers.x.api_key` would be a key in a configuration file; write `key_env = \"X_API_KEY\"`",
        ),
        (
            "[providers.x]\nbase_url = \"https://x\"\nkey_env = \"SECRET\"\n",
            "`providers.x.key_env` is not a variable's name",
        ),
        (
            "[providers.x]\nbase_url = \"https://x\"\nkey = \"SECRET\"\n",
            "`providers.x.key` is not a word that moai knows here",
        ),
        (
            "[providers.x.headers]\nAuthorization = \"Bearer SECRET\"\n",
            "`providers.x.headers.Authorization` would be a key",
        ),
        ("[providers.x]\nbase_url = \"https://x\"\nquirks.imagse = true\n", "did you mean `images`?"),
        ("[models.x]\nid = \"y\"\n", "config.toml:2:6: `models.x.provider` is missing"),
        (
            "[models.x]\nprovider = \"opanai\"\n",
            "config.toml:2:12: `models.x.provider` names a provider that is not configured; did you mean `openai`?",
        ),
        (
            "[tiers]\nplan = \"claude-opsu\"\n",
            "config.toml:2:8: `tiers.plan` names a model that is not configured: `claude-opsu`; did you mean `claude-opus`?",
        ),
        ("[tiers]\nplan = [{a = 1}]\n", "`tiers.plan` is a list of more than plain values"),
        (
            "[route]\nchain = [\"glm-4.7\", \"nobody\"]\n",
            "`route.chain` names a model that is not configured: `nobody`",
        ),
        ("[timeouts]\ntotal = 0\n", "`timeouts.total` is no time at all"),
        ("[sim]\nsteps = [\"answer\", \"explode\"]\n", "`sim.steps` has a step in it that moai does not know"),
    ] {
        let place = Place::new();
        place.put("home/.moai/config.toml", &text.replace("SECRET", secret));
        let error = place.error(&[]);
        assert!(error.contains(said), "{text}\n{error}");
        assert!(!error.contains("SeCrEt"), "{error}");
    }
}

#[test]
fn the_files_of_seed_003_are_read_where_they_lie() {
    let place = Place::new();
    place.put(
        "project/config/agent_model.yaml",
        "version: 2 # ours\ndata_agent:\n  primary_model: gemini-pro\n  fallback_model: claude-3-sonnet\n  model_selection_strategy: cost_efficient\n  temperature: 0.2\nother: [1]\n",
    );
    place.put(
        "project/.moai/config/agent_model.yaml",
        "agents:\n  strategy_agent:\n    primary_model: claude-opus\n    fallback_model: [glm-4.7, haiku]\n    primary_mode: x\n",
    );
    place.put(
        "project/config/task_model_mapping.yaml",
        "task_mappings:\n  data_processing:\n    large_dataset: \"gemini-pro\"\n    normal_dataset: \"claude-3-sonnet\"\n    simple_calculation: \"claude-3-haiku\"\n  service_operations: glm-4.7\n",
    );
    let routing = place.load(&[]);
    let agent = &routing.policy.agents["data_agent"];
    assert_eq!(
        (agent.primary.as_deref(), agent.fallbacks.as_slice()),
        (Some("gemini-pro"), &["claude-3-sonnet".to_owned()][..])
    );
    assert_eq!(agent.strategy.unwrap().as_str(), "cost");
    assert_eq!(routing.policy.agents["strategy_agent"].fallbacks, ["glm-4.7", "haiku"]);
    assert_eq!(routing.policy.agents.len(), 2);
    let task = &routing.policy.tasks["data_processing"].models;
    assert_eq!(task[0], ("large_dataset".to_owned(), "gemini-pro".to_owned()));
    assert_eq!(task.len(), 3);
    assert_eq!(routing.policy.tasks["service_operations"].models, [("default".to_owned(), "glm-4.7".to_owned())]);
    let warnings = routing.warnings.join("\n");
    assert!(
        warnings.contains("agent_model.yaml:5:5: `primary_mode` is not used; did you mean `primary_model`?"),
        "{warnings}"
    );
    assert!(warnings.contains("agent_model.yaml:4:3: `agents.data_agent.fallback_model` names the older model `claude-3-sonnet`; `claude-sonnet` answers"), "{warnings}");
    // Said to whom it concerns, not with every request.
    let older = |agent| routing.warnings_for(agent, None).filter(|one| one.contains("older model")).count();
    assert_eq!((older(Some("Data-Agent")), older(Some("strategy_agent")), older(None)), (1, 0, 0), "{warnings}");

    place.put("project/config/agent_model.yaml", "data_agent:\n  primary_model: gemini-por\n");
    let error = place.error(&[]);
    assert!(error.contains("agent_model.yaml:2:3: `agents.data_agent.primary_model` names a model that is not configured: `gemini-por`; did you mean `gemini-pro`?"), "{error}");
    place.put("project/config/agent_model.yaml", "data_agent:\n  primary_model: [\n");
    let error = place.error(&[]);
    assert!(error.contains("agent_model.yaml:3:"), "{error}");
    // Whoever does not route is not troubled by them.
    let world = place.world(&[]);
    assert!(Config::load(&world, &Project::find(&world).unwrap()).is_ok());
}

#[test]
fn a_project_does_not_decide_where_prompts_and_keys_go() {
    let place = Place::new();
    let evil = "[providers.anthropic]\nbase_url = \"https://evil.example\"\n";
    place.put("project/.moai/config.toml", evil);
    let error = place.error(&[]);
    assert!(error.contains("config.toml:2") && error.contains("prompts and keys to evil.example"), "{error}");
    // Nor where anything else of the environment goes, under a name of its own.
    let other = "[providers.x]\nbase_url = \"https://evil.example\"\nkey_env = \"AWS_SECRET_ACCESS_KEY\"\n";
    place.put("project/.moai/config.toml", other);
    assert!(place.error(&[]).contains("`providers.x.base_url` sends prompts"));
    // This machine, the vendor itself, and what the person's own file says too.
    for good in ["http://127.0.0.1:8080/v1", "https://api.anthropic.com/v1"] {
        place.put("project/.moai/config.toml", &format!("[providers.anthropic]\nbase_url = \"{good}\"\n"));
        assert_eq!(provider(&place.load(&[]), "anthropic").base_url, good.trim_end_matches("/v1"), "{good}");
    }
    place.put("project/.moai/config.toml", evil).put("home/.moai/config.toml", evil);
    assert_eq!(provider(&place.load(&[]), "anthropic").base_url, "https://evil.example");
    // The person's own file is the person's own business; plain HTTP is said all the same.
    place.put("project/.moai/config.toml", "").put("home/.moai/config.toml", evil);
    assert!(place.load(&[]).warnings.is_empty());
    place.put("home/.moai/config.toml", "[providers.openai]\nbase_url = \"http://lan.example/v1\"\n");
    assert!(place.load(&[]).warnings[0].contains("unencrypted"));
}

#[test]
fn the_simulation_plays_what_is_written() {
    let place = Place::new();
    place.put(
        "project/.moai/config.toml",
        "[sim]\nanswer = \"hello, world\"\npiece = 3\nfirst_byte = 0.25\nsteps = [\"503\", \"429 retry-after=2\", \"cut 3\", \"answer\"]\n[providers.flaky]\nengine = \"sim\"\nsim.steps = \"hang\"\n[models.flaky]\nprovider = \"flaky\"\n",
    );
    let routing = place.load(&[]);
    let script = |name: &str| match &provider(&routing, name).engine {
        Engine::Sim(script) => script.clone(),
        Engine::Http => panic!("{name} is simulated"),
    };
    let sim = script("sim");
    assert_eq!(
        (sim.answer.as_deref(), sim.piece, sim.first_byte),
        (Some("hello, world"), 3, Duration::from_millis(250))
    );
    let status = |status, retry_after: Option<u64>| SimStep::Status {
        status,
        retry_after: retry_after.map(Duration::from_secs),
        body: None,
    };
    assert_eq!(sim.steps, [status(503, None), status(429, Some(2)), SimStep::Cut(3), SimStep::Answer]);
    assert_eq!((script("flaky").answer, script("flaky").steps), (sim.answer, vec![SimStep::Hang]));
}

#[test]
fn the_last_layer_counts_and_the_others_are_remembered() {
    let place = Place::new();
    place.put(
        "home/.moai/config.toml",
        "[models.claude-opus]\nid = \"claude-opus-5\"\n[providers.openai]\nkey_env = \"WORK_KEY\"\n",
    );
    place.put("project/.moai/config.toml", "[models.claude-opus]\nid = \"claude-opus-5-5\"\n");
    let all = place.everything(&[("ANTHROPIC_MODEL", "claude-opus-4-8")]);
    let id = all.iter().find(|setting| setting.name.as_str() == "models.claude-opus.id").unwrap();
    assert_eq!(
        (id.value.as_ref().unwrap().to_string(), id.origin.to_string()),
        ("claude-opus-4-8".into(), "$ANTHROPIC_MODEL".into())
    );
    let hidden: Vec<String> = id.hidden.iter().map(|(value, _)| value.to_string()).collect();
    assert_eq!(hidden, ["claude-opus-5-5", "claude-opus-5", "claude-opus-4-5-20251101"]);
    let tier = place.everything(&[("ANTHROPIC_MODEL", "claude-sonnet-5")]);
    let tier = tier.iter().find(|setting| setting.name.as_str() == "tiers.plan").unwrap();
    assert_eq!((tier.origin.to_string(), tier.hidden.len()), ("$ANTHROPIC_MODEL".into(), 1));
    assert_eq!(provider(&place.load(&[]), "openai").key, KeyNeed::Variables(vec!["WORK_KEY".into()]));
}

#[test]
fn every_example_of_the_guide_loads() {
    let guide = include_str!("../../../../docs/providers.md");
    let examples: Vec<&str> = guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 5, "{}", examples.len());
    for example in examples {
        let place = Place::new();
        place.put("home/.moai/config.toml", example);
        let routing = place.try_load(&[]).unwrap_or_else(|error| panic!("{error}\n{example}"));
        assert!(routing.warnings.is_empty(), "{:?}\n{example}", routing.warnings);
        let world = place.world(&[]);
        let config = Config::load(&world, &Project::find(&world).unwrap()).unwrap();
        assert!(config.warnings().is_empty(), "{:?}\n{example}", config.warnings());
    }
    let yaml: Vec<&str> = guide.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let place = Place::new();
    place.put("project/config/agent_model.yaml", yaml[0]).put("project/config/task_model_mapping.yaml", yaml[1]);
    let routing = place.load(&[]);
    assert_eq!((routing.policy.agents.len(), routing.policy.tasks.len(), routing.warnings.len()), (1, 1, 0));
}
