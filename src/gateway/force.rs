//! Force-model (AC-003): what a person has set in the place of every decision, for all conversations or for one, until
//! it is cleared or its time is over.
//!
//! It is kept in `~/.moai/gateway/force.json` (0600), on the disk before it is said to be set, so it outlives a restart
//! and a kill. A request reads it once, when it begins: what is in flight ends as it began (R-STA-001).

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::disk::{self, Access, DiskError};
use crate::base::failure::{Explain, Kind};
use crate::base::world::{World, WorldError};
use crate::model::Tier;
use crate::route::{Policy, Ready, Roster};

/// The version of the file's form.
const SCHEMA: u32 = 1;

/// What is forced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::gateway) enum Wish {
    /// This model, by moai's name.
    Model(String),
    /// The models of this provider, by the word that the person used: `glm`, `claude`. Which one, the tiers' lists say
    /// when a request comes, and so `ZAI_MODEL` does.
    Provider(String),
    /// The models of this tier.
    Tier(u8),
}

/// A wish with its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::gateway) struct Forced {
    /// What.
    pub(in crate::gateway) wish: Wish,
    /// The conversation that it is for; `None` is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::gateway) session: Option<String>,
    /// Since when.
    pub(in crate::gateway) set_at: Timestamp,
    /// The name of the key that set it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::gateway) set_by: Option<String>,
    /// Until when; `None` is until it is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::gateway) expires_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
struct File {
    schema: u32,
    forced: Vec<Forced>,
}

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
pub enum ForceError {
    /// Where it is is not known.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The file system said no.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// It is not of the form that moai writes.
    #[error("{} does not say which model is forced", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        #[source]
        why: serde_json::Error,
    },
    /// A newer moai wrote it.
    #[error("{} was written by a newer moai (schema {schema})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        schema: u32,
    },
    /// It cannot be turned into JSON.
    #[error("cannot write which model is forced")]
    Write(#[source] serde_json::Error),
}

impl Explain for ForceError {
    fn kind(&self) -> Kind {
        match self {
            Self::World(error) => error.kind(),
            Self::Disk(error) => error.kind(),
            Self::Broken { .. } | Self::Newer { .. } => Kind::Config,
            Self::Write(_) => Kind::Bug,
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::World(error) => error.hints(),
            Self::Disk(error) => error.hints(),
            Self::Broken { path, .. } => vec![format!("move {} away; then no model is forced", path.display())],
            Self::Newer { .. } => vec!["update moai".into()],
            Self::Write(_) => Vec::new(),
        }
    }

    fn code(&self) -> Option<&'static str> {
        match self {
            Self::World(error) => error.code(),
            Self::Disk(error) => error.code(),
            Self::Broken { .. } => Some("broken-force"),
            Self::Newer { .. } => Some("newer-force"),
            Self::Write(_) => None,
        }
    }
}

/// What is forced now, and where it is kept.
#[derive(Debug)]
pub(in crate::gateway) struct Force {
    path: PathBuf,
    /// Held while the file is written.
    writing: Mutex<()>,
    now: RwLock<Arc<Vec<Forced>>>,
}

impl Force {
    /// Reads what was forced when the last gateway ended.
    pub(in crate::gateway) fn open(world: &World) -> Result<Self, ForceError> {
        let path = world.moai_home()?.join("gateway/force.json");
        let forced = match disk::read_text(&path)? {
            None => Vec::new(),
            Some(text) => {
                let broken = |why| ForceError::Broken { path: path.clone(), why };
                let File { schema, forced } = serde_json::from_str(&text).map_err(broken)?;
                if schema > SCHEMA {
                    return Err(ForceError::Newer { path, schema });
                }
                forced
            }
        };
        Ok(Self { path, writing: Mutex::new(()), now: RwLock::new(Arc::new(forced)) })
    }

    /// What is forced for this conversation: what is set for it alone, else what is set for all.
    pub(in crate::gateway) fn on(&self, session: Option<&str>, now: Timestamp) -> Option<Forced> {
        let all = self.all();
        if all.is_empty() {
            return None;
        }
        let own = |forced: &&Forced| forced.session.is_some() && forced.session.as_deref() == session;
        let mut standing = all.iter().filter(|forced| forced.stands(now));
        standing.clone().find(own).or_else(|| standing.find(|forced| forced.session.is_none())).cloned()
    }

    /// Everything that is forced now.
    pub(in crate::gateway) fn standing(&self, now: Timestamp) -> Vec<Forced> {
        self.all().iter().filter(|forced| forced.stands(now)).cloned().collect()
    }

