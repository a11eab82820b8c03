//! A conversation made short for another model (AC-006): what was decided, the SPEC ids, the files in work, where the
//! work stands, and the last words of both sides.
//!
//! Extractive: every line is a line of the conversation, at most shortened, and the same conversation gives the same
//! result. No model is asked. The budget holds whatever comes in; where even what is key does not fit, the newest wins.

mod cue;
mod names;
mod outline;
mod piece;
mod size;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::base::sort;
use crate::wire::hub::Role;

use cue::Class;
use outline::Outline;
use piece::Piece;
pub use size::Size;

/// One speaker's turn, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub text: String,
}

impl Turn {
    /// A turn of `role`.
    pub fn new(role: Role, text: impl Into<String>) -> Self {
        Self { role, text: text.into() }
    }
}

/// A conversation made short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compressed {
    /// What is worth knowing of the turns, for the system prompt; empty where the conversation was short enough.
    pub digest: String,
    /// The last turn of each side, as it was or shortened; all turns where the conversation was short enough.
    pub tail: Vec<Turn>,
    /// How many turns there were.
    pub turns: usize,
    /// About how many tokens there were.
    pub tokens_before: u64,
    /// About how many there are now.
    pub tokens: u64,
}

/// What AC-006 allows: 30 % of the conversation.
const SHARE: u64 = 30;
/// A conversation of so few turns and tokens stays as it is: there is nothing to win, and much to lose.
const FEW_TURNS: usize = 8;
const FEW_TOKENS: u64 = 1_000;
/// So does any conversation below so many tokens.
const FLOOR: u64 = 40;
/// Each part is rounded up to a token when somebody counts: the digest and two turns.
const ROUNDING: u64 = 3;

/// What stands before a digest where it is sent; its room is taken from the digest's.
pub const OPENING: &str = "What was said before, in short:\n\n";

/// The size that a compressed conversation may have by AC-006: 30 % of `turns`; all of it where it is short (eight
/// turns and 1,000 tokens at most, or below 40 tokens).
pub fn budget(turns: &[Turn]) -> Size {
    let whole = size(turns);
    if is_short(turns, whole) { whole } else { whole.percent(SHARE).less_tokens(ROUNDING) }
}

fn is_short(turns: &[Turn], whole: Size) -> bool {
    let tokens = whole.as_tokens();
    tokens < FLOOR || (turns.len() <= FEW_TURNS && tokens <= FEW_TOKENS)
}

fn size(turns: &[Turn]) -> Size {
    turns.iter().fold(Size::default(), |sum, turn| sum.plus(Size::of(&turn.text)))
}

/// Makes `turns` fit into `budget`: see [`budget`] for AC-006's, [`Size::tokens`] for a model's window.
pub fn compress(turns: &[Turn], budget: Size) -> Compressed {
    let before = size(turns);
    let done = |digest: String, tail: Vec<Turn>| Compressed {
        tokens: Size::of(&digest).plus(size(&tail)).as_tokens(),
        digest,
        tail,
        turns: turns.len(),
        tokens_before: before.as_tokens(),
    };
    if before.fits(budget) {
        return done(String::new(), turns.to_vec());
    }
    let pieces = unique(turns.iter().enumerate().flat_map(|(at, turn)| piece::pieces(at, turn)).collect());
    let mut outline = Outline::new(budget);
    // Where there is hardly room for anything, what was said is worth more than how it is opened.
    if Size::of(OPENING).fits(budget.percent(25)) {
        outline.spend(Size::of(OPENING));
    }
    let text = || turns.iter().map(|turn| turn.text.as_str());
    outline.names("SPEC", &names::newest_first(text().flat_map(names::spec_ids)), 100);
    let newest = |class: Class| pieces.iter().enumerate().rev().filter(move |(_, piece)| piece.class == class);
    if let Some((at, piece)) = newest(Class::State).next() {
        outline.add(at, piece, outline.left().percent(25));
    }
    let tail = tail(turns, &mut outline);
    // What the tail says in full is not said twice.
    let said = |piece: &Piece| tail.iter().any(|turn| turn.text.contains(&piece.text));
    outline.names("Files", &names::newest_first(text().flat_map(names::files)), 25);
    let decisions: Vec<_> = newest(Class::Decision).filter(|(_, piece)| !said(piece)).collect();
    outline.add_all(&decisions);
    for class in [Class::State, Class::Rule, Class::Ask, Class::Fact, Class::Code] {
        for (at, piece) in newest(class).filter(|(_, piece)| !said(piece)) {
            outline.add(at, piece, Size::chars(ORDINARY));
        }
    }
    done(outline.render(), tail)
}

/// The most characters of a line that is not a decision.
const ORDINARY: u64 = 240;

/// Of lines that say the same, the last.
fn unique(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut seen = HashSet::new();
    let mut kept: Vec<Piece> = pieces
        .into_iter()
        .rev()
        .filter(|piece| {
            let key: String = piece.text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
            seen.insert(key)
        })
        .collect();
    kept.reverse();
    kept
}

/// The last turn of the user and of the model, in their order: whole where they are small, else without their code,
/// else both ends.
fn tail(turns: &[Turn], outline: &mut Outline) -> Vec<Turn> {
    let last = |role: Role| turns.iter().rposition(|turn| turn.role == role && !turn.text.trim().is_empty());
    let mut kept = Vec::new();
    for (role, percent) in [(Role::User, 30), (Role::Assistant, 30)] {
        let Some((at, turn)) = last(role).and_then(|at| Some((at, turns.get(at)?))) else { continue };
        let room = outline.left().percent(percent);
        let text = if Size::of(&turn.text).fits(room) {
            turn.text.clone()
        } else {
            size::ends(&piece::without_code(&turn.text), room)
        };
        if !text.is_empty() {
            outline.spend(Size::of(&text));
            kept.push((at, Turn::new(role, text)));
        }
    }
    sort::by_key(&mut kept, |(at, _)| *at);
    kept.into_iter().map(|(_, turn)| turn).collect()
}

#[cfg(test)]
mod tests;
