//! `ZipStreams`: pairs the batches of two loaders.

use std::sync::Arc;

use super::mix_streams::{built, check_name};
use super::streams_state::{Kind, StreamState, StreamsState};
use super::{Batch, Loader};
use crate::error::{Error, Result};
use crate::order::State;

/// Pairs of the batches of two loaders, which run side by side: an iterator of
/// `Result<(Batch<A>, Batch<B>)>`.
///
/// `zip` of datasets is random access and cheaper; streams may have filters, stages, backends and
/// epochs of their own. If one stream ends before the other, the last item is an error that names
/// both, unless [`shortest`](Self::shortest) allows it.
///
/// An error of a stream comes as [`Error::Stream`], with the stream's name, before the pair. The pair
/// then has the next batch of that stream.
///
/// ```
/// use windrow::loader::{StreamsState, ZipStreams};
/// use windrow::{Dataset, Loader, range};
/// let make = |saved: Option<&StreamsState>| {
///     let odd = range(0..9).filter(|x| x % 2 == 1).ordered().batch(2);
///     ZipStreams::builder(saved)
///         .first("odd", |state| Loader::builder(odd).resume_if(state).build())?
///         .second("letter", |state| Loader::builder(range(7..9)).resume_if(state).build())
/// };
/// let mut pairs = make(None)?;
/// let (odd, letter) = pairs.next().unwrap()?;
/// assert_eq!((odd.into_inner(), letter.into_inner()), (vec![1, 3], 7));
/// let saved = StreamsState::from_json(&pairs.state().to_json())?;
/// let (odd, letter) = make(Some(&saved))?.next().unwrap()?;
/// assert_eq!((odd.into_inner(), letter.into_inner()), (vec![5, 7], 8));
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug)]
pub struct ZipStreams<A, B> {
    first: (Arc<str>, Loader<A>),
    second: (Arc<str>, Loader<B>),
    /// A batch of the first stream that waits for its partner, and the state before that batch.
    waiting: Option<(Batch<A>, State)>,
    /// The state of the second stream before its batch that has no partner.
    unpaired: Option<State>,
    shortest: bool,
    is_over: bool,
}

impl ZipStreams<(), ()> {
    /// Returns the builder of a zip that resumes at a state, or starts afresh without a state.
    #[must_use]
    pub fn builder(state: Option<&StreamsState>) -> ZipStreamsBuilder<()> {
        ZipStreamsBuilder { first: (), resume: state.cloned() }
    }
}

/// The streams of a zip so far: see [`ZipStreams`].
#[derive(Debug)]
pub struct ZipStreamsBuilder<F> {
    first: F,
    resume: Option<StreamsState>,
}

/// Builds the loader of a stream.
fn stream<B>(
    resume: Option<&StreamsState>,
    name: Arc<str>,
    build: impl FnOnce(Option<&State>) -> Result<Loader<B>>,
) -> Result<(Arc<str>, Loader<B>)> {
    check_name("zip_streams", &name)?;
    let state = match resume {
        None => None,
        Some(saved) => {
            saved.check(Kind::ZipStreams)?;
            let names = saved.names().collect::<Vec<_>>().join(", ");
            let why = format!(
                "it has the streams {names}, and none with this name; name the streams alike"
            );
            let state = saved.stream(&name);
            Some(state.ok_or_else(|| Error::State { why }.of_stream(&name))?)
        }
    };
    let loader = built(&name, state, build)?;
    Ok((name, loader))
}

