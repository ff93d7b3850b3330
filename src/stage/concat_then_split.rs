//! `concat_then_split`: sequences joined one after another, and cut into rows of a fixed length.

use std::collections::VecDeque;

use super::pack::not_empty;
use super::{Held, Stage};
use crate::dataset::{ElementSpec, Pack, Segment, caught};
use crate::error::{Error, Fault, Result};
use crate::order::Op;

/// A stage that joins sequences and cuts them into rows: see
/// [`Ordered::concat_then_split`](super::Ordered::concat_then_split).
#[derive(Debug)]
pub struct ConcatThenSplit<T, P> {
    pack: P,
    length: u64,
    drop_remainder: bool,
    /// The samples that are not wholly in rows yet, with the inputs' numbers and their lengths.
    held: VecDeque<(u64, T, u64)>,
    /// The number of elements of the first held sample that are in rows.
    cut: u64,
    /// The cut of a state, until the samples are there.
    restored: u64,
    /// The number of elements that are held and not in rows.
    left: u64,
    /// Whether no more inputs come.
    ended: bool,
    pushed: u64,
    /// The inputs of the last row, and the place in the first of them where the row begins.
    last: (Vec<u64>, u64),
}

impl<T, P: Pack<T>> ConcatThenSplit<T, P> {
    /// Creates a stage that cuts samples wherever a row is full.
    #[must_use]
    pub fn new(pack: P) -> Self {
        let length = pack.room().first().map_or(1, |length| (*length).max(1));
        Self {
            pack,
            length,
            drop_remainder: false,
            held: VecDeque::new(),
            cut: 0,
            restored: 0,
            left: 0,
            ended: false,
            pushed: 0,
            last: (Vec::new(), 0),
        }
    }

    /// Drops the last row if it would have padding.
    #[must_use]
    pub fn drop_remainder(self) -> Self {
        Self { drop_remainder: true, ..self }
    }

    /// Returns the one length of a sample's packed fields.
    fn length_of(&self, sample: &T) -> Result<u64, Fault> {
        let lengths = self.pack.lengths(sample)?;
        not_empty(&lengths)?;
        let first = lengths.first().copied().unwrap_or_default();
        match (0..).zip(&lengths).find(|(_, length)| **length != first) {
            None => Ok(first),
            Some((number, length)) => Err(Fault::new(format!(
                "its field {:?} has {length} elements, and {:?} has {first}; concat_then_split \
                 needs fields of one length",
                self.pack.field(number).unwrap_or_default(),
                self.pack.field(0).unwrap_or_default(),
            ))),
        }
    }

    /// Makes the next row of the elements that are held.
    fn row(&mut self) -> Result<P::Row, Fault> {
        let wanted = self.left.min(self.length);
        self.left -= wanted;
        let held = self.held.iter().map(|(_, sample, length)| (sample, *length));
        let (parts, whole, start) = cut(held, self.cut, wanted);
        let made_of = self.held.iter().take(parts.len());
        self.last = (made_of.map(|(number, ..)| *number).collect(), self.cut);
        // A panic must not leave the elements of this row for the next one.
        let row = caught(|| self.pack.pack(&parts)).unwrap_or_else(Err);
        drop(parts);
        self.held.drain(..whole);
        self.cut = start;
        row
    }
}

