//! What goes on beside the connections: each answer is fetched by a task of its own, which outlives its client, so that
//! what an answer cost is written down whoever went away.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// The tasks that are under way.
#[derive(Default)]
pub(in crate::gateway) struct Work {
    tasks: Mutex<JoinSet<()>>,
}

impl Work {
    /// Begins a task.
    pub(in crate::gateway) fn begin(&self, task: impl Future<Output = ()> + Send + 'static) {
        // What a task remembers is large, and is moved about several times before it runs and after.
        let task = Box::pin(task);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that have ended are let go of here, so that the set is never longer than what is under way.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// How many are under way.
    pub(in crate::gateway) fn count(&self) -> usize {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.len()
    }

    /// Waits until all have ended, `patience` at the longest. Those that have not are dropped.
    pub(in crate::gateway) async fn drained(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while let Ok(Some(_)) = timeout_at(until, tasks.join_next()).await {}
    }
}
