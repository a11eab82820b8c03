//! Tiers: how much thinking a piece of work is worth (SPEC-MODEL-001).

use std::fmt;
use std::str::FromStr;

/// Who answers: the model that plans, or the one that implements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Tier 1: planning, design, decisions.
    One,
    /// Tier 2: implementation, and whatever nobody asked to think about.
    Two,
}

/// A word that is no tier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown tier `{0}`: expected 1 or 2")]
pub struct UnknownTier(pub String);

impl Tier {
    /// Both tiers, in order.
    pub const ALL: [Self; 2] = [Self::One, Self::Two];

    /// The number of the seeds: 1 or 2.
    pub const fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// The other tier: where a request goes when its own fails.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::One => Self::Two,
            Self::Two => Self::One,
        }
    }

    /// The kind of work as people say it: `plan` or `implement`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::One => "plan",
            Self::Two => "implement",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.number(), f)
    }
}

impl FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(text: &str) -> Result<Self, UnknownTier> {
        match text.trim().to_ascii_lowercase().as_str() {
            "1" | "tier1" | "plan" => Ok(Self::One),
            "2" | "tier2" | "implement" => Ok(Self::Two),
            _ => Err(UnknownTier(text.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_read_as_number_and_as_word() {
        for (text, tier) in [("1", Tier::One), (" 2 ", Tier::Two), ("Plan", Tier::One), ("implement", Tier::Two)] {
            assert_eq!(text.parse(), Ok(tier), "{text}");
        }
        assert_eq!("3".parse::<Tier>(), Err(UnknownTier("3".into())));
        assert_eq!(Tier::One.to_string(), "1");
        assert_eq!(Tier::One.other(), Tier::Two);
    }
}
