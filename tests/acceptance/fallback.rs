//! AC-005: what happens when models fail.

use moai::wire::Dialect;
use serde_json::Value;

use crate::routing::{IMPLEMENTS, PLANS};
use crate::scene::{CLAUDE_PATH, GLM_PATH};
use crate::upstream::Answer;
use crate::{Steps, step};

pub(crate) fn steps(mut steps: Steps) -> Steps {
    step!(steps.given, r"^Claude Opus API가 (\d+) 에러를 반환하는 상태에서$", |scene, told| {
        let status = told.word(1).parse().unwrap();
        scene.sign_in();
        scene.claude.on(CLAUDE_PATH).answer(Answer::error(Dialect::Anthropic, status));
        scene.glm.on(GLM_PATH).answer(Answer::recorded("chat-stream"));
    });
    step!(steps.given, r"^Claude Opus와 GLM-4.7 모두 API 에러 상태에서$", |scene, told| {
        scene.sign_in();
        scene.claude.on(CLAUDE_PATH).answer(Answer::error(Dialect::Anthropic, 500));
        scene.glm.on(GLM_PATH).answer(Answer::error(Dialect::Chat, 503));
    });
    step!(steps.given, r"^API가 (\d+) Rate Limit 에러를 반환하는 상태에서$", |scene, told| {
        let status = told.word(1).parse().unwrap();
        scene.sign_in();
        scene.glm.on(GLM_PATH).answer(Answer::error(Dialect::Chat, status));
        scene.claude.on(CLAUDE_PATH).answer(Answer::recorded("anthropic-stream"));
    });
    step!(steps.when, r"^Planning 작업 요청이 발생하면$", |scene, told| {
        scene.route(PLANS);
    });
    step!(steps.when, r"^요청이 발생하면$", |scene, told| {
        scene.route(IMPLEMENTS);
    });
    after(steps)
}

fn after(mut steps: Steps) -> Steps {
    step!(steps.then, r"^시스템이 GLM-4.7로 Fallback하고$", |scene, told| {
        assert_eq!(scene.answered()["tier"], 1, "it was decided as a plan: {:#}", scene.answer);
        scene.field_is("model_used", "glm-4.7");
        scene.field_is("content", "안녕하세요, world.");
        assert!(scene.claude.count(CLAUDE_PATH) >= 1);
        assert_eq!(scene.glm.count(GLM_PATH), 1);
    });
    step!(steps.then, r#"^응답 메타데이터에 "fallback: true"가 포함되어야 한다$"#, |scene, told| {
        assert_eq!(scene.answered()["fallback"], true, "{:#}", scene.answer);
    });
    step!(steps.then, r"^사용자에게 Fallback 사용 알림이 전달되어야 한다$", |scene, told| {
        let notice = scene.talk().lines().find(|line| line.starts_with("warning: ") && line.contains("fallback"));
        let notice = notice.unwrap_or_else(|| panic!("no notice in {}", scene.talk()));
        assert!(notice.contains("claude-opus") && notice.contains("glm-4.7"), "{notice}");
    });
    step!(steps.then, r"^적절한 에러 메시지가 반환되어야 한다$", |scene, told| {
        let said = scene.said.as_ref().unwrap();
        assert_eq!(said.status, 4, "{said:#?}");
        let error = scene.talk().lines().find(|line| line.starts_with("error: ")).unwrap();
        assert!(error.contains("claude-opus") && error.contains("glm-4.7"), "{error}");
        assert_eq!(scene.answer["error"]["exit"], 4, "{:#}", scene.answer);
        assert_eq!(scene.answer["content"], Value::Null);
    });
    step!(steps.then, r"^에러 로그에 시도된 모든 모델이 기록되어야 한다$", |scene, told| {
        let log = scene.home_file(".moai/logs/errors.jsonl");
        let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 1, "{log}");
        let tried = lines[0]["tried"].as_array().unwrap();
        let models: Vec<&str> = tried.iter().map(|one| one["model"].as_str().unwrap()).collect();
        assert_eq!(models, ["glm-4.7", "claude-opus"], "{log}");
        assert_eq!(lines[0]["request_id"], scene.answer["request_id"], "{log}");
    });
    step!(steps.then, r"^시스템이 지수 백오프로 재시도하고$", |scene, told| {
        let waits: Vec<f64> = scene.talk().lines().filter_map(wait).collect();
        assert_eq!(waits.len(), 3, "{}", scene.talk());
        // The bounds double, and each is shortened by a half at most.
        assert!(waits[0] > 0.0 && waits[1] >= waits[0] && waits[2] >= waits[0] * 2.0, "{waits:?}");
    });
    step!(steps.then, r"^최대 3회 재시도 후 Fallback을 시도해야 한다$", |scene, told| {
        assert_eq!(scene.glm.count(GLM_PATH), 1 + 3, "the first attempt and three more");
        assert_eq!(scene.claude.count(CLAUDE_PATH), 1);
        scene.field_is("model_used", "claude-opus");
        assert_eq!(scene.answered()["fallback"], true, "{:#}", scene.answer);
        assert_eq!(scene.answered()["attempts"], 5, "{:#}", scene.answer);
    });
    steps
}

/// How many milliseconds a line says that it will be waited for.
fn wait(line: &str) -> Option<f64> {
    let (_, rest) = line.split_once("asking again in ")?;
    rest.strip_suffix(" ms").and_then(|number| number.parse().ok())
}
