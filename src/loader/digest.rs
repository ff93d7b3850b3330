//! The running digest of a stream of batches.
//!
//! The digest is a chain of SHA-256 hashes that starts with 32 zero bytes. Each link hashes the
//! previous link and the hash of the batch's canonical bytes (see [`crate::dataset::wire`]). The 32
//! bytes in the state therefore suffice for a resumed run to end with the digest of an
//! uninterrupted run. Workers can hash the batches they make, since only the links depend on the
//! order.

use std::any::Any;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::backend::beside::{Hash, Hashes};
use crate::dataset::wire::encode;
use crate::error::Fault;
use crate::order::Description;
use crate::stage::Stages;

/// The digest of a stream without batches.
pub(super) const START: Hash = [0; 32];

/// A function that hashes one batch.
pub(super) type Hasher<B> = fn(&B) -> Result<Hash, Fault>;

/// Returns the digest of a stream with digest `before` after one more batch.
///
/// The result is the SHA-256 of `before`, followed by the SHA-256 of the batch's canonical bytes.
///
/// ```
/// use windrow::loader::digest_of;
/// let one = digest_of([0; 32], &vec![1u64, 2])?;
/// assert_ne!(one, digest_of([0; 32], &vec![1u64, 3])?);
/// # Ok::<(), windrow::Fault>(())
/// ```
///
/// # Errors
/// Returns a fault if the batch's `Serialize` fails.
pub fn digest_of<B: Serialize>(before: [u8; 32], batch: &B) -> Result<[u8; 32], Fault> {
    Ok(chained(before, hash_of(batch)?))
}

/// Returns the next link of the chain.
pub(super) fn chained(before: Hash, hash: Hash) -> Hash {
    Sha256::new().chain_update(before).chain_update(hash).finalize().into()
}

/// Returns the SHA-256 of a batch's canonical bytes.
pub(super) fn hash_of<B: Serialize>(batch: &B) -> Result<Hash, Fault> {
    Ok(encode(batch)?.sha256())
}

/// Returns how workers hash samples, if a sample is a whole batch because the pipeline has no
/// stages.
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
