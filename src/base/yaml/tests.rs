//! What an edit keeps and what it changes, against the parser.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

/// Sets `llm.mode`.
fn mode(text: &str) -> Result<String, Refusal> {
    set(text, &["llm", "mode"], &"mashup".into())
}

#[test]
fn one_value_changes_and_nothing_else() {
    for (old, new) in [
        ("llm:\n  mode: glm # why\n", "llm:\n  mode: mashup # why\n"),
        ("llm:\n  mode: glm#no comment\n", "llm:\n  mode: mashup\n"),
        ("llm:\n  mode:\tglm\t# a\ttab\n", "llm:\n  mode:\tmashup\t# a\ttab\n"),
        ("llm:\r\n  mode: \"glm\"\r\n", "llm:\r\n  mode: \"mashup\"\r\n"),
        ("\u{feff}# 말\nllm:\n  mode: 'it''s' # 값\n", "\u{feff}# 말\nllm:\n  mode: 'mashup' # 값\n"),
        ("\"llm\" :\n  'mode' : \"a\\\"b\"", "\"llm\" :\n  'mode' : \"mashup\""),
        ("llm:\n  mode:\n", "llm:\n  mode: mashup\n"),
        ("llm:\n  mode: ~ # none\n", "llm:\n  mode: mashup # none\n"),
        ("llm:\n  mode: null", "llm:\n  mode: mashup"),
        ("llm: {mode: glm, x: {mode: y}}\n", "llm: {mode: mashup, x: {mode: y}}\n"),
        ("llm: {x: {mode: y}, mode: }\n", "llm: {x: {mode: y}, mode: mashup }\n"),
        ("llm: {\"mode\":\"glm\"}\n", "llm: {\"mode\":\"mashup\"}\n"),
        ("{llm: {\n  mode: glm, # c }\n}}\n", "{llm: {\n  mode: mashup, # c }\n}}\n"),
        ("mode: x\nllm:\n  sub:\n    mode: y\n  mode: glm\n", "mode: x\nllm:\n  sub:\n    mode: y\n  mode: mashup\n"),
        ("a: |\n  llm:\n    mode: x\nllm:\n  mode: glm\n", "a: |\n  llm:\n    mode: x\nllm:\n  mode: mashup\n"),
        ("a: \"\nllm:\n mode: x\"\nllm:\n  mode: glm\n", "a: \"\nllm:\n mode: x\"\nllm:\n  mode: mashup\n"),
        ("a: one\n  two # c\nllm:\n  mode: glm\n", "a: one\n  two # c\nllm:\n  mode: mashup\n"),
        (
            "l:\n- llm:\n    mode: x\n- - y\nllm:\n  mode: glm\n",
            "l:\n- llm:\n    mode: x\n- - y\nllm:\n  mode: mashup\n",
        ),
        ("%YAML 1.1\n--- # c\nllm:\n  mode: glm\n...\n", "%YAML 1.1\n--- # c\nllm:\n  mode: mashup\n...\n"),
        ("llm: &all\n  mode: &m glm\n", "llm: &all\n  mode: &m mashup\n"),
        ("1: a\ntrue: b\n~: c\nllm: {mode: 1.50}\n", "1: a\ntrue: b\n~: c\nllm: {mode: mashup}\n"),
        ("a: .nan\nllm: {mode: 1}\n", "a: .nan\nllm: {mode: mashup}\n"),
        ("llm:\n  mode: mashup  # as it is\n", "llm:\n  mode: mashup  # as it is\n"),
    ] {
        assert_eq!(mode(old).as_deref(), Ok(new), "{old:?}");
    }
}

