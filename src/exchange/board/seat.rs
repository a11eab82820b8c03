//! One request's place at a deployment.

use std::time::Duration;

use super::Board;
use crate::route::balance::{Blame, Pass};
use crate::route::{Provider, Ready};
use crate::wire::{Fault, Remedy};

/// The place of one request at a deployment, from its sending to its end. Dropped without [`Seat::finish`] it counts
/// as cancelled.
#[derive(Debug)]
pub struct Seat {
    board: Board,
    ready: Ready,
    /// The way's name: `zai/eu`, or `zai` for a provider without deployments.
    way: String,
    /// `None` once it is given back, and where the board knew no such way.
    pass: Option<Pass>,
    session: Option<u64>,
    /// The ways that failed this request, this one not among them.
    tried: Vec<String>,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ended<'a> {
    /// Why it failed; `None`: it was answered.
    pub fault: Option<&'a Fault>,
    /// Somebody has seen a piece of the answer, so nobody else can be asked.
    pub shown: bool,
    /// How long the first piece of the answer took; without one, how long all of it took.
    pub latency: Option<Duration>,
}

impl Seat {
    pub(super) fn new(
        board: Board,
        ready: Ready,
        way: String,
        pass: Option<Pass>,
        session: Option<u64>,
        tried: Vec<String>,
    ) -> Self {
        Self { board, ready, way, pass, session, tried }
    }

    /// Whom to ask: the provider as this deployment has it. [`super::Lines`] has the key under its name.
    pub fn provider(&self) -> &Provider {
        let deployments = &self.ready.provider().deployments;
        let found = deployments.iter().find(|deployment| deployment.at.name == self.way);
        found.map_or(self.ready.provider(), |deployment| &deployment.at)
    }

    /// The deployment's name (`eu`); `None` for a provider without deployments.
    pub fn deployment(&self) -> Option<&str> {
        let deployments = &self.ready.provider().deployments;
        deployments.iter().find(|deployment| deployment.at.name == self.way).map(|deployment| &*deployment.name)
    }

    /// The model it is for.
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// The first piece of the answer has come. Where the deployment was left alone until now, everybody may ask it
    /// again from here on, and not only when this answer is over.
    pub fn speaks(&mut self) {
        if let Some(pass) = self.pass.take_if(|pass| pass.opens()) {
            self.pass = Some(self.board.speaks(&self.ready, &self.way, pass));
        }
    }

    /// It is over. Where it failed, and not by the client's fault, and nobody has seen anything of an answer: a seat at
    /// another deployment, which can be asked at once.
    pub fn finish(mut self, ended: &Ended<'_>) -> Option<Self> {
        let Ended { fault, shown, latency } = *ended;
        self.give_back(Blame::of(fault), latency, fault);
        if shown || fault.is_none_or(|fault| fault.remedy() == Remedy::Stop) {
            return None;
        }
        let mut tried = std::mem::take(&mut self.tried);
        tried.push(std::mem::take(&mut self.way));
        self.board.take(&self.ready, self.session, &tried)
    }

    fn give_back(&mut self, blame: Blame, latency: Option<Duration>, fault: Option<&Fault>) {
        if let Some(pass) = self.pass.take() {
            self.board.end(&self.ready, &self.way, pass, blame, latency, fault);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.give_back(Blame::Nobody, None, None);
    }
}
