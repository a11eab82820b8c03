//! Who answers in a worktree, and taking the key out of one that is removed.

use std::path::{Path, PathBuf};

use crate::base::disk;
use crate::base::failure::Failure;
use crate::base::world::World;
use crate::cli::here::Here;
use crate::config::GlmTemplate;
use crate::settings::{self, Layer, Layers};
use crate::worktree::{Entry, Record, Repo};

use super::view::Backend;

/// What is the same for all worktrees of a repository.
pub(super) struct Backends {
    main: Option<PathBuf>,
    glm_url: Option<String>,
}

impl Backends {
    /// Those of `repo`. A configuration that cannot be read does not keep a list from being shown.
    pub(super) fn of(world: &World, repo: &Repo) -> Self {
        let glm_url = Here::quietly(world).ok().map(|here| here.config.glm().base_url.clone());
        Self { main: repo.main_root().map(Path::to_path_buf), glm_url }
    }

    /// What is configured and what is in effect in `entry`; `None` where its files cannot be read.
    pub(super) fn look(&self, world: &World, entry: &Entry) -> Option<Backend> {
        if entry.bare || !entry.path.is_dir() {
            return None;
        }
        let layers = Layers::load(world, &entry.path, self.main.as_deref());
        let effective = layers.effective(self.glm_url.as_deref());
        let own = layers.document(Layer::Local).and_then(|local| local.variable("ANTHROPIC_BASE_URL"));
        let configured = match own {
            Some(url) => settings::backend(Some(&url), self.glm_url.as_deref()),
            None => effective.backend,
        };
        let mut conflict: Vec<String> =
            layers.broken.iter().map(|(path, fault)| format!("{} is ignored: {fault}", world.tilde(path))).collect();
        if configured != effective.backend {
            conflict.push(format!(
                "the main checkout's settings override it: {} answers, not {configured}",
                effective.backend
            ));
        } else if !effective.overridden.is_empty() {
            let names: Vec<String> = effective.overridden.iter().map(ToString::to_string).collect();
            conflict.push(format!("the main checkout's settings override {}", names.join(", ")));
        }
        conflict.extend(effective.mixed);
        Some(Backend { configured: configured.as_str(), effective: effective.backend.as_str(), conflict })
    }
}

/// Where moai and moai-adk keep the environment of GLM in a checkout.
const GLM_JSON: &str = ".moai/llm-configs/glm.json";

/// Takes GLM out of the settings of a removed worktree, so that no key lies in the trash. What moai set is on record
/// under the path where the worktree stood.
pub(super) fn seal(world: &World, repo: &Repo, record: &Record, tree: &Path) -> Result<bool, Failure> {
    let copy = tree.join(GLM_JSON);
    let holds_key = GlmTemplate::load(&copy).is_ok_and(|found| {
        found.is_some_and(|template| template.names().any(|name| name.ends_with("TOKEN") && template.is_literal(name)))
    });
    // Only a copy that git does not track: creating a worktree makes it again from the main checkout's file.
    if holds_key && !record.tracks(repo, Path::new(GLM_JSON)) {
        disk::remove(&copy)?;
    }
    Ok(settings::leave_moved(world, &record.path, tree)?)
}
