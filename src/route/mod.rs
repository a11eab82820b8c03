//! Floor 4: which model works where. Pure: what is asked goes in, what is to be done comes out.
//!
//! - [`phase`]: where a phase of the work is done, and on whose backend
//! - [`Provider`], [`Model`]: what can be asked, as data; [`Roster`] says what of it can be asked now
//! - [`Policy`], [`Ask`], [`Facts`]: what the configuration wants, what the request wants, what is known of models
//! - [`decide`]: all of that and a classification become a [`Decision`] with a [`Plan`]
//! - [`retry`]: what happens to a plan when models fail
//! - [`turn`]: what a client's request is for, and what its model's name means
//! - [`balance`]: which deployment of a provider is asked, and which is left alone
//! - [`compress`]: a conversation made short for another model
//! - [`limit`]: how many requests and tokens a minute, and how many requests at once
//! - [`memory`]: whether a model of one's own machine fits beside those that are loaded
//! - [`learn`]: what a person's corrections teach the classifier
//! - [`optimize`]: what the journal shows about models, as proposals
//! - [`bandit`]: an experiment that learns which arm is worth it
//! - [`shadow`]: copies of requests that go to one model more, beside the answer
//! - [`trial`]: experiments, and what may be said of them while they run
//!
//! `docs/routing.md` tells the same to users.

mod ask;
pub mod balance;
pub mod bandit;
pub mod compress;
mod decide;
mod decision;
mod facts;
#[cfg(test)]
mod fixture;
pub mod learn;
pub mod limit;
mod lineup;
pub mod memory;
mod model;
pub mod optimize;
pub mod phase;
mod policy;
mod provider;
pub mod retry;
mod roster;
pub mod shadow;
mod sim;
mod source;
mod strategy;
pub mod trial;
pub mod turn;

pub use ask::{Ask, Hold};
pub use decide::decide;
pub use decision::{Alternative, DecidedBy, Decision, NoRoute, Plan, Reason};
pub use facts::{Fact, Facts};
pub use model::Model;
pub use policy::{Agent, BY_KIND, Policy, Strategy, Task, UnknownStrategy};
pub use provider::{Auth, Deployment, Engine, Health, KeyNeed, Provider, Timeouts};
pub use roster::{NotReady, Ready, Roster};
pub use sim::{SimScript, SimStep};
