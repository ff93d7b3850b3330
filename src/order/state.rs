//! The state of a stream: the place to resume at, and the pipeline.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::description::{hex, shorten};
use super::held;
use super::holding::Origins;
use super::json::{self, Decimal};
use super::source_cursor::SourceCursor;
use crate::error::{Error, Result};

/// The version of the stream: the order, the random numbers, the digest and this format.
const VERSION: u32 = 1;
/// The longest text that [`State::from_json`] reads, in bytes.
const BYTES_MAX: usize = 64 << 20;
/// The length, in bytes, to which [`State::to_json`] shortens the state by shortening the
/// pipeline's text.
const BYTES_GOAL: usize = 500;
/// The number of skipped positions that a state lists; the count includes all of them.
const SKIPS_LISTED: usize = 4;

/// A point of the ordered stream from which the loader can make everything after it again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// The epoch, counted from 0.
    pub epoch: u64,
    /// The first position that the loader has to fill again, counted on through the epochs.
    pub position: u64,
    /// The position before which all errors of samples have been raised, or skipped and counted.
    /// The value is 0 if that follows from `position`.
    pub reported: u64,
    /// All skips that the caller has been told of.
    pub skips: Skips,
    /// The progress of each stage, in the order of the stages.
    pub stages: Vec<Cursor>,
    /// The places where a source without a length is opened again, in rising order.
    pub source: Vec<SourceCursor>,
}

/// The progress of one stage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor {
    /// The stage's counters.
    pub counters: Vec<u64>,
    /// The origins of the inputs that the stage holds back, in the stage's order.
    pub held: Origins,
    /// The number of results to drop if `position` is the one before the oldest input held back.
    pub given: u64,
}

impl Cursor {
    /// Returns the positions behind the inputs that the stage holds back, in the stage's order.
    pub(crate) fn positions(&self) -> Vec<u64> {
        let mut positions = Vec::new();
        held::positions(&self.held.to_vec(), &mut |position| positions.push(position));
        positions
    }
}

/// The number of skipped positions, and the first few of them.
///
/// If workers make batches, each position is a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skips {
    count: u64,
    first: [u64; SKIPS_LISTED],
}

impl Skips {
    /// Counts one more skipped position.
    pub fn add(&mut self, position: u64) {
        if self.count < SKIPS_LISTED as u64 {
            self.first[self.count as usize] = position;
        }
        self.count += 1;
    }

    /// Returns the number of skipped positions.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns `true` if this count and these first positions can all lie before `end`.
    pub(super) fn can_lie_before(&self, end: u64) -> bool {
        let first = self.first();
        let rises = first.windows(2).all(|two| two[0] < two[1]);
        let more = self.count - first.len() as u64;
        rises && first.last().is_none_or(|last| *last < end && more < end - last)
    }

    /// Returns the first skipped positions, at most 4.
    #[must_use]
    pub fn first(&self) -> &[u64] {
        &self.first[..(self.count.min(SKIPS_LISTED as u64)) as usize]
    }
}

/// The state of a stream: what the caller has received, and from which pipeline.
///
/// A state names no worker and no backend, so a checkpoint taken on any backend resumes on any
/// other. The size of a state does not depend on how far the stream is. The base size is at most
/// 500 bytes. Each counter of a stage adds 25 bytes, and each sample that a stage holds back adds a
/// position. A position takes 1.4 bytes among neighbours and 3 to 5 bytes in a shuffle buffer. A
/// [source without a length](crate::iterable) adds its cursors.
///
/// The text form is JSON. All 64-bit numbers are strings, because numbers in JavaScript lose bits
/// beyond 2^53.
///
/// ```
/// use windrow::{Dataset, Loader, State, range};
/// let mut loader = Loader::builder(range(0..100).batch(10)).build()?;
/// let first = loader.next().unwrap()?;
/// let saved = first.state().to_json();
/// let mut again = Loader::builder(range(0..100).batch(10))
///     .resume(&State::from_json(&saved)?)
///     .build()?;
/// assert_eq!(*again.next().unwrap()?, (10..20).collect::<Vec<_>>());
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct State {
    pub(super) mark: Mark,
    pub(super) batches: u64,
    pub(super) epoch_batches: u64,
    pub(super) digest: Option<[u8; 32]>,
    pub(super) fingerprint: Arc<str>,
    pub(super) pipeline: Arc<str>,
}

impl State {
    /// The length, in bytes, of the longest state that [`from_json`](Self::from_json) reads.
    pub const BYTES_MAX: u64 = BYTES_MAX as u64;

    /// Reads a state from JSON.
    ///
    /// # Errors
    /// Returns [`Error::State`] if the text is longer than 64 MiB, is not JSON, or has another
    /// version. The same error reports a missing field or a field of the wrong type.
    pub fn from_json(json: &str) -> Result<Self> {
        let wrong = |why: String| Error::State { why };
        if json.len() > BYTES_MAX {
            return Err(wrong(format!(
                "the text has {} bytes and a state has at most {BYTES_MAX}; check the file name",
                json.len()
            )));
        }
        let value =
            json::value(json).map_err(|error| wrong(format!("the text is not JSON: {error}")))?;
        match value.get("version").map(|version| version.as_u64().ok_or(version)) {
            Some(Ok(version)) if version == u64::from(VERSION) => {}
            Some(Ok(version)) => {
                return Err(wrong(format!(
                    "the state has version {version}; this build of windrow reads version {VERSION}"
                )));
            }
            Some(Err(version)) => {
                return Err(wrong(format!(
                    "the version is {version}; this build of windrow reads version {VERSION}"
                )));
            }
            None => return Err(wrong("the field \"version\" is missing".into())),
        }
        serde_json::from_value(value)
            .map_err(|error| wrong(format!("{error}; give a state that windrow saved")))
    }

