//! The result of reading a table.

/// The columns of a table that has been read.
pub(super) struct Table {
    pub(super) rows: u64,
    /// For each field, the bytes of all rows and the numbers of the columns that they come from.
    pub(super) columns: Vec<(Vec<u8>, Vec<usize>)>,
    /// The identity of the file, by all of its bytes.
    pub(super) identity: String,
}
