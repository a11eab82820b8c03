//! What a decision draws on beside the configuration: the keys that were found, and what is known of the models. `moai
//! route` gathers it for one prompt, the gateway for as long as a configuration counts.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::base::failure::Failure;
use crate::base::secret::Secret;
use crate::base::world::World;
use crate::exchange::Memory;
use crate::journal::Days;
use crate::keys;
use crate::route::memory::Budget;
use crate::route::{Facts, KeyNeed, Model, Provider};

use super::books::Books;
use super::here::Here;
use super::ui::{Ui, clean};

/// The keys of all providers.
#[derive(Default)]
pub(super) struct Keys {
    /// By the names of the ways to the providers ([`Provider::ways`]).
    pub(super) found: BTreeMap<String, Secret>,
    /// The ways whose key cannot be read: they have none.
    pub(super) unreadable: Vec<(String, Failure)>,
    /// The deployments whose key is nowhere, and where it should be.
    pub(super) missing: Vec<(String, String)>,
}

impl Keys {
    /// Looks for the keys of these providers and their deployments.
    pub(super) fn find(world: &World, here: &Here, providers: &[Provider]) -> Self {
        let mut keys = Self::default();
        for provider in providers {
            let before = keys.found.len();
            let mut missing = Vec::new();
            for way in provider.ways() {
                match find_key(&way.key, world, here) {
                    Ok(Some(key)) => drop(keys.found.insert(way.name.clone(), key)),
                    Ok(None) => missing.extend(missed(way).filter(|_| !provider.deployments.is_empty())),
                    Err(failure) => keys.unreadable.push((way.name.clone(), failure)),
                }
            }
            // A provider without any key is told of when somebody wants it.
            if keys.found.len() > before {
                keys.missing.append(&mut missing);
            }
        }
        keys
    }

    /// Says whose key cannot be read, and which deployments have none.
    pub(super) fn tell(&self, ui: &mut Ui) -> Result<(), Failure> {
        for (way, failure) in &self.unreadable {
            ui.warn(clean(&format!("{way} is left out: {}", failure.chain().join(": "))))?;
            for hint in failure.hints() {
                ui.hint(clean(hint))?;
            }
        }
        for (way, why) in &self.missing {
            ui.warn(clean(&format!("the deployment {way} is left out: {why}")))?;
        }
        Ok(())
    }
}

/// The deployment whose key is nowhere, and where it should be.
fn missed(way: &Provider) -> Option<(String, String)> {
    let why = match &way.key {
        KeyNeed::Variables(names) => format!("${} is not set", names.join(", $")),
        KeyNeed::Stored(provider) => format!("there is no key of {provider}"),
        KeyNeed::None | KeyNeed::Optional(_) => return None,
    };
    Some((way.name.clone(), why))
}

fn find_key(need: &KeyNeed, world: &World, here: &Here) -> Result<Option<Secret>, Failure> {
    match need {
        KeyNeed::None => Ok(None),
        KeyNeed::Optional(need) => find_key(need, world, here),
        KeyNeed::Stored(provider) => {
            let found = keys::find(world, *provider, &here.lookup())?;
            Ok(found.map(|found| found.secret))
        }
        KeyNeed::Variables(names) => Ok(names.iter().find_map(|name| world.env.text(name)).map(Secret::new)),
    }
}

/// The memory that the models of this machine share, where it is counted.
pub(super) fn memory(world: &World, budget: Option<Budget>) -> Option<Memory> {
    // Without a home of its own moai keeps track of nothing; it has told so before it comes here.
    let dir = world.moai_home().ok()?.join("local");
    budget.map(|budget| Memory::new(budget, dir))
}

/// What is known of the models: their prices, and how fast they were. A journal that cannot be read says nothing
/// about speed; recording will say what is wrong with it.
pub(super) fn facts(books: &mut Books, models: &[Model], now: Timestamp) -> Facts {
    let mut facts = Facts::priced(models, books.prices(), now);
    let stats = books.existing().ok().flatten().and_then(|journal| journal.stats(Days::default()).ok());
    for one in stats.unwrap_or_default() {
        if let Some(times) = one.total_ms {
            facts.set_median(&one.model, Duration::from_millis(times.p50));
        }
    }
    facts
}
