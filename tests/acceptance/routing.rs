//! AC-001, AC-002, AC-003: who answers what.

use moai::wire::Dialect;
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::{Steps, step};

/// A prompt that plans, and one that implements, where a scenario does not say which.
pub(crate) const PLANS: &str = "결제 시스템 아키텍처를 설계해줘";
pub(crate) const IMPLEMENTS: &str = "로그인 함수를 구현해줘";

pub(crate) fn steps(steps: Steps) -> Steps {
    decided(asked(given(steps)))
}

fn given(mut steps: Steps) -> Steps {
    step!(steps.given, r"^사용자가 인증된 상태이고$", |scene, told| {
        scene.sign_in();
    });
    step!(steps.given, r"^ModelRouter가 초기화된 상태에서$", |scene, told| {
        scene.sign_in();
        scene.vendors_answer();
        scene.moai(&["route", "--dry-run", ""]);
        assert_eq!(scene.answered()["ready"], true, "{:#}", scene.answer);
    });
    step!(steps.given, r"^(SPEC-\d+)이 존재하는 상태에서$", |scene, told| {
        let spec = told.word(1);
        scene.vendors_answer();
        scene.scratch.write(format!(".moai/specs/{spec}/spec.md"), format!("# {spec}: 로그인\n"));
    });
    step!(steps.given, r#"^현재 Provider가 "claude"인 상태에서$"#, |scene, told| {
        scene.sign_in();
        scene.vendors_answer();
        scene.serve();
        scene.say(PLANS);
        scene.field_is("model_used", "claude-opus");
    });
    step!(steps.given, r#"^Worktree "([^"]+)"가 존재하고$"#, |scene, told| {
        scene.sign_in();
        scene.vendors_answer();
        scene.moai(&["worktree", "create", told.word(1)]);
        scene.cwd = scene.answered()["path"].as_str().unwrap().into();
        assert!(scene.cwd.join(".git").is_file(), "{} is no worktree", scene.cwd.display());
    });
    step!(steps.given, r#"^해당 Worktree의 model_config가 "([^"]+)"로 설정된 상태에서$"#, |scene, told| {
        scene.moai(&["config", "set", "route.model", told.word(1)]);
        scene.answered();
    });
    step!(steps.given, r#"^Worktree의 모델이 "([^"]*)"이고$"#, |scene, told| {
        if !told.word(1).is_empty() {
            scene.moai(&["config", "set", "route.model", told.word(1)]);
            scene.answered();
        }
    });
    steps
}

fn asked(mut steps: Steps) -> Steps {
    step!(steps.when, r#"^사용자가 "(.*)" 메시지를 전송하면$"#, |scene, told| {
        scene.route(told.word(1));
    });
    step!(steps.when, r#"^사용자가 "(.*)" 명령을 실행하면$"#, |scene, told| {
        scene.route(told.word(1));
    });
    step!(steps.when, r#"^TaskClassifier가 "(.*)" 메시지를 분류하면$"#, |scene, told| {
        scene.flags.push("--dry-run".into());
        scene.route(told.word(1));
        assert!(scene.claude.seen().is_empty() && scene.glm.seen().is_empty(), "a dry run has sent something");
    });
    step!(steps.when, r#"^사용자가 "(.*)" 메시지를 "(.*)" 옵션으로 전송하면$"#, |scene, told| {
        scene.flags.extend(told.word(2).split_whitespace().map(str::to_owned));
        scene.route(told.word(1));
    });
    step!(
        steps.when,
        r#"^관리자가 "(/api/router/force-model)" API를 호출하여 "(\w+)"으로 전환하면$"#,
        |scene, told| {
            scene.call("POST", told.word(1), &json!({"model": told.word(2)}));
            assert_eq!(scene.answered()["forced"]["wanted"], told.word(2), "{:#}", scene.answer);
        }
    );
    step!(steps.when, r"^해당 Worktree에서 작업을 수행하면$", |scene, told| {
        scene.route(IMPLEMENTS);
    });
    steps
}

