//! Deployment: the service that `moai serve install` writes, the key that a container is given, and the templates.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::schema::holds;
use crate::scratch::{Said, Scratch};

/// A world in which `systemctl` and `launchctl` note what they are asked, and answer `status`.
fn managed(status: i32) -> Scratch {
    let mut scratch = Scratch::new();
    let bin = scratch.root().join("bin");
    for name in ["systemctl", "launchctl"] {
        let log = scratch.root().join("asked");
        let script = format!("#!/bin/sh\necho {name} \"$@\" >> '{}'\necho no bus >&2\nexit {status}\n", log.display());
        fs::create_dir_all(&bin).unwrap();
        fs::write(bin.join(name), script).unwrap();
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    scratch.set_env("PATH", &path);
    scratch
}

fn asked(scratch: &Scratch) -> String {
    fs::read_to_string(scratch.root().join("asked")).unwrap_or_default()
}

const UNIT: &str = ".config/systemd/user/moai.service";

#[test]
fn a_unit_is_installed_once_and_taken_away_without_a_trace() {
    let scratch = managed(0);
    let before = scratch.snapshot();
    let dry = scratch.moai(["serve", "install", "--manager", "systemd", "--dry-run"]);
    assert!(dry.stderr.contains("would run: systemctl --user enable --now moai.service"), "{dry:?}");
    assert!(dry.stdout.contains("+NoNewPrivileges=yes"), "{dry:?}");
    assert_eq!(scratch.snapshot(), before);

    let document = scratch.moai(["serve", "install", "--manager", "systemd", "--json"]).json();
    holds("serve-service", &document);
    assert_eq!((&document["changed"], &document["failed"]), (&Value::Bool(true), &Value::Array(Vec::new())));
    let unit = fs::read_to_string(scratch.home().join(UNIT)).unwrap();
    let writes = format!("ReadWritePaths=\"{}/.moai\"", scratch.home().display());
    assert!(unit.contains(&writes) && unit.contains("Environment=\"PATH="), "{unit}");
    assert_eq!(asked(&scratch), "systemctl --user daemon-reload\nsystemctl --user enable --now moai.service\n");
    let again = scratch.moai(["serve", "install", "--manager", "systemd", "--json"]).json();
    assert_eq!(again["changed"], false);

    let gone = scratch.moai(["serve", "uninstall", "--manager", "systemd", "--json"]).json();
    holds("serve-service", &gone);
    assert!(asked(&scratch).contains("systemctl --user disable --now moai.service\n"));
    assert!(!asked(&scratch).contains("linger"));
    assert!(!scratch.home().join(".config/systemd/user").exists());
    assert_eq!(scratch.moai(["serve", "uninstall", "--manager", "systemd", "--json"]).json()["changed"], false);
}

#[test]
fn a_unit_of_somebody_else_is_neither_written_over_nor_removed() {
    let scratch = managed(0);
    for (manager, path) in [("systemd", UNIT), ("launchd", "Library/LaunchAgents/moai.serve.plist")] {
        for text in ["[Service]\nExecStart=/usr/local/bin/mine\n", ""] {
            scratch.write_home(path, text);
            for command in ["install", "uninstall"] {
                for more in ["--no-start", "--dry-run"] {
                    let said = scratch.moai(["serve", command, "--manager", manager, more]);
                    assert_eq!(said.status, 1, "{said:?}");
                    assert!(said.stderr.contains("is not of moai's making"), "{said:?}");
                }
            }
            assert_eq!(fs::read_to_string(scratch.home().join(path)).unwrap(), text);
        }
    }
    assert_eq!(asked(&scratch), "");
}

#[test]
fn where_nobody_can_be_asked_the_person_is_told_and_nothing_is_left_either() {
    let mut scratch = managed(1);
    let config = scratch.root().join("xdg");
    scratch.set_env("XDG_CONFIG_HOME", config.to_str().unwrap());
    let said = scratch.moai(["serve", "install", "--manager", "systemd"]);
    assert!(said.stderr.contains("`systemctl --user daemon-reload`: no bus"), "{said:?}");
    said.ok();
    let unit = config.join("systemd/user/moai.service");
    assert!(unit.exists());
    // As `systemctl enable` would have left it.
    let link = config.join("systemd/user/default.target.wants/moai.service");
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&unit, &link).unwrap();
    fs::write(config.join("systemd/user/other.service"), "").unwrap();
    scratch.moai(["serve", "uninstall", "--manager", "systemd"]).ok();
    let left: Vec<_> =
        fs::read_dir(config.join("systemd/user")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["other.service"]);
}

