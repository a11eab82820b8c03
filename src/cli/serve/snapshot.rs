//! The configuration as the gateway works with it: read from the files at the start and at every reload, and the list
//! of those files, so that a change of one is seen.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::failure::Failure;
use crate::base::secret::Secret;
use crate::base::sort;
use crate::base::world::World;
use crate::cli::books::{self, Books};
use crate::cli::experiment;
use crate::cli::here::Here;
use crate::cli::supply::{self, Keys};
use crate::config::{Files, GATEWAY_VAR, Routing, Serve};
use crate::exchange::Lines;
use crate::gateway::{Allowance, Snapshot};
use crate::journal::Recorder;
use crate::route::Roster;
use crate::route::memory::Budget;

/// Reads the configuration, again and again.
pub(super) struct Loader {
    world: World,
    /// `--model`.
    model: Option<String>,
    lines: Mutex<Option<Held>>,
    /// The certificates of the last snapshot.
    tls: Mutex<Vec<PathBuf>>,
}

/// The connections of the last snapshot, and what they were made for.
struct Held {
    keys: BTreeMap<String, Secret>,
    memory: Option<Budget>,
    lines: Arc<Lines>,
}

/// A configuration that was read.
pub(super) struct Loaded {
    pub(super) snapshot: Snapshot,
    /// What the person should know, one sentence each.
    pub(super) notes: Vec<String>,
}

impl Loader {
    /// A loader for a gateway at `url`: no vendor's address may be that one.
    pub(super) fn new(world: &World, url: &str, model: Option<String>) -> Self {
        let mut world = world.clone();
        // A gateway that is started in a session on another one does not send its requests there, either.
        let outer = world.env.text(GATEWAY_VAR).unwrap_or_default();
        let all = format!("{url} {outer}");
        world.env.set(GATEWAY_VAR, all.trim_end());
        Self { world, model, lines: Mutex::default(), tls: Mutex::default() }
    }

    /// Reads everything. Nothing is changed where something is wrong.
    pub(super) fn load(&self) -> Result<Loaded, Failure> {
        let world = &self.world;
        let here = Here::quietly(world)?;
        let mut routing = Routing::load(world, &here.project, &here.config)?;
        let mut notes: Vec<String> = here.config.warnings().to_vec();
        notes.append(&mut routing.warnings);
        notes.extend(self.model.as_deref().and_then(|model| routing.adopt(model)));
        let keys = Keys::find(world, &here, &routing.providers);
        for (provider, failure) in &keys.unreadable {
            notes.push(format!("{provider} is left out: {}", failure.chain().join(": ")));
        }
        notes.extend(keys.missing.iter().map(|(way, why)| format!("the deployment {way} is left out: {why}")));
        let book = Some(routing.price_book.as_str()).filter(|book| !book.is_empty());
        let mut books = Books::open(world, &here, book)?;
        let facts = supply::facts(&mut books, &routing.models, world.now());
        let learned = books.learned().clone();
        notes.extend(books.trouble().map(|(warning, _)| warning));
        let prices = books.prices().clone();
        let has_key = |provider: &crate::route::Provider| keys.found.contains_key(&provider.name);
        let roster = Roster::new(routing.models, routing.providers, has_key);
        if let Some(model) = &self.model {
            roster.ready(model)?;
        }
        routing.policy.experiments = experiment::running(world).unwrap_or_else(|failure| {
            notes.push(format!("{}; no experiment has a say", failure.chain().join(": ")));
            Vec::new()
        });
        routing.policy.beliefs = Arc::new(experiment::beliefs(&routing.policy.experiments, &mut books, world.now()));
        let serve = here.config.serve()?;
        self.watch(&serve);
        let snapshot = Snapshot {
            roster,
            policy: routing.policy,
            prices,
            lines: self.lines(keys.found, routing.memory),
            facts,
            learned,
            allowance: Arc::new(Allowance { budgets: routing.budgets, limits: routing.limits }),
            cache: routing.cache,
            alerts: Arc::new(routing.alerts),
            log: routing.log,
            serve,
            only: self.model.clone(),
        };
        Ok(Loaded { snapshot, notes })
    }

    /// The connections of before where the keys and the memory are the same: they are open, and new ones take time.
    fn lines(&self, keys: BTreeMap<String, Secret>, memory: Option<Budget>) -> Arc<Lines> {
        let mut held = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = held.as_ref().filter(|held| held.keys == keys && held.memory == memory) {
            return Arc::clone(&held.lines);
        }
        let lines = Arc::new(Lines::new(keys.clone()).sharing(supply::memory(&self.world, memory)));
        *held = Some(Held { keys, memory, lines: Arc::clone(&lines) });
        lines
    }

    /// The journal that holds here. Nothing is opened yet.
    pub(super) fn recorder(world: &World) -> Result<Recorder, Failure> {
        books::recorder(world, &Here::quietly(world)?)
    }

    /// The settings of the gateway alone, for before there is one.
    pub(super) fn serve(world: &World) -> Result<Serve, Failure> {
        Ok(Here::quietly(world)?.config.serve()?)
    }

    /// The certificates are files of the configuration, too.
    pub(super) fn watch(&self, serve: &Serve) {
        let files = serve.tls.iter().flat_map(|tls| [tls.cert.clone(), tls.key.clone()]).collect();
        *self.tls.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }

    /// How the files look that the configuration comes from.
    pub(super) fn marks(&self) -> Marks {
        let world = &self.world;
        let Ok(here) = crate::config::Project::find(world) else { return Marks::default() };
        let files = Files::of(world, &here);
        let mut paths: Vec<PathBuf> = files.user.into_iter().collect();
        paths.extend([files.llm_yaml, files.project, files.main, files.checkout, files.glm_json]);
        paths.extend(Files::seeds(&here));
        if let Ok(home) = world.moai_home() {
            paths.extend([".env.glm", "credentials.yaml"].map(|name| home.join(name)));
        }
        paths.extend(books::user_book(world));
        paths.extend(crate::cli::learn::file(world));
        paths.extend(experiment::file(world));
        paths.extend(books::list_books(world).into_iter().flatten());
        paths.extend(self.tls.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        sort::by(&mut paths, Ord::cmp);
        paths.dedup();
        Marks(paths.into_iter().map(|path| (mark(&path), path)).collect())
    }
}

/// How files look from outside; two that differ were not the same files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Marks(Vec<(Option<Mark>, PathBuf)>);

/// Device, inode, size, and when it was changed.
type Mark = (u64, u64, u64, i64, i64);

fn mark(path: &Path) -> Option<Mark> {
    let meta = fs::metadata(path).ok()?;
    Some((meta.dev(), meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec()))
}

/// The models of a roster that can be asked without being named for it.
pub(super) fn ready(roster: &Roster) -> Vec<String> {
    let open = roster.all_ready().filter(|ready| !ready.model().named_only);
    open.map(|ready| ready.name().to_owned()).collect()
}
