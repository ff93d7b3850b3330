//! What reading a table gives.

/// What reading a table gives.
pub(super) struct Table {
    pub(super) rows: u64,
    /// For each field, the bytes of all rows and the columns they came from.
    pub(super) columns: Vec<(Vec<u8>, Vec<usize>)>,
    /// Of the file, by all of its bytes.
    pub(super) identity: String,
}
