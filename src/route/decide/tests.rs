//! Who is chosen, in tables: the precedence, the seeds' own examples, and what is missing.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::base::failure::Explain;
use crate::classify::{Options, classify};
use crate::model::Rate;
use crate::route::{Fact, Model, Strategy as Wish, fixture};

const PLAN: &str = "API 설계해줘";
const CODE: &str = "코드 구현해줘";
const KEYS: [&str; 3] = ["anthropic", "zai", "gemini"];

fn decision(ask: &Ask, text: &str, keys: &[&str]) -> Decision {
    decided(ask, text, keys, &fixture::policy()).unwrap()
}

fn decided(ask: &Ask, text: &str, keys: &[&str], policy: &Policy) -> Result<Decision, NoRoute> {
    let seen = classify(text, policy.options());
    decide(ask, &seen, policy, &fixture::roster(keys), &facts())
}

/// Prices of autumn 2026, and response times that contradict them.
fn facts() -> Facts {
    let fact = |input: &str, output: &str, seconds| Fact {
        input: Rate::per_million(input).ok(),
        output: Rate::per_million(output).ok(),
        median: Some(Duration::from_secs(seconds)),
    };
    let models = [
        ("claude-opus", fact("5", "25", 9)),
        ("claude-sonnet", fact("3", "15", 5)),
        ("claude-haiku", fact("1", "5", 7)),
        ("glm-4.7", fact("0.6", "2.2", 8)),
        ("gemini-pro", fact("1.25", "10", 6)),
    ];
    Facts { models: models.map(|(name, fact)| (name.to_owned(), fact)).into() }
}

fn plan(decision: &Decision) -> String {
    decision.plan().iter().map(Ready::name).collect::<Vec<_>>().join(" ")
}

fn told(decision: &Decision) -> String {
    decision.because().iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join(" | ")
}

/// `decided_by model tier`.
fn short(decision: &Decision) -> String {
    format!("{} {} {}", decision.decided_by(), decision.plan().first().name(), decision.tier())
}

/// Every source, with all weaker ones wishing for something else.
#[test]
fn the_precedence() {
    let all = Ask {
        force_model: Some("glm-4.7".into()),
        force_tier: Some(Tier::One),
        worktree_model: Some("claude-haiku".into()),
        agent: Some("data_agent".into()),
        task: Some("data_processing".into()),
        contexts: vec!["large_dataset".into()],
        session_model: Some("claude-opus".into()),
        ..Ask::default()
    };
    let no_model = Ask { force_model: None, ..all.clone() };
    let no_force = Ask { force_tier: None, ..no_model.clone() };
    let no_worktree = Ask { worktree_model: None, ..no_force.clone() };
    let no_task = Ask { task: None, ..no_worktree.clone() };
    let no_agent = Ask { agent: None, ..no_task.clone() };
    let nothing = Ask::default();
    for (ask, text, expected) in [
        (&all, "/moai:1-plan x", "force glm-4.7 2"),
        (&no_model, "/moai:2-run SPEC-001", "force claude-opus 1"),
        (&no_force, "/moai:1-plan user authentication", "command claude-opus 1"),
        (&no_force, "/moai:2-run SPEC-001", "command glm-4.7 2"),
        (&no_force, "/moai:3-sync SPEC-001", "command glm-4.7 2"),
        (&no_force, PLAN, "worktree claude-haiku 2"),
        (&no_force, "/sc:design the cache", "worktree claude-haiku 2"),
        (&no_worktree, CODE, "task gemini-pro 1"),
        (&no_task, CODE, "agent claude-sonnet 1"),
        (&no_agent, "", "session claude-opus 1"),
        (&no_agent, "안녕하세요", "session claude-opus 1"),
        (&no_agent, CODE, "classifier glm-4.7 2"),
        (&nothing, PLAN, "classifier claude-opus 1"),
        (&nothing, CODE, "classifier glm-4.7 2"),
        (&nothing, "/sc:design the cache", "command claude-opus 1"),
        (&nothing, "", "default glm-4.7 2"),
        (&nothing, "안녕하세요", "default glm-4.7 2"),
    ] {
        assert_eq!(short(&decision(ask, text, &KEYS)), expected, "{text:?}");
    }
}

