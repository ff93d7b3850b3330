//! The stand-in for backend `threads` on platforms without threads.

use std::sync::Arc;

use super::{Fill, Info};
use crate::error::{Error, Result};

pub(super) static INFO: Info = Info::threads(available);

/// Returns why this platform has no threads.
fn available() -> std::result::Result<(), String> {
    Err("this WebAssembly build has no threads".into())
}

/// A pool of threads; uninhabited on this platform.
#[derive(Debug)]
pub enum Threads {}

impl Threads {
    /// Returns an error.
    ///
    /// # Errors
    /// Returns [`Error::Unsupported`], with the reason.
    pub fn shared<T>(_: Arc<dyn Fill<T>>, _: u32) -> Result<super::Inline<T>> {
        Err(Error::Unsupported {
            what: "backend threads".into(),
            why: available().err().unwrap_or_default(),
            instead: "use backend auto or inline".into(),
        })
    }
}
