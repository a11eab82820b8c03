//! The settings of budgets and limits: money, requests, memory. All but the day's budget are the person's: a project's file does not loosen them.

use crate::route::memory::WhenFull;

use super::{Home, Key, Shape};

const fn key(name: &'static str, shape: Shape, default: Option<&'static str>, doc: &'static str) -> Key {
    Key { name, also: &[], shape, default, env: &[], home: Home::UserToml, doc }
}

pub(super) const LIMITS: &[Key] = &[
    Key {
        home: Home::Toml,
        env: &["MODEL_ROUTER_DAILY_BUDGET_USD"],
        ..key(
            "budget.daily_usd",
            Shape::Usd,
            None,
            "What a day may cost: at 80 % and at 100 % moai warns, and goes on unless `budget.on_limit` says otherwise.",
        )
    },
    key(
        "budget.on_limit",
        Shape::Choice(&["warn", "refuse"]),
        Some("warn"),
        "What becomes of a request that does not fit into a budget: a warning, and it goes on; or it is refused before anything is sent.",
    ),
    key("budget.session_usd", Shape::Usd, None, "What a conversation may cost, counted by the gateway."),
    key("budget.agent_usd", Shape::Usd, None, "What an agent may cost a day, each by itself, counted by the gateway."),
    key("budget.agents.*", Shape::Usd, None, "What this agent may cost a day."),
    key(
        "budget.project_usd",
        Shape::Usd,
        None,
        "What a project may cost a day, each by itself, counted by the gateway.",
    ),
    key("budget.projects.*", Shape::Usd, None, "What this project may cost a day."),
    key(
        "budget.key_usd",
        Shape::Usd,
        None,
        "What the bearer of an access key of the gateway may spend a day, each by itself.",
    ),
    key("budget.keys.*", Shape::Usd, None, "What the bearer of this access key may spend a day."),
    key(
        "local.memory",
        Shape::Gib,
        None,
        "What the models of an Ollama may take of its machine's memory together, in GiB. Before one is asked that is not loaded, room is made for it as `local.when_full` says. Unset: nobody counts.",
    ),
    key(
        "local.when_full",
        Shape::Choice(&WhenFull::WORDS),
        Some("unload"),
        "How room is made: the models that were not used for longest are unloaded, never one that is answering; or the request waits until Ollama lets go of others; or the next model of its plan is asked.",
    ),
    key(
        "local.wait",
        Shape::Pause,
        Some("120"),
        "How long a request waits for memory at most; after it the next model of its plan is asked.",
    ),
    key("limits.requests_per_minute", Shape::Number, None, "How many requests the gateway takes a minute."),
    key(
        "limits.tokens_per_minute",
        Shape::Number,
        None,
        "How many tokens a minute go through the gateway, prompts and answers together.",
    ),
    key("limits.concurrent", Shape::Number, None, "How many requests may be under way in the gateway at once."),
    key(
        "limits.queue",
        Shape::Number,
        Some("64"),
        "How many more may wait for one of them to end, or for what is set aside of a budget; further ones are refused.",
    ),
    key("limits.queue_wait", Shape::Pause, Some("30"), "How long one may wait."),
    key("limits.keys.*.requests_per_minute", Shape::Number, None, "`limits.requests_per_minute` for this access key."),
    key("limits.keys.*.tokens_per_minute", Shape::Number, None, "`limits.tokens_per_minute` for this access key."),
    key("limits.keys.*.concurrent", Shape::Number, None, "`limits.concurrent` for this access key."),
    Key {
        home: Home::UserToml,
        ..key(
            "optimize.auto",
            Shape::Switch,
            Some("false"),
            "Whether `moai optimize --auto` may change the configuration, within the bounds below.",
        )
    },
    Key {
        home: Home::UserToml,
        ..key("optimize.most_changes", Shape::Number, Some("1"), "How many changes it may make at once.")
    },
    Key {
        home: Home::UserToml,
        ..key(
            "optimize.least_saving_usd",
            Shape::Usd,
            Some("1"),
            "What a change has to spare in 30 days, surely: the lower end of the interval.",
        )
    },
    Key {
        home: Home::UserToml,
        ..key("optimize.models", Shape::Models, None, "The only models that it may put in another's place; unset, all.")
    },
];
