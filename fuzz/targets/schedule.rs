//! The target `schedule`: a sound system keeps its promises on any day. What is held is said in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| squall::fuzzing::schedule(bytes));
