//! A checkout dressed for GLM: configuration, key and settings brought together once, for `moai glm`, `worktree create
//! --glm` and `phase --enter`. Everything that can fail for want of a key or a variable fails in [`Dress::glm`], before
//! anything is changed.

use std::path::Path;

use crate::base::failure::{Failure, Kind};
use crate::base::secret::Secret;
use crate::base::world::World;
use crate::config::{Config, Project};
use crate::keys::{self, Found, Lookup, Source};
use crate::model::ProviderId;
use crate::settings::{self, Clash, GlmEnv, GlmSpec, Layers, Links, Plan, Target, Value};
use crate::worktree::{self, Repo};

use super::ui::{Ui, clean};

/// How the key gets to Claude Code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Form {
    /// As `keys.embed` says; never embedded where the key is in the keyring.
    #[default]
    Configured,
    /// Through `apiKeyHelper`, with no key on the disk.
    Helper,
    /// The key itself, for the environment of one process.
    Process,
}

/// All that a checkout needs to run on GLM.
pub(super) struct Dress {
    glm: GlmEnv,
    /// The key and where it was; `None` where glm.json holds the key itself.
    found: Option<Found>,
    permissions: Option<serde_json::Value>,
}

/// The command that prints the key, for `apiKeyHelper`: by name where `moai` is on the PATH, so that it survives an
/// update, else by the path of this program.
pub(super) fn helper_command(world: &World) -> String {
    own_command(world, "key glm --print")
}

/// moai with these words, as a command of a shell.
pub(super) fn own_command(world: &World, words: &str) -> String {
    let by_name = crate::base::program::find(world, "moai").is_some();
    let own = if by_name { None } else { std::env::current_exe().ok() };
    let own = own.as_deref().and_then(Path::to_str);
    own.map_or_else(|| format!("moai {words}"), |path| format!("'{}' {words}", path.replace('\'', "'\\''")))
}

impl Dress {
    /// Gathers everything for GLM: the key, glm.json with its variables filled in, the models. Says where the key goes,
    /// where that is not GLM's own host or not encrypted.
    pub(super) fn glm(
        world: &World,
        project: &Project,
        config: &Config,
        form: Form,
        ui: &mut Ui,
    ) -> Result<Self, Failure> {
        let dress = Self::gather(world, project, config, form)?;
        dress.warn_of_address(ui)?;
        Ok(dress)
    }

    fn gather(world: &World, project: &Project, config: &Config, form: Form) -> Result<Self, Failure> {
        let env_var = config.glm_env_var();
        let lookup = Lookup { env_var: Some(&env_var), keyring: config.keys_keyring() };
        let (mut extra, mut found) = template_env(world, config, &lookup)?;
        let own = take_key(&mut extra, world, config)?;
        if own.is_none() && found.is_none() {
            found = Some(keys::require(world, ProviderId::Glm, &lookup)?);
        }
        // A key that glm.json spells out is that project's own and wins; `${GLM_API_KEY}` is the one we find anyway.
        found = found.filter(|found| own.as_ref().is_none_or(|own| *own == found.secret));
        let Some(key) = own.or_else(|| found.as_ref().map(|found| found.secret.clone())) else {
            return Err(Failure::new(Kind::Bug, "no key and no error about it"));
        };
        let models = config.glm();
        let spec = GlmSpec {
            base_url: models.base_url.clone(),
            haiku: models.haiku.clone(),
            sonnet: models.sonnet.clone(),
            opus: models.opus.clone(),
            fable: models.fable.clone(),
            extra,
        };
        let helper = match form {
            // Whoever put the key into the keyring does not want it in a file.
            Form::Configured => {
                !config.keys_embed() || found.as_ref().is_some_and(|found| found.source == Source::Keyring)
            }
            Form::Helper => true,
            Form::Process => false,
        };
        if helper && found.is_none() {
            let path = config.template().map(|template| world.tilde(&template.path)).unwrap_or_default();
            return Err(Failure::new(
                Kind::Config,
                format!("the key stands in {path} itself, where no helper can fetch it"),
            )
            .hint("save it with `moai glm --stdin` and write ${GLM_API_KEY} in its place"));
        }
        let in_file = form != Form::Process;
        let form = if helper { settings::Form::Helper(helper_command(world)) } else { settings::Form::Embed(key) };
        let mut glm = settings::glm_env(&spec, form);
        if helper && let Some(name) = found.as_ref().and_then(|found| glm.holder(&found.secret)) {
            return Err(Failure::new(
                Kind::Config,
                format!("glm.json puts the key into `{name}`, and with a helper no key may stand in a file"),
            )
            .hint("take it out of .moai/llm-configs/glm.json, or switch without --helper"));
        }
        if in_file {
            let layers = Layers::load(world, &project.root, None);
            settings::shield(&mut glm, &layers, &helper_command(world));
        }
        let permissions = config.template().and_then(|template| template.permissions.clone());
        Ok(Self { glm, found, permissions })
    }