/// AC-001 to AC-003: the texts of the acceptance criteria, with the plans that AC-005 falls back along.
#[test]
fn the_acceptance_criteria() {
    let tier1 = [
        "API 설계해줘",
        "아키텍처 결정 필요",
        "/moai:1-plan auth system",
        "기술 스택 비교 분석",
        "시스템 설계 전략 수립",
    ];
    let tier2 = [
        "코드 구현해줘",
        "테스트 작성해줘",
        "/moai:2-run SPEC-001",
        "이 버그 수정해줘",
        "문서화 진행해줘",
        "",
        "안녕하세요",
    ];
    let both = ["anthropic", "zai"];
    for text in tier1 {
        assert_eq!(plan(&decision(&Ask::default(), text, &both)), "claude-opus glm-4.7", "{text}");
    }
    for text in tier2 {
        assert_eq!(plan(&decision(&Ask::default(), text, &both)), "glm-4.7 claude-opus", "{text}");
    }
    let command = decision(&Ask::default(), "/moai:1-plan user authentication", &both);
    assert!((command.confidence() - 1.0).abs() < 1e-9 && !command.uncertain());
    let worktree = Ask { worktree_model: Some("claude-opus".into()), ..Ask::default() };
    assert_eq!(short(&decision(&worktree, CODE, &both)), "worktree claude-opus 1");
    let glm = Ask { force_model: Some("glm".into()), ..Ask::default() };
    assert_eq!(plan(&decision(&glm, PLAN, &both)), "glm-4.7 claude-opus");
}

/// `task_model_mapping.yaml` of seed 003, every entry, and the contexts that its client sends.
#[test]
fn the_seeds_tasks() {
    for (task, context, model) in [
        ("data_processing", "large_dataset", "gemini-pro"),
        ("data_processing", "normal_dataset", "claude-sonnet"),
        ("data_processing", "normal", "claude-sonnet"),
        ("data_processing", "", "claude-sonnet"),
        ("data-processing", "Large-Dataset", "gemini-pro"),
        ("data_processing", "large", "gemini-pro"),
        ("data_processing", "simple_calculation", "claude-haiku"),
        ("strategy_development", "complex_strategy", "claude-opus"),
        ("strategy_development", "signal_generation", "claude-sonnet"),
        ("strategy_development", "parameter_optimization", "gemini-pro"),
        ("service_operations", "backtesting", "claude-sonnet"),
        ("service_operations", "order_execution", "claude-haiku"),
        ("service_operations", "risk_monitoring", "claude-sonnet"),
    ] {
        let contexts = if context.is_empty() { Vec::new() } else { vec![context.into()] };
        let ask = Ask { task: Some(task.into()), contexts, ..Ask::default() };
        let decision = decision(&ask, CODE, &KEYS);
        assert_eq!(
            (decision.decided_by(), decision.plan().first().name()),
            (DecidedBy::Task, model),
            "{task} {context}"
        );
    }
    let unknown = Ask { task: Some("service_operations".into()), contexts: vec!["lunch".into()], ..Ask::default() };
    let lunch = decision(&unknown, CODE, &KEYS);
    assert_eq!(short(&lunch), "classifier glm-4.7 2");
}

