//! `moai worktree create` against `git worktree add`, in pairs in one run, on generated repositories.
//!
//! `cargo bench --bench worktree -- [--files 2000,20000,100000] [--rounds 7] [--check]`; `MOAI_BENCH_DIR` chooses the
//! file system. `--check` fails where a target is missed. Each round makes one worktree with each program, in turns,
//! with everything written out beforehand; ratios are of the two runs of one round. Nothing is deleted in between:
//! ext4 looks at every inode that was freed in the last seconds before it gives out one, which takes longer than the
//! work itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench fails by panicking and prints its figures"
)]

#[path = "measure.rs"]
#[allow(dead_code, reason = "each bench uses a part of it")]
mod measure;

use std::path::Path;

use measure::{Ground, Took, moai, option, spread};

/// Files and the ratio of wall time that is not to be exceeded.
const TARGETS: [(usize, f64); 3] = [(2_000, 0.30), (20_000, 0.30), (100_000, 0.40)];

fn main() {
    let wanted: Vec<usize> = match option("--files") {
        Some(list) => list.split(',').map(|number| number.parse().unwrap()).collect(),
        None => TARGETS.iter().map(|(files, _)| *files).collect(),
    };
    let mut missed = false;
    println!("moai worktree create / git worktree add: min median max of the ratios of one round");
    for files in wanted {
        let rounds = option("--rounds").map_or(if files > 50_000 { 3 } else { 7 }, |rounds| rounds.parse().unwrap());
        let target = TARGETS.iter().find(|(known, _)| *known == files).map(|(_, target)| *target);
        missed |= bench(files, rounds, target);
    }
    assert!(!missed || !std::env::args().any(|arg| arg == "--check"), "a target was missed");
}

/// Benches one size; true where the target was missed.
fn bench(files: usize, rounds: usize, target: Option<f64>) -> bool {
    let ground = Ground::new();
    let repo = ground.root().join("repo");
    generate(&ground, &repo, files);
    let (mut wall, mut cpu, mut git_first, mut our_first, mut status) = (vec![], vec![], vec![], vec![], vec![]);
    let mut floor = Vec::new();
    for round in 0..rounds {
        let theirs = ground.root().join(format!("git-{round}"));
        let ours = ground.root().join(format!("moai-{round}"));
        let pair = if round % 2 == 0 {
            let git = by_git(&ground, &repo, &theirs, round);
            (git, by_moai(&ground, &repo, &ours, round))
        } else {
            let moai = by_moai(&ground, &repo, &ours, round);
            (by_git(&ground, &repo, &theirs, round), moai)
        };
        wall.push(pair.1.wall / pair.0.wall);
        cpu.push(pair.1.cpu / pair.0.cpu);
        git_first.push(pair.0.wall);
        our_first.push(pair.1.wall);
        rustix::fs::sync();
        let copy = ground.root().join(format!("cp-{round}"));
        let cp = ground.time(&repo, Path::new("cp"), &[Path::new("-a"), &theirs, &copy]);
        floor.push(cp.wall / pair.0.wall);
        std::fs::remove_file(copy.join(".git")).unwrap();
        status.push(check(&ground, &theirs, &ours));
    }
    let (low, middle, high) = spread(wall);
    let (cpu_low, cpu_middle, cpu_high) = spread(cpu);
    let (status_low, status_middle, status_high) = spread(status);
    println!("{files} files, {rounds} rounds");
    println!("  git {:.0} ms, moai {:.0} ms (medians)", spread(git_first).1, spread(our_first).1);
    println!("  wall    {low:.2} {middle:.2} {high:.2}{}", verdict(target, middle));
    let (floor_low, floor_middle, floor_high) = spread(floor);
    println!("  cp -a   {floor_low:.2} {floor_middle:.2} {floor_high:.2}  (wall of copying the same tree with cp)");
    println!("  cpu     {cpu_low:.2} {cpu_middle:.2} {cpu_high:.2}");
    println!(
        "  status  {status_low:.2} {status_middle:.2} {status_high:.2}  (CPU of the second git status, ours / git's)"
    );
    target.is_some_and(|target| middle > target)
}

fn verdict(target: Option<f64>, middle: f64) -> String {
    target.map_or_else(String::new, |target| {
        format!("  target {target:.2}: {}", if middle <= target { "met" } else { "MISSED" })
    })
}

fn by_git(ground: &Ground, repo: &Path, to: &Path, round: usize) -> Took {
    rustix::fs::sync();
    let branch = format!("git-{round}");
    let took = ground.time(repo, Path::new("git"), &["worktree", "add", "-q", "-b", &branch, to.to_str().unwrap()]);
    assert!(took.ok, "git worktree add failed");
    took
}

fn by_moai(ground: &Ground, repo: &Path, to: &Path, round: usize) -> Took {
    rustix::fs::sync();
    let name = format!("SPEC-{round}");
    let args = ["worktree", "create", &name, "--engine", "native", "--path", to.to_str().unwrap()];
    let took = ground.time(repo, &moai(), &args);
    assert!(took.ok, "moai worktree create failed");
    took
}

/// Both are clean and the same; returns the ratio of the CPU time of a settled `git status`.
fn check(ground: &Ground, theirs: &Path, ours: &Path) -> f64 {
    let mut cpu = Vec::new();
    for tree in [theirs, ours] {
        assert_eq!(ground.run(tree, "git", &["status", "--porcelain"]), "", "not clean: {}", tree.display());
        let took: Vec<f64> =
            (0..3).map(|_| ground.time(tree, Path::new("git"), &["status", "--porcelain"]).cpu).collect();
        cpu.push(spread(took).0);
    }
    let head = |tree: &Path| ground.run(tree, "git", &["ls-files", "--stage"]);
    assert!(head(theirs) == head(ours), "the indexes differ");
    let differ = ground.command(theirs, "diff").args(["-r", "--exclude=.git", "."]).arg(ours).output().unwrap();
    assert!(differ.status.success(), "the files differ: {}", String::from_utf8_lossy(&differ.stdout));
    cpu[1] / cpu[0].max(0.5)
}

/// A repository of text files of 4 to 8 KiB, 40 to a directory, three levels deep, packed.
fn generate(ground: &Ground, repo: &Path, files: usize) {
    std::fs::create_dir_all(repo).unwrap();
    ground.run(repo, "git", &["init", "-q", "-b", "main"]);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let words: Vec<String> = (0..4096).map(|_| format!("{:x}", next() >> 40)).collect();
    for number in 0..files {
        let dir = repo.join(format!("part{}/unit{}", number / 1600, number / 40 % 40));
        if number % 40 == 0 {
            std::fs::create_dir_all(&dir).unwrap();
        }
        let size = 4096 + usize::try_from(next() % 4096).unwrap();
        let mut text = String::with_capacity(size + 16);
        while text.len() < size {
            text.push_str(&words[usize::try_from(next() % 4096).unwrap()]);
            text.push(if next() % 9 == 0 { '\n' } else { ' ' });
        }
        std::fs::write(dir.join(format!("file{number}.txt")), text).unwrap();
    }
    ground.run(repo, "git", &["add", "."]);
    ground.run(repo, "git", &["commit", "-q", "-m", "generated"]);
    ground.run(repo, "git", &["repack", "-adq", "--window=0"]);
}
