//! `windrow schema`.

use windrow::spec::Spec;

use crate::DONE;
use crate::output::print;

pub(crate) fn show() -> windrow::Result<u8> {
    // A `Value` is written with line breaks and spaces by `#`.
    print(&format!("{:#}", Spec::json_schema()))?;
    Ok(DONE)
}
