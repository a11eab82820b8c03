//! Every vendor's errors, by code, type, text and status; and what each client is told.

use std::time::Duration;

use moai::wire::{Dialect, Fault, FaultKind, Remedy};
use serde_json::{Value, json};

fn read(status: u16, body: &str) -> Fault {
    Fault::read(status, |_| None, body.as_bytes(), "2026-11-21T00:00:00Z".parse().unwrap())
}

#[test]
fn vendors_errors_are_told_apart() {
    use FaultKind::{
        Auth, BadRequest, ContentPolicy, Malformed, NoModel, NotFound, NotLoaded, OutputTooLong, Overloaded,
        Permission, Quota, RateLimit, Server, Timeout, TooLarge, TooLong,
    };
    let anthropic =
        |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}}).to_string();
    let openai = |message: &str, kind: &str, code: Value| {
        json!({"error": {"message": message, "type": kind, "param": null, "code": code}}).to_string()
    };
    let gemini = |code: u16, status: &str, message: &str| {
        json!({"error": {"code": code, "message": message, "status": status}}).to_string()
    };
    let glm = |code: &str, message: &str| json!({"error": {"code": code, "message": message}}).to_string();
    let cases: Vec<(u16, String, FaultKind)> = vec![
        // Anthropic
        (400, anthropic("invalid_request_error", "messages: field required"), BadRequest),
        (400, anthropic("invalid_request_error", "prompt is too long: 213462 tokens > 200000 maximum"), TooLong),
        (
            400,
            anthropic(
                "invalid_request_error",
                "input length and `max_tokens` exceed context limit: 150000 + 128000 > 200000",
            ),
            OutputTooLong,
        ),
        (400, anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), Quota),
        (401, anthropic("authentication_error", "invalid x-api-key"), Auth),
        (403, anthropic("permission_error", "Your API key does not have permission"), Permission),
        (404, anthropic("not_found_error", "model: claude-nope"), NoModel),
        (413, anthropic("request_too_large", "Request exceeds the maximum size"), TooLarge),
        (
            429,
            anthropic("rate_limit_error", "Number of request tokens has exceeded your per-minute rate limit"),
            RateLimit,
        ),
        (500, anthropic("api_error", "Internal server error"), Server),
        (529, anthropic("overloaded_error", "Overloaded"), Overloaded),
        // OpenAI
        (401, openai("Incorrect API key provided", "invalid_request_error", json!("invalid_api_key")), Auth),
        (
            400,
            openai(
                "This model's maximum context length is 128000 tokens. However, your messages resulted in 150000 tokens.",
                "invalid_request_error",
                json!("context_length_exceeded"),
            ),
            TooLong,
        ),
        (
            404,
            openai(
                "The model `gpt-9` does not exist or you do not have access to it.",
                "invalid_request_error",
                json!("model_not_found"),
            ),
            NoModel,
        ),
        (429, openai("Rate limit reached for gpt-4o", "requests", json!("rate_limit_exceeded")), RateLimit),
        (
            429,
            openai(
                "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000. Please reduce the length of the messages.",
                "tokens",
                json!("rate_limit_exceeded"),
            ),
            RateLimit,
        ),
        (
            429,
            openai(
                "You exceeded your current quota, please check your plan",
                "insufficient_quota",
                json!("insufficient_quota"),
            ),
            Quota,
        ),
        (
            400,
            openai(
                "Your request was rejected as a result of our safety system",
                "invalid_request_error",
                json!("content_policy_violation"),
            ),
            ContentPolicy,
        ),
        (503, openai("The engine is currently overloaded", "server_error", Value::Null), Overloaded),
        // Gemini
        (400, gemini(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), Auth),
        (400, gemini(400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unknown name \"x\""), BadRequest),
        (
            400,
            gemini(
                400,
                "INVALID_ARGUMENT",
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            ),
            TooLong,
        ),
        (403, gemini(403, "PERMISSION_DENIED", "Permission denied"), Permission),
        (404, gemini(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta"), NoModel),
        (429, gemini(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota"), RateLimit),
        (500, gemini(500, "INTERNAL", "An internal error has occurred"), Server),
        (503, gemini(503, "UNAVAILABLE", "The service is currently unavailable."), Overloaded),
        (504, gemini(504, "DEADLINE_EXCEEDED", "The request timed out"), Timeout),
        // GLM: the code decides, not the status
        (401, glm("1000", "身份验证失败"), Auth),
        (429, glm("1113", "您的账户已欠费"), Quota),
        (400, glm("1210", "API 调用参数有误"), BadRequest),
        (400, glm("1211", "模型不存在"), NoModel),
        (429, glm("1220", "您无权访问"), Permission),
        (500, glm("1234", "网络错误"), Server),
        (400, glm("1261", "Prompt 超长"), TooLong),
        (400, glm("1301", "系统检测到输入或生成内容可能包含不安全或敏感内容"), ContentPolicy),
        (429, glm("1302", "High concurrency usage of this API"), RateLimit),
        (429, glm("1303", "您当前使用该API的频率过高"), RateLimit),
        (429, glm("1305", "当前API请求过多"), Overloaded),
        (429, glm("1308", "Usage limit reached for 5 hour. Your limit will reset at 2026-01-27 10:00:00"), Quota),
        (429, glm("1309", "您的套餐已到期"), Quota),
        (429, glm("1312", "该模型当前访问量过大"), Overloaded),
        (429, glm("1313", "fair use"), Quota),
        (429, json!({"error": {"code": 1302, "message": "x"}}).to_string(), RateLimit),
        (429, anthropic("1308", "limit"), Quota),
        (429, anthropic("rate_limit_error", "[1310][Weekly limit exhausted]"), Quota),
        (200, json!({"code": 500, "msg": "404 NOT_FOUND", "success": false}).to_string(), Server),
        // Cohere, Ollama, FastAPI, OpenRouter
        (401, json!({"message": "invalid api token"}).to_string(), Auth),
        (422, json!({"message": "invalid request: unknown field"}).to_string(), BadRequest),
        (404, json!({"error": "model \"qwen9\" not found, try pulling it first"}).to_string(), NoModel),
        (500, json!({"error": "model runner has unexpectedly stopped"}).to_string(), Server),
        (
            500,
            json!({"error": "model requires more system memory (20.0 GiB) than is available (11.9 GiB)"}).to_string(),
            NotLoaded,
        ),
        (500, json!({"error": "llama runner process has terminated: signal: killed"}).to_string(), NotLoaded),
        (
            500,
            json!({"error": "llama runner process has terminated: cudaMalloc failed: out of memory"}).to_string(),
            NotLoaded,
        ),
        (
            500,
            json!({"error": "timed out waiting for llama runner to start - progress 0.00 - "}).to_string(),
            NotLoaded,
        ),
        (500, json!({"error": "unable to load model: /root/.ollama/models/blobs/sha256-0"}).to_string(), NotLoaded),
        (400, json!({"error": "your tool ran out of memory"}).to_string(), BadRequest),
        (400, json!({"error": "\"llama3\" does not support thinking"}).to_string(), BadRequest),
        (500, json!({"error": "the input length exceeds the context window"}).to_string(), TooLong),
        (422, json!({"detail": "Not valid"}).to_string(), BadRequest),
        (402, json!({"error": {"code": 402, "message": "Insufficient credits"}}).to_string(), Quota),
        (
            200,
            json!({"error": {"code": 502, "message": "Provider returned error", "metadata": {"raw": "x"}}}).to_string(),
            Server,
        ),
        // DeepSeek, Mistral, xAI, Vertex: as public reports quote them (2026-11).
        (400, openai("Model Not Exist", "invalid_request_error", json!("invalid_request_error")), NoModel),
        (
            404,
            json!({"code": "x", "error": "The model grok-9 does not exist or your team has no access"}).to_string(),
            NoModel,
        ),
        (
            404,
            gemini(
                404,
                "NOT_FOUND",
                "Publisher Model `projects/p/models/x` was not found or your project has no access",
            ),
            NoModel,
        ),
        (400, glm("9999", "Unknown Model, please check the model code."), NoModel),
        // Something else is missing, which has the word in its name.
        (400, anthropic("invalid_request_error", "tool X_model not found"), BadRequest),
        (400, anthropic("invalid_request_error", "Tool 'model_search' not found in provided tools"), BadRequest),
        (400, anthropic("invalid_request_error", "tool model not found"), BadRequest),
        (
            400,
            openai("Tool choice: the function `get_model` does not exist.", "invalid_request_error", Value::Null),
            BadRequest,
        ),
        (400, anthropic("invalid_request_error", "This model does not support the tool; image not found"), BadRequest),
        (404, anthropic("not_found_error", "File not found: file_of_the_model"), NotFound),
        (403, anthropic("permission_error", "the model x does not exist for this workspace"), Permission),
        // A key that is dead, whatever the status.
        (403, anthropic("permission_error", "OAuth token has been revoked. Please obtain a new token."), Auth),
        (
            403,
            gemini(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
            Auth,
        ),
        (400, gemini(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."), Auth),
        (400, anthropic("invalid_request_error", "This organization has been disabled."), Auth),
        (429, glm("1112", "您的账户已被锁定，请联系客服解锁"), Auth),
        // No JSON at all
        (502, "<html><body>Bad Gateway</body></html>".into(), Server),
        (200, "<html>portal</html>".into(), Malformed),
        (404, "404 page not found".into(), NotFound),
        (503, String::new(), Overloaded),
        (503, "\u{0}".into(), Overloaded),
        (429, "Too Many Requests".into(), RateLimit),
        (408, String::new(), Timeout),
    ];
    let mut wrong = Vec::new();
    for (status, body, kind) in &cases {
        let found = read(*status, body);
        assert!(!found.message.is_empty());
        if found.kind != *kind {
            wrong.push(format!("{status} {body}: {:?}, not {kind:?}", found.kind));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn waits_resets_and_numbers() {
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    let header = |name: &str, value: &'static str| {
        let name = name.to_owned();
        move |asked: &str| (asked == name).then_some(value)
    };
    let wait = |name: &str, value| Fault::read(429, header(name, value), b"{}", now).retry_after;
    assert_eq!(wait("retry-after", "3"), Some(Duration::from_secs(3)));
    assert_eq!(wait("retry-after", "Sat, 21 Nov 2026 00:00:30 GMT"), Some(Duration::from_secs(30)));
    assert_eq!(wait("retry-after-ms", "250"), Some(Duration::from_millis(250)));
    let google = r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"q","details":[{"retryDelay":"7s"},{"violations":[{"quotaId":"GenerateRequestsPerDayPerProject"}]}]}}"#;
    let fault = read(429, google);
    assert_eq!((fault.kind, fault.retry_after), (FaultKind::Quota, Some(Duration::from_secs(7))));
    let glm = read(429, r#"{"error":{"code":"1308","message":"limit, resets 2026-01-27 10:00:00"}}"#);
    assert_eq!((glm.reset.as_deref(), glm.code.as_deref()), (Some("2026-01-27 10:00:00"), Some("1308")));
    let long = read(400, r#"{"error":{"message":"prompt is too long: 213462 tokens > 200000 maximum"}}"#);
    assert_eq!(long.tokens.map(|tokens| (tokens.input, tokens.limit)), Some((213_462, 200_000)));
}

#[test]
fn no_key_gets_out_of_a_vendors_error() {
    let body = json!({"error": {"message": "Incorrect API key provided: sk-proj-1234567890abcdef.", "code": "invalid_api_key"}});
    let fault = read(401, &body.to_string());
    let told = format!("{fault} {fault:?} {}", String::from_utf8_lossy(&fault.reply(Dialect::Anthropic, "r").body));
    assert!(!told.contains("1234567890"), "{told}");
}

#[test]
fn what_is_tried_again_and_what_is_not() {
    for kind in FaultKind::ALL {
        let client = matches!(
            kind,
            FaultKind::BadRequest
                | FaultKind::TooLarge
                | FaultKind::TooLong
                | FaultKind::OutputTooLong
                | FaultKind::ContentPolicy
        );
        assert_eq!(kind.remedy() == Remedy::Stop, client, "{kind:?}");
    }
}

/// The rows of the wire page's 3.4: status, error type, and the header on which Claude Code stops or waits.
#[test]
fn claude_code_is_told_what_makes_it_do_the_right_thing() {
    let told = |fault: &Fault| {
        let reply = fault.reply(Dialect::Anthropic, "req_7");
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((&body["type"], &body["request_id"]), (&json!("error"), &json!("req_7")));
        let headers: Vec<String> = reply.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        (
            reply.status,
            body["error"]["type"].as_str().unwrap().to_owned(),
            body["error"]["message"].as_str().unwrap().to_owned(),
            headers.join("; "),
        )
    };
    let of = |kind| told(&Fault::new(kind, "words"));
    let row = |status, kind: &str, message: &str, headers: &str| {
        (status, kind.to_owned(), message.to_owned(), headers.to_owned())
    };
    assert_eq!(of(FaultKind::Overloaded), row(529, "overloaded_error", "words", ""));
    assert_eq!(of(FaultKind::Server), row(500, "api_error", "words", ""));
    assert_eq!(of(FaultKind::Auth), row(401, "authentication_error", "words", "x-should-retry: false"));
    assert_eq!(of(FaultKind::Permission), row(403, "permission_error", "words", ""));
    assert_eq!(of(FaultKind::TooLarge), row(413, "request_too_large", "words", ""));
    assert_eq!(of(FaultKind::NoModel), row(404, "not_found_error", "words", ""));
    assert_eq!(of(FaultKind::ContentPolicy), row(400, "policy_blocked", "words", "x-should-retry: false"));
    let spent = "x-should-retry: false; anthropic-ratelimit-unified-overage-disabled-reason: org_spend_cap_reached";
    assert_eq!(of(FaultKind::Quota), row(429, "billing_error", "words", spent));
    let mut limited = Fault::new(FaultKind::RateLimit, "words");
    limited.retry_after = Some(Duration::from_millis(2_100));
    assert_eq!(told(&limited), row(429, "rate_limit_error", "words", "retry-after: 3"));
    // Every vendor's words for a prompt that is too long become the one that makes Claude Code compact.
    for (body, message) in [
        (r#"{"error":{"code":"1261","message":"Prompt 超长"}}"#, "prompt is too long: Prompt 超长"),
        (
            r#"{"error":{"message":"This model's maximum context length is 128000 tokens. However, you requested 150000 tokens"}}"#,
            "prompt is too long: 150000 tokens > 128000 maximum",
        ),
        (
            r#"{"error":{"message":"input length and `max_tokens` exceed context limit: 150000 + 128000 > 200000"}}"#,
            "input length and `max_tokens` exceed context limit: 150000 + 128000 > 200000",
        ),
    ] {
        assert_eq!(told(&read(400, body)), row(400, "invalid_request_error", message, ""));
    }
}

#[test]
fn chat_clients_are_told_in_their_own_words() {
    let told = |kind| {
        let reply = Fault::new(kind, "words").reply(Dialect::Chat, "req_7");
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        (reply.status, body["error"]["type"].clone(), body["error"]["code"].clone())
    };
    assert_eq!(told(FaultKind::RateLimit), (429, json!("rate_limit_error"), json!("rate_limit_exceeded")));
    assert_eq!(told(FaultKind::TooLong), (400, json!("invalid_request_error"), json!("context_length_exceeded")));
    assert_eq!(told(FaultKind::Auth), (401, json!("invalid_request_error"), json!("invalid_api_key")));
    assert_eq!(told(FaultKind::NoModel), (404, json!("invalid_request_error"), json!("model_not_found")));
    assert_eq!(told(FaultKind::Quota), (429, json!("insufficient_quota"), json!("insufficient_quota")));
}
