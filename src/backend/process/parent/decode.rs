//! The decoding of a worker's bytes into samples: the one part of the loader's side that knows
//! their type.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::Waker;
use std::time::{Duration, Instant};

use super::super::protocol::payload::{Item, unpack};
use super::cost::Cost;
use super::slots::{Handed, Payload, PayloadRange};
use crate::backend::beside::{Additions, Hash, Hashes};
use crate::backend::clock::now;
use crate::backend::profile::Sampled;
use crate::backend::run::discard_event;
use crate::backend::{Event, Fill};
use crate::dataset::reduce::ADDED_MAX;
use crate::dataset::{Owner, SampleResult, caught, discard};
use crate::engine::{Completion, Task};
use crate::error::{Error, Fault, Loss};

/// A function that decodes a sample.
pub(crate) type Decode<T> = fn(&[u8], Vec<Owner>) -> Result<T, Fault>;

/// What a worker says of a finished task.
pub(in super::super) struct Made {
    pub(in super::super) task: Task,
    pub(in super::super) worker: usize,
    pub(in super::super) nanos: u64,
    pub(in super::super) sampled: Option<Sampled>,
}

/// A receiver for the outcomes of tasks.
pub(in super::super) trait Sink: Send {
    /// Accepts the samples of a task.
    ///
    /// # Errors
    /// Returns why the payload is invalid for this task.
    fn done(&mut self, made: Made, payload: Payload) -> Result<(), String>;

    /// Accepts the loss of a task's worker.
    fn lost(&mut self, task: Task, loss: Loss);

    /// Accepts that no more workers will start.
    fn broken(&mut self, error: Error);
}

/// A sink that decodes samples and passes them on.
pub(in super::super) struct Decoding<T> {
    pub(in super::super) events: mpsc::Sender<Event<T>>,
    pub(in super::super) decode: Decode<T>,
    /// The work, used only to measure samples.
    pub(in super::super) work: Arc<dyn Fill<T>>,
    pub(in super::super) additions: Arc<Additions>,
    /// The table of hashes, if workers append a hash to each sample.
    pub(in super::super) hashes: Option<Arc<Hashes>>,
    /// The bytes of all live payloads.
    pub(in super::super) held: Arc<AtomicU64>,
    pub(in super::super) cost: Cost,
    /// The waker of a caller that cannot block.
    pub(in super::super) waker: Arc<Mutex<Option<Waker>>>,
}

impl<T: Send> Sink for Decoding<T> {
    fn done(&mut self, made: Made, payload: Payload) -> Result<(), String> {
        let Made { task, worker, nanos, sampled } = made;
        let (begun, end) = (Instant::now(), now().unwrap_or_default());
        let items = unpack(payload.bytes(), payload.start(), task.count)?;
        let payload = Arc::new(Handed::new(payload, &self.held));
        let (mut bytes, mut sizes) = (0, (0, 0));
        let mut results = Vec::with_capacity(items.len());
        let mut added = Vec::new();
        for item in items {
            if let Item::Added(place) = item {
                if place.len() > ADDED_MAX {
                    results.into_iter().for_each(discard);
                    return Err(format!(
                        "it adds {} bytes to reducers; {ADDED_MAX} are allowed",
                        place.len()
                    ));
                }
                added = payload.bytes()[place].to_vec();
                continue;
            }
            let position = task.start + results.len() as u64;
            let item = self.unhashed(&payload, item, position);
            let carried = item.byte_len();
            if let Item::Sample(inline, _) = &item {
                sizes = (carried, inline.len() as u64);
            }
            let result = self.result(&payload, item);
            let result = self.measured(result, carried, &mut bytes);
            self.additions.keep(position, std::mem::take(&mut added));
            results.push(result);
        }
        if let Some(profiler) = self.work.profiler() {
            profiler.done(worker, task, (end.saturating_sub(nanos), end), sampled);
        }
        self.cost.add::<T>(begun.elapsed(), Duration::from_nanos(nanos), sizes);
        let bytes = Some(self.additions.bytes(task.positions()).saturating_add(bytes));
        self.pass(Event::Done(Completion { task: task.id, results, bytes, nanos }));
        Ok(())
    }

