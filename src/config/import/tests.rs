//! Files of others as they are, and what becomes of them.

use super::*;
use crate::base::world::{Env, World};
use crate::config::{Config, Project};

fn understood(text: &str) -> Result<Import, ImportError> {
    let home = tempfile::tempdir().unwrap();
    let world = World::scratch(home.path(), home.path(), Env::default());
    let project = Project::find(&world).unwrap();
    let config = Config::load(&world, &project).unwrap();
    let routing = Routing::load(&world, &project, &config).unwrap();
    understand("file", text, &routing, false)
}

fn settings(import: &Import) -> Vec<String> {
    import.wishes.iter().map(|wish| format!("{}={}", wish.name, wish.value)).collect()
}

fn left(import: &Import) -> Vec<&str> {
    import.left.iter().map(|left| left.path.as_str()).collect()
}

#[test]
fn seed_004s_openclaw_is_understood() {
    let text = r#"{
      // primary and fallbacks
      agents: {
        defaults: { model: { primary: 'ollama/qwen2.5-coder:32b', fallbacks: ["ollama/deepseek-r1:32b", "ollama/llama3.3:latest"], }, workspace: "~/w" },
        profiles: { coder: { model: { primary: "ollama/qwen2.5-coder:32b", fallbacks: ["ollama/deepseek-r1:32b"] } } },
      },
      "models": { "providers": { "ollama": { "baseUrl": "http://host.containers.internal:11434/v1" } } },
      channels: { telegram: { botToken: "1234567890:AAaaBBbbCCccDDdd" } },
    }"#;
    let import = understood(text).unwrap();
    assert_eq!(import.format, Format::OpenClaw);
    let all = "ollama/qwen2.5-coder:32b, ollama/deepseek-r1:32b, ollama/llama3.3:latest";
    assert_eq!(
        settings(&import),
        [
            "providers.ollama.base_url=http://127.0.0.1:11434".to_owned(),
            format!("tiers.plan={all}"),
            format!("tiers.implement={all}"),
            "route.chain=ollama/deepseek-r1:32b, ollama/llama3.3:latest".into(),
            "agents.coder.primary_model=ollama/qwen2.5-coder:32b".into(),
            "agents.coder.fallback_model=ollama/deepseek-r1:32b".into(),
        ]
    );
    assert_eq!(left(&import), ["agents.defaults.workspace", "channels"]);
    assert!(import.notes[0].contains("seen from a container"), "{:?}", import.notes);
}

#[test]
fn openclaws_own_providers_models_and_key_references() {
    let text = r#"{
      "env": { "OPENAI_API_KEY": "sk-proj-abcdefgh1234567890", "OTHER": "x" },
      "models": { "providers": {
        "lab": { "baseUrl": "https://lab.example/v1", "api": "openai-completions", "apiKey": "${LAB_KEY}",
          "headers": { "X-Title": "me", "Authorization": "Bearer abcdefgh12345678" },
          "models": [ { "id": "big/one", "contextWindow": 200000, "maxTokens": 8192, "cost": { "input": 1 } }, { "id": "small" } ] },
        "minimax": { "baseUrl": "https://api.minimax.io/anthropic", "api": "anthropic-messages", "apiKey": { "source": "env", "provider": "default", "id": "MINIMAX_KEY" } },
        "google": { "baseUrl": "https://generativelanguage.googleapis.com/v1beta", "api": "google-generative-ai" } } },
      "agents": { "defaults": { "model": "lab/big/one", "models": { "lab/big/one": { "alias": "Big" } }, "imageModel": "x/y" },
        "list": [ { "id": "writer", "model": { "primary": "google/gemini-2.5-pro" }, "tools": {} }, { "model": "x" } ] }
    }"#;
    let import = understood(text).unwrap();
    let settings = settings(&import);
    for expected in [
        "providers.lab.base_url=https://lab.example/v1",
        "providers.lab.key_env=LAB_KEY",
        "providers.lab.headers.X-Title=me",
        "models.one.provider=lab",
        "models.one.id=big/one",
        "models.one.context=200000",
        "models.one.max_output=8192",
        "models.one.aliases=Big",
        "providers.minimax.key_env=MINIMAX_KEY",
        "tiers.plan=lab/big/one",
        "agents.writer.primary_model=gemini/gemini-2.5-pro",
    ] {
        assert!(settings.iter().any(|setting| setting == expected), "{expected}: {settings:#?}");
    }
    // Anthropic's dialect follows from the address; the built-in Gemini needs nothing.
    assert!(!settings.iter().any(|setting| setting.contains(".wire") || setting.starts_with("providers.gemini")));
    for place in [
        "models.providers.lab.headers.Authorization",
        "models.providers.lab.models[0].cost",
        "agents.defaults.imageModel",
        "agents.list[1]",
        "env.OTHER",
    ] {
        assert!(left(&import).contains(&place), "{place}: {:?}", import.left);
    }
    assert_eq!(import.keys.len(), 1);
    assert_eq!((import.keys[0].stored, import.keys[0].path.as_str()), (Some(ProviderId::OpenAi), "env.OPENAI_API_KEY"));
    assert!(!format!("{import:?}").contains("abcdefgh1"), "a key is shown");
}

