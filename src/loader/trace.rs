//! The trace of a run: what each worker did when.

use std::time::Duration;

use super::Loader;

/// The events of a run since they were last taken: see [`Loader::take_trace`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Trace {
    /// The events of each task, in the order in which the tasks ended: the task, then its ops.
    pub events: Vec<TraceEvent>,
    /// The number of events that were left out, because 65,536 were waiting.
    pub left_out: u64,
}

/// A span of time in which a worker or the caller did one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TraceEvent {
    /// The op as in [`PipelineTree`](crate::dataset::PipelineTree)'s text, or `task` for a whole
    /// task of a worker.
    pub name: String,
    /// The number of the worker; `None` for the caller, who runs the stages.
    pub worker: Option<u32>,
    /// The first position of a task, or the position of the sample that an op made. For a stage,
    /// the number of results that the caller had asked for.
    pub position: u64,
    /// The number of positions of a task, and 1 for an op.
    pub count: u64,
    /// The start, from the build of the loader on.
    pub start: Duration,
    /// The time that it took.
    pub duration: Duration,
}

impl<B> Loader<B> {
    /// Takes the events since the last call; empty unless
    /// [`LoaderBuilder::trace`](super::LoaderBuilder::trace) turned tracing on.
    ///
    /// Each task of a worker is an event, and so is each call of an op in a timed sample. See
    /// [`profile`](Self::profile) for which samples are timed. A timed sample has at most 64 events.
    /// At most 65,536 events wait to be taken; later ones are left out and counted. The events of a
    /// worker process lie at the times when its answers arrived.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let dataset = range(0..1000).map(|x| x * 3);
    /// let mut loader = Loader::builder(dataset).workers(2).trace(true).build()?;
    /// assert_eq!(loader.by_ref().count(), 1000);
    /// let trace = loader.take_trace();
    /// let tasks = trace.events.iter().filter(|event| event.name == "task");
    /// assert_eq!(tasks.map(|task| task.count).sum::<u64>(), 1000);
    /// assert!(trace.events.iter().any(|event| event.name == "map"));
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn take_trace(&mut self) -> Trace {
        let Some(profiler) = &self.profiler else { return Trace::default() };
        let (events, left_out) = profiler.take_events();
        if events.is_empty() {
            return Trace { events: Vec::new(), left_out };
        }
        let names = self.tree.op_texts();
        let name = |step: Option<usize>| match step {
            None => "task".into(),
            Some(step) => names.get(step).map_or("(beside the ops)", |(name, _)| name).to_owned(),
        };
        let event = |event: crate::backend::profile::Timed| TraceEvent {
            name: name(event.step),
            worker: event.worker.and_then(|worker| u32::try_from(worker).ok()),
            position: event.position,
            count: event.count,
            start: Duration::from_nanos(event.start),
            duration: Duration::from_nanos(event.end.saturating_sub(event.start)),
        };
        Trace { events: events.into_iter().map(event).collect(), left_out }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::backend::clock::now;
    use crate::{Backend, Dataset, Loader, range};

    #[test]
    fn every_event_lies_within_the_run_and_every_op_within_its_task() {
        for backend in [Backend::Inline, Backend::Threads] {
            let begun = now().unwrap();
            let dataset = range(0..3_000).map(|x| x + 1).ordered().map(|x| x).batch(7);
            let loader = Loader::builder(dataset).backend(backend).workers(2).trace(true);
            let mut loader = loader.build().unwrap();
            loader.by_ref().for_each(|item| drop(item.unwrap()));
            let wall = Duration::from_nanos(now().unwrap() - begun);
            let trace = loader.take_trace();
            assert_eq!(trace.left_out, 0);
            let tasks: u64 =
                trace.events.iter().filter(|e| e.name == "task").map(|e| e.count).sum();
            assert_eq!(tasks, 3_000);
            assert!(trace.events.iter().all(|event| event.start + event.duration <= wall));
            let mut task = &trace.events[0];
            for event in &trace.events {
                match (event.name.as_str(), event.worker) {
                    ("task", _) => task = event,
                    (_, Some(_)) => {
                        assert!(event.start >= task.start, "{event:?} in {task:?}");
                        let ends = event.start + event.duration <= task.start + task.duration;
                        assert!(ends && event.worker == task.worker, "{event:?} in {task:?}");
                    }
                    (name, None) => assert!(
                        ["map", "batch(size=7,drop_remainder=false)", "(beside the ops)"]
                            .contains(&name),
                        "{name}"
                    ),
                }
            }
            assert!(trace.events.iter().any(|event| event.worker.is_none()));
            assert!(loader.take_trace().events.is_empty());
        }
    }

    #[test]
    fn events_that_no_one_takes_are_left_out_and_counted() {
        let dataset = range(0..70_000);
        let loader = Loader::builder(dataset).backend(Backend::Inline).prefetch(1).trace(true);
        let mut loader = loader.build().unwrap();
        assert_eq!(loader.by_ref().count(), 70_000);
        let trace = loader.take_trace();
        assert_eq!(trace.events.len(), 1 << 16);
        assert!(trace.left_out >= 70_000 - (1 << 16));
    }
}
