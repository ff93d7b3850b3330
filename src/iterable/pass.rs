//! One pass over a source without a length: an epoch, or the rest of one.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{EPOCH_LEN, IterableSource};
use crate::dataset::{caught, discard};
use crate::error::{Error, Fault, Result};
use crate::order::{CURSOR_BYTES_MAX, SourceCursor};
use crate::stage::ReadStart;

/// The number of errors in a row after which a pass ends.
const ERRORS_MAX: u32 = 1000;

/// What a pass read.
pub(super) enum Read<T> {
    /// The sample at a position, or why the source has none there; `None` for a sample that no
    /// worker needs. The cursor is the one right after the sample.
    Sample(u64, Option<Result<T, Fault>>, Option<Arc<str>>),
    /// The end of the epoch, or the error that ends the stream.
    End(Option<Error>),
}

/// A pass over a source.
pub(super) struct Pass<S: IterableSource> {
    iter: Option<S::Iter>,
    epoch: u64,
    /// The position of the next sample.
    next: u64,
    /// The position from which on all samples are needed.
    resume: u64,
    held: VecDeque<u64>,
    places: VecDeque<SourceCursor>,
    errors: u32,
}

impl<S: IterableSource> Pass<S> {
    /// Prepares a pass, without opening the source.
    pub(super) fn new(start: ReadStart) -> Self {
        let ReadStart { epoch, position, held, places } = start;
        Self {
            iter: None,
            epoch,
            next: epoch.saturating_mul(EPOCH_LEN),
            resume: position,
            held: held.into(),
            places: places.into(),
            errors: 0,
        }
    }

    /// Returns the first position that the pass reads, unless the source fails.
    pub(super) fn first(&self) -> u64 {
        let needed = self.needed();
        let place = self.places.iter().rev().find(|place| place.position <= needed);
        place.map_or(self.next, |place| place.position)
    }

    /// Reads the next sample. A panic of the source is an error that ends the pass.
    pub(super) fn next(&mut self, source: &S) -> Read<S::Sample> {
        match caught(|| self.step(source)) {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => Read::End(Some(error)),
            Err(fault) => Read::End(Some(self.failed(source, fault))),
        }
    }

    fn step(&mut self, source: &S) -> Result<Read<S::Sample>> {
        self.open(source)?;
        let Some(item) = self.iter.as_mut().and_then(Iterator::next) else {
            return self.ended().map(|()| Read::End(None));
        };
        let offset = self.next - self.epoch.saturating_mul(EPOCH_LEN);
        if offset == EPOCH_LEN - 1 {
            let why = "an epoch of a source without a length ends before sample 2^44";
            return Err(self.failed(source, Fault::new(why)));
        }
        let position = self.next;
        let (sample, cursor) = match item {
            Ok((sample, cursor)) => {
                self.errors = 0;
                let cursor = cursor.map(|cursor| text_of(&cursor)).transpose();
                (Ok(sample), cursor.map_err(|fault| self.failed(source, fault))?)
            }
            Err(error) => {
                self.errors += 1;
                let fault = Fault::other(error);
                if self.errors > ERRORS_MAX {
                    let why = format!("{ERRORS_MAX} errors in a row, the last one: {fault}");
                    return Err(self.failed(source, Fault::new(why)));
                }
                (Err(fault.at(source.op().name().to_owned(), offset)), None)
            }
        };
        self.next += 1;
        if self.needed() == position {
            self.held.pop_front();
        } else if position < self.resume {
            discard(sample);
            return Ok(Read::Sample(position, None, cursor));
        }
        Ok(Read::Sample(position, Some(sample), cursor))
    }

    /// Returns the next position whose sample a worker needs.
    fn needed(&self) -> u64 {
        self.held.front().copied().unwrap_or(self.resume)
    }

    /// Opens the source at the last place before the next needed position, if that place is ahead.
    fn open(&mut self, source: &S) -> Result<()> {
        let needed = self.needed();
        let count = self.places.partition_point(|place| place.position <= needed);
        let place = self.places.drain(..count).next_back();
        if self.iter.is_some() && place.as_ref().is_none_or(|place| place.position <= self.next) {
            return Ok(());
        }
        let cursor = place.as_ref().map(|place| cursor_of::<S>(&place.cursor)).transpose()?;
        if let Some(place) = place {
            self.next = place.position;
        }
        discard(self.iter.take());
        let opened = source.open(self.epoch, cursor);
        let opened = opened.map_err(|error| {
            let fault: Fault = Fault::other(error);
            self.failed(source, Fault::new(format!("cannot be opened: {fault}")))
        });
        self.iter = Some(opened?);
        Ok(())
    }

    /// Returns an error if the source ended before the place of the state.
    fn ended(&self) -> Result<()> {
        if self.next >= self.resume && self.held.is_empty() {
            return Ok(());
        }
        let why = format!(
            "the source ended at position {}, before position {} of the state; resume with the source that the state was saved with",
            self.next, self.resume
        );
        Err(Error::State { why })
    }

    /// Returns the error that ends the pass at the next position.
    fn failed(&self, source: &S, fault: Fault) -> Error {
        let offset = self.next - self.epoch.saturating_mul(EPOCH_LEN);
        let fault = fault.at(source.op().name().to_owned(), offset);
        Error::Sample { position: self.next, fault, attempts: 1 }
    }
}

/// Returns the text of a cursor.
fn text_of(cursor: &impl serde::Serialize) -> Result<Arc<str>, Fault> {
    let text = serde_json::to_string(cursor)
        .map_err(|error| Fault::new(format!("the cursor cannot be saved: {error}")))?;
    let len = text.len() as u64;
    if len > CURSOR_BYTES_MAX {
        let why = format!("the cursor has {len} bytes as JSON; at most {CURSOR_BYTES_MAX} fit");
        return Err(Fault::new(why));
    }
    Ok(text.into())
}

/// Reads the text of a cursor of this source.
pub(super) fn cursor_of<S: IterableSource>(text: &str) -> Result<S::Cursor> {
    serde_json::from_str(text).map_err(|error| Error::State {
        why: format!("it has a cursor that is none of this source: {error}"),
    })
}
