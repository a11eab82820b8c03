//! Deployments as configured: what they inherit, what they may say, and who may say it.

use super::super::*;
use super::Place;
use crate::model::ProviderId;
use crate::route::KeyNeed;
use crate::route::balance::Balance;

fn zai(routing: &Routing) -> &Provider {
    routing.providers.iter().find(|provider| provider.name == "zai").unwrap()
}

const TWO: &str = r#"
[providers.zai]
balance = "weighted"
headers = { X-Team = "core", X-Region = "none" }
timeouts.total = 77
health = { path = "/health", interval = 5 }
[providers.zai.deployments.eu]
base_url = "https://eu.example/api/anthropic/v1"
key_env = "ZAI_EU"
weight = 3
headers = { x-region = "eu" }
[providers.zai.deployments.spare]
priority = 2
"#;

#[test]
fn what_a_deployment_does_not_say_is_as_with_the_provider() {
    let place = Place::new();
    place.put("home/.moai/config.toml", TWO);
    let routing = place.load(&[("ZAI_BASE_URL", "https://api.z.ai/api/anthropic")]);
    let provider = zai(&routing);
    assert_eq!((provider.balance, provider.deployments.len()), (Balance::Weighted, 2));
    let names: Vec<&str> = provider.ways().map(|way| way.name.as_str()).collect();
    assert_eq!(names, ["zai/eu", "zai/spare"]);
    let [eu, spare] = provider.deployments.as_slice() else { panic!() };
    assert_eq!((eu.weight, eu.priority, spare.weight, spare.priority), (3, 0, 1, 2));
    assert_eq!(eu.at.base_url, "https://eu.example/api/anthropic", "the path brings its own /v1");
    assert_eq!(eu.at.key, KeyNeed::Variables(vec!["ZAI_EU".into()]));
    assert_eq!((&spare.at.base_url, &spare.at.key), (&provider.base_url, &KeyNeed::Stored(ProviderId::Glm)));
    let header = |way: &Provider, name: &str| {
        let found: Vec<_> = way.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name)).collect();
        assert_eq!(found.len(), 1, "{name}");
        found[0].1.clone()
    };
    assert_eq!((header(&eu.at, "x-region"), header(&eu.at, "x-team")), ("eu".into(), "core".into()));
    assert_eq!(header(&spare.at, "x-region"), "none");
    for way in provider.ways() {
        assert_eq!((way.wire, way.auth, &way.quirks), (provider.wire, provider.auth, &provider.quirks));
        assert_eq!((way.timeouts, way.health.as_ref()), (provider.timeouts, provider.health.as_ref()));
        assert!(way.deployments.is_empty());
    }
    assert_eq!(provider.health.as_ref().unwrap().every.as_secs(), 5);
    assert!(
        routing.warnings[0].contains(
            "`providers.zai.deployments.spare.priority` does nothing without `providers.zai.balance = \"priority\"`"
        ),
        "{:?}",
        routing.warnings
    );
    let all = place.everything(&[]);
    let weight = all.iter().find(|setting| setting.name.as_str() == "providers.zai.deployments.eu.weight").unwrap();
    assert!(weight.origin.to_string().contains("config.toml:10"), "{}", weight.origin);
}

#[test]
fn a_stored_key_can_be_a_deployments_and_none_is_a_word() {
    let place = Place::new();
    let text = "[providers.zai.deployments.a]\nkey = \"glm\"\n[providers.zai.deployments.b]\nkey = \"none\"\n";
    place.put("home/.moai/config.toml", text);
    let routing = place.load(&[]);
    let keys: Vec<&KeyNeed> = zai(&routing).ways().map(|way| &way.key).collect();
    assert_eq!(keys, [&KeyNeed::Stored(ProviderId::Glm), &KeyNeed::None]);
    assert_eq!(zai(&routing).balance, Balance::HealthBased);
    assert!(routing.warnings.is_empty(), "{:?}", routing.warnings);
}

#[test]
fn a_lonely_deployment_is_worth_a_word() {
    let place = Place::new();
    place.put("home/.moai/config.toml", "[providers.zai.deployments.eu]\nkey_env = \"ZAI_EU\"\n");
    let warnings = place.load(&[]).warnings;
    assert!(warnings[0].contains("`providers.zai.deployments.eu` is the only deployment"), "{warnings:?}");
}