#[test]
fn agents_come_with_their_fallbacks_and_unknown_ones_are_said() {
    let ask = |agent: &str, task: Option<&str>| Ask {
        agent: Some(agent.into()),
        task: task.map(Into::into),
        ..Ask::default()
    };
    for (ask, expected) in [
        (ask("data_agent", None), "claude-sonnet gemini-pro claude-haiku glm-4.7"),
        (ask("data_agent", Some("strategy_development")), "claude-sonnet gemini-pro claude-haiku glm-4.7"),
        // Its own strategy is quality: it sorts the fallbacks and leaves the primary model in front.
        (ask("strategy_agent", None), "claude-opus glm-4.7 claude-haiku"),
        (ask("nobody", None), "glm-4.7 claude-opus"),
    ] {
        assert_eq!(plan(&decision(&ask, CODE, &KEYS)), expected, "{ask:?}");
    }
    let nobody = decision(&ask("nobody", None), CODE, &KEYS);
    assert!(told(&nobody).contains("no models are configured for the agent nobody"), "{}", told(&nobody));
    let no_fallback = Ask { no_fallback: true, ..ask("data_agent", None) };
    assert_eq!(plan(&decision(&no_fallback, CODE, &KEYS)), "claude-sonnet");
}

#[test]
fn flags_and_strategies_choose_among_the_candidates() {
    let agent = Ask { agent: Some("strategy_agent".into()), ..Ask::default() };
    let plain = Ask::default();
    let task = Ask { task: Some("data_processing".into()), ..Ask::default() };
    let flag = |ask: &Ask, word: &str| Ask { contexts: vec![word.into()], ..ask.clone() };
    let strategy = |ask: &Ask, strategy| Ask { strategy: Some(strategy), ..ask.clone() };
    for (ask, text, expected) in [
        (strategy(&agent, Wish::Cost), CODE, "agent glm-4.7 2"),
        (strategy(&agent, Wish::Quality), CODE, "agent claude-opus 1"),
        (strategy(&agent, Wish::Speed), CODE, "agent claude-haiku 2"),
        (flag(&agent, "budget_constraint"), CODE, "agent glm-4.7 2"),
        (flag(&task, "budget_constraint"), CODE, "task claude-haiku 2"),
        (flag(&task, "quality_critical"), CODE, "task claude-sonnet 1"),
        (flag(&task, "time_critical"), CODE, "task claude-sonnet 1"),
        (Ask { time_critical: true, ..plain.clone() }, CODE, "classifier claude-haiku 2"),
        (Ask { quality_critical: true, ..plain.clone() }, CODE, "classifier glm-4.7 2"),
        (strategy(&plain, Wish::Cost), PLAN, "classifier claude-sonnet 1"),
        (Ask { budget_constraint: true, quality_critical: true, ..plain }, PLAN, "classifier claude-sonnet 1"),
    ] {
        assert_eq!(short(&decision(&ask, text, &KEYS)), expected, "{ask:?}");
    }
    let cheap = decision(&strategy(&agent, Wish::Cost), CODE, &KEYS);
    assert_eq!(plan(&cheap), "glm-4.7 claude-haiku claude-opus");
    assert_eq!(cheap.strategy(), Some(Wish::Cost));
    let said = "cost decides: glm-4.7 (0.6 + 2.2 USD per MTok), claude-haiku (1 + 5 USD per MTok), claude-opus";
    assert!(told(&cheap).contains(said), "{}", told(&cheap));
}

#[test]
fn what_is_not_known_does_not_win() {
    let policy = fixture::policy();
    let ask = |strategy| Ask { strategy: Some(strategy), ..Ask::default() };
    let name = |strategy, facts: &Facts| {
        let seen = classify(CODE, Options::default());
        let decision = decide(&ask(strategy), &seen, &policy, &fixture::roster(&KEYS), facts).unwrap();
        decision.plan().first().name().to_owned()
    };
    let mut some_facts = facts();
    some_facts.models.remove("glm-4.7");
    assert_eq!(name(Wish::Cost, &some_facts), "claude-haiku", "an unknown price is not the lowest");
    assert_eq!(name(Wish::Cost, &Facts::default()), "glm-4.7", "equals stay in their order");
    some_facts = facts();
    some_facts.models.remove("claude-haiku");
    assert_eq!(name(Wish::Speed, &some_facts), "claude-haiku", "measured for all or for none");
}

