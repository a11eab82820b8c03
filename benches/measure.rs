//! Measuring child processes: wall time and CPU time (of the child and all its children) through bash's `time`, and
//! peak memory through /usr/bin/time. Always in the same run as what it is compared with,
//! because a shared machine is never twice the same.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What one run took.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Took {
    /// Milliseconds from start to end.
    pub(crate) wall: f64,
    /// Milliseconds of CPU, user and system.
    pub(crate) cpu: f64,
    /// Whether it exited with 0.
    pub(crate) ok: bool,
}

/// A world of its own for the programs that are measured.
pub(crate) struct Ground {
    root: PathBuf,
    temporary: Option<tempfile::TempDir>,
}

impl Ground {
    /// In `MOAI_BENCH_DIR`, else in a temporary directory.
    pub(crate) fn new() -> Self {
        if let Some(dir) = std::env::var_os("MOAI_BENCH_DIR") {
            let root = PathBuf::from(dir).join(format!("moai-bench-{}", std::process::id()));
            std::fs::create_dir_all(root.join("home")).unwrap();
            return Self { root, temporary: None };
        }
        let temporary = tempfile::Builder::new().prefix("moai-bench-").tempdir().unwrap();
        std::fs::create_dir_all(temporary.path().join("home")).unwrap();
        Self { root: temporary.path().canonicalize().unwrap(), temporary: Some(temporary) }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// A program with this world's environment, in `dir`.
    pub(crate) fn command(&self, dir: &Path, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(dir).stdin(Stdio::null());
        for (name, value) in [("LANG", "C.UTF-8"), ("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")] {
            command.env(name, value);
        }
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "Bench").env(format!("GIT_{who}_EMAIL"), "bench@example.com");
        }
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.home());
        command
    }

    /// Runs it, which must succeed; returns its trimmed output.
    pub(crate) fn run(&self, dir: &Path, program: &str, args: &[&str]) -> String {
        let output = self.command(dir, program).args(args).output().unwrap();
        assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Measures one run.
    pub(crate) fn time<S: AsRef<OsStr>>(&self, dir: &Path, program: &Path, args: &[S]) -> Took {
        self.mean(dir, program, args, 1)
    }

    /// Measures several runs, one after the other, and returns the mean: bash counts whole milliseconds, which are much
    /// for a small command.
    pub(crate) fn mean<S: AsRef<OsStr>>(&self, dir: &Path, program: &Path, args: &[S], runs: u32) -> Took {
        let script = "TIMEFORMAT='%R %U %S'; exec 3>&2; runs=$1; shift; code=0; \
            time { for ((i = 0; i < runs; i++)); do \"$@\" >/dev/null 2>&1 </dev/null || code=$?; done; echo $code >&3; }";
        let runs_text = runs.to_string();
        let mut all: Vec<OsString> = vec!["-c".into(), script.into(), "bash".into(), runs_text.into(), program.into()];
        all.extend(args.iter().map(|arg| arg.as_ref().to_owned()));
        let output = self.command(dir, "bash").args(all).output().expect("bash measures the time");
        let text = String::from_utf8_lossy(&output.stderr);
        let mut lines = text.lines().rev();
        let numbers: Vec<f64> =
            lines.next().unwrap_or_default().split(' ').filter_map(|number| number.parse().ok()).collect();
        let [wall, user, system] = numbers[..] else { panic!("bash said: {text}") };
        let each = 1e3 / f64::from(runs);
        Took { wall: wall * each, cpu: (user + system) * each, ok: lines.next() == Some("0") }
    }

    /// Peak memory in MiB, where /usr/bin/time is installed.
    pub(crate) fn peak<S: AsRef<OsStr>>(&self, dir: &Path, program: &Path, args: &[S]) -> Option<f64> {
        let output = self
            .command(dir, "/usr/bin/time")
            .args(["-q", "-f", "peak %M", "--"])
            .arg(program)
            .args(args)
            .output()
            .ok()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let kib: f64 =
            text.lines().rev().find_map(|line| line.strip_prefix("peak ")).and_then(|kib| kib.parse().ok())?;
        Some(kib / 1024.0)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if self.temporary.is_none() {
            drop(std::fs::remove_dir_all(&self.root));
        }
    }
}

/// The moai that is measured: `MOAI_BENCH_BIN`, else the one that cargo has just built.
pub(crate) fn moai() -> PathBuf {
    std::env::var_os("MOAI_BENCH_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_moai")), PathBuf::from)
}

/// The smallest, the middle and the largest.
pub(crate) fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}

/// The value after `--name` on the command line.
pub(crate) fn option(name: &str) -> Option<String> {
    let args: Vec<String> = std::env::args().collect();
    args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1).cloned())
}
