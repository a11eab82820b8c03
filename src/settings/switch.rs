//! Going to GLM and back, as a pure step from text and ledger to text and ledger.

use std::path::Path;

use super::document::{Document, Fault, Patch, Spot, edit, quote};
use super::gateway::{GATEWAY_VAR, HEADERS, HELPER, without_own};
use super::glm::{
    BACKUP_TOKEN, GLM_NAMES, GlmEnv, MODEL_NAMES, OUR_VALUES, SET_ASIDE, host, is_glm_model, is_glm_url, public_url,
    sounds_secret,
};
use super::ledger::{Before, Entry, Ledger, digest};

/// What the file and the ledger will be.
#[derive(Clone)]
pub(super) struct Step {
    /// The new text; `None`: there is no file.
    pub(super) text: Option<String>,
    /// The new ledger; `None`: there is none.
    pub(super) ledger: Option<Ledger>,
    /// The places that were set aside or put back.
    pub(super) moved: Vec<Spot>,
    /// The host of a gateway that is somebody else's and stays.
    pub(super) foreign: Option<String>,
}

/// Goes to GLM. `file` and `now` are for the record of a first switch.
pub(super) fn enter(
    text: Option<&str>,
    ledger: Option<&Ledger>,
    glm: &GlmEnv,
    file: &Path,
    now: &str,
) -> Result<Step, Fault> {
    let old = text.unwrap_or("{}\n");
    let document = Document::parse(old)?;
    document.require_plain()?;
    let was_glm = on_glm(&document, ledger);
    let mut next = ledger.cloned().unwrap_or_else(|| Ledger::new(file, now.into()));
    next.before = match (text, ledger) {
        (None, _) => Before::Absent,
        (Some(text), Some(ledger)) if digest(text) == ledger.after => ledger.before.clone(),
        (Some(text), _) if !was_glm => Before::Text(text.into()),
        (Some(_), _) => Before::Unknown,
    };
    let wanted = glm.wanted();
    let mut aside = set_aside(&document);
    // What is wanted there (a mask, say) is set, not taken away; the ledger keeps the user's value all the same.
    aside.retain(|spot| !wanted.iter().any(|(wanted, _)| wanted == spot));
    let mut patch: Patch = wanted.iter().map(|(spot, raw)| (spot.clone(), Some(raw.clone()))).collect();
    patch.extend(aside.iter().map(|spot| (spot.clone(), None)));

    let recorded = |spot: &Spot| ledger.and_then(|ledger| ledger.entry(spot));
    let mut entries = Vec::new();
    for (spot, value) in &patch {
        let now = document.raw(spot);
        let was = match recorded(spot).filter(|entry| entry.holds(now.as_deref())) {
            Some(entry) => entry.was.clone(),
            None if was_glm && is_glm_name(spot) => backup(&document, spot),
            None if was_glm && *spot == Spot::env(HEADERS) => users_headers(&document),
            None => now,
        };
        entries.push(entry(spot, value.as_deref(), was));
    }
    // What an earlier switch set and this one does not want goes back to what it was; what it set aside stays aside.
    for old in ledger.iter().flat_map(|ledger| &ledger.entries) {
        let spot = old.spot();
        if patch.iter().any(|(known, _)| *known == spot) || !old.holds(document.raw(&spot).as_deref()) {
            continue;
        }
        if old.set.is_some() {
            patch.push((spot, old.was.clone()));
        } else {
            entries.push(old.clone());
        }
    }
    next.entries = entries;
    let new = edit(old, &patch)?;
    next.after = digest(&new);
    Ok(Step { text: Some(new), ledger: Some(next), moved: aside, foreign: None })
}

