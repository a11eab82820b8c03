//! AC-006: what another model is told of a conversation.

use std::fs;

use moai::route::compress::Size;
use moai::wire::Dialect;
use serde_json::Value;

use crate::scene::{CLAUDE_PATH, GLM_PATH, Scene};
use crate::upstream::{Answer, Seen};
use crate::{Steps, step};

/// What the person asks for when GLM is to go on.
const GO_ON: &str = "설계한 대로 토큰 발급 코드를 구현해줘";
/// What GLM says to it.
const DONE: &str = "token.rs에 issue()와 verify()를 구현했습니다.";

/// A turn of a conversation: what the person says, and what Claude answers.
struct Exchange {
    asked: String,
    answered: String,
}

pub(crate) fn steps(mut steps: Steps) -> Steps {
    step!(steps.given, r"^Claude Opus로 SPEC 설계가 완료된 상태에서$", |scene, told| {
        scene.sign_in();
        talk(scene, &[("SPEC-AUTH-001 로그인 API 설계해줘", DESIGN)]);
    });
    step!(steps.given, r"^대화 히스토리에 설계 결정 사항이 포함된 상태에서$", |scene, told| {
        scene.moai(&["session", "show", "auth"]);
        let history = scene.answered().to_string();
        scene.key_points = DESIGN.lines().filter(|line| line.contains("결정")).map(str::to_owned).collect();
        assert_eq!(scene.key_points.len(), 2);
        assert!(scene.key_points.iter().all(|point| history.contains(point.as_str())), "{history}");
    });
    step!(steps.given, r"^(\d+)개 메시지의 대화 히스토리가 있는 상태에서$", |scene, told| {
        scene.sign_in();
        let (exchanges, key_points) = conversation();
        assert_eq!(u64::try_from(exchanges.len() * 2).unwrap(), told.number(1));
        let said: Vec<(&str, &str)> = exchanges.iter().map(|one| (one.asked.as_str(), one.answered.as_str())).collect();
        talk(scene, &said);
        scene.key_points = key_points;
    });
    step!(steps.when, r"^Implementation 작업으로 GLM-4.7로 전환하면$", |scene, told| { go_on(scene) });
    step!(steps.when, r"^모델 전환이 발생하면$", |scene, told| { go_on(scene) });
    step!(steps.then, r"^핵심 설계 결정 사항이 컨텍스트에 포함되어야 하고$", |scene, told| {
        knows(scene);
    });
    // A played vendor understands nothing: here ends what can be shown without a real GLM.
    step!(steps.then, r"^GLM-4.7이 설계 내용을 인식하고 구현해야 한다$", |scene, told| {
        let body = heard(scene).json();
        let last = body["messages"].as_array().unwrap().last().unwrap();
        assert_eq!(last["role"], "user", "{body:#}");
        assert!(last["content"].to_string().contains(GO_ON), "{body:#}");
        assert!(texts(&body).contains("SPEC-AUTH-001"), "{body:#}");
        scene.field_is("content", DONE);
    });
    step!(steps.then, r"^컨텍스트가 압축되어 핵심 정보만 전달되고$", |scene, told| {
        let made = &scene.answered()["compressed"];
        assert_eq!(made["messages"], 50, "{:#}", scene.answer);
        let said = heard(scene).json()["messages"].as_array().unwrap().len();
        assert!(said <= 5, "{said} messages were sent, as if nothing had been left out");
    });
    step!(steps.then, r"^압축된 컨텍스트 크기가 원본의 (\d+)% 이하이어야 한다$", |scene, told| {
        let (exchanges, _) = conversation();
        let tokens = |text: &str| Size::of(text).as_tokens();
        let original: u64 = exchanges.iter().map(|one| tokens(&one.asked) + tokens(&one.answered)).sum();
        let body = heard(scene).json();
        let sent = tokens(&texts(&body)).saturating_sub(tokens(GO_ON));
        let share = told.number(1);
        assert!(sent * 100 <= original * share, "{sent} of {original} tokens");
        // Tokenizers differ; what holds for the characters, too, holds for all of them.
        let characters = |text: &str| u64::try_from(text.chars().count()).unwrap();
        let original: u64 = exchanges.iter().map(|one| characters(&one.asked) + characters(&one.answered)).sum();
        let sent = characters(&texts(&body)) - characters(GO_ON);
        assert!(sent * 100 <= original * share, "{sent} of {original} characters");
    });
    step!(
        steps.then,
        r"^핵심 결정 사항, SPEC ID, 현재 작업 상태가 보존되어야 한다$",
        |scene, told| {
            assert!(scene.key_points.iter().any(|point| point.contains("SPEC-AUTH-001")));
            assert!(scene.key_points.iter().any(|point| point.contains("현재 작업 상태")));
            knows(scene);
        }
    );
    steps
}