    /// Adds the `permissions` of glm.json: never without the person's word, for they let the model act unasked.
    /// Entries that the checkout's file has already stay as they are.
    pub(super) fn with_permissions(mut self, world: &World, root: &Path) -> Result<Self, Failure> {
        let Some(serde_json::Value::Object(wanted)) = self.permissions.take() else {
            return Err(Failure::new(Kind::Config, "glm.json has no `permissions` to add")
                .hint("leave --with-permissions out, or add them to .moai/llm-configs/glm.json"));
        };
        let own = settings::load_local(root)?;
        let recorded = settings::load_record(world, root)?;
        for (name, value) in wanted {
            let spot = settings::Spot { top: "permissions".into(), inner: Some(name.clone()) };
            let theirs = own.as_ref().and_then(|own| own.raw(&spot));
            let ours = recorded.as_ref().is_some_and(|record| record.owns(&spot));
            if theirs.is_none() || ours {
                self.glm.permissions.push((name, value.to_string()));
            }
        }
        Ok(self)
    }

    /// The address may come from a file that somebody else committed.
    fn warn_of_address(&self, ui: &mut Ui) -> Result<(), Failure> {
        let Some(url) = self.glm.plain("ANTHROPIC_BASE_URL") else { return Ok(()) };
        let host = settings::host(url).unwrap_or_default();
        let loopback = host == "localhost" || host.starts_with("127.") || host == "::1";
        if !settings::is_glm_url(url) && !loopback {
            ui.warn(format!("the GLM key is sent to {}, which is not Z.AI's", clean(&host)))?;
            ui.hint("see who says so: `moai config explain llm.glm.base_url`")?;
        }
        if url.starts_with("http://") && !loopback {
            ui.warn(format!("{} is not encrypted: the key can be read on the way", clean(&settings::public_url(url))))?;
        }
        Ok(())
    }

    /// The environment itself.
    pub(super) fn env(&self) -> &GlmEnv {
        &self.glm
    }

    /// Where the key was found; `None` where glm.json holds it.
    pub(super) fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// Refuses where the main checkout's settings would mix two vendors or two keys in a worktree: today's Claude Code
    /// lets them override the worktree's own.
    pub(super) fn require_apart(&self, world: &World, main: &Path) -> Result<(), Failure> {
        require_apart(world, main, &self.glm).map_err(|failure| {
            failure
                .hint("or leave the worktree undressed and start it apart from main's settings: `moai glm -- claude`")
        })
    }

    /// Writes the settings into a worktree (links that lead out of it are refused) and records what was there.
    pub(super) fn write_into(&self, world: &World, checkout: &Path) -> Result<Plan, Failure> {
        Ok(settings::switch(world, checkout, Target::Glm(&self.glm), Links::Stay)?)
    }
}

fn clashes(main: &Path, wanted: &GlmEnv) -> Result<Vec<Clash>, Failure> {
    let own = settings::load_local(main)?;
    Ok(own.map(|document| settings::clashes(&document, wanted)).unwrap_or_default())
}