#[test]
fn what_is_missing_is_added_behind_the_last_of_its_group() {
    for (old, new) in [
        ("", "llm:\n  mode: mashup\n"),
        ("\u{feff}", "\u{feff}llm:\n  mode: mashup\n"),
        ("# only\n# words", "# only\n# words\nllm:\n  mode: mashup\n"),
        ("---\r\n", "---\r\nllm:\r\n  mode: mashup\r\n"),
        ("a: 1\n...\n", "a: 1\nllm:\n  mode: mashup\n...\n"),
        ("a: 1", "a: 1\nllm:\n  mode: mashup\n"),
        ("llm: # todo\nb: 1\n", "llm: # todo\n  mode: mashup\nb: 1\n"),
        ("llm: ~ # todo\n", "llm: {mode: mashup} # todo\n"),
        ("llm: {}\n", "llm: {mode: mashup}\n"),
        ("{}", "{llm: {mode: mashup}}"),
        ("{a: 1,\n}\n", "{a: 1, llm: {mode: mashup},\n}\n"),
        ("{llm: , a: 1}\n", "{llm: {mode: mashup} , a: 1}\n"),
        ("llm: {x: [1, {y: 2}], # c\n  z: }\n", "llm: {x: [1, {y: 2}], # c\n  z: , mode: mashup }\n"),
        ("llm:\n    x: 1 # c\n\n    # end\n\nb: 1\n", "llm:\n    x: 1 # c\n    mode: mashup\n\n    # end\n\nb: 1\n"),
        ("llm:\n  x: |+\n    t\n\nb: 1\n", "llm:\n  x: |+\n    t\n\n  mode: mashup\nb: 1\n"),
        ("llm:\n  x: >-2\n      t\n    u\n\nb: 1\n", "llm:\n  x: >-2\n      t\n    u\n  mode: mashup\n\nb: 1\n"),
        ("llm:\n  x: 'a\n\n  b'\nb: 1\n", "llm:\n  x: 'a\n\n  b'\n  mode: mashup\nb: 1\n"),
        ("llm:\n  x:\n  - a: 1\n    mode: 2\n  - b\n", "llm:\n  x:\n  - a: 1\n    mode: 2\n  - b\n  mode: mashup\n"),
        ("d: &d {mode: x}\nllm:\n  <<: *d\n", "d: &d {mode: x}\nllm:\n  <<: *d\n  mode: mashup\n"),
    ] {
        assert_eq!(mode(old).as_deref(), Ok(new), "{old:?}");
    }
    let deep = |text| set(text, &["llm", "glm", "models", "opus"], &"glm-5.2[1m]".into()).unwrap();
    assert_eq!(
        deep("llm:\n    mode: x\n"),
        "llm:\n    mode: x\n    glm:\n        models:\n            opus: \"glm-5.2[1m]\"\n"
    );
    assert_eq!(
        deep("llm:\n   glm:\n     # none\nb: 1\n"),
        "llm:\n   glm:\n      models:\n         opus: \"glm-5.2[1m]\"\n     # none\nb: 1\n"
    );
    assert_eq!(deep("llm: {glm: {}}"), "llm: {glm: {models: {opus: \"glm-5.2[1m]\"}}}");
}

#[test]
fn what_cannot_be_done_alone_is_refused_with_its_line() {
    for (text, line, why) in [
        ("a: 1\nllm:\n- x\n", 3, "a list"),
        ("a: 1\nllm: x\n", 2, "a value stands where a group"),
        ("llm:\n  mode: {a: 1}\n", 2, "a group of settings"),
        ("llm:\n  mode:\n    a: 1\n", 3, "a group of settings"),
        ("llm:\n  mode: !!str glm\n", 2, "a tag"),
        ("llm: !llm\n  mode: glm\n", 1, "a tag"),
        ("llm:\n  mode: |\n    glm\n", 2, "several lines"),
        ("llm:\n  mode: one\n    two\n", 2, "several lines"),
        ("llm:\n  mode: \"one\n    two\"\n", 2, "several lines"),
        ("a: &a {mode: x}\nllm: *a\n", 2, "an alias"),
        ("llm: {mode}\n", 1, "without a colon"),
        ("llm: &a\n  mode: x\nb: *a\n", 2, "more than this value"),
        ("llm:\n  mode: &m x\nb: [*m]\n", 2, "more than this value"),
        ("llm:\n  <<: &a {x: 1}\n  mode: x\nb: {<<: *a}\n? c\n: d\n", 5, "`?`"),
        ("{a: 1}: b\n", 1, "layout"),
        ("--- # c\n...\n", 3, "more than this value"),
        ("- a\n", 1, "a list"),
        ("llm:\n  mode: a\n  mode: b\n", 2, "not valid YAML"),
        ("a: 1\n---\nllm:\n  mode: b\n", 1, "not valid YAML"),
        ("llm:\n\tmode: x\n", 2, "not valid YAML"),
        ("llm: [\n", 2, "not valid YAML"),
    ] {
        let refusal = mode(text).unwrap_err();
        assert!(refusal.line == line && refusal.why.contains(why), "{text:?}: {refusal:?}");
    }
    let list = Value::Sequence(vec![1.into()]);
    assert!(set("a: 1\n", &["a"], &list).is_err());
    assert!(set("a: 1\n", &[], &"x".into()).is_err());
}