/// A design as Claude writes one.
const DESIGN: &str = "# SPEC-AUTH-001 로그인 API\n\n먼저 요구사항을 살펴보았습니다. 웹과 모바일이 같은 API를 씁니다.\n\n\
    인증 방식은 JWT로 결정했습니다: 액세스 토큰 15분, 리프레시 토큰 14일.\n\
    비밀번호 해시는 argon2id로 결정했습니다.\n\n\
    세션 방식도 검토했지만 모바일 연동이 번거로워서 제외했습니다. 자세한 비교는 문서에 적어 두었습니다.\n\n\
    다음 작업: src/auth/token.rs를 구현한다.";

/// Has a conversation with Claude under the name `auth`, in one process.
fn talk(scene: &mut Scene, exchanges: &[(&str, &str)]) {
    for (_, answer) in exchanges {
        scene.claude.on(CLAUDE_PATH).answer(Answer::said(Dialect::Anthropic, answer));
    }
    let lines: String =
        exchanges.iter().map(|(text, _)| serde_json::json!({"text": text}).to_string() + "\n").collect();
    let words = ["route", "--json", "--session", "auth", "--tier", "1", "--batch", "-"];
    scene.scratch.moai_stdin(&lines, words).ok();
    assert_eq!(scene.claude.count(CLAUDE_PATH), exchanges.len());
}

/// Goes on with it; the words go to GLM.
fn go_on(scene: &mut Scene) {
    scene.glm.on(GLM_PATH).answer(Answer::said(Dialect::Chat, DONE));
    scene.flags.extend(["--session".into(), "auth".into()]);
    scene.route(GO_ON);
    scene.field_is("model_used", "glm-4.7");
    scene.field_is("decided_by", "classifier");
}

/// What GLM was sent.
fn heard(scene: &Scene) -> Seen {
    let mut seen = scene.glm.seen();
    assert_eq!(seen.len(), 1);
    seen.pop().unwrap()
}

/// Every text of a chat request, the system prompt's too.
fn texts(body: &Value) -> String {
    let text = |content: &Value| match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        other => panic!("a message of {other}"),
    };
    body["messages"].as_array().unwrap().iter().map(|message| text(&message["content"])).collect::<Vec<_>>().join("\n")
}

/// GLM was told every key point, word for word.
#[track_caller]
fn knows(scene: &Scene) {
    let told = texts(&heard(scene).json());
    assert!(!scene.key_points.is_empty());
    for point in &scene.key_points {
        assert!(told.contains(point.as_str()), "GLM does not know: {point}\nit was told:\n{told}");
    }
}

/// The conversation of `tests/cases/session/design.txt`, and what of it the next model has to know.
fn conversation() -> (Vec<Exchange>, Vec<String>) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/session/design.txt");
    let text = fs::read_to_string(path).unwrap();
    let (mut exchanges, mut key_points) = (Vec::<Exchange>::new(), Vec::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let key = line.strip_prefix('!');
        let (who, words) = key.unwrap_or(line).split_once(' ').unwrap();
        if key.is_some() {
            let inside = words.split_once('{').and_then(|(_, rest)| rest.split_once('}'));
            key_points.push(inside.map_or(words, |(inside, _)| inside).to_owned());
        }
        let words = &words.replace(['{', '}'], "");
        if who == "u" {
            exchanges.push(Exchange { asked: words.clone(), answered: String::new() });
            continue;
        }
        let answer = &mut exchanges.last_mut().unwrap().answered;
        if !answer.is_empty() {
            answer.push('\n');
        }
        answer.push_str(words);
    }
    (exchanges, key_points)
}
