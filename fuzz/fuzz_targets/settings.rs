#![no_main]

#[path = "../../shared/core/tests/hostile/mod.rs"]
#[allow(dead_code, reason = "each program is one of the targets")]
mod hostile;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| hostile::settings(bytes));
