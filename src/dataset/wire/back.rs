//! Whether a value that was read is the one that was written, seen from its encoding.
//!
//! Serde's attributes can make a type read something else than it writes, and nothing in the inline
//! part tells. Written again, most such values differ. Absent on purpose: when to look.

use std::any::type_name;

use serde::Serialize;

use super::{AGREE, Wire, encode};
use crate::dataset::{Tensor, caught};
use crate::error::Fault;

/// Compares a value that was read with the encoding that it was read from.
///
/// # Errors
/// Where it is encoded as something else, or cannot be encoded. Another order of the same bytes is
/// let through: a `HashMap` that is read has another order than the one that was written.
pub(crate) fn compare<T: Serialize>(back: &T, wire: &Wire) -> Result<(), Fault> {
    let name = type_name::<T>();
    let why = match caught(|| encode(back)) {
        Ok(Ok(again)) if again == *wire || is_reordered(&again, wire) => return Ok(()),
        Ok(Ok(_)) => String::new(),
        Ok(Err(fault)) | Err(fault) => format!(" ({fault})"),
    };
    Err(Fault::new(format!("a value of {name} comes back as another value{why}; {AGREE}")))
}

/// Whether both have the same bytes, in whatever order.
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

/// How often each byte is there.
fn counts(parts: &[&[u8]]) -> [u64; 256] {
    let mut counts = [0; 256];
    for byte in parts.iter().copied().flatten() {
        counts[usize::from(*byte)] += 1;
    }
    counts
}

/// Which variants of enums were written, one bit for each. Two may share a bit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Variants([u64; 4]);

impl Variants {
    /// Adds a variant of an enum with this name.
    #[inline]
    pub(super) fn add(&mut self, name: &'static str, variant: u32) {
        let start = (name.as_ptr().addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        let bit = (start as u32).wrapping_add(variant) % 256;
        self.0[(bit / 64) as usize] |= 1 << (bit % 64);
    }

    /// Adds all of these; whether one was not there.
    pub(crate) fn extend(&mut self, others: Self) -> bool {
        let before = *self;
        for (own, other) in self.0.iter_mut().zip(others.0) {
            *own |= other;
        }
        *self != before
    }
}
