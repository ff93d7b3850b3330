//! The clock of a loader's caller.

use crate::backend::clock::now;

/// The times of a loader's caller, in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Times {
    pub(super) items: u64,
    pub(super) waited: u64,
    pub(super) busy: u64,
    /// When the caller asked for the item that the caller waits for.
    asked: Option<u64>,
    /// When the caller received the last item that the caller asked for.
    answered: Option<u64>,
}

impl Times {
    /// Records that the caller asks for an item, or asks again.
    pub(super) fn ask(&mut self) {
        if self.asked.is_none() {
            self.asked = now();
            self.busy = self.busy.saturating_add(between(self.answered.take(), self.asked));
        }
    }

    /// Records that the caller has an answer: an item, or the end of an epoch or stream.
    pub(super) fn answer(&mut self, is_item: bool) {
        self.items += u64::from(is_item);
        if self.asked.is_some() {
            self.answered = now();
            self.waited = self.waited.saturating_add(between(self.asked.take(), self.answered));
        }
    }
}

fn between(start: Option<u64>, end: Option<u64>) -> u64 {
    start.zip(end).map_or(0, |(start, end)| end.saturating_sub(start))
}

#[cfg(test)]
mod tests {
    use super::Times;

    #[test]
    fn a_repeated_poll_is_one_wait_and_an_end_is_no_item() {
        let mut times = Times::default();
        times.ask();
        times.ask();
        times.answer(false);
        assert_eq!((times.items, times.busy, times.asked), (0, 0, None));
        let (waited, answered) = (times.waited, times.answered.unwrap());
        times.answer(true);
        assert_eq!((times.items, times.answered), (1, Some(answered)), "an item at hand");
        times.ask();
        times.ask();
        times.answer(true);
        assert_eq!((times.items, times.answered > Some(answered)), (2, true));
        assert!(times.waited + times.busy + answered <= times.answered.unwrap() + waited);
    }
}
