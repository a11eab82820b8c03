//! Who takes part: the vendor, the reference proxies and `moai serve`, each a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::body::Reply;
use crate::reference;

/// Made up; the vendor here asks for none.
const KEY: &str = "bench-key-0123456789";

/// A child that ends with its owner.
pub(crate) struct Running {
    child: Child,
    pub(crate) ports: Vec<u16>,
}

impl Running {
    /// One of this program's own roles, which tells its ports on its first line.
    pub(crate) fn role(args: &[&str]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, ports: line.split_whitespace().map(|port| port.parse().unwrap()).collect() }
    }

    /// nginx in front of these ports; `None` where it is not installed.
    pub(crate) fn nginx(dir: &Path, to: &[u16]) -> Option<Self> {
        let ports: Vec<u16> = to.iter().map(|_| free_port()).collect();
        let file = dir.join("nginx.conf");
        std::fs::write(&file, reference::nginx(dir, &ports, to)).unwrap();
        let mut command = Command::new("nginx");
        command.args(["-p".as_ref(), dir.as_os_str(), "-c".as_ref(), file.as_os_str()]);
        let child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let running = Self { child, ports };
        answers(running.ports[0], Duration::from_secs(5)).then_some(running)
    }

    /// The process and its children.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let own = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
        std::iter::once(own).chain(children.split_whitespace().map(|pid| pid.parse().unwrap())).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap_or_default();
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A home in which `moai serve` forwards everything to one vendor.
pub(crate) struct Home {
    dir: PathBuf,
    program: PathBuf,
}

impl Home {
    pub(crate) fn new(dir: &Path, program: &Path, reply: Reply, vendor: u16) -> Self {
        let dir = dir.join(format!("{reply:?}"));
        std::fs::create_dir_all(dir.join(".moai")).unwrap();
        let wire = if reply == Reply::Chat { "chat" } else { "anthropic" };
        let config = format!(
            "[providers.bench]\nbase_url = \"http://127.0.0.1:{vendor}\"\nwire = \"{wire}\"\nkey_env = \"BENCH_KEY\"\n\n\
             [models.bench-model]\nprovider = \"bench\"\ntier = 2\n\n\
             [tiers]\nplan = [\"bench-model\"]\nimplement = [\"bench-model\"]\n"
        );
        std::fs::write(dir.join(".moai/config.toml"), config).unwrap();
        Self { dir, program: program.to_owned() }
    }

    /// Starts the gateway; it may not have bound its port yet.
    pub(crate) fn serve(&self) -> Running {
        let port = free_port();
        let mut command = Command::new(&self.program);
        command.env_clear().env("HOME", &self.dir).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("LANG", "C.UTF-8").env("BENCH_KEY", KEY).current_dir(&self.dir);
        let errors = std::fs::File::create(self.dir.join("stderr")).unwrap();
        command.args(["serve", "--port", &port.to_string()]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors);
        Running { child: command.spawn().unwrap(), ports: vec![port] }
    }

    /// Starts the gateway and waits for it.
    pub(crate) fn served(&self) -> Running {
        let running = self.serve();
        let said = || std::fs::read_to_string(self.dir.join("stderr")).unwrap_or_default();
        let is_up = answers(running.ports[0], Duration::from_secs(20));
        // At its first start it makes a key, after it has taken its port.
        let begun = Instant::now();
        while is_up && !self.key_file().exists() && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(is_up && self.key_file().exists(), "moai serve is not up: {}", said());
        running
    }

    fn key_file(&self) -> PathBuf {
        self.dir.join(".moai/gateway/key")
    }

    /// The access key that the gateway made at its first start.
    pub(crate) fn key(&self) -> String {
        let path = self.key_file();
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).trim().to_owned()
    }
}

/// Whether somebody takes connections on this port before the time is over.
fn answers(port: u16, patience: Duration) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < patience {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    false
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Pins this process, and the children that it starts from now on, to these cores.
pub(crate) fn pin(cores: &str) {
    tool("taskset", &["-a", "-p", "-c", cores, &std::process::id().to_string()]);
}

/// Pins a process with all its threads.
pub(crate) fn pin_others(pids: &[u32], cores: &str) {
    for pid in pids {
        tool("taskset", &["-a", "-p", "-c", cores, &pid.to_string()]);
    }
}

/// Before the others of this machine, where that is allowed: as a process, and as the session that the scheduler takes
/// together.
pub(crate) fn hurry() {
    if rustix::process::setsid().is_ok() && std::fs::write("/proc/self/autogroup", "-15").is_err() {
        println!("note: the session has no priority");
    }
    tool("renice", &["-n", "-15", "-p", &std::process::id().to_string()]);
}

fn tool(program: &str, args: &[&str]) {
    let done = Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !done.is_ok_and(|status| status.success()) {
        println!("note: `{program} {}` did not work", args.join(" "));
    }
}