/// Leaves GLM: the exact bytes from before where nobody else wrote since, else place by place.
pub(super) fn leave(text: Option<&str>, ledger: Option<&Ledger>) -> Result<Step, Fault> {
    let nothing = Step { text: None, ledger: None, moved: Vec::new(), foreign: None };
    let Some(old) = text else { return Ok(nothing) };
    let document = Document::parse(old)?;
    if let Some(ledger) = ledger.filter(|ledger| digest(old) == ledger.after) {
        match &ledger.before {
            Before::Text(before) => {
                let moved = moved(ledger);
                return Ok(Step { text: Some(before.clone()), moved, ..nothing });
            }
            Before::Absent => return Ok(nothing),
            Before::Unknown => {}
        }
    }
    let was_glm = on_glm(&document, ledger);
    let mut patch = Patch::new();
    for entry in ledger.iter().flat_map(|ledger| &ledger.entries) {
        let spot = entry.spot();
        let now = document.raw(&spot);
        // Changed by hand since, but still for GLM (another GLM model, say): GLM's all the same.
        let still_glm = was_glm && now.is_some() && is_glm_name(&spot);
        if entry.holds(now.as_deref()) || still_glm {
            patch.push((spot, entry.was.clone()));
        }
    }
    if was_glm {
        strip(&document, &mut patch);
    }
    let new = edit(old, &patch)?;
    let gone = ledger.is_some_and(|ledger| ledger.created.file) && Document::parse(&new)?.is_blank();
    let foreign = Document::parse(&new)?.variable("ANTHROPIC_BASE_URL").filter(|url| !is_glm_url(url));
    Ok(Step {
        text: (!gone).then_some(new),
        ledger: None,
        moved: ledger.map(moved).unwrap_or_default(),
        foreign: foreign.map(|url| host(&url).unwrap_or(url)),
    })
}

/// Whether the file routes to GLM or to moai's gateway: by a GLM host, by the URL that the ledger says we set, or by
/// the gateway's own mark.
pub(super) fn on_glm(document: &Document, ledger: Option<&Ledger>) -> bool {
    let spot = Spot::env("ANTHROPIC_BASE_URL");
    let ours = ledger.and_then(|ledger| ledger.entry(&spot)).filter(|entry| entry.set.is_some());
    document.variable("ANTHROPIC_BASE_URL").is_some_and(|url| is_glm_url(&url))
        || ours.is_some_and(|entry| entry.holds(document.raw(&spot).as_deref()))
        || document.variable(GATEWAY_VAR).is_some_and(|url| document.variable("ANTHROPIC_BASE_URL") == Some(url))
}

/// What moai-adk, its Go successors or a moai whose ledger was lost have left.
fn strip(document: &Document, patch: &mut Patch) {
    let mut take = |spot: Spot, value: Option<String>| {
        if !patch.iter().any(|(known, _)| *known == spot) {
            patch.push((spot, value));
        }
    };
    for name in GLM_NAMES {
        let spot = Spot::env(name);
        let was = backup(document, &spot);
        take(spot, was);
    }
    for (name, value) in OUR_VALUES {
        if document.variable(name).as_deref() == Some(value) {
            take(Spot::env(name), None);
        }
    }
    // Masks over weaker settings: they would go on hiding the user's own.
    for name in SET_ASIDE.iter().chain(MODEL_NAMES) {
        if document.variable(name).is_some_and(|value| value.is_empty() || is_glm_model(&value)) {
            take(Spot::env(name), None);
        }
    }
    take(Spot::env(BACKUP_TOKEN), None);
    if document.variable(HEADERS).is_some_and(|value| without_own(&value) != value) {
        take(Spot::env(HEADERS), users_headers(document));
    }
    let helper = Spot::top("apiKeyHelper");
    if document.string(&helper).is_some_and(|command| command.ends_with("key glm --print") || command.ends_with(HELPER))
    {
        take(helper, None);
    }
}

/// The headers in the file that are the user's own, as JSON; `None` where there are none.
fn users_headers(document: &Document) -> Option<String> {
    let own = document.variable(HEADERS).map(|value| without_own(&value))?;
    (!own.is_empty()).then(|| quote(&own))
}

/// What the Go versions saved of a place before they set it.
fn backup(document: &Document, spot: &Spot) -> Option<String> {
    if *spot == Spot::env("ANTHROPIC_AUTH_TOKEN") { document.raw(&Spot::env(BACKUP_TOKEN)) } else { None }
}

