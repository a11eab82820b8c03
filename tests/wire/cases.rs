//! Golden files: `tests/cases/wire/<folder>/<name>.json`. With `MOAI_BLESS=1` what came out is written down as what
//! is expected; read the difference before you commit it.

use std::fs;
use std::path::PathBuf;

use moai::wire::Quirks;
use serde_json::Value;

pub fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cases/wire").join(name)
}

/// Runs `check` on every case of a folder; it gives what came out, to be compared with `expect`.
pub fn each(folder_name: &str, check: impl Fn(&Value) -> Value) {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder(folder_name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 10, "the cases are gone: {folder_name}");
    let mut wrong = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut case: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).expect(&name);
        let found = check(&case);
        if case.get("expect") == Some(&found) {
            continue;
        }
        if std::env::var_os("MOAI_BLESS").is_some() {
            case["expect"] = found;
            fs::write(&path, serde_json::to_string_pretty(&case).unwrap() + "\n").unwrap();
        } else {
            let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
            wrong.push(format!("{name}\n expected {}\n found {}", pretty(&case["expect"]), pretty(&found)));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n\n"));
}

/// The quirks of a case: the name of a preset, or fields of its own.
pub fn quirks(value: Option<&Value>, preset: &str) -> Quirks {
    match value {
        None => Quirks::preset(preset).unwrap(),
        Some(Value::String(name)) => Quirks::preset(name).unwrap(),
        Some(fields) => serde_json::from_value(fields.clone()).unwrap(),
    }
}
