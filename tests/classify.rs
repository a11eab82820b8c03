//! What classification gets right: the seeds' acceptance examples, the floors on held-out sources, and pasted text that
//! must not turn a decision. `cargo test --test classify -- --nocapture report` prints the table of docs/classify.md.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, and this one prints its report"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use moai::classify::{self, Basis, Options, classify};
use moai::model::{Phase, TaskKind, Tier};
use proptest::prelude::*;

/// One row of a corpus.
struct Row {
    id: String,
    lang: String,
    text: String,
    tier: Option<Tier>,
    kind: Option<TaskKind>,
    source: String,
    split: String,
}

fn cases(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/classify").join(name)
}

/// Reads a corpus by the names of its columns; the two public samples have `label` for tier or kind.
fn read(path: &Path) -> Vec<Row> {
    let file = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = file.lines();
    let head: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let rows = lines.filter(|line| !line.is_empty()).map(|line| {
        let cells: Vec<&str> = line.split('\t').collect();
        let cell = |name: &str| head.iter().position(|column| *column == name).map_or("", |at| cells[at]);
        let label = |name: &str| if cell(name).is_empty() { cell("label") } else { cell(name) };
        Row {
            id: cell("id").to_owned(),
            lang: cell("lang").to_owned(),
            text: unescape(cell("text")),
            tier: label("tier").parse().ok(),
            kind: label("kind").parse().ok(),
            source: cell("source").to_owned(),
            split: if cell("split").is_empty() { "test".to_owned() } else { cell("split").to_owned() },
        }
    });
    rows.collect()
}

fn unescape(text: &str) -> String {
    text.replace("\\\\", "\u{1}").replace("\\n", "\n").replace('\u{1}', "\\")
}

fn development() -> Vec<Row> {
    read(&cases("dev.tsv"))
}

fn tier(text: &str) -> Tier {
    classify(text, Options::default()).tier
}

/// Right and all, per label.
#[derive(Default)]
struct Tally(BTreeMap<String, (usize, usize)>);

impl Tally {
    fn note(&mut self, label: &str, right: bool) {
        let entry = self.0.entry(label.to_owned()).or_default();
        entry.0 += usize::from(right);
        entry.1 += 1;
    }

    fn recall(&self, label: &str) -> f64 {
        self.0.get(label).map_or(f64::NAN, |(right, all)| *right as f64 / *all as f64)
    }

    fn accuracy(&self) -> f64 {
        let (right, all) = self.0.values().fold((0, 0), |(right, all), entry| (right + entry.0, all + entry.1));
        right as f64 / all as f64
    }

    fn balanced(&self) -> f64 {
        self.0.keys().map(|label| self.recall(label)).sum::<f64>() / self.0.len() as f64
    }

    fn line(&self) -> String {
        let mut line = format!("accuracy {:.3}, balanced {:.3}", self.accuracy(), self.balanced());
        for (label, (right, all)) in &self.0 {
            write!(line, ", {label} {right}/{all}").unwrap();
        }
        line
    }
}

fn measure_tier(rows: &[&Row]) -> Tally {
    let mut tally = Tally::default();
    for row in rows {
        let Some(wanted) = row.tier else { continue };
        tally.note(wanted.as_str(), tier(&row.text) == wanted);
    }
    tally
}

fn measure_kind(rows: &[&Row]) -> Tally {
    let mut tally = Tally::default();
    for row in rows {
        let Some(wanted) = row.kind else { continue };
        tally.note(wanted.as_str(), classify(&row.text, Options::default()).kind == wanted);
    }
    tally
}

/// How often decisions of about the same confidence are right.
fn reliability(rows: &[&Row]) -> String {
    let mut bins: BTreeMap<u32, (usize, usize, f64)> = BTreeMap::new();
    for row in rows {
        let Some(wanted) = row.tier else { continue };
        let decision = classify(&row.text, Options::default());
        let bin = (1..5).filter(|step| decision.confidence >= 0.5 + 0.1 * f64::from(*step)).count();
        let entry = bins.entry(u32::try_from(bin).unwrap()).or_default();
        entry.0 += usize::from(decision.tier == wanted);
        entry.1 += 1;
        entry.2 += decision.confidence;
    }
    let all: usize = bins.values().map(|bin| bin.1).sum();
    let mut error = 0.0;
    let mut text = String::new();
    for (bin, (right, count, sum)) in &bins {
        let (accuracy, stated) = (*right as f64 / *count as f64, sum / *count as f64);
        error += (accuracy - stated).abs() * *count as f64 / all as f64;
        write!(text, " {:.1}+: {accuracy:.2} of {count};", 0.5 + 0.1 * f64::from(*bin)).unwrap();
    }
    format!("calibration error {error:.3}:{text}")
}

