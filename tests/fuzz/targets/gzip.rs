//! Fuzzes the property `gzip` of `tests/formats/decoders/properties`.
#![no_main]

mod decoders;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("gzip", decoders::seeds("gzip")), |bytes: &[u8]| {
    decoders::holds("gzip", bytes);
});
