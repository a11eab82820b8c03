//! The command line as a book: manual pages and `docs/cli.md`, both made from the clap tree alone.

use clap::Command;

/// The width that help is wrapped to in the reference, on every machine.
const WIDTH: usize = 100;

/// The whole tree with the full names (`moai worktree create`) filled in.
fn built() -> Command {
    let mut command = super::command().disable_help_subcommand(true).term_width(WIDTH);
    command.build();
    command
}

/// Every command that people see, parents first.
fn visible(command: &Command) -> Vec<&Command> {
    let inner = command.get_subcommands().filter(|sub| !sub.is_hide_set()).flat_map(visible);
    std::iter::once(command).chain(inner).collect()
}

/// The manual page of a command (none of them: `moai`); `None` where there is no such command.
pub(super) fn man_page(words: &[String]) -> Option<String> {
    let root = built();
    let mut command = &root;
    for word in words {
        command = command.find_subcommand(word)?;
    }
    page(command)
}

/// The manual pages of all commands, with their file names.
pub(super) fn man_pages() -> Vec<(String, String)> {
    let root = built();
    visible(&root).into_iter().filter_map(|command| Some((file_name(command), page(command)?))).collect()
}

fn file_name(command: &Command) -> String {
    format!("{}.1", command.get_bin_name().unwrap_or("moai").replace(' ', "-"))
}

fn page(command: &Command) -> Option<String> {
    let man = clap_mangen::Man::new(command.clone())
        .title(command.get_bin_name().unwrap_or("moai").replace(' ', "-"))
        .source(format!("moai {}", env!("CARGO_PKG_VERSION")))
        .manual("moai");
    let mut text = Vec::new();
    man.render_title(&mut text).ok()?;
    man.render_name_section(&mut text).ok()?;
    man.render_synopsis_section(&mut text).ok()?;
    man.render_description_section(&mut text).ok()?;
    man.render_options_section(&mut text).ok()?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text).ok()?;
    }
    let extra = command.get_after_long_help().or_else(|| command.get_after_help()).map(ToString::to_string);
    let text = String::from_utf8(text).ok()?;
    Some(text + &extra.map(|extra| as_written(&extra)).unwrap_or_default())
}

/// What stands below the options, line by line: examples must not be filled into paragraphs.
fn as_written(extra: &str) -> String {
    let (heading, lines) = match extra.trim_start().strip_prefix("Examples:") {
        Some(examples) => ("EXAMPLES", examples),
        None => ("NOTES", extra),
    };
    let lines = lines.trim_matches('\n').replace('\\', "\\e").replace('-', "\\-").replace('\n', "\n\\&");
    format!(".SH {heading}\n.nf\n\\&{lines}\n.fi\n")
}

/// The reference of all commands: what `--help` prints, command by command.
pub(super) fn markdown() -> String {
    let root = built();
    let commands = visible(&root);
    let mut text = String::from(
        "# The commands of moai\n\n\
        What `--help` prints, for every command. Generated from the program and compared with it by a test\n\
        (`MOAI_BLESS=1 cargo test --test it generated` writes it again); exit codes are in [exit-codes.md](exit-codes.md).\n\n",
    );
    text.extend(commands.iter().map(|command| {
        let name = command.get_bin_name().unwrap_or("moai");
        format!("- [`{name}`](#{})\n", name.replace(' ', "-"))
    }));
    text.extend(commands.into_iter().map(section));
    text
}

fn section(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or("moai");
    // What every command takes is said once, at `moai`.
    let shown = command.clone().mut_args(|arg| {
        let repeated = arg.is_global_set() && name != "moai" || matches!(arg.get_id().as_str(), "help" | "version");
        if repeated { arg.hide(true) } else { arg }
    });
    let help = shown.clone().term_width(WIDTH).render_long_help().to_string();
    let help: String = help.trim_end().lines().map(|line| line.trim_end().to_owned() + "\n").collect();
    format!("\n## {name}\n\n```text\n{help}```\n")
}
