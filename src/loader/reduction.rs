//! Merging what positions added to reducers, as the caller receives what was made of them.
//!
//! Positions go to the stages before the caller receives anything made of them. So what they added
//! waits, as it came, and is merged when the caller has received. When that is long in coming, it is
//! merged into a copy of what the caller sees, so that no more than a bound of it is kept.

use std::any::Any;
use std::ops::{Deref, Range};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::backend::beside::Additions;
use crate::dataset::reduce::{Key, Reduce, parts};
use crate::dataset::{caught, discard};
use crate::error::{Error, Fault, Result};

/// The most reducers that a loader collects.
const REDUCERS_MAX: usize = 64;
/// The longest name of one.
const NAME_MAX: usize = 200;
/// What may wait to be merged, in bytes, with the places that hold it.
const WAITING_MAX: usize = 1 << 20;
const PLACE_BYTES: usize = 64;

/// What came of a reducer, and of which positions: see [`Loader::reduced`](super::Loader::reduced).
///
/// It derefs to the value. It can be saved beside a state, and given to
/// [`LoaderBuilder::reduce_from`](super::LoaderBuilder::reduce_from) when the loader resumes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduced<T> {
    value: T,
    start: u64,
    end: u64,
}

impl<T> Reduced<T> {
    /// The positions that were merged, those that added nothing or were left out by a limit included.
    #[must_use]
    pub fn positions(&self) -> Range<u64> {
        self.start..self.end
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &T {
        &self.value
    }

    /// The value alone.
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
    /// What positions added that went to the stages, in order.
    waiting: Vec<(u64, Vec<u8>)>,
    waiting_bytes: usize,
    /// Whether the slots are ahead of what the caller sees.
    ahead: bool,
    /// All positions before this one went to the stages.
    front: u64,
}

/// One reducer, and what came of it.
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
    /// Checks the reducers of a loader that starts at a position; none where it has none.
    pub(super) fn new(mut slots: Vec<Slot>, start: u64) -> Result<Option<Self>> {
        let wrong = |value: String, allowed: &str| {
            Err(Error::Setting { name: "reduce".into(), value, allowed: allowed.into() })
        };
        if slots.len() > REDUCERS_MAX {
            return wrong(format!("{} reducers", slots.len()), "64");
        }
        for (number, Slot { key, .. }) in slots.iter().enumerate() {
            let name = &key.name;
            if !(1..=NAME_MAX).contains(&name.len()) {
                return wrong(format!("{name:?}"), "a name of 1 to 200 bytes");
            }
            if slots[..number].iter().any(|other| other.key.name == *name) {
                return wrong(format!("{name:?} twice"), "a name of its own for each reducer");
            }
        }
        for slot in &mut slots {
            let end = slot.total.start_at(start);
            if end < start {
                let name = &slot.key.name;
                return wrong(
                    format!("{name:?} from positions before {end}"),
                    &format!(
                        "what was reduced up to position {start} at least, where the loader starts: \
                         save it together with the state"
                    ),
                );
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

    /// Where samples put what they add.
    pub(super) fn additions(&self) -> Arc<Additions> {
        self.additions.clone()
    }

    /// Takes what a position added that goes to the stages now. It counts unless the sample failed.
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

    /// The positions before this one that did not go to the stages never will.
    pub(super) fn skip_to(&mut self, position: u64) {
        self.front = position;
    }

    /// The caller receives what was made of the positions that went to the stages.
    pub(super) fn received(&mut self) {
        self.merge_waiting();
        self.ahead = false;
        for slot in &mut self.slots {
            slot.total.received(self.front);
        }
    }

    /// What the caller sees of a reducer; none if it is not one of these.
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

/// What came of a reducer.
pub(super) struct Total<T> {
    /// Of what the caller has received.
    seen: Reduced<T>,
    /// With what went to the stages since.
    ahead: Option<T>,
    /// Positions before this one are merged already.
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
    /// Says where the loader starts; gives the end of what is merged already.
    fn start_at(&mut self, position: u64) -> u64;
    fn merge(&mut self, position: u64, value: &[u8]);
    /// From now on the caller sees a copy.
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
        let merged = caught(|| {
            let (later, rest) = postcard::take_from_bytes(value)?;
            if !rest.is_empty() {
                return Err(postcard::Error::DeserializeBadEncoding);
            }
            total.merge(later);
            Ok(())
        });
        match merged {
            Ok(Ok(())) => {}
            Ok(Err(why)) => {
                let why = format!("what it added to a reducer cannot be decoded: {why}");
                self.fail(position, Fault::new(why));
            }
            Err(fault) => self.fail(position, fault),
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
