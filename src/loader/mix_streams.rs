//! `MixStreams`: takes batches of several loaders in turns, by weights.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::streams_state::{Kind, NAME_BYTES_MAX, STREAMS_MAX, StreamState, StreamsState};
use super::{Batch, Loader};
use crate::backend::log;
use crate::error::{Error, Result};
use crate::order::State;

/// Builds the loader of a stream, given the state to resume at.
type Build<'a, B> = Box<dyn FnOnce(Option<&State>) -> Result<Loader<B>> + 'a>;

/// The batches of several loaders in turns, by weights: an iterator of `Result<Batch<B>>`.
///
/// The next batch comes from the stream with the smallest (batches taken + 1) / weight. Of equals, the
/// name that comes first in byte order decides. So weights 3 and 1 give three batches of the
/// first stream for each batch of the second, whatever backends make them. `mix` of datasets is
/// random access and cheaper; streams may have filters, stages, backends and epochs of their own.
///
/// An error of a stream comes as [`Error::Stream`], with the stream's name. Then the same stream has
/// the next turn, so errors change no turn of a batch. A stream that cannot go on has ended.
///
/// A [state](Self::state) has the state of each stream by name. A run may resume with other weights,
/// with more streams, or with fewer: a new stream begins at its start, and the turns begin anew.
///
/// ```
/// use windrow::loader::{MixStreams, StopAt};
/// use windrow::{Dataset, Loader, range};
/// let code = range(0..40).filter(|x| x % 2 == 0).ordered().batch(3);
/// let text = range(100..110).shuffle(7).batch(2);
/// let mut mixed = MixStreams::builder()
///     .stream("code", 2, |state| Loader::builder(code).workers(2).resume_if(state).build())
///     .stream("text", 1, |state| Loader::builder(text).epochs_forever().resume_if(state).build())
///     .build()?;
/// assert_eq!(*mixed.next().unwrap()?, [0, 2, 4]);
/// assert_eq!(mixed.last_stream(), Some("code"));
/// // The run ends with `code`, which has seven batches, since `text` has no end.
/// assert_eq!(mixed.count(), 6 + 3);
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug)]
pub struct MixStreams<B> {
    /// The streams, in byte order of their names.
    streams: Vec<Stream<B>>,
    stop: StopAt,
    last: Option<usize>,
    is_over: bool,
}

#[derive(Debug)]
struct Stream<B> {
    name: Arc<str>,
    weight: u64,
    taken: u64,
    loader: Loader<B>,
    has_ended: bool,
}

/// When a mix of streams ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum StopAt {
    /// The mix ends when a stream has the turn that has ended.
    #[default]
    FirstEnd,
    /// The mix ends when all streams have ended. The others go on by their weights.
    LastEnd,
}

impl MixStreams<()> {
    /// Returns the builder of a mix.
    #[must_use]
    pub fn builder<'a, B>() -> MixStreamsBuilder<'a, B> {
        let (streams, stop, resume) = (BTreeMap::new(), StopAt::default(), None);
        MixStreamsBuilder { streams, twice: None, stop, resume }
    }
}

/// The settings of a mix: see [`MixStreams`].
pub struct MixStreamsBuilder<'a, B> {
    streams: BTreeMap<Arc<str>, (u64, Build<'a, B>)>,
    /// A name that two streams have.
    twice: Option<Arc<str>>,
    stop: StopAt,
    resume: Option<StreamsState>,
}

impl<'a, B> MixStreamsBuilder<'a, B> {
    /// Adds a stream with a unique name of 1 to 255 bytes, and a weight of at least 1.
    ///
    /// `build` receives the state to resume at, or `None`, and passes it to
    /// [`resume_if`](super::LoaderBuilder::resume_if).
    #[must_use]
    pub fn stream(
        mut self,
        name: impl Into<Arc<str>>,
        weight: u64,
        build: impl FnOnce(Option<&State>) -> Result<Loader<B>> + 'a,
    ) -> Self {
        let name = name.into();
        if self.streams.insert(name.clone(), (weight, Box::new(build))).is_some() {
            self.twice = Some(name);
        }
        self
    }

    /// Sets when the mix ends; by default, [`StopAt::FirstEnd`].
    #[must_use]
    pub fn stop_at(self, stop: StopAt) -> Self {
        Self { stop, ..self }
    }

    /// Resumes at a state of a mix, or starts afresh without a state.
    #[must_use]
    pub fn resume_if(self, state: Option<&StreamsState>) -> Self {
        Self { resume: state.cloned(), ..self }
    }

    /// Builds the loaders and the mix.
    ///
    /// # Errors
    /// Returns [`Error::Setting`] for no stream, more than 1,024 streams, a wrong name or a weight of
    /// 0. Returns [`Error::Mismatch`] for the state of a zip, and [`Error::Stream`] for a stream whose
    /// loader cannot be built or does not begin at the state.
    pub fn build(self) -> Result<MixStreams<B>> {
        self.check()?;
        let saved = self.resume.as_ref();
        let same = saved.is_some_and(|saved| {
            let own = self.streams.iter().map(|(name, (weight, _))| (name, *weight));
            own.eq(saved.streams.iter().map(|stream| (&stream.name, stream.weight)))
        });
        if let Some(saved) = saved {
            saved.check(Kind::MixStreams)?;
            self.tell_changes(saved);
        }
        let mut streams = Vec::with_capacity(self.streams.len());
        for (name, (weight, build)) in self.streams {
            let found = saved.and_then(|saved| saved.find(&name));
            let loader = built(&name, found.map(|found| &found.state), build)?;
            let taken = found.filter(|_| same).map_or(0, |found| found.taken);
            streams.push(Stream { name, weight, taken, loader, has_ended: false });
        }
        Ok(MixStreams { streams, stop: self.stop, last: None, is_over: false })
    }

