//! What listing a folder finds.

use std::sync::Arc;

use super::ByteSource;

/// A file that [`Files::list`](super::Files::list) found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Listed {
    /// Its path from the folder, with `/` between the parts.
    pub name: String,
    /// Its bytes, which are opened no earlier than they are read.
    pub bytes: Arc<dyn ByteSource>,
}

impl Listed {
    /// A file by its path from the folder, with `/` between the parts.
    #[must_use]
    pub fn new(name: impl Into<String>, bytes: Arc<dyn ByteSource>) -> Self {
        Self { name: name.into(), bytes }
    }
}
