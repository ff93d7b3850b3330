//! Fuzzes the property `idx_gz` of `tests/formats/decoders/properties`.
#![no_main]

mod decoders;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("idx_gz", decoders::seeds("idx_gz")), |bytes: &[u8]| {
    decoders::holds("idx_gz", bytes);
});