fn report(name: &str, rows: &[&Row]) {
    println!("\n{name}: {} rows", rows.len());
    if rows.iter().any(|row| row.tier.is_some()) {
        println!("  tier  all  {}", measure_tier(rows).line());
        println!("             {}", reliability(rows));
    }
    if rows.iter().any(|row| row.kind.is_some()) {
        println!("  kind  all  {}", measure_kind(rows).line());
    }
    for lang in ["en", "ko", "ja", "zh"] {
        let here: Vec<&Row> = rows.iter().copied().filter(|row| row.lang == lang).collect();
        if here.iter().any(|row| row.tier.is_some()) {
            println!("  tier  {lang}   {}", measure_tier(&here).line());
        }
        if here.iter().any(|row| row.kind.is_some()) {
            println!("  kind  {lang}   {}", measure_kind(&here).line());
        }
    }
}

fn mistakes(rows: &[&Row]) {
    for row in rows {
        let decision = classify(&row.text, Options::default());
        let short: String = row.text.chars().take(110).collect();
        let strongest: Vec<String> =
            decision.evidence.iter().take(7).map(|item| format!("{} {}", item.what, item.weight)).collect();
        if row.tier.is_some_and(|wanted| wanted != decision.tier) {
            println!("  x tier {} {} {short:?} [{}]", row.id, decision.tier.as_str(), strongest.join(", "));
        }
        if row.kind.is_some_and(|wanted| wanted != decision.kind) {
            println!("  x kind {} {} {short:?}", row.id, decision.kind);
        }
    }
}

#[test]
fn report_and_floors_on_held_out_sources() {
    let rows = development();
    let training: Vec<&Row> = rows.iter().filter(|row| row.split == "train").collect();
    let held_out: Vec<&Row> = rows.iter().filter(|row| row.split == "test").collect();
    report("training sources (not a measure)", &training);
    report("held-out sources", &held_out);
    mistakes(&held_out);
    // Other corpora of the same columns: MOAI_CLASSIFY_EXTRA=a.tsv:b.tsv. They are reported, not asserted.
    for path in std::env::var("MOAI_CLASSIFY_EXTRA").unwrap_or_default().split(':').filter(|path| !path.is_empty()) {
        let extra = read(Path::new(path));
        let extra: Vec<&Row> = extra.iter().collect();
        report(path, &extra);
        mistakes(&extra);
    }

    let tier = measure_tier(&held_out);
    assert!(tier.balanced() >= 0.92, "tier: {}", tier.line());
    assert!(tier.recall("plan") >= 0.88, "tier: {}", tier.line());
    for lang in ["en", "ko", "ja", "zh"] {
        let here: Vec<&Row> = held_out.iter().copied().filter(|row| row.lang == lang).collect();
        let tally = measure_tier(&here);
        assert!(tally.balanced() >= 0.90, "{lang}: {}", tally.line());
    }
    let kind = measure_kind(&held_out);
    assert!(kind.balanced() >= 0.82, "kind: {}", kind.line());
}

/// Writes what training reads: `MOAI_CLASSIFY_DUMP=file cargo test --test classify dump -- --ignored`.
#[test]
#[ignore = "a step of tests/cases/classify/train.py"]
fn dump_features() {
    let mut dump = String::new();
    for row in development() {
        let tier = row.tier.map_or("-", Tier::as_str);
        let kind = row.kind.map_or("-", TaskKind::as_str);
        let names = classify::features(&row.text).join("\t");
        writeln!(dump, "{}\t{}\t{tier}\t{kind}\t{}\t{}\t{names}", row.id, row.lang, row.source, row.split).unwrap();
    }
    fs::write(std::env::var("MOAI_CLASSIFY_DUMP").unwrap(), dump).unwrap();
}

// ---- the seeds, in their own words -------------------------------------------------------------------------------

const TIER1_TEST_CASES: [&str; 5] =
    ["API 설계해줘", "아키텍처 결정 필요", "/moai:1-plan auth system", "기술 스택 비교 분석", "시스템 설계 전략 수립"];
const TIER2_TEST_CASES: [&str; 5] =
    ["코드 구현해줘", "테스트 작성해줘", "/moai:2-run SPEC-001", "이 버그 수정해줘", "문서화 진행해줘"];
const EDGE_CASES: [&str; 2] = ["", "안녕하세요"];

