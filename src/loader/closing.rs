//! The end of a loader, which stops its workers.

use super::Loader;
use crate::backend::log;

impl<B> Loader<B> {
    /// Stops the workers, as dropping the loader does.
    ///
    /// Returns the positions of samples that workers were still making when the shutdown timeout
    /// ended. Call [`state`](Self::state) before, since `close` consumes the loader.
    pub fn close(mut self) -> Vec<u64> {
        self.shutdown()
    }

    pub(super) fn shutdown(&mut self) -> Vec<u64> {
        if !std::mem::take(&mut self.open) {
            return Vec::new();
        }
        let stuck = self.stream.shutdown(self.shutdown_timeout);
        let killed = self.stream.info().capabilities.kills_stuck_samples;
        for position in &stuck {
            log::warn("loader", || {
                let waited = self.shutdown_timeout;
                let fate = if killed {
                    "the loader killed the worker"
                } else {
                    "its thread is left behind"
                };
                format!(
                    "a worker still makes the sample at position {position} {waited:?} after shutdown began; {fate}"
                )
            });
        }
        drop(self.ending.take());
        drop(self.keeping.take());
        stuck
    }
}

impl<B> Drop for Loader<B> {
    fn drop(&mut self) {
        self.shutdown();
    }
}
