//! What the built-in `sim` provider does, as data: answers, latencies and faults, the same on every run.

use std::time::Duration;

/// The behaviour of a simulated provider. The default answers at once with the prompt itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SimScript {
    /// What to answer; `None` gives the last user text back.
    pub answer: Option<String>,
    /// How many characters a piece of the stream has; 0 sends the answer whole.
    pub piece: usize,
    /// The time to the first byte.
    pub first_byte: Duration,
    /// The time between two pieces.
    pub between: Duration,
    /// What the first, second, … call of a process meets; the last step is repeated for ever. Empty: every call is
    /// answered.
    pub steps: Vec<SimStep>,
}

/// What one call meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SimStep {
    /// The answer.
    Answer,
    /// An HTTP error.
    Status {
        /// The status: 429, 503, …
        status: u16,
        /// The `Retry-After` beside it.
        retry_after: Option<Duration>,
        /// The body; `None` is an error in Anthropic's form.
        body: Option<String>,
    },
    /// The connection is refused.
    Refuse,
    /// The headers come, and then nothing more.
    Hang,
    /// The answer stops after so many pieces.
    Cut(usize),
    /// What comes is no answer.
    Garbage,
}

impl SimScript {
    /// What call number `call` (from 0) meets.
    pub fn step(&self, call: usize) -> &SimStep {
        self.steps.get(call).or_else(|| self.steps.last()).unwrap_or(&SimStep::Answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_is_repeated() {
        let script = SimScript { steps: vec![SimStep::Refuse, SimStep::Answer], ..SimScript::default() };
        assert_eq!([0, 1, 7].map(|call| script.step(call)), [&SimStep::Refuse, &SimStep::Answer, &SimStep::Answer]);
        assert_eq!(SimScript::default().step(3), &SimStep::Answer);
    }
}
