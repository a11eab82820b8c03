//! `moai backup`: a home that went through a backup gives the same reports; a backup that is not whole gives nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::tz::TimeZone;
use moai::base::secret::Secret;
use moai::journal::key::Lookup;
use moai::journal::{Place, Recorder};
use moai::model::Tier;
use serde_json::Value;

use crate::costs::{attempt, world};
use crate::schema::holds;
use crate::scratch::{KEY, Scratch, mode};

const PASS: &str = "correct horse battery";

fn recorder(scratch: &Scratch, key: &str) -> Recorder {
    let lookup = Lookup { env: Some(Secret::new(key)), ..Lookup::default() };
    Recorder::new(Place::new(scratch.home().join(".moai/journal")), lookup, TimeZone::UTC)
}

/// A home with a configuration, keys, a price book of its own and some days of costs.
fn lived_in() -> Scratch {
    let mut scratch = Scratch::repository();
    scratch.set_env("MOAI_BACKUP_PASSPHRASE", PASS);
    scratch.write_home(".moai/config.toml", "# mine\n[budget]\ndaily_usd = 2.50\n");
    scratch.moai(["key", "set", "glm", KEY]).ok();
    scratch.moai(["prices", "set", "qwen3", "0.5", "1.5"]).ok();
    // The first answer makes the journal and its key.
    scratch.moai(["route", "--model", "sim", "hello"]).ok();
    let key = fs::read_to_string(scratch.home().join(".moai/journal/journal.key")).unwrap();
    let mut recorder = recorder(&scratch, key.trim());
    let now = crate::scratch::NOW.parse().unwrap();
    let models = [(1, "claude-opus", Tier::One), (2, "glm-4.7", Tier::Two), (3, "nobody-knows", Tier::Two)];
    for (seed, model, tier) in models {
        recorder.record(&attempt(seed, model, tier), now);
    }
    scratch
}

/// Every report that can be asked for, as it is printed.
fn reports(scratch: &Scratch, home: &Path) -> Vec<String> {
    let asked: [&[&str]; 9] = [
        &["costs", "today", "--json"],
        &["costs", "daily", "--json"],
        &["costs", "weekly", "--json"],
        &["costs", "monthly", "--json"],
        &["costs", "daily", "--by", "model", "--json"],
        &["costs", "monthly", "--by", "project"],
        &["costs", "sessions", "--json"],
        &["costs", "savings", "--json"],
        &["stats", "--json"],
    ];
    let ask = |args: &&[&str]| {
        let output = scratch.moai_command(*args).env("MOAI_HOME", home).output().unwrap();
        let said = crate::scratch::Said::from(&output);
        assert_eq!(said.status, 0, "{args:?} {said:?}");
        // The place of the journal is in one of them, and is another one.
        said.stdout.replace("~/.moai", "HOME").replace(&home.display().to_string(), "HOME")
    };
    asked.iter().map(ask).collect()
}

fn backup(scratch: &Scratch, args: &[&str]) -> Value {
    let document = scratch.moai([&["backup", "create", "--json"], args].concat()).json();
    holds("backup", &document);
    document
}

fn restore(scratch: &Scratch, home: &Path, args: &[&str]) -> crate::scratch::Said {
    let args = [&["backup", "restore"], args].concat();
    crate::scratch::Said::from(&scratch.moai_command(args).env("MOAI_HOME", home).output().unwrap())
}

#[test]
fn an_empty_home_gives_the_same_reports_to_the_cent() {
    let scratch = lived_in();
    let made = backup(&scratch, &[]);
    let file = made["file"].as_str().unwrap();
    assert_eq!((made["rows"].as_u64(), made["keys"].as_bool(), mode(Path::new(file))), (Some(4), Some(false), 0o600));
    assert!(!fs::read(file).unwrap().windows(6).any(|window| window == b"SeCrEt" || window == b"budget"));

    let new = scratch.root().join("elsewhere/home");
    let dry = restore(&scratch, &new, &[file, "--dry-run", "--json"]).json();
    holds("backup", &dry);
    assert!(dry["empty"] == true && !new.exists());
    let restored = restore(&scratch, &new, &[file, "--json"]).json();
    holds("backup", &restored);
    let old = scratch.home().join(".moai");
    assert_eq!(reports(&scratch, &old), reports(&scratch, &new));
    assert!(reports(&scratch, &new)[4].contains("claude-opus"));
    for file in ["config.toml", "prices.json"] {
        assert_eq!(fs::read(old.join(file)).unwrap(), fs::read(new.join(file)).unwrap(), "{file}");
    }
    assert!(!new.join(".env.glm").exists(), "no key that was not asked for");
    assert_eq!((mode(&new), mode(&new.join("journal/journal.key"))), (0o700, 0o600));

    // With keys, the key is there again.
    let made = backup(&scratch, &["--with-keys"]);
    let third = scratch.root().join("third");
    restore(&scratch, &third, &[made["file"].as_str().unwrap()]).ok();
    assert_eq!(fs::read(old.join(".env.glm")).unwrap(), fs::read(third.join(".env.glm")).unwrap());
}

