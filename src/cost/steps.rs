//! The steps of a budget that a person is told of, each once: at half of it, at 80 % and at all of it.

use std::collections::BTreeMap;

use super::reserve::{Scope, Standing};

/// The steps, in percent.
const STEPS: [i64; 3] = [50, 80, 100];

/// Which steps were told of.
#[derive(Debug, Default)]
pub struct Steps(BTreeMap<Scope, i64>);

impl Steps {
    /// Whether a scope that stands so has reached a step that nobody was told of. One that fell below it (another day,
    /// a higher limit) is told of it again.
    pub fn reached(&mut self, standing: &Standing) -> bool {
        let (spent, limit) =
            (i128::from(standing.verdict.spent_usd.nanos()), i128::from(standing.verdict.limit_usd.nanos()));
        let step = STEPS.into_iter().rfind(|step| spent * 100 >= limit * i128::from(*step));
        let Some(step) = step else {
            self.0.remove(&standing.scope);
            return false;
        };
        let before = self.0.get(&standing.scope).copied();
        if before != Some(step) {
            self.0.insert(standing.scope.clone(), step);
        }
        before.is_none_or(|before| step > before)
    }

    /// Forgets the scopes of which nothing is known any more.
    pub fn keep(&mut self, is_known: impl Fn(&Scope) -> bool) {
        self.0.retain(|scope, _| is_known(scope));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Budget;
    use crate::model::Usd;

    #[test]
    fn each_step_is_told_once_and_again_when_it_was_left() {
        let mut steps = Steps::default();
        let mut reached = |spent: &str, limit: &str| {
            let limit: Usd = limit.parse().unwrap();
            let verdict = Budget { limit }.verdict(spent.parse().unwrap(), 0);
            steps.reached(&Standing { scope: Scope::Day, verdict, held: Usd::ZERO })
        };
        for (spent, told) in
            [("4.99", false), ("5", true), ("7", false), ("8", true), ("8.5", false), ("12", true), ("13", false)]
        {
            assert_eq!(reached(spent, "10"), told, "{spent}");
        }
        assert!(!reached("13", "20") && reached("16", "20") && !reached("0", "20") && reached("20", "20"));
        assert!(!reached("0", "20"));
        assert!(reached("0", "0"), "a budget of nothing is spent from the start");
        steps.keep(|_| false);
        assert_eq!(steps.0.len(), 0);
    }
}
