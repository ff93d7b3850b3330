//! Comparing a decoded value with the written one, by their encodings.
//!
//! Serde's attributes can make a type read another value than it writes, and the inline part does
//! not show the difference. The encodings of most such values differ. Absent on purpose: when to
//! compare.

use std::any::type_name;

use serde::Serialize;

use super::{AGREE, Wire, encode};
use crate::dataset::{Tensor, caught};
use crate::error::Fault;

/// Compares a decoded value with the encoding that it came from.
///
/// # Errors
/// Returns a fault if the value has another encoding or cannot be encoded. Accepts the same bytes
/// in another order, because a decoded `HashMap` has another order than the written one.
pub(crate) fn compare<T: Serialize>(back: &T, wire: &Wire) -> Result<(), Fault> {
    let name = type_name::<T>();
    let why = match caught(|| encode(back)) {
        Ok(Ok(again)) if again == *wire || is_reordered(&again, wire) => return Ok(()),
        Ok(Ok(_)) => String::new(),
        Ok(Err(fault)) | Err(fault) => format!(" ({fault})"),
    };
    Err(Fault::new(format!("a value of {name} comes back as another value{why}; {AGREE}")))
}

/// Returns whether both have the same bytes in any order.
fn is_reordered(one: &Wire, other: &Wire) -> bool {
    let lengths = |wire: &Wire| {
        let payloads = wire.payloads.iter().map(|payload| payload.bytes().len());
        let mut lengths: Vec<usize> = payloads.collect();
        lengths.sort_unstable();
        lengths
    };
    one.inline.len() == other.inline.len()
        && lengths(one) == lengths(other)
        && counts(&[&*one.inline]) == counts(&[&*other.inline])
        && counts(&parts(one)) == counts(&parts(other))
}

fn parts(wire: &Wire) -> Vec<&[u8]> {
    wire.payloads.iter().map(Tensor::bytes).collect()
}

/// Returns how often each byte occurs.
fn counts(parts: &[&[u8]]) -> [u64; 256] {
    let mut counts = [0; 256];
    for byte in parts.iter().copied().flatten() {
        counts[usize::from(*byte)] += 1;
    }
    counts
}
