//! The Python SDKs of Anthropic and `OpenAI` in strict mode: pydantic validates every answer and every event.

use moai::wire::Dialect;
use serde_json::json;

use super::stage::{Stage, WIRES};
use super::{found, named};

/// Runs a script's cases in all dialects, `cases` of them in each, and returns the stage that it ran on.
fn run(script: &str, cases: usize) -> Option<Stage> {
    let python = found("Python with the SDKs of Anthropic and OpenAI", named("MOAI_TEST_PYTHON"))?;
    let stage = Stage::new(&[("weather", json!({"city": "서울"})), ("forecast", json!({"city": "Busan \"2\""}))]);
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/clients");
    let mut command = stage.scratch.command(python);
    command.args(["-B", &format!("{dir}/{script}.py")]).env("PYTHONPATH", dir).env("PYTHONIOENCODING", "utf-8");
    command.env("GATEWAY", stage.url()).env("GATEWAY_KEY", &stage.key);
    command.env("WIRES", WIRES.map(|wire| wire.to_string()).join(" "));
    let (ok, said) = stage.run(command);
    assert!(ok, "{said}\nthe gateway said: {}", stage.said());
    assert!(said.contains(&format!("done {} failed 0", cases * WIRES.len())), "{said}");
    // The three answers that hang were given up when the client went away.
    stage.vendor.is_left(WIRES.len());
    stage.keys_are_apart();
    for wire in WIRES {
        let [image] = &stage.bodies("image", wire)[..] else { panic!("{wire}: asked more than once") };
        let sign = match wire {
            Dialect::Chat => "\"image_url\":{\"url\":\"data:image/png;base64,iVBOR",
            Dialect::Gemini => "\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iVBOR",
            _ => "\"type\":\"base64\"",
        };
        assert!(image.replace(": ", ":").contains(sign) || image.contains("\"data\": \"iVBOR"), "{wire}: {image}");
        let [_, results] = &stage.bodies("tools", wire)[..] else { panic!("{wire}: two requests were expected") };
        assert!(results.contains("sunny") && results.contains("no such town"), "{wire}: {results}");
    }
    Some(stage)
}

#[test]
fn the_anthropic_sdk_gets_what_it_expects() {
    let Some(stage) = run("anthropic_sdk", 15) else { return };
    // A failed tool is told as one, and the results stand in the order of the calls where that is needed.
    let chat = &stage.bodies("tools", Dialect::Chat)[1];
    let at = |text: &str| chat.find(text).unwrap_or_else(|| panic!("{text}: {chat}"));
    assert!(at("call_0") < at("call_1") && chat.contains("Error: no such town"), "{chat}");
    let anthropic = &stage.bodies("tools", Dialect::Anthropic)[1];
    assert!(anthropic.replace(": ", ":").contains("\"is_error\":true"), "{anthropic}");
    assert!(anthropic.contains("c2VhbA=="), "the signature of a thought comes back as it was: {anthropic}");
}

#[test]
fn the_openai_sdk_gets_what_it_expects() {
    run("openai_sdk", 15);
}
