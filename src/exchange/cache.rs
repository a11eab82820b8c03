//! The step after the last model: exactly this question's answer from before.

use super::audience::{Audience, Note};
use super::finished::{Answer, End, Finished};
use crate::journal;
use crate::wire::hub::Prompt;
use crate::wire::{Delta, Dialect, Event, Opened, Quirks, StopReason, Target, encode};

/// What an answer is kept and found under: everything of the prompt that can change it, [`Prompt::model`] (what the
/// person asked for; empty where moai chose) included, and whether it is streamed left out.
pub fn question(prompt: &Prompt) -> String {
    let target = Target {
        dialect: Dialect::Anthropic,
        model: &prompt.model,
        quirks: &Quirks { anthropic: true, system_messages: true, ..Quirks::default() },
        most_output: None,
        context: None,
        stream: false,
    };
    String::from_utf8_lossy(&encode(prompt, &target).body).into_owned()
}

impl Finished {
    /// Where nobody answered, lets an answer to the same [`question`] from before stand in, marked as what it is.
    /// `find` looks it up, usually in [`journal::Journal::answer`]; it is asked only where one is wanted.
    pub fn or_cached(
        &mut self,
        prompt: &Prompt,
        audience: &mut dyn Audience,
        find: impl FnOnce(&str) -> Option<journal::Answer>,
    ) {
        if !self.wants_cache() {
            return;
        }
        let Some(kept) = find(&question(prompt)) else { return };
        audience.note(&Note::Cached { model: kept.model.clone(), at: kept.at });
        for event in events(&kept) {
            audience.event(&event);
        }
        self.end = End::Cached;
        self.answer = Some(Answer {
            text: kept.content,
            stop: Some(StopReason::EndTurn),
            model_id: kept.model.clone(),
            model: kept.model,
            provider: "cache".into(),
            tier: None,
            usage: kept.usage,
            estimated: false,
            fallback: true,
            cached: Some(kept.at),
        });
    }
}

/// The answer as if it came now.
fn events(kept: &journal::Answer) -> [Event; 6] {
    [
        Event::Start { id: "msg_cached".into(), model: kept.model.clone(), usage: kept.usage },
        Event::Open { index: 0, block: Opened::Text },
        Event::Delta { index: 0, delta: Delta::Text(kept.content.clone()) },
        Event::Close { index: 0 },
        Event::Stop { reason: StopReason::EndTurn, sequence: None, usage: kept.usage },
        Event::End,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::hub::{Block, Message, Role};

    #[test]
    fn a_question_is_everything_that_can_change_the_answer() {
        let plain = Prompt::new("", "hello");
        let mut others = vec![Prompt::new("glm-4.7", "hello"), Prompt::new("", "hello ")];
        others.push(Prompt { system: vec![Block::text("be brief")], ..plain.clone() });
        others.push(Prompt { max_tokens: Some(10), ..plain.clone() });
        let mut warm = plain.clone();
        warm.sampling.temperature = Some(1.into());
        others.push(warm);
        let mut longer = plain.clone();
        longer.messages.insert(0, Message::text(Role::Assistant, "before"));
        others.push(longer);
        for other in &others {
            assert_ne!(question(other), question(&plain), "{other:?}");
        }
        assert_eq!(question(&Prompt { stream: false, ..plain.clone() }), question(&plain));
    }
}
