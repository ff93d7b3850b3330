//! Errors of writing and reading, and the limits that both have.

use std::fmt;

use serde::{de, ser};

use crate::error::Fault;

/// The most elements of a tuple or array that is never a run.
pub(super) const TUPLE_PLAIN: usize = 32;
/// The most elements of sequences and entries of maps without inline bytes in a value. A length
/// alone could otherwise make a reader loop without end.
const EMPTY_MAX: u32 = 1 << 20;

/// The reason why a value cannot be written or read.
#[derive(Debug)]
pub(super) struct Trouble(pub(super) String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

impl ser::Error for Trouble {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self(why.to_string())
    }
}

impl de::Error for Trouble {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self(why.to_string())
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self(fault.to_string())
    }
}

/// A counter of the elements of a value without inline bytes.
#[derive(Debug, Default)]
pub(super) struct Empty(u32);

impl Empty {
    #[cold]
    pub(super) fn count(&mut self) -> Result<(), Trouble> {
        if self.0 == EMPTY_MAX {
            let why = format!(
                "it has more than {EMPTY_MAX} elements without bytes; keep their number instead"
            );
            return Err(Trouble(why));
        }
        self.0 += 1;
        Ok(())
    }
}