/// Refuses where the main checkout's settings would mix into a worktree with this environment.
pub(super) fn require_apart(world: &World, main: &Path, wanted: &GlmEnv) -> Result<(), Failure> {
    let clashes = clashes(main, wanted)?;
    if clashes.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = clashes.iter().map(|clash| format!("{} ({})", clash.spot, clash.what)).collect();
    let path = world.tilde(&main.join(settings::SETTINGS_LOCAL));
    Err(Failure::expected(format!("{path} would override this worktree's settings: {}", list.join(", ")))
        .with_code("mixed-vendors")
        .hint("run `moai claude` in the main checkout, or take these entries out of its file"))
}

/// Names and values of an environment.
type Variables = Vec<(String, Value)>;

/// glm.json's `env`, filled in: the key's own names through the resolver, all others from the environment. Beside it the
/// key, where the resolver was asked.
fn template_env(world: &World, config: &Config, lookup: &Lookup<'_>) -> Result<(Variables, Option<Found>), Failure> {
    let Some(template) = config.template() else { return Ok((Vec::new(), None)) };
    let names = crate::catalog::provider(ProviderId::Glm).key_vars;
    let is_key = |name: &str| names.contains(&name) || lookup.env_var == Some(name);
    let mut asked = None;
    let expanded = template.expand(|name| {
        if !is_key(name) {
            return world.env.text(name).map(Secret::new);
        }
        let found = asked.get_or_insert_with(|| keys::require(world, ProviderId::Glm, lookup));
        found.as_ref().ok().map(|found| found.secret.clone())
    });
    // The want of a key is said as such, not as the want of a variable.
    let found = asked.transpose()?;
    // The base URL and the models have come through the configuration, which knows which source wins.
    let configured = |name: &str| name == "ANTHROPIC_BASE_URL" || name.starts_with("ANTHROPIC_DEFAULT_");
    let extra = expanded?
        .into_iter()
        .filter(|(name, _)| !(configured(name) && template.is_literal(name)))
        .map(|(name, value)| {
            let value = Value::of_template(&name, value, template.is_literal(&name));
            (name, value)
        })
        .collect();
    Ok((extra, found))
}

/// The key that glm.json gives itself, checked as every key is; an empty one is none.
fn take_key(extra: &mut Variables, world: &World, config: &Config) -> Result<Option<Secret>, Failure> {
    let Some(at) = extra.iter().position(|(known, _)| known == "ANTHROPIC_AUTH_TOKEN") else { return Ok(None) };
    let Value::Key(key) = extra.remove(at).1 else { return Ok(None) };
    match keys::check_secret(&key) {
        Ok(()) => Ok(Some(key)),
        Err(keys::Fault::Empty) => Ok(None),
        Err(fault) => {
            let path = config.template().map(|template| world.tilde(&template.path)).unwrap_or_default();
            let message = format!("the ANTHROPIC_AUTH_TOKEN in {path} cannot be used: {fault}");
            Err(Failure::new(Kind::Config, message)
                .hint("write ${GLM_API_KEY} in its place; `moai glm <key>` saves the key"))
        }
    }
}

/// Makes sure that git will never take the settings file, or refuses to put a key into it. In the form with `helper`
/// there is no key in it, and a word is enough.
pub(super) fn keep_out_of_git(world: &World, project: &Project, helper: bool, ui: &mut Ui) -> Result<(), Failure> {
    if project.git.is_none() {
        return Ok(());
    }
    let repo = Repo::open(world)?;
    let ignored = [settings::SETTINGS_LOCAL, settings::UNFINISHED]
        .iter()
        .try_for_each(|path| worktree::ensure_ignored(&repo, &project.root, path));
    match ignored {
        Ok(()) => Ok(()),
        Err(error) if helper => ui.warn(format!("{}, though without a key in it", clean(&error.to_string()))),
        Err(error) => Err(Failure::from(error).hint("or keep the key off the disk: `moai glm --helper`")),
    }
}
