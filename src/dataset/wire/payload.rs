//! The payloads of the value that this thread encodes or decodes.

use std::cell::RefCell;

use crate::dataset::Tensor;
use crate::dataset::buffer::Owner;
use crate::error::Fault;

thread_local! {
    /// The payloads that [`encode`](super::encode) has collected.
    pub(super) static SINK: RefCell<Option<Vec<Tensor>>> = const { RefCell::new(None) };
    /// The payloads that [`decode`](super::decode) has not used yet.
    pub(super) static SOURCE: RefCell<Option<std::vec::IntoIter<Payload>>> = const { RefCell::new(None) };
}

pub(super) enum Payload {
    Tensor(Tensor),
    Owner(Owner),
}

impl Payload {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Tensor(tensor) => tensor.bytes(),
            Self::Owner(owner) => (**owner).as_ref(),
        }
    }
}

pub(super) fn push_payload(payload: Tensor) {
    SINK.with_borrow_mut(|sink| {
        if let Some(sink) = sink {
            sink.push(payload);
        }
    });
}

pub(super) fn next_payload() -> Result<Payload, Fault> {
    let next = SOURCE.with_borrow_mut(|source| source.as_mut().and_then(Iterator::next));
    next.ok_or_else(|| Fault::new("it needs more payloads than came"))
}
