//! What a decision draws on beside the configuration: the keys that were found, and what is known of the models. `moai
//! route` gathers it for one prompt, the gateway for as long as a configuration counts.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::base::failure::Failure;
use crate::base::secret::Secret;
use crate::base::world::World;
use crate::journal::Days;
use crate::keys;
use crate::route::{Facts, KeyNeed, Model, Provider};

use super::books::Books;
use super::here::Here;
use super::ui::{Ui, clean};

/// The keys of all providers.
#[derive(Default)]
pub(super) struct Keys {
    /// By the provider's name.
    pub(super) found: BTreeMap<String, Secret>,
    /// The providers whose key cannot be read: they have none.
    pub(super) unreadable: Vec<(String, Failure)>,
}

impl Keys {
    /// Looks for the keys of these providers.
    pub(super) fn find(world: &World, here: &Here, providers: &[Provider]) -> Self {
        let mut keys = Self::default();
        for provider in providers {
            match find_key(&provider.key, world, here) {
                Ok(Some(key)) => drop(keys.found.insert(provider.name.clone(), key)),
                Ok(None) => {}
                Err(failure) => keys.unreadable.push((provider.name.clone(), failure)),
            }
        }
        keys
    }

    /// Says whose key cannot be read.
    pub(super) fn tell(&self, ui: &mut Ui) -> Result<(), Failure> {
        for (provider, failure) in &self.unreadable {
            ui.warn(clean(&format!("{provider} is left out: {}", failure.chain().join(": "))))?;
            for hint in failure.hints() {
                ui.hint(clean(hint))?;
            }
        }
        Ok(())
    }
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