#[test]
fn mistakes_are_named_with_their_place() {
    let secret = "sk-ant-api03-SeCrEtSeCrEtSeCrEt";
    for (text, said) in [
        ("balance = \"round-robin\"\n", "did you mean `round_robin`?"),
        ("health = { path = \"health\" }\n", "`providers.zai.health.path` is not a path"),
        ("deployments.eu.api_key = \"SECRET\"\n", "`providers.zai.deployments.eu.api_key` would be a key"),
        ("deployments.eu.headers.Authorization = \"Bearer SECRET\"\n", "would be a key"),
        ("deployments.eu.key = \"SECRET\"\n", "is not a word that moai knows here"),
        ("deployments.eu.weight = -1\n", "is not a number"),
        ("deployments.eu.base_url = \"eu.example\"\n", "is not a URL"),
    ] {
        let place = Place::new();
        place.put("home/.moai/config.toml", &format!("[providers.zai]\n{}", text.replace("SECRET", secret)));
        let error = place.error(&[]);
        assert!(error.contains(said) && error.contains("config.toml:2"), "{text}\n{error}");
        assert!(!error.contains("SeCrEt"), "{error}");
    }
    assert_eq!(
        keys::nearest_name("providers.zai.deployments.eu.base_ulr").as_deref(),
        Some("providers.zai.deployments.eu.base_url")
    );
    assert_eq!(keys::nearest_name("providers.zai.balanec").as_deref(), Some("providers.zai.balance"));
}

#[test]
fn a_project_does_not_decide_where_a_deployments_prompts_and_keys_go() {
    let place = Place::new();
    let said = |url: &str| {
        format!(
            "[providers.anthropic.deployments.x]\nbase_url = \"{url}\"\n[providers.anthropic.deployments.y]\nkey = \"anthropic\"\n"
        )
    };
    place.put("project/.moai/config.toml", &said("https://evil.example"));
    let error = place.error(&[]);
    assert!(error.contains("config.toml:2") && error.contains("prompts and keys to evil.example"), "{error}");
    assert!(error.contains("moai config set --user providers.anthropic.deployments.x.base_url URL"), "{error}");
    // This machine, the vendor itself, and a host that the person's own file names for any of them.
    for good in ["http://127.0.0.1:8080", "https://api.anthropic.com"] {
        place.put("project/.moai/config.toml", &said(good));
        assert_eq!(place.load(&[]).providers.iter().find(|it| it.name == "anthropic").unwrap().deployments.len(), 2);
    }
    place.put("project/.moai/config.toml", &said("https://mine.example/elsewhere"));
    place.put("home/.moai/config.toml", "[providers.anthropic.deployments.z]\nbase_url = \"https://mine.example\"\n");
    assert!(place.try_load(&[]).is_ok());
    place.put("home/.moai/config.toml", "[providers.other]\nbase_url = \"https://mine.example\"\n");
    assert!(place.try_load(&[]).is_err(), "a host of another provider is not this one's");
}

#[test]
fn a_project_has_no_tricks_to_decide_it_either() {
    let place = Place::new();
    // A host that connects elsewhere than it reads.
    for trick in ["http://127.0.0.2\\.z.ai/api", "https://evil.example%2f.z.ai/api", "https://evil.example／.z.ai"] {
        place.put("project/.moai/config.toml", &format!("[providers.zai]\nbase_url = '{trick}'\n"));
        assert!(place.error(&[]).contains("config.toml:2"), "{trick}");
    }
    // Nor which of the person's secrets goes to a host that is known.
    for foreign in ["key_env = \"ANTHROPIC_API_KEY\"", "key = \"anthropic\"", "deployments.a.key_env = \"AWS_SECRET\""]
    {
        place.put("project/.moai/config.toml", &format!("[providers.zai]\n{foreign}\n"));
        let error = place.error(&[]);
        assert!(error.contains("config.toml:2") && error.contains("chooses which key is sent"), "{error}");
    }
    let own = "[providers.zai]\nkey_env = \"ZAI_WORK\"\n";
    place.put("project/.moai/config.toml", own).put("home/.moai/config.toml", own);
    assert_eq!(zai(&place.load(&[])).key, KeyNeed::Variables(vec!["ZAI_WORK".into()]));
}

#[test]
fn a_key_that_goes_out_in_the_open_is_told() {
    let place = Place::new();
    place.put(
        "home/.moai/config.toml",
        "[providers.zai.deployments.a]\nbase_url = \"http://lan.example\"\n[providers.zai.deployments.b]\nbase_url = \"http://127.0.0.1:1\"\n",
    );
    let warnings = place.load(&[]).warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("`zai/a` goes to lan.example unencrypted"), "{warnings:?}");
}

#[test]
fn the_gateway_is_nobodys_deployment() {
    let place = Place::new();
    place.put("home/.moai/config.toml", "[providers.zai.deployments.me]\nbase_url = \"http://localhost:3456\"\n");
    let error = place.error(&[(GATEWAY_VAR, "http://127.0.0.1:3456")]);
    assert!(error.contains("`providers.zai.deployments.me.base_url` is moai's own gateway"), "{error}");
}
