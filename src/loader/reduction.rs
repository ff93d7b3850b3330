//! Merging the values that positions added to reducers, as the caller receives the results.
//!
//! Positions reach the stages before the caller receives any result of them. The values of a
//! position wait, encoded, until the caller receives the result, and are then merged. If too many
//! bytes wait, the values are merged into a copy of the total that the caller sees. The copy bounds
//! the memory for waiting values.

use std::any::Any;
use std::ops::{Deref, Range};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::backend::beside::Additions;
use crate::dataset::reduce::{Key, Reduce, merge, parts};
use crate::dataset::{caught, discard};
use crate::error::{Error, Fault, Result};

/// The most bytes that may wait to be merged, with the bytes for each waiting entry.
const WAITING_MAX: usize = 1 << 20;
const PLACE_BYTES: usize = 64;

/// The merged value of a reducer, and its positions: see
/// [`Loader::reduced`](super::Loader::reduced).
///
/// `Reduced` dereferences to the value. Save it beside a state, and give it to
/// [`LoaderBuilder::reduce_from`](super::LoaderBuilder::reduce_from) when the loader resumes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduced<T> {
    value: T,
    start: u64,
    end: u64,
}

impl<T> Reduced<T> {
    /// Returns the merged positions, those without a value and those that a limit left out
    /// included.
    #[must_use]
    pub fn positions(&self) -> Range<u64> {
        self.start..self.end
    }

    /// Returns the value.
    #[must_use]
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Returns the value without its positions.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Reduced<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The reducers of a loader.
pub(super) struct Reduction {
    additions: Arc<Additions>,
    slots: Vec<Slot>,
    /// The encoded values of positions that reached the stages, in order.
    waiting: Vec<(u64, Vec<u8>)>,
    waiting_bytes: usize,
    /// Whether the slots are ahead of the totals that the caller sees.
    ahead: bool,
    /// The position after the last one that reached the stages.
    front: u64,
}

/// One reducer and its total.
pub(super) struct Slot {
    key: Key,
    total: Box<dyn Merge>,
}

impl Slot {
    pub(super) fn new<T: Reduce>(key: Key, total: Total<T>) -> Self {
        Self { key, total: Box::new(total) }
    }
}

impl Reduction {
    /// Checks the reducers of a loader that starts at a position; `None` for a loader without
    /// reducers.
    pub(super) fn new(mut slots: Vec<Slot>, start: u64) -> Result<Option<Self>> {
        Key::check(slots.iter().map(|slot| &slot.key))?;
        for slot in &mut slots {
            let end = slot.total.start_at(start);
            if end < start {
                let name = &slot.key.name;
                return Err(Error::Setting {
                    name: "reduce".into(),
                    value: format!("{name:?} from positions before {end}"),
                    allowed: format!(
                        "a value reduced up to position {start} at least, where the loader starts; \
                         save the value together with the state"
                    ),
                });
            }
        }
        if slots.is_empty() {
            return Ok(None);
        }
        let keys = slots.iter().map(|slot| slot.key.clone()).collect();
        let additions = Arc::new(Additions::new(keys));
        let (waiting, waiting_bytes) = (Vec::new(), 0);
        Ok(Some(Self { additions, slots, waiting, waiting_bytes, ahead: false, front: start }))
    }

    /// Returns the place for the values that samples add.
    pub(super) fn additions(&self) -> Arc<Additions> {
        self.additions.clone()
    }

    /// Takes the values of a position that reaches the stages now. The values count unless the
    /// sample failed.
    pub(super) fn take(&mut self, position: u64, counts: bool) {
        self.front = position + 1;
        let added = self.additions.take(position);
        if added.is_empty() || !counts {
            return;
        }
        if self.ahead {
            return self.merge(position, &added);
        }
        self.waiting_bytes += added.len() + PLACE_BYTES;
        self.waiting.push((position, added));
        if self.waiting_bytes > WAITING_MAX {
            self.slots.iter_mut().for_each(|slot| slot.total.go_ahead());
            self.ahead = true;
            self.merge_waiting();
        }
    }

