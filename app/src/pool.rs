//! The threads that compute: one pool for all that the process does in parallel, reading of files included.

use anyhow::{Context, Result};

/// Starts the pool with so many threads (none: one for each core), before anything else does. The engine takes whichever
/// pool there is.
///
/// # Errors
/// Where it runs already, or the system has no more threads.
pub fn start(threads: Option<usize>) -> Result<()> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0));
    // Named, so that compute threads are not taken for the one that starts them.
    let started = pool.thread_name(|i| format!("compute-{i}")).build_global();
    started.context("The system cannot start so many threads; give fewer with --threads")
}
