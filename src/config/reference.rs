//! The reference of all settings, `docs/config.md`, made from the table; `tests/it/generated.rs` holds it in step.

use super::keys::{Home, KEPT, KEYS, Key};

const HEAD: &str = "\
# Settings

<!-- Made from src/config/keys.rs: MOAI_BLESS=1 cargo test --test it generated -->

Every setting has a name such as `llm.mode`, which is also its place in the file. Values come in layers; a later layer
counts more, and `moai config explain <name>` shows every layer that sets one:

1. the default,
2. `~/.moai/config.toml`, for all projects (`moai config set --user …`),
3. the project's `.moai/config/sections/llm.yaml` (`llm.…`) and `.moai/config.toml` (everything else),
4. `.moai/llm-configs/glm.json`, where it writes out the endpoint or a model,
5. the environment: `MOAI_LLM_MODE` for `llm.mode`.

In a linked worktree its own files count; where it has none, the main checkout's. `moai config set` changes the value
in place: comments, order, indentation, line ends and file mode stay, and where nothing changes nothing is written. A
file that does not parse is an error with file, line and column (exit 3) and is never written to.
";

/// The whole page.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    page.extend(KEYS.iter().map(section));
    let kept = KEPT.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    page + "\n## Kept for moai-adk\n\nRead by other versions of moai-adk, kept as they are, and not used by moai: "
        + &kept
        + ".\n"
}

fn section(key: &Key) -> String {
    let file = match key.home {
        Home::LlmYaml => "`.moai/config/sections/llm.yaml`, or `~/.moai/config.toml` with `--user`",
        Home::Toml => "`.moai/config.toml`, or `~/.moai/config.toml` with `--user`",
        Home::UserToml => "`~/.moai/config.toml`",
    };
    let default = key.default.map_or_else(|| "none".to_owned(), |default| format!("`{default}`"));
    let also = match key.also {
        [] => String::new(),
        names => {
            format!("| also read | {} |\n", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        }
    };
    // A bar would end the cell.
    let takes = key.shape.describe().replace(" | ", ", ");
    format!(
        "\n## `{}`\n\n{}\n\n| | |\n|---|---|\n| takes | {takes} |\n| default | {default} |\n| file | {file} |\n| variable | `{}` |\n{also}",
        key.name,
        key.doc,
        key.variable(),
    )
}