    /// Skips all positions before this one that did not reach the stages.
    pub(super) fn skip_to(&mut self, position: u64) {
        self.front = position;
    }

    /// Records that the caller receives the results of all positions that reached the stages.
    pub(super) fn received(&mut self) {
        self.merge_waiting();
        self.ahead = false;
        for slot in &mut self.slots {
            slot.total.received(self.front);
        }
    }

    /// Returns the total that the caller sees of a reducer; `None` for a reducer of another loader.
    pub(super) fn total<T: Reduce>(&self, key: &Key) -> Option<Result<&Reduced<T>>> {
        let slot = self.slots.iter().find(|slot| slot.key == *key)?;
        let total: &dyn Any = &*slot.total;
        let total: &Total<T> = total.downcast_ref()?;
        Some(total.failed.clone().map_or(Ok(&total.seen), Err))
    }

    fn merge_waiting(&mut self) {
        for (position, added) in std::mem::take(&mut self.waiting) {
            self.merge(position, &added);
        }
        self.waiting_bytes = 0;
    }

    fn merge(&mut self, position: u64, added: &[u8]) {
        match parts(added) {
            Ok(parts) => {
                for (place, value) in parts {
                    if let Some(slot) = self.slots.get_mut(place) {
                        slot.total.merge(position, value);
                    }
                }
            }
            Err(fault) => self.slots.iter_mut().for_each(|s| s.total.fail(position, fault.clone())),
        }
    }
}

/// The total of a reducer.
pub(super) struct Total<T> {
    /// The total of the samples that the caller has received.
    seen: Reduced<T>,
    /// The total that also includes samples that reached the stages since.
    ahead: Option<T>,
    /// The position before which all values are merged already.
    from: u64,
    failed: Option<Error>,
    is_new: bool,
}

impl<T: Default> Default for Total<T> {
    fn default() -> Self {
        let seen = Reduced { value: T::default(), start: 0, end: 0 };
        Self { seen, ahead: None, from: 0, failed: None, is_new: true }
    }
}

impl<T> Total<T> {
    pub(super) fn going_on(saved: Reduced<T>) -> Self {
        let from = saved.end;
        Self { seen: saved, ahead: None, from, failed: None, is_new: false }
    }
}

/// A total with its type hidden.
trait Merge: Any + Send {
    /// Sets the start of the loader; returns the end of the positions merged already.
    fn start_at(&mut self, position: u64) -> u64;
    fn merge(&mut self, position: u64, value: &[u8]);
    /// Copies the total. From now on values merge into the copy, and the caller sees the old total.
    fn go_ahead(&mut self);
    fn received(&mut self, front: u64);
    fn fail(&mut self, position: u64, fault: Fault);
}

impl<T: Reduce> Merge for Total<T> {
    fn start_at(&mut self, position: u64) -> u64 {
        if self.is_new {
            (self.seen.start, self.seen.end, self.from) = (position, position, position);
        }
        self.seen.end
    }

    fn merge(&mut self, position: u64, value: &[u8]) {
        if position < self.from || self.failed.is_some() {
            return;
        }
        let total = self.ahead.as_mut().unwrap_or(&mut self.seen.value);
        if let Err(fault) = merge(total, value) {
            self.fail(position, fault);
        }
    }

    fn go_ahead(&mut self) {
        let copied = caught(|| postcard::from_bytes(&postcard::to_stdvec(&self.seen.value)?));
        let why = match copied {
            Ok(Ok(copy)) => {
                self.ahead = Some(copy);
                return;
            }
            Ok(Err(why)) => why.to_string(),
            Err(fault) => fault.message().to_owned(),
        };
        self.fail(self.seen.end, Fault::new(format!("a reducer cannot be copied: {why}")));
    }

    fn received(&mut self, front: u64) {
        if let Some(ahead) = self.ahead.take() {
            discard(std::mem::replace(&mut self.seen.value, ahead));
        }
        self.seen.end = self.seen.end.max(front);
    }

    fn fail(&mut self, position: u64, fault: Fault) {
        let fault = fault.at("reduce", position);
        self.failed.get_or_insert(Error::Sample { position, fault, attempts: 1 });
    }
}
