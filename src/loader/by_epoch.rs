//! Iteration epoch by epoch, with time for other work between epochs.

use std::cell::RefCell;
use std::rc::Rc;

use super::builder::setters;
use super::{Batch, Loader, LoaderBuilder};
use crate::error::Result;
use crate::order::Epochs;
use crate::stage::Pipeline;

/// Settings for the number of epochs.
impl<P: Pipeline> LoaderBuilder<P> {
    setters! {
        /// Sets the number of epochs, at least 1; by default 1, or the number in a pipeline
        /// document.
        ///
        /// Each epoch has its own order and random numbers, and the pipeline's stages end with each
        /// epoch. The number is no part of the fingerprint: the state of a run of 3 epochs resumes
        /// with 5.
        ///
        /// ```
        /// use windrow::{Dataset, Loader, range};
        /// let make = || Loader::builder(range(0..4).shuffle(1).batch(3));
        /// let mut loader = make().epochs(2).build()?;
        /// assert_eq!(loader.by_ref().count(), 4);
        /// assert_eq!(make().epochs(3).resume(&loader.state()).build()?.count(), 2);
        /// assert!(make().epochs(1).resume(&loader.state()).build().is_err());
        /// # Ok::<(), windrow::Error>(())
        /// ```
        fn epochs(epochs: u64) => epochs = Some(Epochs::Count(epochs));

        /// Repeats the pipeline without end: see [`epochs`](Self::epochs).
        ///
        /// ```
        /// use windrow::{Dataset, Loader, range};
        /// let loader = Loader::builder(range(0..4).batch(3)).epochs_forever().build()?;
        /// let epochs: Vec<_> = loader.take(5).map(|batch| Ok(batch?.epoch())).collect::<windrow::Result<_>>()?;
        /// assert_eq!(epochs, [0, 0, 1, 1, 2]);
        /// # Ok::<(), windrow::Error>(())
        /// ```
        fn epochs_forever() => epochs = Some(Epochs::Forever);
    }
}

impl<B> Loader<B> {
    /// Returns an iterator over the epochs, each an iterator over its batches.
    ///
    /// Workers go on with the next epoch while the caller does other work between epochs. An epoch
    /// that the caller leaves early ends with [`Epoch::end`], or with the next call for an epoch,
    /// here or in another `by_epoch`. A resumed loader begins with the rest of the epoch of its
    /// state, which may be empty.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let mut loader = Loader::builder(range(0..10).shuffle(7).batch(4)).epochs(2).build()?;
    /// let mut validated = Vec::new();
    /// for epoch in loader.by_epoch() {
    ///     let number = epoch.number();
    ///     for batch in epoch {
    ///         assert_eq!(batch?.epoch(), number);
    ///     }
    ///     validated.push(number);
    /// }
    /// assert_eq!(validated, [0, 1]);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    ///
    /// The iterator borrows the loader. A `while let` returns the loader to the caller after each
    /// epoch:
    ///
    /// ```
    /// # use windrow::{Dataset, Loader, range};
    /// # let mut loader = Loader::builder(range(0..10).batch(4)).epochs(2).build()?;
    /// let mut states = Vec::new();
    /// while let Some(mut epoch) = loader.by_epoch().next() {
    ///     // Two steps an epoch.
    ///     assert_eq!(epoch.by_ref().take(2).count(), 2);
    ///     epoch.end();
    ///     states.push(loader.state());
    /// }
    /// assert_eq!(states.iter().map(|state| state.position()).collect::<Vec<_>>(), [3, 6]);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    pub fn by_epoch(&mut self) -> ByEpoch<'_, B> {
        ByEpoch { loader: Rc::new(RefCell::new(self)) }
    }
}

/// An iterator over the epochs of a loader: see [`Loader::by_epoch`].
#[derive(Debug)]
pub struct ByEpoch<'a, B> {
    loader: Rc<RefCell<&'a mut Loader<B>>>,
}

impl<'a, B> Iterator for ByEpoch<'a, B> {
    type Item = Epoch<'a, B>;

    fn next(&mut self) -> Option<Epoch<'a, B>> {
        let mut loader = self.loader.borrow_mut();
        if loader.entered == Some(loader.epoch()) {
            loader.end_epoch();
        }
        if loader.stream.is_over() {
            loader.shutdown();
            return None;
        }
        let number = loader.epoch();
        loader.entered = Some(number);
        Some(Epoch { loader: self.loader.clone(), number })
    }
}

/// An iterator over the batches of one epoch: see [`Loader::by_epoch`].
#[derive(Debug)]
pub struct Epoch<'a, B> {
    loader: Rc<RefCell<&'a mut Loader<B>>>,
    number: u64,
}

impl<B> Epoch<'_, B> {
    /// Returns the epoch's number, from 0.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Ends the epoch and skips the rest of it. The loader's state is then at the start of the next
    /// epoch.
    pub fn end(self) {
        let mut loader = self.loader.borrow_mut();
        if loader.epoch() == self.number {
            loader.end_epoch();
        }
    }
}

impl<B> Iterator for Epoch<'_, B> {
    type Item = Result<Batch<B>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut loader = self.loader.borrow_mut();
        if loader.epoch() == self.number { loader.next_in_epoch() } else { None }
    }
}
