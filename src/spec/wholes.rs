//! Reads and writes lists of whole numbers, each as [`whole`](super::whole) does.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct One(#[serde(with = "super::whole")] u64);

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
    Ok(Vec::<One>::deserialize(from)?.into_iter().map(|one| one.0).collect())
}

pub(super) fn serialize<S: Serializer>(numbers: &[u64], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(numbers.iter().map(|number| One(*number)))
}
