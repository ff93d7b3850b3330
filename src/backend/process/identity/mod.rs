//! The identity of a worker's program, and the lookup of its recipe.

pub(super) mod address;
pub(super) mod launch;
pub(super) mod names;