fn is_glm_name(spot: &Spot) -> bool {
    spot.top == "env" && spot.inner.as_deref().is_some_and(|name| GLM_NAMES.contains(&name))
}

/// What would carry requests, secrets or models past the switch.
fn set_aside(document: &Document) -> Vec<Spot> {
    let mut spots: Vec<Spot> = SET_ASIDE.iter().map(|name| Spot::env(name)).collect();
    spots.retain(|spot| document.raw(spot).is_some());
    for name in MODEL_NAMES {
        if document.variable(name).is_some_and(|model| !is_glm_model(&model)) {
            spots.push(Spot::env(name));
        }
    }
    let model = Spot::top("model");
    if document.string(&model).is_some_and(|model| model.starts_with("claude-")) {
        spots.push(model);
    }
    spots
}

fn entry(spot: &Spot, set: Option<&str>, was: Option<String>) -> Entry {
    Entry { top: spot.top.clone(), inner: spot.inner.clone(), set: set.map(digest), was }
}

/// The places whose earlier values come back.
fn moved(ledger: &Ledger) -> Vec<Spot> {
    ledger.entries.iter().filter(|entry| entry.was.is_some()).map(Entry::spot).collect()
}

/// The text with every secret replaced by its fingerprint, for diffs and messages.
pub(super) fn masked(text: &str) -> String {
    let Ok(document) = Document::parse(text) else { return String::new() };
    let variables: Vec<(String, String)> =
        document.variables().into_iter().filter_map(|name| Some((document.variable(&name)?, name))).collect();
    let secrets: Vec<&str> = variables
        .iter()
        .filter(|(value, name)| sounds_secret(name) && !value.is_empty())
        .map(|(value, _)| value.as_str())
        .collect();
    let mut patch = Patch::new();
    for (value, name) in &variables {
        // A secret shows also where it went into a variable of a harmless name.
        let shown = if secrets.iter().any(|secret| value.contains(secret)) {
            crate::base::secret::Secret::new(value.as_str()).fingerprint()
        } else if value.contains("://") {
            public_url(value)
        } else {
            continue;
        };
        if shown != *value {
            patch.push((Spot::env(name), Some(quote(&shown))));
        }
    }
    // And what is a key by its shape shows nowhere: a hook's command, a variable that glm.json names as it likes.
    crate::base::secret::hide_keys(&edit(text, &patch).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;
    use crate::settings::glm::{Form, GlmSpec, glm_env};
    use proptest::prelude::*;

    const KEY: &str = "0123456789abcdef.SeCrEt";
    const NOW: &str = "2026-01-09T12:00:00Z";

    fn glm(base_url: &str, form: Form) -> GlmEnv {
        let model = || "glm-4.7".to_owned();
        let spec = GlmSpec {
            base_url: base_url.into(),
            haiku: model(),
            sonnet: model(),
            opus: model(),
            fable: None,
            extra: Vec::new(),
        };
        glm_env(&spec, form)
    }

    fn embed() -> GlmEnv {
        glm("https://api.z.ai/api/anthropic", Form::Embed(Secret::new(KEY)))
    }

    fn go(text: Option<&str>, ledger: Option<&Ledger>, glm: &GlmEnv) -> (String, Ledger) {
        let step = enter(text, ledger, glm, Path::new("/p"), NOW).unwrap();
        (step.text.unwrap(), step.ledger.unwrap())
    }

    fn back(text: &str, ledger: Option<&Ledger>) -> Option<String> {
        leave(Some(text), ledger).unwrap().text
    }

    #[test]
    fn there_and_back_gives_the_bytes_and_no_file_where_none_was() {
        for text in [
            "{}",
            "{\n\t\"b\" : 1 , \"env\" :{\"X\":\"1\"}}",
            "{\"env\": {\"ANTHROPIC_AUTH_TOKEN\": \"mine\", \"ANTHROPIC_BASE_URL\": \"https://own.example\"}}",
        ] {
            let (on, ledger) = go(Some(text), None, &embed());
            assert!(on.contains(KEY));
            assert_eq!(back(&on, Some(&ledger)).as_deref(), Some(text));
        }
        let (on, ledger) = go(None, None, &embed());
        assert_eq!(back(&on, Some(&ledger)), None);
    }

    #[test]
    fn twice_is_already_and_a_rotated_key_is_applied() {
        let (on, ledger) = go(Some("{\"a\": 1}"), None, &embed());
        let (again, same) = go(Some(&on), Some(&ledger), &embed());
        assert!(on == again && ledger == same);
        let (rotated, later) = go(
            Some(&on),
            Some(&ledger),
            &glm("https://api.z.ai/api/anthropic", Form::Embed(Secret::new("fresh-key-1234"))),
        );
        assert!(rotated.contains("fresh-key-1234") && !rotated.contains(KEY));
        assert_eq!(back(&rotated, Some(&later)).as_deref(), Some("{\"a\": 1}"));
    }

    #[test]
    fn edits_by_hand_survive_and_the_users_own_gateway_comes_back() {
        let own = "{\n  \"env\": {\n    \"ANTHROPIC_BASE_URL\": \"https://own.example\",\n    \"ANTHROPIC_AUTH_TOKEN\": \"mine\"\n  }\n}\n";
        let (on, ledger) = go(Some(own), None, &embed());
        let edited = on
            .replacen('{', "{\n  \"theme\": \"dark\",", 1)
            .replace("\"ANTHROPIC_DEFAULT_OPUS_MODEL\": \"glm-4.7\"", "\"ANTHROPIC_DEFAULT_OPUS_MODEL\": \"glm-5.3\"");
        let off = back(&edited, Some(&ledger)).unwrap();
        assert!(
            off.contains("\"theme\": \"dark\"") && off.contains("\"mine\"") && off.contains("own.example"),
            "{off}"
        );
        assert!(
            !off.contains("glm") && !off.contains(KEY) && !off.contains("z.ai") && !off.contains("API_TIMEOUT"),
            "{off}"
        );
        // A gateway that the user put in while on GLM is not ours.
        let moved = on.replace("https://api.z.ai/api/anthropic", "https://new.example").replace(KEY, "new-token");
        let off = back(&moved, Some(&ledger)).unwrap();
        assert!(off.contains("https://new.example") && off.contains("new-token"), "{off}");
    }

    #[test]
    fn another_tools_glm_is_stripped_by_its_host_and_its_backup_restored() {
        let go_era = r#"{"env": {"ANTHROPIC_AUTH_TOKEN": "k", "ANTHROPIC_BASE_URL": "https://api.z.ai/api/anthropic", "API_TIMEOUT_MS": "3000000", "MOAI_BACKUP_AUTH_TOKEN": "mine", "KEEP": "1"}}"#;
        let off = back(go_era, None).unwrap();
        assert_eq!(Document::parse(&off).unwrap().variables(), ["ANTHROPIC_AUTH_TOKEN", "KEEP"]);
        assert_eq!(Document::parse(&off).unwrap().variable("ANTHROPIC_AUTH_TOKEN").as_deref(), Some("mine"));
        // The same through our own switch in between: GLM's values are never taken for the user's.
        let (on, ledger) = go(Some(go_era), None, &embed());
        let off = back(&on, Some(&ledger)).unwrap();
        assert_eq!(Document::parse(&off).unwrap().variable("ANTHROPIC_AUTH_TOKEN").as_deref(), Some("mine"));
        assert_eq!(Document::parse(&off).unwrap().variable("ANTHROPIC_BASE_URL"), None);
    }

    #[test]
    fn a_gateway_whose_ledger_is_lost_leaves_the_users_headers_alone() {
        let file = |headers: &str| {
            let env = [
                ("ANTHROPIC_BASE_URL", "http://127.0.0.1:3456"),
                (GATEWAY_VAR, "http://127.0.0.1:3456"),
                (HEADERS, headers),
                ("KEEP", "1"),
            ];
            let env: Vec<String> =
                env.iter().map(|(name, value)| format!("{}: {}", quote(name), quote(value))).collect();
            format!("{{\"env\": {{{}}}}}", env.join(", "))
        };
        let headers = |text: &str| Document::parse(text).unwrap().variable(HEADERS);
        for (before, after) in [
            ("x-moai-project: shop\nx-moai-worktree: /w/SPEC-1", None),
            ("X-Moai-Project: shop\nx-trace: on", Some("x-trace: on")),
            (
                "x-trace: on\nx-other: x-moai-spec: no\nx-moai-spec:SPEC-1",
                Some("x-trace: on\nx-other: x-moai-spec: no"),
            ),
            ("x-trace: on", Some("x-trace: on")),
        ] {
            let off = back(&file(before), None).unwrap();
            assert_eq!(headers(&off).as_deref(), after, "{off}");
            assert_eq!(Document::parse(&off).unwrap().variable("KEEP").as_deref(), Some("1"));
            // And by a switch in between, which takes none of ours for the user's.
            let (on, ledger) = go(Some(&file(before)), None, &embed());
            let off = back(&on, Some(&ledger)).unwrap();
            assert_eq!(headers(&off).as_deref(), after, "{off}");
        }
    }

    #[test]
    fn a_foreign_gateway_is_not_touched() {
        let own = "{\"env\": {\"ANTHROPIC_BASE_URL\": \"https://own.example/x\", \"ANTHROPIC_AUTH_TOKEN\": \"t\"}}";
        let step = leave(Some(own), None).unwrap();
        assert_eq!(step.text.as_deref(), Some(own));
        assert_eq!(step.foreign.as_deref(), Some("own.example"));
    }

    #[test]
    fn from_embedded_to_helper_takes_the_key_off_the_disk_and_back_again() {
        let text = "{\"env\": {\"ANTHROPIC_CUSTOM_HEADERS\": \"x-auth: s\", \"ANTHROPIC_MODEL\": \"claude-opus-5-5\"}}";
        let (on, ledger) = go(Some(text), None, &embed());
        assert!(!on.contains("x-auth") && !on.contains("claude-opus"), "{on}");
        let helper = glm("https://api.z.ai/api/anthropic", Form::Helper("moai key glm --print".into()));
        let (on, ledger) = go(Some(&on), Some(&ledger), &helper);
        assert!(!on.contains(KEY) && on.contains("apiKeyHelper"));
        let touched = format!("{on}\n");
        let off = back(&touched, Some(&ledger)).unwrap();
        assert!(off.contains("x-auth: s") && off.contains("claude-opus-5-5") && !off.contains("apiKeyHelper"), "{off}");
        let (on, later) = go(Some(&on), Some(&ledger), &embed());
        assert!(!on.contains("apiKeyHelper") && on.contains(KEY), "{on}");
        assert_eq!(back(&on, Some(&later)).as_deref(), Some(text));
    }

    #[test]
    fn a_file_that_claude_code_does_not_load_is_refused() {
        for (text, line, column) in
            [("{\n  // mine\n}", 2, 3), ("{\"a\": 1,}", 1, 8), ("{\"a\": [1, /* x */ 2]}", 1, 11)]
        {
            let fault = enter(Some(text), None, &embed(), Path::new("/p"), NOW).err().unwrap();
            assert_eq!((fault.line, fault.column), (line, column), "{fault}");
        }
        let url = "{\"a\": \"http://x/,}\"}";
        assert!(enter(Some(url), None, &embed(), Path::new("/p"), NOW).is_ok());
    }

    #[test]
    fn secrets_are_masked() {
        let (on, _) = go(Some("{\"env\": {\"MY_PASSWORD\": \"hunter2hunter2hunter2\"}}"), None, &embed());
        let masked = masked(&on);
        assert!(
            !masked.contains(KEY) && !masked.contains("hunter2hunter2") && masked.contains("0123…CrEt"),
            "{masked}"
        );
        assert!(masked.contains("\"200000\"") && masked.contains("\"ANTHROPIC_API_KEY\": \"\""), "{masked}");
    }

    /// JSON of every spelling: spaces, nesting, escapes, numbers that no float holds.
    fn json() -> impl Strategy<Value = String> {
        let space = || prop::sample::select(vec!["", " ", "\n", "\r\n", "\t", "\n\n    "]);
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("12345678901234567890123".to_owned()),
            Just("1.0".to_owned()),
            "[a-z가-힣 ,:{}/]{0,8}".prop_map(|text| quote(&text)),
            Just("\"\\u0041\\/\"".to_owned()),
        ];
        let value = leaf.prop_recursive(3, 12, 4, move |inner| {
            let pair = ("[a-z]{1,4}[0-9]{0,2}", inner.clone());
            prop_oneof![
                (prop::collection::vec(inner, 0..4), space())
                    .prop_map(|(items, s)| format!("[{s}{}{s}]", items.join(&format!("{s},{s}")))),
                (prop::collection::btree_map(pair.0, pair.1, 0..4), space()).prop_map(|(map, s)| {
                    let pairs: Vec<String> =
                        map.iter().map(|(key, value)| format!("{}{s}:{s}{value}", quote(key))).collect();
                    format!("{{{s}{}{s}}}", pairs.join(&format!("{s},{s}")))
                }),
            ]
        });
        let names = prop::sample::select(vec![
            "A",
            "ANTHROPIC_MODEL",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_BASE_URL",
            "Z",
            "API_TIMEOUT_MS",
        ]);
        let env = prop::collection::btree_map(names, "[a-z:/.]{0,12}".prop_map(|text| quote(&text)), 0..5);
        (
            prop::collection::btree_map("[b-d가-힣]{1,3}", value, 0..4),
            prop::option::of(env),
            space(),
            space(),
            any::<bool>(),
        )
            .prop_map(|(top, env, s, t, bom)| {
                let mut pairs: Vec<String> =
                    top.iter().map(|(key, value)| format!("{}:{s}{value}", quote(key))).collect();
                if let Some(env) = env {
                    let inner: Vec<String> =
                        env.iter().map(|(key, value)| format!("{}{s}:{value}", quote(key))).collect();
                    pairs.push(format!("\"env\":{t}{{{s}{}{t}}}", inner.join(&format!(",{s}"))));
                }
                format!("{}{t}{{{s}{}{t}}}{s}", if bom { "\u{feff}" } else { "" }, pairs.join(&format!("{t},{s}")))
            })
    }

    proptest! {
        #[test]
        fn edit_then_undo_gives_the_same_bytes(text in json()) {
            let (on, ledger) = go(Some(&text), None, &embed());
            let document = Document::parse(&on).unwrap();
            let token = document.variable("ANTHROPIC_AUTH_TOKEN");
            prop_assert_eq!(token.as_deref(), Some(KEY));
            let undone = back(&on, Some(&ledger));
            prop_assert_eq!(undone.as_deref(), Some(text.as_str()));
        }

        /// Where the exact bytes are gone (edited since), the content still comes back whole.
        #[test]
        fn undo_place_by_place_loses_no_content(text in json()) {
            let (on, ledger) = go(Some(&text), None, &embed());
            let undone = back(&format!("{on} "), Some(&ledger)).unwrap();
            let read = |text: &str| {
                let mut value: serde_json::Value = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
                if value["env"].as_object().is_some_and(serde_json::Map::is_empty) {
                    value.as_object_mut().unwrap().remove("env");
                }
                let mut map: Vec<_> = value.as_object().unwrap().clone().into_iter().collect();
                map.sort_by(|a, b| a.0.cmp(&b.0));
                map.into_iter().map(|(key, value)| (key, sorted(&value))).collect::<Vec<_>>()
            };
            prop_assert_eq!(read(&undone), read(&text));
        }
    }

    fn sorted(value: &serde_json::Value) -> String {
        let mut lines: Vec<String> = match value {
            serde_json::Value::Object(map) => {
                map.iter().map(|(key, value)| format!("{key}:{}", sorted(value))).collect()
            }
            other => return other.to_string(),
        };
        lines.sort();
        format!("{{{}}}", lines.join(","))
    }
}
