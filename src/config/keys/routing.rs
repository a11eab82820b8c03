//! The settings of routing: providers, models, who answers what, and how long to wait. What moai comes with is written
//! in the same form in `templates/routing.toml`, which is the lowest layer.

use crate::route::balance::Balance;
use crate::wire::Quirks;

use super::{Home, Key, Shape};

const fn key(name: &'static str, shape: Shape, default: Option<&'static str>, doc: &'static str) -> Key {
    Key { name, also: &[], shape, default, env: &[], home: Home::Toml, doc }
}

const STRATEGIES: Shape = Shape::Strategy;

const SIM_STEPS: &str = "What the first, second, … request meets, the last for ever: `answer`, a status (`503`, `429 retry-after=2`), `refuse`, `hang`, `cut 3` (after three pieces).";

pub(super) const ROUTING: &[Key] = &[
    Key {
        also: &["tiers.1"],
        ..key(
            "tiers.plan",
            Shape::Models,
            Some("claude-opus, gemini-pro, gpt-5.4"),
            "Who plans (tier 1): the first of them that has a key; a strategy chooses among those that have one. The word `kind` stands for what `kinds` says.",
        )
    },
    Key {
        also: &["tiers.2"],
        ..key(
            "tiers.implement",
            Shape::Models,
            Some("glm-4.7, claude-sonnet, gemini-flash, gpt-5.4-mini, command-a"),
            "Who implements (tier 2): the first of them that has a key, likewise.",
        )
    },
    key(
        "kinds.coding",
        Shape::Models,
        Some("qwen2.5-coder"),
        "Who answers what is about code, where a tier says `kind` or none of its models has a key. By default a model of Ollama, and so nobody until there is one: `[providers.ollama]` or `OLLAMA_HOST`.",
    ),
    key(
        "kinds.reasoning",
        Shape::Models,
        Some("deepseek-r1"),
        "Who answers what has to be thought through in steps, likewise.",
    ),
    key("kinds.general", Shape::Models, Some("llama3.3"), "Who answers everything else, likewise."),
    Key {
        env: &["MODEL_ROUTER_DEFAULT_TIER"],
        ..key(
            "route.default_tier",
            Shape::Tier,
            Some("2"),
            "The tier of a prompt that says nothing about itself, and of those below the confidence threshold.",
        )
    },
    Key {
        env: &["MODEL_ROUTER_CONFIDENCE_THRESHOLD"],
        ..key(
            "route.confidence_threshold",
            Shape::Fraction,
            None,
            "Decisions less sure than this go to the default tier. Unset, they are followed and marked `uncertain`.",
        )
    },
    key(
        "route.strategy",
        STRATEGIES,
        None,
        "What counts where several models can answer: the best, the cheapest or the quickest of them.",
    ),
    key("route.chain", Shape::Models, None, "Who is asked, in this order, after both tiers have failed."),
    key(
        "route.cache",
        Shape::Switch,
        Some("true"),
        "Whether the answer to the very same request may be given again when every model fails; it is marked.",
    ),
    Key {
        home: Home::Checkout,
        ..key(
            "route.model",
            Shape::Model,
            None,
            "The model of this checkout: it answers whatever is asked here, except where a command or a flag names another.",
        )
    },
    key("retry.rate_limit", Shape::Number, Some("3"), "How often a model is asked again after a 429; 3 at most."),
    key(
        "retry.server",
        Shape::Number,
        Some("1"),
        "How often a model is asked again after a failure of the vendor's own.",
    ),
    key("retry.first_wait", Shape::Pause, Some("1"), "The first wait at most; each further one up to twice as long."),
    key("retry.longest_wait", Shape::Pause, Some("10"), "No wait is longer."),
    key(
        "retry.longest_retry_after",
        Shape::Pause,
        Some("30"),
        "A vendor that asks for a longer wait is left for the next model at once.",
    ),
    key(
        "retry.most_attempts",
        Shape::Number,
        Some("12"),
        "No more requests than so many for one prompt, over all models.",
    ),
    key("retry.total", Shape::Seconds, Some("300"), "No further request after so long."),
    key("timeouts.connect", Shape::Seconds, Some("10"), "How long a connection may take."),
    key("timeouts.first_byte", Shape::Seconds, Some("60"), "How long the first byte of an answer may take."),
    key("timeouts.idle", Shape::Seconds, Some("60"), "How long an answer may pause between two pieces."),
    key("timeouts.total", Shape::Seconds, Some("600"), "How long one attempt may take."),
    // A repository's file does not decide what is written down of a person's words.
    Key {
        home: Home::UserToml,
        ..key("log.prompts", Shape::Switch, Some("false"), "Whether `~/.moai/logs/decisions.jsonl` may hold prompts.")
    },
    key("log.max_bytes", Shape::Number, Some("10485760"), "The size at which the log of decisions is rotated."),
    key(
        "prices.book",
        Shape::Choice(&crate::catalog::Prices::NAMES),
        Some("list"),
        "The price book that costs are counted with.",
    ),
    key("sim.answer", Shape::Text, None, "What `sim` answers. Unset, the prompt itself."),
    key("sim.piece", Shape::Number, Some("0"), "How many characters come at a time; 0: all at once."),
    key("sim.first_byte", Shape::Pause, Some("0"), "How long `sim` thinks."),
    key("sim.between", Shape::Pause, Some("0"), "How long it pauses between two pieces."),
    key("sim.steps", Shape::Steps, None, SIM_STEPS),
    key("providers.*.base_url", Shape::Url, None, "Where it listens, such as `https://openrouter.ai/api/v1`."),
    key(
        "providers.*.wire",
        Shape::Choice(&["anthropic", "chat", "responses", "gemini", "ollama"]),
        None,
        "How it speaks. Unset: `anthropic` where the base URL ends in `/anthropic`, else `chat` (OpenAI-style).",
    ),
    key(
        "providers.*.auth",
        Shape::Choice(&["bearer", "x-api-key", "x-goog-api-key", "none"]),
        None,
        "How the key is sent. Unset, as the wire has it: `x-api-key` for anthropic, `x-goog-api-key` for gemini, `none` for ollama, else `bearer`.",
    ),
    key(
        "providers.*.key_env",
        Shape::Variables,
        None,
        "The environment variable that holds the key; of several the first that is set. Never the key itself.",
    ),
    key(
        "providers.*.key",
        Shape::Choice(&["glm", "anthropic", "openai", "gemini", "cohere", "none"]),
        None,
        "Whose key of `moai key list` is sent, where `key_env` does not name a variable.",
    ),
    key(
        "providers.*.preset",
        Shape::Choice(&Quirks::PRESETS),
        None,
        "Whose peculiarities it has. Unset, the host says it where moai knows it.",
    ),
    key(
        "providers.*.quirks.*",
        Shape::Quirk,
        None,
        "One peculiarity, over the preset: `images = false`, `stops = 1`, `efforts = [\"low\", \"high\"]`.",
    ),
    key("providers.*.headers.*", Shape::Line, None, "A header to send along. Keys do not belong here: see `key_env`."),
    key("providers.*.timeouts.connect", Shape::Seconds, None, "`timeouts.connect` for this provider."),
    key("providers.*.timeouts.first_byte", Shape::Seconds, None, "`timeouts.first_byte` for this provider."),
    key("providers.*.timeouts.idle", Shape::Seconds, None, "`timeouts.idle` for this provider."),
    key("providers.*.timeouts.total", Shape::Seconds, None, "`timeouts.total` for this provider."),
    key(
        "providers.*.balance",
        Shape::Choice(&Balance::WORDS),
        None,
        "Which of its deployments is asked. Unset: `health_based`, the better of two that are drawn by lot, by latency, load and failures.",
    ),
    key(
        "providers.*.deployments.*.base_url",
        Shape::Url,
        None,
        "Where this deployment listens. Unset: where the provider does.",
    ),
    key(
        "providers.*.deployments.*.key_env",
        Shape::Variables,
        None,
        "The environment variable of this deployment's key. Unset: the provider's key.",
    ),
    key(
        "providers.*.deployments.*.key",
        Shape::Choice(&["glm", "anthropic", "openai", "gemini", "cohere", "none"]),
        None,
        "Whose key of `moai key list` this deployment is sent, where `key_env` does not name a variable.",
    ),
    key(
        "providers.*.deployments.*.weight",
        Shape::Number,
        None,
        "Its share of the requests with `balance = \"weighted\"`. Unset: 1.",
    ),
    key(
        "providers.*.deployments.*.priority",
        Shape::Number,
        None,
        "Its place with `balance = \"priority\"`: the lowest number is asked first. Unset: 0.",
    ),
    key(
        "providers.*.deployments.*.headers.*",
        Shape::Line,
        None,
        "A header for this deployment, beside those of the provider. Keys do not belong here.",
    ),
    key(
        "providers.*.health.path",
        Shape::Line,
        None,
        "A path behind the base URL that `moai serve` asks for again and again, to see whether the provider is well (`/api/version`). Unset: only the requests tell.",
    ),
    key("providers.*.health.interval", Shape::Seconds, None, "How often it is asked for. Unset: 30."),
    key(
        "providers.*.engine",
        Shape::Choice(&["http", "sim"]),
        None,
        "What answers: a server (`http`, the default), or moai itself by the script in `[sim]`.",
    ),
    key("providers.*.sim.answer", Shape::Text, None, "`sim.answer` for this provider."),
    key("providers.*.sim.piece", Shape::Number, None, "`sim.piece` for this provider."),
    key("providers.*.sim.first_byte", Shape::Pause, None, "`sim.first_byte` for this provider."),
    key("providers.*.sim.between", Shape::Pause, None, "`sim.between` for this provider."),
    key("providers.*.sim.steps", Shape::Steps, None, "`sim.steps` for this provider."),
    key("models.*.provider", Shape::Model, None, "Which provider has it."),
    key("models.*.id", Shape::Model, None, "What the provider calls it. Unset: as moai does."),
    key("models.*.tier", Shape::Tier, None, "Which tier it is counted to. Unset: 2."),
    key("models.*.kinds", Shape::Kinds, None, "What it is good at."),
    key("models.*.context", Shape::Number, None, "How many tokens it takes; Ollama is told so as `num_ctx`."),
    key("models.*.max_output", Shape::Number, None, "How many tokens it may answer with."),
    key(
        "models.*.memory",
        Shape::Gib,
        None,
        "What it takes of the memory of its Ollama's machine once it is loaded, in GiB. Unset: what Ollama says of its files and its window.",
    ),
    key("models.*.quality", Shape::Number, None, "How good it is, from 0 to 100: what the strategy `quality` goes by."),
    key(
        "models.*.speed",
        Shape::Number,
        None,
        "How fast it is, from 0 to 100: what `speed` goes by until moai has measured.",
    ),
    key("models.*.aliases", Shape::Models, None, "Other names that people call it by."),
    key("models.*.replaces", Shape::Models, None, "Older models that it answers for; asking for one of them says so."),
    key("models.*.named_only", Shape::Switch, None, "Whether it is never chosen unless somebody names it."),
    key("agents.*.primary_model", Shape::Model, None, "Who answers this agent."),
    key("agents.*.fallback_model", Shape::Models, None, "Who answers it where that model fails."),
    key("agents.*.model_selection_strategy", STRATEGIES, None, "`route.strategy` for this agent."),
    key("tasks.*.*", Shape::Model, None, "Who answers a task in a context: `tasks.data_processing.large_dataset`."),
];
