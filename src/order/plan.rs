//! The plan: how long the stream is, what it depends on, and where it may start.

use std::sync::Arc;

use super::{Description, Mark, State};
use crate::error::{Error, Result};

/// Everything about a stream that is settled before anything runs.
///
/// Positions count from 0 to [`len`](Self::len); what is at each is a pure function of the
/// pipeline described here. The plan makes the states of its stream and judges states that are
/// given to it; it knows of no worker and no backend.
///
/// ```
/// use windrow::order::{Description, Mark, Op, Plan};
/// let mut pipeline = Description::default();
/// pipeline.push(Op::new("range").with("end", 10));
/// let plan = Plan::new(10, pipeline);
/// let state = plan.state(Mark { position: 4, ..Mark::default() }, 4, None);
/// assert_eq!(plan.resume(&state)?.position, 4);
/// # Ok::<(), windrow::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Plan {
    len: u64,
    description: Description,
    fingerprint: Arc<str>,
    text: Arc<str>,
}

impl Plan {
    /// The plan for a pipeline of `len` positions.
    #[must_use]
    pub fn new(len: u64, description: Description) -> Self {
        let fingerprint = description.fingerprint().into();
        let text = description.to_string().into();
        Self { len, description, fingerprint, text }
    }

    /// How many positions there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no position.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What the pipeline is.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The state of this stream at a mark, after `batches` batches.
    #[must_use]
    pub fn state(&self, mark: Mark, batches: u64, digest: Option<[u8; 32]>) -> State {
        let (fingerprint, pipeline) = (self.fingerprint.clone(), self.text.clone());
        State { mark, batches, digest, fingerprint, pipeline }
    }

    /// Where a state says to go on, once it is certain that it is of this pipeline.
    ///
    /// # Errors
    /// [`Error::Mismatch`] naming the first field that differs, or [`Error::State`] when a position
    /// lies outside the stream or the skips before it.
    pub fn resume(&self, state: &State) -> Result<Mark> {
        if let Some((field, saved, current)) = self.description.difference(&state.pipeline) {
            // A shortened text can lack ops at its end; then only the fingerprint can tell.
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
        let mark = &state.mark;
        let wrong = |why: String| Err(Error::State { why });
        for (what, place) in [("position", mark.position), ("reported", mark.reported)] {
            if place > self.len {
                let len = self.len;
                return wrong(format!(
                    "its {what} {place} is past the end of this stream of {len}"
                ));
            }
        }
        if (1..=mark.position).contains(&mark.reported) {
            let (reported, position) = (mark.reported, mark.position);
            return wrong(format!("its reported {reported} is not past its position {position}"));
        }
        if !mark.skips.can_lie_before(mark.position.max(mark.reported)) {
            let (count, first) = (mark.skips.count(), mark.skips.first());
            let why = format!("its {count} skips, first {first:?}, cannot lie before its position");
            return wrong(why);
        }
        Ok(state.mark.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Op, Skips};
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
            // Of a batch and a limit.
            cursors: vec![vec![u64::MAX], vec![u64::MAX; 2]],
        }
    }

    #[test]
    fn the_largest_state_keeps_to_500_bytes_and_comes_back_whole() {
        let plan = plan(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        let state = plan.state(full_mark(), u64::MAX, Some([255; 32]));
        let json = state.to_json();
        assert!(json.len() <= 500, "{} bytes: {json}", json.len());
        let back = State::from_json(&json).unwrap();
        assert_eq!(back.to_json(), json);
        assert_eq!(plan.resume(&back).unwrap(), full_mark());
    }

    #[test]
    fn a_difference_beyond_the_stored_text_is_still_refused() {
        let sizes: Vec<u64> = (0..60).collect();
        let json = plan(&sizes).state(full_mark(), 0, Some([1; 32])).to_json();
        let state = State::from_json(&json).unwrap();
        assert!(plan(&sizes).resume(&state).is_ok());
        let mut other = sizes.clone();
        other[59] = 0;
        assert!(matches!(plan(&other).resume(&state), Err(Error::Mismatch { .. })));
        assert!(matches!(plan(&sizes[..59]).resume(&state), Err(Error::Mismatch { .. })));
    }

    const LONG: usize = if cfg!(miri) { 100_000 } else { 100 << 20 };

    #[test]
    fn hostile_states_are_refused_with_a_reason() {
        let json = plan(&[1]).state(Mark::default(), 0, None).to_json();
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
        let state = long.state(Mark { position: 4, ..Mark::default() }, 0, None);
        assert!(short.resume(&state).unwrap_err().to_string().contains("past the end"));
    }
}
