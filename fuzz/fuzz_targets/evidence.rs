//! Changed evidence is refused, or says what the genuine document about its id says.

#![no_main]

use arbitrary::Unstructured;
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use sealane_core::evidence::{Evidence, check};
use sealane_core::gs1::Id;
use sealane_core::statement::P256;
use sealane_fuzz::edits::{edit_json, lie, noise};
use sealane_fuzz::genuine::{GENUINE, TEXTS};

fuzz_target!(|data: &[u8]| {
    let Ok(evidence) = Evidence::parse(data) else { return };
    let Ok(id) = Id::parse(&evidence.id) else { return };
    if let Ok(checked) = check(&evidence, &id, &GENUINE.anchor, &P256) {
        GENUINE.assert_is_true(&evidence.id, &checked);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    match mutated(&data[..size], seed) {
        Some(text) if text.len() <= max_size.min(data.len()) => {
            data[..text.len()].copy_from_slice(text.as_bytes());
            text.len()
        }
        _ => fuzzer_mutate(data, size, max_size),
    }
});

/// One document from another; none where the bytes themselves are to be changed.
fn mutated(data: &[u8], seed: u32) -> Option<String> {
    let bytes = noise(seed);
    let mut dice = Unstructured::new(&bytes);
    let way = dice.int_in_range(0..=15).ok()?;
    // Most of what has been changed once cannot hold any more: begin anew, half of the time.
    let start = match way % 2 {
        0 => data,
        _ => dice.choose(&TEXTS).ok()?.as_bytes(),
    };
    if way == 0 {
        return None;
    }
    if way < 6 {
        let mut value = serde_json::from_slice(start).ok()?;
        edit_json(&mut value, &mut dice).ok()?;
        return Some(value.to_string());
    }
    let mut evidence = Evidence::parse(start).ok()?;
    lie(&mut evidence, &mut dice).ok()?;
    serde_json::to_string(&evidence).ok()
}