#[test]
fn systemd_itself_finds_nothing_wrong_with_the_unit() {
    let scratch = managed(0);
    scratch.moai(["serve", "install", "--manager", "systemd", "--no-start"]).ok();
    assert_eq!(asked(&scratch), "", "--no-start asks nobody");
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--user"])
        .arg(scratch.home().join(UNIT))
        .env("XDG_RUNTIME_DIR", scratch.root())
        .output();
    let Ok(verified) = verified else {
        eprintln!("SKIPPED: systemd-analyze is not installed, so nobody has looked at the unit");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && !said.contains("moai.service"), "{said}");
}

#[test]
fn an_agent_for_launchd_is_a_property_list() {
    let mut scratch = managed(0);
    scratch.set_env("TZ", "Asia/Seoul");
    scratch.moai(["serve", "install", "--manager", "launchd"]).ok();
    let path = scratch.home().join("Library/LaunchAgents/moai.serve.plist");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("<key>TZ</key>\n    <string>Asia/Seoul</string>"), "{text}");
    assert!(asked(&scratch).contains(&format!("bootstrap gui/{} ", rustix_uid())), "{}", asked(&scratch));
    let script = "import plistlib, sys; p = plistlib.load(open(sys.argv[1], 'rb')); assert p['Label'] == 'moai.serve' and p['ProgramArguments'][1:] == ['serve'] and p['KeepAlive'] == {'SuccessfulExit': False}";
    match Command::new("python3").args(["-c", script]).arg(&path).status() {
        Ok(status) => assert!(status.success(), "{text}"),
        Err(_) => eprintln!("SKIPPED: python3 is not installed, so nobody has read the property list"),
    }
    scratch.moai(["serve", "uninstall", "--manager", "launchd"]).ok();
    assert!(!path.exists() && asked(&scratch).contains("bootout"));
}

fn rustix_uid() -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata("/proc/self").map_or_else(|_| fs::metadata(std::env::temp_dir()).unwrap().uid(), |meta| meta.uid())
}

#[test]
fn a_gateway_says_when_it_is_ready_and_a_given_key_opens_it() {
    let mut scratch = Scratch::new();
    let socket = scratch.root().join("notify");
    let heard = UnixDatagram::bind(&socket).unwrap();
    heard.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    scratch.set_env("NOTIFY_SOCKET", socket.to_str().unwrap());
    let file = scratch.write("access_key", "a-key-from-outside-1234\n");
    let mut command = scratch.moai_command(["serve", "--port", "0", "--model", "sim", "--until-eof"]);
    command.env("MOAI_ACCESS_KEY_FILE", &file);
    let mut gateway = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = [0; 32];
    let length = heard.recv(&mut said).unwrap();
    assert_eq!(&said[..length], b"READY=1");

    // It answers already: nobody has to wait after that word.
    let status = scratch.moai(["serve", "status", "--json"]).json();
    let url = status["url"].as_str().unwrap().to_owned();
    let ask = |key: &str| {
        let header = format!("x-api-key: {key}");
        let path = format!("{url}/v1/models");
        let args = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", &header, &path];
        String::from_utf8(Command::new("curl").args(args).output().unwrap().stdout).unwrap()
    };
    assert_eq!((ask("a-key-from-outside-1234").as_str(), ask("another-key-from-outside").as_str()), ("200", "401"));
    drop(gateway.stdin.take());
    assert!(gateway.wait().unwrap().success());

    let bad = Said::from(
        &scratch
            .moai_command(["serve", "--port", "0", "--model", "sim"])
            .env("MOAI_ACCESS_KEY", "short")
            .env_remove("NOTIFY_SOCKET")
            .output()
            .unwrap(),
    );
    let error = bad.fails(3);
    assert!(error.contains("MOAI_ACCESS_KEY holds no access key") && !error.contains("short"), "{error}");
}

fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let mut value: serde_yaml::Value = serde_yaml::from_str(&text).unwrap();
    value.apply_merge().unwrap();
    serde_json::to_value(value).unwrap()
}

