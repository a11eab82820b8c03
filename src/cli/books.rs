//! The books of a run: the journal with its key and its spool, the prices, the day's budget, and what the person has
//! taught. `moai route`, the reports and the gateway open them here, each in one line:
//!
//! ```text
//! let mut books = Books::open(world, &here, args.prices.as_deref())?;
//! let seen = books.classify(text, options);               // the classifier, corrected by what was taught
//! books.remember(&request, text, &seen);                  // so that `moai feedback ID` can find it
//! let before = books.budget();                            // `standing.verdict` into --json, `.warning` to ui.warn
//! let went = books.record(&attempt);                      // never fails: `went.warning()` to ui.warn
//! let after = books.budget();                             // warns where this request crossed a step
//! books.flush();                                          // writes what was only remembered (--dry-run)
//! ```
//!
//! Nothing is opened before it is needed, and asking never makes a journal; only recording and remembering do.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use crate::base::disk::{self, Access};
use crate::base::failure::{Explain as _, Failure};
use crate::base::secret::Secret;
use crate::base::world::World;
use crate::catalog::{PriceBook, Prices};
use crate::classify::{self, Classification, Options};
use crate::config::{Config, Project};
use crate::cost::{Budget, Verdict};
use crate::journal::key::{KEY_VAR, Lookup, Ring};
use crate::journal::{Attempt, Decided, Journal, JournalError, Place, Recorded, Recorder};
use crate::keys;
use crate::model::{RequestId, Usd};
use crate::route::learn::{self, Learned, Weights};

use super::here::Here;
use super::ui::{Ui, clean};

/// The name of the journal's key in the keyring.
const RING_NAME: &str = "journal-key";
/// How many decisions are kept in memory before they are written.
const PENDING: usize = 500;

/// See the top of this file.
pub(super) struct Books {
    world: World,
    place: Place,
    recorder: Recorder,
    prices: Prices,
    budget: Option<Budget>,
    pending: Vec<Decided>,
    learned: Option<Learned>,
    trouble: Option<(String, Vec<String>)>,
}

/// How the day stands against its budget.
#[derive(Debug, Clone, serde::Serialize)]
pub(super) struct Standing {
    /// What is spent, of what.
    #[serde(flatten)]
    pub(super) verdict: Verdict,
    /// What to tell the person now: each step of a day is said once, whatever process comes to it.
    #[serde(skip)]
    pub(super) warning: Option<String>,
}

impl Books {
    /// The books that hold here. `book` is `--prices`, the name of a built-in price book; else `prices.book` counts.
    pub(super) fn open(world: &World, here: &Here, book: Option<&str>) -> Result<Self, Failure> {
        let recorder = recorder(world, here)?;
        Ok(Self {
            place: recorder.place().clone(),
            recorder,
            prices: prices(world, book.or(setting(&here.config, "prices.book").as_deref()))?,
            budget: daily_budget(&here.config),
            world: world.clone(),
            pending: Vec::new(),
            learned: None,
            trouble: None,
        })
    }

    /// The prices: the built-in book with the person's own in front.
    pub(super) fn prices(&self) -> &Prices {
        &self.prices
    }

    /// Where the journal is.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The person's day.
    pub(super) fn today(&self) -> Date {
        self.world.zone().to_datetime(self.world.now()).date()
    }

    /// The journal, made where there is none.
    pub(super) fn journal(&mut self) -> Result<&mut Journal, JournalError> {
        self.recorder.journal(self.world.now())
    }

    /// The journal where there is one: what reports read. A new home has none, and a report makes none.
    pub(super) fn existing(&mut self) -> Result<Option<&mut Journal>, JournalError> {
        if self.place.exists() { self.journal().map(Some) } else { Ok(None) }
    }

    /// The same, and says what came out of the spool.
    pub(super) fn reported(&mut self, ui: &mut Ui) -> Result<Option<&mut Journal>, Failure> {
        if !self.place.exists() {
            return Ok(None);
        }
        self.journal()?;
        match self.recorder.replayed() {
            Ok((0, 0)) => {}
            Ok((rows, 0)) => ui.say(format!("{rows} rows that waited in the spool are in the journal now"))?,
            Ok((rows, unread)) => ui.warn(format!(
                "{rows} rows came out of the spool; {unread} lines of it could not be read and lie in spool.unread.jsonl"
            ))?,
            Err(error) => ui.warn(clean(&format!("the spool still waits: {error}")))?,
        }
        Ok(Some(self.journal()?))
    }

