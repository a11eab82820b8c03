//! `moai session`: the conversations of `moai route --session`: which there are, what was said, and taking them away.

use serde_json::{Value, json};

use crate::base::failure::Failure;
use crate::base::world::World;
use crate::journal::{Session, SessionHead};
use crate::model::SessionId;

use super::books::Books;
use super::here::Here;
use super::ui::{Column, SCHEMA, Style, Table, Ui, clean};
use super::worktree::which::ago;

/// Show and clear the conversations of `moai route --session`
///
/// They are kept encrypted in the journal and deleted 24 hours after they were last used. Where a conversation went
/// from one model to another, the new one was told a shortened form of it, which is shown, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  moai session                    which there are
  moai session show auth          what was said
  moai session clear auth         delete one
  moai session clear --all --yes  delete all of them")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Which conversations there are, the last used first
    #[command(after_help = "Examples:\n  moai session list\n  moai session list --json | jq -r '.sessions[].id'")]
    List,
    /// What was said in one
    #[command(after_help = "Examples:\n  moai session show auth\n  moai session show auth --json")]
    Show {
        /// Its id
        #[arg(value_name = "ID")]
        id: SessionId,
    },
    /// Delete one, or all of them
    #[command(after_help = "\
Examples:
  moai session clear auth
  moai session clear --all --dry-run  what would go
  moai session clear --all --yes")]
    Clear(ClearArgs),
}

#[derive(Debug, clap::Args)]
struct ClearArgs {
    /// Its id
    #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
    id: Option<SessionId>,
    /// All of them
    #[arg(long)]
    all: bool,
    /// Show what would go, and delete nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

/// Runs `moai session`.
pub(super) fn run(args: Args, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let here = Here::look(world, ui)?;
    let mut books = Books::open(world, &here, None)?;
    match args.command.unwrap_or(Command::List) {
        Command::List => list(&mut books, world, ui),
        Command::Show { id } => show(&id, &mut books, world, ui),
        Command::Clear(args) => clear(&args, &mut books, ui),
    }
}

fn heads(books: &mut Books) -> Result<Vec<SessionHead>, Failure> {
    Ok(match books.existing()? {
        Some(journal) => journal.sessions()?,
        None => Vec::new(),
    })
}

fn list(books: &mut Books, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let heads = heads(books)?;
    if ui.json {
        return ui.answer_json(&json!({ "schema": SCHEMA, "sessions": heads }));
    }
    if heads.is_empty() {
        ui.say("there is no conversation")?;
        return ui.hint("begin one: `moai route --session auth \"API 설계해줘\"`");
    }
    let columns = ["session", "messages", "model", "used"].map(Column::fixed);
    let mut table = Table::new(columns.into_iter().chain([Column::shrinking("project")]));
    for head in heads {
        let used = match ago(world.now(), head.touched) {
            now if now == "now" => now,
            past => format!("{past} ago"),
        };
        table.row([
            (head.id, Style::Bold),
            (head.messages.to_string(), Style::Plain),
            (head.model.unwrap_or_else(|| "-".into()), Style::Plain),
            (used, Style::Plain),
            (head.project.unwrap_or_else(|| "-".into()), Style::Dim),
        ]);
    }
    ui.answer_table(&table)
}

fn show(id: &SessionId, books: &mut Books, world: &World, ui: &mut Ui) -> Result<(), Failure> {
    let found = match books.existing()? {
        Some(journal) => journal.session(id)?,
        None => None,
    };
    let Some(session) = found else { return Err(unknown(id)) };
    if ui.json {
        return ui.answer_json(&json!({
            "schema": SCHEMA,
            "session": session.head,
            "compressed": state(&session),
            "messages": session.messages,
        }));
    }
    for message in &session.messages {
        let by = message.model.as_deref().map(|model| format!(" ({model})")).unwrap_or_default();
        let at = world.zone().to_datetime(message.at).strftime("%Y-%m-%d %H:%M");
        ui.answer(format!(
            "{} {}",
            ui.style.bold(&clean(&format!("{}{by}", message.role))),
            ui.style.dim(&at.to_string())
        ))?;
        ui.answer(format!("{}\n", clean(&message.content)))?;
    }
    let state = state(&session);
    if let Some(text) = state.as_ref().and_then(|state| state.get("text")) {
        let number = |name: &str| text.get(name).and_then(Value::as_u64).unwrap_or_default();
        let model = state.as_ref().and_then(|state| state.get("model")).and_then(Value::as_str).unwrap_or_default();
        let line = format!("shortened for {model}: {} tokens of {}", number("tokens"), number("tokens_before"));
        ui.answer(ui.style.bold(&clean(&line)))?;
        ui.answer(clean(text.get("digest").and_then(Value::as_str).unwrap_or_default()))?;
    }
    Ok(())
}

/// The shortened form, as it is kept.
fn state(session: &Session) -> Option<Value> {
    serde_json::from_str(session.state.as_deref()?).ok()
}

fn unknown(id: &SessionId) -> Failure {
    Failure::expected(format!("there is no conversation `{id}`"))
        .with_code("no-session")
        .hint("see which there are: `moai session list`; they are deleted 24 hours after they were last used")
}

fn clear(args: &ClearArgs, books: &mut Books, ui: &mut Ui) -> Result<(), Failure> {
    let found: Vec<SessionHead> =
        heads(books)?.into_iter().filter(|head| args.id.as_ref().is_none_or(|id| id.as_str() == head.id)).collect();
    if let Some(id) = args.id.as_ref().filter(|_| found.is_empty()) {
        return Err(unknown(id));
    }
    let ids: Vec<String> = found.iter().map(|head| head.id.clone()).collect();
    let count = match ids.len() {
        1 => "1 conversation".to_owned(),
        many => format!("{many} conversations"),
    };
    if args.dry_run {
        if ui.json {
            return ui.answer_json(&json!({ "schema": SCHEMA, "dry_run": true, "cleared": ids }));
        }
        ids.iter().try_for_each(|id| ui.answer(id))?;
        return ui.say(format!("{count} would be deleted"));
    }
    if args.all && !args.yes && !ids.is_empty() && !ui.confirm(&format!("Delete {count}?"), "--yes")? {
        return ui.say("nothing was deleted");
    }
    if let Some(journal) = books.existing()? {
        for id in ids.iter().filter_map(|id| id.parse::<SessionId>().ok()) {
            journal.session_clear(&id)?;
        }
    }
    if ui.json {
        return ui.answer_json(&json!({ "schema": SCHEMA, "dry_run": false, "cleared": ids }));
    }
    ui.say(format!("{count} deleted"))
}