fn decided(mut steps: Steps) -> Steps {
    step!(steps.then, r#"^TaskClassifier가 해당 메시지를 "(\w+)" 작업으로 분류하고$"#, |scene, told| {
        let tier = if told.word(1) == "planning" { 1 } else { 2 };
        let answer = scene.answered();
        assert_eq!(answer["decided_by"], "classifier", "{answer:#}");
        assert_eq!(answer["tier"], tier, "{answer:#}");
        // The evidence sums to a score that says the same: above 0 plans.
        let weights: i64 =
            answer["evidence"].as_array().unwrap().iter().map(|one| one["weight"].as_i64().unwrap()).sum();
        assert_eq!(answer["score"].as_i64(), Some(weights), "{answer:#}");
        assert_eq!(weights > 0, tier == 1, "{answer:#}");
    });
    step!(steps.then, r"^ModelRouter가 Claude Opus 모델을 선택하고$", |scene, told| { claude_answered(scene) });
    step!(steps.then, r"^ModelRouter가 GLM-4.7 모델을 선택하고$", |scene, told| { glm_answered(scene) });
    step!(steps.then, r"^ModelRouter가 명령을 감지하고 Claude Opus를 강제 선택하고$", |scene, told| {
        scene.field_is("decided_by", "command");
        claude_answered(scene);
    });
    step!(steps.then, r"^ModelRouter가 명령을 감지하고 GLM-4.7을 강제 선택하고$", |scene, told| {
        scene.field_is("decided_by", "command");
        assert_eq!(scene.answered()["classification_confidence"], 1.0);
        glm_answered(scene);
    });
    step!(steps.then, r"^코드 생성 작업이 GLM-4.7로 처리되어야 한다$", |scene, told| {
        let body = scene.only_asked(Dialect::Chat).json();
        let prompt = body["messages"].as_array().unwrap().last().unwrap()["content"].to_string();
        assert!(prompt.contains("/moai:2-run SPEC-001"), "{body:#}");
        assert!(!scene.answered()["content"].as_str().unwrap().is_empty());
    });
    step!(steps.then, r#"^응답의 model_used 필드가 "([^"]+)"이어야 한다$"#, |scene, told| {
        scene.field_is("model_used", told.word(1));
    });
    step!(steps.then, r"^응답의 tier 필드가 (\d)이어야 한다$", |scene, told| {
        assert_eq!(scene.answered()["tier"], told.number(1), "{:#}", scene.answer);
    });
    step!(steps.then, r"^classification_confidence가 1\.0이어야 한다$", |scene, told| {
        assert_eq!(scene.answered()["classification_confidence"], 1.0, "{:#}", scene.answer);
    });
    step!(steps.then, r#"^결정의 근거가 "(\w+)"이어야 한다$"#, |scene, told| {
        scene.field_is("decided_by", told.word(1));
    });
    step!(steps.then, r"^환경 변수 ZAI_MODEL이 활성화되고$", |scene, told| {
        // What is forced is the provider, and outlives the process; which of its models that is, the variable says.
        for model in ["glm-4.6", "glm-4.7"] {
            scene.scratch.set_env("ZAI_MODEL", model);
            scene.serve();
            scene.call("GET", "/api/router/force-model", &Value::Null);
            assert_eq!(scene.answered()["forced"]["model"], model, "{:#}", scene.answer);
        }
    });
    step!(steps.then, r"^후속 요청이 GLM-4.7로 라우팅되어야 한다$", |scene, told| {
        let before = scene.claude.seen().len();
        for text in [PLANS, IMPLEMENTS, "안녕하세요"] {
            scene.say(text);
            scene.field_is("model_used", "glm-4.7");
            assert_eq!(scene.answered()["metadata"]["decided_by"], "force", "{:#}", scene.answer);
        }
        assert_eq!((scene.claude.seen().len(), scene.glm.seen().len()), (before, 3));
        assert!(scene.glm.seen().iter().all(|seen| seen.json()["model"] == "glm-4.7"));
    });
    step!(steps.then, r"^분류 결과와 관계없이 Claude Opus가 사용되어야 한다$", |scene, told| {
        // The text alone would have gone to GLM.
        let said = scene.scratch.moai_in(&scene.scratch.project(), ["route", "--dry-run", "--json", IMPLEMENTS]).json();
        assert_eq!(said["model_used"], "glm-4.7", "{said:#}");
        scene.field_is("decided_by", "worktree");
        claude_answered(scene);
    });
    steps
}

/// Claude Opus was asked and nobody else, and its words came back.
#[track_caller]
fn claude_answered(scene: &Scene) {
    let seen = scene.only_asked(Dialect::Anthropic);
    assert_eq!(seen.json()["model"], "claude-opus-4-5-20251101");
    scene.field_is("model_used", "claude-opus");
    scene.field_is("provider", "anthropic");
    scene.field_is("content", "안녕하세요, world.");
}

/// GLM-4.7 was asked and nobody else, and its words came back.
#[track_caller]
fn glm_answered(scene: &Scene) {
    let seen = scene.only_asked(Dialect::Chat);
    assert_eq!(seen.json()["model"], "glm-4.7");
    scene.field_is("model_used", "glm-4.7");
    scene.field_is("provider", "zai");
    scene.field_is("content", "안녕하세요, world.");
}
