//! What one request sees of the configuration: made once for each load, shared by all requests that begin under it,
//! and never changed. A reload makes another one; a request keeps the one that it began with.

use std::sync::Arc;

use crate::base::failure::Failure;
use crate::catalog::Prices;
use crate::config::{Alerts, LogRules, Serve};
use crate::exchange::Lines;
use crate::route::learn::Learned;
use crate::route::{Facts, Policy, Roster};

use super::limits::Allowance;

/// The configuration as it holds for the requests that begin now.
#[derive(Clone)]
pub struct Snapshot {
    /// The models that are configured, and which of them can be asked.
    pub roster: Roster,
    /// Who answers what.
    pub policy: Policy,
    /// What it costs.
    pub prices: Prices,
    /// The connections and the keys. Shared between snapshots where the keys are the same: connections live on.
    pub lines: Arc<Lines>,
    /// What is known of the models' speed and price.
    pub facts: Facts,
    /// What the person's corrections have taught.
    pub learned: Learned,
    /// How much money, how many requests and tokens.
    pub allowance: Arc<Allowance>,
    /// Whether an answer to the very same request may be given again when nobody answers (`route.cache`).
    pub cache: bool,
    /// What a person is told of without asking.
    pub alerts: Arc<Alerts>,
    /// What the logs may hold.
    pub log: LogRules,
    /// `moai serve --model M`: the model of every request of this run, unless another one is forced.
    pub only: Option<String>,
    /// `[serve]`: what the server lets in, and for how long.
    pub serve: Serve,
}

/// Builds the snapshot anew from the files; the door hands it in, because only the door may compose them.
pub type Load = Box<dyn Fn() -> Result<Snapshot, Failure> + Send + Sync>;
