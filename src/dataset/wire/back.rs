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

/// The written variants of enums, one bit for each; two variants may share a bit.
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

    /// Adds all of these variants; returns whether any was new.
    pub(crate) fn extend(&mut self, others: Self) -> bool {
        let before = *self;
        for (own, other) in self.0.iter_mut().zip(others.0) {
            *own |= other;
        }
        *self != before
    }
}
