//! The plan: the length of a stream, its pipeline, and the places where it may resume.

use std::sync::Arc;

use super::{Description, Epochs, Mark, State, source_cursor};
use crate::error::{Error, Result};

/// Everything about a stream that is fixed before anything runs.
///
/// Positions count from 0 and on through the epochs, each of [`len`](Self::len) positions. The
/// sample at each position is a pure function of the pipeline described here. The plan creates the
/// states of its stream and validates states from outside. A plan knows no worker and no backend.
#[derive(Debug, Clone)]
pub struct Plan {
    len: u64,
    description: Description,
    fingerprint: Arc<str>,
    text: Arc<str>,
}

impl Plan {
    /// Creates the plan for a pipeline of `len` positions an epoch.
    #[must_use]
    pub fn new(len: u64, description: Description) -> Self {
        let fingerprint = description.fingerprint().into();
        let text = description.to_string().into();
        Self { len, description, fingerprint, text }
    }

    /// Returns the number of positions in an epoch.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns `true` if an epoch has no positions.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the description of the pipeline.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Returns the first position of an epoch, or `u64::MAX` if the position does not fit in 64
    /// bits.
    #[must_use]
    pub fn start_of(&self, epoch: u64) -> u64 {
        self.len.saturating_mul(epoch)
    }

    /// Returns the state of this stream at a mark. `batches` counts all batches, and the batches of
    /// the mark's epoch.
    #[must_use]
    pub fn state(&self, mark: Mark, batches: [u64; 2], digest: Option<[u8; 32]>) -> State {
        let (fingerprint, pipeline) = (self.fingerprint.clone(), self.text.clone());
        let [batches, epoch_batches] = batches;
        State { mark, batches, epoch_batches, digest, fingerprint, pipeline }
    }

    /// Returns the mark from which a state resumes.
    ///
    /// Checks first that the state is of this pipeline, and that the state has begun no more than
    /// `epochs` epochs.
    ///
    /// # Errors
    /// - [`Error::Mismatch`] names the first field that differs.
    /// - [`Error::Setting`] reports fewer epochs than the state has begun.
    /// - [`Error::State`] reports a position outside the stream: of the state, of the skips before
    ///   it, or of the inputs that stages hold back.
    pub fn resume(&self, state: &State, epochs: Epochs) -> Result<Mark> {
        if let Some((field, saved, current)) = self.description.difference(&state.pipeline) {
            // A shortened text can lack ops at its end, which only the fingerprint can detect.
            if saved != "(nothing)" || state.fingerprint != self.fingerprint {
                return Err(Error::Mismatch { field, saved, current });
            }
        }
        if state.fingerprint != self.fingerprint {
            return Err(Error::Mismatch {
                field: "fingerprint".into(),
                saved: state.fingerprint.to_string(),
                current: self.fingerprint.to_string(),
            });
        }
        self.check(&state.mark).map_err(|why| Error::State {
            why: format!("{why}; resume from an undamaged state"),
        })?;
        let begun = state.mark.epoch.saturating_add(u64::from(self.is_inside(state)));
        match epochs {
            Epochs::Count(epochs) if epochs < begun => Err(Error::Setting {
                name: "epochs".into(),
                value: epochs.to_string(),
                allowed: format!("{begun} or more, because the state has begun {begun}"),
            }),
            _ => Ok(state.mark.clone()),
        }
    }

    /// Returns `true` if a state lies after the start of its epoch.
    fn is_inside(&self, state: &State) -> bool {
        state.epoch_batches > 0 || state.mark.position > self.start_of(state.mark.epoch)
    }

