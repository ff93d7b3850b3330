//! The cursors of a source that a later state may need.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::order::{CURSORS_MAX, SourceCursor};

/// The number of samples that a resume reads again instead of opening the source once more.
const GAP: u64 = 1024;
/// The number of newest positions whose cursors all stay.
const RECENT: u64 = 4096;
/// The growth of the stream after which old cursors are thinned out.
const THIN_EVERY: u64 = 1024;
/// The bytes of cursors above which they are thinned out further.
const BYTES_MAX: u64 = 16 << 20;
/// The number of cursors at which a reader thins them out, if no state does.
const CURSORS_KEPT: usize = 1 << 16;

/// The cursors of a pass, in rising order of their positions.
#[derive(Debug, Default)]
pub(super) struct Cursors {
    places: VecDeque<SourceCursor>,
    bytes: u64,
    /// The front of the stream when old cursors were last thinned out.
    thinned: u64,
}

impl Cursors {
    /// Adds the cursor right before the sample at a position.
    pub(super) fn push(&mut self, position: u64, cursor: Arc<str>) {
        let count = self.places.partition_point(|place| place.position < position);
        if self.places.get(count).is_some_and(|place| place.position == position) {
            return;
        }
        self.bytes += cursor.len() as u64;
        self.places.insert(count, SourceCursor { position, cursor });
        if self.places.len() > CURSORS_KEPT || self.bytes > 4 * BYTES_MAX {
            self.thin(position);
        }
    }

    /// Returns the places where a resume opens the source, for a state that needs the samples at
    /// `held` and from `position` on. Forgets the cursors before them.
    ///
    /// A sample shares the place of the needed sample before it, if at most 1,024 positions lie between
    /// the two.
    pub(super) fn of(&mut self, position: u64, held: &[u64], front: u64) -> Vec<SourceCursor> {
        let mut places = Vec::<SourceCursor>::new();
        let mut read_to = None;
        let mut last = None;
        for &needed in held.iter().chain([&position]) {
            let is_near = last.is_some_and(|last| needed.saturating_sub(last) <= GAP);
            let is_last = needed == position;
            last = Some(needed);
            let room = places.len() as u64 + u64::from(!is_last) < CURSORS_MAX;
            if let Some(place) = self.before(needed).filter(|_| !is_near && room)
                && read_to.is_none_or(|read_to| place.position > read_to)
            {
                places.push(place.clone());
            }
            read_to = Some(needed);
        }
        // The samples before the first cursor are read from the start, and may be needed again.
        let first = self.before(*held.first().unwrap_or(&position));
        let first = first.map_or(0, |place| place.position);
        let forgotten = self.places.partition_point(|place| place.position < first);
        self.bytes -= self.places.drain(..forgotten).map(|p| p.cursor.len() as u64).sum::<u64>();
        if front.saturating_sub(self.thinned) >= THIN_EVERY {
            self.thin(front);
        }
        places
    }

    /// Returns the last place at or before a position.
    fn before(&self, position: u64) -> Option<&SourceCursor> {
        let count = self.places.partition_point(|place| place.position <= position);
        self.places.get(count.checked_sub(1)?)
    }

    /// Thins out old cursors: at distance *d* from the front, one for each *d* / 1,024 positions
    /// stays.
    fn thin(&mut self, front: u64) {
        self.thinned = front;
        let mut recent = RECENT;
        loop {
            let mut before = None;
            self.places.retain(|place| {
                let age = front.saturating_sub(place.position);
                let width = if age < recent { 0 } else { age.ilog2() - (recent / 4).ilog2() };
                let group = place.position >> width;
                let stays = width == 0 || before != Some((width, group));
                before = Some((width, group));
                stays
            });
            self.bytes = self.places.iter().map(|place| place.cursor.len() as u64).sum();
            if self.bytes <= BYTES_MAX || recent <= 8 {
                return;
            }
            recent /= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: u64, len: usize) -> Cursors {
        let mut cursors = Cursors::default();
        for position in 1..=count {
            cursors.push(position, "x".repeat(len).into());
        }
        cursors
    }

    fn at(cursors: &mut Cursors, position: u64, held: &[u64]) -> Vec<u64> {
        let places = cursors.of(position, held, position);
        places.iter().map(|place| place.position).collect()
    }

    #[test]
    fn a_state_has_one_place_for_neighbours_and_more_for_distant_samples() {
        let mut cursors = filled(4000, 1);
        assert_eq!(at(&mut cursors, 10, &[]), [10]);
        assert_eq!(at(&mut cursors, 1000, &[20, 30, 999]), [20]);
        assert_eq!(at(&mut cursors, 4000, &[30, 40, 2000, 2001]), [30, 2000, 4000]);
        assert_eq!(cursors.places.front().unwrap().position, 30, "earlier ones are forgotten");
        assert_eq!(at(&mut cursors, 4000, &[]), [4000]);
        assert_eq!(cursors.places.len(), 1);
    }

    #[test]
    fn a_state_has_a_bounded_number_of_places_and_the_last_is_one_of_them() {
        let mut cursors = filled(CURSORS_KEPT as u64 * 4, 1);
        let held: Vec<_> = (0..200).map(|n| 1 + n * 1300).collect();
        let places = at(&mut cursors, CURSORS_KEPT as u64 * 4, &held);
        assert_eq!(places.len() as u64, CURSORS_MAX);
        assert_eq!(places.last(), Some(&(CURSORS_KEPT as u64 * 4)));
        assert!(places.is_sorted());
    }

    #[test]
    fn old_cursors_are_thinned_out_so_that_a_resume_reads_little_again() {
        let mut cursors = filled(100, 1);
        for position in 101..=1_000_000 {
            cursors.push(position, "x".into());
            if position % 500 == 0 {
                assert_eq!(at(&mut cursors, position, &[7])[0], 7);
            }
        }
        assert!(cursors.places.len() < 20_000, "{}", cursors.places.len());
        for needed in (10..1_000_000).step_by(997) {
            let place = cursors.before(needed).unwrap().position;
            assert!(needed - place <= (1_000_000 - needed) / 512 + 1, "{place} before {needed}");
        }
    }

    #[test]
    fn large_cursors_take_a_bounded_number_of_bytes() {
        let cursors = filled(3_000, 1 << 16);
        assert!(cursors.bytes <= 5 * BYTES_MAX, "{}", cursors.bytes);
        assert!(cursors.before(2_999).unwrap().position > 2_900);
    }
}