#[test]
fn a_home_that_is_not_empty_is_left_alone_or_backed_up_first() {
    let scratch = lived_in();
    let first = backup(&scratch, &[]);
    let first = first["file"].as_str().unwrap();
    scratch.write_home(".moai/config.toml", "# later\n");
    let home = scratch.home().join(".moai");
    let refused = restore(&scratch, &home, &[first]).fails(1);
    assert!(refused.contains("--force"), "{refused}");
    assert_eq!(fs::read_to_string(home.join("config.toml")).unwrap(), "# later\n");

    let forced = restore(&scratch, &home, &[first, "--force", "--json"]).json();
    holds("backup", &forced);
    assert!(fs::read_to_string(home.join("config.toml")).unwrap().starts_with("# mine"));
    assert!(home.join(".env.glm").exists(), "keys stay where the backup has none");
    // What was there can be had again, from where it is said to be.
    let kept = forced["kept"].as_str().unwrap();
    restore(&scratch, &home, &[kept, "--force"]).ok();
    assert_eq!(fs::read_to_string(home.join("config.toml")).unwrap(), "# later\n");
    let list = scratch.moai(["backup", "list", "--json"]).json();
    holds("backup", &list);
    assert_eq!(list["backups"].as_array().unwrap().len(), 3, "{list}");
    holds("backup", &scratch.moai(["backup", "verify", "latest", "--json"]).json());
    let left: Vec<PathBuf> = fs::read_dir(scratch.home()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [home], "nothing is left beside it");
}

#[test]
fn what_is_not_whole_is_refused_before_anything_is_written() {
    let scratch = lived_in();
    let made = backup(&scratch, &["-o", "whole.backup"]);
    let whole = fs::read(made["file"].as_str().unwrap()).unwrap();
    let middle = whole.len() / 2;
    let mut flipped = whole.clone();
    flipped[middle] ^= 0x10;
    let new = scratch.root().join("new");
    for (name, bytes, code) in [
        ("flipped", flipped, "damaged"),
        ("cut", whole[..middle].to_vec(), "damaged"),
        ("foreign", b"PK something".to_vec(), "not-a-backup"),
    ] {
        let file = scratch.write(name, bytes);
        for args in [&["--json"][..], &["--json", "--force"]] {
            let said = restore(&scratch, &new, &[&[file.to_str().unwrap()], args].concat());
            let error: Value = serde_json::from_str(&said.stdout).unwrap();
            assert_eq!((said.status, error["error"]["code"].as_str()), (1, Some(code)), "{name} {error}");
            assert!(!new.exists(), "{name}");
        }
    }
    let wrong = scratch.moai_stdin("another passphrase\n", ["backup", "verify", "whole.backup", "--passphrase-stdin"]);
    assert!(wrong.fails(1).contains("passphrase does not open"));
    let right =
        scratch.moai_stdin(&format!("{PASS}\nrest"), ["backup", "verify", "whole.backup", "--passphrase-stdin"]);
    assert!(right.ok().contains("config.toml"));
    assert!(scratch.moai(["backup", "create", "-o", "whole.backup"]).fails(1).contains("never replaces"));
    assert_eq!(fs::read(scratch.project().join("whole.backup")).unwrap(), whole);
}

#[test]
fn without_a_passphrase_nothing_happens_and_a_short_one_is_refused() {
    let mut scratch = Scratch::new();
    assert!(scratch.moai(["backup", "create"]).fails(2).contains("MOAI_BACKUP_PASSPHRASE"));
    assert!(
        scratch.moai_stdin("short\n", ["backup", "create", "--passphrase-stdin"]).fails(1).contains("8 characters")
    );
    assert!(!scratch.home().join(".moai/backups").exists());
    scratch.set_env("MOAI_BACKUP_PASSPHRASE", PASS);
    assert!(scratch.moai(["backup", "verify", "latest"]).fails(1).contains("no backup in"));
    // An empty home can be backed up, and the old ones go as asked.
    for _ in 0..3 {
        backup(&scratch, &[]);
    }
    let last = backup(&scratch, &["--keep", "2"]);
    assert_eq!(last["removed"].as_array().unwrap().len(), 2);
    assert_eq!(last["rows"], Value::Null);
}

#[test]
fn it_is_one_moment_of_a_journal_that_is_written_to() {
    let scratch = world();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut recorder = recorder(&scratch, crate::costs::KEY);
            let now = crate::scratch::NOW.parse().unwrap();
            let mut seed = 1;
            // Bounded, should the other side fail.
            while !done.load(Ordering::Relaxed) && seed < 200_000 {
                recorder.record(&attempt(seed, "glm-4.7", Tier::Two), now);
                seed += 1;
            }
        });
        let made = scratch
            .moai_command(["backup", "create", "--json", "-o", "during.backup"])
            .env("MOAI_BACKUP_PASSPHRASE", PASS)
            .output();
        done.store(true, Ordering::Relaxed);
        let made = crate::scratch::Said::from(&made.unwrap()).json();
        let rows = made["rows"].as_u64().unwrap();
        // The rows that were counted are at most those at the end of the copy's making; the sums agree with the rows.
        let new = scratch.root().join("new");
        let mut command = scratch.moai_command(["backup", "restore", "during.backup"]);
        command.env("MOAI_HOME", &new).env("MOAI_BACKUP_PASSPHRASE", PASS).env_remove("MOAI_JOURNAL_KEY");
        crate::scratch::Said::from(&command.output().unwrap()).ok();
        let mut command = scratch.moai_command(["costs", "today", "--json"]);
        command.env("MOAI_HOME", &new).env_remove("MOAI_JOURNAL_KEY");
        let report = crate::scratch::Said::from(&command.output().unwrap()).json();
        assert!(rows == 0 || report.to_string().contains(&format!("\"attempts\":{rows},")), "{rows} {report}");
    });
}
