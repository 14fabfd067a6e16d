//! Which threads move clients' bytes? The driver's own, or some that do nothing else.
//!
//! One task answers what clients ask, in one order. To read the requests from their sockets, to write the answers, and
//! to encrypt both, costs several times as much, and needs no order between connections: on threads of their own they
//! take as many cores as there are. On two cores it is not worth waking one thread from another for each request.

use std::io;
use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that serve connections; dropped, they end with whatever they do.
#[derive(Debug)]
pub(crate) struct ClientThreads(Option<Runtime>);

impl ClientThreads {
    /// Starts `count` threads; one is the caller's own.
    ///
    /// # Errors
    ///
    /// If the system gives no more threads.
    pub(crate) fn start(count: u32) -> io::Result<Self> {
        if count <= 1 {
            return Ok(Self(None));
        }
        let mut builder = Builder::new_multi_thread();
        builder
            .worker_threads(count as usize)
            .thread_name("clients")
            .enable_all();
        Ok(Self(Some(builder.build()?)))
    }

    /// Where tasks of connections are to be spawned.
    pub(crate) fn handle(&self) -> Handle {
        match &self.0 {
            Some(runtime) => runtime.handle().clone(),
            None => Handle::current(),
        }
    }
}

impl Drop for ClientThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Whoever drops it may be a task, and must not wait.
            runtime.shutdown_background();
        }
    }
}