/// The example of claude-code-router's own README, shortened.
const ROUTER: &str = r#"{
  "APIKEY": "your-secret-key", "PROXY_URL": "http://127.0.0.1:7890", "LOG": true, "API_TIMEOUT_MS": 600000,
  "NON_INTERACTIVE_MODE": false, "PORT": 3457, "HOST": "0.0.0.0",
  "Providers": [
    { "name": "openrouter", "api_base_url": "https://openrouter.ai/api/v1/chat/completions", "api_key": "sk-or-v1-0123456789abcdef0123",
      "models": ["google/gemini-2.5-pro-preview"], "transformer": { "use": ["openrouter"] } },
    { "name": "deepseek", "api_base_url": "https://api.deepseek.com/chat/completions", "api_key": "$DEEPSEEK_API_KEY",
      "models": ["deepseek-chat", "deepseek-reasoner"],
      "transformer": { "use": ["deepseek"], "deepseek-chat": { "use": ["tooluse"] } } },
    { "name": "ollama", "api_base_url": "http://localhost:11434/v1/chat/completions", "api_key": "ollama", "models": ["qwen2.5-coder:latest"] },
    { "name": "gemini", "api_base_url": "https://generativelanguage.googleapis.com/v1beta/models/", "api_key": "AIzaSyA-0123456789abcdefghijk",
      "models": ["gemini-2.5-flash"], "transformer": { "use": ["gemini"] } },
    { "name": "modelscope", "api_base_url": "https://api-inference.modelscope.cn/v1/chat/completions", "api_key": "",
      "models": ["Qwen/Qwen3-Coder-480B-A35B-Instruct"],
      "transformer": { "use": [["maxtoken", { "max_tokens": 65536 }], "enhancetool"] } },
  ],
  "Router": { "default": "deepseek,deepseek-chat", "background": "ollama,qwen2.5-coder:latest", "think": "deepseek,deepseek-reasoner",
    "longContext": "openrouter,google/gemini-2.5-pro-preview", "longContextThreshold": 60000, "webSearch": "gemini,gemini-2.5-flash", "image": "" }
}"#;

