//! Who listens on a port of this machine: for a message that names the process instead of "address in use".
//!
//! On Linux this reads `/proc/net/tcp` and the open files of the processes that we may look at; elsewhere it asks
//! `lsof`. Where neither knows, nobody is named.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::program::Program;
use super::sort;
use super::world::World;

/// A process that listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its process id.
    pub pid: u32,
    /// Its command line's first words, as the system has them (may hold anything).
    pub command: String,
    /// Where it stands; `None` where we may not know.
    pub cwd: Option<PathBuf>,
}

/// Who listens on TCP `port`, on whichever address; `None` where it cannot be found out (another user's process).
pub fn owner(world: &World, port: u16) -> Option<Owner> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| fs::read_to_string(path).ok());
    if tables.iter().all(Option::is_none) {
        return by_lsof(world, port);
    }
    let sockets = sort::set(tables.iter().flatten().flat_map(|table| listening(table, port)));
    if sockets.is_empty() {
        return None;
    }
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let pid = pids.find(|pid| holds(*pid, &sockets))?;
    Some(Owner { pid, command: command(pid), cwd: fs::read_link(format!("/proc/{pid}/cwd")).ok() })
}

/// The inodes of the sockets of a `/proc/net/tcp` that listen (state 0A) on `port`.
fn listening(table: &str, port: u16) -> Vec<u64> {
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, "0A", _, _, _, _, _, inode, ..] = fields.as_slice() else { return None };
        let (_, own) = local.rsplit_once(':')?;
        (u16::from_str_radix(own, 16).ok()? == port).then(|| inode.parse().ok()).flatten()
    };
    table.lines().filter_map(row).collect()
}

/// Whether the process has one of these sockets open.
fn holds(pid: u32, sockets: &BTreeSet<u64>) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files.flatten().filter_map(|entry| fs::read_link(entry.path()).ok()).any(|target| {
        let inode = target.to_str().and_then(|text| text.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
        inode.is_some_and(|inode| sockets.contains(&inode))
    })
}

/// The program and its first argument: more of a command line may hold a secret.
fn command(pid: u32) -> String {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words: Vec<String> = line
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    let program = words.first().map(|path| path.rsplit('/').next().unwrap_or(path).to_owned());
    let word = words.get(1).filter(|word| word.len() <= 40 && !super::secret::is_key_shaped(word));
    match (program, word) {
        (Some(program), Some(word)) => format!("{program} {word}"),
        (Some(program), None) => program,
        (None, _) => {
            fs::read_to_string(format!("/proc/{pid}/comm")).map_or_else(|_| "?".into(), |name| name.trim_end().into())
        }
    }
}

/// `lsof -Fpc`: a line `p<pid>`, a line `c<name>`.
fn by_lsof(world: &World, port: u16) -> Option<Owner> {
    let asked = Program::new(world, "lsof").ok()?.args(["-nP", "-Fpc", "-sTCP:LISTEN"]).args([format!("-iTCP:{port}")]);
    let said = asked.run().ok()?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let field = |mark: char| text.lines().find_map(|line| line.strip_prefix(mark));
    Some(Owner { pid: field('p')?.parse().ok()?, command: field('c').unwrap_or("?").to_owned(), cwd: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_listens_on_the_port_is_in_the_way() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:0D80 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100\n\
             1: 0100007F:0D80 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 20\n\
             2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100\n";
        assert_eq!(listening(table, 3456), [4711]);
        assert_eq!(listening(table, 80), [4713]);
        assert!(listening(table, 40000).is_empty());
    }

    #[test]
    fn we_find_ourselves() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let found = owner(&World::default(), port);
        assert!(found.is_none_or(|owner| owner.pid == std::process::id()));
    }
}