    /// Writes the state as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut stored = Stored::from(self.clone());
        let pipeline = std::mem::take(&mut stored.pipeline);
        let fixed = written(&stored).len();
        stored.pipeline = match BYTES_GOAL.checked_sub(fixed) {
            Some(room) if pipeline.len() <= room => pipeline,
            room => shorten(&pipeline, room.unwrap_or(0)),
        };
        written(&stored)
    }

    /// Returns the epoch, counted from 0.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.mark.epoch
    }

    /// Returns the first position that a resumed loader fills again, counted on through the epochs.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.mark.position
    }

    /// Returns the number of batches that the caller has received; errors do not count.
    #[must_use]
    pub fn batches(&self) -> u64 {
        self.batches
    }

    /// Returns the number of these batches that belong to the [`epoch`](Self::epoch).
    #[must_use]
    pub fn epoch_batches(&self) -> u64 {
        self.epoch_batches
    }

    /// Returns the positions skipped so far.
    #[must_use]
    pub fn skips(&self) -> Skips {
        self.mark.skips
    }

    /// Returns the digest of all batches received so far, or `None` if the loader computes no
    /// digest.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.digest
    }

    /// Returns the fingerprint of the pipeline, 16 hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns the pipeline in one line, possibly shortened.
    #[must_use]
    pub fn pipeline(&self) -> &str {
        &self.pipeline
    }
}

fn written(stored: &Stored) -> String {
    serde_json::to_string(stored).expect("numbers and strings always serialise")
}

/// The JSON form of a state.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    position: Decimal,
    batches: Decimal,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    epoch: Option<Epoch>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reported: Option<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skipped: Option<StoredSkips>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stages: Vec<StoredCursor>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    source: Vec<SourceCursor>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    fingerprint: String,
    pipeline: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSkips {
    count: Decimal,
    first: Vec<Decimal>,
}

/// The epoch, and the number of batches that belong to it. The first epoch is left out.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Epoch {
    number: Decimal,
    batches: Decimal,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCursor {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    counters: Vec<Decimal>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    given: Option<Decimal>,
}

impl From<State> for Stored {
    fn from(state: State) -> Self {
        let Mark { epoch, position, reported, skips, stages, source } = state.mark;
        let (number, batches) = (Decimal(epoch), Decimal(state.epoch_batches));
        let numbers = |numbers: &[u64]| numbers.iter().copied().map(Decimal).collect();
        let stored = |cursor: Cursor| StoredCursor {
            counters: numbers(&cursor.counters),
            held: (!cursor.held.is_empty()).then(|| held::write(&cursor.held.to_vec(), position)),
            given: (cursor.given > 0).then_some(Decimal(cursor.given)),
        };
        Self {
            version: VERSION,
            position: Decimal(position),
            batches: Decimal(state.batches),
            epoch: (epoch > 0).then_some(Epoch { number, batches }),
            reported: (reported > 0).then_some(Decimal(reported)),
            skipped: (skips.count > 0).then(|| StoredSkips {
                count: Decimal(skips.count),
                first: numbers(skips.first()),
            }),
            stages: stages.into_iter().map(stored).collect(),
            source,
            digest: state.digest.map(|digest| hex(&digest)),
            fingerprint: state.fingerprint.to_string(),
            pipeline: state.pipeline.to_string(),
        }
    }
}

impl TryFrom<Stored> for State {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let mut skips = Skips::default();
        if let Some(listed) = stored.skipped {
            skips.count = listed.count.0;
            if skips.first().len() != listed.first.len() {
                return Err(format!(
                    "skipped.first has {} positions; expected {}",
                    listed.first.len(),
                    skips.first().len()
                ));
            }
            for (place, position) in skips.first.iter_mut().zip(listed.first) {
                *place = position.0;
            }
        }
        let (position, batches) = (stored.position.0, stored.batches.0);
        let cursor = |(depth, cursor): (usize, StoredCursor)| {
            let held = cursor.held.map(|text| held::read(&text, position, depth));
            Ok::<_, String>(Cursor {
                counters: cursor.counters.into_iter().map(|number| number.0).collect(),
                held: held.transpose()?.into_iter().flatten().collect(),
                given: cursor.given.map_or(0, |given| given.0),
            })
        };
        Ok(Self {
            mark: Mark {
                epoch: stored.epoch.as_ref().map_or(0, |epoch| epoch.number.0),
                position,
                reported: stored.reported.map_or(0, |reported| reported.0),
                skips,
                stages: stored
                    .stages
                    .into_iter()
                    .enumerate()
                    .map(cursor)
                    .collect::<Result<_, _>>()?,
                source: stored.source,
            },
            batches,
            epoch_batches: stored.epoch.map_or(batches, |epoch| epoch.batches.0),
            digest: stored.digest.as_deref().map(unhex).transpose()?,
            fingerprint: stored.fingerprint.into(),
            pipeline: stored.pipeline.into(),
        })
    }
}

fn unhex(text: &str) -> Result<[u8; 32], String> {
    let wrong = || format!("digest {text:?} is not 64 hexadecimal digits");
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let mut bytes = [0; 32];
    for (place, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(digits).map_err(|_| wrong())?;
        *place = u8::from_str_radix(digits, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}
