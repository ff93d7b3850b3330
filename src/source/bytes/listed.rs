//! A file in the list of a folder.

use std::sync::Arc;

use super::ByteSource;

/// A file that [`Files::list`](super::Files::list) found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Listed {
    /// The path of the file from the folder, with `/` between the parts.
    pub name: String,
    /// The bytes of the file, which is opened when they are first read.
    pub bytes: Arc<dyn ByteSource>,
}

impl Listed {
    /// Creates a file from its path from the folder, with `/` between the parts, and its bytes.
    #[must_use]
    pub fn new(name: impl Into<String>, bytes: Arc<dyn ByteSource>) -> Self {
        Self { name: name.into(), bytes }
    }
}
