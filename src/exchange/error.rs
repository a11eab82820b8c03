//! How a request fails as a whole: every model that was tried is named with its reason.

use std::time::Duration;

use crate::base::failure::{Explain, Kind};
use crate::base::interrupt::Interrupted;
use crate::route::retry::Tally;
use crate::wire::{Fault, FaultKind};

/// Why there is no whole answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// Nobody answered. Names every model of the plan, with its reason (AC-005).
    #[error("no model answered: {}", list(.0))]
    Nobody(Tally),
    /// The answer broke off after the person had seen a part of it.
    #[error("the answer of {model} is not whole: {}", fault.told())]
    Cut {
        /// Who was answering.
        model: String,
        /// What broke.
        fault: Box<Fault>,
    },
    /// The person stopped it.
    #[error("stopped before the answer was whole")]
    Stopped(Interrupted),
}

impl ExchangeError {
    /// The failures that were met, with their providers.
    fn faults(&self) -> Vec<(&str, &Fault)> {
        match self {
            Self::Nobody(tally) => {
                let last =
                    tally.trials.iter().filter_map(|trial| Some((&*trial.ready.provider().name, trial.faults.last()?)));
                last.collect()
            }
            Self::Cut { fault, .. } => vec![("", fault)],
            Self::Stopped(_) => Vec::new(),
        }
    }
}

/// `claude-opus: overloaded (asked 3 times); glm-4.7: the key is not accepted`.
fn list(tally: &Tally) -> String {
    tally.trials.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// A long time in round numbers: `45 s`, `60 min`, `30 h`, `12 days`.
fn lasting(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7_199 => format!("{} min", seconds.div_ceil(60)),
        7_200..=172_799 => format!("{} h", seconds.div_ceil(3_600)),
        _ => format!("{} days", seconds.div_ceil(86_400)),
    }
}

impl Explain for ExchangeError {
    fn kind(&self) -> Kind {
        let faults = self.faults();
        match self {
            Self::Stopped(interrupted) => interrupted.kind(),
            // With a key that nobody accepts there is nothing to wait for.
            _ if !faults.is_empty() && faults.iter().all(|(_, fault)| fault.kind == FaultKind::Auth) => Kind::Config,
            _ => Kind::Upstream,
        }
    }

    fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = Vec::new();
        if matches!(self, Self::Nobody(tally) if tally.sends() == 0) {
            hints.push(
                "see what is loaded: `moai models ps`; make room: `moai models unload MODEL`; or ask for a smaller window: \
                 `moai config set models.NAME.context 16384`"
                    .into(),
            );
        }
        for (provider, fault) in self.faults() {
            let hint = match fault.kind {
                FaultKind::Auth => match provider {
                    "zai" => "store another key: `moai glm <key>`".to_owned(),
                    "anthropic" | "openai" | "gemini" | "cohere" => {
                        format!("store another key: `moai key set {provider}`")
                    }
                    _ => format!("check the key: `moai config list providers.{provider}` says which variable holds it"),
                },
                FaultKind::Permission | FaultKind::Quota => {
                    "look at the account and its plan on the vendor's site, or name another model with `--model`".into()
                }
                FaultKind::NoModel | FaultKind::NotFound => {
                    "check the model's id and the base URL: `moai models list` and `moai config list providers`"
                        .into()
                }
                FaultKind::NotLoaded => {
                    "see what is loaded and make room: `moai models ps`, `moai models unload`; `local.memory` keeps it so"
                        .into()
                }
                FaultKind::Unreachable if provider == "ollama" => {
                    "start Ollama: `ollama serve`; where it listens elsewhere, OLLAMA_HOST says so".into()
                }
                FaultKind::Unreachable => "check the network and a proxy (HTTPS_PROXY)".into(),
                FaultKind::TooLong | FaultKind::OutputTooLong | FaultKind::TooLarge => {
                    "shorten the prompt, or start a new session".into()
                }
                FaultKind::BadRequest => {
                    "the vendor does not take this request, and would not a second time: read what it says of it, \
                     and see `--max-tokens`, `--temperature` and the model's settings in `moai models show MODEL`"
                        .into()
                }
                FaultKind::ContentPolicy => {
                    "the vendor does not answer this: say it otherwise, or name another model with `--model`".into()
                }
                FaultKind::RateLimit if fault.retry_after.is_some_and(|wait| wait.as_secs() > 30) => {
                    let wait = fault.retry_after.unwrap_or_default();
                    format!("the vendor asks to wait {}; name another model with `--model` until then", lasting(wait))
                }
                _ => "wait a little and run the same command again, or name another model with `--model`".into(),
            };
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        hints
    }

    fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Nobody(_) => "no-answer",
            Self::Cut { .. } => "cut",
            Self::Stopped(_) => "interrupted",
        })
    }
}
