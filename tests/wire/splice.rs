//! Bytes first: what is peeked, what is spliced, and that every other byte stays.

use moai::wire::{Adapt, Quirks, Request, RequestError, Turn, WebSearch};
use proptest::prelude::*;
use serde_json::{Value, json};

fn peek(value: &Value) -> Request {
    Request::peek(value.to_string().into_bytes()).unwrap()
}

#[test]
fn the_head_of_a_claude_code_request() {
    let user = json!({"device_id": "d", "account_uuid": "a", "session_id": "1b671a64"}).to_string();
    let request = peek(&json!({
        "model": "claude-opus-5-5", "stream": true, "max_tokens": 128_000, "metadata": {"user_id": user},
        "system": [{"type": "text", "text": "x"}], "tools": [{"name": "a"}, {"name": "b"}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "<system-reminder>\nCLAUDE.md\n</system-reminder>"},
                {"type": "text", "text": "API 설계해줘"}]},
            {"role": "system", "content": "mid"},
        ],
    }));
    let head = request.head();
    assert_eq!((head.model.as_str(), head.stream, head.max_tokens), ("claude-opus-5-5", true, Some(128_000)));
    assert_eq!(head.session.as_deref(), Some("1b671a64"));
    assert_eq!(request.last_user_text().as_deref(), Some("API 설계해줘"));
    assert_eq!((head.turn, head.messages, head.tools), (Turn::User, 2, 2));
}

#[test]
fn sessions_of_older_clients_and_of_chat() {
    let session = |value: Value| peek(&value).head().session.clone();
    let older = json!({"model": "m", "messages": [], "metadata": {"user_id": "user_ab_account__session_77-88"}});
    assert_eq!(session(older).as_deref(), Some("77-88"));
    assert_eq!(session(json!({"model": "m", "messages": [], "prompt_cache_key": "k"})).as_deref(), Some("k"));
    assert_eq!(session(json!({"model": "m", "messages": [], "metadata": {"user_id": "plain"}})), None);
    assert_eq!(session(json!({"model": "m", "messages": [], "metadata": 5})), None);
}

#[test]
fn who_speaks() {
    let turn = |messages: Value| {
        let request = peek(&json!({"model": "m", "messages": messages}));
        (request.head().turn, request.last_user_text())
    };
    let said = |text: &str| Some(text.to_owned());
    let result = json!({"type": "tool_result", "tool_use_id": "t", "content": "a long answer"});
    let call = json!({"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Read", "input": {}}]});
    assert_eq!(turn(json!([{"role": "user", "content": "hi"}])), (Turn::User, said("hi")));
    let asked = json!({"role": "user", "content": "fix it"});
    assert_eq!(turn(json!([asked, call, {"role": "user", "content": [result]}])), (Turn::ToolLoop, said("fix it")));
    // Reminders behind a result, and words of the system behind them, do not make it the user's turn.
    let reminded =
        json!({"role": "user", "content": [result, {"type": "text", "text": "<system-reminder>x</system-reminder>"}]});
    let system = json!({"role": "system", "content": "x"});
    assert_eq!(turn(json!([asked, call, reminded, system])), (Turn::ToolLoop, said("fix it")));
    // A new message of the user does.
    let stopped = json!([asked, call, {"role": "user", "content": [result]}, {"role": "user", "content": "stop"}]);
    assert_eq!(turn(stopped), (Turn::User, said("stop")));
    // OpenAI's way.
    let chat = json!([asked, {"role": "assistant", "tool_calls": []}, {"role": "tool", "content": "x"}]);
    assert_eq!(turn(chat), (Turn::ToolLoop, said("fix it")));
    assert_eq!(turn(json!([])), (Turn::User, None));
}

#[test]
fn what_is_no_request_says_why() {
    let error = |bytes: &[u8]| Request::peek(bytes.to_vec()).unwrap_err();
    assert_eq!(error(b"{\"messages\":[]}"), RequestError::NoModel);
    assert_eq!(error(b"{\"model\":5,\"messages\":[]}"), RequestError::NoModel);
    assert_eq!(error(b"\xff\xfe"), RequestError::NotUtf8);
    for bad in [&b"[]"[..], b"{\"model\":\"m\",\"messages\":{}}", b"{\"model\":\"m\"", b"", b"{} {}"] {
        assert!(matches!(error(bad), RequestError::Json(_)), "{}", String::from_utf8_lossy(bad));
    }
    // No key of a secret can be in an error: serde quotes no text.
    let text = error(b"{\"model\":\"m\",\"messages\":\"sk-ant-secret\"}").to_string();
    assert!(text.contains("line 1") && !text.contains("sk-ant-secret"), "{text}");
}

