//! Marks that people put around what they paste or between the parts of a prompt: XML-ish tags, labels, steps, letterheads.

use std::ops::Range;

/// Tags whose content is pasted text. Others, such as `<task>`, hold the request itself.
const PASTE: [&str; 32] = [
    "context",
    "code",
    "log",
    "logs",
    "file",
    "files",
    "document",
    "documents",
    "doc",
    "data",
    "example",
    "examples",
    "output",
    "stdout",
    "stderr",
    "error",
    "errors",
    "stacktrace",
    "trace",
    "traceback",
    "diff",
    "email",
    "mail",
    "transcript",
    "background",
    "reference",
    "references",
    "snippet",
    "source",
    "json",
    "quote",
    "paste",
];

/// The first tag in `line` that opens pasted text (`<logs>`, `<file path="a">`): its name, and its bytes.
pub(super) fn opening(line: &str) -> Option<(&'static str, Range<usize>)> {
    let bytes = line.as_bytes();
    memchr::memchr_iter(b'<', bytes).find_map(|at| {
        let name_length = line.get(at + 1..)?.bytes().take_while(u8::is_ascii_alphabetic).count();
        let name_end = at + 1 + name_length;
        let written = line.get(at + 1..name_end)?;
        let name = PASTE.iter().find(|name| written.eq_ignore_ascii_case(name))?;
        let close = match bytes.get(name_end)? {
            b'>' => name_end,
            b' ' => name_end + memchr::memchr(b'>', bytes.get(name_end..)?)?,
            _ => return None,
        };
        Some((*name, at..close + 1))
    })
}

/// Where `text` is over the end of the tag `name`.
pub(super) fn end_of(text: &str, name: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memmem::find_iter(bytes, b"</").find_map(|at| {
        let written = bytes.get(at + 2..at + 2 + name.len())?;
        let end = at + 2 + name.len();
        (written.eq_ignore_ascii_case(name.as_bytes()) && bytes.get(end) == Some(&b'>')).then_some(end + 1)
    })
}

/// Words that name a part of a prompt and ask for nothing: `Requirements:`, `## 배경`, `【制約】`.
const LABELS: &str = "task|tasks|question|problem|request|prompt|instructions|requirements|requirement|context|background|constraints|constraint|goal|goals|objective|objectives|\
    notes|note|output|expected output|input|examples|example|acceptance criteria|tech stack|stack|environment|details|\
    description|specs|spec|current behavior|expected behavior|actual behavior|steps to reproduce|steps|files|scope|\
    작업|질문|요청|문제|지시사항|요구사항|요구 사항|기능 요구사항|조건|제약|제약 조건|제약사항|배경|맥락|컨텍스트|목표|목적|출력|출력 형식|입력|예시|참고|\
    참고사항|추가 요구사항|추가사항|주의|주의사항|기술 스택|스택|환경|현재 상황|상황|범위|파일|단계|순서|재현 방법|기대 결과|스펙|명세|\
    タスク|質問|依頼|課題|指示|要件|機能要件|条件|制約|制約条件|背景|前提|前提条件|目的|目標|出力|出力形式|入力|例|参考|補足|注意|注意点|技術スタック|環境|現状|範囲|\
    仕様|手順|再現手順|期待する動作|任务|问题|指令|要求|功能要求|需求|约束|限制|上下文|目标|输出|输出格式|输入|示例|说明|注意事项|技术栈|环境|现状|范围|\
    步骤|复现步骤|预期结果|规格|補充|限制條件|目標|輸出|環境|範圍|步驟|需求說明";

/// A heading or a line with a colon that only names the part below it.
pub(super) fn is_label(trimmed: &str) -> bool {
    if trimmed.len() > 48
        || !trimmed.starts_with(['#', '[', '【', '*', '■', '▶', '●']) && !trimmed.ends_with([':', '：'])
    {
        return false;
    }
    let mark =
        |c: char| matches!(c, '#' | '*' | '[' | ']' | '【' | '】' | ':' | '：' | '■' | '▶' | '●') || c.is_whitespace();
    let word = trimmed.trim_matches(mark).to_ascii_lowercase();
    LABELS.split('|').any(|label| label == word)
}

