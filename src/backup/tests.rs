//! Archives that are whole, and every way in which they are not.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::base::secret::Secret;

fn passphrase() -> Secret {
    Secret::new("three words here")
}

fn about() -> Manifest {
    Manifest {
        schema: 1,
        moai: "0.1.0".into(),
        created: "2026-01-09T12:00:00Z".parse().unwrap(),
        machine: "laptop".into(),
        keys: false,
        rows: None,
        files: Vec::new(),
    }
}

fn item(path: &str, bytes: &[u8]) -> Item {
    Item { path: path.into(), mode: 0o600, content: Content::Bytes(bytes.to_vec()) }
}

/// 150,000 bytes in two files: three chunks.
fn items() -> Vec<Item> {
    vec![item("config.toml", b"[tiers]\n"), item("deep/er/file", &[7; 150_000])]
}

#[test]
fn what_went_in_comes_out_and_nothing_of_it_is_in_the_clear() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.backup");
    let written = create(&path, about(), &items(), &passphrase()).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!((written.size, written.manifest.files.len()), (bytes.len() as u64, 2));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for plain in [&b"tiers"[..], b"config.toml", b"three words", &[7; 32]] {
        assert!(!bytes.windows(plain.len()).any(|window| window == plain));
    }
    let archive = Archive::open(&path, &passphrase()).unwrap();
    assert_eq!(archive.manifest(), &written.manifest);
    let out = tempfile::tempdir().unwrap();
    archive.extract(out.path()).unwrap();
    assert_eq!(fs::read(out.path().join("deep/er/file")).unwrap(), vec![7; 150_000]);
    assert_eq!(fs::read(out.path().join("config.toml")).unwrap(), b"[tiers]\n");
    // A backup never replaces a file.
    assert!(matches!(create(&path, about(), &items(), &passphrase()), Err(BackupError::Disk(_))));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_length_of_whole_chunks_ends_where_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.backup");
    // The list is in the first chunk, too: find the filling that makes two chunks exactly.
    let list = create(&path, about(), &[item("x", &vec![0; 100_000])], &passphrase()).unwrap();
    let head = list.size - (4 + 2 * 16) - serde_json::to_vec(&list.manifest).unwrap().len() as u64 - 100_000;
    let filling = 2 * seal::CHUNK - 4 - serde_json::to_vec(&list.manifest).unwrap().len();
    let path = dir.path().join("b.backup");
    let exact = create(&path, about(), &[item("x", &vec![0; filling])], &passphrase()).unwrap();
    assert_eq!(exact.size, head + 2 * (seal::CHUNK as u64 + 16));
    assert_eq!(Archive::open(&path, &passphrase()).unwrap().manifest().size(), filling as u64);
}