#[test]
fn a_wish_that_cannot_be_had_goes_on_to_the_next_and_says_so() {
    let worktree = Ask { worktree_model: Some("claude-3-opus".into()), ..Ask::default() };
    let agent = Ask { agent: Some("data_agent".into()), ..Ask::default() };
    let misspelt = Ask { worktree_model: Some("claude-opos".into()), ..Ask::default() };
    for (ask, text, keys, expected, why) in [
        (
            &worktree,
            CODE,
            &["zai"][..],
            "classifier glm-4.7 2",
            "wanted claude-opus, took glm-4.7: there is no key for anthropic",
        ),
        (
            &worktree,
            PLAN,
            &["zai"],
            "classifier glm-4.7 1",
            "wanted claude-opus, took glm-4.7: there is no key for anthropic",
        ),
        (
            &agent,
            CODE,
            &["zai", "gemini"],
            "agent gemini-pro 1",
            "wanted claude-sonnet, took gemini-pro: there is no key",
        ),
        (&agent, CODE, &["zai"], "classifier glm-4.7 2", "wanted claude-sonnet, took glm-4.7"),
        (&misspelt, CODE, &["anthropic"], "classifier claude-haiku 2", "did you mean `claude-opus`?"),
        (&Ask::default(), PLAN, &["zai"], "classifier glm-4.7 1", "wanted claude-opus, took glm-4.7: there is no key"),
        (&Ask::default(), CODE, &["ollama"], "classifier qwen2.5-coder 2", "wanted glm-4.7, took qwen2.5-coder"),
    ] {
        let decision = decision(ask, text, keys);
        assert_eq!(short(&decision), expected, "{ask:?} {keys:?}");
        assert!(decision.is_fallback() && told(&decision).contains(why), "{}", told(&decision));
    }
    assert!(!decision(&Ask::default(), PLAN, &KEYS).is_fallback());
}

/// Seed 004: the kind decides among the local models, where there are any.
#[test]
fn local_models_by_kind() {
    let coding = "이 함수의 버그를 수정하고 코드를 리팩토링해줘";
    let reasoning = "A train leaves at 3 pm at 60 km/h, another at 4 pm at 90 km/h. How many hours until they meet?";
    let general = "Write a short poem about the sea.";
    let first = |text, keys: &[&str], policy: &Policy| {
        decided(&Ask::default(), text, keys, policy).unwrap().plan().first().name().to_owned()
    };
    let by_kind = Policy { tier2: vec!["kind".into()], tier1: vec!["kind".into()], ..fixture::policy() };
    for (text, model) in [(coding, "qwen2.5-coder"), (reasoning, "deepseek-r1"), (general, "llama3.3")] {
        assert_eq!(first(text, &["ollama"], &fixture::policy()), model, "{text}");
        assert_eq!(first(text, &KEYS, &by_kind), model, "a list that says `kind` names the models: {text}");
    }
    let all = decision(&Ask::default(), CODE, &["anthropic", "zai", "ollama"]);
    assert_eq!(plan(&all), "glm-4.7 claude-opus qwen2.5-coder deepseek-r1 llama3.3", "last, whatever is local");
    let none = decided(&Ask::default(), CODE, &[], &fixture::policy());
    assert!(matches!(none, Err(NoRoute::NoneReady(_))), "an Ollama that nobody configured is not asked: {none:?}");
}

