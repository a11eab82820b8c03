//! `docs/settings.md`, made from what the program does: a test holds the committed page in step.

use super::gateway::GATEWAY_REASONS;
use super::glm::{BACKUP_TOKEN, GLM_NAMES, MODEL_NAMES, OUR_VALUES, REASONS, SET_ASIDE};

const HEAD: &str = "\
# What `moai glm` writes into `.claude/settings.local.json`, and why

Made from the program (`MOAI_BLESS=1 cargo test --test it generated`); do not edit.

`moai glm` adds these variables to `env`. The file is edited in place: key order, indentation, line ends, a BOM, unknown
keys and the spelling of numbers stay. It gets the mode 0600, and git is told to ignore it. `moai glm --dry-run` shows the
change beforehand, with secrets as fingerprints.

| variable | why |
|---|---|
";

const HELPER: &str = "
## No key on the disk: `--helper`

With `moai glm --helper`, with `keys.embed = false` in the configuration, and where the key is in the OS keyring, no key is
written. `apiKeyHelper` is set to `moai key glm --print` instead, which Claude Code runs when it needs the key (again after
five minutes, and after a 401), so that a rotated key is in use everywhere at once. `ANTHROPIC_AUTH_TOKEN` and
`ANTHROPIC_API_KEY` are set to nothing, so that the ones of the shell do not take the helper's place (seen with Claude Code
2.1.329, 2026-11-21).

## One process: `moai glm -- claude`

Sets the same variables for that process alone and writes nothing. Where a settings file would carry another key, model or
endpoint into it, Claude Code is started with `--settings` (without secrets: they go through the environment), and with
`--setting-sources user,project` where it is a local file.

## Set aside while on GLM

These would carry requests, secrets or models past the switch. `moai glm` takes them out and `moai claude` puts them back:
";

const GATEWAY: &str = "
## On moai's gateway: `--gateway`

`moai claude --gateway` and `moai glm --gateway` lead the project to `moai serve` instead of a vendor ([serve.md](serve.md)),
in the same way and with the same way back. `apiKeyHelper` is `moai serve key print --start`: no key is in the file, and the
gateway is started where none runs. `moai glm --gateway` also sets the four model variables above, and GLM answers.

| variable | why |
|---|---|
";

const MASKS: &str = "
Where the shell, `~/.claude/settings.json` or the committed `.claude/settings.json` sets one of these, or an `apiKeyHelper`,
Claude Code would merge it in: then the local file also sets the variable to nothing (`ANTHROPIC_MODEL` to the GLM model
where `model` names a Claude model), and `apiKeyHelper` to moai's own, so that `x-api-key` carries no other key.
";

const LEDGER: &str = "
## Going back

moai records what it set and what was there before in `~/.moai/backends/<hash of the checkout's path>.json` (0600; digests
of what it set, never the key). `moai claude` then gives back

- the exact bytes from before the switch, where nobody else has written the file since; the file goes where moai made it;
- else, place by place, the earlier value of everything that still holds what moai put there.

Without a record (the switch was made by moai-adk, or the record is lost), a GLM host in `ANTHROPIC_BASE_URL` (`z.ai`,
`bigmodel.cn` and below) says that the following are GLM's, and they are taken out. Settings of any other gateway are left
alone; those of moai's own are known by `MOAI_GATEWAY`.
";

const LIMITS: &str = "
## What is refused

- A file that does not parse, is empty, is no object, names a key twice or has an `env` that is no object: file, line and
  column are named and nothing is changed. A comment or a trailing comma counts, too: Claude Code 2.1.329 loads no settings
  file with one (seen 2026-11-21), so a switch written there would have no effect.
- A file that git tracks, or that a `!` rule takes back from the ignored ones: the key would be committed. `--helper` works.
- In a linked worktree: settings of the main checkout that would mix two vendors or two keys.

## The order in which Claude Code merges

Seen with Claude Code 2.1.329 and held by `tests/it/client.rs`, the weakest first, variable by variable: the process
environment, `~/.claude/settings.json`, the checkout's `.claude/settings.json`, its `.claude/settings.local.json`, in a linked
worktree the main checkout's `.claude/settings.local.json`, `--settings`, the organisation's managed settings. A worktree's
local file counts only where Claude Code is started in its top directory. `ANTHROPIC_AUTH_TOKEN` is sent as `Authorization`,
`ANTHROPIC_API_KEY` as `x-api-key`, and `apiKeyHelper` fills whichever of the two is empty.
";

/// The page.
pub fn reference() -> String {
    let mut page = String::from(HEAD);
    for (name, why) in REASONS {
        page.extend(["| `", name, "` | ", why, " |\n"]);
    }
    page.push_str(HELPER);
    page.push('\n');
    for name in SET_ASIDE {
        page.extend(["- `", name, "`\n"]);
    }
    for name in MODEL_NAMES {
        page.extend(["- `", name, "`, unless it names a GLM model\n"]);
    }
    page.push_str("- `model` at the top level, where it names a Claude model by its full id\n");
    page.push_str(MASKS);
    page.push_str(GATEWAY);
    for (name, why) in GATEWAY_REASONS {
        page.extend(["| `", name, "` | ", why, " |\n"]);
    }
    page.push_str(LEDGER);
    page.push('\n');
    for name in GLM_NAMES {
        page.extend(["- `", name, "`\n"]);
    }
    for (name, value) in OUR_VALUES {
        page.extend(["- `", name, "`, where it is `\"", value, "\"`\n"]);
    }
    page.push_str("- what is set aside (above), where it is `\"\"` or names a GLM model\n");
    page.push_str("- `apiKeyHelper`, where it ends with `key glm --print` or `serve key print --start`\n");
    page.extend(["- `", BACKUP_TOKEN, "`, whose value becomes `ANTHROPIC_AUTH_TOKEN` again\n"]);
    page.push_str(LIMITS);
    page
}
