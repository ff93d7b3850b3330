//! `pack`: whole sequences packed into rows of a fixed length.

use serde::{Deserialize, Serialize};

use super::{Held, Stage};
use crate::dataset::{ElementSpec, Pack, Segment, caught};
use crate::error::{Error, Fault, Result};
use crate::order::Op;

/// The largest number of open rows.
const OPEN_MAX: u64 = 1024;

/// The open row that takes a sample, if several have room for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Fit {
    /// The row that was opened first.
    #[default]
    First,
    /// The row with the fewest elements left, and of those the one that was opened first.
    Best,
}

/// A stage that packs whole sequences into rows: see [`Ordered::pack`](super::Ordered::pack).
#[derive(Debug)]
pub struct Packing<T, P: Pack<T>> {
    fit: Fit,
    open_max: u64,
    pack: P,
    room: Vec<u64>,
    /// The open rows, in the order in which they were opened.
    open: Vec<Row<T>>,
    ready: Option<P::Row>,
    /// The number of inputs so far. `last` has the inputs in the last row.
    pushed: u64,
    last: Vec<u64>,
    /// The number of samples in each open row of a state, until the samples are there.
    restored: Vec<u64>,
}

/// The samples of an open row.
#[derive(Debug)]
struct Row<T> {
    /// The number of each input, the sample, and the length of the sample's longest field.
    samples: Vec<(u64, T, u64)>,
    /// The number of elements that are left, for each field.
    left: Vec<u64>,
}

impl<T> Row<T> {
    fn has_room_for(&self, lengths: &[u64]) -> bool {
        self.left.iter().zip(lengths).all(|(left, length)| length <= left)
    }

    fn is_full(&self) -> bool {
        self.left.iter().all(|left| *left == 0)
    }

    fn elements_left(&self) -> u64 {
        self.left.iter().fold(0, |sum, left| sum.saturating_add(*left))
    }

    fn push(&mut self, number: u64, sample: T, lengths: &[u64]) {
        self.left.iter_mut().zip(lengths).for_each(|(left, length)| *left -= length);
        self.samples.push((number, sample, longest(lengths)));
    }
}

impl<T, P: Pack<T>> Packing<T, P> {
    /// Creates a stage for rows of whole samples, with at most `open` rows open at a time.
    #[must_use]
    pub fn new(fit: Fit, open: u64, pack: P) -> Self {
        let room = pack.room();
        Self {
            fit,
            open_max: open,
            pack,
            room,
            open: Vec::new(),
            ready: None,
            pushed: 0,
            last: Vec::new(),
            restored: Vec::new(),
        }
    }

    /// Returns the lengths of a sample that fits into a row.
    fn lengths(&self, sample: &T) -> Result<Vec<u64>, Fault> {
        let lengths = self.pack.lengths(sample)?;
        for (number, (length, room)) in (0..).zip(lengths.iter().zip(&self.room)) {
            if length > room {
                let field = self.pack.field(number);
                let field = field.map(|name| format!(" of {name:?}")).unwrap_or_default();
                return Err(Fault::new(format!(
                    "it has {length} elements{field}, more than the {room} of a row; shorten it \
                     first, or use concat_then_split"
                )));
            }
        }
        not_empty(&lengths)?;
        Ok(lengths)
    }

    /// Returns the open row for a sample.
    fn row_for(&self, lengths: &[u64]) -> Option<usize> {
        let mut rows = self.open.iter().enumerate().filter(|(_, row)| row.has_room_for(lengths));
        let row = match self.fit {
            Fit::First => rows.next(),
            Fit::Best => rows.min_by_key(|(_, row)| row.elements_left()),
        };
        row.map(|(place, _)| place)
    }

    fn open_row(&mut self) -> usize {
        self.open.push(Row { samples: Vec::new(), left: self.room.clone() });
        self.open.len() - 1
    }

    fn close(&mut self, place: usize) -> Result<(), Fault> {
        let row = self.open.remove(place);
        self.last = row.samples.iter().map(|(number, ..)| *number).collect();
        self.ready = Some(self.row(row.samples.iter().map(|(_, sample, end)| (sample, *end)))?);
        Ok(())
    }

    fn row<'a>(&self, samples: impl Iterator<Item = (&'a T, u64)>) -> Result<P::Row, Fault>
    where
        T: 'a,
    {
        let parts: Vec<_> =
            samples.map(|(sample, end)| Segment { sample, range: 0..end }).collect();
        // A panic must not lose the sample that is pushed, which stays for its own row.
        caught(|| self.pack.pack(&parts)).unwrap_or_else(Err)
    }
}

impl<T, P: Pack<T>> Stage<T> for Packing<T, P> {
    type Out = P::Row;

    fn push(&mut self, sample: T) -> Result<(), Fault> {
        let number = self.pushed;
        self.pushed += 1;
        let lengths = self.lengths(&sample)?;
        // A row that the sample before this one filled may still be open, and no other one is full.
        let full = self.open.iter().position(Row::is_full);
        let mut closed = full.map_or(Ok(()), |place| self.close(place));
        let mut closes = full.is_some();
        let place = match self.row_for(&lengths) {
            Some(place) => place,
            None => {
                if self.open.len() as u64 >= self.open_max {
                    let fullest = self.open.iter().enumerate();
                    let fullest = fullest.min_by_key(|(_, row)| row.elements_left());
                    if let Some((place, _)) = fullest {
                        (closed, closes) = (self.close(place), true);
                    }
                }
                self.open_row()
            }
        };
        self.open[place].push(number, sample, &lengths);
        if !closes && self.open[place].is_full() {
            closed = self.close(place);
        }
        closed
    }