    fn check(&self) -> Result<()> {
        let wrong = |name: &str, value: String, allowed: String| {
            Err(Error::Setting { name: name.into(), value, allowed })
        };
        let count = self.streams.len();
        if !(1..=STREAMS_MAX).contains(&count) {
            let allowed = format!("1 to {STREAMS_MAX}");
            return wrong("mix_streams", format!("made of {count} streams"), allowed);
        }
        if let Some(name) = &self.twice {
            let allowed = "one stream of each name".into();
            return wrong("mix_streams", format!("made of two streams {name:?}"), allowed);
        }
        for (name, (weight, _)) in &self.streams {
            check_name("mix_streams", name)?;
            if *weight == 0 {
                let allowed = "1 or more; leave the stream out".into();
                return wrong(&format!("weight of stream {name:?}"), "0".into(), allowed);
            }
        }
        Ok(())
    }

    fn tell_changes(&self, saved: &StreamsState) {
        for name in saved.names().filter(|name| !self.streams.contains_key(*name)) {
            log::warn("loader", || format!("stream {name:?} of the state is not in the mix"));
        }
        for name in self.streams.keys().filter(|name| saved.find(name).is_none()) {
            log::warn("loader", || format!("stream {name:?} is not in the state, and begins anew"));
        }
    }
}

/// Checks the name of a stream.
pub(super) fn check_name(of: &str, name: &str) -> Result<()> {
    if (1..=NAME_BYTES_MAX).contains(&name.len()) {
        return Ok(());
    }
    let value = format!("made of a stream with a name of {} bytes", name.len());
    let allowed = format!("names of 1 to {NAME_BYTES_MAX} bytes");
    Err(Error::Setting { name: of.into(), value, allowed })
}

/// Builds the loader of a stream, which must begin at its state.
pub(super) fn built<B>(
    name: &Arc<str>,
    state: Option<&State>,
    build: impl FnOnce(Option<&State>) -> Result<Loader<B>>,
) -> Result<Loader<B>> {
    let loader = build(state).map_err(|error| error.of_stream(name))?;
    let place = |state: &State| (state.epoch(), state.position(), state.batches());
    match state {
        Some(state) if place(state) != place(&loader.state()) => {
            let why = "the loader does not begin at the state; pass the state to `resume_if`";
            Err(Error::State { why: why.into() }.of_stream(name))
        }
        _ => Ok(loader),
    }
}

impl<B> MixStreams<B> {
    /// Returns the state right after the last batch or error that the caller received.
    #[must_use]
    pub fn state(&self) -> StreamsState {
        let stream = |stream: &Stream<B>| StreamState {
            name: stream.name.clone(),
            weight: stream.weight,
            taken: stream.taken,
            state: stream.loader.state(),
        };
        StreamsState { kind: Kind::MixStreams, streams: self.streams.iter().map(stream).collect() }
    }

    /// Returns the name of the stream that gave the last item, or `None` before the first one.
    #[must_use]
    pub fn last_stream(&self) -> Option<&str> {
        self.last.map(|number| &*self.streams[number].name)
    }

    /// Returns the number of the stream that has the next turn.
    fn turn(&self) -> Option<usize> {
        let open = self.streams.iter().enumerate().filter(|(_, stream)| !stream.has_ended);
        // The first one of equals comes first.
        open.min_by(|(_, one), (_, other)| one.before(other)).map(|(number, _)| number)
    }
}

impl<B> Stream<B> {
    /// Compares (taken + 1) / weight of two streams, without division.
    fn before(&self, other: &Self) -> Ordering {
        let side = |one: &Self, other: &Self| {
            (u128::from(one.taken) + 1).saturating_mul(u128::from(other.weight))
        };
        side(self, other).cmp(&side(other, self))
    }
}

impl<B> Iterator for MixStreams<B> {
    type Item = Result<Batch<B>>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.is_over {
            let Some(number) = self.turn() else { break };
            let stream = &mut self.streams[number];
            let item = stream.loader.next();
            if let Some(item) = item {
                stream.taken = stream.taken.saturating_add(u64::from(item.is_ok()));
                self.last = Some(number);
                return Some(item.map_err(|error| error.of_stream(&stream.name)));
            }
            stream.has_ended = true;
            self.is_over = self.stop == StopAt::FirstEnd;
        }
        self.is_over = true;
        None
    }
}

impl<B> std::fmt::Debug for MixStreamsBuilder<'_, B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let weights = self.streams.iter().map(|(name, (weight, _))| (name, weight));
        f.debug_map().entries(weights).finish()
    }
}