impl ZipStreamsBuilder<()> {
    /// Adds the first stream, with a name of 1 to 255 bytes.
    ///
    /// `build` receives the state to resume at, or `None`, and passes it to
    /// [`resume_if`](super::LoaderBuilder::resume_if).
    ///
    /// # Errors
    /// Returns [`Error::Setting`] for a wrong name, and [`Error::Mismatch`] for the state of a mix.
    /// Returns [`Error::Stream`] if the loader cannot be built or does not begin at the state.
    pub fn first<A>(
        self,
        name: impl Into<Arc<str>>,
        build: impl FnOnce(Option<&State>) -> Result<Loader<A>>,
    ) -> Result<ZipStreamsBuilder<(Arc<str>, Loader<A>)>> {
        let first = stream(self.resume.as_ref(), name.into(), build)?;
        Ok(ZipStreamsBuilder { first, resume: self.resume })
    }
}

impl<A> ZipStreamsBuilder<(Arc<str>, Loader<A>)> {
    /// Adds the second stream, with another name, and returns the zip.
    ///
    /// # Errors
    /// Returns the errors of [`first`](ZipStreamsBuilder::first), and [`Error::Setting`] for the name
    /// of the first stream.
    pub fn second<B>(
        self,
        name: impl Into<Arc<str>>,
        build: impl FnOnce(Option<&State>) -> Result<Loader<B>>,
    ) -> Result<ZipStreams<A, B>> {
        let name = name.into();
        if name == self.first.0 {
            let value = format!("made of two streams {name:?}");
            let allowed = "one stream of each name".into();
            return Err(Error::Setting { name: "zip_streams".into(), value, allowed });
        }
        let second = stream(self.resume.as_ref(), name, build)?;
        let (waiting, unpaired, shortest, is_over) = (None, None, false, false);
        Ok(ZipStreams { first: self.first, second, waiting, unpaired, shortest, is_over })
    }
}

impl<A, B> ZipStreams<A, B> {
    /// Ends with the shorter stream, without an error, and leaves out the rest of the longer one.
    #[must_use]
    pub fn shortest(self) -> Self {
        Self { shortest: true, ..self }
    }

    /// Returns the state right after the last pair or error that the caller received.
    #[must_use]
    pub fn state(&self) -> StreamsState {
        let stream = |name: &Arc<str>, state: State| {
            let (weight, taken) = (1, state.batches());
            StreamState { name: name.clone(), weight, taken, state }
        };
        // A batch without its partner is not received.
        let first = self.waiting.as_ref().map(|(_, before)| before.clone());
        let first = stream(&self.first.0, first.unwrap_or_else(|| self.first.1.state()));
        let second = self.unpaired.clone().unwrap_or_else(|| self.second.1.state());
        let second = stream(&self.second.0, second);
        StreamsState { kind: Kind::ZipStreams, streams: vec![first, second] }
    }

    /// Ends the zip because a stream has ended, with an error if the other one is longer.
    fn end(&mut self, ended: &Arc<str>, other: &Arc<str>) -> Option<Result<(Batch<A>, Batch<B>)>> {
        self.is_over = true;
        let why =
            format!("the stream ended before {other:?}; give streams of one length, or `shortest`");
        (!self.shortest).then(|| Err(Error::other(why).of_stream(ended)))
    }
}

impl<A, B> Iterator for ZipStreams<A, B> {
    type Item = Result<(Batch<A>, Batch<B>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let (one, two) = (self.first.0.clone(), self.second.0.clone());
        if self.waiting.is_none() {
            let before = self.first.1.state();
            match self.first.1.next() {
                Some(Ok(batch)) => self.waiting = Some((batch, before)),
                Some(Err(error)) => return Some(Err(error.of_stream(&one))),
                None => {
                    let before = self.second.1.state();
                    return match self.second.1.next() {
                        Some(Err(error)) => Some(Err(error.of_stream(&two))),
                        Some(Ok(_)) => {
                            self.unpaired = Some(before);
                            self.end(&one, &two)
                        }
                        None => {
                            self.is_over = true;
                            None
                        }
                    };
                }
            }
        }
        match self.second.1.next() {
            Some(Ok(second)) => Some(Ok((self.waiting.take()?.0, second))),
            Some(Err(error)) => Some(Err(error.of_stream(&two))),
            None => self.end(&two, &one),
        }
    }
}
