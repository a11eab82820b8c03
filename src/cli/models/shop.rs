//! What the commands about models need, opened once: the configuration, the keys, the prices, the way out.

use std::future::Future;
use std::sync::Arc;

use tokio::runtime::Runtime;

use crate::base::failure::{Failure, Kind};
use crate::base::interrupt::Interrupted;
use crate::base::world::World;
use crate::cli::books::Books;
use crate::cli::here::Here;
use crate::cli::supply::{self, Keys};
use crate::cli::ui::{Ui, clean};
use crate::config::Routing;
use crate::exchange::{Lines, stopped};
use crate::route::memory::Budget;
use crate::route::{Engine, Model, Policy, Provider, Ready, Roster};
use crate::upstream::check_proxies;
use crate::wire::Dialect;

/// See the top of this file.
pub(super) struct Shop {
    pub(super) world: World,
    pub(super) here: Here,
    pub(super) roster: Roster,
    pub(super) policy: Policy,
    /// Every provider that is configured, with a key or without.
    pub(super) providers: Vec<Provider>,
    pub(super) budget: Option<Budget>,
    pub(super) books: Books,
    pub(super) lines: Arc<Lines>,
    runtime: Runtime,
}

impl Shop {
    /// Opens everything. `wanted`: models that somebody names; one of the form `provider/id` need not be configured.
    pub(super) fn open(world: &World, wanted: &[String], ui: &mut Ui) -> Result<Self, Failure> {
        let here = Here::look(world, ui)?;
        let mut routing = Routing::load(world, &here.project, &here.config)?;
        for warning in routing.warnings_for(None, None) {
            ui.warn(clean(warning))?;
        }
        for model in wanted {
            if let Some(note) = routing.adopt(model) {
                ui.warn(clean(&note))?;
            }
        }
        check_proxies(|variable| world.env.text(variable))?;
        let book = Some(routing.price_book.as_str()).filter(|book| !book.is_empty());
        let books = Books::open(world, &here, book)?;
        let keys = Keys::find(world, &here, &routing.providers);
        keys.tell(ui)?;
        let has_key = |provider: &Provider| keys.found.contains_key(&provider.name);
        let roster = Roster::new(routing.models, routing.providers.clone(), has_key);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime =
            runtime.map_err(|error| Failure::new(Kind::Bug, format!("cannot start the event loop: {error}")))?;
        Ok(Self {
            lines: Arc::new(Lines::new(keys.found).sharing(supply::memory(world, routing.memory))),
            world: world.clone(),
            here,
            roster,
            policy: routing.policy,
            providers: routing.providers,
            budget: routing.memory,
            books,
            runtime,
        })
    }

    /// A model that can be asked.
    pub(super) fn ready(&self, model: &str) -> Result<Ready, Failure> {
        Ok(self.roster.ready(model)?)
    }

    /// A model of an Ollama.
    pub(super) fn local(&self, model: &str) -> Result<Ready, Failure> {
        let ready = self.ready(model)?;
        if is_ollama(ready.provider()) {
            return Ok(ready);
        }
        let message = format!("{} is a model of {}, which loads by itself", ready.name(), ready.provider().name);
        Err(Failure::usage(clean(&message)).hint("name a model of an Ollama: `moai models list --provider ollama`"))
    }

    /// The Ollamas: every way to a provider that is one.
    pub(super) fn ollamas(&self) -> Vec<&Provider> {
        self.providers.iter().filter(|provider| is_ollama(provider)).flat_map(Provider::ways).collect()
    }

    /// Waits for `work`, which looks for Ctrl-C itself.
    pub(super) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.world.interrupt.listen();
        self.runtime.block_on(work)
    }

    /// Waits for `work`; Ctrl-C ends it.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, Interrupted> {
        self.run(async {
            tokio::select! {
                biased;
                interrupted = stopped(&self.world.interrupt) => Err(interrupted),
                done = work => Ok(done),
            }
        })
    }
}

/// Whether this is an Ollama, spoken to as one.
pub(super) fn is_ollama(provider: &Provider) -> bool {
    provider.wire == Dialect::Ollama && provider.engine == Engine::Http
}

/// What a model is called at its provider: `ollama/qwen2.5-coder:32b`.
pub(super) fn full_name(model: &Model) -> String {
    format!("{}/{}", model.provider, model.id)
}
