//! Bytes in memory as a source.

use std::sync::Arc;

use super::{ByteSource, read_slice};
use crate::error::Result;

/// Bytes in memory under a name. A clone shares the bytes.
///
/// ```
/// use windrow::source::{ByteSource, InMemory};
/// let source = InMemory::new("numbers", vec![1, 2, 3]);
/// assert_eq!(source.as_slice(), Some(&[1, 2, 3][..]));
/// ```
#[derive(Clone)]
pub struct InMemory {
    name: Arc<str>,
    bytes: Arc<dyn AsRef<[u8]> + Send + Sync>,
}

impl InMemory {
    /// Creates a source of these bytes, without copying them: a `Vec<u8>`, an `Arc<[u8]>`, a
    /// `&'static [u8]`, an array.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self { name: name.into(), bytes: Arc::new(bytes) }
    }

    fn bytes(&self) -> &[u8] {
        (*self.bytes).as_ref()
    }
}

impl ByteSource for InMemory {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes().len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        read_slice(self, self.bytes(), offset, buffer)
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(self.bytes())
    }

    fn is_in_memory(&self) -> bool {
        true
    }
}

impl std::fmt::Debug for InMemory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InMemory").field("name", &self.name).field("len", &self.len()).finish()
    }
}
