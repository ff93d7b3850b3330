//! Reading a line in a build without the feature `jsonl`, which no file gets to.

use super::options::Field;
use crate::dataset::Record;

pub(super) type Wrong = (u64, String);

pub(super) fn read(_: &[u8], _: &[Field]) -> Result<Record, Wrong> {
    Err((0, "cannot be read by this build of windrow".into()))
}
