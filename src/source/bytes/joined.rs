//! Several sources joined one after another.

use std::sync::Arc;

use super::{ByteSource, in_bounds};
use crate::error::Result;

/// Several sources that are read as one.
#[derive(Debug)]
pub(in crate::source) struct Joined<'a> {
    name: &'a str,
    /// Each source that is not empty, with the offset of its first byte.
    parts: Vec<(u64, &'a Arc<dyn ByteSource>)>,
    len: u64,
}

impl<'a> Joined<'a> {
    /// Joins the sources in this order.
    pub(in crate::source) fn new(
        name: &'a str,
        sources: impl Iterator<Item = &'a Arc<dyn ByteSource>>,
    ) -> Self {
        let mut len = 0u64;
        let mut parts = Vec::new();
        for source in sources.filter(|source| !source.is_empty()) {
            parts.push((len, source));
            len = len.saturating_add(source.len());
        }
        Self { name, parts, len }
    }
}

impl ByteSource for Joined<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, mut buffer: &mut [u8]) -> Result<()> {
        in_bounds(self, offset, buffer.len())?;
        let mut place = self.parts.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
        let mut offset = offset;
        while !buffer.is_empty() {
            let (start, source) = self.parts[place];
            let inside = offset - start;
            let some = (source.len() - inside).min(buffer.len() as u64) as usize;
            let (now, rest) = buffer.split_at_mut(some);
            source.read_at(inside, now)?;
            (buffer, offset, place) = (rest, offset + some as u64, place + 1);
        }
        Ok(())
    }
}
