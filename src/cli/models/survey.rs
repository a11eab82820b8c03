//! What the providers say of themselves at this moment: all at once, none for longer than a few seconds. One that does
//! not answer is a word in the table, and no failure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::base::interrupt::Interrupted;
use crate::route::memory::{Loaded, tagged};
use crate::route::{Engine, Model, NotReady, Provider, Ready};
use crate::upstream::Offered;
use crate::wire::{Fault, FaultKind};

use super::shop::{Shop, is_ollama};

/// Nobody is waited for longer than this.
const PATIENCE: Duration = Duration::from_secs(4);

/// What one provider said.
pub(super) struct Said {
    /// What it lists; `None`: it keeps no list, or does not answer.
    pub(super) offered: Option<Vec<Offered>>,
    /// What it has in memory.
    pub(super) loaded: Vec<Loaded>,
    /// Why it does not answer.
    pub(super) fault: Option<Fault>,
}

/// What they said, by their names; those that were not asked are not in it.
pub(super) type Survey = BTreeMap<String, Said>;

/// How a model stands, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Its provider lists it.
    Ready,
    /// It is in its Ollama's memory.
    Loaded,
    /// It has a key, or needs none, and its provider keeps no list, or was not asked.
    Configured,
    /// Its provider keeps a list, and it is not on it.
    Unlisted,
    /// Its Ollama does not have it.
    NotPulled,
    /// There is no key.
    NoKey,
    /// The key is not taken.
    KeyRefused,
    /// Its provider does not answer.
    Down,
    /// Its provider is not configured.
    NoProvider,
}

impl State {
    /// The word of `--json`, and of the table.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Loaded => "loaded",
            Self::Configured => "configured",
            Self::Unlisted => "not listed",
            Self::NotPulled => "not pulled",
            Self::NoKey => "no key",
            Self::KeyRefused => "key refused",
            Self::Down => "down",
            Self::NoProvider => "no provider",
        }
    }
}

/// Asks these providers, all at once. `offline`: nobody.
pub(super) fn survey(shop: &Shop, providers: &[&Provider], offline: bool) -> Result<Survey, Interrupted> {
    if offline {
        return Ok(Survey::new());
    }
    shop.wait(async {
        let mut under_way = JoinSet::new();
        for provider in providers.iter().filter(|provider| provider.engine == Engine::Http) {
            let way = provider.ways().next().unwrap_or(provider).clone();
            let (name, lines) = (provider.name.clone(), Arc::clone(&shop.lines));
            under_way.spawn(async move {
                let (upstream, key) = (lines.upstream(), lines.key(&way));
                let asked = timeout(PATIENCE, async {
                    let offered = upstream.offered(&way, key).await?;
                    let loaded = if is_ollama(&way) { upstream.loaded(&way, key).await? } else { Vec::new() };
                    Ok((offered, loaded))
                });
                let late = || Fault::new(FaultKind::Timeout, format!("no answer within {} s", PATIENCE.as_secs()));
                let said = match asked.await.unwrap_or_else(|_elapsed| Err(late())) {
                    Ok((offered, loaded)) => Said { offered, loaded, fault: None },
                    Err(fault) => Said { offered: None, loaded: Vec::new(), fault: Some(fault) },
                };
                (name, said)
            });
        }
        let mut survey = Survey::new();
        while let Some(one) = under_way.join_next().await {
            survey.extend(one);
        }
        survey
    })
}

/// How a model stands by what its provider said.
pub(super) fn state(model: &Model, ready: &Result<Ready, NotReady>, survey: &Survey) -> State {
    let ready = match ready {
        Ok(ready) => ready,
        Err(NotReady::NoKey { .. }) => return State::NoKey,
        Err(_) => return State::NoProvider,
    };
    let ollama = is_ollama(ready.provider());
    let Some(said) = survey.get(&ready.provider().name) else { return State::Configured };
    match said.fault.as_ref().map(|fault| fault.kind) {
        Some(FaultKind::Auth | FaultKind::Permission) => return State::KeyRefused,
        Some(_) => return State::Down,
        None => {}
    }
    let Some(offered) = &said.offered else { return State::Configured };
    let id = if ollama { tagged(&model.id) } else { model.id.clone() };
    if said.loaded.iter().any(|one| one.model == id) {
        State::Loaded
    } else if offered.iter().any(|one| one.id.eq_ignore_ascii_case(&id)) {
        State::Ready
    } else if ollama {
        State::NotPulled
    } else {
        State::Unlisted
    }
}