#[test]
fn the_model_is_replaced_and_nothing_else() {
    let with =
        |body: &str| String::from_utf8(Request::peek(body.to_owned()).unwrap().with_model("g\"lm").to_vec()).unwrap();
    assert_eq!(
        with(
            "{ \"a\" : 0.10, \"model\" :\t\"x\" ,\n \"n\": 12345678901234567890123, \"messages\":[{\"model\":\"x\"}]}"
        ),
        "{ \"a\" : 0.10, \"model\" :\t\"g\\\"lm\" ,\n \"n\": 12345678901234567890123, \"messages\":[{\"model\":\"x\"}]}"
    );
    // An escaped key is the key, and of a repeated one every vendor may take another.
    assert_eq!(
        with(r#"{"mod\u0065l":"x","messages":[],"model":"y"}"#),
        r#"{"mod\u0065l":"g\"lm","messages":[],"model":"g\"lm"}"#
    );
    assert_eq!(
        with(r#"{"metadata":{"model":"x"},"model":"한글","messages":[]}"#),
        r#"{"metadata":{"model":"x"},"model":"g\"lm","messages":[]}"#
    );
}

#[test]
fn the_same_model_costs_no_copy() {
    let request = Request::peek(&br#"{"model":"m","messages":[]}"#[..]).unwrap();
    assert_eq!(request.with_model("m").as_ptr(), request.bytes().as_ptr());
}

fn adapt(body: &str, preset: &str, most_output: Option<u64>) -> (String, Vec<String>) {
    let request = Request::peek(body.to_owned()).unwrap();
    let quirks = Quirks::preset(preset).unwrap();
    let adapted = request.adapt(&Adapt { model: "m2", quirks: &quirks, most_output, addition: None });
    let dropped = adapted.dropped.iter().map(|dropped| dropped.field.to_string()).collect();
    (String::from_utf8(adapted.body.to_vec()).unwrap(), dropped)
}

const CLAUDE: &str = r#"{"model":"m1","max_tokens":128000, "system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1;"} , {"type":"text","text":"You are"}],"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"EqQB"},{"type":"tool_use","id":"t","name":"R","input":{}}]},{"role":"system","content":"words"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r"}]}],"x":1.0}"#;

#[test]
fn anthropic_gets_everything() {
    let (body, dropped) = adapt(CLAUDE, "anthropic", None);
    assert_eq!(body, CLAUDE.replacen("m1", "m2", 1));
    assert!(dropped.is_empty());
}

#[test]
fn a_compatible_upstream_gets_what_it_understands() {
    let (body, dropped) = adapt(CLAUDE, "anthropic-compatible", Some(64_000));
    let expected = CLAUDE
        .replacen("m1", "m2", 1)
        .replacen("128000", "64000", 1)
        .replacen(r#"{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1;"} , "#, "", 1)
        // Claude's thinking is for Claude.
        .replacen(r#"{"type":"thinking","thinking":"a","signature":"EqQB"},"#, "", 1)
        .replacen(
            r#"{"role":"system","content":"words"},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r"}]}"#,
            r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r"}]},{"role":"user","content":[{"type":"text","text":"<system-reminder>\nwords\n</system-reminder>"}]}"#,
            1,
        );
    assert_eq!(body, expected);
    assert_eq!(dropped, ["max_tokens", "system: x-anthropic-billing-header", "thinking"]);
}

#[test]
fn fields_that_a_host_refuses_are_taken_out_with_their_comma() {
    let quirks = Quirks {
        refuses: vec!["context_management".into(), "safeguards".into()],
        ..Quirks::preset("anthropic-compatible").unwrap()
    };
    let stripped = |body: &str| {
        let request = Request::peek(body.to_owned()).unwrap();
        let adapted = request.adapt(&Adapt { model: "m", quirks: &quirks, most_output: None, addition: None });
        let body = String::from_utf8(adapted.body.to_vec()).unwrap();
        serde_json::from_str::<Value>(&body).expect(&body);
        (body, adapted.dropped.len())
    };
    let model = r#""model":"m""#;
    let messages = r#""messages" : [] "#;
    let odd = r#""context_management": {"a":[1,2]}"#;
    let also = r#""safeguards":[{}]"#;
    for (before, after) in [
        (format!("{{ {odd} , {model},{messages}}}"), format!("{{ {model},{messages}}}")),
        (format!("{{{model}, {odd},{messages}}}"), format!("{{{model}, {messages}}}")),
        (format!("{{{model},{messages},{odd} }}"), format!("{{{model},\"messages\" : [] }}")),
        (format!("{{{odd},{also},{model},{messages}}}"), format!("{{{model},{messages}}}")),
        (format!("{{{model},{messages},{odd} , {also}}}"), format!("{{{model},\"messages\" : []}}")),
        (format!("{{{odd},{model},{also},{messages}}}"), format!("{{{model},{messages}}}")),
    ] {
        let (body, dropped) = stripped(&before);
        assert_eq!(body, after, "{before}");
        assert_eq!(dropped, before.matches("context_man").count() + before.matches("safeg").count());
    }
}

#[test]
fn several_words_of_the_system_before_a_result() {
    let system = |text: &str| format!(r#"{{"role":"system","content":"{text}"}}"#);
    let reminder = |text: &str| {
        format!(
            r#"{{"role":"user","content":[{{"type":"text","text":"<system-reminder>\n{text}\n</system-reminder>"}}]}}"#
        )
    };
    let result = r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r"}]}"#;
    let body = |messages: [String; 5]| format!(r#"{{"model":"m2","messages":[{}]}}"#, messages.join(" , "));
    let before = body([
        system("a"),
        system("b"),
        result.to_owned(),
        r#"{"role":"user","content":"hi"}"#.to_owned(),
        system("c"),
    ]);
    let after = body([
        result.to_owned(),
        reminder("a"),
        reminder("b"),
        r#"{"role":"user","content":"hi"}"#.to_owned(),
        reminder("c"),
    ]);
    assert_eq!(adapt(&before, "anthropic-compatible", None).0, after);
    assert_eq!(adapt(&before, "anthropic", None).0, before);
}

#[test]
fn thinking_goes_to_whom_it_is_from_and_to_nobody_else() {
    let thinking = |signature: &str| {
        format!(r#"{{ "type":"thinking","thinking":"a \"signature\":\"moai-\"","signature" : "{signature}"}}"#)
    };
    let message = |blocks: &[&str]| format!(r#"{{"role":"assistant","content":[{}]}}"#, blocks.join(","));
    let body = |messages: &[&str]| {
        let user = r#"{"role":"user","content":"\"signature\":\"moai-zai-v1:\" is fine here"}"#;
        format!(r#"{{"model":"m2", "messages":[{},{user}],"x":1.0}}"#, messages.join(", "))
    };
    let text = r#"{"type":"text", "text":"b"}"#;
    let (claudes, own, others, nobodys) =
        (thinking("EqQB"), thinking("moai-zai-v1:@/x"), thinking("moai-gemini-v1:q"), thinking(""));
    let redacted = r#"{"type":"redacted_thinking","data":"x"}"#;
    let bare = r#"{"type":"thinking","thinking":"no signature"}"#;
    let gone = r#"{"type":"text","text":"(thinking of another model was here)"}"#;
    let before = body(&[
        &message(&[&claudes, text]),
        &message(&[&own, text]),
        &message(&[&others, text]),
        &message(&[&nobodys, redacted, text]),
        &message(&[&own]),
        &message(&[bare, text]),
    ]);
    let (to_claude, dropped) = adapt(&before, "anthropic", None);
    let only = message(&[text]);
    let kept = message(&[&claudes, text]);
    let sealed = message(&[redacted, text]);
    assert_eq!(to_claude, body(&[&kept, &only, &only, &sealed, &message(&[gone]), &only]));
    assert_eq!(dropped, ["thinking"]);
    let zai = Quirks { origin: "zai".into(), ..Quirks::preset("anthropic-compatible").unwrap() };
    let adapted =
        Request::peek(before).unwrap().adapt(&Adapt { model: "m2", quirks: &zai, most_output: None, addition: None });
    let restored = thinking("@/x");
    let expected = body(&[
        &only,
        &message(&[&restored, text]),
        &only,
        &message(&[&nobodys, text]),
        &message(&[&restored]),
        &message(&[bare, text]),
    ]);
    assert_eq!(String::from_utf8(adapted.body.to_vec()).unwrap(), expected);
    let dropped: Vec<&str> = adapted.dropped.iter().map(|dropped| &*dropped.field).collect();
    assert_eq!(dropped, ["thinking", "redacted_thinking"]);
    // One that has no field at all is found where all others are in order.
    let (alone, dropped) = adapt(&body(&[&message(&[bare, text])]), "anthropic", None);
    assert_eq!((alone, dropped), (body(&[&only]), vec!["thinking".to_owned()]));
}

#[test]
fn tools_that_only_anthropics_servers_run_are_taken_out() {
    let search = r#"{"type":"web_search_20250305","name":"web_search","max_uses":8}"#;
    let bash = r#"{"type":"bash_20250124","name":"bash"}"#;
    let read = r#"{"name":"Read","input_schema":{"type":"object"}}"#;
    let body = |tools: &str| format!(r#"{{"model":"m2",{tools}"messages":[]}}"#);
    let tools = |tools: &[&str], choice: &str| body(&format!(r#""tools" : [{}],{choice}"#, tools.join(",")));
    let chosen = r#""tool_choice":{"type":"tool","name":"web_search"},"#;
    let other = r#""tool_choice":{"type":"any"},"#;
    for (before, after, gone) in [
        (tools(&[search, read], ""), tools(&[read], ""), true),
        (tools(&[read, search, bash], chosen), tools(&[read, bash], ""), true),
        (tools(&[search, read], other), tools(&[read], other), true),
        (tools(&[search], chosen), body(""), true),
        (tools(&[search], ""), body(""), true),
        (tools(&[bash, read], other), tools(&[bash, read], other), false),
    ] {
        let (adapted, dropped) = adapt(&before, "anthropic-compatible", None);
        assert_eq!(adapted, after);
        let expected: &[&str] = if gone { &["tools: web_search_20250305"] } else { &[] };
        assert_eq!(dropped, expected);
        assert_eq!(adapt(&before, "anthropic", None), (before.clone(), Vec::new()));
    }
    let searches = Quirks { web_search: WebSearch::Server, ..Quirks::preset("anthropic-compatible").unwrap() };
    let before = tools(&[search], chosen);
    let adapted = Request::peek(before.clone()).unwrap().adapt(&Adapt {
        model: "m2",
        quirks: &searches,
        most_output: None,
        addition: None,
    });
    assert_eq!(adapted.body, before);
}

#[test]
fn what_a_server_tool_did_is_told_in_words() {
    let call = r#"{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"rust"}}"#;
    let found = r#"{"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[{"type":"web_search_result","title":"Rust","url":"https://rust-lang.org","encrypted_content":"x"}]}"#;
    let result = r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"r"}]}"#;
    let body =
        |blocks: &str| format!(r#"{{"model":"m2","messages":[{{"role":"assistant","content":[{blocks}]}},{result}]}}"#);
    let before = body(&format!("{call},{found}"));
    let (adapted, dropped) = adapt(&before, "anthropic-compatible", None);
    let told = r#"{"type":"text","text":"[web_search: {\"query\":\"rust\"}]"},{"type":"text","text":"[web search results]\n- Rust: https://rust-lang.org"}"#;
    assert_eq!(adapted, body(told));
    assert_eq!(dropped, ["server_tool_use", "web_search_tool_result"]);
    assert_eq!(adapt(&before, "anthropic", None).0, before);
}

/// JSON as people and machines write it: any spacing, any key order, `model` anywhere, numbers of any spelling.
fn space() -> impl Strategy<Value = String> {
    "[ \t\r\n]{0,3}"
}

fn value(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("0.10".to_owned()),
        Just("1e400".to_owned()),
        Just("12345678901234567890123".to_owned()),
        Just(r#""mod\u0065l""#.to_owned()),
        Just(r#""\ud55c\uae00 \"model\":\"x\"""#.to_owned()),
        Just(r#"{"model":"inner"}"#.to_owned()),
        "\"[a-z한글 {}:,]{0,12}\"",
    ];
    leaf.prop_recursive(depth, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec((space(), inner.clone()), 0..4).prop_map(|items| format!(
                "[{}]",
                items.iter().map(|(s, v)| format!("{s}{v}{s}")).collect::<Vec<_>>().join(",")
            )),
            proptest::collection::vec(("[a-z]{1,6}", space(), inner), 0..4).prop_map(|entries| {
                let entries: Vec<String> = entries.iter().map(|(k, s, v)| format!("{s}\"{k}\"{s}:{v}")).collect();
                format!("{{{}}}", entries.join(","))
            }),
        ]
    })
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_other_byte_stays(
        before in proptest::collection::vec(("x[a-z]{1,6}", value(3)), 0..4),
        after in proptest::collection::vec(("y[a-z]{1,6}", value(3)), 0..4),
        spaces in proptest::collection::vec(space(), 4),
        key in prop_oneof![Just("model"), Just(r"m\u006fdel"), Just(r"\u006d\u006f\u0064\u0065\u006c")],
        name in "[a-z0-9.\\[\\]\"\\\\한글-]{0,12}",
    ) {
        let entries = |entries: &[(String, String)]| {
            entries.iter().map(|(key, value)| format!("\"{key}\":{value},")).collect::<Vec<_>>().concat()
        };
        let [a, b, c, d] = &spaces[..] else { unreachable!() };
        let head = format!("{{{a}{}{b}\"{key}\"{c}:{d}", entries(&before));
        let tail = format!("{d},{}\"messages\":[{{\"role\":\"user\",\"model\":\"z\"}}]{a}}}{b}", entries(&after));
        let body = format!("{head}\"old\"{tail}");
        let request = Request::peek(body.into_bytes()).unwrap();
        prop_assert_eq!(&request.head().model, "old");
        let new = String::from_utf8(request.with_model(&name).to_vec()).unwrap();
        let quoted = Value::from(name.as_str()).to_string();
        prop_assert_eq!(&new, &format!("{head}{quoted}{tail}"));
        let again = Request::peek(new.into_bytes()).unwrap();
        prop_assert_eq!(&again.head().model, &name);
    }
}