#[test]
fn every_change_is_seen_and_a_wrong_passphrase_is_told_from_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.backup");
    create(&path, about(), &items(), &passphrase()).unwrap();
    let whole = fs::read(&path).unwrap();
    let open = |bytes: &[u8]| {
        let path = dir.path().join("changed");
        fs::write(&path, bytes).unwrap();
        Archive::open(&path, &passphrase()).map(drop)
    };
    open(&whole).unwrap();
    assert!(matches!(Archive::open(&path, &Secret::new("other words")), Err(BackupError::Passphrase { .. })));

    let body = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 1;
    let chunk = seal::CHUNK + 16;
    for at in [body, body + chunk - 1, body + chunk, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        assert!(matches!(open(&changed), Err(BackupError::Damaged { .. })), "{at}");
    }
    // Cut off anywhere, also between two chunks; with something behind it; with two chunks exchanged.
    for length in [body, body + 1, body + chunk, body + 2 * chunk, whole.len() - 1] {
        assert!(matches!(open(&whole[..length]), Err(BackupError::Damaged { .. })), "{length}");
    }
    assert!(matches!(open(&[&whole[..], b"x"].concat()), Err(BackupError::Damaged { .. })));
    let exchanged = [
        &whole[..body],
        &whole[body + chunk..body + 2 * chunk],
        &whole[body..body + chunk],
        &whole[body + 2 * chunk..],
    ]
    .concat();
    assert!(matches!(open(&exchanged), Err(BackupError::Damaged { .. })));
    // The head is authentic, too: fewer rounds, another chunk, a field more.
    let head = String::from_utf8(whole[..body].to_vec()).unwrap();
    for (old, new) in [("600000", "1"), ("600000", "4000000000"), ("65536", "1"), ("pbkdf2", "plain1")] {
        let changed = [head.replace(old, new).as_bytes(), &whole[body..]].concat();
        assert!(matches!(open(&changed), Err(BackupError::Passphrase { .. })), "{new}");
    }
    let spaced = [head.replace("{\"kdf\"", "{ \"kdf\"").as_bytes(), &whole[body..]].concat();
    assert!(matches!(open(&spaced), Err(BackupError::Damaged { .. })));
    let newer = [head.replace("moai-backup 1", "moai-backup 2").as_bytes(), &whole[body..]].concat();
    assert!(matches!(open(&newer), Err(BackupError::Newer { found: 2, known: 1, .. })));
    for foreign in [&b""[..], b"moai", b"PK\x03\x04", b"moai-backup one\n{}\n"] {
        assert!(matches!(open(foreign), Err(BackupError::Foreign { .. })), "{foreign:?}");
    }
    assert!(matches!(open(&whole[..body - 1]), Err(BackupError::Passphrase { .. })));
}

#[test]
fn paths_that_lead_elsewhere_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for (number, path) in ["../up", "/etc/x", "a/../../b", "", "."].into_iter().enumerate() {
        let file = dir.path().join(format!("{number}.backup"));
        create(&file, about(), &[item(path, b"x")], &passphrase()).unwrap();
        assert!(matches!(Archive::open(&file, &passphrase()), Err(BackupError::Damaged { .. })), "{path}");
    }
}

#[test]
fn links_are_followed_but_never_in_a_circle_and_no_key_comes_in_by_another_name() {
    use std::os::unix::fs::symlink;
    let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (home, other) = (home.path().join("moai"), other.path());
    for (dir, name) in [(home.as_path(), "credentials.yaml"), (home.as_path(), "config.toml"), (other, "book.json")] {
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join(name), "x").unwrap();
    }
    fs::create_dir(home.join("sub")).unwrap();
    for (to, from) in [
        (home.as_path(), home.join("loop")),
        (&home.join("sub"), home.join("again")),
        (home.parent().unwrap(), home.join("sub/up")),
        (other, home.join("prices")),
        (other, other.join("round")),
        (&other.join("book.json"), home.join("link.json")),
    ] {
        symlink(to, from).unwrap();
    }
    let found = gather(&home, false).unwrap();
    let paths: Vec<&str> = found.iter().map(|item| item.path.as_str()).collect();
    assert_eq!(paths, ["config.toml", "link.json", "prices/book.json"]);
}

#[test]
fn what_is_no_file_is_no_backup() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in [pipe.as_path(), dir.path()] {
        assert!(matches!(Archive::open(path, &passphrase()), Err(BackupError::Foreign { .. })), "{}", path.display());
    }
}

#[test]
fn what_belongs_into_a_backup() {
    for (path, expected) in [
        ("config.toml", Part::Kept),
        ("config.toml.before-import", Part::Kept),
        ("prices.json", Part::Kept),
        ("backends/0a.json", Part::Kept),
        ("something/of/later.json", Part::Kept),
        (".env.glm", Part::Key),
        ("credentials.yaml", Part::Key),
        ("gateway/keys.json", Part::Key),
        ("gateway/key", Part::Key),
        ("gateway/serve.json", Part::Passing),
        ("gateway/serve.lock", Part::Passing),
        ("logs/decisions.jsonl.1", Part::Passing),
        ("backups/moai-x.backup", Part::Passing),
        (".moai-config.toml-AbCd", Part::Passing),
        (".moai-restore-x/config.toml", Part::Passing),
        ("journal/journal.db-wal", Part::Journal),
        ("journal/journal.key", Part::Journal),
        ("journal/spool.jsonl", Part::Journal),
        ("journal/backups/journal-v1.db", Part::Passing),
    ] {
        assert_eq!(part(Path::new(path)), expected, "{path}");
    }
}

