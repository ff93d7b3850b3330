//! What the end of a process says of how it began.

use super::super::sys::{Ended, exit_code};

/// Where `init` belongs.
pub(in super::super) const WHERE: &str = "call windrow::init() in the first line of main(), before anything \
                                else and whatever the arguments are; in a test binary, put \
                                windrow::test_entry!() at the top of it";

/// That a process which ended before it was ready has not called `windrow::init`, in words.
pub(in super::super) fn no_init(ended: Ended) -> Option<String> {
    let how = match ended {
        Ended::Code(exit_code::RAN_MAIN) => {
            "it ran the program's main() instead of windrow::init()"
        }
        Ended::Code(0) => "it exited with code 0 without calling windrow::init(), or in its recipe",
        _ => return None,
    };
    Some(format!("{how}; {WHERE}"))
}
