//! The memory of an Ollama, shared: before a model is asked, what is loaded and what it needs must fit together.
//!
//! The rules are `route::memory`'s. Here is what they are about: what the server says of itself (`/api/ps`), what
//! other requests of this person are with it ([`claims`], over all processes), and unloading. Whoever looks holds a
//! lock until its claim is written, so two that look at once never both find the same room. No other provider comes
//! by here, and no request at all where `local.memory` is not set.

mod claims;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep, timeout};

use super::asker::{Asker, waiting};
use super::audience::Note;
use super::lines::Lines;
use crate::base::disk::{DiskError, Lock};
use crate::base::secret::Secret;
use crate::route::memory::{Budget, Verdict, Want, admit, tagged};
use crate::route::{Engine, Model, Provider};
use crate::upstream::Upstream;
use crate::wire::{Dialect, Fault};
use claims::Claim;

/// How often somebody who waits looks again, where nobody of this process makes room.
const LOOK: Duration = Duration::from_millis(200);
/// How long an unloaded model may take to be gone, and how often that is looked at.
const GONE: Duration = Duration::from_secs(15);
const STEP: Duration = Duration::from_millis(50);

/// The memory of this person's Ollamas. Clones are the same.
#[derive(Debug, Clone)]
pub struct Memory(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    budget: Budget,
    dir: PathBuf,
    /// Within a process those who look stand in line; between processes a file decides.
    line: Mutex<()>,
    /// Rung where a request of this process is over.
    freed: Notify,
}

/// A request's place in the memory; given back when it is dropped.
#[derive(Debug)]
pub struct Berth {
    claim: Option<Claim>,
    memory: Arc<Inner>,
}

/// What came of looking.
enum Looked {
    Free,
    Full(String),
    Never(String),
}

/// What a model takes, and which window it has.
struct Size {
    bytes: u64,
    context: Option<u64>,
}

impl Memory {
    /// A memory of this size; what is with it is noted in `dir`.
    pub fn new(budget: Budget, dir: PathBuf) -> Self {
        Self(Arc::new(Inner { budget, dir, line: Mutex::default(), freed: Notify::new() }))
    }

    /// Looks once whether the model may be asked, and makes room where it may.
    async fn look(&self, claim: &mut Claim, ask: &Ask<'_>, waited: Duration) -> Result<Looked, DiskError> {
        let _first = self.0.line.lock().await;
        let _lock = held(&self.0.dir_of(ask.provider).join("look.lock")).await?;
        // Before what is loaded: whoever ends in between is in memory then, and never in neither.
        let claims = claim.others();
        // A server that does not say what it has will say more of that to the request itself.
        let Ok(loaded) = ask.upstream.loaded(ask.provider, ask.key).await else {
            claim.begins()?;
            return Ok(Looked::Free);
        };
        let Size { bytes, context } = ask.size().await;
        let want = Want { model: &ask.id, bytes, context, waited };
        match admit(&self.0.budget, &want, &loaded, &claims) {
            Verdict::Go => {}
            Verdict::Unload(models) => {
                if let Err(why) = ask.unload(&models).await {
                    claim.waits(bytes, waited)?;
                    return Ok(Looked::Full(why));
                }
            }
            Verdict::Wait(why) => {
                claim.waits(bytes, waited)?;
                return Ok(Looked::Full(why));
            }
            Verdict::Decline(why) => return Ok(Looked::Never(why)),
        }
        claim.waits(bytes, waited)?;
        claim.begins()?;
        Ok(Looked::Free)
    }

    /// Takes a place for a model, and waits for it as long as the budget says, and no longer than `most`. `told` hears
    /// once why it has to wait. An error says why there is none.
    async fn take(&self, ask: &Ask<'_>, most: Duration, mut told: impl FnMut(&str)) -> Result<Berth, String> {
        let lost = |error: DiskError| format!("what is in memory cannot be kept track of: {error}");
        let started = Instant::now();
        let mut claim = Claim::new(&self.0.dir_of(ask.provider), &ask.id, 0).map_err(lost)?;
        let mut is_told = false;
        loop {
            let freed = self.0.freed.notified();
            let waited = started.elapsed();
            match self.look(&mut claim, ask, waited).await.map_err(lost)? {
                Looked::Free => return Ok(Berth { claim: Some(claim), memory: Arc::clone(&self.0) }),
                Looked::Never(why) => return Err(why),
                Looked::Full(why) if started.elapsed() >= most => {
                    return Err(format!("there was no memory for it within {} s: {why}", most.as_secs()));
                }
                Looked::Full(why) => {
                    if !std::mem::replace(&mut is_told, true) {
                        told(&why);
                    }
                    let _elapsed = timeout(LOOK, freed).await;
                }
            }
        }
    }
}

