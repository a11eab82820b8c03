//! `moai config list`, `get`, `explain` and `path`.

use serde_json::{Value as Json, json};

use crate::base::failure::{Failure, Kind};
use crate::base::world::World;
use crate::cli::here::Here;
use crate::cli::ui::{Column, SCHEMA, Style, Table, Ui, clean};
use crate::config::keys::{self, Home, Key, Name, Value};
use crate::config::{Config, Files, Project, Setting};

/// List every setting with its value and its origin
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai config list
  moai config list --changed   only what is not the default
  moai config list --env       with the variable that overrides each
  moai config list models      every model, with what moai comes with
  moai config list --all
  moai config list --json")]
pub(super) struct ListArgs {
    /// Only what is below this name, such as providers or models.claude-opus; with what moai comes with
    #[arg(value_name = "GROUP")]
    group: Option<String>,
    /// Also the providers and models that moai comes with
    #[arg(long)]
    all: bool,
    /// Only settings that are not at their default
    #[arg(long)]
    changed: bool,
    /// Show the environment variable that overrides each
    #[arg(long)]
    env: bool,
}

/// Print the value of one setting
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai config get llm.mode
  moai config get worktree.root   (exits 1 where it has no value)")]
pub(super) struct GetArgs {
    /// The setting, such as llm.mode
    #[arg(value_name = "NAME")]
    pub(super) name: String,
}

/// Say what a setting does, what it takes, and which layer set it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai config explain llm.mode
  moai config explain llm.glm.models.opus --json")]
pub(super) struct ExplainArgs {
    /// The setting, such as llm.mode
    #[arg(value_name = "NAME")]
    name: String,
}

/// Print the configuration files, the weakest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai config path
  moai config path --user")]
pub(super) struct PathArgs {
    #[command(flatten)]
    scope: super::Scope,
}

/// Runs `moai config list`.
pub(super) fn list(args: &ListArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let everything = here.config.everything(world, &here.project)?;
    let settings: Vec<&Setting> = everything.iter().filter(|setting| is_listed(args, setting)).collect();
    if let (Some(group), true) = (&args.group, settings.is_empty()) {
        return Err(Failure::new(Kind::Expected, format!("no setting is set below `{group}`")).with_code("unset"));
    }
    if ui.json {
        let settings: Vec<Json> = settings.iter().map(|setting| document(setting)).collect();
        return ui.answer_json(&json!({ "schema": SCHEMA, "settings": settings }));
    }
    let mut columns = vec![Column::fixed("setting"), Column::fixed("value"), Column::shrinking("origin")];
    if args.env {
        columns.push(Column::fixed("variable"));
    }
    let mut table = Table::new(columns);
    for setting in settings {
        let default = setting.origin.as_str() == "default";
        let style = if default { Style::Dim } else { Style::Plain };
        let mut row = vec![
            (setting.name.to_string(), Style::Bold),
            (shown_value(setting), style),
            (setting.origin.describe(world), style),
        ];
        if args.env {
            row.push((setting.name.key.variable().unwrap_or_default(), Style::Dim));
        }
        table.row(row);
    }
    ui.answer_table(&table)
}

/// Runs `moai config get`.
pub(super) fn one(args: &GetArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    // An unknown name is said before any file can be wrong.
    let name = keys::require(&args.name)?;
    let here = Here::look(world, ui)?;
    let setting = here.setting(world, &name)?;
    if ui.json {
        let mut answer = document(&setting);
        if let Some(object) = answer.as_object_mut() {
            object.insert("schema".into(), SCHEMA.into());
        }
        return ui.answer_json(&answer);
    }
    match &setting.value {
        Some(value) => ui.answer(clean(&value.to_string())),
        None => Err(Failure::new(Kind::Expected, format!("`{}` has no value", setting.name)).with_code("unset")),
    }
}

/// Runs `moai config explain`.
pub(super) fn explain(args: &ExplainArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let name = keys::require(&args.name)?;
    let here = Here::look(world, ui)?;
    let setting = here.setting(world, &name)?;
    if ui.json {
        return ui.answer_json(&explained(&setting, &here.config));
    }
    let key = name.key;
    ui.answer(ui.style.bold(name.as_str()))?;
    ui.answer(format!("  {}", key.doc))?;
    ui.answer(format!("  takes     {}", key.shape.describe()))?;
    ui.answer(format!("  default   {}", key.default.unwrap_or("(none)")))?;
    let variables: Vec<String> = key.variables().collect();
    if !variables.is_empty() {
        ui.answer(format!("  variable  {}", variables.join(", ")))?;
    }
    ui.answer(format!("  file      {}", files(key, here.config.files(), world)))?;
    let value = clean(&shown_value(&setting));
    ui.answer(format!("  value     {}  from {}", ui.style.green(&value), clean(&setting.origin.describe(world))))?;
    for (value, origin) in &setting.hidden {
        let line = format!("  hides     {}  from {}", clean(&value.to_string()), clean(&origin.describe(world)));
        ui.answer(ui.style.dim(&line))?;
    }
    Ok(())
}

