#![no_main]

#[path = "../rules.rs"]
#[allow(dead_code)]
mod rules;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    rules::check(input);
});
