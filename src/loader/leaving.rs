//! Leaving an epoch while some batches are still on their way to the receiver.
//!
//! A page receives batches that a coordinator made earlier. When the page leaves an epoch, the
//! loader may be past that epoch. The loader then returns to the last state that the page received,
//! and goes on from that state.

use super::Loader;
use super::batch::Point;
use crate::error::{Error, Result};
use crate::order::State;

impl<B> Loader<B> {
    /// Keeps the workers at the end, so that the caller can still leave an earlier epoch.
    pub(crate) fn stay_open(&mut self) {
        self.stays_open = true;
    }

    /// Returns the states at the starts of the epochs that began since the last call.
    pub(crate) fn take_epoch_starts(&mut self) -> Vec<State> {
        self.epoch_starts.drain(..).map(|point| point.state(&self.plan)).collect()
    }

    /// Begins an epoch as if the caller had received nothing after this state of the stream.
    ///
    /// # Errors
    /// Returns [`Error::State`] or another error for a state of another stream, or one not before
    /// the epoch.
    pub(crate) fn leave(&mut self, epoch: u64, state: &State) -> Result<()> {
        let mark = self.plan.resume(state, self.epochs)?;
        if epoch <= mark.epoch {
            let why = format!("epoch {epoch} does not come after its epoch {}", mark.epoch);
            return Err(Error::State { why });
        }
        self.stream.begin_epoch(epoch, mark.skips)?;
        self.empty_epochs = 0;
        self.epoch_starts.clear();
        let digest = state.digest().filter(|_| self.hasher.is_some());
        self.point = Point { mark, batches: state.batches(), epoch_batches: 0, digest };
        self.received()
    }
}

#[cfg(test)]
mod tests {
    use crate::backend::Backend;
    use crate::dataset::Dataset;
    use crate::error::Fault;
    use crate::loader::{Loader, OnError};
    use crate::source::range;
    use crate::{Batch, Result};

    /// Returns a loader of epochs with 4 batches and a shorter one, whose samples include two
    /// skipped ones.
    fn loader(backend: Backend) -> Loader<Vec<u64>> {
        let samples = range(0..20).shuffle(1).try_map(|x| match x {
            3 | 11 => Err(Fault::new("no")),
            x => Ok(x),
        });
        let builder = Loader::builder(samples.ordered().batch(4)).epochs(3).digest();
        builder.on_error(OnError::Skip).backend(backend).workers(2).build().unwrap()
    }

    fn told(batch: Option<Result<Batch<Vec<u64>>>>) -> Option<(Vec<u64>, u64, String)> {
        let batch = batch?.unwrap();
        let state = batch.state().to_json();
        Some((batch.to_vec(), batch.number_in_epoch(), state))
    }

    #[test]
    fn what_was_made_after_a_state_leaves_no_trace() {
        for backend in [Backend::Inline, Backend::Threads] {
            for (received, ahead) in
                (0..10).flat_map(|received| (0..=16).map(move |n| (received, n)))
            {
                let (mut left, mut far) = (loader(backend), loader(backend));
                far.stay_open();
                let before: Vec<_> = left.by_ref().take(received).map(Result::unwrap).collect();
                let state = left.state();
                let epoch = state.epoch() + 1;
                assert_eq!(far.by_ref().take(received).count(), before.len());
                far.by_ref().take(ahead).for_each(drop);
                left.end_epoch();
                far.leave(epoch, &state).unwrap();
                assert_eq!(far.state(), left.state(), "{received} received, {ahead} made since");
                loop {
                    let (next, same) = (told(far.next()), told(left.next()));
                    assert_eq!(next, same, "{received} received, {ahead} made since");
                    if next.is_none() {
                        break;
                    }
                }
                assert_eq!(far.state(), left.state());
            }
        }
    }

    #[test]
    fn each_epoch_that_begins_tells_its_state_once() {
        let mut far = loader(Backend::Inline);
        far.stay_open();
        assert!(far.take_epoch_starts().is_empty());
        assert!(far.by_ref().nth(6).is_some());
        let starts = far.take_epoch_starts();
        assert_eq!(starts.iter().map(|start| start.position()).collect::<Vec<_>>(), [20]);
        assert!(far.take_epoch_starts().is_empty());
        assert_eq!(far.by_ref().count(), 8);
        let starts = far.take_epoch_starts();
        assert_eq!(starts.iter().map(|start| start.epoch()).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(starts.last(), Some(&far.state()));
    }

    #[test]
    fn a_state_that_does_not_lie_before_the_epoch_is_refused() {
        let mut far = loader(Backend::Inline);
        far.stay_open();
        let state = far.by_ref().nth(6).unwrap().unwrap().state();
        assert_eq!(state.epoch(), 1);
        let error = far.leave(1, &state).unwrap_err().to_string();
        assert!(error.contains("epoch 1 does not come after its epoch 1"), "{error}");
    }
}
