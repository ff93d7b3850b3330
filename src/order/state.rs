//! The state of a stream: where to go on, and for which pipeline.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::description::{hex, shorten};
use crate::error::{Error, Result};

/// The version of the stream: of the order, the random numbers, the digest and this format.
const VERSION: u32 = 1;
/// The longest text that is read as a state, in bytes.
const BYTES_MAX: usize = 64 << 10;
/// The length that [`State::to_json`] keeps to, in bytes, by shortening the pipeline's text.
const BYTES_GOAL: usize = 500;
/// How many skipped positions a state lists; all of them are counted.
const SKIPS_LISTED: usize = 4;

/// A point of the ordered stream from which everything after it can be made again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mark {
    /// The first position that has to be filled again.
    pub position: u64,
    /// Errors of samples before this position have been raised, or skipped and counted; 0 where
    /// that follows from `position`.
    pub reported: u64,
    /// All that the caller knows to be skipped.
    pub skips: Skips,
    /// The cursor of each stage, in the stages' order.
    pub cursors: Vec<Vec<u64>>,
}

/// How many samples were skipped, and the first few of their positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skips {
    count: u64,
    first: [u64; SKIPS_LISTED],
}

impl Skips {
    /// Counts one more.
    pub fn add(&mut self, position: u64) {
        if self.count < SKIPS_LISTED as u64 {
            self.first[self.count as usize] = position;
        }
        self.count += 1;
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Whether so many, first at these positions, can have been skipped before `end`.
    pub(super) fn can_lie_before(&self, end: u64) -> bool {
        let first = self.first();
        let rises = first.windows(2).all(|two| two[0] < two[1]);
        let more = self.count - first.len() as u64;
        rises && first.last().is_none_or(|last| *last < end && more < end - last)
    }

    /// The first positions, at most 4.
    #[must_use]
    pub fn first(&self) -> &[u64] {
        &self.first[..(self.count.min(SKIPS_LISTED as u64)) as usize]
    }
}

/// Where a stream stands: what the caller has received, and of which pipeline.
///
/// It names no worker and no backend, so a checkpoint taken with any of them resumes with any
/// other. It is small however far the stream is: at most 500 bytes for a batch and a limit, and up
/// to 25 for each number that a further stage keeps. Written as JSON, with every 64-bit number as a string, since JavaScript's numbers lose bits
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
    pub(super) digest: Option<[u8; 32]>,
    pub(super) fingerprint: Arc<str>,
    pub(super) pipeline: Arc<str>,
}

impl State {
    /// Reads a state from JSON.
    ///
    /// # Errors
    /// [`Error::State`] when the text is longer than 64 KiB, is not JSON, lacks a field, has one
    /// of the wrong kind, or is of another version.
    pub fn from_json(json: &str) -> Result<Self> {
        let wrong = |why: String| Error::State { why };
        if json.len() > BYTES_MAX {
            return Err(wrong(format!(
                "it has {} bytes and a state has at most {BYTES_MAX}; is this the right file?",
                json.len()
            )));
        }
        let value: serde_json::Value = serde_json::from_str(json)
            .map_err(|error| wrong(format!("it is not JSON: {error}")))?;
        match value.get("version").map(|version| version.as_u64().ok_or(version)) {
            Some(Ok(version)) if version == u64::from(VERSION) => {}
            Some(Ok(version)) => {
                return Err(wrong(format!(
                    "it is of version {version} and this build reads version {VERSION}"
                )));
            }
            Some(Err(version)) => return Err(wrong(format!("its version is {version}"))),
            None => return Err(wrong("it has no version".into())),
        }
        serde_json::from_value(value).map_err(|error| wrong(error.to_string()))
    }

    /// Writes the state as one line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut stored = Stored::from(self.clone());
        let pipeline = std::mem::take(&mut stored.pipeline);
        let fixed = json(&stored).len();
        stored.pipeline = match BYTES_GOAL.checked_sub(fixed) {
            Some(room) if pipeline.len() <= room => pipeline,
            room => shorten(&pipeline, room.unwrap_or(0)),
        };
        json(&stored)
    }

    /// The first position that has to be filled again on resuming.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.mark.position
    }

    /// How many batches the caller had received, errors not counted.
    #[must_use]
    pub fn batches(&self) -> u64 {
        self.batches
    }

    /// What had been skipped.
    #[must_use]
    pub fn skips(&self) -> Skips {
        self.mark.skips
    }

    /// The digest of all batches received so far, where the loader keeps one.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.digest
    }

    /// The fingerprint of the pipeline, 16 hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The pipeline in one line, possibly shortened.
    #[must_use]
    pub fn pipeline(&self) -> &str {
        &self.pipeline
    }
}

fn json(stored: &Stored) -> String {
    serde_json::to_string(stored).expect("numbers and strings always serialise")
}

/// The JSON form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    position: Number,
    batches: Number,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reported: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skipped: Option<StoredSkips>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cursors: Vec<Vec<Number>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    fingerprint: String,
    pipeline: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSkips {
    count: Number,
    first: Vec<Number>,
}

/// A 64-bit number that is a string in JSON.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Number(u64);

impl From<Number> for String {
    fn from(number: Number) -> Self {
        number.0.to_string()
    }
}

impl TryFrom<String> for Number {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse() {
            Ok(number) if text == u64::to_string(&number) => Ok(Self(number)),
            _ => Err(format!("{text:?} is not a number from 0 to 2^64 - 1 in decimal digits")),
        }
    }
}

impl From<State> for Stored {
    fn from(state: State) -> Self {
        let skips = state.mark.skips;
        Self {
            version: VERSION,
            position: Number(state.mark.position),
            batches: Number(state.batches),
            reported: (state.mark.reported > 0).then_some(Number(state.mark.reported)),
            skipped: (skips.count > 0).then(|| StoredSkips {
                count: Number(skips.count),
                first: skips.first().iter().copied().map(Number).collect(),
            }),
            cursors: state
                .mark
                .cursors
                .into_iter()
                .map(|cursor| cursor.into_iter().map(Number).collect())
                .collect(),
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
                    "skipped.first lists {} positions where {} belong",
                    listed.first.len(),
                    skips.first().len()
                ));
            }
            for (place, position) in skips.first.iter_mut().zip(listed.first) {
                *place = position.0;
            }
        }
        let cursors = stored.cursors.into_iter();
        Ok(Self {
            mark: Mark {
                position: stored.position.0,
                reported: stored.reported.map_or(0, |reported| reported.0),
                skips,
                cursors: cursors.map(|c| c.into_iter().map(|n| n.0).collect()).collect(),
            },
            batches: stored.batches.0,
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
