//! The samples that are read and that no worker has taken.

use std::collections::BTreeMap;
use std::task::Waker;

use super::cursors::Cursors;
use super::pass::Read;
use super::read_time::ReadTime;
use crate::dataset::bytes_of;
use crate::error::{Error, Fault, Result};
use crate::stage::{ReadAhead, ReadTo};

/// The number of samples of unknown size that fill the bound of bytes.
const UNKNOWN_SAMPLES: u64 = 64;

/// The table of a reader.
pub(super) struct Table<T> {
    /// The number of the current pass. A reader of an earlier pass ends.
    pub(super) pass: u64,
    pub(super) read_to: ReadTo,
    pub(super) failure: Option<Error>,
    pub(super) cursors: Cursors,
    pub(super) waker: Option<Waker>,
    pub(super) bounds: ReadAhead,
    /// Whether the reader waits for room.
    pub(super) sleeps: bool,
    pub(super) time: ReadTime,
    slots: BTreeMap<u64, Slot<T>>,
    /// The number of samples that no worker has taken.
    waiting: u64,
    /// The bytes of these samples.
    bytes: u64,
}

/// A sample that was read.
struct Slot<T> {
    sample: Result<T, Fault>,
    bytes: u64,
    is_taken: bool,
}

/// The samples that a table gave up.
pub(super) type Dropped<T> = Vec<Result<T, Fault>>;

impl<T: Clone + 'static> Table<T> {
    pub(super) fn new() -> Self {
        Self {
            pass: 0,
            read_to: ReadTo::default(),
            failure: None,
            cursors: Cursors::default(),
            waker: None,
            bounds: ReadAhead { samples: 1, bytes: 0, again: false },
            sleeps: false,
            time: ReadTime::default(),
            slots: BTreeMap::new(),
            waiting: 0,
            bytes: 0,
        }
    }

    /// Begins the next pass at a position. Returns the samples of the last one.
    pub(super) fn begin(&mut self, position: u64) -> Dropped<T> {
        self.pass += 1;
        self.time.end();
        self.read_to = ReadTo { position, ended: false };
        (self.failure, self.cursors) = (None, Cursors::default());
        (self.waiting, self.bytes, self.sleeps) = (0, 0, false);
        std::mem::take(&mut self.slots).into_values().map(|slot| slot.sample).collect()
    }

    /// Returns `true` if the reader waits until workers have taken samples.
    pub(super) fn is_full(&self) -> bool {
        let ReadAhead { samples, bytes, .. } = self.bounds;
        self.waiting > 0 && (self.waiting >= samples || self.bytes >= bytes)
    }

    /// Returns `true` if the reader has room for many samples, so that waking it is worth its cost.
    fn is_half_empty(&self) -> bool {
        let ReadAhead { samples, bytes, .. } = self.bounds;
        self.waiting <= samples / 2 && self.bytes <= bytes / 2
    }

    /// Adds what the reader read.
    pub(super) fn put(&mut self, read: Read<T>) {
        match read {
            Read::Sample(position, sample, cursor) => {
                self.read_to.position = position + 1;
                if let Some(sample) = sample {
                    let unknown = self.bounds.bytes / UNKNOWN_SAMPLES;
                    let bytes = sample.as_ref().map_or(0, |s| bytes_of(s).unwrap_or(unknown));
                    let beside = cursor.as_ref().map_or(0, |cursor| cursor.len() as u64);
                    let bytes = bytes.saturating_add(beside).min(u64::MAX >> 20);
                    self.slots.insert(position, Slot { sample, bytes, is_taken: false });
                    self.waiting += 1;
                    self.bytes += bytes;
                }
                if let Some(cursor) = cursor {
                    self.cursors.push(position + 1, cursor);
                }
            }
            Read::End(failure) => {
                self.time.end();
                self.read_to.ended = true;
                self.failure = failure;
            }
        }
    }

    /// Takes the sample at a position, and says whether to wake the reader.
    pub(super) fn take(&mut self, position: u64) -> (Result<T, Fault>, bool) {
        let taken = if self.bounds.again {
            let Some(slot) = self.slots.get_mut(&position) else { return (Err(gone()), false) };
            let sample = slot.sample.clone();
            (sample, slot.bytes, std::mem::replace(&mut slot.is_taken, true))
        } else {
            let Some(slot) = self.slots.remove(&position) else { return (Err(gone()), false) };
            (slot.sample, slot.bytes, false)
        };
        let (sample, bytes, again) = taken;
        if !again {
            self.waiting -= 1;
            self.bytes -= bytes;
        }
        (sample, self.sleeps && self.is_half_empty())
    }

    /// Drops the samples before a position that workers have taken.
    pub(super) fn release(&mut self, position: u64) -> Dropped<T> {
        let mut dropped = Vec::new();
        while let Some(first) = self.slots.first_entry()
            && *first.key() < position
            && first.get().is_taken
        {
            dropped.push(first.remove().sample);
        }
        dropped
    }
}

/// Returns the fault of a sample that the table does not have.
fn gone() -> Fault {
    Fault::new("the source's sample at this position was read and taken before; set retries to 1")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(samples: u64, bytes: u64, again: bool) -> Table<Vec<u8>> {
        let mut table = Table::new();
        table.bounds = ReadAhead { samples, bytes, again };
        table.begin(0);
        table
    }

    fn put(table: &mut Table<Vec<u8>>, position: u64, len: usize) {
        table.put(Read::Sample(position, Some(Ok(vec![0; len])), None));
    }

    #[test]
    fn samples_and_bytes_fill_the_table_and_one_sample_always_fits() {
        let mut full = table(3, 100, false);
        for position in 0..3 {
            assert!(!full.is_full());
            put(&mut full, position, 1);
        }
        assert!(full.is_full());
        assert_eq!(full.take(1).0.unwrap(), [0]);
        assert!(!full.is_full());
        let mut large = table(3, 100, false);
        put(&mut large, 0, 1000);
        assert!(large.is_full());
        assert!(large.take(0).0.is_ok());
        assert!(!large.is_full());
    }

    #[test]
    fn a_sample_is_taken_once_unless_attempts_may_repeat() {
        let mut once = table(3, 100, false);
        put(&mut once, 0, 1);
        assert!(once.take(0).0.is_ok());
        assert!(once.take(0).0.is_err());
        let mut again = table(3, 100, true);
        put(&mut again, 0, 1);
        put(&mut again, 1, 1);
        assert!(again.take(0).0.is_ok());
        assert!(again.take(0).0.is_ok());
        assert_eq!(again.waiting, 1);
        assert_eq!(again.release(2).len(), 1);
        assert!(again.take(0).0.is_err());
        assert!(again.take(1).0.is_ok());
    }
}