#[test]
fn a_restore_replaces_what_backups_hold_and_leaves_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let there = |path: &str| fs::read_to_string(dir.path().join(path)).ok();
    put("home/config.toml", "old");
    put("home/prices.json", "old");
    put("home/.env.glm", "key");
    put("home/logs/errors.jsonl", "log");
    put("home/journal/journal.db", "old rows");
    put("home/journal/journal.db-wal", "old rows");
    let home = dir.path().join("home");
    let file = dir.path().join("a.backup");
    let items = [item("config.toml", b"new"), item(JOURNAL, b"new rows")];
    create(&file, about(), &items, &passphrase()).unwrap();
    let archive = Archive::open(&file, &passphrase()).unwrap();

    // What does not pass the look leaves everything as it is.
    let refused = restore(&archive, &home, |stage| {
        assert_eq!(fs::read(stage.join("config.toml")).unwrap(), b"new");
        Err(BackupError::None { dir: stage.to_path_buf() })
    });
    assert!(matches!(refused, Err(BackupError::None { .. })));
    assert_eq!(there("home/config.toml").as_deref(), Some("old"));

    let restored = restore(&archive, &home, |_| Ok::<(), BackupError>(())).unwrap();
    assert_eq!(restored, Restored { files: 2, carried: 2 });
    assert_eq!(there("home/config.toml").as_deref(), Some("new"));
    assert_eq!(there("home/prices.json"), None);
    assert_eq!(there("home/.env.glm").as_deref(), Some("key"));
    assert_eq!(there("home/logs/errors.jsonl").as_deref(), Some("log"));
    assert_eq!(there("home/journal/journal.db").as_deref(), Some("new rows"));
    assert_eq!(there("home/journal/journal.db-wal"), None);
    let mut left: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["a.backup", "home"], "nothing is left beside it");

    // Into a place where nothing is.
    let fresh = dir.path().join("some/where/new");
    restore(&archive, &fresh, |_| Ok::<(), BackupError>(())).unwrap();
    assert_eq!(fs::read(fresh.join("config.toml")).unwrap(), b"new");
    assert_eq!(fs::metadata(&fresh).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn the_newest_stay_and_only_moais_own_go() {
    let dir = tempfile::tempdir().unwrap();
    let at = |day: u32| format!("2026-01-0{day}T12:00:00Z").parse::<jiff::Timestamp>().unwrap();
    for day in 1..=4 {
        let path = free_name(dir.path(), at(day));
        fs::write(&path, "moai-backup 1\n{}\n").unwrap();
    }
    let again = free_name(dir.path(), at(4));
    assert!(again.to_str().unwrap().ends_with("moai-2026-01-04T12-00-00Z.2.backup"));
    fs::write(&again, "moai-backup 1\n{}\n").unwrap();
    assert_eq!(newest(dir.path()).unwrap(), again, "the second of the same second");
    fs::remove_file(&again).unwrap();
    fs::write(dir.path().join("mine.backup"), "moai-backup 1\n{}\n").unwrap();
    fs::write(dir.path().join("moai-2025-01-01T12-00-00Z.backup"), "no backup").unwrap();
    assert_eq!(newest(dir.path()).unwrap(), dir.path().join("moai-2026-01-04T12-00-00Z.backup"));
    let gone = prune(dir.path(), 2).unwrap();
    assert_eq!(gone.len(), 2);
    let left: Vec<_> = shelved(dir.path()).unwrap().into_iter().map(|found| found.created).collect();
    assert_eq!(left, [Some(at(4)), Some(at(3)), None]);
    assert!(dir.path().join("moai-2025-01-01T12-00-00Z.backup").exists());
}