#[test]
fn a_forced_model_is_that_model_or_an_error() {
    let force = |name: &str| Ask { force_model: Some(name.into()), ..Ask::default() };
    let error = |name: &str| decided(&force(name), PLAN, &["zai"], &fixture::policy()).unwrap_err();
    for (name, expected) in [
        ("glm-4.7", "glm-4.7 claude-haiku"),
        ("ZAI/GLM-4.7", "glm-4.7 claude-haiku"),
        ("claude-opus-4-5-20251101", "claude-opus glm-4.7"),
        ("claude-3-opus", "claude-opus glm-4.7"),
        ("sim", "sim"),
        ("ollama/qwen2.5-coder:32b", "qwen2.5-coder"),
    ] {
        let policy = Policy { tier1: vec!["claude-haiku".into()], ..fixture::policy() };
        let decision = decided(&force(name), PLAN, &KEYS, &policy).unwrap();
        assert_eq!(plan(&decision), expected, "{name}");
        assert_eq!(decision.decided_by(), DecidedBy::Force);
    }
    let no_key = error("opus");
    assert_eq!(no_key.to_string(), "`claude-opus` needs a key of anthropic, and there is none");
    assert_eq!((no_key.code(), no_key.kind().exit_code()), (Some("no-key"), 3));
    assert!(no_key.hints()[0].contains("moai key set anthropic") && no_key.hints()[0].contains("ANTHROPIC_API_KEY"));
    assert!(error("house").hints()[0].contains("MINE_KEY"));
    assert_eq!(error("glm-4.6").hints()[0], "did you mean `glm-4.7`?");
    assert_eq!(error("lost").code(), Some("no-provider"));
    assert_eq!(error("zzz").code(), Some("unknown-model"));
}

#[test]
fn without_any_key_the_error_names_the_keys() {
    let error = decided(&Ask::default(), CODE, &[], &fixture::policy()).unwrap_err();
    assert_eq!(error.to_string(), "no model can be asked: there is no key for zai, anthropic");
    assert_eq!((error.kind().exit_code(), error.hints().len()), (3, 2));
    let empty =
        decide(&Ask::default(), &classify("", Options::default()), &Policy::default(), &Roster::default(), &facts());
    assert_eq!(empty.unwrap_err().to_string(), "no model can be asked: none is configured");
}

#[test]
fn a_named_only_model_is_taken_where_a_list_names_it() {
    let policy = Policy { tier2: vec!["sim".into()], chain: vec!["sim".into()], ..fixture::policy() };
    assert_eq!(plan(&decided(&Ask::default(), CODE, &[], &policy).unwrap()), "sim");
    assert_eq!(plan(&decided(&Ask::default(), PLAN, &KEYS, &policy).unwrap()), "claude-opus sim");
    assert!(!plan(&decision(&Ask::default(), CODE, &KEYS)).contains("sim"));
    let ours = Ask { worktree_model: Some("llama3.3".into()), ..Ask::default() };
    assert_eq!(plan(&decision(&ours, CODE, &KEYS)), "llama3.3", "no vendor stands in for this machine");
    let going_on = Ask { session_model: Some("sim".into()), ..Ask::default() };
    assert_eq!(plan(&decision(&going_on, "", &KEYS)), "sim");
}

#[test]
fn a_long_prompt_passes_over_small_windows_unless_all_are_small() {
    let mut models = fixture::models(false);
    for model in &mut models {
        if model.name == "glm-4.7" {
            *model = Model { context: Some(1_000), ..model.clone() };
        }
    }
    let roster = Roster::new(models, fixture::providers(), |_| true);
    let seen = classify(CODE, Options::default());
    let first = |tokens| {
        let ask = Ask { prompt_tokens: Some(tokens), ..Ask::default() };
        decide(&ask, &seen, &fixture::policy(), &roster, &facts()).unwrap()
    };
    assert_eq!(plan(&first(1_000)), "glm-4.7 claude-opus");
    let long = first(1_001);
    assert_eq!(plan(&long), "claude-haiku claude-opus");
    assert!(told(&long).contains("wanted glm-4.7, took claude-haiku: the prompt is too long"), "{}", told(&long));
    assert_eq!(plan(&first(9_000_000)), "glm-4.7 claude-opus");
}

