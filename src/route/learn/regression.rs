//! The regression set: requests with the tier that they belong to, which the built-in weights have never seen. What a
//! person has taught must not make them worse.

use crate::base::packed::unpack;
use crate::classify::{Options, classify};
use crate::model::Tier;

use super::Learned;

/// `1` or `2`, a tab, the request; `\n` is a newline. The held-out sources of `tests/cases/classify/dev.tsv`.
const SOURCE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/regression.tsv.z"));

/// How many of the set are decided rightly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Decided as they are labelled.
    pub right: usize,
    /// All of them.
    pub all: usize,
    /// Those that are not, in moai's own words.
    pub wrong: Vec<String>,
}

impl Measure {
    /// From 0 to 1.
    pub fn rate(&self) -> f64 {
        let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        count(self.right) / count(self.all.max(1))
    }
}

/// How the set is decided with what was learned.
pub fn measure(learned: &Learned) -> Measure {
    let mut measure = Measure { right: 0, all: 0, wrong: Vec::new() };
    for (tier, text) in rows() {
        let options = Options::default();
        measure.all += 1;
        if learned.applied(&text, classify(&text, options), options).tier == tier {
            measure.right += 1;
        } else {
            measure.wrong.push(text);
        }
    }
    measure
}

fn rows() -> Vec<(Tier, String)> {
    let row = |(tier, text): (&str, &str)| {
        let text = text.replace("\\\\", "\u{1}").replace("\\n", "\n").replace('\u{1}', "\\");
        (if tier == "1" { Tier::One } else { Tier::Two }, text)
    };
    unpack(SOURCE).lines().filter_map(|line| line.split_once('\t')).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::learn::Weights;

    #[test]
    fn the_built_in_weights_decide_all_of_the_set_and_foul_ones_do_not() {
        let measured = measure(&Learned::default());
        assert_eq!(
            (measured.right, measured.all, measured.wrong.len()),
            (measured.all, 177, 0),
            "{:?}",
            measured.wrong
        );
        let names = ["op:fix", "op:implement", "op:add", "op:write", "fin-alone:fix", "do:fix>code", "op:create"];
        let foul = Weights::new(names.map(|name| (name.to_owned(), 1_500)));
        let measured = measure(&Learned::with(foul, []));
        assert!(measured.right < measured.all, "{measured:?}");
    }
}
