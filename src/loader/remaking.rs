//! Making again the samples that stages held back, before the stream goes on.

use crate::engine::{Engine, Limits, Next, Task};
use crate::error::Error;
use crate::order::Cursor;
use crate::stage::Step;

/// The samples that stages held back.
pub(super) struct Remaking<T> {
    /// The positions of the samples, in rising order, so that neighbours share a task.
    positions: Vec<u64>,
    /// The place of each sample in the cursors' order.
    places: Vec<usize>,
    samples: Vec<T>,
    /// The engine of the stream, for use afterwards.
    stream: Option<Engine<T>>,
}

impl<T> Remaking<T> {
    /// Returns the engine to begin with: one whose positions number the held samples, if any.
    pub(super) fn before(
        stream: Engine<T>,
        cursors: &[Cursor],
        limits: Limits,
    ) -> (Engine<T>, Option<Self>) {
        let held = cursors.iter().flat_map(Cursor::positions);
        let mut placed: Vec<_> = held.zip(0usize..).collect();
        if placed.is_empty() {
            return (stream, None);
        }
        placed.sort_unstable();
        let (positions, places): (Vec<_>, _) = placed.into_iter().unzip();
        let engine = Engine::new(0..positions.len() as u64, limits);
        (engine, Some(Self { positions, places, samples: Vec::new(), stream: Some(stream) }))
    }

    /// Returns how long the next `count` positions from this number on stay consecutive.
    pub(super) fn neighbours(&self, from: u64, count: u64) -> u64 {
        let positions = &self.positions[from as usize..(from + count) as usize];
        let follows = |two: &&[u64]| two[0].checked_add(1) == Some(two[1]);
        1 + positions.windows(2).take_while(follows).count() as u64
    }

    /// Returns the number of held samples before a position.
    pub(super) fn within(&self, position: u64) -> u64 {
        self.positions.partition_point(|held| *held < position) as u64
    }

    /// Returns a task of the engine with the real positions to fill.
    pub(super) fn placed(&self, task: Task) -> Task {
        Task { start: self.positions[task.start as usize], ..task }
    }

    /// Switches to the engine of the stream, whatever samples are finished.
    pub(super) fn end(&mut self, engine: &mut Engine<T>) {
        if let Some(stream) = self.stream.take() {
            *engine = stream.numbering_from(engine.next_id());
        }
    }

    /// Collects finished samples. Returns all of them in the cursors' order once the last one is
    /// finished, and then switches to the engine of the stream.
    pub(super) fn take(&mut self, engine: &mut Engine<T>) -> Step<Vec<T>> {
        loop {
            match engine.pop() {
                Next::Ready(_, Ok(Some(sample))) => self.samples.push(sample),
                Next::Ready(number, outcome) => {
                    let position = self.positions[number as usize];
                    let why = || format!("position {position}, which a stage held, is now a gap");
                    let error = outcome.err().map(|error| error.at_position(position));
                    return Step::SampleError(error.unwrap_or_else(|| Error::State { why: why() }));
                }
                Next::Pending => return Step::Pending,
                Next::End => {
                    self.end(engine);
                    let samples = std::mem::take(&mut self.samples);
                    let mut placed: Vec<_> = self.places.iter().zip(samples).collect();
                    placed.sort_unstable_by_key(|(place, _)| **place);
                    return Step::Item(placed.into_iter().map(|(_, sample)| sample).collect());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Completion;
    use crate::order::Origin;

    #[test]
    fn neighbours_are_made_in_groups_and_given_in_the_cursors_order() {
        let held = |positions: Vec<u64>| Cursor {
            held: positions.into_iter().map(Origin::Sample).collect(),
            ..Cursor::default()
        };
        let cursors =
            [held((100..2_000).rev().collect()), held(vec![7, 5_000, 7]), held((6..60).collect())];
        let limits = Limits { tasks: 1, ..Limits::for_workers(1) };
        let stream = Engine::new(6_000..6_001, limits);
        let (mut engine, remaking) = Remaking::before(stream, &cursors, limits);
        let mut remaking = remaking.unwrap();
        let mut tasks = 0;
        let samples = loop {
            match remaking.take(&mut engine) {
                Step::Item(samples) => break samples,
                Step::Pending => {}
                other => panic!("{other:?}"),
            }
            let part = |from, count| remaking.neighbours(from, count);
            let task = remaking.placed(engine.next_task_within(part).unwrap());
            let results = task.positions().map(|position| Ok(Some(position))).collect();
            let nanos = 100 * task.count;
            engine.done(Completion { task: task.id, results, bytes: Some(task.count), nanos });
            tasks += 1;
        };
        let expected = (100..2_000).rev().chain([7, 5_000, 7]).chain(6..60);
        assert_eq!(samples, expected.collect::<Vec<_>>());
        assert!(tasks < 100, "{tasks} tasks");
    }
}
