//! The settings of a loader that tell where the time goes.

use super::LoaderBuilder;
use super::builder::setters;
use crate::stage::Pipeline;

/// Settings that tell where the time goes.
///
/// None of them changes the content of a sample, the order or the state.
impl<P: Pipeline> LoaderBuilder<P> {
    setters! {
        /// Turns on [`Loader::profile`](super::Loader::profile), which tells the time of each op;
        /// off by default.
        ///
        /// Timing takes about 1 % of a worker's time. If samples take less than some 100 µs, a
        /// worker times only some of them, and their numbers count for the others.
        fn profile(on: bool) => settings.profile = on;
    }

    /// Turns on [`Loader::take_trace`](super::Loader::take_trace), which tells what each worker did
    /// when; off by default. A loader with a trace has a [`profile`](Self::profile) too, whatever
    /// that setting says.
    #[must_use]
    pub fn trace(mut self, on: bool) -> Self {
        self.settings.trace = on;
        self
    }
}
