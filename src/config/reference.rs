//! The reference of all settings, `docs/config.md`, made from the table; `tests/it/generated.rs` holds it in step.

use super::keys::{self, Home, KEPT, Key};

const HEAD: &str = "\
# Settings

<!-- Made from src/config/keys/: MOAI_BLESS=1 cargo test --test it generated -->

Every setting has a name such as `llm.mode`, which is also its place in the file. Values come in layers; a later layer
counts more, and `moai config explain <name>` shows every layer that sets one:

1. the default; of providers and models what `templates/routing.toml` in moai's source says (`moai config list --all`),
2. `~/.moai/config.toml`, for all projects (`moai config set --user …`),
3. the project's `.moai/config/sections/llm.yaml` (`llm.…`),
4. seed 003's `agent_model.yaml` and `task_model_mapping.yaml`, below `config/` or `.moai/config/` (`agents.…`,
   `tasks.…`),
5. the project's `.moai/config.toml` (everything but `llm.…`), and over it a linked worktree's own,
6. `.moai/llm-configs/glm.json`, where it writes out the endpoint or a model,
7. the environment: `MOAI_LLM_MODE` for `llm.mode`, and the variables named below.

Of llm.yaml and glm.json a linked worktree's own count; where it has none, the main checkout's. `moai config set`
changes the value in place: comments, order, indentation, line ends and file mode stay, and where nothing changes
nothing is written. A file that does not parse is an error with file, line and column (exit 3) and is never written to.

How to set up a provider, from Anthropic to a server of your own, is in [providers.md](providers.md).
";

const FREE: &str = "
# Providers, models, agents, tasks

`NAME` is a name of your choice. One with a dot in it is quoted in the file (`[models.\"glm-4.7\"]`), and need not be on
the command line (`moai config get models.glm-4.7.id`). All of them stand in `.moai/config.toml`, or in
`~/.moai/config.toml` with `--user`. These variables count more than any file:

| variable | sets |
|---|---|
| `ANTHROPIC_BASE_URL` | `providers.anthropic.base_url`, except where it names GLM's host (a shell inside of a GLM session) |
| `ANTHROPIC_MODEL` | `models.claude-opus.id` where it names an Opus; another model takes that one's place in `tiers.plan` under its own name |
| `ZAI_BASE_URL` | `providers.zai.base_url`; where it does not end in `/anthropic`, OpenAI-style chat is spoken |
| `ZAI_MODEL` | a model that takes the place of `glm-4.7` in `tiers.implement` |
| `OLLAMA_HOST` | `providers.ollama.base_url`: `host:port`, a URL, or the address that Ollama listens on |

Where `llm.glm.base_url` was moved and none of this speaks of `zai`, routing goes there, too.
";

/// The whole page.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    page.extend(keys::all().filter(|key| !key.is_pattern()).map(section));
    page.push_str(FREE);
    let mut group = "";
    for key in keys::all().filter(|key| key.is_pattern()) {
        let (own, field) = key.name.split_once(".*.").unwrap_or((key.name, ""));
        if own != group {
            group = own;
            page.extend(["\n## `", group, ".NAME`\n\n| setting | takes | |\n|---|---|---|\n"]);
        }
        page.extend(["| `", &field.replace('*', "NAME"), "` | ", &takes(key), " | ", key.doc, " |\n"]);
    }
    let kept = KEPT.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    page + "\n## Kept for moai-adk\n\nRead by other versions of moai-adk, kept as they are, and not used by moai: "
        + &kept
        + ".\n"
}

/// What it takes; a bar would end the cell.
fn takes(key: &Key) -> String {
    key.shape.describe().replace(" | ", ", ")
}

fn code(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn section(key: &Key) -> String {
    let file = match key.home {
        Home::LlmYaml => "`.moai/config/sections/llm.yaml`, or `~/.moai/config.toml` with `--user`",
        Home::Toml => "`.moai/config.toml`, or `~/.moai/config.toml` with `--user`",
        Home::UserToml => "`~/.moai/config.toml`",
        Home::Checkout => "`.moai/config.toml` of the checkout itself",
    };
    let default = key.default.map_or_else(|| "none".to_owned(), |default| format!("`{default}`"));
    let also = match key.also {
        [] => String::new(),
        names => format!("| also read | {} |\n", code(names)),
    };
    let variables: Vec<String> = key.variables().collect();
    let variables = code(&variables.iter().map(String::as_str).collect::<Vec<_>>());
    format!(
        "\n## `{}`\n\n{}\n\n| | |\n|---|---|\n| takes | {} |\n| default | {default} |\n| file | {file} |\n| variable | {variables} |\n{also}",
        key.name,
        key.doc,
        takes(key),
    )
}