impl Inner {
    /// Where the claims on this server are.
    fn dir_of(&self, provider: &Provider) -> PathBuf {
        let address = provider.base_url.replace("localhost", "127.0.0.1");
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' };
        self.dir.join(address.chars().map(plain).collect::<String>())
    }
}

impl Drop for Berth {
    fn drop(&mut self) {
        drop(self.claim.take());
        self.memory.freed.notify_waiters();
    }
}

/// A model of an Ollama, and the way there.
struct Ask<'a> {
    upstream: &'a Upstream,
    provider: &'a Provider,
    key: Option<&'a Secret>,
    model: &'a Model,
    /// Its id there, with its tag.
    id: String,
}

impl Ask<'_> {
    /// What the model takes: what the person says, else its files and its window. What nobody says is nothing: the
    /// server will say more of such a model than we could.
    async fn size(&self) -> Size {
        let anatomy = self.upstream.anatomy(self.provider, self.key, &self.model.id).await.ok().flatten();
        let context = self.model.context.map(|context| anatomy.map_or(context, |one| one.window(context)));
        if let Some(bytes) = self.model.memory {
            return Size { bytes, context };
        }
        let offered = self.upstream.offered(self.provider, self.key).await.ok().flatten().unwrap_or_default();
        let files = offered.iter().find(|one| one.id == self.id).and_then(|one| one.bytes).unwrap_or(0);
        let window = anatomy.zip(context).map_or(0, |(anatomy, context)| anatomy.bytes(context));
        // A model without files here is somewhere else.
        Size { bytes: if files == 0 { 0 } else { files.saturating_add(window) }, context }
    }

    /// Unloads these, and waits until they are gone.
    async fn unload(&self, models: &[String]) -> Result<(), String> {
        for model in models {
            let sent = self.upstream.unload(self.provider, self.key, model).await;
            sent.map_err(|fault| format!("{model} cannot be unloaded: {}", fault.told()))?;
        }
        let is_there = |fault: Fault| format!("it does not say what is loaded: {}", fault.told());
        let until = Instant::now() + GONE;
        loop {
            let loaded = self.upstream.loaded(self.provider, self.key).await.map_err(is_there)?;
            let Some(left) = loaded.iter().find(|one| models.contains(&one.model)) else { return Ok(()) };
            if Instant::now() >= until {
                return Err(format!("{} does not leave the memory", left.model));
            }
            sleep(STEP).await;
        }
    }
}

/// The right to look, taken without holding a thread.
async fn held(path: &Path) -> Result<Lock, DiskError> {
    loop {
        match Lock::take(path, Duration::ZERO, || {}) {
            Err(DiskError::Locked { .. }) => sleep(STEP).await,
            taken => return taken,
        }
    }
}

impl Lines {
    /// The memory that a provider's models share, where it is counted.
    pub(super) fn memory_of(&self, provider: &Provider) -> Option<&Memory> {
        self.memory().filter(|_| provider.wire == Dialect::Ollama && provider.engine == Engine::Http)
    }

    /// Whether the provider's models share a memory that is counted: then each of them may cost another its place.
    pub fn counts_memory(&self, provider: &Provider) -> bool {
        self.memory_of(provider).is_some()
    }

    /// A place in memory for a model; `None` where its memory is not counted. An error says why there is none, and then
    /// it is not to be asked. `told` hears once why it has to wait.
    pub async fn berth(
        &self,
        model: &Model,
        provider: &Provider,
        most: Option<Duration>,
        told: impl FnMut(&str),
    ) -> Result<Option<Berth>, String> {
        let Some(memory) = self.memory_of(provider) else { return Ok(None) };
        let id = tagged(&model.id);
        let ask = Ask { upstream: self.upstream(), provider, key: self.key(provider), model, id };
        let patience = memory.0.budget.wait;
        memory.take(&ask, most.map_or(patience, |most| most.min(patience)), told).await.map(Some)
    }
}

/// The same for an asker, who is told, and gives signs of life.
pub(super) async fn enter(
    lines: &Lines,
    model: &Model,
    provider: &Provider,
    most: Option<Duration>,
    asker: &mut impl Asker,
) -> Result<Option<Berth>, String> {
    let why = std::sync::Mutex::new(None);
    let told = |text: &str| *why.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
    let mut berth = pin!(lines.berth(model, provider, most, told));
    loop {
        let ended = waiting(asker, timeout(LOOK, berth.as_mut())).await;
        let news = why.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(why) = news {
            asker.note(&Note::Memory { model: model.name.clone(), why });
        }
        if let Ok(berth) = ended {
            return berth;
        }
    }
}
