//! The content of memory that both sides map.

pub(super) mod region;
pub(super) mod status_page;
