//! A short run of every target, the same for the same seed, with the inputs that are checked in and changed ones.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;

use exchequer_fuzz::mutate::{Draws, mutate};
use exchequer_fuzz::{TARGETS, Target};

/// Changed inputs of the fastest target; the others have fewer, by their weight.
const RUNS: usize = 60_000;
const SEED: u64 = 20_261_123;

fn number(name: &str, unsaid: u64) -> u64 {
    std::env::var(name).map_or(unsaid, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// Inputs that found something once, or that get far.
fn checked_in(target: &Target) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Goal: no bytes from outside make a parser panic, stop a node, or be read as what they are not. Method: each target with
/// the inputs of its own, the checked-in ones, and changed ones; `EXCHEQUER_FUZZ_SEED` and `EXCHEQUER_FUZZ_RUNS` choose
/// others and more, `EXCHEQUER_FUZZ_TARGET` one target. What fails is printed in hexadecimal.
#[test]
fn targets_hold() {
    let (seed, runs) = (number("EXCHEQUER_FUZZ_SEED", SEED), number("EXCHEQUER_FUZZ_RUNS", RUNS as u64) as usize);
    println!("seed {seed}");
    let only = std::env::var("EXCHEQUER_FUZZ_TARGET").ok();
    let mut tried = 0;
    for target in TARGETS.iter().filter(|target| only.as_deref().is_none_or(|name| name == target.name)) {
        let mut inputs = (target.seeds)();
        inputs.extend(checked_in(target));
        assert!(!inputs.is_empty(), "{} has inputs", target.name);
        let mut draws = Draws::new(seed);
        let changed = (0..runs / target.weight as usize).map(|_| mutate(&mut draws, &inputs)).collect::<Vec<_>>();
        for bytes in inputs.iter().chain(&changed) {
            let ran = std::panic::catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)));
            assert!(ran.is_ok(), "{} with {} (seed {seed})", target.name, hex::encode(bytes));
            tried += 1;
        }
        println!("{}: {} inputs, {} changed ones", target.name, inputs.len(), changed.len());
    }
    assert!(tried > 0, "there is no target of that name");
}

/// Goal: the same seed gives the same inputs, another one others, and changes change something.
#[test]
fn changes_are_repeated() {
    let inputs = vec![b"abcdefgh".to_vec(), b"12345678".to_vec()];
    let made = |seed| {
        let mut draws = Draws::new(seed);
        (0..100).map(|_| mutate(&mut draws, &inputs)).collect::<Vec<_>>()
    };
    assert_eq!(made(1), made(1));
    assert_ne!(made(1), made(2));
    assert!(made(1).iter().filter(|bytes| !inputs.contains(bytes)).count() > 80);
}

/// Goal: libFuzzer begins where this run begins. Method: with `EXCHEQUER_FUZZ_WRITE`, writes every input into that folder,
/// which is relative to the repository's root; otherwise looks that all targets have a file of their own for it.
#[test]
fn inputs_are_written() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    for target in TARGETS {
        let file = root.join(format!("tests/fuzz/libfuzzer/fuzz_targets/{}.rs", target.name));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert!(text.contains(&format!("\"{}\"", target.name)), "{text}");
        let Ok(folder) = std::env::var("EXCHEQUER_FUZZ_WRITE") else { continue };
        let folder = root.join(folder).join(target.name);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, bytes) in (target.seeds)().into_iter().chain(checked_in(target)).enumerate() {
            std::fs::write(folder.join(format!("{number:04}")), bytes).unwrap();
        }
    }
}