    fn lost(&mut self, task: Task, loss: Loss) {
        self.pass(Event::Lost { task: task.id, how: loss });
    }

    fn broken(&mut self, error: Error) {
        self.pass(Event::Broken(error));
    }
}

impl<T> Decoding<T> {
    /// Removes the hash at the end of an item and stores it. An item too short for a hash has none,
    /// and is not a valid sample either.
    fn unhashed(&self, payload: &Handed, item: Item, position: u64) -> Item {
        let Some(hashes) = &self.hashes else { return item };
        let (item, hash) = match item {
            Item::Sample(inline, places) => {
                let end = inline.end.saturating_sub(size_of::<Hash>()).max(inline.start);
                let hash = payload.bytes()[end..inline.end].try_into().ok();
                (Item::Sample(inline.start..end, places), hash)
            }
            item => (item, None),
        };
        hashes.keep(position, hash);
        item
    }

    fn result(&self, payload: &Arc<Handed>, item: Item) -> SampleResult<T> {
        match item {
            Item::Gap | Item::Added(_) => Ok(None),
            Item::Fault(place) => {
                let fault = postcard::from_bytes(&payload.bytes()[place]);
                Err(fault.unwrap_or_else(|why| Fault::new(format!("an invalid fault: {why}"))))
            }
            Item::Sample(inline, places) => {
                let part =
                    |place| Arc::new(PayloadRange { payload: payload.clone(), place }) as Owner;
                let payloads = places.into_iter().map(part).collect();
                let decode = || (self.decode)(&payload.bytes()[inline], payloads);
                caught(decode).unwrap_or_else(Err).map(Some)
            }
        }
    }

    /// Adds a sample's size to a sum: the size that its type reports, or else the transferred
    /// bytes. If measuring panics, the panic becomes the sample's result.
    fn measured(&self, made: SampleResult<T>, carried: u64, sum: &mut u64) -> SampleResult<T> {
        let Ok(Some(sample)) = &made else { return made };
        match caught(|| self.work.bytes(sample)) {
            Ok(bytes) => {
                *sum = sum.saturating_add(bytes.unwrap_or(carried));
                made
            }
            Err(fault) => {
                discard(made);
                Err(fault.by("sample_bytes"))
            }
        }
    }

    fn pass(&self, event: Event<T>) {
        // After the loader closes, nothing receives events; drop the event.
        if let Err(mpsc::SendError(event)) = self.events.send(event) {
            discard_event(event);
        }
        let waker = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            _ = caught(|| waker.wake());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::protocol::payload::Packing;
    use super::super::slots::Collected;
    use super::*;
    use crate::dataset::Reducer;
    use crate::source::range;

    #[test]
    fn what_was_added_is_kept_by_its_position_and_too_much_is_no_payload() {
        let (events, heard) = mpsc::channel();
        let additions = Arc::new(Additions::new([Reducer::<u64>::new("x").key()].into()));
        let mut sink = Decoding::<u64> {
            events,
            decode: |_, _| Ok(7),
            work: Arc::new(range(0..9)),
            additions: additions.clone(),
            hashes: None,
            held: Arc::default(),
            cost: Cost::default(),
            waker: Arc::default(),
        };
        let mut done = |added: usize| {
            let mut packing = Packing::default();
            packing.push(Ok(None));
            packing.push_added(&vec![1; added]);
            packing.push(Ok(None));
            let mut bytes = vec![0; packing.line_up()];
            packing.write_to(&mut bytes);
            let payload = Payload::Heap(Collected::of(&bytes));
            let task = Task { id: 0, start: 5, count: 2 };
            sink.done(Made { task, worker: 0, nanos: 1, sampled: None }, payload)
        };
        done(ADDED_MAX).unwrap();
        assert_eq!(additions.bytes(5..6), 0);
        assert_eq!(additions.take(6).len(), ADDED_MAX);
        let Ok(Event::Done(told)) = heard.try_recv() else { panic!("no event came") };
        assert!(told.bytes.is_some_and(|bytes| bytes > ADDED_MAX as u64), "{:?}", told.bytes);
        assert!(done(ADDED_MAX + 1).unwrap_err().contains("1048577 bytes"));
        assert!(heard.try_recv().is_err());
    }
}
