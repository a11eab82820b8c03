//! How a long work tells what it is doing, without knowing a terminal.

/// Listens to the making of a worktree.
pub trait Observer {
    /// Something the person should know: what engine was chosen and why, what a hook said.
    fn note(&mut self, line: &str);

    /// Files are going to be written.
    fn begin(&mut self, total: usize);

    /// So many of them are written.
    fn progress(&mut self, done: usize);

    /// All of them are written.
    fn end(&mut self);
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn note(&mut self, _line: &str) {}
    fn begin(&mut self, _total: usize) {}
    fn progress(&mut self, _done: usize) {}
    fn end(&mut self) {}
}