#[test]
fn a_value_is_taken_out_with_its_line() {
    let cut = |text| remove(text, &["llm", "x"]);
    for (old, new) in [
        ("llm:\n  x: 1 # c\n  b: 2 # d\n", "llm:\n  b: 2 # d\n"),
        ("# a\r\nllm:\r\n  b: 2\r\n  # about x\r\n  'x': \"1\"", "# a\r\nllm:\r\n  b: 2\r\n  # about x\r\n"),
        ("\u{feff}llm:\n  x: |\n    a\n\n    b\n# end\n", "\u{feff}llm:\n# end\n"),
        ("llm:\n  x:\n  - 1\n  - 2\nb: 1\n", "llm:\nb: 1\n"),
        ("llm: {x: 1, b: 2}\n", "llm: {b: 2}\n"),
        ("llm: {a: {x: 0}, x: 1}\n", "llm: {a: {x: 0}}\n"),
        ("llm: {x: 1}\n", "llm: {}\n"),
        ("llm: {a: 1, x: [1, 2],\n  b: 2}\n", "llm: {a: 1, b: 2}\n"),
        ("llm: {a: 1, x}\n", "llm: {a: 1}\n"),
    ] {
        assert_eq!(cut(old).as_deref(), Ok(new), "{old:?}");
    }
    for (text, line, why) in [
        ("llm:\n  y: 1\n", 2, "not written here"),
        ("d: &d {x: 1}\nllm: {<<: *d}\n", 2, "not written here"),
        ("llm: &a\n  x: 1\nb: *a\n", 2, "more than"),
        ("llm:\n  x: &a 1\n  b: *a\n", 2, "more than"),
        ("llm: [x]\n", 1, "a list"),
        ("llm: x\n", 1, "not written here"),
        ("", 1, "not written here"),
    ] {
        let refusal = cut(text).unwrap_err();
        assert!(refusal.line == line && refusal.why.contains(why), "{text:?}: {refusal:?}");
    }
    assert_eq!(remove("# c\na: 1\n", &["a"]).as_deref(), Ok("# c\n"));
}

#[test]
fn places_are_lines_and_columns_of_the_text() {
    let text =
        "\u{feff}# c\r\n'a.b': 1\r\n한글: {말: x, y: {}}\r\nl:\r\n- z: 1\r\nn:\r\n  m: &x\r\n  o: |\r\n    p: 1\r\n";
    let found: Vec<String> =
        places(text).iter().map(|place| format!("{} {}:{}", place.names.join("/"), place.line, place.column)).collect();
    assert_eq!(found, ["a.b 2:1", "한글/말 3:6", "한글/y 3:12", "l 4:1", "n/m 7:3", "n/o 8:3"]);
    assert!(places("a: 1\n? b\n: c\n").is_empty());
}