#[test]
fn claude_code_routers_example_is_understood() {
    let import = understood(ROUTER).unwrap();
    assert_eq!(import.format, Format::Router);
    assert_eq!(
        settings(&import),
        [
            "providers.openrouter.base_url=https://openrouter.ai/api/v1",
            "providers.openrouter.key_env=OPENROUTER_API_KEY",
            "providers.deepseek.base_url=https://api.deepseek.com",
            "providers.deepseek.key_env=DEEPSEEK_API_KEY",
            "providers.ollama.base_url=http://localhost:11434",
            "providers.modelscope.base_url=https://api-inference.modelscope.cn/v1",
            "models.Qwen3-Coder-480B-A35B-Instruct.provider=modelscope",
            "models.Qwen3-Coder-480B-A35B-Instruct.id=Qwen/Qwen3-Coder-480B-A35B-Instruct",
            "models.Qwen3-Coder-480B-A35B-Instruct.max_output=65536",
            "tiers.implement=deepseek/deepseek-chat",
            "tiers.plan=deepseek/deepseek-reasoner, deepseek/deepseek-chat",
            "serve.background=ollama/qwen2.5-coder:latest",
            "route.chain=openrouter/google/gemini-2.5-pro-preview",
            "timeouts.total=600",
            "serve.port=3457",
        ]
    );
    let keys: Vec<_> =
        import.keys.iter().map(|key| (key.provider.as_str(), key.stored, key.variable.as_deref())).collect();
    assert_eq!(keys, [("openrouter", None, Some("OPENROUTER_API_KEY")), ("gemini", Some(ProviderId::Gemini), None)]);
    for place in [
        "APIKEY",
        "PROXY_URL",
        "HOST",
        "LOG",
        "Router.longContextThreshold",
        "Router.webSearch",
        "Providers[4].api_key",
    ] {
        assert!(left(&import).contains(&place), "{place}: {:?}", left(&import));
    }
    let shown = format!("{import:?}");
    assert!(!shown.contains("0123456789abcdef") && !shown.contains("your-secret-key"), "{shown}");
}

#[test]
fn a_built_in_provider_at_another_address_speaks_as_the_file_says() {
    let text = r#"{ "Providers": [
      { "name": "gemini", "api_base_url": "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions", "api_key": "$K" },
      { "name": "zhipu", "api_base_url": "https://open.bigmodel.cn/api/paas/v4/chat/completions", "api_key": "$GLM_API_KEY" },
      { "name": "my gate!", "api_base_url": "https://gate.example/v1/messages", "api_key": "$K" } ] }"#;
    assert_eq!(
        settings(&understood(text).unwrap()),
        [
            "providers.gemini.base_url=https://generativelanguage.googleapis.com/v1beta/openai",
            "providers.gemini.wire=chat",
            "providers.gemini.key_env=K",
            "providers.zai.base_url=https://open.bigmodel.cn/api/paas/v4",
            "providers.my-gate.base_url=https://gate.example",
            "providers.my-gate.wire=anthropic",
            "providers.my-gate.key_env=K",
        ]
    );
}

#[test]
fn seed_003s_files_are_understood() {
    let config = r#"{"server": {"port": 3000, "host": "localhost"},
      "providers": {"anthropic": {"enabled": true, "models": ["claude-3-opus", "claude-3-sonnet", "claude-3-haiku"]},
        "google": {"enabled": true, "models": ["gemini-pro"]}, "openai": {"enabled": false, "models": ["gpt-4"]}},
      "routing": {"strategy": "agent_based", "load_balancing": "round_robin"}}"#;
    let import = understood(config).unwrap();
    assert_eq!(import.format, Format::Seed);
    assert_eq!(
        settings(&import),
        [
            "serve.port=3000",
            "serve.host=localhost",
            "tiers.plan=claude-opus, gemini-pro",
            "tiers.implement=claude-sonnet, claude-haiku",
            "providers.anthropic.balance=round_robin",
            "providers.gemini.balance=round_robin",
        ]
    );
    assert_eq!(left(&import), ["providers.openai"]);

    let agents = "data_agent:\n  primary_model: gemini-pro\n  fallback_model: claude-3-sonnet\n  model_selection_strategy: cost\n  prompt: x\n";
    let import = understood(agents).unwrap();
    assert_eq!(import.format, Format::Agents);
    assert_eq!(
        settings(&import),
        [
            "agents.data_agent.primary_model=gemini-pro",
            "agents.data_agent.fallback_model=claude-3-sonnet",
            "agents.data_agent.model_selection_strategy=cost",
        ]
    );
    assert_eq!(left(&import), ["data_agent.prompt (line 5)"]);

    let tasks = "task_mappings:\n  data_processing:\n    large_dataset: \"gemini-pro\"\n    normal_dataset: nobody-1\n";
    let import = understood(tasks).unwrap();
    assert_eq!(
        (import.format, settings(&import)),
        (Format::Tasks, vec!["tasks.data_processing.large_dataset=gemini-pro".into()])
    );
    assert_eq!(left(&import), ["task_mappings.data_processing.normal_dataset (line 4)"]);
}

