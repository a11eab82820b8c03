//! The checkouts that clients say they stand in (`x-moai-worktree`): which model a checkout has of its own, and what it
//! is called. Only that is ever read of one; what is no directory, or cannot be read, has no say.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::world::World;
use crate::config::{Config, Files, Project, Routing};
use crate::model::Backend;
use crate::settings::Layers;

/// The most checkouts that are remembered.
const MOST: usize = 256;

/// A checkout as it was last read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::gateway) struct Place {
    /// `route.model` of its own configuration; else GLM in a linked worktree that runs on it.
    pub(in crate::gateway) model: Option<Arc<str>>,
    /// The project's name.
    pub(in crate::gateway) project: Option<Arc<str>>,
    /// The linked worktree's path.
    pub(in crate::gateway) worktree: Option<Arc<str>>,
}

/// What is known of checkouts, by their paths as clients write them.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Places {
    known: Mutex<HashMap<PathBuf, Known>>,
}

#[derive(Debug)]
struct Known {
    /// The files that were read, with how they were.
    stamps: Vec<(PathBuf, Stamp)>,
    place: Arc<Place>,
}

/// How a file is, as far as one look tells; `None` where there is none.
type Stamp = Option<(u64, i64, i64, u64)>;

impl Places {
    /// The checkout at `path`; `None` where that is no absolute path of a directory.
    pub(in crate::gateway) fn at(&self, path: &str, world: &World) -> Option<Arc<Place>> {
        let path = Path::new(path);
        if !path.is_absolute() {
            return None;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.get(path)
            && found.stamps.iter().all(|(file, was)| stamp(file) == *was)
        {
            return Some(Arc::clone(&found.place));
        }
        if !path.is_dir() {
            known.remove(path);
            return None;
        }
        let (place, files) = read(path, world);
        let place = Arc::new(place);
        let stamps = files.into_iter().map(|file| (stamp(&file), file)).map(|(stamp, file)| (file, stamp)).collect();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(path.to_path_buf(), Known { stamps, place: Arc::clone(&place) });
        Some(place)
    }
}

fn stamp(file: &Path) -> Stamp {
    let meta = fs::metadata(file).ok()?;
    Some((meta.ino(), meta.mtime(), meta.mtime_nsec(), meta.len()))
}

/// Reads a checkout, and says which files decided.
fn read(path: &Path, world: &World) -> (Place, Vec<PathBuf>) {
    let mut moved = world.clone();
    moved.set_cwd(path.to_path_buf());
    let Ok(project) = Project::find(&moved) else { return (Place::default(), vec![path.to_path_buf()]) };
    let linked = project.is_linked();
    let worktree = linked.then(|| project.root.display().to_string().into());
    let mut place = Place { model: None, project: Some(project.name().into()), worktree };
    let files = Files::of(&moved, &project);
    let mut watched = vec![path.to_path_buf(), files.checkout, files.llm_yaml, files.project, files.glm_json];
    watched.extend(files.user);
    let Ok(config) = Config::load(&moved, &project) else { return (place, watched) };
    let own = Routing::load(&moved, &project, &config).ok().and_then(|routing| routing.route_model);
    place.model = own.map(|(model, _)| model.into());
    if place.model.is_none() && linked {
        let layers = Layers::load(&moved, &project.root, Some(&project.main));
        watched.extend([&project.root, &project.main].map(|top| top.join(".claude/settings.local.json")));
        watched.push(project.root.join(".claude/settings.json"));
        let effective = layers.effective(Some(&config.glm().base_url));
        place.model = (effective.backend == Backend::Glm).then(|| "glm".into());
    }
    (place, watched)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::world::Env;

    #[test]
    fn a_checkouts_model_is_read_when_its_file_changes_and_never_an_error() {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().canonicalize().unwrap();
        let world = World::scratch(&home, &home, Env::default());
        let places = Places::default();
        let dir = home.join("shop");
        let at = || places.at(dir.to_str().unwrap(), &world);
        assert!(at().is_none(), "there is no such directory");
        fs::create_dir_all(dir.join(".moai")).unwrap();
        let place = at().unwrap();
        assert_eq!((place.model.as_deref(), place.project.as_deref()), (None, Some("shop")));
        assert!(Arc::ptr_eq(&place, &at().unwrap()), "nothing has changed");
        fs::write(dir.join(".moai/config.toml"), "[route]\nmodel = \"claude-opus\"\n").unwrap();
        assert_eq!(at().unwrap().model.as_deref(), Some("claude-opus"));
        fs::write(dir.join(".moai/config.toml"), "[route\n").unwrap();
        assert_eq!(at().unwrap().model, None, "a file that does not parse has no say");
        assert!(places.at("shop", &world).is_none() && places.at("/nowhere/at/all", &world).is_none());
    }
}
