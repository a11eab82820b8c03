//! A scratch world: a temporary HOME and project, a cleared environment, a fixed clock and a git that reads no
//! configuration but its own. Dropped with everything in it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The moment that every scratch world lives in.
pub(crate) const NOW: &str = "2026-01-09T12:00:00Z";

/// A key that looks real. Guards search every output and file for it.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef.SeCrEtSeCrEtSeCr";

/// A temporary world with a home and a project in it.
pub(crate) struct Scratch {
    root: tempfile::TempDir,
    env: Vec<(String, String)>,
}

/// What a finished `moai` said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn from(output: &Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let status = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
        Self {
            status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts success and returns standard output.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, 0, "expected success\n{self:#?}");
        self.stdout
    }

    /// Asserts this exit code and returns standard error.
    #[track_caller]
    pub(crate) fn fails(self, status: i32) -> String {
        assert_eq!(self.status, status, "expected exit {status}\n{self:#?}");
        self.stderr
    }

    /// Asserts success and parses standard output as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("not JSON ({error}):\n{text}"))
    }
}

impl Scratch {
    /// A world with an empty home and an empty project directory that is no repository.
    pub(crate) fn new() -> Self {
        let root = tempfile::Builder::new().prefix("moai-it-").tempdir().unwrap();
        let scratch = Self { root, env: Vec::new() };
        fs::create_dir_all(scratch.home()).unwrap();
        fs::create_dir_all(scratch.project()).unwrap();
        scratch
    }

    /// A world whose project is a git repository on `main` with one commit.
    pub(crate) fn repository() -> Self {
        let scratch = Self::new();
        scratch.git(["init", "--quiet", "--initial-branch=main"]);
        scratch.write("README.md", "# demo\n");
        scratch.git(["add", "."]);
        scratch.git(["commit", "--quiet", "-m", "first"]);
        scratch
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.root.path().canonicalize().unwrap()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.root().join("home")
    }

    pub(crate) fn project(&self) -> PathBuf {
        self.root().join("DesignWorkflow")
    }

    /// Sets a variable for every later `moai` and `git` of this world.
    pub(crate) fn set_env(&mut self, name: &str, value: &str) {
        self.env.push((name.into(), value.into()));
    }

    /// Writes a file of the project, with its directories.
    pub(crate) fn write(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        put(&self.project().join(path), text)
    }

    /// Writes a file below the home directory.
    pub(crate) fn write_home(&self, path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        put(&self.home().join(path), text)
    }

    /// Reads a file of the project.
    #[track_caller]
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> String {
        let path = self.project().join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// A command with this world's environment, standing in the project.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.project()).stdin(Stdio::null());
        for name in ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("HOME", self.home())
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("MOAI_NOW", NOW)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_AUTHOR_NAME", "Tester")
            .env("GIT_AUTHOR_EMAIL", "tester@example.com")
            .env("GIT_COMMITTER_NAME", "Tester")
            .env("GIT_COMMITTER_EMAIL", "tester@example.com")
            .env("GIT_AUTHOR_DATE", NOW)
            .env("GIT_COMMITTER_DATE", NOW);
        command.envs(self.env.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        command
    }

    /// `moai` with these arguments, ready to be changed before it runs.
    pub(crate) fn moai_command<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_moai"));
        command.args(args);
        command
    }

    /// Runs `moai` in the project.
    pub(crate) fn moai<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I) -> Said {
        Said::from(&self.moai_command(args).output().unwrap())
    }

    /// Runs `moai` in another directory.
    pub(crate) fn moai_in<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, dir: &Path, args: I) -> Said {
        Said::from(&self.moai_command(args).current_dir(dir).output().unwrap())
    }

    /// Runs `moai` with this standard input.
    pub(crate) fn moai_stdin<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, input: &str, args: I) -> Said {
        use std::io::Write as _;
        let mut command = self.moai_command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Said::from(&child.wait_with_output().unwrap())
    }

    /// Runs git in the project, which must succeed; returns its output, trimmed at the end.
    #[track_caller]
    pub(crate) fn git<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, args: I) -> String {
        self.git_in(&self.project(), args)
    }

    /// Runs git in another directory.
    #[track_caller]
    pub(crate) fn git_in<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, dir: &Path, args: I) -> String {
        let output = self.command("git").args(args).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "git failed: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Every file below the scratch root with its bytes: what "nothing changed" is compared with.
    pub(crate) fn snapshot(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.root(), &mut files);
        files.sort();
        files
    }
}

fn collect(dir: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        // A process that is still at work may take a file away between two looks.
        let meta = match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            meta => meta.unwrap(),
        };
        if meta.is_dir() {
            collect(&path, files);
        } else if meta.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            files.push((path, target.into_os_string().into_encoded_bytes()));
        } else if meta.is_file() {
            let bytes = fs::read(&path).unwrap_or_default();
            files.push((path, bytes));
        }
    }
}

fn put(path: &Path, text: impl AsRef<[u8]>) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    path.to_path_buf()
}

/// The permission bits of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}
