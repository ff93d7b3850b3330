//! The time that a caller waits for batches, and the time that the caller is busy.

use std::time::Duration;

use super::Loader;
use super::times::Times;

/// The times of a loader since the loader was built: see [`Loader::stats`].
///
/// A caller that waits for most of the time needs more workers or cheaper samples. A caller that
/// hardly waits is the bottleneck, and more workers change nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The number of items received, which are batches and errors.
    pub items: u64,
    /// The time that the caller waited for items, the start of the workers included. In async
    /// code, a wait begins with the first poll for an item.
    pub waited: Duration,
    /// The time from each item to the caller's next request, in which the caller was busy.
    pub busy: Duration,
    /// The time that the workers took to make samples, as a sum over all workers.
    pub working: Duration,
}

impl Stats {
    /// Returns the share of the caller's time that the caller waited, from 0 to 1; 0 without any
    /// time.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let mut loader = Loader::builder(range(0..100).batch(10)).build()?;
    /// assert_eq!(loader.stats().waiting(), 0.0);
    /// loader.by_ref().for_each(drop);
    /// assert!(loader.stats().waiting() > 0.0);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn waiting(&self) -> f64 {
        let all = self.waited.saturating_add(self.busy);
        if all.is_zero() { 0.0 } else { self.waited.as_secs_f64() / all.as_secs_f64() }
    }
}

impl<B> Loader<B> {
    /// Returns the time that the caller waited for batches, and the time that the caller was busy.
    ///
    /// The times count from the build of this loader; a resumed loader begins at 0. All times are 0
    /// on a platform without a clock.
    ///
    /// ```
    /// use windrow::{Dataset, Loader, range};
    /// let mut loader = Loader::builder(range(0..100).batch(10)).workers(2).build()?;
    /// for batch in &mut loader {
    ///     assert_eq!(batch?.len(), 10);
    /// }
    /// let stats = loader.stats();
    /// assert_eq!(stats.items, 10);
    /// println!("waited {:?} for data, worked {:?}", stats.waited, stats.busy);
    /// # Ok::<(), windrow::Error>(())
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        let Times { items, waited, busy, .. } = self.times;
        Stats {
            items,
            waited: Duration::from_nanos(waited),
            busy: Duration::from_nanos(busy),
            working: Duration::from_nanos(self.stream.working()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::backend::clock::now;
    use crate::{Backend, Dataset, Loader, range};

    /// Spends some time, and returns how long that took at least.
    fn spend(time: Duration) -> Duration {
        let begun = now().unwrap();
        while Duration::from_nanos(now().unwrap() - begun) < time {}
        time
    }

    #[test]
    fn waiting_and_busy_time_are_told_apart() {
        let each = Duration::from_millis(2);
        let slow = range(0..5).map(move |x| (spend(each), x).1);
        let mut loader = Loader::builder(slow).backend(Backend::Inline).epochs(2).build().unwrap();
        assert_eq!(loader.stats(), super::Stats::default());
        loader.by_ref().for_each(|item| drop(item.unwrap()));
        let waits = loader.stats();
        assert_eq!(waits.items, 10);
        assert!(waits.waited >= each * 10 && waits.working >= each * 10, "{waits:?}");

        let mut loader = Loader::builder(range(0..10)).backend(Backend::Inline).build().unwrap();
        for item in loader.by_epoch().flatten() {
            item.unwrap();
            spend(each);
        }
        let busy = loader.stats();
        assert_eq!(busy.items, 10);
        assert!(busy.busy >= each * 10, "{busy:?}");
    }
}