/// Returns the parts of samples with these lengths that make `wanted` elements, from place `start` of
/// the first sample on. Also returns how many samples the parts end, and the place after them in the
/// next sample.
fn cut<'a, T: 'a>(
    samples: impl Iterator<Item = (&'a T, u64)>,
    mut start: u64,
    mut wanted: u64,
) -> (Vec<Segment<'a, T>>, usize, u64) {
    let (mut parts, mut whole) = (Vec::new(), 0);
    for (sample, length) in samples {
        let end = start + wanted.min(length - start);
        wanted -= end - start;
        parts.push(Segment { sample, range: start..end });
        if end < length {
            return (parts, whole, end);
        }
        (whole, start) = (whole + 1, 0);
        if wanted == 0 {
            break;
        }
    }
    (parts, whole, start)
}

impl<T, P: Pack<T>> Stage<T> for ConcatThenSplit<T, P> {
    type Out = P::Row;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        let number = self.pushed;
        self.pushed += 1;
        let length = self.length_of(&sample)?;
        let too_many = || Fault::new("the lengths of the samples held add up to more than 2^64");
        self.left = self.left.checked_add(length).ok_or_else(too_many)?;
        self.held.push_back((number, sample, length));
        Ok(())
    }

    fn pop(&mut self) -> Option<P::Row> {
        self.try_pop()?.ok()
    }

    fn try_pop(&mut self) -> Option<Result<P::Row, Fault>> {
        let has_row = self.left >= self.length || (self.ended && self.left > 0);
        has_row.then(|| self.row())
    }

    fn finish(&mut self) -> Result<(), Fault> {
        if self.drop_remainder {
            self.held.clear();
            (self.cut, self.left) = (0, 0);
        }
        self.ended = true;
        Ok(())
    }

    fn is_clean(&self) -> bool {
        self.held.is_empty()
    }

    fn reset(&mut self, _: u64) {
        self.held.clear();
        (self.cut, self.left, self.ended, self.pushed) = (0, 0, false, 0);
    }

    fn counters(&self) -> Vec<u64> {
        vec![self.cut]
    }

    fn restore(&mut self, counters: &[u64]) -> Option<()> {
        let &[cut] = counters else { return None };
        self.restored = cut;
        Some(())
    }

    fn tracks(&self) -> bool {
        true
    }

    fn held(&self) -> Held {
        self.held.iter().map(|(number, ..)| *number).collect()
    }

    fn take_back(&mut self, inputs: Vec<T>) -> Option<()> {
        self.pushed = inputs.len() as u64;
        for (number, sample) in (0..).zip(inputs) {
            let length = self.length_of(&sample).ok()?;
            self.left = self.left.checked_add(length)?;
            self.held.push_back((number, sample, length));
        }
        self.cut = std::mem::take(&mut self.restored);
        self.left = self.left.checked_sub(self.cut)?;
        let first = self.held.front().map_or(1, |(_, _, length)| *length);
        (self.cut < first).then_some(())
    }

    fn made_of(&self) -> Vec<u64> {
        self.last.0.clone()
    }

    /// Returns the place in its first sample where the last row begins.
    fn number(&self) -> u64 {
        self.last.1
    }

    fn remake_numbers(&self, inputs: Vec<T>, starts: &[u64]) -> Result<Vec<P::Row>, Fault> {
        let lengths = inputs.iter().map(|sample| self.length_of(sample));
        let lengths = lengths.collect::<Result<Vec<_>, _>>()?;
        let row = |start: &u64| {
            let samples = inputs.iter().zip(lengths.iter().copied());
            let parts = match lengths.first() {
                Some(first) if start < first => cut(samples, *start, self.length).0,
                _ => Vec::new(),
            };
            if parts.len() == inputs.len() && !parts.is_empty() {
                return self.pack.pack(&parts);
            }
            let count = inputs.len();
            Err(Fault::new(format!("no row begins at {start} and is made of {count} samples")))
        };
        starts.iter().map(row).collect()
    }

    fn element_spec(&self, inputs: &ElementSpec) -> Result<ElementSpec, String> {
        self.pack.element_spec(inputs)
    }

    fn op(&self) -> Op {
        let op = Op::new("concat_then_split").with("drop_remainder", self.drop_remainder);
        self.pack.describe(op)
    }

    fn check(&self) -> Result<()> {
        self.pack.check()?;
        let room = self.pack.room();
        if room.iter().all(|length| *length == self.length) {
            return Ok(());
        }
        let allowed = "one length for all fields".to_owned();
        let (name, value) = ("concat_then_split.lengths".into(), format!("{room:?}"));
        Err(Error::Setting { name, value, allowed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{PackBy, Segment};

    #[test]
    fn a_cut_outside_the_first_sample_is_refused() {
        let taken = |cut: u64, lengths: &[u64]| {
            let rows = |segments: &[Segment<'_, u64>]| Ok::<_, Fault>(segments.len());
            let mut stage = ConcatThenSplit::new(PackBy::new(5, |length: &u64| *length, rows));
            stage.restore(&[cut])?;
            stage.take_back(lengths.to_vec())?;
            assert_eq!(stage.counters(), [cut]);
            Some(())
        };
        assert_eq!((taken(0, &[]), taken(2, &[3, 9])), (Some(()), Some(())));
        assert_eq!((taken(3, &[3, 9]), taken(1, &[]), taken(0, &[0])), (None, None, None));
        assert_eq!(taken(0, &[u64::MAX, 1]), None);
    }
}