/// Runs `moai config path`.
pub(super) fn path(args: &PathArgs, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    // Not loaded: this has to answer while a file does not parse.
    let project = Project::find(world)?;
    let files = Files::of(world, &project);
    let mut rows = vec![("user", files.user), ("llm.yaml", Some(files.llm_yaml))];
    let seeds = Files::seeds(&project).into_iter().filter(|path| path.exists());
    rows.extend(seeds.map(|path| ("seed", Some(path))));
    let own = (files.checkout != files.main).then_some(files.checkout);
    rows.extend([("project", Some(files.main)), ("worktree", own), ("glm.json", Some(files.glm_json))]);
    rows.retain(|(layer, _)| match (args.scope.user, args.scope.project) {
        (true, _) => *layer == "user",
        (_, true) => *layer != "user",
        _ => true,
    });
    let rows = rows.into_iter().filter_map(|(layer, path)| path.map(|path| (layer, path)));
    if ui.json {
        let files: Vec<Json> =
            rows.map(|(layer, path)| json!({ "layer": layer, "exists": path.exists(), "path": path })).collect();
        return ui.answer_json(&json!({ "schema": SCHEMA, "files": files }));
    }
    let mut table = Table::new([Column::fixed("layer"), Column::fixed("there"), Column::fixed("path")]);
    for (layer, path) in rows {
        let (there, style) = if path.exists() { ("yes", Style::Green) } else { ("no", Style::Dim) };
        table.row([
            (layer.to_owned(), Style::Bold),
            (there.to_owned(), style),
            (path.display().to_string(), Style::Plain),
        ]);
    }
    ui.answer_table(&table)
}

/// Whether a setting is in the list that is asked for. What moai comes with is a long list, and in it only on demand.
fn is_listed(args: &ListArgs, setting: &Setting) -> bool {
    let default = setting.origin.as_str() == "default";
    let below = args.group.as_deref().map(|group| {
        let group = Name::parts_of(group);
        setting.name.parts().starts_with(&group)
    });
    let wanted = below.unwrap_or(args.all || !setting.name.key.is_pattern() || !default);
    wanted && !(args.changed && default)
}

fn shown_value(setting: &Setting) -> String {
    setting.value.as_ref().map_or_else(|| "(none)".to_owned(), ToString::to_string)
}

/// The files that a setting can be written to, for people.
fn files(key: &Key, files: &Files, world: &World) -> String {
    let user = files.user.as_ref().map(|path| world.tilde(path)).unwrap_or_default();
    match key.home {
        Home::LlmYaml => format!("{} (--user: {user})", world.tilde(&files.llm_yaml)),
        Home::Toml => format!("{} (--user: {user})", world.tilde(&files.project)),
        Home::UserToml => user,
        Home::Checkout => world.tilde(&files.checkout),
    }
}

pub(super) fn json_value(value: &Value) -> Json {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Switch(on) => (*on).into(),
        Value::Number(number) => (*number).into(),
        Value::Decimal(text) => text.parse::<f64>().map_or_else(|_| text.as_str().into(), Json::from),
        Value::List(items) => items.as_slice().into(),
    }
}

/// A setting as JSON.
pub(super) fn document(setting: &Setting) -> Json {
    json!({
        "name": setting.name.as_str(),
        "value": setting.value.as_ref().map(json_value),
        "origin": setting.origin.as_str(),
        "source": setting.origin.to_string(),
        "variable": setting.name.key.variable(),
    })
}

fn explained(setting: &Setting, config: &Config) -> Json {
    let hidden = |(value, origin): &(Value, crate::config::Origin)| json!({ "value": json_value(value), "origin": origin.as_str(), "source": origin.to_string() });
    let key = setting.name.key;
    let file = match key.home {
        Home::LlmYaml => Some(&config.files().llm_yaml),
        Home::Toml => Some(&config.files().project),
        Home::UserToml => config.files().user.as_ref(),
        Home::Checkout => Some(&config.files().checkout),
    };
    let mut answer = document(setting);
    if let Some(object) = answer.as_object_mut() {
        object.insert("schema".into(), SCHEMA.into());
        object.insert("doc".into(), key.doc.into());
        object.insert("takes".into(), key.shape.describe().into());
        object.insert("default".into(), key.default.into());
        object.insert("file".into(), json!(file));
        object.insert("hides".into(), setting.hidden.iter().map(hidden).collect());
    }
    answer
}
