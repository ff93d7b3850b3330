//! The state of several loaders that run side by side.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LoaderBuilder;
use super::builder::setters;
use crate::backend::log;
use crate::error::{Error, Result};
use crate::order::{State, json};
use crate::stage::Pipeline;

/// The version of the order of streams, and of this format.
const VERSION: u32 = 1;
/// The most streams, and the longest name of one, in bytes.
pub(super) const STREAMS_MAX: usize = 1024;
pub(super) const NAME_BYTES_MAX: usize = 255;

/// The state of several streams: what the caller has received of each.
///
/// [`MixStreams`](super::MixStreams) and [`ZipStreams`](super::ZipStreams) give and take this state.
/// The state names no worker and no backend. The state has a [`State`] of each stream, and the weights of a
/// mix. The text form is JSON, as that of a `State`.
///
/// ```
/// use windrow::loader::{MixStreams, StreamsState};
/// use windrow::{Dataset, Loader, range};
/// let make = |saved: Option<&StreamsState>| {
///     MixStreams::builder()
///         .stream("a", 1, |state| Loader::builder(range(0..6)).resume_if(state).build())
///         .stream("b", 2, |state| Loader::builder(range(10..20)).resume_if(state).build())
///         .resume_if(saved)
///         .build()
/// };
/// let mut mixed = make(None)?;
/// assert_eq!(*mixed.next().unwrap()?, 10);
/// let saved: String = mixed.state().to_json();
/// let again = make(Some(&StreamsState::from_json(&saved)?))?;
/// assert!(again.map(|x| *x.unwrap()).eq(mixed.map(|x| *x.unwrap())));
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamsState {
    pub(super) kind: Kind,
    pub(super) streams: Vec<StreamState>,
}

/// What runs the streams side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    MixStreams,
    ZipStreams,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::MixStreams => "mix_streams",
            Self::ZipStreams => "zip_streams",
        }
    }
}

/// The place of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StreamState {
    pub(super) name: Arc<str>,
    pub(super) weight: u64,
    /// The number of batches since the names and weights were last changed.
    pub(super) taken: u64,
    pub(super) state: State,
}

impl StreamsState {
    /// The length, in bytes, of the longest state that [`from_json`](Self::from_json) reads: 1 GiB.
    pub const BYTES_MAX: u64 = 16 * State::BYTES_MAX;

    /// Reads a state from JSON.
    ///
    /// # Errors
    /// Returns [`Error::State`] if the text is longer than [`BYTES_MAX`](Self::BYTES_MAX), is not JSON,
    /// or is no state of this version. The error names the stream with a wrong state, such as one of
    /// more than [`State::BYTES_MAX`].
    pub fn from_json(json: &str) -> Result<Self> {
        let wrong = |why: String| Error::State { why };
        if json.len() as u64 > Self::BYTES_MAX {
            let (bytes, most) = (json.len(), Self::BYTES_MAX);
            let why = format!("the text has {bytes} bytes and a state of streams at most {most}");
            return Err(wrong(format!("{why}; check the file name")));
        }
        let value =
            json::value(json).map_err(|why| wrong(format!("the text is not JSON: {why}")))?;
        if value.get("streams").is_none() && value.get("fingerprint").is_some() {
            let why = "the state is that of one loader; give it to `LoaderBuilder::resume`";
            return Err(wrong(why.into()));
        }
        let stored: Stored = serde_json::from_value(value)
            .map_err(|why| wrong(format!("{why}; give a state that windrow saved")))?;
        if stored.version != VERSION {
            let version = stored.version;
            return Err(wrong(format!(
                "the state of streams has version {version}; this build of windrow reads version \
                 {VERSION}"
            )));
        }
        let streams = stored.streams.into_iter().map(StoredStream::read);
        let streams = streams.collect::<Result<Vec<_>, String>>().map_err(wrong)?;
        let is_sorted = streams.windows(2).all(|two| two[0].name < two[1].name);
        if stored.kind == Kind::MixStreams && !is_sorted {
            return Err(wrong("its streams are not in order; give an undamaged state".into()));
        }
        Ok(Self { kind: stored.kind, streams })
    }

