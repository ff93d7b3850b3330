//! procspawn's pool, with as many calls ahead as windrow has.

use std::collections::VecDeque;

use procspawn::{JoinHandle, Pool};
use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{WORKERS, work};

/// Calls ahead.
const AHEAD: usize = 8;

/// What `make` gives for the numbers up to `end`, in order.
pub fn results<T>(end: u64, make: fn(u64) -> T) -> impl Iterator<Item = T>
where
    T: Serialize + DeserializeOwned + Send + 'static,
{
    let pool = Pool::new(WORKERS as usize).unwrap();
    let mut numbers = 0..end;
    let mut ahead: VecDeque<JoinHandle<T>> = VecDeque::new();
    std::iter::from_fn(move || {
        while ahead.len() <= AHEAD
            && let Some(number) = numbers.next()
        {
            ahead.push_back(pool.spawn(number, make));
        }
        ahead.pop_front().map(|handle| handle.join().unwrap())
    })
}

pub fn image(batch: u64) -> Bytes {
    let mut bytes = Vec::new();
    work::write_images(batch, &mut bytes);
    Bytes(bytes)
}

pub fn tiny(batch: u64) -> Vec<u64> {
    work::numbers(batch).collect()
}

/// Bytes that serde takes at once.
pub struct Bytes(pub Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Buffer;
        impl Visitor<'_> for Buffer {
            type Value = Bytes;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }
        }
        deserializer.deserialize_byte_buf(Buffer)
    }
}
