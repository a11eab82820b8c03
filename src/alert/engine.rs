//! What stands, since when, and what was told of it.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::event::{Event, Turn};
use super::rule::{Reading, Rule, Rules, Threshold};

/// One alert, or what may become one. It is written down as it is, but for what only begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// What is watched.
    pub rule: Rule,
    /// Of whom; empty where it is of everything.
    pub subject: String,
    /// The step that it has reached; 0: it is none.
    pub step: usize,
    /// Since when.
    pub since: Timestamp,
    /// The value as it was measured last.
    pub value: i64,
    /// The same for a person.
    pub text: String,
    /// The step that was told; 0: nobody was told, or that it is over.
    pub told: usize,
    /// Since when the one that was told of: it may be over and have begun again meanwhile.
    told_since: Timestamp,
    /// Since when the value has been higher than its step.
    #[serde(skip)]
    rising: Option<Timestamp>,
    /// Since when it has been low enough for the end.
    #[serde(skip)]
    falling: Option<Timestamp>,
}

/// All alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Engine {
    alerts: Vec<Alert>,
}

impl Engine {
    /// Takes what was measured. Whoever is not among it has no value, and so is below every threshold; but for the
    /// `blind` rules, of which nothing could be measured: they stay as they are.
    pub fn look(&mut self, readings: Vec<Reading>, blind: &[Rule], rules: &Rules, now: Timestamp) {
        let gone = |alert: &Alert| {
            let read = |reading: &Reading| reading.rule == alert.rule && reading.subject == alert.subject;
            !blind.contains(&alert.rule) && !readings.iter().any(read)
        };
        for at in 0..self.alerts.len() {
            let Some(alert) = self.alerts.get_mut(at).filter(|alert| gone(alert)) else { continue };
            alert.measure(0, &rules.threshold(alert.rule), now);
            if alert.value != 0 {
                alert.value = 0;
                alert.text = "there is nothing of it any more".into();
            }
        }
        for reading in readings {
            self.read(reading, rules, now);
        }
    }

    /// Takes one measurement more.
    pub fn read(&mut self, reading: Reading, rules: &Rules, now: Timestamp) {
        let Reading { rule, subject, value, text } = reading;
        let found = self.alerts.iter().position(|alert| alert.rule == rule && alert.subject == subject);
        let threshold = rules.threshold(rule);
        let at = match found {
            Some(at) => at,
            // What is far from being one needs no memory.
            None if threshold.step(value) == 0 || !rules.is_on(rule) => return,
            None => {
                self.alerts.push(Alert::quiet(rule, subject, now));
                self.alerts.len() - 1
            }
        };
        let Some(alert) = self.alerts.get_mut(at) else { return };
        alert.value = value;
        alert.text = text;
        alert.measure(value, &threshold, now);
    }

    /// What is to be told now: the difference between what stands and what was told, but for those that are silenced:
    /// they are told when their silence is over, if there is a difference then. It counts as told.
    pub fn due(&mut self, rules: &Rules, now: Timestamp, silenced: impl Fn(&Alert) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        for alert in self.alerts.iter_mut().filter(|alert| !silenced(alert)) {
            events.extend(alert.tell(rules, now));
        }
        self.alerts.retain(|alert| alert.step > 0 || alert.told > 0 || alert.rising.is_some());
        events
    }

    /// Every alert that stands.
    pub fn active(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| alert.step > 0)
    }
}