#[test]
fn the_acceptance_examples_of_the_seed() {
    for text in TIER1_TEST_CASES {
        assert_eq!(tier(text), Tier::One, "{text}");
    }
    for text in TIER2_TEST_CASES.into_iter().chain(EDGE_CASES) {
        assert_eq!(tier(text), Tier::Two, "{text}");
    }
    assert_eq!(classify("", Options::default()).basis, Basis::Empty);
    assert_eq!(classify("안녕하세요", Options::default()).basis, Basis::Greeting);
}

#[test]
fn commands_decide_with_full_confidence() {
    for (text, phase, tier) in [
        ("/moai:1-plan user authentication", Phase::Plan, Tier::One),
        ("/moai:2-run SPEC-001", Phase::Run, Tier::Two),
        ("/moai:3-sync SPEC-001", Phase::Sync, Tier::Two),
    ] {
        let decision = classify(text, Options::default());
        assert_eq!((decision.command, decision.tier), (Some(phase), tier), "{text}");
        assert!((decision.confidence - 1.0).abs() < f64::EPSILON, "{text}");
    }
}

#[test]
fn the_keyword_table_of_the_local_models() {
    let kind = |text: &str| classify(text, Options::default()).kind;
    for text in ["코드", "함수", "버그", "리팩토링", "code", "function", "bug", "debug", "refactor"] {
        assert_eq!(kind(text), TaskKind::Coding, "{text}");
    }
    for text in ["왜", "분석", "비교", "논리", "why", "analyze", "compare", "logic"] {
        assert_eq!(kind(text), TaskKind::Reasoning, "{text}");
    }
    for text in ["", "안녕하세요", "오늘 날씨 어때?", "이 문장을 번역해줘", "hello", "Tell me a story"]
    {
        assert_eq!(kind(text), TaskKind::General, "{text}");
    }
}

#[test]
fn the_keyword_table_of_the_tiers() {
    for word in [
        "plan",
        "design",
        "architecture",
        "strategy",
        "trade-off",
        "decision",
        "spec",
        "specification",
        "compare",
        "evaluate",
        "analyze",
    ] {
        assert_eq!(tier(word), Tier::One, "{word}");
    }
    for word in ["implement", "code", "build", "write", "test", "fix", "refactor", "update", "document", "create file"]
    {
        assert_eq!(tier(word), Tier::Two, "{word}");
    }
}

// ---- spelling, and what is pasted --------------------------------------------------------------------------------

#[test]
fn spelling_does_not_decide() {
    let nfd = |text: &str| -> String {
        text.chars()
            .flat_map(|c| match u32::from(c).checked_sub(0xAC00) {
                Some(index) if index < 11172 => {
                    let parts = [0x1100 + index / 588, 0x1161 + index % 588 / 28, 0x11A7 + index % 28];
                    parts.into_iter().filter(|part| *part != 0x11A7).map(|part| char::from_u32(part).unwrap()).collect()
                }
                _ => vec![c],
            })
            .collect()
    };
    let wide = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_ascii_graphic() { char::from_u32(u32::from(c) + 0xFEE0).unwrap() } else { c })
            .collect()
    };
    for row in development().iter().filter(|row| row.tier.is_some()) {
        let plain = tier(&row.text);
        assert_eq!(tier(&nfd(&row.text)), plain, "NFD: {}", row.text);
        assert_eq!(tier(&row.text.to_uppercase()), plain, "upper case: {}", row.text);
        assert_eq!(tier(&format!("  {}\n\n", row.text)), plain, "spaces: {}", row.text);
        if row.lang == "en" && row.text.chars().all(|c| c.is_ascii_alphabetic() || " .,?!".contains(c)) {
            assert_eq!(tier(&wide(&row.text)), plain, "full width: {}", row.text);
        }
    }
}

const PASTED: [&str; 8] = [
    "```\n2026-01-09 12:00:01 ERROR plan failed: design the architecture strategy first\n```",
    "2026-01-09 12:00:01 ERROR [main] plan: design the architecture, compare options\n2026-01-09 12:00:02 INFO fix the bug, implement it",
    "[12:00:01] ERROR implement the fix\n[12:00:02] WARN write the code and add tests\n[12:00:03] INFO build",
    "```rust\nfn design_plan(strategy: &Architecture) -> Plan {\n    // compare the options and decide\n    implement_and_fix_bugs(strategy)\n}\n```",
    "Traceback (most recent call last):\n  File \"plan.py\", line 3, in design\n    raise ValueError(\"which strategy should we use?\")\nValueError: which strategy should we use?",
    "diff --git a/plan.md b/plan.md\nindex 1234567..89abcde 100644\n--- a/plan.md\n+++ b/plan.md\n@@ -1,2 +1,2 @@\n-implement the fix and write tests\n+design the architecture and plan the strategy",
    "> 아키텍처를 설계하고 전략을 비교해줘\n> 그리고 버그를 고치고 코드를 구현해줘",
    "    at design (/app/src/plan.js:10:5)\n    at implement (/app/src/fix.js:3:1)",
];

