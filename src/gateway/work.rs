//! What goes on for a client and without it: an answer is fetched on its client's connection, and goes on as a task of
//! its own when the client goes away, so that what it cost is written down whoever went away.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
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
    bell: Arc<Bell>,
    /// Rings the bell.
    rope: Waker,
    work: Arc<Work>,
    runtime: Handle,
}

/// Tells that the task can go on. Whoever waits for an answer asks more often than that, and a task that is asked
/// without having been called takes a pause that it made for others (for the next piece of its vendor's answer, to send
/// it with this one) for over.
struct Bell {
    rung: AtomicBool,
    waits: Mutex<Option<Waker>>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        if let Some(waker) = &*self.waits.lock().unwrap_or_else(PoisonError::into_inner) {
            waker.wake_by_ref();
        }
    }
}

impl Bell {
    /// Whether it rang since it was asked last; if not, `waker` is woken when it does.
    fn rang(&self, waker: &Waker) -> bool {
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        if !waits.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *waits = Some(waker.clone());
        }
        drop(waits);
        self.rung.swap(false, Ordering::Acquire)
    }
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

    /// Does what can be done now, if there is anything; `context` is woken when there is more to do.
    pub(in crate::gateway) fn go_on(&mut self, context: &mut Context<'_>) {
        if self.is_over() || !self.bell.rang(context.waker()) {
            return;
        }
        // Not there while it runs: one that panics is not asked again.
        let Some(mut task) = self.task.take() else { return };
        if Pin::new(&mut task).poll(&mut Context::from_waker(&self.rope)).is_pending() {
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
        let bell = Arc::new(Bell { rung: AtomicBool::new(true), waits: Mutex::new(None) });
        let rope = Waker::from(Arc::clone(&bell));
        Own { task: Some(self.counted(task)), bell, rope, work: Arc::clone(self), runtime: Handle::current() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_is_asked_when_it_was_called_and_not_before() {
        let asked = Arc::new(AtomicUsize::new(0));
        let called: Arc<Mutex<Option<Waker>>> = Arc::default();
        let (counter, keep) = (Arc::clone(&asked), Arc::clone(&called));
        let task = std::future::poll_fn(move |context| {
            *keep.lock().unwrap() = Some(context.waker().clone());
            if counter.fetch_add(1, Ordering::Relaxed) < 2 { Poll::Pending } else { Poll::Ready(()) }
        });
        let mut own = Arc::new(Work::default()).own(Box::pin(task));
        let woken = Arc::new(Bell { rung: AtomicBool::new(false), waits: Mutex::new(None) });
        let waker = Waker::from(Arc::clone(&woken));
        let mut ask = || {
            own.go_on(&mut Context::from_waker(&waker));
            (asked.load(Ordering::Relaxed), own.is_over())
        };
        assert_eq!([ask(), ask(), ask()], [(1, false); 3]);
        let call = || called.lock().unwrap().clone().unwrap().wake();
        call();
        assert!(woken.rung.swap(false, Ordering::Relaxed), "whoever waits is woken");
        assert_eq!([ask(), ask()], [(2, false); 2]);
        call();
        assert_eq!([ask(), ask()], [(3, true); 2]);
    }
}
