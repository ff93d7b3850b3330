//! The running digest of the batch stream.
//!
//! A chain of SHA-256: it starts with 32 zero bytes, and each batch makes the next link of the one
//! before and of the batch's canonical bytes (see [`crate::dataset::wire`]). So 32 bytes in the state
//! are enough for a resumed run to end with the digest of an uninterrupted one.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::dataset::wire::encode;
use crate::error::Fault;

/// The digest of a stream with no batch in it yet.
pub(super) const START: [u8; 32] = [0; 32];

/// Makes the next link of the chain.
pub(super) type Hasher<B> = fn([u8; 32], &B) -> Result<[u8; 32], Fault>;

/// The digest of a stream whose digest was `before`, after one more batch.
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
    let mut hash = Sha256::new();
    hash.update(before);
    encode(batch)?.write_canonical(&mut |bytes: &[u8]| hash.update(bytes));
    Ok(hash.finalize().into())
}
