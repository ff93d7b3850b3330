//! Short hashes of lists, for descriptions.

use sha2::{Digest, Sha256};

/// Returns the first 8 bytes of a hash as 16 hexadecimal digits.
pub(crate) fn short_hash(hash: Sha256) -> String {
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the short hash of numbers, each as 8 little-endian bytes.
pub(crate) fn short_hash_of(numbers: impl IntoIterator<Item = u64>) -> String {
    let mut hash = Sha256::new();
    numbers.into_iter().for_each(|number| hash.update(number.to_le_bytes()));
    short_hash(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_hash_is_the_start_of_the_sha_256_of_the_bytes() {
        // The SHA-256 of no bytes begins with these digits: FIPS 180-4.
        assert_eq!(short_hash_of([]), "e3b0c44298fc1c14");
        let mut hash = Sha256::new();
        hash.update([1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(short_hash_of([1, 2]), short_hash(hash));
    }
}
