//! The words of the page, in English and Korean.

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    English,
    Korean,
}

impl Lang {
    /// The word in `lang`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Korean => "ko",
        }
    }

    pub(super) fn named(word: &str) -> Option<Self> {
        [Self::English, Self::Korean].into_iter().find(|lang| lang.as_str() == word)
    }

    /// The other one.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::English => Self::Korean,
            Self::Korean => Self::English,
        }
    }

    /// The one that `Accept-Language` likes better; English where it names neither.
    pub(super) fn accepted(header: &str) -> Self {
        let mut best = (0.0, Self::English);
        for range in header.split(',') {
            let (tag, rest) = range.split_once(';').unwrap_or((range, ""));
            let weight = rest.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.parse::<f64>().ok());
            let lang = match tag.trim().get(..2) {
                Some("ko" | "KO" | "Ko") => Self::Korean,
                Some("en" | "EN" | "En") => Self::English,
                _ => continue,
            };
            // Of equals the first.
            if weight.is_some_and(|weight| weight > best.0) {
                best = (weight.unwrap_or(0.0), lang);
            }
        }
        best.1
    }

    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::English => &ENGLISH,
            Self::Korean => &KOREAN,
        }
    }
}

/// What the page says.
pub(super) struct Words {
    pub(super) today: &'static str,
    pub(super) week: &'static str,
    pub(super) month: &'static str,
    pub(super) theme: &'static str,
    /// The other language's name, in it.
    pub(super) other_language: &'static str,
    pub(super) log_out: &'static str,
    pub(super) live: &'static str,
    pub(super) away: &'static str,
    pub(super) failed: &'static str,
    pub(super) as_of: &'static str,
    pub(super) under_way: &'static str,
    pub(super) times_in: &'static str,
    // The login.
    pub(super) log_in: &'static str,
    pub(super) access_key: &'static str,
    pub(super) which_key: &'static str,
    pub(super) wrong_key: &'static str,
    pub(super) narrow_key: &'static str,
    // The first row.
    pub(super) spent: &'static str,
    pub(super) unpriced: &'static str,
    pub(super) shadows: &'static str,
    pub(super) saved: &'static str,
    pub(super) saved_how: &'static str,
    pub(super) uncompared: &'static str,
    pub(super) tiers: &'static str,
    pub(super) tiers_how: &'static str,
    pub(super) tiers_free: &'static str,
    pub(super) fallbacks: &'static str,
    pub(super) of_attempts: &'static str,
    pub(super) budget: &'static str,
    pub(super) budget_of: &'static str,
    pub(super) no_budget: &'static str,
    pub(super) set_budget: &'static str,
    pub(super) errors: &'static str,
    // The charts.
    pub(super) requests_chart: &'static str,
    pub(super) requests_about: &'static str,
    pub(super) cost_chart: &'static str,
    pub(super) cost_about: &'static str,
    pub(super) total_chart: &'static str,
    pub(super) total_about: &'static str,
    pub(super) first_chart: &'static str,
    pub(super) first_about: &'static str,
    pub(super) tokens_chart: &'static str,
    pub(super) tokens_about: &'static str,
    pub(super) cache_hits: &'static str,
    pub(super) health_chart: &'static str,
    pub(super) health_about: &'static str,
    pub(super) health_legend: [&'static str; 4],
    pub(super) others: &'static str,
    pub(super) fresh: &'static str,
    pub(super) cache_read: &'static str,
    pub(super) cache_write: &'static str,
    pub(super) output: &'static str,
    pub(super) answered: &'static str,
    pub(super) failures: &'static str,
    pub(super) no_data: &'static str,
    pub(super) nothing_yet: &'static str,
    // The lists.
    pub(super) models: &'static str,
    pub(super) model: &'static str,
    pub(super) sent: &'static str,
    pub(super) cost: &'static str,
    pub(super) end_times: &'static str,
    pub(super) first_times: &'static str,
    pub(super) tokens: &'static str,
    pub(super) decisions: &'static str,
    pub(super) when: &'static str,
    pub(super) why: &'static str,
    pub(super) outcome: &'static str,
    pub(super) right: &'static str,
    pub(super) tier_names: [&'static str; 2],
    pub(super) sure: &'static str,
    pub(super) asked_for: &'static str,
    pub(super) stood_in: &'static str,
    pub(super) attempts: &'static str,
    pub(super) sessions: &'static str,
    pub(super) session: &'static str,
    pub(super) last: &'static str,
    pub(super) requests: &'static str,
    pub(super) unknown: &'static str,
    pub(super) trouble: &'static str,
    pub(super) asked_now: &'static str,
    // The four opinions, as one gives them and as they were given.
    pub(super) give: [&'static str; 4],
    pub(super) given: [&'static str; 4],
    // Who decided: every one of `route::DecidedBy::ALL`.
    pub(super) decided_by: [(&'static str, &'static str); 10],
    pub(super) kinds: [(&'static str, &'static str); 3],
    pub(super) outcomes: [(&'static str, &'static str); 6],
    pub(super) states: [(&'static str, &'static str); 3],
    // Every one of `alert::Rule::ALL`.
    pub(super) alerts: [(&'static str, &'static str); 7],
    // What was looked at on the way to a decision, where its own word is not enough.
    pub(super) reasons: &'static [(&'static str, &'static str)],
}

/// The words for `name`, or the name where there are none.
pub(super) fn said<'a>(table: &[(&'static str, &'static str)], name: &'a str) -> &'a str {
    table.iter().find(|(code, _)| *code == name).map_or(name, |(_, words)| words)
}

static ENGLISH: Words = Words {
    today: "Today",
    week: "7 days",
    month: "30 days",
    theme: "Light or dark",
    other_language: "한국어",
    log_out: "Log out",
    live: "live",
    away: "not connected",
    failed: "that did not work",
    as_of: "as of",
    under_way: "under way",
    times_in: "Times and days: ",
    log_in: "Log in",
    access_key: "Access key",
    which_key: "`moai serve key print` shows this machine's own; `moai serve key add NAME --scope read` makes one for looking.",
    wrong_key: "That is no access key of this gateway.",
    narrow_key: "This key does not open the dashboard: it needs the scope read.",
    spent: "Spent",
    unpriced: "of unknown price, not in it",
    shadows: "of it for shadows",
    saved: "Saved against Claude only",
    saved_how: "of what Claude alone would have cost",
    uncompared: "cannot be compared",
    tiers: "Tier 1 · tier 2",
    tiers_how: "of the cost",
    tiers_free: "of the requests: nothing was paid",
    fallbacks: "Fallback rate",
    of_attempts: "requests sent",
    budget: "Budget of today",
    budget_of: "of",
    no_budget: "none",
    set_budget: "budget.daily_usd sets one",
    errors: "Error rate",
    requests_chart: "Requests sent, by model",
    requests_about: "Every request to a vendor, also those that failed and those that stood in.",
    cost_chart: "Cost, by model",
    cost_about: "In US dollars; what has no known price is not in it.",
    total_chart: "Response time",
    total_about: "To the end of whole answers, all models: half, 95 % and 99 % of them came within it.",
    first_chart: "Time to first token",
    first_about: "All models: half, 95 % and 99 % of the answers began within it.",
    tokens_chart: "Tokens",
    tokens_about: "As the vendors reported them.",
    cache_hits: "of the prompts came from a cache",
    health_chart: "Providers",
    health_about: "What became of the requests that were sent to each provider.",
    health_legend: ["answers", "some fail", "most fail", "not asked"],
    others: "others",
    fresh: "input",
    cache_read: "from cache",
    cache_write: "into cache",
    output: "output",
    answered: "answered",
    failures: "failed",
    no_data: "nothing to show",
    nothing_yet: "No request has come yet. `moai code` starts Claude Code on this gateway.",
    models: "Models",
    model: "Model",
    sent: "Sent",
    cost: "Cost",
    end_times: "To the end: p50 · p95 · p99",
    first_times: "To the first token: p50 · p95 · p99",
    tokens: "Tokens: in · out",
    decisions: "Last decisions",
    when: "When",
    why: "Why",
    outcome: "Outcome",
    right: "Was it right?",
    tier_names: ["tier 1", "tier 2"],
    sure: "sure",
    asked_for: "asked for",
    stood_in: "stood in",
    attempts: "requests",
    sessions: "Sessions",
    session: "Session",
    last: "Last",
    requests: "Requests",
    unknown: "unknown",
    trouble: "The journal cannot be read",
    asked_now: "now",
    give: ["was planning", "was implementation", "good", "bad"],
    given: ["said: planning", "said: implementation", "said: good", "said: bad"],
    decided_by: [
        ("force", "forced"),
        ("command", "a slash command"),
        ("worktree", "the checkout's own model"),
        ("task", "the task's models"),
        ("agent", "the agent's models"),
        ("background", "the client's own business"),
        ("session", "the conversation stays with its model"),
        ("classifier", "the text"),
        ("experiment", "an experiment"),
        ("default", "the default tier"),
    ],
    kinds: [("coding", "coding"), ("reasoning", "reasoning"), ("general", "general")],
    outcomes: [
        ("ok", "ok"),
        ("failed", "failed"),
        ("cut", "cut off"),
        ("cancelled", "cancelled"),
        ("cached", "from the cache"),
        ("shadow", "a shadow"),
    ],
    states: [("open", "left alone"), ("half-open", "being tried"), ("hard-down", "not usable")],
    alerts: [
        ("cost-per-hour", "cost per hour"),
        ("slow-response", "slow answers"),
        ("error-rate", "error rate"),
        ("budget", "budget"),
        ("provider-down", "provider down"),
        ("unpriced", "no price"),
        ("journal", "journal"),
    ],
    reasons: &[("unknown-agent", "unknown agent"), ("unknown-task", "unknown task")],
};

static KOREAN: Words = Words {
    today: "오늘",
    week: "7일",
    month: "30일",
    theme: "밝게 / 어둡게",
    other_language: "English",
    log_out: "로그아웃",
    live: "실시간",
    away: "연결 끊김",
    failed: "처리하지 못했습니다",
    as_of: "기준 시각",
    under_way: "처리 중",
    times_in: "시간대: ",
    log_in: "로그인",
    access_key: "접근 키",
    which_key: "`moai serve key print`가 이 컴퓨터의 키를 보여 줍니다. `moai serve key add NAME --scope read`는 보기 전용 키를 만듭니다.",
    wrong_key: "이 게이트웨이의 접근 키가 아닙니다.",
    narrow_key: "이 키로는 대시보드를 열 수 없습니다. read 권한이 필요합니다.",
    spent: "사용 금액",
    unpriced: "건은 가격을 몰라 빠져 있음",
    shadows: "은 섀도 비용",
    saved: "Claude만 쓸 때보다 절약",
    saved_how: "Claude만 썼을 때의 비용 대비",
    uncompared: "건은 비교할 수 없음",
    tiers: "1단계 · 2단계",
    tiers_how: "비용 기준",
    tiers_free: "요청 기준 (비용 없음)",
    fallbacks: "대체 비율",
    of_attempts: "건 (보낸 요청)",
    budget: "오늘 예산",
    budget_of: "/",
    no_budget: "없음",
    set_budget: "budget.daily_usd로 정합니다",
    errors: "오류율",
    requests_chart: "모델별 보낸 요청",
    requests_about: "공급자에게 보낸 모든 요청. 실패한 것과 대체한 것도 포함합니다.",
    cost_chart: "모델별 비용",
    cost_about: "미국 달러. 가격을 모르는 요청은 빠져 있습니다.",
    total_chart: "응답 시간",
    total_about: "온전한 답이 끝날 때까지, 모든 모델: 절반, 95 %, 99 %가 이 시간 안에 왔습니다.",
    first_chart: "첫 토큰까지의 시간",
    first_about: "모든 모델: 답의 절반, 95 %, 99 %가 이 시간 안에 시작했습니다.",
    tokens_chart: "토큰",
    tokens_about: "공급자가 알려 준 값입니다.",
    cache_hits: "캐시 적중 (프롬프트 토큰)",
    health_chart: "공급자 상태",
    health_about: "각 공급자에게 보낸 요청이 어떻게 되었는지 보여 줍니다.",
    health_legend: ["응답함", "일부 실패", "대부분 실패", "요청 없음"],
    others: "기타",
    fresh: "입력",
    cache_read: "캐시 읽기",
    cache_write: "캐시 쓰기",
    output: "출력",
    answered: "응답",
    failures: "실패",
    no_data: "보여 줄 것이 없습니다",
    nothing_yet: "아직 요청이 없습니다. `moai code`가 이 게이트웨이로 Claude Code를 시작합니다.",
    models: "모델",
    model: "모델",
    sent: "보낸 요청",
    cost: "비용",
    end_times: "끝까지: p50 · p95 · p99",
    first_times: "첫 토큰까지: p50 · p95 · p99",
    tokens: "토큰: 입력 · 출력",
    decisions: "최근 결정",
    when: "시각",
    why: "이유",
    outcome: "결과",
    right: "맞았나요?",
    tier_names: ["1단계", "2단계"],
    sure: "확신",
    asked_for: "요청한 모델",
    stood_in: "대체",
    attempts: "번 요청",
    sessions: "세션",
    session: "세션",
    last: "마지막",
    requests: "요청",
    unknown: "모름",
    trouble: "저널을 읽을 수 없습니다",
    asked_now: "지금",
    give: ["설계였음", "구현이었음", "좋음", "나쁨"],
    given: ["정정: 설계", "정정: 구현", "평가: 좋음", "평가: 나쁨"],
    decided_by: [
        ("force", "강제 지정"),
        ("command", "슬래시 명령"),
        ("worktree", "체크아웃의 모델"),
        ("task", "작업의 모델"),
        ("agent", "에이전트의 모델"),
        ("background", "클라이언트 자체 요청"),
        ("session", "대화가 쓰던 모델 유지"),
        ("classifier", "글의 내용"),
        ("experiment", "실험"),
        ("default", "기본 단계"),
    ],
    kinds: [("coding", "코딩"), ("reasoning", "추론"), ("general", "일반")],
    outcomes: [
        ("ok", "성공"),
        ("failed", "실패"),
        ("cut", "중단됨"),
        ("cancelled", "취소됨"),
        ("cached", "캐시에서"),
        ("shadow", "섀도"),
    ],
    states: [("open", "잠시 제외"), ("half-open", "시험 중"), ("hard-down", "사용 불가")],
    alerts: [
        ("cost-per-hour", "시간당 비용"),
        ("slow-response", "느린 응답"),
        ("error-rate", "오류율"),
        ("budget", "예산"),
        ("provider-down", "공급자 중단"),
        ("unpriced", "가격을 모름"),
        ("journal", "저널"),
    ],
    reasons: &[
        ("forced", "강제 지정"),
        ("classified", "글 분류"),
        ("unknown-agent", "모르는 에이전트"),
        ("unknown-task", "모르는 작업"),
        ("strategy", "전략"),
        ("tier", "단계"),
        ("wanted", "원한 모델"),
        ("warm", "따뜻한 캐시"),
        ("kind", "작업 종류"),
        ("background", "자체 요청"),
        ("session", "대화"),
        ("agent", "에이전트"),
        ("task", "작업"),
        ("worktree", "체크아웃"),
        ("default", "기본값"),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browsers_language_is_taken_where_it_is_one_of_the_two() {
        let of = |header| Lang::accepted(header);
        assert_eq!(of("ko-KR,ko;q=0.9,en-US;q=0.8"), Lang::Korean);
        assert_eq!(of("en-US,en;q=0.9,ko;q=0.8"), Lang::English);
        assert_eq!(of("de, ko;q=0.5, en;q=0.3"), Lang::Korean);
        for header in ["", "de", "k", "한국어", ";;q=,", "ko;q=x", "ko;q=-1"] {
            assert_eq!(of(header), Lang::English, "{header}");
        }
    }

    #[test]
    fn who_decided_is_said_in_both_languages() {
        for by in crate::route::DecidedBy::ALL {
            for words in [&ENGLISH, &KOREAN] {
                assert!(words.decided_by.iter().any(|(code, _)| *code == by.as_str()), "{by}");
            }
        }
        for rule in crate::alert::Rule::ALL {
            for words in [&ENGLISH, &KOREAN] {
                assert!(words.alerts.iter().any(|(code, _)| *code == rule.as_str()), "{rule}");
            }
        }
        for outcome in crate::journal::Outcome::ALL {
            assert!(KOREAN.outcomes.iter().any(|(code, _)| *code == outcome.as_str()), "{outcome}");
        }
    }
}
