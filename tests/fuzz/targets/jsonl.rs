//! Fuzzes the property `jsonl` of `tests/formats/decoders/properties`.
#![no_main]

mod decoders;
mod seeds;

libfuzzer_sys::fuzz_target!(init: seeds::write("jsonl", decoders::seeds("jsonl")), |bytes: &[u8]| {
    decoders::holds("jsonl", bytes);
});
