//! Who works in a directory right now: processes whose working directory is inside it.
//!
//! On Linux this reads `/proc/*/cwd`; processes of other users are not visible and not counted. Where there is no
//! `/proc` it asks `lsof`, and where there is neither it knows of nobody.

use std::fs;
use std::path::{Path, PathBuf};

use crate::base::program::Program;
use crate::base::sort;
use crate::base::world::World;

/// A running process that stands in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resident {
    /// Its process id.
    pub pid: u32,
    /// The name of its program, as the system has it (may hold anything).
    pub name: String,
}

/// Everybody's working directory, at one moment; without ourselves and the shells that we were started from.
#[derive(Debug, Clone, Default)]
pub struct Residents(Vec<Stand>);

/// Where one process stands. Its name is read where it matters: most of them stand elsewhere.
#[derive(Debug, Clone)]
struct Stand {
    pid: u32,
    cwd: PathBuf,
    name: Option<String>,
}

impl Residents {
    /// Looks around.
    pub fn look(world: &World) -> Self {
        let Ok(processes) = fs::read_dir("/proc") else { return Self(by_lsof(world)) };
        let mine = ancestors(std::process::id());
        let mut found: Vec<Stand> = processes
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
            .filter(|pid| !mine.contains(pid))
            .filter_map(|pid| Some(Stand { pid, cwd: cwd_of(pid)?, name: None }))
            .collect();
        sort::by_key(&mut found, |stand| stand.pid);
        Self(found)
    }

    /// Those who stand in `dir` or below it, by pid. `dir` is canonical.
    pub fn within(&self, dir: &Path) -> Vec<Resident> {
        let named =
            |stand: &Stand| Resident { pid: stand.pid, name: stand.name.clone().unwrap_or_else(|| name_of(stand.pid)) };
        self.0.iter().filter(|stand| stand.cwd.starts_with(dir) && !is_housekeeping(stand.pid)).map(named).collect()
    }
}

/// The processes that stand in `dir` or below it. `dir` is canonical.
pub fn residents(world: &World, dir: &Path) -> Vec<Resident> {
    Residents::look(world).within(dir)
}

/// A directory that was deleted under its process shows as `… (deleted)`, and no tree of ours starts with that.
fn cwd_of(pid: u32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/cwd")).ok()
}

/// What git starts in the background after a commit or a fetch: it stands in the worktree for a moment, and works on
/// the repository only.
const HOUSEKEEPING: &[&[u8]] = &[
    b"maintenance",
    b"gc",
    b"repack",
    b"pack-objects",
    b"pack-refs",
    b"prune",
    b"prune-packed",
    b"reflog",
    b"commit-graph",
    b"multi-pack-index",
    b"rerere",
    b"fsmonitor--daemon",
];

/// What prompts, editors and other commands of ours run to look at a worktree: over in a moment, and they write nothing
/// that could be lost.
const LOOKING: &[&[u8]] = &[
    b"status",
    b"rev-parse",
    b"rev-list",
    b"ls-files",
    b"diff-files",
    b"diff-index",
    b"for-each-ref",
    b"symbolic-ref",
    b"check-ignore",
    b"check-attr",
    b"cat-file",
    b"config",
    b"describe",
];

fn is_housekeeping(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| keeps_house(&line))
}

/// Whether a command line (words end with NUL) is one of git's own.
fn keeps_house(line: &[u8]) -> bool {
    let mut words = line.split(|byte| *byte == 0);
    let program = words.next().and_then(|path| path.rsplit(|byte| *byte == b'/').next());
    let mut command = words.next().unwrap_or_default();
    while command.starts_with(b"-") {
        if matches!(command, b"-c" | b"-C") {
            words.next();
        }
        command = words.next().unwrap_or_default();
    }
    program == Some(b"git") && (HOUSEKEEPING.contains(&command) || LOOKING.contains(&command))
}

fn name_of(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).map_or_else(|_| "?".into(), |name| name.trim_end().to_owned())
}

/// Ourselves, our parent, its parent, …
fn ancestors(pid: u32) -> Vec<u32> {
    let mut line = vec![pid];
    let mut next = parent_of(pid);
    while let Some(parent) = next.filter(|parent| *parent > 1 && !line.contains(parent)) {
        line.push(parent);
        next = parent_of(parent);
    }
    line
}

/// The fourth field of `/proc/PID/stat`; the second, the name in parentheses, may hold spaces and parentheses.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn by_lsof(world: &World) -> Vec<Stand> {
    let Ok(program) = Program::new(world, "lsof") else { return Vec::new() };
    let Ok(spoken) = program.args(["-w", "-a", "-d", "cwd", "-Fpcn"]).run() else { return Vec::new() };
    let own = std::process::id();
    let mut found = parse_lsof(&String::from_utf8_lossy(&spoken.stdout));
    found.retain(|stand| stand.pid != own);
    found
}

/// `-F` output: a line per field, `p` pid, `c` command, `n` name.
fn parse_lsof(text: &str) -> Vec<Stand> {
    let mut found = Vec::new();
    let (mut pid, mut name) = (None, String::new());
    for line in text.lines() {
        match line.split_at_checked(1) {
            Some(("p", value)) => pid = value.parse().ok(),
            Some(("c", value)) => value.clone_into(&mut name),
            Some(("n", value)) => {
                found.extend(pid.map(|pid| Stand { pid, cwd: PathBuf::from(value), name: Some(name.clone()) }));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_line_is_not_counted() {
        let here = fs::read_link("/proc/self/cwd").unwrap();
        let own = std::process::id();
        let line = ancestors(own);
        assert!(line.contains(&own) && line.len() > 1, "{line:?}");
        let found = Residents::look(&World::default()).within(&here);
        assert!(found.iter().all(|resident| !line.contains(&resident.pid)));
    }

    #[test]
    fn gits_housekeeping_and_looking_are_told_from_its_work() {
        assert!(keeps_house(b"/usr/lib/git-core/git\0maintenance\0run\0--auto\0"));
        assert!(keeps_house(b"git\0--no-pager\0gc\0--auto\0"));
        assert!(keeps_house(b"git\0-c\0core.fsmonitor=false\0status\0"));
        assert!(!keeps_house(b"git\0commit\0"));
        assert!(!keeps_house(b"git\0-C\0status\0commit\0"));
        assert!(!keeps_house(b"vim\0gc\0"));
        assert!(!keeps_house(b""));
    }

    #[test]
    fn lsof_is_understood() {
        let text = "p12\ncbash\nfcwd\nn/work/tree/src\np13\nczsh\nfcwd\nn/work/treehouse\n";
        let found = Residents(parse_lsof(text)).within(Path::new("/work/tree"));
        assert_eq!(found, [Resident { pid: 12, name: "bash".into() }]);
    }
}