    /// Checks the positions of a mark.
    fn check(&self, mark: &Mark) -> Result<(), String> {
        let Mark { epoch, position, reported, skips, stages, source } = mark;
        let positions = self.start_of(*epoch)..=self.start_of(epoch.saturating_add(1));
        if self.len.checked_mul(epoch.saturating_add(1)).is_none() {
            return Err(format!("epoch {epoch} of {} positions ends past 2^64", self.len));
        }
        for (what, place) in [("position", position), ("reported", reported)] {
            if place > positions.end() {
                let len = self.len;
                return Err(format!("{what} {place} is past epoch {epoch} of {len} positions"));
            }
        }
        if position < positions.start() {
            return Err(format!("position {position} is before epoch {epoch}"));
        }
        if (1..=*position).contains(reported) {
            return Err(format!("reported {reported} is not past position {position}"));
        }
        if !skips.can_lie_before(*position.max(reported)) {
            let (count, first) = (skips.count(), skips.first());
            return Err(format!(
                "the {count} skips, first {first:?}, cannot lie before its position"
            ));
        }
        source_cursor::check(source, *positions.start()..*position)?;
        for (number, cursor) in stages.iter().enumerate() {
            let mut held = cursor.positions();
            let begun = *positions.start()..*position;
            if let Some(held) = held.iter().find(|held| !begun.contains(held)) {
                return Err(format!(
                    "stage {number} holds position {held}, which is not in epoch {epoch} before \
                     position {position}"
                ));
            }
            held.sort_unstable();
            // Later stages may hold several results of one sample.
            if let Some(two) = held.windows(2).find(|two| number == 0 && two[0] == two[1]) {
                return Err(format!("stage {number} holds position {} twice", two[0]));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cursor, Op, Origin, Skips};
    use super::*;

    fn plan(sizes: &[u64]) -> Plan {
        let mut description = Description::default();
        for size in sizes {
            description.push(Op::new("batch").with("size", size).with("note", "x".repeat(40)));
        }
        Plan::new(u64::MAX, description)
    }

    fn full_mark() -> Mark {
        let mut skips = Skips::default();
        (0..9).rev().for_each(|back| skips.add(u64::MAX - 1 - back));
        Mark {
            position: u64::MAX - 1,
            reported: u64::MAX,
            skips,
            // The stages are a batch and a limit.
            stages: vec![
                Cursor::default(),
                Cursor { counters: vec![u64::MAX], ..Cursor::default() },
            ],
            epoch: 0,
            source: Vec::new(),
        }
    }

    #[test]
    fn the_largest_state_keeps_to_500_bytes_and_comes_back_whole() {
        let plan = plan(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let state = plan.state(full_mark(), [u64::MAX; 2], Some([255; 32]));
        let json = state.to_json();
        assert!(json.len() <= 500, "{} bytes: {json}", json.len());
        let back = State::from_json(&json).unwrap();
        assert_eq!(back.to_json(), json);
        assert_eq!(plan.resume(&back, Epochs::Count(1)).unwrap(), full_mark());
    }

    #[test]
    #[cfg_attr(miri, ignore = "long, and safe code")]
    fn a_difference_beyond_the_stored_text_is_still_refused() {
        let sizes: Vec<u64> = (0..60).collect();
        let json = plan(&sizes).state(full_mark(), [0; 2], Some([1; 32])).to_json();
        let state = State::from_json(&json).unwrap();
        assert!(plan(&sizes).resume(&state, Epochs::Count(1)).is_ok());
        let mut other = sizes.clone();
        other[59] = 0;
        assert!(matches!(
            plan(&other).resume(&state, Epochs::Count(1)),
            Err(Error::Mismatch { .. })
        ));
        assert!(matches!(
            plan(&sizes[..59]).resume(&state, Epochs::Count(1)),
            Err(Error::Mismatch { .. })
        ));
    }

    const LONG: usize = State::BYTES_MAX as usize + 1;

    #[test]
    fn hostile_states_are_refused_with_a_reason() {
        let json = plan(&[1]).state(Mark::default(), [0; 2], None).to_json();
        assert!(State::from_json(&json).is_ok());
        for (bad, reason) in [
            (json[..json.len() / 2].to_string(), "not JSON"),
            (json.replace("\"version\":1", "\"version\":2"), "version 2"),
            (json.replace("\"version\":1", "\"version\":\"1\""), "version"),
            (json.replace("\"position\":\"0\"", "\"position\":0"), "string"),
            (json.replace("\"position\":\"0\"", "\"position\":\"-1\""), "-1"),
            (json.replace("\"position\":\"0\"", "\"position\":\"00\""), "00"),
            (json.replace("\"position\":\"0\",", ""), "position"),
            (json.replace("\"batches\"", "\"baches\""), "baches"),
            ("[]".into(), "version"),
            ("x".repeat(LONG), "bytes and a state has at most"),
        ] {
            let message = State::from_json(&bad).unwrap_err().to_string();
            assert!(message.contains(reason), "{message} lacks {reason}");
        }
    }

    #[test]
    fn a_position_past_the_end_is_refused() {
        let long = plan(&[1]);
        let short = Plan::new(3, long.description().clone());
        let state = long.state(Mark { position: 4, ..Mark::default() }, [0; 2], None);
        assert!(
            short
                .resume(&state, Epochs::Count(1))
                .unwrap_err()
                .to_string()
                .contains("past epoch 0")
        );
    }

    #[test]
    fn epochs_may_become_more_and_not_fewer_than_were_begun() {
        let plan = Plan::new(10, plan(&[1]).description().clone());
        let state = |epoch, position, batches| {
            plan.state(Mark { epoch, position, ..Mark::default() }, [batches; 2], None)
        };
        for (state, least) in
            [(state(0, 0, 0), 0), (state(2, 20, 0), 2), (state(2, 20, 1), 3), (state(2, 30, 9), 3)]
        {
            assert!(plan.resume(&state, Epochs::Count(least)).is_ok());
            assert!(plan.resume(&state, Epochs::Forever).is_ok());
            let fewer = least.checked_sub(1).map(|fewer| plan.resume(&state, Epochs::Count(fewer)));
            assert!(fewer.is_none_or(|refused| matches!(refused, Err(Error::Setting { .. }))));
        }
        assert!(plan.resume(&state(2, 19, 0), Epochs::Forever).is_err());
        assert!(plan.resume(&state(2, 31, 0), Epochs::Forever).is_err());
    }

    #[test]
    #[cfg_attr(miri, ignore = "a million samples")]
    fn a_state_of_a_million_held_samples_is_read_again() {
        let plan = Plan::new(10_000_000, plan(&[1]).description().clone());
        let held = (0..1_000_000_u64).map(|n| Origin::Sample(n * 7_654_321 % 10_000_000)).collect();
        let stages = vec![Cursor { held, ..Cursor::default() }];
        let state =
            plan.state(Mark { position: 10_000_000, stages, ..Mark::default() }, [0; 2], None);
        let json = state.to_json();
        assert!(json.len() > 4_000_000, "{} bytes", json.len());
        assert!(State::from_json(&json).unwrap().mark == state.mark);
    }

    #[test]
    fn held_positions_lie_in_the_epoch_before_the_position() {
        let plan = Plan::new(10, plan(&[1]).description().clone());
        let state = |held| {
            let held = [Origin::Result([Origin::Sample(held)].into(), 0)].into_iter().collect();
            let stages = vec![Cursor::default(), Cursor { held, ..Cursor::default() }];
            plan.state(Mark { epoch: 1, position: 15, stages, ..Mark::default() }, [0; 2], None)
        };
        let again = State::from_json(&state(10).to_json()).unwrap();
        assert_eq!(plan.resume(&again, Epochs::Forever).unwrap(), state(10).mark);
        assert!(plan.resume(&state(14), Epochs::Forever).is_ok());
        for held in [9, 15, u64::MAX] {
            let message = plan.resume(&state(held), Epochs::Forever).unwrap_err().to_string();
            assert!(message.contains(&format!("holds position {held}")), "{message}");
        }
    }
}
