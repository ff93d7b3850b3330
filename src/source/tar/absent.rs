//! Reading an archive in a build without the feature `tar`.

use super::sample::Sample;
use crate::error::{Error, Result};
use crate::source::bytes::ByteSource;

/// Says that this build cannot.
pub(super) fn read(archive: &dyn ByteSource, _: u32, _: &mut Vec<Sample>) -> Result<()> {
    Err(Error::Unsupported {
        what: format!("reading the archive {}", archive.name()),
        why: "this build of windrow is without the feature `tar`".into(),
        instead: "build with it".into(),
    })
}
