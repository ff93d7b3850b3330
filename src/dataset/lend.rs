//! Memory that is lent to the tensors a thread builds, such as a slot of shared memory.
//!
//! What is lent belongs to the tensor until its last clone is gone, so a tensor that user code keeps
//! stays as it is. Absent on purpose: whose the memory is, and when it is worth lending.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::scope::Scope;

/// Memory of one tensor: nobody else writes to it while this lives, and it starts at a multiple of
/// 64.
pub(crate) trait Lent: Send + Sync {
    /// What is in it.
    fn bytes(&self) -> &[u8];

    /// What is in it, to write to.
    fn bytes_mut(&mut self) -> &mut [u8];
}

/// Lends memory.
pub(crate) trait Lender {
    /// So many bytes, if they are to be had; whatever is in them.
    fn lend(&mut self, bytes: usize) -> Option<Arc<dyn Lent>>;

    /// A tensor is built here, where this lent nothing.
    fn elsewhere(&mut self, at: &[u8]);
}

/// A lender that is asked now and then by the one who set it, too.
type Shared = Rc<RefCell<dyn Lender>>;

thread_local! {
    static LENDER: RefCell<Option<Shared>> = const { RefCell::new(None) };
}

/// Has large tensors that this thread builds from now on ask this lender for memory.
#[allow(dead_code, reason = "not every platform has worker processes")]
pub(crate) fn borrow_from(lender: Option<Shared>) {
    drop(LENDER.replace(lender));
}

/// Runs this without the thread's lender: what it builds is in memory of its own.
pub(crate) fn without<R>(run: impl FnOnce() -> R) -> R {
    let _scope = Scope::enter(&LENDER, None);
    run()
}

/// Memory from this thread's lender, if it has one.
pub(super) fn ask(bytes: usize) -> Option<Arc<dyn Lent>> {
    LENDER.with_borrow(|lender| lender.as_ref()?.try_borrow_mut().ok()?.lend(bytes))
}

/// Tells the lender where a tensor is built that it was asked for.
pub(super) fn elsewhere(at: &[u8]) {
    LENDER.with_borrow(|lender| {
        if let Some(mut lender) = lender.as_ref().and_then(|lender| lender.try_borrow_mut().ok()) {
            lender.elsewhere(at);
        }
    });
}