#[test]
fn a_provider_that_nobody_could_ask_is_left_out_as_a_whole_and_named() {
    let text = r#"{ "agents": { "defaults": { "model": { "primary": "anthropic/claude-opus-4-5", "fallbacks": ["moonshot/kimi", "bad/x"] } } },
      "models": { "providers": {
        "anthropic": { "baseUrl": 42, "apiKey": "${ANTHROPIC_API_KEY}" },
        "moonshot": { "apiKey": "${MOONSHOT_KEY}", "models": [ { "id": "kimi", "contextWindow": 200000 } ] },
        "bad": { "baseUrl": "https://me:word@bad.example/v1", "apiKey": "${BAD_KEY}", "timeoutSeconds": 5 },
        "list": [] } } }"#;
    let import = understood(text).unwrap();
    let settings = settings(&import);
    assert_eq!(settings.len(), 2, "both tiers, and nothing of a provider: {settings:?}");
    assert!(settings.iter().all(|setting| setting.starts_with("tiers.")), "{settings:?}");
    let left = left(&import);
    let at = "models.providers";
    for place in ["anthropic.baseUrl", "moonshot", "bad.baseUrl", "list"] {
        assert!(left.contains(&format!("{at}.{place}").as_str()), "{place}: {left:?}");
    }
    assert!(
        left.contains(&"agents.defaults.model.fallbacks[0]") && left.contains(&"agents.defaults.model.fallbacks[1]")
    );
}

#[test]
fn a_placeholder_where_a_key_belongs_names_the_variable_to_set() {
    let of = |key: &str| {
        let text = format!(
            "{{\"Providers\": [{{\"name\": \"lab\", \"api_base_url\": \"https://lab.example/v1/chat/completions\", \"api_key\": \"{key}\"}}]}}"
        );
        let import = understood(&text).unwrap();
        assert_eq!((import.keys.len(), left(&import)), (0, vec!["Providers[0].api_key"]));
        settings(&import).contains(&"providers.lab.key_env=LAB_API_KEY".to_owned())
    };
    assert!(of("sk-xxx") && of("your-api-key") && of("<KEY>"));
    assert!(!of("none") && !of("EMPTY") && !of("dummy-key"), "a server that wants no key is not given one");
}

#[test]
fn what_is_none_of_these_is_refused_and_not_quoted() {
    for text in ["{}", "{\"a\": 1}", "a: 1\n", "", "- a\n", "[1]", "{\"models\": []}"] {
        let error = understood(text).unwrap_err();
        assert!(!error.to_string().contains('{'), "{error}");
    }
    let key = "0123456789abcdef0123456789abcdef.SeCrEtSeCrEtSeCr";
    for text in [
        format!("{{\"Providers\": [{{\"api_key\": \"{key}\" \"x\"}}]}}"),
        format!("{{ {key} }}"),
        format!("a: [{key}\n"),
    ] {
        let error = understood(&text).unwrap_err();
        assert!(!error.to_string().contains("SeCrEt"), "{error}");
    }
    // A name with a control character, a quote or a key in it never becomes a setting.
    let odd = format!(
        "{{\"Providers\": [{{\"name\": \"a\", \"api_base_url\": \"https://x.example?key={key}\"}}], \"Router\": {{\"default\": \"a,x\\u001by\", \"think\": \"a,{key}\"}}}}"
    );
    let import = understood(&odd).unwrap();
    let shown = format!("{:?} {:?}", import.wishes, import.left);
    assert!(!shown.contains("SeCrEt"), "{shown}");
}
