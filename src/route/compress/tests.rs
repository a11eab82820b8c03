//! AC-006, and what must hold whatever comes in.

use proptest::prelude::*;

use super::*;
use crate::wire::estimate_tokens;

fn user(text: impl Into<String>) -> Turn {
    Turn::new(Role::User, text)
}

fn model(text: impl Into<String>) -> Turn {
    Turn::new(Role::Assistant, text)
}

fn tokens<'a>(texts: impl Iterator<Item = &'a str>) -> u64 {
    texts.map(|text| estimate_tokens(text.as_bytes())).sum()
}

fn all(compressed: &Compressed) -> String {
    let tail = compressed.tail.iter().map(|turn| turn.text.as_str());
    std::iter::once(compressed.digest.as_str()).chain(tail).collect::<Vec<_>>().join("\n")
}

/// Chatter without anything worth keeping.
fn chatter(at: usize) -> &'static str {
    [
        "네, 이해했습니다. 말씀하신 부분을 조금 더 자세히 풀어서 설명해 드리면 전반적인 흐름은 앞에서 살펴본 그림과 크게 다르지 않습니다.",
        "That makes sense. Let me walk through the background a little more so that the shape of the whole thing is clear to both of us.",
        "なるほど、その考え方で問題なさそうです。背景をもう少し詳しく説明すると、全体の流れは先ほどの図とほぼ同じになります。",
        "好的，我明白了。让我再详细解释一下背景，整体的流程和前面那张图基本一致，没有太大的差别，可以放心。",
    ][at % 4]
}

/// Fifty messages in which a SPEC was planned; the key points are among chatter.
fn planning(key: &[&str]) -> Vec<Turn> {
    let every = 50 / key.len().max(1);
    (0..50)
        .map(|at| {
            let point = (at % every == 0).then(|| key.get(at / every)).flatten();
            let text = match point {
                Some(point) => format!("{} {point} {}", chatter(at), chatter(at + 1)),
                None => chatter(at).to_owned(),
            };
            if at % 2 == 0 { user(text) } else { model(text) }
        })
        .collect()
}

const KEY: [&str; 8] = [
    "결정: 인증은 JWT 액세스 토큰 15분, 리프레시 토큰 7일로 한다.",
    "We decided to store refresh tokens in PostgreSQL, hashed with argon2id.",
    "SPEC-AUTH-001의 수락 기준은 다섯 개입니다.",
    "パスワードの再設定はメールリンクを採用することにした。",
    "数据库决定采用 PostgreSQL 16。",
    "src/auth/token.rs 와 src/auth/session.rs 를 고치고 있습니다.",
    "SPEC-AUTH-002 depends on SPEC-AUTH-001.",
    "현재 작업 상태: 로그인 API 구현 완료, 남은 일은 리프레시 엔드포인트 테스트.",
];

#[test]
fn fifty_messages_become_three_tenths_and_lose_nothing_that_is_key() {
    let turns = planning(&KEY);
    let short = compress(&turns, budget(&turns));
    let before = tokens(turns.iter().map(|turn| turn.text.as_str()));
    let after = tokens(std::iter::once(short.digest.as_str()).chain(short.tail.iter().map(|turn| turn.text.as_str())));
    assert!(after * 10 <= before * 3, "{after} of {before}");
    let text = all(&short);
    for kept in [
        "JWT 액세스 토큰 15분, 리프레시 토큰 7일",
        "refresh tokens in PostgreSQL, hashed with argon2id",
        "メールリンクを採用",
        "决定采用 PostgreSQL 16",
        "SPEC-AUTH-001",
        "SPEC-AUTH-002",
        "src/auth/token.rs",
        "src/auth/session.rs",
        "남은 일은 리프레시 엔드포인트 테스트",
    ] {
        assert!(text.contains(kept), "{kept} is missing in:\n{text}");
    }
    assert_eq!((short.turns, short.tail.len()), (50, 2));
    assert!(short.digest.starts_with("SPEC: SPEC-AUTH-00"), "{}", short.digest);
}

#[test]
fn every_line_is_a_line_of_the_conversation() {
    let turns = planning(&KEY);
    let short = compress(&turns, budget(&turns));
    let source: String = turns.iter().map(|turn| turn.text.as_str()).collect::<Vec<_>>().join("\n");
    for line in short.digest.lines().filter_map(|line| line.strip_prefix("- ")) {
        assert!(source.contains(line.trim_matches('…').trim()), "{line}");
    }
}

#[test]
fn the_last_words_of_both_sides_are_kept_with_code_as_its_head() {
    let code =
        format!("```rust src/auth/token.rs\npub fn issue() {{\n{}}}\n```", "    let x = compute(x);\n".repeat(200));
    let mut turns = planning(&KEY);
    turns.push(user("리프레시 엔드포인트를 구현해줘"));
    turns.push(model(format!("다음과 같이 구현했습니다.\n{code}\n테스트는 아직입니다.")));
    let short = compress(&turns, budget(&turns));
    assert_eq!(short.tail[0], user("리프레시 엔드포인트를 구현해줘"));
    assert_eq!(
        short.tail[1].text,
        "다음과 같이 구현했습니다.\n[src/auth/token.rs, rust, 202 lines: pub fn issue() { …]\n테스트는 아직입니다."
    );
}

