//! Schemathesis (`PyPI`) tries to break the promises of `docs/openapi.json`: it makes requests of its schemas, well formed
//! and not, and looks at every answer. `tests/run.sh` installs it beside `$MOAI_TEST_PYTHON`.

use std::io::Write as _;
use std::path::PathBuf;

use super::Served;
use crate::scratch::Scratch;

/// The program, or a loud line and `None`; in CI a failure.
fn schemathesis() -> Option<PathBuf> {
    let python = std::env::var_os("MOAI_TEST_PYTHON").map(PathBuf::from);
    let program = python.and_then(|python| Some(python.parent()?.join("schemathesis")));
    let program = program.filter(|program| program.is_file());
    if program.is_none() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "schemathesis is missing, and CI needs it");
        // Past the test harness's capture: a skipped proof must be seen.
        let mut talk = std::io::stderr().lock();
        writeln!(talk, "SKIPPED: no schemathesis to test with; tests/run.sh installs it").unwrap();
    }
    program
}

#[test]
fn the_document_stands_up_to_a_schema_tester() {
    let Some(schemathesis) = schemathesis() else { return };
    let scratch = Scratch::repository();
    let served = Served::start(&scratch, &["--model", "sim"]);
    // The key is that of the scheme, so that the tester also tries without it and with a wrong one.
    scratch.write("schemathesis.toml", "[auth.openapi.bearer]\nbearer = \"${MOAI_TEST_KEY}\"\n");
    let document = format!("{}/docs/openapi.json", env!("CARGO_MANIFEST_DIR"));
    let url = format!("http://{}", served.address);
    let mut command = scratch.command(schemathesis);
    command.args(["run", &document, "--url", &url, "--max-examples", "5", "--seed", "1", "--no-color"]);
    // What a schema cannot say is left out: which models there are, and that the vendors' own fields go on unread.
    command.args(["--exclude-checks", "positive_data_acceptance,negative_data_rejection"]);
    let output = command.env("MOAI_TEST_KEY", &served.key).env("PYTHONUTF8", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(served.get("/api/health").is(200).json()["panics"], 0);
    assert!(!said.contains(&served.key));
}
