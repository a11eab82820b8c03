//! The tables, version by version. A migration never edits an older one: it adds a step, and the old journals of users
//! walk through all of them. `user_version` counts the steps that were taken.

/// `moai` in ASCII, in the header of every journal.
pub(super) const APPLICATION_ID: i32 = 0x6d6f_6169;

/// The version that this program writes.
pub(super) const CURRENT: u32 = 7;

/// The columns that are summed, in the order in which they are written. `first_at` and `last_at` are the earliest and
/// the latest instead.
pub(super) const SUMS: [&str; 20] = [
    "requests",
    "attempts",
    "errors",
    "cancelled",
    "cached",
    "fallbacks",
    "retries",
    "unpriced",
    "unmetered",
    "uncompared",
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "searches",
    "cost",
    "compared",
    "baseline",
];

/// Where the seven token counts stand in [`SUMS`].
pub(super) const TOKENS: std::ops::Range<usize> = 10..17;

/// The steps. The first makes version 1 out of nothing.
pub(super) const STEPS: [&str; CURRENT as usize] = [V1, V2, V3, V4, V5, V6, V7];

/// Attempts, and the sums that reports read: by day, tier and model; by day and one other dimension; latencies in
/// buckets. Names are kept once. Times are milliseconds since 1970 UTC, days are days since 1970 in local time, money
/// is nano-dollars.
const V1: &str = "
CREATE TABLE names (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT;

CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    request TEXT NOT NULL, number INTEGER NOT NULL,
    at INTEGER NOT NULL, day INTEGER NOT NULL,
    machine INTEGER NOT NULL, session INTEGER, project INTEGER, worktree INTEGER, spec INTEGER, agent INTEGER,
    decided_by INTEGER NOT NULL, decision TEXT,
    model_asked INTEGER, model INTEGER NOT NULL, model_id INTEGER NOT NULL, provider INTEGER NOT NULL,
    tier INTEGER NOT NULL CHECK (tier IN (1, 2)), kind INTEGER, confidence REAL,
    metered INTEGER NOT NULL,
    input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL, output INTEGER NOT NULL, reasoning INTEGER NOT NULL, searches INTEGER NOT NULL,
    cost INTEGER, baseline INTEGER, book INTEGER NOT NULL, book_version INTEGER NOT NULL, price_key INTEGER,
    first_ms INTEGER, total_ms INTEGER NOT NULL,
    outcome INTEGER NOT NULL, error INTEGER, fallback INTEGER NOT NULL, retries INTEGER NOT NULL,
    UNIQUE (request, number)
) STRICT;
CREATE INDEX attempts_at ON attempts (at);

