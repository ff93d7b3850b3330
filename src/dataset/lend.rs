//! Memory that a lender lends to the tensors of a thread, such as a slot of shared memory.
//!
//! Lent memory belongs to the tensor until its last clone is dropped, so a tensor that user code
//! keeps stays valid. Absent on purpose: the owner of the memory, and when lending pays.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::scope::Scope;

/// Memory of one tensor, which starts at a multiple of 64 bytes. No other code writes to it while
/// the value lives.
pub(crate) trait Lent: Send + Sync {
    /// Returns the bytes.
    fn bytes(&self) -> &[u8];

    /// Returns the bytes for writing.
    fn bytes_mut(&mut self) -> &mut [u8];
}

/// A lender of memory.
pub(crate) trait Lender {
    /// Lends this many bytes, of any content; `None` if the lender has no memory.
    fn lend(&mut self, bytes: usize) -> Option<Arc<dyn Lent>>;

    /// Receives the bytes of a tensor for which the lender lent nothing.
    fn elsewhere(&mut self, at: &[u8]);
}

/// A lender that the code that set it also uses.
type Shared = Rc<RefCell<dyn Lender>>;

thread_local! {
    static LENDER: RefCell<Option<Shared>> = const { RefCell::new(None) };
}

/// Makes large tensors of this thread ask this lender for memory from now on.
#[allow(dead_code, reason = "not every platform has worker processes")]
pub(crate) fn borrow_from(lender: Option<Shared>) {
    drop(LENDER.replace(lender));
}

/// Runs a function without the thread's lender, so that its tensors allocate their memory.
pub(crate) fn without<R>(run: impl FnOnce() -> R) -> R {
    let _scope = Scope::enter(&LENDER, None);
    run()
}

/// Returns memory from this thread's lender, if any.
pub(super) fn ask(bytes: usize) -> Option<Arc<dyn Lent>> {
    LENDER.with_borrow(|lender| lender.as_ref()?.try_borrow_mut().ok()?.lend(bytes))
}

/// Tells the lender the bytes of a tensor that it lent nothing for.
pub(super) fn elsewhere(at: &[u8]) {
    LENDER.with_borrow(|lender| {
        if let Some(mut lender) = lender.as_ref().and_then(|lender| lender.try_borrow_mut().ok()) {
            lender.elsewhere(at);
        }
    });
}
