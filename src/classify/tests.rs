//! What classification promises, whatever the weights are.

use super::*;

fn tier(text: &str) -> Tier {
    classify(text, Options::default()).tier
}

#[test]
fn weights_sum_to_the_score() {
    for text in [
        "API 설계해줘",
        "fix the login bug",
        "",
        "/moai:1-plan x",
        "設計方針を検討して。5 ファイルに影響するアーキテクチャの決定",
    ] {
        let classification = classify(text, Options::default());
        let sum: i32 = classification.evidence.iter().map(|item| item.weight).sum();
        assert_eq!(sum, classification.tier_score, "{text}");
        for item in &classification.evidence {
            assert!(text.get(item.span.clone()).is_some(), "{text}: {item:?}");
        }
    }
}

#[test]
fn nothing_asked_goes_to_the_default_tier() {
    for (text, basis) in [
        ("", Basis::Empty),
        (" \n\t", Basis::Empty),
        ("!?", Basis::Empty),
        ("안녕하세요", Basis::Greeting),
        ("Hello there!", Basis::Greeting),
        ("你好", Basis::Greeting),
        ("こんにちは", Basis::Greeting),
        ("continue", Basis::Onward),
        ("Please, go on!", Basis::Onward),
        ("계속해줘", Basis::Onward),
        ("좋아, 이어서 진행해 주세요.", Basis::Onward),
        ("続けてください", Basis::Onward),
        ("好的，继续吧", Basis::Onward),
    ] {
        for default_tier in Tier::ALL {
            let classification = classify(text, Options { default_tier, threshold: None });
            assert_eq!((classification.tier, classification.basis), (default_tier, basis), "{text}");
            assert!((classification.confidence - 0.5).abs() < f64::EPSILON);
        }
    }
}

#[test]
fn going_on_with_something_is_a_request() {
    for text in [
        "continue with the login page",
        "다음 단계 구현해줘",
        "次のテストを直して",
        "继续修复登录",
        "go ahead",
        "그대로 진행해줘",
    ] {
        let classification = classify(text, Options::default());
        assert_eq!((classification.tier, classification.basis), (Tier::Two, Basis::Text), "{text}");
    }
}

#[test]
fn commands_are_certain() {
    let plan = classify("/moai:1-plan user authentication", Options::default());
    assert_eq!((plan.tier, plan.command, plan.basis), (Tier::One, Some(Phase::Plan), Basis::Command));
    assert!((plan.confidence - 1.0).abs() < f64::EPSILON);
    let run = classify("/moai:2-run SPEC-001", Options { default_tier: Tier::One, threshold: Some(0.99) });
    assert_eq!((run.tier, run.command, run.basis), (Tier::Two, Some(Phase::Run), Basis::Command));
}

#[test]
fn an_architecture_decision_over_five_files_is_planning() {
    for text in [
        "아키텍처 결정이 필요해. 파일 8개에 영향이 있어",
        "We need an architecture decision; it touches 12 files",
        "アーキテクチャの決定。影響は６ファイル",
        "这个架构决策会影响七个文件",
        "Architecture decision: src/a.rs src/b.rs src/c.rs src/d.rs src/e.rs",
    ] {
        let classification = classify(text, Options::default());
        assert_eq!((classification.tier, classification.basis), (Tier::One, Basis::ManyFiles), "{text}");
    }
    for text in ["아키텍처 결정이 필요해. 파일 2개에 영향이 있어", "rename 12 files"] {
        assert_ne!(classify(text, Options::default()).basis, Basis::ManyFiles, "{text}");
    }
}

#[test]
fn a_threshold_sends_the_unsure_to_the_default_tier() {
    let text = "API 설계해줘";
    assert_eq!(tier(text), Tier::One);
    let strict = classify(text, Options { default_tier: Tier::Two, threshold: Some(1.0) });
    assert_eq!((strict.tier, strict.basis, strict.uncertain), (Tier::Two, Basis::BelowThreshold, true));
    assert_eq!(classify(text, Options { default_tier: Tier::Two, threshold: Some(0.0) }).tier, Tier::One);
}

#[test]
fn the_request_is_found_at_either_end_of_a_long_text() {
    let story = "우리 서비스는 오래되었고 사용자가 많습니다 ".repeat(200);
    for text in [
        format!("이 버그 수정해줘. {story}"),
        format!("{story}. 이 버그 수정해줘"),
        story.repeat(20) + "\n이 버그 수정해줘",
    ] {
        let classification = classify(&text, Options::default());
        assert_ne!(classification.basis, Basis::Empty);
        assert!(classification.evidence.iter().any(|item| item.what == "any:fix"), "{:?}", classification.evidence);
    }
}
