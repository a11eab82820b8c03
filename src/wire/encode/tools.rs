//! The tools of a prompt, sorted into what the client runs and what the vendor would have to.

use super::Draft;
use crate::wire::dialect::Dialect;
use crate::wire::hub::{Prompt, Tool, ToolChoice, ToolKind};

/// The tools that another vendor's model can be given.
pub(super) struct Toolbox<'a> {
    /// Tools with a schema.
    pub(super) functions: Vec<(&'a Tool, &'a serde_json::Value)>,
    /// Whether the model should search the web.
    pub(super) web_search: bool,
}

impl Toolbox<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.functions.is_empty() && !self.web_search
    }
}

/// Claude Code's stand-in for the tools that tool search would find.
const PLACEHOLDER: &str = "DeferredToolPlaceholder";

pub(super) fn of<'a>(prompt: &'a Prompt, draft: &mut Draft<'_>) -> Toolbox<'a> {
    let mut toolbox = Toolbox { functions: Vec::new(), web_search: false };
    for tool in &prompt.tools {
        if tool.rest.contains_key("defer_loading") {
            draft.drop("defer_loading", "only Anthropic's API finds tools by search");
        }
        match &tool.kind {
            ToolKind::Custom(_) if tool.name == PLACEHOLDER => {}
            ToolKind::Custom(schema) => toolbox.functions.push((tool, schema)),
            ToolKind::Typed(kind) if kind.starts_with("web_search_") => toolbox.web_search = true,
            ToolKind::Typed(kind) => draft.drop(format!("tools: {kind}"), "only Anthropic's models know this tool"),
        }
    }
    toolbox
}

/// The choice of tool, or none where it says nothing that is not said already. A tool that is chosen is one of the
/// client's functions, or `OpenAI` Responses' own search.
pub(super) fn choice<'a>(prompt: &'a Prompt, draft: &mut Draft<'_>) -> Option<&'a ToolChoice> {
    let choice = prompt.tool_choice.as_ref()?;
    let chosen = |tool: &&Tool| matches!(choice, ToolChoice::Tool(name) if tool.name == *name);
    if let Some(Tool { kind: ToolKind::Typed(kind), .. }) = prompt.tools.iter().find(chosen) {
        let searches = draft.target.dialect == Dialect::Responses && kind.starts_with("web_search_");
        if !searches {
            draft.drop("tool_choice", "the tool that it names is none of the client's");
            return None;
        }
    }
    if draft.quirks().tool_choice || *choice == ToolChoice::Auto {
        return Some(choice);
    }
    draft.drop("tool_choice", "the API takes only `auto`");
    Some(&ToolChoice::Auto)
}
