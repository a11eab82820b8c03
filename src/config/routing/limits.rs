//! Budgets and limits out of the settings.

use std::time::Duration;

use crate::config::keys::Value;
use crate::config::layers::Setting;
use crate::cost::{self, Budgets};
use crate::model::Usd;
use crate::route::limit::{Limits, Rates};
use crate::route::memory::{Budget, WhenFull};

use super::fixed::Fixed;
use super::group::{bytes, groups};

/// How long a request waits for memory where nobody says: as long as a model of this machine has for its answer.
const MEMORY_WAIT: Duration = Duration::from_secs(120);

/// The budgets.
pub(super) fn budgets(fixed: Fixed<'_>, free: &[Setting]) -> Budgets {
    let usd = |name: &str| fixed.value(name).and_then(amount);
    let each = |each: &str, named: &str| cost::Limits {
        each: usd(each),
        named: groups(free, "budget")
            .iter()
            .filter(|group| group.name == named)
            .flat_map(super::group::Group::settings)
            .filter_map(|(parts, setting)| {
                Some(((*parts.first()?).to_owned(), setting.value.as_ref().and_then(amount)?))
            })
            .collect(),
    };
    Budgets {
        day: usd("budget.daily_usd"),
        session: usd("budget.session_usd"),
        agents: each("budget.agent_usd", "agents"),
        projects: each("budget.project_usd", "projects"),
        keys: each("budget.key_usd", "keys"),
        refuse: fixed.value("budget.on_limit") == Some(&Value::Text("refuse".into())),
    }
}

/// The limits of requests and tokens.
pub(super) fn limits(fixed: Fixed<'_>, free: &[Setting]) -> Limits {
    let standard = Limits::default();
    let mut limits = Limits {
        all: Rates {
            requests: fixed.number("limits.requests_per_minute"),
            tokens: fixed.number("limits.tokens_per_minute"),
            concurrent: fixed.number("limits.concurrent"),
        },
        queue: fixed.number("limits.queue").unwrap_or(standard.queue),
        longest_wait: fixed.duration("limits.queue_wait").unwrap_or(standard.longest_wait),
        ..standard
    };
    for (parts, setting) in groups(free, "limits").iter().flat_map(super::group::Group::settings) {
        let ([name, field], Some(Value::Number(most))) = (parts, &setting.value) else { continue };
        let rates = limits.keys.entry((*name).to_owned()).or_default();
        match *field {
            "requests_per_minute" => rates.requests = Some(*most),
            "tokens_per_minute" => rates.tokens = Some(*most),
            _ => rates.concurrent = Some(*most),
        }
    }
    // Longer than a day nobody waits, and sums with the clock stay within its range.
    limits.longest_wait = limits.longest_wait.min(Duration::from_secs(86_400));
    limits
}

/// What the models of this machine may take of its memory; `None`: nobody counts it.
pub(super) fn memory(fixed: Fixed<'_>) -> Option<Budget> {
    let bytes = fixed.value("local.memory").and_then(bytes).filter(|bytes| *bytes > 0)?;
    let word = fixed.value("local.when_full").map(ToString::to_string).unwrap_or_default();
    let wait = fixed.duration("local.wait").unwrap_or(MEMORY_WAIT);
    Some(Budget { bytes, when_full: WhenFull::of(&word).unwrap_or_default(), wait })
}

fn amount(value: &Value) -> Option<Usd> {
    value.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::tests::Place;
    use super::*;

    #[test]
    fn budgets_and_limits_come_from_the_persons_file() {
        let place = Place::new();
        place.put(
            "home/.moai/config.toml",
            "[budget]\ndaily_usd = 5\non_limit = \"refuse\"\nagent_usd = 1\n[budget.agents]\ndata_agent = 0.5\n[budget.keys]\n\
             laptop = 2\n[limits]\nconcurrent = 4\nqueue = 0\n[limits.keys.laptop]\nrequests_per_minute = 60\n",
        );
        let routing = place.load(&[]);
        let usd = |text: &str| text.parse::<Usd>().unwrap();
        let budgets = &routing.budgets;
        assert!(budgets.refuse);
        assert_eq!(budgets.day, Some(usd("5")));
        assert_eq!((budgets.agents.each, budgets.agents.named.get("data_agent")), (Some(usd("1")), Some(&usd("0.5"))));
        assert_eq!(budgets.keys.named.get("laptop"), Some(&usd("2")));
        let limits = &routing.limits;
        assert_eq!((limits.all.concurrent, limits.queue, limits.longest_wait), (Some(4), 0, Duration::from_secs(30)));
        assert_eq!(limits.keys["laptop"].requests, Some(60));
    }

    #[test]
    fn a_projects_file_does_not_loosen_them() {
        let place = Place::new();
        place.put(
            "home/.moai/config.toml",
            "[budget]\non_limit = \"refuse\"\nagents.a = 1\n[limits]\nkeys.k.concurrent = 1\n",
        );
        place.put(
            "project/.moai/config.toml",
            "[budget]\non_limit = \"warn\"\nagents.a = 100\n[limits]\nconcurrent = 9\nkeys.k.concurrent = 9\n",
        );
        let routing = place.load(&[]);
        assert!(routing.budgets.refuse);
        assert_eq!(routing.budgets.agents.named["a"], "1".parse().unwrap());
        assert_eq!((routing.limits.all.concurrent, routing.limits.keys["k"].concurrent), (None, Some(1)));
    }
}