CREATE TABLE days (
    day INTEGER NOT NULL, tier INTEGER NOT NULL, model INTEGER NOT NULL,
    requests INTEGER NOT NULL, attempts INTEGER NOT NULL, errors INTEGER NOT NULL, cancelled INTEGER NOT NULL,
    cached INTEGER NOT NULL, fallbacks INTEGER NOT NULL, retries INTEGER NOT NULL, unpriced INTEGER NOT NULL,
    unmetered INTEGER NOT NULL, uncompared INTEGER NOT NULL, input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL, output INTEGER NOT NULL, reasoning INTEGER NOT NULL, searches INTEGER NOT NULL,
    cost INTEGER NOT NULL, compared INTEGER NOT NULL, baseline INTEGER NOT NULL,
    first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
    PRIMARY KEY (day, tier, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE dims (
    day INTEGER NOT NULL, dim INTEGER NOT NULL, value INTEGER NOT NULL,
    requests INTEGER NOT NULL, attempts INTEGER NOT NULL, errors INTEGER NOT NULL, cancelled INTEGER NOT NULL,
    cached INTEGER NOT NULL, fallbacks INTEGER NOT NULL, retries INTEGER NOT NULL, unpriced INTEGER NOT NULL,
    unmetered INTEGER NOT NULL, uncompared INTEGER NOT NULL, input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write_5m INTEGER NOT NULL,
    cache_write_1h INTEGER NOT NULL, output INTEGER NOT NULL, reasoning INTEGER NOT NULL, searches INTEGER NOT NULL,
    cost INTEGER NOT NULL, compared INTEGER NOT NULL, baseline INTEGER NOT NULL,
    first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
    PRIMARY KEY (day, dim, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE latency (
    day INTEGER NOT NULL, model INTEGER NOT NULL, what INTEGER NOT NULL, bucket INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (day, model, what, bucket)
) STRICT, WITHOUT ROWID;
";

/// How an attempt was sent and for which task of the agent; conversations, cached answers, feedback.
const V2: &str = "
ALTER TABLE attempts ADD COLUMN task INTEGER;
ALTER TABLE attempts ADD COLUMN variant TEXT NOT NULL DEFAULT 'standard';

CREATE TABLE sessions (
    id TEXT PRIMARY KEY, created INTEGER NOT NULL, touched INTEGER NOT NULL, project TEXT, model TEXT, state TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_touched ON sessions (touched);
CREATE TABLE messages (
    session TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE, number INTEGER NOT NULL,
    role TEXT NOT NULL, content TEXT NOT NULL, model TEXT, at INTEGER NOT NULL,
    PRIMARY KEY (session, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE answers (
    question BLOB PRIMARY KEY, at INTEGER NOT NULL, model TEXT NOT NULL, content TEXT NOT NULL, usage TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_at ON answers (at);

CREATE TABLE feedback (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, request TEXT NOT NULL, opinion TEXT NOT NULL, note TEXT,
    undone INTEGER
) STRICT;
CREATE INDEX feedback_request ON feedback (request);
";

/// What was decided, for a month, so that an opinion of it can be learned from: hashes and names, no text. And which
/// budget warnings a day has had.
const V3: &str = "
CREATE TABLE decisions (
    request TEXT PRIMARY KEY, at INTEGER NOT NULL, fingerprint TEXT NOT NULL, tier INTEGER NOT NULL,
    evidence TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX decisions_at ON decisions (at);

CREATE TABLE budget_told (
    day INTEGER NOT NULL, amount INTEGER NOT NULL, level INTEGER NOT NULL,
    PRIMARY KEY (day, amount, level)
) STRICT, WITHOUT ROWID;
";

/// Which access key of the gateway a request came with. What was written before came with none, and counts so.
const V4: &str = "
ALTER TABLE attempts ADD COLUMN access INTEGER;
INSERT INTO dims
SELECT day, 9, 0, sum(requests), sum(attempts), sum(errors), sum(cancelled), sum(cached), sum(fallbacks), sum(retries),
    sum(unpriced), sum(unmetered), sum(uncompared), sum(input), sum(cache_read), sum(cache_write_5m),
    sum(cache_write_1h), sum(output), sum(reasoning), sum(searches), sum(cost), sum(compared), sum(baseline),
    min(first_at), max(last_at)
FROM days GROUP BY day;
";

/// Which deployment of its provider an attempt went to. What was written before counts under none.
const V5: &str = "
ALTER TABLE attempts ADD COLUMN deployment INTEGER;
INSERT INTO dims
SELECT day, 10, 0, sum(requests), sum(attempts), sum(errors), sum(cancelled), sum(cached), sum(fallbacks), sum(retries),
    sum(unpriced), sum(unmetered), sum(uncompared), sum(input), sum(cache_read), sum(cache_write_5m),
    sum(cache_write_1h), sum(output), sum(reasoning), sum(searches), sum(cost), sum(compared), sum(baseline),
    min(first_at), max(last_at)
FROM days GROUP BY day;
";

/// The first version in which rows are summed by hour.
pub(super) const HOURS: u32 = 6;

/// Sums by hour, filled from the rows when the step was taken (`hours`). Response times move from a row for each bucket
/// to a packed histogram for each day and model; `latency` stays for programs that were started before, and nobody
/// reads it any more.
const V6: &str = "
CREATE TABLE hours (
    hour INTEGER NOT NULL, model INTEGER NOT NULL, provider INTEGER NOT NULL, tier INTEGER NOT NULL,
    requests INTEGER NOT NULL, attempts INTEGER NOT NULL, errors INTEGER NOT NULL, cancelled INTEGER NOT NULL,
    cached INTEGER NOT NULL, fallbacks INTEGER NOT NULL, retries INTEGER NOT NULL, unpriced INTEGER NOT NULL,
    unmetered INTEGER NOT NULL, uncompared INTEGER NOT NULL, input INTEGER NOT NULL, cache_read INTEGER NOT NULL,
    cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL, output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL, searches INTEGER NOT NULL,
    cost INTEGER NOT NULL, compared INTEGER NOT NULL, baseline INTEGER NOT NULL,
    first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, first BLOB NOT NULL, total BLOB NOT NULL,
    PRIMARY KEY (hour, model, provider, tier)
) STRICT, WITHOUT ROWID;
CREATE TABLE times (
    day INTEGER NOT NULL, model INTEGER NOT NULL, first BLOB NOT NULL, total BLOB NOT NULL,
    PRIMARY KEY (day, model)
) STRICT, WITHOUT ROWID;
CREATE TABLE health (
    hour INTEGER NOT NULL, provider INTEGER NOT NULL, what INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (hour, provider, what)
) STRICT, WITHOUT ROWID;
CREATE TABLE summed (row INTEGER NOT NULL) STRICT;
INSERT INTO summed VALUES (0);
DELETE FROM latency;
";

/// What a prompt's own words scored, for learning anew; and which arm of an experiment a request was in.
const V7: &str = "
ALTER TABLE decisions ADD COLUMN score INTEGER;
ALTER TABLE attempts ADD COLUMN arm INTEGER;
CREATE INDEX attempts_arm ON attempts (arm) WHERE arm IS NOT NULL;
";