#[test]
fn reasons_and_alternatives_tell_the_whole_story() {
    let decision = decision(&Ask::default(), CODE, &["anthropic", "zai"]);
    assert!(told(&decision).starts_with("the text asks for tier 2 (implement), "), "{}", told(&decision));
    let others: Vec<String> =
        decision.alternatives().iter().map(|other| format!("{}: {}", other.model, other.why)).collect();
    assert_eq!(others, ["claude-haiku: glm-4.7 comes before it in tier 2"]);
    let forced = Ask { force_model: Some("glm".into()), ..Ask::default() };
    let reasons = told(&self::decision(&forced, PLAN, &KEYS));
    assert!(
        reasons.starts_with("the text asks for tier 1 (plan)") && reasons.ends_with("| glm-4.7 was forced"),
        "{reasons}"
    );
}

/// Words that name models, agents, tasks and contexts, and some that name nothing.
fn word(words: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    proptest::option::of(proptest::sample::select(words).prop_map(str::to_owned))
}

fn ask() -> impl Strategy<Value = Ask> {
    const MODELS: &[&str] = &["opus", "glm", "gemini-pro", "sim", "llama3.3", "house", "lost", "nonsense"];
    let names = (word(MODELS), word(MODELS), word(MODELS));
    let work = (
        word(&["data_agent", "strategy_agent", "nobody"]),
        word(&["data_processing", "strategy_development", "nothing"]),
        word(&["large_dataset", "normal", "budget_constraint", "whatever"]),
    );
    let rest = (
        proptest::option::of(proptest::sample::select(&Tier::ALL[..])),
        proptest::option::of(proptest::sample::select(&Wish::ALL[..])),
        any::<bool>(),
        proptest::option::of(0_u64..400_000),
    );
    (names, work, rest).prop_map(|(names, work, rest)| Ask {
        force_model: names.0.filter(|_| rest.2),
        worktree_model: names.1,
        session_model: names.2,
        agent: work.0,
        task: work.1,
        contexts: work.2.into_iter().collect(),
        force_tier: rest.0,
        strategy: rest.1,
        no_fallback: rest.2,
        prompt_tokens: rest.3,
        ..Ask::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_only_who_is_ready_is_in_the_plan_and_nobody_twice(
        ask in ask(),
        keys in proptest::sample::subsequence(vec!["anthropic", "zai", "gemini", "mine", "ollama"], 0..=5),
        text in proptest::sample::select(vec![PLAN, CODE, "", "hi", "/moai:1-plan x", "/moai:2-run SPEC-1", "/sc:design"]),
    ) {
        let Ok(decision) = decided(&ask, text, &keys, &fixture::policy()) else { return Ok(()) };
        let names: Vec<&str> = decision.plan().iter().map(Ready::name).collect();
        let mut unique = names.clone();
        unique.sort_unstable();
        unique.dedup();
        prop_assert_eq!(unique.len(), names.len(), "{:?}", names);
        prop_assert!(!ask.no_fallback || names.len() == 1);
        prop_assert!(!decision.because().is_empty());
        for ready in decision.plan().iter() {
            let (model, provider) = (ready.model(), ready.provider().name.as_str());
            prop_assert!(["ollama", "sim"].contains(&provider) || keys.contains(&provider), "{}", ready.name());
            let wishes = [&ask.force_model, &ask.worktree_model, &ask.session_model];
            let named = wishes.iter().any(|wish| wish.as_deref().is_some_and(|wish| model.answers_to(wish)));
            prop_assert!(!model.named_only || named, "{} was not named", ready.name());
        }
        for other in decision.alternatives() {
            prop_assert!(!names.contains(&other.model.as_str()));
        }
    }
}

#[test]
fn whoever_names_a_model_of_this_machine_is_not_passed_on_to_a_vendor() {
    let keys = ["anthropic", "zai", "ollama"];
    let forced = Ask { force_model: Some("qwen2.5-coder".into()), ..Ask::default() };
    assert_eq!(plan(&decision(&forced, CODE, &keys)), "qwen2.5-coder deepseek-r1 llama3.3");
    let checkout = Ask { worktree_model: Some("llama3.3".into()), ..Ask::default() };
    let all = plan(&decision(&checkout, CODE, &keys));
    assert!(all.starts_with("llama3.3 ") && !all.contains("glm") && !all.contains("claude"), "{all}");
}

/// How firmly a conversation holds on to its model, and what moves it all the same.
#[test]
fn a_conversation_holds_on_to_its_model() {
    let ask = |model: &str, hold| Ask { session_model: Some(model.into()), hold, ..Ask::default() };
    let vague = ["데이터베이스 쪽을 정리하고 싶어", "이 화면 봐줘", "로그인 쪽 이야기인데", "결제 관련", "이거 어때"];
    let unsure = vague.into_iter().find(|text| classify(text, Options::default()).uncertain);
    let unsure = unsure.expect("the test needs a text that is not sure");
    for (model, hold, text, expected) in [
        ("claude-opus", Hold::Warm, CODE, "classifier glm-4.7 2"),
        ("glm-4.7", Hold::Warm, PLAN, "classifier claude-opus 1"),
        ("claude-haiku", Hold::Warm, CODE, "classifier claude-haiku 2"),
        ("claude-haiku", Hold::Loose, CODE, "classifier glm-4.7 2"),
        ("claude-haiku", Hold::Warm, "/moai:2-run SPEC-001", "command claude-haiku 2"),
        ("glm-4.7", Hold::Warm, "/moai:1-plan x", "command claude-opus 1"),
        ("claude-opus", Hold::Warm, "안녕하세요", "session claude-opus 1"),
        ("gemini-pro", Hold::Warm, unsure, "session gemini-pro 1"),
        ("claude-opus", Hold::Firm, CODE, "session claude-opus 1"),
        ("claude-opus", Hold::Firm, "/moai:2-run SPEC-001", "session claude-opus 1"),
        ("house", Hold::Firm, CODE, "classifier glm-4.7 2"),
    ] {
        assert_eq!(short(&decision(&ask(model, hold), text, &KEYS)), expected, "{model} {hold:?} {text}");
    }
    let forced = Ask { force_model: Some("gemini-pro".into()), ..ask("claude-opus", Hold::Firm) };
    assert_eq!(short(&decision(&forced, CODE, &KEYS)), "force gemini-pro 1");
    let tier = Ask { force_tier: Some(Tier::Two), ..ask("claude-opus", Hold::Firm) };
    assert_eq!(short(&decision(&tier, PLAN, &KEYS)), "force glm-4.7 2");
    let long = Ask { prompt_tokens: Some(300_000), ..ask("claude-opus", Hold::Firm) };
    let moved = decision(&long, PLAN, &KEYS);
    assert_eq!((moved.plan().first().name(), moved.wanted()), ("claude-opus", None), "no window is larger");
}

/// A client's own business goes to whoever is configured for it, else to the cheapest of tier 2.
#[test]
fn background_work_is_cheap() {
    let ask = Ask { background: true, session_model: Some("claude-opus".into()), hold: Hold::Firm, ..Ask::default() };
    assert_eq!(short(&decision(&ask, "/moai:1-plan x", &KEYS)), "background glm-4.7 2");
    assert_eq!(short(&decision(&ask, PLAN, &["anthropic"])), "background claude-haiku 2");
    let named = Policy { background: vec!["house".into(), "claude-haiku".into()], ..fixture::policy() };
    assert_eq!(short(&decided(&ask, PLAN, &KEYS, &named).unwrap()), "background claude-haiku 2");
    let here = Ask { worktree_model: Some("llama3.3".into()), ..ask.clone() };
    let decision_here = decision(&here, PLAN, &KEYS);
    assert_eq!(plan(&decision_here), "llama3.3", "a worktree of a model of this machine asks no vendor");
    let forced = Ask { force_model: Some("claude-opus".into()), ..ask };
    assert_eq!(short(&decision(&forced, PLAN, &KEYS)), "force claude-opus 1");
}