    /// A copy of the journal as it is now at `path`, with the key that opens it and the number of its rows.
    pub(super) fn copy_to(&mut self, path: &Path) -> Result<(Secret, u64), JournalError> {
        self.recorder.copy_to(path, self.world.now())
    }

    /// What `text` asks for: the classifier, corrected by what the person has taught. A journal that cannot be read
    /// has taught nothing; [`Books::trouble`] says why.
    pub(super) fn classify(&mut self, text: &str, options: Options) -> Classification {
        let seen = classify::classify(text, options);
        self.learned().applied(text, seen, options)
    }

    /// What the person has taught, read once.
    pub(super) fn learned(&mut self) -> &Learned {
        let learned = match self.learned.take() {
            Some(learned) => learned,
            None => self.load_learned(),
        };
        self.learned.insert(learned)
    }

    fn load_learned(&mut self) -> Learned {
        let trained = super::learn::load(&self.world).unwrap_or_else(|failure| {
            let why = failure.chain().join(": ");
            self.trouble = Some((format!("{why}; the built-in weights decide"), failure.hints().to_vec()));
            Weights::default()
        });
        let lessons = self.existing().and_then(|journal| journal.map_or(Ok(Vec::new()), |journal| journal.lessons()));
        let lessons = lessons.unwrap_or_else(|error| {
            self.trouble = Some(journal_trouble(&error));
            Vec::new()
        });
        Learned::with(trained, lessons)
    }

    /// Why what was taught could not be read, with hints: the decision was made without it.
    pub(super) fn trouble(&self) -> Option<(String, Vec<String>)> {
        self.trouble.clone()
    }

    /// Remembers a decision, so that `moai feedback ID` finds it for 30 days: hashes and names, no text. Written with
    /// the next [`Books::record`] or [`Books::flush`].
    pub(super) fn remember(&mut self, request: &RequestId, text: &str, seen: &Classification) {
        self.pending.push(Decided {
            request: request.clone(),
            at: self.world.now(),
            fingerprint: learn::fingerprint(text),
            tier: seen.tier,
            evidence: learn::names(seen),
            score: Some(learn::own_score(seen)),
        });
        if self.pending.len() >= PENDING {
            self.flush();
        }
    }

    /// Writes what is remembered. What cannot be written is forgotten: a decision is not worth a failed answer, and
    /// [`Books::record`] says what is wrong with the journal.
    pub(super) fn flush(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return;
        }
        if let Err(error) = self.journal().and_then(|journal| journal.decisions_put(&pending)) {
            self.trouble = self.trouble.take().or_else(|| Some(journal_trouble(&error)));
        }
    }

    /// Writes an attempt, or spools it.
    pub(super) fn record(&mut self, attempt: &Attempt) -> Recorded {
        self.flush();
        self.recorder.record(attempt, self.world.now())
    }

    /// How today stands against the budget, and what to tell the person of it now; `None` where none is set or the
    /// journal cannot be read.
    pub(super) fn budget(&mut self) -> Option<Standing> {
        let (budget, verdict, day) = (self.budget?, self.verdict()?, self.today());
        let Some(warning) = verdict.warning() else { return Some(Standing { verdict, warning: None }) };
        // Where it cannot be noted that the day was warned, the warning is said again: rather too often than never.
        let told = self.journal().and_then(|journal| journal.budget_told(day, budget, verdict.level));
        Some(Standing { verdict, warning: told.unwrap_or(true).then_some(warning) })
    }

    /// How today stands against the budget, for those who only look.
    pub(super) fn verdict(&mut self) -> Option<Verdict> {
        let (budget, day) = (self.budget?, self.today());
        let spent =
            self.existing().and_then(|journal| journal.map_or(Ok((Usd::ZERO, 0)), |journal| journal.spent(day)));
        spent.ok().map(|(spent, unpriced)| budget.verdict(spent, unpriced))
    }
}

fn journal_trouble(error: &JournalError) -> (String, Vec<String>) {
    (format!("{error}; past feedback is not taken into account"), error.hints())
}

/// The journal that holds here. Nothing is opened yet.
pub(super) fn recorder(world: &World, here: &Here) -> Result<Recorder, Failure> {
    let lookup = Lookup {
        env: world.env.text(KEY_VAR).map(Secret::new),
        ring: Some(Arc::new(OwnRing)),
        prefer_ring: here.config.keys_keyring(),
        ..Lookup::default()
    };
    Ok(Recorder::new(place(world, &here.project)?, lookup, world.zone()))
}

