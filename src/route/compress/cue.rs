//! What a line of a conversation is: a decision, where the work stands, a rule, a question. By its words, in Korean,
//! English, Japanese and Chinese.

use super::names;

/// What a line is, the most worth keeping first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// Something was decided.
    Decision,
    /// Where the work stands: done, doing, next.
    State,
    /// What has to be or must not be.
    Rule,
    /// What the person asked for.
    Ask,
    /// What was stated in a list, or with the name of a SPEC or a file.
    Fact,
    /// A block of code, by its head.
    Code,
    /// Anything else; not worth keeping.
    Other,
}

/// Words that take a decision back: it is still open.
const OPEN: &[&str] = &[
    "아직 결정",
    "결정하지 않",
    "결정되지 않",
    "결정 안",
    "미정",
    "보류",
    "not decided",
    "undecided",
    "to be decided",
    "tbd",
    "haven't decided",
    "未定",
    "決まっていない",
    "決めていない",
    "还没决定",
    "尚未决定",
    "待定",
];

const DECISION: &[&str] = &[
    "결정",
    "확정",
    "채택",
    "합의",
    "하기로",
    "쓰기로",
    "가기로",
    "두기로",
    "않기로",
    "기로 했",
    "기로 한",
    "기로 함",
    "로 정했",
    "로 정함",
    "을 선택",
    "를 선택",
    "선택했",
    "선택함",
    "로 간다",
    "로 가자",
    "로 하자",
    "로 갑시다",
    "로 하겠",
    "로 합시다",
    "decision",
    "decided",
    "decide on",
    "we decide",
    "agreed",
    "settled on",
    "chose ",
    "chosen",
    "we choose",
    "i choose",
    "go with",
    "going with",
    "went with",
    "opted for",
    "opt for",
    "we will use",
    "we'll use",
    "we are using",
    "let's use",
    "adr-",
    "決定",
    "決め",
    "決まり",
    "採用",
    "ことにし",
    "ことにする",
    "ことになっ",
    "にします",
    "选定",
    "决定",
    "决策",
    "采用",
    "选用",
    "选择了",
    "敲定",
    "约定",
    "定为",
];

const STATE: &[&str] = &[
    "현재",
    "진행 중",
    "진행중",
    "진행 상",
    "작업 중",
    "작업중",
    "작업 상태",
    "남은",
    "남았",
    "다음 단계",
    "다음 작업",
    "다음은",
    "이어서",
    "할 일",
    "완료",
    "마쳤",
    "끝났",
    "끝냈",
    "통과",
    "막혀",
    "막힘",
    "todo",
    "in progress",
    "work in progress",
    "current task",
    "currently",
    "status:",
    "next step",
    "next up",
    "up next",
    "next:",
    "remaining",
    "left to do",
    "still to",
    "blocked",
    "completed",
    "finished",
    "done:",
    "is done",
    "are done",
    "passing",
    "tests pass",
    "failing",
    "現在",
    "作業中",
    "進行中",
    "残り",
    "次は",
    "次の",
    "完了",
    "終わり",
    "未完",
    "当前",
    "目前",
    "正在",
    "进行中",
    "剩余",
    "下一步",
    "接下来",
    "已完成",
    "完成了",
    "待办",
    "- [ ]",
    "- [x]",
    "* [ ]",
    "* [x]",
];

const RULE: &[&str] = &[
    "반드시",
    "필수",
    "금지",
    "해야 한다",
    "해야 합니다",
    "해야 함",
    "하면 안",
    "하지 않아야",
    "안 된다",
    "안 됩니다",
    "사용한다",
    "사용합니다",
    "제약",
    "요구사항",
    "이하여야",
    "이상이어야",
    "must",
    "never",
    "always",
    "required",
    "requirement",
    "constraint",
    "shall",
    "should not",
    "no more than",
    "at most",
    "at least",
    "必ず",
    "必須",
    "禁止",
    "してはいけ",
    "しなければ",
    "べき",
    "使用します",
    "必须",
    "不得",
    "不能",
    "务必",
    "应该",
    "使用",
];