    /// Forces something, in the place of what was forced for the same conversation.
    pub(in crate::gateway) fn set(&self, forced: Forced) -> Result<(), ForceError> {
        let now = forced.set_at;
        self.change(|all| {
            all.retain(|one| one.session != forced.session && one.stands(now));
            all.push(forced);
        })
    }

    /// Forces nothing any more: for one conversation, or at all. Says how many wishes that were.
    pub(in crate::gateway) fn clear(&self, session: Option<&str>, now: Timestamp) -> Result<usize, ForceError> {
        let mut cleared = 0;
        self.change(|all| {
            all.retain(|one| one.stands(now));
            let before = all.len();
            all.retain(|one| session.is_some() && one.session.as_deref() != session);
            cleared = before - all.len();
        })?;
        Ok(cleared)
    }

    fn all(&self) -> Arc<Vec<Forced>> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes the change, and only then lets it count.
    fn change(&self, change: impl FnOnce(&mut Vec<Forced>)) -> Result<(), ForceError> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.all();
        let mut forced = Vec::clone(&old);
        change(&mut forced);
        if forced == *old {
            return Ok(());
        }
        let file = File { schema: SCHEMA, forced };
        let text = serde_json::to_string_pretty(&file).map_err(ForceError::Write)?;
        disk::replace(&self.path, format!("{text}\n").as_bytes(), Access::Private)?;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(file.forced);
        Ok(())
    }
}

impl Forced {
    fn stands(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    /// The tier, where it is one that is forced.
    pub(in crate::gateway) fn tier(&self) -> Option<Tier> {
        match &self.wish {
            Wish::Tier(1) => Some(Tier::One),
            Wish::Tier(_) => Some(Tier::Two),
            Wish::Model(_) | Wish::Provider(_) => None,
        }
    }

    /// The name of the model that it comes to now, where it is a model that is forced: of a provider the one that
    /// [`Roster::of_provider`] finds, and the word itself where there is none, so that the error says it.
    pub(in crate::gateway) fn model(&self, roster: &Roster, policy: &Policy) -> Option<String> {
        match &self.wish {
            Wish::Model(name) => Some(name.clone()),
            Wish::Provider(word) => {
                let found = roster.of_provider(word, policy);
                Some(found.map_or_else(|| word.clone(), |ready: Ready| ready.name().to_owned()))
            }
            Wish::Tier(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::base::world::Env;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn forced(model: &str, session: Option<&str>, end: Option<i64>) -> Forced {
        Forced {
            wish: Wish::Model(model.into()),
            session: session.map(str::to_owned),
            set_at: at(100),
            set_by: Some("first".into()),
            expires_at: end.map(at),
        }
    }

    fn world(home: &std::path::Path) -> World {
        World::scratch(home, home, Env::default())
    }

    #[test]
    fn what_is_forced_outlives_the_process_and_ends_in_time() {
        let home = tempfile::tempdir().unwrap();
        let world = world(home.path());
        let force = Force::open(&world).unwrap();
        assert_eq!(force.on(None, at(100)), None);
        force.set(forced("glm-4.7", None, Some(200))).unwrap();
        force.set(forced("claude-opus", Some("s"), None)).unwrap();
        let again = Force::open(&world).unwrap();
        let model = |session, now| {
            again.on(session, at(now)).map(|forced| match forced.wish {
                Wish::Model(model) => model,
                other => panic!("{other:?}"),
            })
        };
        assert_eq!(model(None, 150).as_deref(), Some("glm-4.7"));
        assert_eq!(model(Some("s"), 150).as_deref(), Some("claude-opus"));
        assert_eq!(model(Some("t"), 150).as_deref(), Some("glm-4.7"));
        assert_eq!(model(Some("t"), 200), None, "its time is over");
        assert_eq!(again.clear(Some("s"), at(150)).unwrap(), 1);
        assert_eq!(again.on(Some("s"), at(150)), again.on(None, at(150)));
        assert_eq!(again.clear(None, at(150)).unwrap(), 1);
        assert_eq!(Force::open(&world).unwrap().standing(at(150)), []);
        let meta = std::fs::metadata(home.path().join(".moai/gateway/force.json")).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_did_not_parse_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".moai/gateway/force.json");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        for (text, code) in [("{", "broken-force"), (r#"{"schema":9,"forced":[]}"#, "newer-force")] {
            std::fs::write(&path, text).unwrap();
            let error = Force::open(&world(home.path())).unwrap_err();
            assert_eq!(error.code(), Some(code));
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