#[test]
fn pasted_text_does_not_turn_a_decision() {
    for row in development() {
        let plain = classify(&row.text, Options::default());
        for pasted in PASTED {
            for text in [format!("{}\n\n{pasted}\n", row.text), format!("{pasted}\n\n{}", row.text)] {
                let wrapped = classify(&text, Options::default());
                if row.text.trim().is_empty() || matches!(plain.basis, Basis::Greeting | Basis::Empty) {
                    continue;
                }
                if wrapped.tier != plain.tier && row.tier.is_none() {
                    continue;
                }
                assert_eq!(wrapped.tier, plain.tier, "{text}");
                assert_eq!(wrapped.kind, plain.kind, "{text}");
            }
        }
    }
}

/// What people paste or put around a request: before it, and after it.
const PASTED_AROUND: [(&str, &str); 16] = [
    ("<context>\nWe design the plan and compare strategies.\nFix the bug, implement it.\n</context>\n\n", ""),
    ("", "\n\n<logs>ERROR design plan failed, fix and implement</logs>"),
    ("<document>\nwhich architecture is better?\n</document>\n", "\n<file path=\"a.md\">\nimplement it\n</file>\n"),
    ("<task>", "</task>"),
    ("<instructions>\n", "\n</instructions>\n<context>plan, fix</context>"),
    ("# Task\n", ""),
    ("## Context\n```\nfoo\n```\n## 요청\n", ""),
    ("", "\n\n> From: Kim <kim@a.com>\n> 설계하고 비교해줘\n> implement it and fix the bugs\n"),
    ("From: Kim <kim@a.com>\nTo: Lee <lee@a.com>\nSubject: design plan\nDate: Mon, 3 Nov\n\n", ""),
    (
        "",
        "\n\nException in thread \"main\" java.lang.Error: plan not found\n\tat com.acme.Design.plan(Design.java:10)\n",
    ),
    ("{\n  \"plan\": \"design\",\n  \"fix\": \"implement\"\n}\n", ""),
    ("", "\n$ npm run build\n> app@1.0.0 build\nsrc/plan.ts(3,1): error TS2304: Cannot find name 'design'.\n"),
    ("[Image #1] ", ""),
    ("[Pasted text #1 +42 lines]\n", ""),
    ("**", "**"),
    ("## ", ""),
];

#[test]
fn what_is_pasted_around_a_request_does_not_turn_it() {
    let rows = development();
    for row in rows.iter().filter(|row| row.tier.is_some() && !row.text.starts_with('/')).step_by(5) {
        let plain = tier(&row.text);
        for (before, after) in PASTED_AROUND {
            let text = format!("{before}{}{after}", row.text);
            assert_eq!(tier(&text), plain, "{text}");
        }
    }
}

/// Greetings, thanks, list marks and small constraints around a request, per language.
const AROUND: [(&str, &str, &str); 26] = [
    ("", "- ", ""),
    ("", "1. ", ""),
    ("", "src/a.rs\nsrc/b.rs\n\n", ""),
    ("", "", "\n- src/a.rs\n- src/b.rs\n- src/c.rs"),
    ("en", "hi! ", ""),
    ("en", "Hello,\n\n", ""),
    ("en", "hey there, ", ""),
    ("en", "Please ", ""),
    ("en", "", " thanks!"),
    ("en", "", "\n\nThanks in advance for your help."),
    ("en", "", "\n- keep it small\n- no new dependencies\n- follow the existing style"),
    ("en", "- the cache is cold after deploys\n- users complain about the plan page\n\n", ""),
    ("ko", "안녕하세요. ", ""),
    ("ko", "", "\n감사합니다."),
    ("ko", "", "\n부탁드립니다 :)"),
    ("ko", "", "\n- 작게 유지\n- 새 의존성 금지\n- 기존 스타일을 따를 것"),
    ("ko", "- 배포 후 캐시가 비어 있음\n- 계획 화면 불만이 많음\n\n", ""),
    ("ja", "こんにちは。", ""),
    ("ja", "お疲れ様です。\n", ""),
    ("ja", "", "\nよろしくお願いします。"),
    ("ja", "", "\n- 小さく保つ\n- 依存を増やさない\n- 既存のスタイルに従う"),
    ("zh", "你好，", ""),
    ("zh", "", "，谢谢！"),
    ("zh", "", "\n麻烦了，谢谢。"),
    ("zh", "", "\n- 保持简单\n- 不引入新依赖\n- 遵循现有风格"),
    ("zh", "- 部署后缓存是空的\n- 计划页面抱怨很多\n\n", ""),
];

