//! The profiler of a loader, and the choice of the results of the stages to time.

use std::sync::Arc;

use crate::backend::Profiler;
use crate::backend::clock::now;
use crate::backend::settings::Settings;
use crate::dataset::PipelineTree;
use crate::dataset::probe::{Probed, Probing};
use crate::stage::Stages;

/// Returns the profiler of a loader, if the settings ask for one.
pub(super) fn start(
    settings: &Settings,
    tree: &PipelineTree,
    workers: u32,
) -> Option<Arc<Profiler>> {
    let profiler = || Profiler::new(tree.steps(), tree.stages(), workers, settings.trace);
    settings.is_profiled().then(|| Arc::new(profiler()))
}

/// The choice of the results of the stages to time.
pub(super) struct Polls {
    profiler: Arc<Profiler>,
    /// The results before the next one to time.
    left: u64,
    /// The results since the last timed one.
    since: u64,
    /// What the polls for the next result found so far.
    found: Probed,
}

impl Polls {
    /// Returns the choice for these stages; `None` without a profiler or without a stage.
    pub(super) fn of<T>(profiler: Option<&Arc<Profiler>>, stages: &impl Stages<T>) -> Option<Self> {
        let has_times = |profiler: &&Arc<Profiler>| profiler.times_stages() && !stages.is_bare();
        let profiler = profiler.filter(has_times)?.clone();
        Some(Self { profiler, left: 0, since: 0, found: Probed::default() })
    }

    /// Begins a poll, if the next result is to be timed.
    pub(super) fn start(&self) -> Option<(Probing, u64)> {
        (self.left == 0).then(|| (self.profiler.probe_caller(), now().unwrap_or_default()))
    }

    /// Ends a timed poll.
    pub(super) fn end(&mut self, (probing, start): (Probing, u64)) {
        let probed = probing.end();
        self.profiler.polled(&probed, start);
        self.found.add(&probed);
    }

    /// Adds what the timed polls found since the last result, at the end of an epoch.
    pub(super) fn end_epoch(&mut self) {
        self.profiler.timed_end(&std::mem::take(&mut self.found));
    }

    /// Counts a result.
    pub(super) fn result(&mut self) {
        self.profiler.count_result();
        self.since += 1;
        if self.left > 0 {
            self.left -= 1;
            return;
        }
        let (found, weight) = (std::mem::take(&mut self.found), std::mem::take(&mut self.since));
        self.left = self.profiler.timed_result(&found, weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Dataset;
    use crate::dataset::probe::StepCount;
    use crate::loader::Loader;
    use crate::source::range;

    #[test]
    fn the_number_of_results_between_timed_ones_varies() {
        let tree = Loader::builder(range(0..9).ordered().map(|x| x)).describe().unwrap();
        let profiler = Profiler::new(tree.steps(), tree.stages(), 1, false);
        let counts = vec![StepCount { nanos: 1_000, ..StepCount::default() }];
        let probed = Probed { counts, cost: 100, ..Probed::default() };
        let mut places = [0; 4];
        for _ in 0..1_000 {
            profiler.count_result();
            // Every fourth result may be the slow one.
            places[(profiler.timed_result(&probed, 1) % 4) as usize] += 1;
        }
        assert!(places.iter().all(|count| (150..350).contains(count)), "{places:?}");
        let slow = vec![StepCount { nanos: 1 << 40, ..StepCount::default() }];
        assert_eq!(profiler.timed_result(&Probed { counts: slow, ..probed }, 1), 0);
    }
}
