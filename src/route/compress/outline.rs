//! The digest while it grows: lines under headings, never more than there is room for.

use super::cue::Class;
use super::piece::Piece;
use super::size::{Size, clip};
use crate::base::sort;

/// Decisions that do not fit as they are, are shortened to so many characters, one length for all of them.
const LENGTHS: [u64; 6] = [u64::MAX, 240, 160, 110, 80, 50];

/// A digest with the room that is left for it.
pub(super) struct Outline {
    left: Size,
    /// `SPEC: …` and `Files: …`.
    names: Vec<(&'static str, Vec<String>)>,
    /// Lines with their place in the conversation.
    groups: Vec<(&'static str, Vec<(usize, String)>)>,
}

impl Outline {
    /// An empty digest for this much room.
    pub(super) fn new(room: Size) -> Self {
        let groups = ["Decisions", "State", "Rules", "Asked", "Also"].map(|heading| (heading, Vec::new()));
        Self { left: room, names: Vec::new(), groups: groups.into() }
    }

    pub(super) fn left(&self) -> Size {
        self.left
    }

    /// Takes room for something that stands elsewhere.
    pub(super) fn spend(&mut self, size: Size) {
        self.left = self.left.minus(size);
    }

    /// A line of names: as many of them, from the first on, as fit into so many hundredths of what is left.
    pub(super) fn names(&mut self, heading: &'static str, names: &[&str], percent: u64) {
        let mut room = self.left.percent(percent);
        let mut kept = Vec::new();
        let mut cost = Size::of(heading).plus(Size::of(": \n"));
        for name in names {
            cost = cost.plus(Size::of(name));
            if !cost.fits(room) {
                break;
            }
            room = room.minus(cost);
            self.spend(cost);
            cost = Size::of(", ");
            kept.push((*name).to_owned());
        }
        if !kept.is_empty() {
            self.names.push((heading, kept));
        }
    }

    /// Adds a line, shortened to `most`, if it fits.
    pub(super) fn add(&mut self, at: usize, piece: &Piece, most: Size) {
        let Some((heading, lines)) = self.groups.get_mut(group(piece.class)) else { return };
        let text = clip(&piece.text, most, piece.cue);
        let cost = cost(&text, if lines.is_empty() { heading } else { "" });
        if text.is_empty() || !cost.fits(self.left) || lines.iter().any(|(line, _)| *line == at) {
            return;
        }
        lines.push((at, text));
        self.spend(cost);
    }

    /// Adds all of these lines, each shortened as little as lets all of them fit; where none does, the first ones.
    pub(super) fn add_all(&mut self, pieces: &[(usize, &Piece)]) {
        let Some((_, first)) = pieces.first() else { return };
        let heading = self.groups.get(group(first.class)).map_or("", |(heading, _)| heading);
        let whole = |most: u64| {
            let lines = pieces.iter().map(|(_, piece)| cost(&clip(&piece.text, Size::chars(most), piece.cue), ""));
            lines.fold(cost("", heading), Size::plus)
        };
        let most = LENGTHS.into_iter().find(|most| whole(*most).fits(self.left)).unwrap_or(50);
        for (at, piece) in pieces {
            // The last that has room gets what there is.
            let room = self.left.minus(cost("", heading)).min(Size::chars(most));
            self.add(*at, piece, room);
        }
    }

    /// The digest, each group in the order of the conversation.
    pub(super) fn render(mut self) -> String {
        let mut lines: Vec<String> =
            self.names.iter().map(|(heading, names)| format!("{heading}: {}", names.join(", "))).collect();
        for (heading, group) in &mut self.groups {
            if group.is_empty() {
                continue;
            }
            sort::by_key(group, |(at, _)| *at);
            lines.push(format!("{heading}:"));
            lines.extend(group.iter().map(|(_, text)| format!("- {text}")));
        }
        lines.join("\n")
    }
}

const fn group(class: Class) -> usize {
    match class {
        Class::Decision => 0,
        Class::State => 1,
        Class::Rule => 2,
        Class::Ask => 3,
        Class::Fact | Class::Code | Class::Other => 4,
    }
}

/// What a line takes, with the heading that it needs.
fn cost(text: &str, heading: &str) -> Size {
    let heading = if heading.is_empty() { Size::default() } else { Size::of(heading).plus(Size::of(":\n")) };
    Size::of(text).plus(Size::of("- \n")).plus(heading)
}
