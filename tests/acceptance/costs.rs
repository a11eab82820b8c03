//! AC-004: what was used, and what it cost.

use std::fmt::Write as _;

use moai::wire::Dialect;
use serde_json::Value;

use crate::scene::{CLAUDE_PATH, GLM_PATH, Scene};
use crate::upstream::Answer;
use crate::{Steps, step};

/// Prompts of a day, as people write them.
const DAY: [&str; 10] = [
    "API 설계해줘",
    "코드 구현해줘",
    "테스트 작성해줘",
    "이 버그 수정해줘",
    "기술 스택 비교 분석",
    "문서화 진행해줘",
    "fix the typo in README",
    "Add a unit test for the parser",
    "아키텍처 결정 필요",
    "리팩터링 해줘",
];

pub(crate) fn steps(steps: Steps) -> Steps {
    told(asked(given(steps)))
}

fn given(mut steps: Steps) -> Steps {
    step!(steps.given, r"^CostTracker가 초기화된 상태에서$", |scene, told| {
        scene.sign_in();
        scene.moai(&["costs", "today"]);
        assert_eq!(scene.answered()["total_requests"], 0, "{:#}", scene.answer);
    });
    step!(steps.given, r"^당일 (\d+)건의 요청이 처리된 상태에서$", |scene, told| {
        let count = usize::try_from(told.number(1)).unwrap();
        day(scene, &DAY[..count]);
        scene.moai(&["costs", "today"]);
        assert_eq!(scene.answered()["total_requests"], count, "{:#}", scene.answer);
    });
    step!(steps.given, r"^다양한 모델로 요청이 처리된 상태에서$", |scene, told| {
        day(scene, &DAY);
    });
    steps
}

fn asked(mut steps: Steps) -> Steps {
    step!(
        steps.when,
        r"^Claude Opus로 (\d+) input tokens, (\d+) output tokens 요청이 처리되면$",
        |scene, told| {
            let played = Answer::said(Dialect::Anthropic, "설계했습니다.").using(told.number(1), told.number(2));
            scene.claude.on(CLAUDE_PATH).answer(played);
            scene.route("API 설계해줘");
            scene.field_is("model_used", "claude-opus");
        }
    );
    step!(steps.when, r"^(\S+)의 (\d+) input tokens, (\d+) output tokens 비용을 계산하면$", |scene, told| {
        let words = ["costs", "estimate", told.word(1), told.word(2), told.word(3), "--prices", "spec-model-001"];
        scene.moai(&words);
    });
    step!(steps.when, r#"^"(/api/costs/\w+)" API를 호출하면$"#, |scene, told| {
        scene.call("GET", told.word(1), &Value::Null);
    });
    steps
}

fn told(mut steps: Steps) -> Steps {
    step!(steps.then, r"^CostTracker가 다음을 기록해야 한다:$", |scene, told| {
        scene.moai(&["costs", "today", "--by", "model"]);
        let lines = scene.answered()["lines"].as_array().unwrap();
        assert_eq!((lines.len(), &scene.answer["by"]), (1, &Value::from("model")), "{:#}", scene.answer);
        for [field, value] in told.rows() {
            let recorded = match &lines[0][if field == "model" { "value" } else { field }] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(recorded, value, "{field} in {:#}", lines[0]);
        }
    });
    step!(
        steps.then,
        r"^기록된 비용이 실제 청구 금액과 (\d+)% 이상 일치해야 한다$",
        |scene, told| {
            let bill =
                "date,model,input_tokens,output_tokens,cost_usd\n2026-01-09,claude-opus-4-5-20251101,1000,500,0.0525\n";
            scene.scratch.write("bill.csv", bill);
            scene.moai(&["costs", "reconcile", "bill.csv"]);
            let agreement = number(scene.answered(), "agreement_percent");
            assert!(agreement >= told.word(1).parse().unwrap(), "{:#}", scene.answer);
        }
    );
    step!(steps.then, r"^비용이 (\S+) USD이어야 한다$", |scene, told| {
        assert_eq!(scene.answered()["cost_usd"].to_string(), told.word(1), "{:#}", scene.answer);
    });
    step!(steps.then, r"^응답에 다음 필드가 포함되어야 한다:$", |scene, told| {
        let answer = scene.answered();
        for [field, kind] in told.rows() {
            assert_eq!(kind, "float");
            assert!(answer[field].is_f64(), "{field} is no float in {answer:#}");
        }
        // Both tiers were at work, so the fields say something.
        assert!(number(answer, "tier1_cost_usd") > 0.0 && number(answer, "tier2_cost_usd") > 0.0, "{answer:#}");
        let sum = number(answer, "tier1_cost_usd") + number(answer, "tier2_cost_usd");
        assert!((sum - number(answer, "total_cost_usd")).abs() < 1e-9, "{answer:#}");
    });
    step!(steps.then, r"^tier1_percentage \+ tier2_percentage = 100%이어야 한다$", |scene, told| {
        let answer = scene.answered();
        let sum = number(answer, "tier1_percentage") + number(answer, "tier2_percentage");
        assert!((sum - 100.0).abs() < 1e-9, "{answer:#}");
    });
    step!(steps.then, r"^각 모델별 비용 상세가 반환되어야 한다$", |scene, told| {
        let lines = scene.answered()["lines"].as_array().unwrap();
        let mut models: Vec<&str> = lines.iter().map(|line| line["value"].as_str().unwrap()).collect();
        models.sort_unstable();
        assert_eq!(models, ["claude-opus", "glm-4.7"], "{:#}", scene.answer);
        for line in lines {
            assert!(number(line, "cost_usd") > 0.0 && number(line, "output_tokens") > 0.0, "{line:#}");
        }
    });
    step!(steps.then, r"^총 비용 합계가 daily summary와 일치해야 한다$", |scene, told| {
        let lines = scene.answered()["lines"].as_array().unwrap();
        let sum: f64 = lines.iter().map(|line| number(line, "cost_usd")).sum();
        assert!((sum - number(scene.answered(), "total_cost_usd")).abs() < 1e-9, "{sum}, but {:#}", scene.answer);
        scene.call("GET", "/api/costs/daily", &Value::Null);
        assert!((sum - number(scene.answered(), "total_cost_usd")).abs() < 1e-9, "{sum}, but {:#}", scene.answer);
    });
    steps
}

/// Sends all of these in one process; both vendors answer.
fn day(scene: &mut Scene, prompts: &[&str]) {
    scene.sign_in();
    scene.claude.on(CLAUDE_PATH).answer(Answer::said(Dialect::Anthropic, "설계입니다.").using(2000, 700));
    scene.glm.on(GLM_PATH).answer(Answer::said(Dialect::Chat, "구현했습니다.").using(9000, 3100));
    let lines = prompts.iter().fold(String::new(), |mut lines, text| {
        writeln!(lines, "{text}").unwrap();
        lines
    });
    scene.scratch.moai_stdin(&lines, ["route", "--json", "--batch", "-"]).ok();
}

#[track_caller]
fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or_else(|| panic!("{name} is no number in {value:#}"))
}