impl Alert {
    /// `info`, `warning`, `critical`.
    pub fn severity(&self) -> &'static str {
        self.rule.severity(self.step)
    }

    /// What stands, for programs.
    pub fn document(&self) -> Value {
        json!({
            "alert": self.rule,
            "subject": Some(&self.subject).filter(|subject| !subject.is_empty()),
            "severity": self.severity(),
            "since": self.since.to_string(),
            "message": self.text,
            "value": self.rule.in_unit(self.value),
            "unit": self.rule.unit(),
        })
    }

    fn quiet(rule: Rule, subject: String, now: Timestamp) -> Self {
        let text = String::new();
        Self {
            rule,
            subject,
            step: 0,
            since: now,
            value: 0,
            text,
            told: 0,
            told_since: now,
            rising: None,
            falling: None,
        }
    }

    fn measure(&mut self, value: i64, threshold: &Threshold, now: Timestamp) {
        let reached = threshold.step(value);
        let held = |since: Timestamp| {
            now.duration_since(since) >= SignedDuration::try_from(threshold.hold).unwrap_or(SignedDuration::MAX)
        };
        if reached > self.step {
            self.falling = None;
            let since = *self.rising.get_or_insert(now);
            if held(since) {
                if self.step == 0 {
                    self.since = since;
                }
                self.step = reached;
                self.rising = None;
            }
            return;
        }
        self.rising = None;
        if self.step == 0 || value >= threshold.clear {
            self.falling = None;
            // Of several steps a lower one is not told; that a higher one is reached again is.
            if reached > 0 {
                self.step = reached;
                self.told = self.told.min(reached);
            }
            return;
        }
        let since = *self.falling.get_or_insert(now);
        if held(since) {
            self.step = 0;
            self.falling = None;
        }
    }

    fn tell(&mut self, rules: &Rules, now: Timestamp) -> Option<Event> {
        let (turn, step) = match (self.told, self.step) {
            (told, step) if told == step => return None,
            (told, 0) => (Turn::Ended, told),
            (0, step) => (Turn::Onset, step),
            (told, step) if step > told => (Turn::Raised, step),
            _ => return None,
        };
        if turn == Turn::Onset {
            self.told_since = self.since;
        }
        self.told = self.step;
        let threshold = rules.threshold(self.rule).steps.get(step - 1).copied().unwrap_or_default();
        let (rule, subject, text) = (self.rule, self.subject.clone(), self.text.clone());
        Some(Event { turn, rule, subject, step, value: self.value, threshold, text, since: self.told_since, at: now })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_767_960_000 + second).unwrap()
    }

    fn reading(rule: Rule, value: i64) -> Reading {
        Reading { rule, subject: String::new(), value, text: value.to_string() }
    }

    fn all(_: &Alert) -> bool {
        false
    }

    /// What a run of values, one a second, has to say.
    fn told(rules: &Rules, rule: Rule, values: &[i64]) -> Vec<(usize, Turn)> {
        let mut engine = Engine::default();
        let mut told = Vec::new();
        for (second, value) in values.iter().enumerate() {
            let now = at(i64::try_from(second).unwrap());
            engine.look(vec![reading(rule, *value)], &[], rules, now);
            told.extend(engine.due(rules, now, all).into_iter().map(|event| (second, event.turn)));
        }
        told
    }

    fn held(seconds: u64) -> Rules {
        Rules { error_hold: Duration::from_secs(seconds), ..Rules::default() }
    }

    #[test]
    fn it_begins_when_it_has_lasted_and_ends_when_it_is_well_below_for_as_long() {
        let rule = Rule::ErrorRate;
        assert_eq!(told(&held(2), rule, &[600, 600, 400, 600, 600]), [], "twice too short");
        assert_eq!(
            told(&held(2), rule, &[600, 600, 600, 600, 100, 100, 450, 100, 100, 100, 600]),
            [(2, Turn::Onset), (9, Turn::Ended)],
            "what wavers between the margins is no end"
        );
        assert_eq!(told(&held(0), rule, &[499, 500, 450, 400, 399, 499]), [(1, Turn::Onset), (4, Turn::Ended)]);
    }

    #[test]
    fn each_step_of_a_budget_is_told_once_and_its_end_once() {
        let rules = Rules::default();
        let values = [4_999, 5_000, 7_000, 8_500, 9_900, 10_500, 12_000, 0, 0];
        let said = [(1, Turn::Onset), (3, Turn::Raised), (5, Turn::Raised), (7, Turn::Ended)];
        assert_eq!(told(&rules, Rule::Budget, &values), said);
        // The budget is doubled: what was reached of the old one is reached again of the new one.
        assert_eq!(told(&rules, Rule::Budget, &[10_000, 5_000, 8_000]), [(0, Turn::Onset), (2, Turn::Raised)]);
    }

    #[test]
    fn a_restart_says_nothing_twice_and_forgets_nothing() {
        let rules = held(0);
        let mut engine = Engine::default();
        engine.look(vec![reading(Rule::ErrorRate, 900)], &[], &rules, at(0));
        assert_eq!(engine.due(&rules, at(0), all).len(), 1);
        let text = serde_json::to_string(&engine).unwrap();
        let mut again: Engine = serde_json::from_str(&text).unwrap();
        again.look(vec![reading(Rule::ErrorRate, 900)], &[], &rules, at(50));
        assert_eq!(again.due(&rules, at(50), all), []);
        // What cannot be measured stays as it is.
        again.look(Vec::new(), &[Rule::ErrorRate], &rules, at(55));
        assert_eq!((again.due(&rules, at(55), all).len(), again.active().count()), (0, 1));
        again.look(Vec::new(), &[], &rules, at(60));
        let ended = again.due(&rules, at(60), all);
        assert_eq!((ended[0].turn, ended[0].since, ended.len()), (Turn::Ended, at(0), 1));
        assert_eq!(again, Engine::default());
    }

    #[test]
    fn a_silence_is_silent_and_then_told_what_it_missed() {
        let rules = held(0);
        let mut engine = Engine::default();
        let mut look = |value, second, silenced: bool| {
            engine.look(vec![reading(Rule::ErrorRate, value)], &[], &rules, at(second));
            let events = engine.due(&rules, at(second), |_| silenced);
            events.into_iter().map(|event| event.turn).collect::<Vec<_>>()
        };
        assert_eq!(look(900, 0, true), []);
        assert_eq!(look(900, 1, false), [Turn::Onset]);
        assert_eq!(look(0, 2, true), []);
        assert_eq!(look(900, 3, true), []);
        assert_eq!(look(900, 4, false), [], "it is as it was told");
        assert_eq!(look(0, 5, true), []);
        assert_eq!(look(0, 6, false), [Turn::Ended]);
        assert_eq!(look(900, 7, true), []);
        assert_eq!(look(0, 8, true), []);
        assert_eq!(look(0, 9, false), [], "who heard of no beginning hears of no end");
    }

    #[test]
    fn a_rule_that_is_switched_off_ends_what_it_began() {
        let rules = held(0);
        let mut engine = Engine::default();
        engine.look(vec![reading(Rule::ErrorRate, 900)], &[], &rules, at(0));
        engine.due(&rules, at(0), all);
        let off = Rules { off: vec![Rule::ErrorRate], ..rules };
        engine.read(reading(Rule::Budget, 9_000), &Rules { off: vec![Rule::Budget], ..off.clone() }, at(1));
        engine.look(Vec::new(), &[], &off, at(1));
        let events = engine.due(&off, at(1), all);
        assert_eq!((events.len(), events[0].turn), (1, Turn::Ended));
    }

    proptest! {
        /// Whatever comes: beginnings and ends take turns, and steps in between only rise.
        #[test]
        fn beginnings_and_ends_take_turns(
            values in prop::collection::vec((0_i64..14_000, any::<bool>(), any::<bool>()), 1..200),
            hold in 0_u64..4,
        ) {
            for rule in [Rule::Budget, Rule::ErrorRate] {
                let rules = held(hold);
                let mut engine = Engine::default();
                let mut open = false;
                for (second, (value, silenced, restart)) in values.iter().enumerate() {
                    let now = at(i64::try_from(second).unwrap());
                    engine.look(vec![reading(rule, *value)], &[], &rules, now);
                    if *restart {
                        engine = serde_json::from_str(&serde_json::to_string(&engine).unwrap()).unwrap();
                    }
                    for event in engine.due(&rules, now, |_| *silenced) {
                        prop_assert!(!*silenced);
                        prop_assert_eq!(open, event.turn != Turn::Onset);
                        open = event.turn != Turn::Ended;
                    }
                    if !*silenced {
                        prop_assert_eq!(open, engine.active().next().is_some());
                    }
                }
            }
        }
    }
}
