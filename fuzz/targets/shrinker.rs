//! The target `shrinker`: a shrunk story keeps what it breaks. What is held is said in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| squall::fuzzing::shrinker(bytes));
