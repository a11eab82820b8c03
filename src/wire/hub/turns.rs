//! A conversation in the order that every dialect but Anthropic's accepts: tools answer right after they were
//! called, in the order of the calls, and words of the system in the middle become the user's reminders.

use std::collections::HashMap;

use super::{Block, Message, Role};
use crate::wire::reminder;

/// One speaker's turn, its tool results set apart.
#[derive(Debug, Default)]
pub(in crate::wire) struct Turn<'a> {
    pub(in crate::wire) assistant: bool,
    /// Tool results (always the user's), in the order of their calls.
    pub(in crate::wire) results: Vec<Result<'a>>,
    /// Everything else, in order.
    pub(in crate::wire) blocks: Vec<Piece<'a>>,
}

/// A tool's answer.
#[derive(Debug)]
pub(in crate::wire) struct Result<'a> {
    pub(in crate::wire) id: &'a str,
    /// The tool that was called, where the call is in the conversation.
    pub(in crate::wire) name: Option<&'a str>,
    pub(in crate::wire) content: &'a [Block],
    pub(in crate::wire) is_error: bool,
}

/// A block of the conversation, or a reminder made from the system's words.
#[derive(Debug)]
pub(in crate::wire) enum Piece<'a> {
    Block(&'a Block),
    Reminder(String),
}

/// The turns of a conversation.
///
/// The words of the system stay where they are, so that the prefix that a cache knows does not change; only between
/// a call and its result there is no place for them, and they move behind the result.
pub(in crate::wire) fn turns(messages: &[Message]) -> Vec<Turn<'_>> {
    let mut calls: HashMap<&str, (usize, &str)> = HashMap::new();
    let mut turns: Vec<Turn<'_>> = Vec::with_capacity(messages.len());
    let mut waiting: Vec<Turn<'_>> = Vec::new();
    let mut called = false;
    for message in messages {
        match message.role {
            Role::System => {
                let Some(reminder) = reminder_of(message) else { continue };
                if called { waiting.push(reminder) } else { turns.push(reminder) }
            }
            Role::Assistant => {
                turns.append(&mut waiting);
                called = false;
                for block in &message.content {
                    if let Block::ToolUse { id, name, .. } = block {
                        let order = calls.len();
                        calls.insert(id, (order, name));
                        called = true;
                    }
                }
                let blocks = message.content.iter().map(Piece::Block).collect();
                turns.push(Turn { assistant: true, results: Vec::new(), blocks });
            }
            Role::User => {
                turns.push(user_turn(message, &calls));
                turns.append(&mut waiting);
                called = false;
            }
        }
    }
    turns.append(&mut waiting);
    turns
}

fn reminder_of(message: &Message) -> Option<Turn<'_>> {
    let text = joined(&message.content);
    (!text.trim().is_empty()).then(|| Turn { blocks: vec![Piece::Reminder(reminder::wrap(&text))], ..Turn::default() })
}

fn user_turn<'a>(message: &'a Message, calls: &HashMap<&str, (usize, &'a str)>) -> Turn<'a> {
    let mut turn = Turn::default();
    let mut ordered = Vec::new();
    for block in &message.content {
        if let Block::ToolResult { id, content, is_error, .. } = block {
            let call = calls.get(id.as_str());
            let result = Result { id, name: call.map(|(_, name)| *name), content, is_error: *is_error };
            ordered.push((call.map_or(usize::MAX, |(order, _)| *order), result));
        } else {
            turn.blocks.push(Piece::Block(block));
        }
    }
    ordered.sort_by_key(|(order, _)| *order);
    turn.results = ordered.into_iter().map(|(_, result)| result).collect();
    turn
}

/// The text blocks, joined by empty lines.
pub(in crate::wire) fn joined(blocks: &[Block]) -> String {
    let texts: Vec<&str> = blocks
        .iter()
        .filter_map(|block| match block {
            Block::Text { text, .. } => Some(text.as_str()),
            _ => None,
        })
        .collect();
    texts.join("\n\n")
}