#[test]
fn where_all_is_key_the_newest_is_kept() {
    let turns: Vec<Turn> = (0..50)
        .map(|at| {
            model(format!(
                "결정 {at}: 모듈 {at}은 방식 {at}을 쓰기로 했다. 이유는 성능과 유지보수성이 가장 좋기 때문이다."
            ))
        })
        .collect();
    let short = compress(&turns, budget(&turns));
    assert!(Size::of(&all(&short)).fits(size(&turns).percent(SHARE)));
    let text = all(&short);
    assert!(text.contains("결정 49") && text.contains("결정 40"), "{text}");
    assert!(!text.contains("결정 0:"), "{text}");
}

#[test]
fn what_is_short_stays_as_it_is() {
    let turns = vec![user("안녕"), model("안녕하세요")];
    let short = compress(&turns, budget(&turns));
    assert_eq!((short.digest.as_str(), &short.tail), ("", &turns));
    assert_eq!(compress(&[], budget(&[])).tail, []);
}

#[test]
fn a_design_of_one_answer_is_handed_on_whole() {
    let turns = vec![user("로그인 API 설계해줘"), model(KEY.join("\n").repeat(2))];
    assert!(size(&turns).as_tokens() > 5 * FLOOR);
    assert_eq!(compress(&turns, budget(&turns)).tail, turns);
    let long = vec![user("로그인 API 설계해줘"), model(KEY.join("\n").repeat(8))];
    assert_ne!(compress(&long, budget(&long)).tail, long);
}

#[test]
fn the_same_decision_is_kept_once() {
    let mut turns = planning(&KEY);
    turns.push(user("결정: 인증은 JWT 액세스 토큰 15분, 리프레시 토큰 7일로 한다!"));
    turns.push(model(chatter(1)));
    let text = all(&compress(&turns, budget(&turns)));
    assert_eq!(text.matches("JWT 액세스 토큰").count(), 1, "{text}");
}

#[test]
fn a_state_survives_the_journal() {
    let turns = planning(&KEY);
    let short = compress(&turns, budget(&turns));
    let json = serde_json::to_string(&short).unwrap();
    assert!(json.contains(r#""role":"user""#), "{json}");
    assert_eq!(serde_json::from_str::<Compressed>(&json).unwrap(), short);
}

/// Text of any language, of anything.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~\\n]{0,400}",
        "[가-힣ぁ-ん一-龥 。\\n]{0,300}",
        "\\PC{0,200}",
        Just("결정 ".repeat(60)),
        Just("A".repeat(5_000)),
        Just("```rust\n".to_owned() + &"let x = 1;\n".repeat(50)),
        Just("SPEC-A-1, src/a.rs 완료. ".repeat(20)),
    ]
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let role = prop_oneof![Just(Role::User), Just(Role::Assistant), Just(Role::System)];
    prop::collection::vec((role, any_text()).prop_map(|(role, text)| Turn { role, text }), 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn the_budget_holds_by_every_measure(turns in turns()) {
        let short = compress(&turns, budget(&turns));
        let parts = || std::iter::once(short.digest.as_str()).chain(short.tail.iter().map(|turn| turn.text.as_str()));
        let after = parts().fold(Size::default(), |sum, part| sum.plus(Size::of(part)));
        let before = size(&turns);
        if !is_short(&turns, before) {
            prop_assert!(after.fits(before.percent(30)), "{after:?} of {before:?}");
            let bytes = |sum: usize, text: &str| sum + text.len();
            let (now, then) = (parts().fold(0, bytes), turns.iter().map(|turn| turn.text.as_str()).fold(0, bytes));
            prop_assert!(now * 10 <= then * 3, "{now} of {then} bytes");
            let counted = |text: &str| Size::of(text).as_tokens();
            let (now, then) = (parts().map(counted).sum::<u64>(), turns.iter().map(|turn| counted(&turn.text)).sum::<u64>());
            prop_assert!(now * 10 <= then * 3, "{now} of {then} tokens");
        }
        prop_assert_eq!(short.clone(), compress(&turns, budget(&turns)), "the same comes out again");
    }

    #[test]
    fn any_budget_holds(turns in turns(), tokens in 0_u64..500) {
        let short = compress(&turns, Size::tokens(tokens));
        prop_assert!(short.tokens <= tokens, "{} of {tokens}", short.tokens);
    }

    #[test]
    fn no_spec_id_and_no_decision_is_lost(
        ids in prop::collection::btree_set("SPEC-[A-Z]{2,6}-[0-9]{3}", 1..12),
        seats in prop::collection::vec(0_usize..50, 12),
    ) {
        let mut turns = planning(&KEY);
        for (id, seat) in ids.iter().zip(&seats) {
            let text = &mut turns[*seat].text;
            *text = format!("{text} {id}을 봅니다.");
        }
        let short = compress(&turns, budget(&turns));
        let text = all(&short);
        for id in &ids {
            prop_assert!(text.contains(id.as_str()), "{id} is missing in:\n{text}");
        }
        prop_assert!(text.contains("hashed with argon2id") && text.contains("토큰 7일로 한다"), "{text}");
    }
}
