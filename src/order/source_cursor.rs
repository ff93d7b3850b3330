//! The places in a state at which a source without a length can be opened again.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::json::Decimal;

/// The longest cursor of a source, in bytes of JSON.
pub(crate) const CURSOR_BYTES_MAX: u64 = 64 << 10;
/// The most cursors of a source in a state.
pub(crate) const CURSORS_MAX: u64 = 64;

/// A place at which a source without a length can be opened again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct SourceCursor {
    /// The position of the first sample that the source then returns.
    pub position: u64,
    /// The source's own cursor, as JSON.
    pub cursor: Arc<str>,
}

/// The JSON form of a place. The cursor is a string, because JavaScript would change its numbers.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    position: Decimal,
    cursor: String,
}

impl From<Stored> for SourceCursor {
    fn from(stored: Stored) -> Self {
        Self { position: stored.position.0, cursor: stored.cursor.into() }
    }
}

impl From<SourceCursor> for Stored {
    fn from(place: SourceCursor) -> Self {
        Self { position: Decimal(place.position), cursor: (*place.cursor).to_owned() }
    }
}

/// Checks the places of a state whose samples lie at these positions.
pub(super) fn check(places: &[SourceCursor], positions: Range<u64>) -> Result<(), String> {
    let count = places.len() as u64;
    if count > CURSORS_MAX {
        return Err(format!("it has {count} cursors of its source, more than {CURSORS_MAX}"));
    }
    let mut last = positions.start;
    for SourceCursor { position, cursor } in places {
        if *position <= last || *position > positions.end {
            let end = positions.end;
            return Err(format!(
                "a cursor of its source is at position {position}, outside of {last} to {end}"
            ));
        }
        if cursor.len() as u64 > CURSOR_BYTES_MAX {
            let len = cursor.len();
            return Err(format!(
                "a cursor of its source has {len} bytes, more than {CURSOR_BYTES_MAX}"
            ));
        }
        last = *position;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(position: u64) -> SourceCursor {
        SourceCursor { position, cursor: "7".into() }
    }

    #[test]
    fn places_come_back_from_json() {
        let place = SourceCursor { position: u64::MAX, cursor: "{\"a\":[1,\"x\"]}".into() };
        let json = serde_json::to_string(&place).unwrap();
        assert_eq!(serde_json::from_str::<SourceCursor>(&json).unwrap(), place);
    }

    #[test]
    fn places_rise_within_the_positions_that_were_read() {
        assert_eq!(check(&[place(11), place(15)], 10..15), Ok(()));
        let long = SourceCursor { cursor: "x".repeat(65_537).into(), ..place(11) };
        let many: Vec<_> = (1..66).map(place).collect();
        for wrong in
            [vec![place(10)], vec![place(16)], vec![place(12), place(12)], vec![long], many]
        {
            assert!(check(&wrong, 10..15).is_err(), "{wrong:?}");
        }
    }
}