#[test]
fn values_are_quoted_where_some_reader_would_misread_them() {
    for text in ["5.2", "true", "No", "~", "", " a", "a ", "a: b", "a #b", "[x", "*a", "0x1f", "a\nb", "값\t\"", "y:"]
    {
        let written = set("", &["k"], &text.into()).unwrap();
        assert!(written.starts_with("k: \""), "{written}");
        assert_eq!(read(&written).unwrap()["k"], text);
        let single = set("k: 'x' # c\n", &["k"], &text.into()).unwrap();
        assert_eq!((read(&single).unwrap()["k"].as_str(), single.ends_with(" # c\n")), (Some(text), true));
    }
    for (value, line) in [(Value::from(true), "k: true\n"), (Value::from(7), "k: 7\n"), ("a.b".into(), "k: \"a.b\"\n")]
    {
        assert_eq!(set("k: \"x\"\n", &["k"], &value).as_deref(), Ok(line));
    }
}

#[test]
fn long_files_and_deep_ones_are_read_once() {
    let mut text = String::new();
    for at in 0..2_000 {
        writeln!(text, "k{at}: {{a: [1, 2], b: \"c\"}} # {at}").unwrap();
    }
    text.push_str("llm:\n  mode: x\n");
    assert!(mode(&text).unwrap().ends_with("# 1999\nllm:\n  mode: mashup\n"));
    assert_eq!(places(&text).last().unwrap().line, 2_002);
    for depth in [100, 5_000] {
        let lists = format!("a: {}{}\nllm: {{mode: x}}\n", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(mode(&lists).is_ok(), depth == 100);
        let dashes = format!("a:\n{}x\n", "- ".repeat(depth));
        assert_eq!(mode(&dashes).is_ok(), depth == 100);
        drop(places(&dashes));
    }
}

/// A document that this editor has to understand.
#[derive(Debug, Clone)]
enum Tree {
    Leaf(&'static str),
    Group(Vec<(&'static str, Tree, &'static str)>),
}

const LEAVES: &[&str] = &[
    " one",
    " \"two # 2\"",
    "  'it''s: 3'",
    " 0.10",
    " ~",
    "",
    " &anchor five",
    " {mode: a,  b: [x ,{y: 1}], \"c\":d}",
    " [ ]",
    " 값 이",
    " https://api.z.ai/x#y",
    " !tag six",
    " |\n        mode: a\n\n          deep\n         # no comment",
    " >+\n        folded\n\n",
    "\n        - mode: a\n          b: 1\n        - - c",
    " plain\n         goes on",
    " \"quoted\n\n  goes: on\"",
];
const TAILS: &[&str] = &["", "", " # why", "\t# 한글: \"x\"", "\n# mode: y", "\n\n"];

fn tree() -> impl Strategy<Value = Tree> {
    select(LEAVES).prop_map(Tree::Leaf).prop_recursive(3, 24, 5, |inner| {
        vec((select(&["k", "\"q: \\\"", "'s ", "값"][..]), inner, select(TAILS)), 1..5).prop_map(Tree::Group)
    })
}

/// The tree as text; every key gets a number behind it. Returns the paths of its one-line leaves, too.
fn draw(tree: &Tree, column: usize, indent: usize, names: &[String], text: &mut String, leaves: &mut Vec<Vec<String>>) {
    let Tree::Group(entries) = tree else { return };
    for (at, (key, value, tail)) in entries.iter().enumerate() {
        let quote = key.get(..1).filter(|first| matches!(*first, "\"" | "'")).unwrap_or_default();
        let written = format!("{key}{at}{quote}");
        let names = [names, &[serde_yaml::from_str(&written).unwrap()]].concat();
        write!(text, "{}{written}:", " ".repeat(column)).unwrap();
        match value {
            Tree::Leaf(leaf) => {
                // The lines of a leaf are deeper than any key; a comment behind one of several lines could be in it.
                let lines = leaf.contains('\n');
                text.push_str(&leaf.replace("\n        ", &format!("\n{}", " ".repeat(column + 8))));
                text.push_str(if lines { "" } else { tail });
                if !lines && !leaf.contains(['{', '[', '!']) {
                    leaves.push(names);
                }
                text.push('\n');
            }
            Tree::Group(_) => {
                text.push_str(tail);
                text.push('\n');
                draw(value, column + indent, indent, &names, text, leaves);
            }
        }
    }
}

fn document() -> impl Strategy<Value = (String, Vec<Vec<String>>)> {
    let top = vec((select(&["a", "\"b"][..]), tree(), select(TAILS)), 1..5).prop_map(Tree::Group);
    (top, 1_usize..5, any::<[bool; 4]>()).prop_map(|(top, indent, [bom, crlf, marker, open])| {
        let mut text = if marker { "--- # top\n".to_owned() } else { String::new() };
        let mut leaves = Vec::new();
        draw(&top, 0, indent, &[], &mut text, &mut leaves);
        if open {
            text.push_str("last: line");
        }
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        if bom {
            text.insert(0, BOM);
        }
        (text, leaves)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// In any dress: a value is found, changed, and changed back to the same bytes; a key is added and taken out.
    #[test]
    fn an_edit_and_its_undo_give_the_same_bytes((text, leaves) in document(), pick: prop::sample::Index) {
        let old = read(&text).unwrap();
        if !leaves.is_empty() {
            let names: Vec<&str> = leaves[pick.index(leaves.len())].iter().map(String::as_str).collect();
            let was = names.iter().try_fold(&old, |node, name| node.get(name)).unwrap().clone();
            let edited = set(&text, &names, &"new-value".into()).unwrap();
            prop_assert_eq!(edited.replacen("new-value", "", 1).len(), edited.len() - "new-value".len());
            prop_assert_eq!(edited.lines().count(), text.lines().count());
            let back = if was.is_null() || was.is_number() { edited.clone() } else { set(&edited, &names, &was).unwrap() };
            prop_assert_eq!(read(&set(&back, &names, &was).unwrap_or(text.clone())).unwrap(), old.clone());
            if was.as_str().is_some_and(|was| !was.contains(['#', ' ', ':', '값'])) {
                prop_assert_eq!(&back, &text);
            }
        }
        let added = set(&text, &["fresh"], &true.into()).unwrap();
        let gone = remove(&added, &["fresh"]).unwrap();
        prop_assert_eq!(gone.trim_end(), text.trim_end());
    }

    /// Whatever the text is: there is no panic, and what comes out is the old document with one value changed.
    #[test]
    fn any_text_is_edited_right_or_not_at_all(parts in vec(select(PARTS), 0..24), spot in select(SPOTS)) {
        let text = parts.concat();
        drop(places(&text));
        if let Ok(edited) = set(&text, spot, &"new".into()) {
            let (mut wanted, found) = (read(&text).unwrap(), read(&edited).unwrap());
            put(&mut wanted, spot, &"new".into()).unwrap();
            prop_assert_eq!(wanted, found);
            let old = read(&text).unwrap();
            let was = spot.iter().try_fold(&old, |node, name| node.get(name));
            let gone = was.and_then(Value::as_str).unwrap_or_default();
            prop_assert_eq!(text.matches('#').count() - gone.matches('#').count(), edited.matches('#').count());
        }
        if let Ok(edited) = remove(&text, spot) {
            prop_assert!(spot.iter().try_fold(&read(&edited).unwrap(), |node, name| node.get(name)).is_none());
        }
    }
}

const SPOTS: &[&[&str]] = &[&["a"], &["b"], &["a", "b"], &["a", "b", "c"]];
const PARTS: &[&str] = &[
    "a", "b", ":", ": ", "a: ", "b: ", "\n", "\n", "\n  ", "\n    ", "- ", "{", "}", "[", "]", ",", " # ", "'", "\"",
    "&x ", "*x", "!t ", "|\n", "? ", "\t", "\r\n", "\r", "---\n", "...\n", "%Y\n", "한", "\u{2028}", "\u{85}", "<<: ",
    "~", "1", "\\", "\u{feff}",
];
