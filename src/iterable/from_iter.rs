//! A source from a function that returns an iterator.

use std::convert::Infallible;
use std::marker::PhantomData;

use super::IterableSource;
use crate::order::Op;

/// A source of the items of an iterator, as [`from_iter`] returns it.
pub struct FromIter<F, I> {
    f: F,
    name: Option<String>,
    iter: PhantomData<fn() -> I>,
}

/// Creates a source of the items of an iterator, which a function returns for each epoch.
///
/// The source has no cursor. A resumed loader reads the items before the state again, and logs a
/// warning with their number. The function must return the same items each time. A state cannot tell
/// two such sources apart, unless they have [names](FromIter::named).
///
/// ```
/// use windrow::iterable::{from_iter, from_iterable};
/// use windrow::Loader;
/// let countdown = || from_iterable(from_iter(|| (1..=5).rev())).ordered().batch(2);
/// let mut loader = Loader::builder(countdown()).build()?;
/// assert_eq!(*loader.next().unwrap()?, [5, 4]);
/// let mut again = Loader::builder(countdown()).resume(&loader.state()).build()?;
/// assert_eq!(*again.next().unwrap()?, [3, 2]);
/// # Ok::<(), windrow::Error>(())
/// ```
pub fn from_iter<F, I>(f: F) -> FromIter<F, I>
where
    F: Fn() -> I + Send + Sync + 'static,
    I: IntoIterator + 'static,
    I::IntoIter: Send + 'static,
    I::Item: Clone + Send + 'static,
{
    FromIter { f, name: None, iter: PhantomData }
}

impl<F, I> FromIter<F, I> {
    /// Sets a name that goes into the fingerprint, such as the version of the data.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }
}

impl<F, I> std::fmt::Debug for FromIter<F, I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FromIter").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The items of a [`FromIter`], without cursors.
#[derive(Debug)]
pub struct Items<I>(I);

impl<I: Iterator> Iterator for Items<I> {
    type Item = Result<(I::Item, Option<()>), Infallible>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(Ok((self.0.next()?, None)))
    }
}

impl<F, I> IterableSource for FromIter<F, I>
where
    F: Fn() -> I + Send + Sync + 'static,
    I: IntoIterator + 'static,
    I::IntoIter: Send + 'static,
    I::Item: Clone + Send + 'static,
{
    type Sample = I::Item;
    type Cursor = ();
    type Error = Infallible;
    type Iter = Items<I::IntoIter>;

    fn open(&self, _: u64, _: Option<()>) -> Result<Self::Iter, Infallible> {
        Ok(Items((self.f)().into_iter()))
    }

    fn op(&self) -> Op {
        let op = Op::new("iter");
        match &self.name {
            Some(name) => op.with("name", name),
            None => op,
        }
    }
}
