//! Reading a line in a build without the feature `jsonl`, which refuses every file first.

use super::options::Field;
use crate::dataset::Record;

pub(super) type Wrong = (u64, String);

pub(super) fn read(_: &[u8], _: &[Field]) -> Result<Record, Wrong> {
    Err((0, "this build of windrow lacks the feature `jsonl`; build windrow with it".into()))
}