/// `~/.moai/journal`, and further places for its spool on what are often other file systems: the session's runtime
/// directory, `/var/tmp`, and last, where nothing else can be written, inside of the repository's git directory, where
/// nothing is ever committed and only runs from there look. All are looked into, for one run may have had a session and
/// the next one not. They have the home in their name, because another home has another key.
fn place(world: &World, project: &Project) -> Result<Place, Failure> {
    let home = world.moai_home()?;
    let own: String = learn::fingerprint(&home.to_string_lossy()).chars().take(8).collect();
    let named = world.env.text("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute());
    let git = project.git.as_ref().map(|git| git.common.clone());
    // Where the session's is when nobody says so, as in a cron job beside a session.
    let usual = PathBuf::from(format!("/run/user/{}", rustix::process::getuid().as_raw()));
    let dirs =
        [named, Some(usual), Some(PathBuf::from("/var/tmp")), git].into_iter().flatten().filter(|dir| dir.is_dir());
    let refuges = dirs.map(|dir| dir.join(format!("moai-spool-{own}"))).collect();
    Ok(Place { refuges, ..Place::new(home.join("journal")) })
}

/// The person's own price book.
pub(super) fn user_book(world: &World) -> Result<PathBuf, Failure> {
    Ok(world.moai_home()?.join("prices.json"))
}

/// The built-in book of this name (the list where none is named), with the person's own rows in front.
fn prices(world: &World, book: Option<&str>) -> Result<Prices, Failure> {
    let named = match book.filter(|name| *name != "list") {
        None => None,
        Some(name) => {
            Some(Prices::named(name).map_err(|error| Failure::usage(error.to_string()).with_code("price-book"))?)
        }
    };
    // The table of the specification is counted with as it stands.
    if let Some(prices) = named {
        return Ok(prices);
    }
    let prices = list(world)?;
    Ok(match load_book(&user_book(world)?)? {
        Some(own) => prices.with_user(own),
        None => prices,
    })
}

/// Where `moai prices update` keeps a newer list, which counts as long as the built-in one is not newer still, and one
/// that was forced, which always counts.
pub(super) fn list_books(world: &World) -> Result<[PathBuf; 2], Failure> {
    let dir = world.moai_home()?.join("prices");
    Ok([dir.join("list.json"), dir.join("pinned.json")])
}

/// The list that counts: the pinned one, else the newer of the built-in one and that of `moai prices update`.
pub(super) fn list(world: &World) -> Result<Prices, Failure> {
    let [updated, pinned] = list_books(world)?;
    if let Some(book) = load_book(&pinned)? {
        return Ok(Prices::of(book));
    }
    let built_in = Prices::list();
    Ok(match load_book(&updated)? {
        Some(book) if book.date > built_in.base().date => Prices::of(book),
        _ => built_in,
    })
}

/// The price book in a file; `None` where there is no such file.
pub(super) fn load_book(path: &Path) -> Result<Option<PriceBook>, Failure> {
    let Some(text) = disk::read_text(path)? else { return Ok(None) };
    PriceBook::parse(&text).map(Some).map_err(|error| Failure::from(error).context(path.display().to_string()))
}

/// Writes a price book.
pub(super) fn save_book(path: &Path, book: &PriceBook) -> Result<(), Failure> {
    Ok(disk::replace(path, book.render()?.as_bytes(), Access::Keep)?)
}

/// `budget.daily_usd`, or `MODEL_ROUTER_DAILY_BUDGET_USD`: the day's budget.
pub(super) fn daily_budget(config: &Config) -> Option<Budget> {
    let limit = setting(config, "budget.daily_usd")?.parse().ok()?;
    Some(Budget { limit })
}

/// The text of a setting that has been checked.
fn setting(config: &Config, name: &str) -> Option<String> {
    config.explain(name).ok()?.value.as_ref().map(ToString::to_string)
}

/// The keyring's entry for the journal's key.
struct OwnRing;

impl Ring for OwnRing {
    fn read(&self) -> Result<Option<Secret>, String> {
        keys::load_own(RING_NAME).map_err(|error| error.to_string())
    }

    fn write(&self, key: &Secret) -> Result<(), String> {
        keys::store_own(RING_NAME, key).map_err(|error| error.to_string())
    }
}
