//! The diagnosis of a start from the end of a process.

use super::super::sys::{Ended, exit_code};

/// The place for the call of `init`.
pub(in super::super) const WHERE: &str = "call windrow::init() in the first line of main(), before anything \
                                else and for any arguments; in a test binary, put \
                                windrow::test_entry!() at the top";

/// Returns the error text for a process that ended before it was ready without calling
/// `windrow::init`.
pub(in super::super) fn no_init(ended: Ended) -> Option<String> {
    let how = match ended {
        Ended::Code(exit_code::RAN_MAIN) => {
            "it ran the program's main() instead of windrow::init()"
        }
        Ended::Code(0) => {
            "it exited with code 0 without calling windrow::init(), or inside its recipe"
        }
        _ => return None,
    };
    Some(format!("{how}; {WHERE}"))
}