#[test]
fn the_compose_file_opens_nothing_and_holds_no_secret() {
    let compose = yaml("templates/compose.yaml");
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let strings = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    let services = compose["services"].as_object().unwrap();
    assert_eq!(services.keys().collect::<Vec<_>>(), ["moai", "prometheus", "grafana"]);
    for (name, service) in services {
        let ports = strings(&service["ports"]);
        assert!(!ports.is_empty() && ports.iter().all(|port| port.starts_with("127.0.0.1:")), "{name}: {ports:?}");
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(strings(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(strings(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            let is_file = variable.ends_with("_FILE");
            assert!(is_file || !["KEY", "TOKEN", "PASSWORD"].iter().any(|word| variable.contains(word)), "{variable}");
            assert!(!is_file || value.as_str().unwrap().starts_with("/run/secrets/"), "{variable}");
        }
        for volume in strings(&service["volumes"]).iter().filter(|volume| volume.starts_with("./templates/compose/")) {
            let from = volume.split(':').next().unwrap();
            assert!(top.join(from).is_file() && volume.ends_with(":ro"), "{name}: {volume}");
        }
    }
    assert_eq!(services["moai"]["healthcheck"]["test"], serde_json::json!(["CMD", "/moai", "serve", "status"]));
    for (name, secret) in compose["secrets"].as_object().unwrap() {
        assert!(secret["file"].as_str().unwrap().starts_with("./secrets/"), "{name}");
    }
    let prometheus = yaml("templates/compose/prometheus.yml");
    for rules in strings(&prometheus["rule_files"]) {
        let file = rules.strip_prefix("/etc/prometheus/moai/").unwrap();
        assert!(top.join("templates/prometheus").join(file).is_file(), "{rules}");
    }
    assert!(top.join("templates/grafana/moai.json").is_file());
    let scrape = &prometheus["scrape_configs"][0];
    assert_eq!(scrape["authorization"]["credentials_file"], "/run/secrets/prometheus_key");
    // Its own, and not the one that opens everything.
    assert_eq!(strings(&services["prometheus"]["secrets"]), ["prometheus_key"]);
}

#[test]
fn the_key_of_prometheus_is_all_that_its_command_prints_and_it_reads_and_does_nothing_else() {
    let scratch = Scratch::repository();
    let served = crate::serve::Served::start(&scratch, &["--model", "sim"]);
    let key = scratch.moai(["serve", "key", "add", "prometheus", "--scope", "read"]).ok();
    assert_eq!(key.lines().count(), 1, "{key}");
    let bearer = format!("Bearer {}", key.trim());
    let ask =
        |method: &str, path: &str| served.ask_without_key(method, path, &[("authorization", &bearer)], "{}").status;
    assert_eq!(
        (ask("GET", "/metrics"), ask("POST", "/v1/messages"), ask("DELETE", "/api/router/force-model")),
        (200, 403, 403)
    );
}

/// What can be seen of a Dockerfile without a daemon: the last stage has no shell, so every command is in its exec form,
/// and what it copies was made before.
#[test]
fn the_image_is_the_program_and_nothing_else() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Dockerfile")).unwrap();
    let text = text.replace("\\\n", " ");
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
    let from = lines.iter().rposition(|line| line.starts_with("FROM ")).unwrap();
    assert_eq!(lines[from], "FROM scratch");
    let stage = &lines[from + 1..];
    assert!(!stage.iter().any(|line| line.starts_with("RUN ")));
    for word in ["CMD ", "ENTRYPOINT "] {
        let line = stage.iter().find(|line| line.starts_with(word)).unwrap();
        assert!(serde_json::from_str::<Vec<String>>(&line[word.len()..]).is_ok(), "{line}");
    }
    let health = stage.iter().find(|line| line.starts_with("HEALTHCHECK ")).unwrap();
    assert!(health.ends_with(r#"CMD ["/moai", "serve", "status"]"#));
    let user = stage.iter().find_map(|line| line.strip_prefix("USER ")).unwrap();
    assert!(
        user.split(':').all(|id| id.parse::<u32>().is_ok_and(|id| id > 0)),
        "{user}: no names in scratch, not root"
    );
    assert!(!text.contains("API_KEY") && !text.contains("ADD "));
    let rust = lines.iter().find_map(|line| line.strip_prefix("ARG RUST=")).unwrap();
    let manifest = include_str!("../../Cargo.toml");
    let oldest = manifest.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    let number = |text: &str| text.split('.').map(|part| part.parse::<u32>().unwrap()).collect::<Vec<_>>();
    assert!(number(rust) >= number(oldest), "{rust} is older than {oldest}");
}