/// What `line` is, and the byte where the word stands that says so.
pub(super) fn class(line: &str, user: bool, item: bool) -> (Class, usize) {
    let lower = line.to_ascii_lowercase();
    let find = |cues: &[&str]| cues.iter().filter_map(|cue| word(&lower, cue)).min();
    if is_question(line) {
        return (if user { Class::Ask } else { Class::Other }, 0);
    }
    if let Some(at) = find(OPEN) {
        return (Class::State, at);
    }
    let state = find(STATE);
    if let Some(at) = find(DECISION) {
        return (Class::Decision, at);
    }
    if let Some(at) = state {
        return (Class::State, at);
    }
    if let Some(at) = find(RULE) {
        return (Class::Rule, at);
    }
    let named = names::spec_ids(line).next().is_some() || names::files(line).next().is_some();
    let pair = item && line.contains([':', '：']);
    let short = line.chars().filter(|c| c.is_alphanumeric()).count() < 4;
    match (user && !short, named || pair) {
        (true, _) => (Class::Ask, 0),
        (_, true) => (Class::Fact, 0),
        _ => (Class::Other, 0),
    }
}

/// The byte where `cue` stands in `lower`; a cue of ASCII letters only where a word begins.
fn word(lower: &str, cue: &str) -> Option<usize> {
    if !cue.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return lower.find(cue);
    }
    lower
        .match_indices(cue)
        .map(|(at, _)| at)
        .find(|at| !lower.get(..*at).is_some_and(|before| before.ends_with(|c: char| c.is_ascii_alphanumeric())))
}

fn is_question(line: &str) -> bool {
    let end = line.trim_end_matches(['"', '\'', ')', '」', '”', ' ']);
    ["?", "？", "까요", "나요", "을까", "ですか", "ますか", "ですか。", "ますか。", "吗", "吗。", "呢"]
        .iter()
        .any(|question| end.ends_with(question))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_languages_say_the_same() {
        for (line, expected) in [
            ("DB는 PostgreSQL로 결정했습니다.", Class::Decision),
            ("세션 대신 JWT를 쓰기로 함", Class::Decision),
            ("We decided to keep refresh tokens in Redis.", Class::Decision),
            ("Let's go with option B.", Class::Decision),
            ("認証はJWTを採用する。", Class::Decision),
            ("数据库决定使用 PostgreSQL。", Class::Decision),
            ("로그인 API 구현 완료, 남은 일은 테스트", Class::State),
            ("Next step: wire the refresh endpoint", Class::State),
            ("次はトークン更新の実装です。", Class::State),
            ("下一步实现刷新接口。", Class::State),
            ("DB는 아직 결정하지 않았다", Class::State),
            ("The key must never be logged.", Class::Rule),
            ("비밀번호는 반드시 해시로 저장", Class::Rule),
            ("パスワードは必ずハッシュ化する。", Class::Rule),
            ("密码必须加密存储。", Class::Rule),
        ] {
            assert_eq!(class(line, false, false).0, expected, "{line}");
        }
    }

    #[test]
    fn questions_decide_nothing_and_chatter_is_nothing() {
        assert_eq!(class("PostgreSQL로 결정할까요?", true, false).0, Class::Ask);
        assert_eq!(class("Should we go with B?", false, false).0, Class::Other);
        assert_eq!(class("네!", true, false).0, Class::Other);
        assert_eq!(class("Here is some explanation of it", false, false).0, Class::Other);
        assert_eq!(class("- 인증: OAuth", false, true).0, Class::Fact);
        assert_eq!(class("mustard and customer", false, false).0, Class::Rule, "a cue is the beginning of a word");
        assert_eq!(class("the customer", false, false).0, Class::Other);
    }
}