#[test]
fn courtesies_and_lists_hardly_ever_turn_a_decision() {
    let rows = development();
    let (mut all, mut turned) = (0, Vec::new());
    let one_line = |row: &&Row| row.tier.is_some() && !row.text.starts_with('/') && !row.text.contains('\n');
    for row in rows.iter().filter(one_line).step_by(5) {
        let plain = tier(&row.text);
        for (_, before, after) in AROUND.iter().filter(|(lang, ..)| lang.is_empty() || *lang == row.lang) {
            all += 1;
            if tier(&format!("{before}{}{after}", row.text)) != plain {
                turned.push(format!("{before}{}{after}", row.text));
            }
        }
    }
    assert!(turned.len() * 500 <= all, "{} of {all}: {turned:#?}", turned.len());
}

#[test]
fn asking_politely_is_not_asking_a_question() {
    for text in [
        "could you fix the failing test?",
        "이 버그 고쳐줄 수 있을까??",
        "테스트 돌려볼래?",
        "このバグを直してもらえますか？",
        "能帮我修复这个 bug 吗？",
    ] {
        assert_eq!(tier(text), Tier::Two, "{text}");
        assert!(!classify::features(text).iter().any(|name| name == "s:ends-in-question"), "{text}");
    }
    for text in ["어떤 게 나을까?", "どちらが良いですか？", "哪个更好？", "should we split it?"] {
        assert_eq!(tier(text), Tier::One, "{text}");
    }
}

#[test]
fn a_greeting_before_a_question_is_no_greeting() {
    for text in ["こんにちは。状態管理は何を使うのが良い？", "안녕하세요. 어떤 DB가 나을까?", "hi, monorepo or not?"]
    {
        assert_ne!(classify(text, Options::default()).basis, Basis::Greeting, "{text}");
    }
    for text in ["안녕하세요", "hello there!", "こんにちは", "你好", "감사합니다!", "thanks a lot"] {
        assert_eq!(classify(text, Options::default()).basis, Basis::Greeting, "{text}");
    }
}

#[test]
fn a_long_paste_in_the_middle_does_not_turn_a_decision() {
    let log = "2026-01-09 12:00:01 ERROR design the architecture and fix the bug in the plan\n".repeat(1500);
    for row in development().iter().filter(|row| row.tier.is_some()).step_by(7) {
        let plain = tier(&row.text);
        assert_eq!(tier(&format!("{}\n```\n{log}```\n", row.text)), plain, "{}", row.text);
        assert_eq!(tier(&format!("```\n{log}```\n{}", row.text)), plain, "{}", row.text);
        assert_eq!(tier(&format!("{log}\n{}", row.text)), plain, "{}", row.text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn evidence_sums_to_the_score_and_points_into_the_text(text in any_prompt()) {
        let decision = classify(&text, Options::default());
        prop_assert_eq!(decision.evidence.iter().map(|item| item.weight).sum::<i32>(), decision.tier_score);
        prop_assert!((0.5..=1.0).contains(&decision.confidence));
        for item in decision.evidence.iter().chain(&decision.kind_evidence) {
            prop_assert!(text.get(item.span.clone()).is_some(), "{:?}", item);
        }
        prop_assert_eq!(&classify(&text, Options::default()), &decision);
    }
}

/// Words of four languages, marks, code and junk in any order.
fn any_prompt() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "design ", "plan ", "fix ", "implement ", "the ", "which ", "not ", "설계", "구현해줘", " 계획", "하지 말고", "設計", "して",
            "実装", "计划", "按照", "。", "? ", "\n", "- ", "`x`", "```", "\"", "「", "」", "/moai:2-run ", "/", "\u{3099}", "か", "\u{1100}",
            "\u{1161}", "ｆｉｘ", "12 files", "src/a.rs ", "https://a.b/c ", "> ", "@@ ", "ERROR ", "\t",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        1 => ".{0,12}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}