    fn pop(&mut self) -> Option<P::Row> {
        self.ready.take()
    }

    fn finish(&mut self) -> Result<(), Fault> {
        if self.open.is_empty() { Ok(()) } else { self.close(0) }
    }

    fn is_clean(&self) -> bool {
        self.open.is_empty() && self.ready.is_none()
    }

    fn reset(&mut self, _: u64) {
        self.open.clear();
        (self.ready, self.pushed) = (None, 0);
    }

    fn counters(&self) -> Vec<u64> {
        self.open.iter().map(|row| row.samples.len() as u64).collect()
    }

    fn restore(&mut self, counters: &[u64]) -> Option<()> {
        self.restored = counters.to_vec();
        (counters.len() as u64 <= self.open_max).then_some(())
    }

    fn results_of(&self, inputs: u64) -> Option<u64> {
        let held = self.restored.iter().try_fold(0u64, |sum, count| sum.checked_add(*count))?;
        (held <= inputs).then_some(inputs)
    }

    fn tracks(&self) -> bool {
        true
    }

    fn held(&self) -> Held {
        self.open.iter().flat_map(|row| &row.samples).map(|(number, ..)| *number).collect()
    }

    fn take_back(&mut self, inputs: Vec<T>) -> Option<()> {
        self.pushed = inputs.len() as u64;
        let mut inputs = (0..).zip(inputs);
        for count in std::mem::take(&mut self.restored) {
            let place = self.open_row();
            for _ in 0..count {
                let (number, sample) = inputs.next()?;
                let lengths = self.lengths(&sample).ok()?;
                if !self.open[place].has_room_for(&lengths) {
                    return None;
                }
                self.open[place].push(number, sample, &lengths);
            }
            (count > 0).then_some(())?;
        }
        inputs.next().is_none().then_some(())
    }

    fn made_of(&self) -> Vec<u64> {
        self.last.clone()
    }

    fn remake(&self, inputs: Vec<T>) -> Result<P::Row, Fault> {
        let mut row = Row { samples: Vec::new(), left: self.room.clone() };
        for sample in inputs {
            let lengths = self.lengths(&sample)?;
            if !row.has_room_for(&lengths) {
                return Err(Fault::new("the samples do not fit into one row"));
            }
            row.push(0, sample, &lengths);
        }
        self.row(row.samples.iter().map(|(_, sample, end)| (sample, *end)))
    }

    fn element_spec(&self, inputs: &ElementSpec) -> Result<ElementSpec, String> {
        self.pack.element_spec(inputs)
    }

    fn op(&self) -> Op {
        let fit = match self.fit {
            Fit::First => "first",
            Fit::Best => "best",
        };
        self.pack.describe(Op::new("pack").with("fit", fit).with("open", self.open_max))
    }

    fn check(&self) -> Result<()> {
        self.pack.check()?;
        if (1..=OPEN_MAX).contains(&self.open_max) {
            return Ok(());
        }
        let (value, allowed) = (self.open_max.to_string(), format!("1 to {OPEN_MAX} open rows"));
        Err(Error::Setting { name: "pack.open".into(), value, allowed })
    }
}

fn longest(lengths: &[u64]) -> u64 {
    lengths.iter().copied().max().unwrap_or_default()
}

/// Returns a fault for a sample without elements, since no row would have it as a segment.
pub(super) fn not_empty(lengths: &[u64]) -> Result<(), Fault> {
    if longest(lengths) > 0 {
        return Ok(());
    }
    Err(Fault::new("it has no elements to pack; filter such samples out first"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{PackBy, Segment};

    fn packing() -> impl Stage<Vec<u8>, Out = usize> {
        let rows = |segments: &[Segment<'_, Vec<u8>>]| Ok::<_, Fault>(segments.len());
        Packing::new(Fit::First, 2, PackBy::new(5, |sample: &Vec<u8>| sample.len() as u64, rows))
    }

    #[test]
    fn rows_of_a_state_that_cannot_be_are_refused() {
        let taken = |counters: &[u64], lengths: &[usize]| {
            let mut packing = packing();
            packing.restore(counters)?;
            packing.results_of(lengths.len() as u64)?;
            packing.take_back(lengths.iter().map(|length| vec![0; *length]).collect())?;
            assert_eq!(packing.counters(), counters);
            Some(())
        };
        assert_eq!(taken(&[1, 2], &[5, 1, 3]), Some(()));
        assert_eq!(taken(&[], &[]), Some(()));
        for counters in [&[1][..], &[1, 1], &[2, 2], &[2, 1], &[1, 2, 0], &[3, 0], &[u64::MAX, 4]] {
            assert_eq!(taken(counters, &[5, 1, 3]), None, "{counters:?}");
        }
        assert_eq!(taken(&[1], &[6]), None, "longer than a row");
        assert_eq!(taken(&[1], &[0]), None, "without elements");
        assert_eq!(taken(&[0, 1], &[5]), None, "an empty row");
    }
}
