//! What goes on for a client and without it: an answer is fetched on its client's connection, and goes on as a task of
//! its own when the client goes away, so that what it cost is written down whoever went away.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

/// All that is under way.
#[derive(Default)]
pub(in crate::gateway) struct Work {
    /// What goes on by itself.
    tasks: Mutex<JoinSet<()>>,
    under_way: Arc<AtomicUsize>,
}

/// A task. What it remembers is large, and is not to be moved about: it comes boxed.
pub(in crate::gateway) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task that counts as long as it is there.
struct Counted {
    task: Task,
    _one: One,
}

impl Future for Counted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.task.as_mut().poll(context)
    }
}

/// Work that is done by whoever waits for it, as long as somebody does. Dropped, it goes on by itself.
pub(in crate::gateway) struct Own {
    task: Option<Counted>,
    work: Arc<Work>,
    runtime: Handle,
}

/// One that is under way.
struct One(Arc<AtomicUsize>);

impl Drop for One {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Own {
    /// Whether nothing is left to do.
    pub(in crate::gateway) fn is_over(&self) -> bool {
        self.task.is_none()
    }

    /// Does what can be done now; `context` is woken when there is more to do.
    pub(in crate::gateway) fn go_on(&mut self, context: &mut Context<'_>) {
        // Not there while it runs: one that panics is not asked again.
        let Some(mut task) = self.task.take() else { return };
        if Pin::new(&mut task).poll(context).is_pending() {
            self.task = Some(task);
        }
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            self.work.spawn(task, &self.runtime);
        }
    }
}

impl Work {
    /// Begins a task.
    pub(in crate::gateway) fn begin(&self, task: Task) {
        self.spawn(self.counted(task), &Handle::current());
    }

    /// A task that begins when it is first asked to go on.
    pub(in crate::gateway) fn own(self: &Arc<Self>, task: Task) -> Own {
        Own { task: Some(self.counted(task)), work: Arc::clone(self), runtime: Handle::current() }
    }

    fn counted(&self, task: Task) -> Counted {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        Counted { task, _one: One(Arc::clone(&self.under_way)) }
    }

    fn spawn(&self, task: Counted, runtime: &Handle) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that have ended are let go of here, so that the set is never longer than what is under way.
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, runtime);
    }

    /// How many are under way.
    pub(in crate::gateway) fn count(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Waits until all that go on by themselves have ended, `patience` at the longest. Those that have not are dropped.
    pub(in crate::gateway) async fn drained(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while let Ok(Some(_)) = timeout_at(until, tasks.join_next()).await {}
    }
}