    /// Writes the state as one line of JSON. Logs a warning if the state is too long to be read.
    #[must_use]
    pub fn to_json(&self) -> String {
        let streams = self.streams.iter().map(StoredStream::of).collect();
        let json = written(&Stored { version: VERSION, kind: self.kind, streams });
        warn_if_too_long("the state of all streams", &json, Self::BYTES_MAX);
        json
    }

    /// Returns the state of a stream, or `None` if the state has no stream of this name.
    #[must_use]
    pub fn stream(&self, name: &str) -> Option<&State> {
        self.find(name).map(|stream| &stream.state)
    }

    /// Returns the names of the streams; those of a mix come in byte order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.streams.iter().map(|stream| &*stream.name)
    }

    pub(super) fn find(&self, name: &str) -> Option<&StreamState> {
        self.streams.iter().find(|stream| &*stream.name == name)
    }

    /// Checks that the state is of this kind.
    pub(super) fn check(&self, kind: Kind) -> Result<()> {
        if self.kind == kind {
            return Ok(());
        }
        let (field, saved, current) = ("kind".into(), self.kind.name(), kind.name());
        Err(Error::Mismatch { field, saved: saved.into(), current: current.into() })
    }
}

/// Logs a warning about a text that cannot be read again.
fn warn_if_too_long(what: &str, json: &str, most: u64) {
    let bytes = json.len() as u64;
    if bytes > most {
        log::warn("loader", || {
            format!(
                "{what} has {bytes} bytes, and one of more than {most} cannot be read; hold fewer samples back in stages"
            )
        });
    }
}

fn written(stored: &Stored) -> String {
    serde_json::to_string(stored).expect("numbers and strings always serialise")
}

/// The JSON form of the state.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    kind: Kind,
    streams: Vec<StoredStream>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredStream {
    name: String,
    weight: String,
    taken: String,
    state: Value,
}

impl StoredStream {
    fn of(stream: &StreamState) -> Self {
        let json = stream.state.to_json();
        warn_if_too_long(
            &format!("the state of stream {:?}", stream.name),
            &json,
            State::BYTES_MAX,
        );
        let state = serde_json::from_str(&json);
        Self {
            name: stream.name.to_string(),
            weight: stream.weight.to_string(),
            taken: stream.taken.to_string(),
            state: state.expect("a state writes JSON"),
        }
    }

    fn read(self) -> Result<StreamState, String> {
        let name = self.name;
        let number = |field: &str, text: &str| {
            let number = text.parse().ok().filter(|number: &u64| number.to_string() == text);
            let wrong = || format!("stream {name:?}: {field} is {text:?}, not a decimal number");
            number.ok_or_else(wrong)
        };
        let (weight, taken) = (number("weight", &self.weight)?, number("taken", &self.taken)?);
        let state = State::from_json(&self.state.to_string());
        let state = state.map_err(|error| format!("stream {name:?}: {error}"))?;
        Ok(StreamState { name: name.into(), weight, taken, state })
    }
}

/// Settings for loaders that may resume.
impl<P: Pipeline> LoaderBuilder<P> {
    setters! {
        /// Resumes at a state as [`resume`](Self::resume) does, or starts afresh without a state.
        ///
        /// ```
        /// use windrow::{Dataset, Loader, range};
        /// let mut loader = Loader::builder(range(0..9).batch(3)).resume_if(None).build()?;
        /// assert_eq!(*loader.next().unwrap()?, [0, 1, 2]);
        /// # Ok::<(), windrow::Error>(())
        /// ```
        fn resume_if(state: Option<&State>) => resume = state.cloned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader::Loader;
    use crate::source::range;

    #[test]
    fn streams_may_together_be_longer_than_one_state() {
        let state = Loader::builder(range(0..4)).build().unwrap().state().to_json();
        let text = "x".repeat((State::BYTES_MAX / 2) as usize);
        let state = state.replacen(r#""pipeline":""#, &format!(r#""pipeline":"{text}"#), 1);
        let stream =
            |name: &str| format!(r#"{{"name":"{name}","weight":"1","taken":"0","state":{state}}}"#);
        let streams = format!("{},{}", stream("a"), stream("b"));
        let json = format!(r#"{{"version":1,"kind":"mix_streams","streams":[{streams}]}}"#);
        assert!(json.len() as u64 > State::BYTES_MAX);
        assert_eq!(StreamsState::from_json(&json).unwrap().names().count(), 2);
    }
}
