//! Fuzzes the property `npy` of `tests/formats/decoders/properties`.
#![no_main]

mod decoders;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("npy", decoders::seeds("npy")), |bytes: &[u8]| {
    decoders::holds("npy", bytes);
});