/// Tags around the request itself: they say nothing.
const REQUEST: &str = "task|tasks|request|instruction|instructions|question|prompt|goal|query|user_query|requirement|\
    requirements|issue|feature|ask|todo|user|message|input|objective";

/// The bytes of `line` without white space and the tags of a request at its ends.
pub(super) fn bare(line: &str) -> Range<usize> {
    let mut from = line.len() - line.trim_start().len();
    let mut to = line.trim_end().len().max(from);
    let is_tag = |tag: &str| REQUEST.split('|').any(|name| tag.trim_start_matches('/').eq_ignore_ascii_case(name));
    while let Some(rest) = line.get(from..to).and_then(|inside| inside.strip_prefix('<'))
        && let Some(end) = memchr::memchr(b'>', rest.as_bytes())
        && is_tag(rest.get(..end).unwrap_or_default())
    {
        let after = rest.get(end + 1..).unwrap_or_default();
        from = to - after.trim_start().len();
    }
    while let Some(rest) = line.get(from..to).and_then(|inside| inside.strip_suffix('>'))
        && let Some(start) = memchr::memrchr(b'<', rest.as_bytes())
        && is_tag(rest.get(start + 1..).unwrap_or_default())
    {
        to = from + rest.get(..start).unwrap_or_default().trim_end().len();
    }
    from..to
}

/// How many bytes number a step: `1단계:`, `Step 2:`, `第一步：`, `ステップ1：`, `Phase 1 -`, `①`.
pub(super) fn step_mark(trimmed: &str) -> Option<usize> {
    const WORDS: [&str; 6] = ["step ", "phase ", "ステップ", "手順", "步骤", "단계 "];
    trimmed.chars().next().filter(|c| c.is_ascii_digit() || "sSpPス手步단第①②③④⑤⑥⑦⑧⑨".contains(*c))?;
    if trimmed.starts_with(['①', '②', '③', '④', '⑤', '⑥', '⑦', '⑧', '⑨']) {
        return trimmed.chars().next().map(char::len_utf8);
    }
    let behind = |rest: &str| {
        let rest = rest.trim_start();
        let mark = rest.chars().next().filter(|c| matches!(c, ':' | '：' | '-' | '.' | ')'))?;
        Some(trimmed.len() - rest.len() + mark.len_utf8())
    };
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let count = digits(trimmed);
    if count > 0 {
        return trimmed.get(count..)?.strip_prefix("단계").and_then(behind);
    }
    if let Some(rest) = trimmed.strip_prefix('第') {
        let mut chars = rest.chars();
        chars.next().filter(|c| "一二三四五六七八九123456789".contains(*c))?;
        return chars.as_str().strip_prefix('步').and_then(behind);
    }
    WORDS.iter().find_map(|word| {
        trimmed.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word))?;
        let rest = trimmed.get(word.len()..)?;
        if digits(rest) > 0 { behind(rest.get(digits(rest)..)?) } else { None }
    })
}

/// `From: …` starts the head of a letter; `Subject: …` and `Date: …` belong to it, if one has started.
pub(super) fn is_letterhead(trimmed: &str, started: bool) -> bool {
    const STARTS: [&str; 10] =
        ["From", "To", "Sent", "보낸 사람", "보낸사람", "받는 사람", "差出人", "宛先", "发件人", "收件人"];
    const BELONGS: [&str; 12] =
        ["Subject", "Date", "Cc", "Reply-To", "제목", "날짜", "참조", "件名", "日時", "主题", "日期", "抄送"];
    if !trimmed.starts_with(|c| "FTSDCR보받제날참差宛件日发收主抄".contains(c)) {
        return false;
    }
    let value = |names: &[&str]| {
        let rest = names.iter().find_map(|name| trimmed.strip_prefix(name)?.strip_prefix([':', '：']))?;
        Some(started || rest.bytes().any(|byte| byte == b'@' || byte.is_ascii_digit()))
    };
    value(&STARTS).unwrap_or(started && value(&BELONGS).is_some())
}
