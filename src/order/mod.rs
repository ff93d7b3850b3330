//! The order: the sample at each position, decided before anything runs.
//!
//! Every item in this module is a pure function of numbers. The module uses no clocks, threads,
//! files or `cfg`, and no `usize` in a value that decides an order. Every platform therefore
//! computes the same bits. `ARCHITECTURE.md` specifies the algorithms, and
//! `tests/golden/order.json` pins them.

mod classes;
mod description;
mod epochs;
mod grain;
mod held;
mod holding;
mod interleaving;
pub(crate) mod json;
mod list;
mod parts;
mod permutation;
mod philox;
mod plan;
mod proportions;
mod rng;
mod shard;
mod short_hash;
mod source_cursor;
mod state;
mod weights;

pub(crate) use classes::Classes;
pub use description::{Description, Op};
pub use epochs::Epochs;
pub(crate) use epochs::FOREVER;
pub use grain::index_shuffle;
#[doc(hidden)]
pub use held::Origin;
pub(crate) use held::{inputs_and_numbers, made_together};
#[doc(hidden)]
pub use holding::{Held, Origins};
pub(crate) use interleaving::Interleaving;
pub(crate) use list::List;
pub use parts::Parts;
pub use permutation::Permutation;
pub(crate) use plan::Plan;
pub(crate) use proportions::Proportions;
pub use rng::Rng;
pub use shard::Shard;
pub(crate) use short_hash::{short_hash, short_hash_of};
#[doc(hidden)]
pub use source_cursor::SourceCursor;
pub(crate) use source_cursor::{CURSOR_BYTES_MAX, CURSORS_MAX};
#[doc(hidden)]
pub use state::{Cursor, Mark};
pub use state::{Skips, State};
pub(crate) use weights::Weights;

/// Splits an index, possibly past the end, into an epoch and an index within that epoch.
///
/// An index past the end of a dataset is a sample of a later epoch. In a dataset of 10, index 23 is
/// index 3 of epoch 2. An empty dataset has only epoch 0.
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

/// Returns the index at `offset` in epoch `epoch`: the inverse of [`epoch_of`].
///
/// Returns `None` when the index does not fit in 64 bits.
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
