//! The running digest of the batch stream.
//!
//! A chain of SHA-256: it starts with 32 zero bytes, and each batch makes the next link of the one
//! before and of the hash of the batch's canonical bytes (see [`crate::dataset::wire`]). So 32 bytes
//! in the state are enough for a resumed run to end with the digest of an uninterrupted one, and
//! workers hash what they make: only the links have an order.

use std::any::Any;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::backend::beside::{Hash, Hashes};
use crate::dataset::wire::encode;
use crate::error::Fault;
use crate::order::Description;
use crate::stage::Stages;

/// The digest of a stream with no batch in it yet.
pub(super) const START: Hash = [0; 32];

/// Hashes a batch alone.
pub(super) type Hasher<B> = fn(&B) -> Result<Hash, Fault>;

/// The digest of a stream whose digest was `before`, after one more batch.
///
/// It is the SHA-256 of `before` and of the SHA-256 of the batch's canonical bytes.
///
/// ```
/// use windrow::loader::digest_of;
/// let one = digest_of([0; 32], &vec![1u64, 2])?;
/// assert_ne!(one, digest_of([0; 32], &vec![1u64, 3])?);
/// # Ok::<(), windrow::Fault>(())
/// ```
///
/// # Errors
/// When the batch's own `Serialize` fails.
pub fn digest_of<B: Serialize>(before: [u8; 32], batch: &B) -> Result<[u8; 32], Fault> {
    Ok(chained(before, hash_of(batch)?))
}

/// The next link of the chain.
pub(super) fn chained(before: Hash, hash: Hash) -> Hash {
    Sha256::new().chain_update(before).chain_update(hash).finalize().into()
}

/// The SHA-256 of a batch's canonical bytes.
pub(super) fn hash_of<B: Serialize>(batch: &B) -> Result<Hash, Fault> {
    Ok(encode(batch)?.sha256())
}

/// How those who make samples hash them, where a sample is a batch as it is: there are no stages.
pub(super) fn beside<T: 'static, S: Stages<T>>(
    hasher: Option<Hasher<S::Out>>,
    stages: &S,
) -> Option<(Arc<Hashes>, Hasher<T>)>
where
    S::Out: 'static,
{
    let mut ordered = Description::default();
    stages.describe(&mut ordered).ok()?;
    let hasher: Box<dyn Any> = Box::new(hasher.filter(|_| ordered.is_empty())?);
    let hasher = hasher.downcast::<Hasher<T>>().ok()?;
    Some((Arc::default(), *hasher))
}
