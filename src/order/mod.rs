//! The order: what stands at which position, decided before anything runs.
//!
//! Everything here is a pure function of numbers. Absent on purpose: clocks, threads, files, `cfg`
//! and `usize` in any value that decides an order, so that every platform computes the same bits.
//! The algorithms are specified in `ARCHITECTURE.md` and pinned by `tests/golden/order.json`.

mod description;
mod epochs;
mod grain;
mod held;
mod holding;
pub(crate) mod json;
mod list;
mod parts;
mod permutation;
mod philox;
mod plan;
mod rng;
mod shard;
mod state;

pub use description::{Description, Op};
pub use epochs::Epochs;
pub(crate) use epochs::FOREVER;
pub use grain::index_shuffle;
#[doc(hidden)]
pub use held::Origin;
#[doc(hidden)]
pub use holding::{Held, Origins};
pub(crate) use list::List;
pub use parts::Parts;
pub use permutation::Permutation;
pub(crate) use plan::Plan;
pub use rng::Rng;
pub use shard::Shard;
#[doc(hidden)]
pub use state::{Cursor, Mark};
pub use state::{Skips, State};

/// Splits an index that may lie past the end into its epoch and the index within that epoch.
///
/// An index past the end of a dataset is a sample of the next epoch: in a dataset of 10, index 23
/// is index 3 of epoch 2. An empty dataset has only epoch 0.
///
/// ```
/// assert_eq!(windrow::order::epoch_of(23, 10), (2, 3));
/// assert_eq!(windrow::order::epoch_of(7, 0), (0, 7));
/// ```
#[inline]
#[must_use]
pub fn epoch_of(index: u64, len: u64) -> (u64, u64) {
    if index < len || len == 0 { (0, index) } else { (index / len, index % len) }
}

/// The inverse of [`epoch_of`]: the index that stands at `offset` in epoch `epoch`.
///
/// `None` when the index does not fit in 64 bits.
///
/// ```
/// assert_eq!(windrow::order::index_in(2, 3, 10), Some(23));
/// assert_eq!(windrow::order::index_in(u64::MAX, 3, 10), None);
/// ```
#[inline]
#[must_use]
pub fn index_in(epoch: u64, offset: u64, len: u64) -> Option<u64> {
    if epoch == 0 { Some(offset) } else { epoch.checked_mul(len)?.checked_add(offset) }
}
