//! `threads` where there are none: the same names, and a reason.

use std::sync::Arc;

use super::Fill;
use crate::error::{Error, Result};

/// Why there are no threads here.
pub(super) fn available() -> std::result::Result<(), String> {
    Err("this WebAssembly build has no threads".into())
}

/// A pool that cannot be made on this platform.
#[derive(Debug)]
pub enum Threads {}

impl Threads {
    /// Always an error.
    ///
    /// # Errors
    /// [`Error::Unsupported`], with the reason.
    pub fn shared<T>(_: Arc<dyn Fill<T>>, _: u32) -> Result<super::Inline<T>> {
        Err(Error::Unsupported {
            what: "backend threads".into(),
            why: available().err().unwrap_or_default(),
            instead: "use backend auto or inline".into(),
        })
    }
}
