//! Where a command stands: the project around the working directory and the configuration that holds there.

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;
use crate::config::keys::Name;
use crate::config::{Config, ConfigError, Project, Setting};
use crate::keys::Lookup;
use crate::model::SpecId;

use super::ui::{Ui, clean};

/// The project and its configuration.
pub(super) struct Here {
    pub(super) project: Project,
    pub(super) config: Config,
    env_var: String,
}

impl Here {
    /// Finds and loads both, and says once what is odd about the files.
    pub(super) fn look(world: &World, ui: &mut Ui) -> Result<Self, Failure> {
        let here = Self::quietly(world)?;
        for warning in here.config.warnings() {
            ui.warn(clean(warning))?;
        }
        Ok(here)
    }

    /// Finds both for a command that answers whatever the files hold; beside it what is broken in them.
    pub(super) fn survey(world: &World) -> Result<(Self, Vec<ConfigError>), Failure> {
        let project = Project::find(world)?;
        let (config, broken) = Config::survey(world, &project);
        let env_var = config.glm_env_var();
        Ok((Self { project, config, env_var }, broken))
    }

    /// Finds and loads both, and says nothing.
    pub(super) fn quietly(world: &World) -> Result<Self, Failure> {
        let project = Project::find(world)?;
        let config = Config::load(world, &project)?;
        let env_var = config.glm_env_var();
        Ok(Self { project, config, env_var })
    }

    /// A setting as it stands, also one of a pattern's; without a value where nothing sets it.
    pub(super) fn setting(&self, world: &World, name: &Name) -> Result<Setting, Failure> {
        if !name.key.is_pattern() {
            return Ok(self.config.explain(name.as_str())?.clone());
        }
        let all = self.config.everything(world, &self.project)?;
        let found = all.into_iter().find(|setting| setting.name == *name);
        Ok(found.unwrap_or_else(|| Setting::unset(name.clone())))
    }

    /// The SPEC whose worktree we are in: the name of its directory.
    pub(super) fn spec(&self) -> Option<SpecId> {
        let name = self.project.root.file_name().filter(|_| self.project.is_linked())?;
        name.to_str()?.parse().ok().filter(|spec: &SpecId| spec.as_str().to_ascii_uppercase().starts_with("SPEC"))
    }

    /// How keys are looked for here.
    pub(super) fn lookup(&self) -> Lookup<'_> {
        Lookup { env_var: Some(&self.env_var), keyring: self.config.keys_keyring() }
    }
}

/// Fails where the working directory is in no project: no git repository and no `.moai` or `.claude` around it.
pub(super) fn require_project(world: &World, project: &Project) -> Result<(), Failure> {
    let home = world.home().is_ok_and(|home| project.root == *home);
    let marked = !home && [".moai", ".claude"].iter().any(|dir| project.root.join(dir).is_dir());
    if project.git.is_some() || marked {
        return Ok(());
    }
    let message = format!("{} is in no project: no git repository, no .moai", world.tilde(&project.root));
    Err(Failure::new(Kind::Expected, message)
        .with_code("no-project")
        .hint("change to a project, or make this one: `moai init`"))
}
