//! Which program a worker is, and how it finds what it runs.

pub(super) mod address;
pub(super) mod launch;
pub(super) mod names;
