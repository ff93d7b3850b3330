//! Making the samples again that stages held back, before the stream goes on.

use crate::engine::{Engine, Limits, Next, Task};
use crate::error::Error;
use crate::order::Cursor;
use crate::stage::Step;

/// The samples that stages held back, in the cursors' order.
pub(super) struct Remaking<T> {
    /// Their positions.
    positions: Vec<u64>,
    samples: Vec<T>,
    /// What works for the stream afterwards.
    stream: Option<Engine<T>>,
}

impl<T> Remaking<T> {
    /// The engine to begin with: one whose positions number the samples that were held back, where
    /// there are any.
    pub(super) fn before(
        stream: Engine<T>,
        cursors: &[Cursor],
        limits: Limits,
    ) -> (Engine<T>, Option<Self>) {
        let mut positions = Vec::new();
        let held = cursors.iter().flat_map(|cursor| &cursor.held);
        held.for_each(|origin| origin.positions(&mut |position| positions.push(position)));
        if positions.is_empty() {
            return (stream, None);
        }
        // The positions lie anywhere, so each is a task of its own.
        let engine = Engine::new(0..positions.len() as u64, Limits { group: 1, ..limits });
        (engine, Some(Self { positions, samples: Vec::new(), stream: Some(stream) }))
    }

    /// A task of the engine with the position to fill.
    pub(super) fn placed(&self, task: Task) -> Task {
        Task { start: self.positions[task.start as usize], ..task }
    }

    /// Goes on with the engine of the stream, whatever is made.
    pub(super) fn end(&mut self, engine: &mut Engine<T>) {
        if let Some(stream) = self.stream.take() {
            *engine = stream.numbering_from(engine.next_id());
        }
    }

    /// Takes what is made; all of it once the last is, and then the engine is the stream's.
    pub(super) fn take(&mut self, engine: &mut Engine<T>) -> Step<Vec<T>> {
        loop {
            match engine.pop() {
                Next::Ready(_, Ok(Some(sample))) => self.samples.push(sample),
                Next::Ready(number, outcome) => {
                    let position = self.positions[number as usize];
                    let why =
                        || format!("position {position}, which a stage held back, is a gap now");
                    let error = outcome.err().map(|error| error.at_position(position));
                    return Step::SampleError(error.unwrap_or_else(|| Error::State { why: why() }));
                }
                Next::Pending => return Step::Pending,
                Next::End => {
                    self.end(engine);
                    return Step::Item(std::mem::take(&mut self.samples));
                }
            }
        }
    }
}
