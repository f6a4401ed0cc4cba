//! Bytes that must not change by accident: a released row or command is read by every later program.

use exchequer_domain::Timestamp;

use super::dice::Dice;
use super::naive::Naive;
use super::random::Notes;
use crate::limits::Limits;
use crate::{Command, Market, PhaseChange, RowKey};

/// The BLAKE3 hash of three random logs: their commands, reports and rows. Between releases it may be replaced by what
/// the test prints; afterwards a change of it needs a new version of the type that changed.
const GOLDEN: &str = "ed9112f2930ea400627a6ce5abdf6aae67db6456f3be398137e089eb892d229f";

/// Goal: commands, reports and rows keep their bytes, and the rules keep their results. Method: three fixed logs.
#[test]
fn bytes_are_those_of_the_release() {
    let mut hasher = blake3::Hasher::new();
    for seed in 1..4 {
        let mut dice = Dice(seed);
        let (worth, filters) = (dice.worth(), dice.filters());
        let mut naive = Naive::new(Limits::FULL, worth, filters);
        let mut market = Market::new(worth, filters);
        for number in 0..2_000 {
            let command = match number {
                20 => Command::SetPhase(PhaseChange::Trading),
                _ => dice.command(number * 4, &worth, &naive),
            };
            naive.apply(Timestamp(number * 4), &command);
            let mut notes = Notes::default();
            market.apply(Timestamp(number * 4), &command, &mut notes).unwrap();
            hasher.update(&postcard::to_allocvec(&command).unwrap());
            hasher.update(&postcard::to_allocvec(&notes.0).unwrap());
            if number % 16 == 0 {
                let mut take = |key: RowKey, row: Option<Vec<u8>>| {
                    hasher.update(format!("{key:?} {row:?}").as_bytes());
                };
                market.drain(&mut take).unwrap();
            }
        }
        hasher.update(&market.encode().unwrap());
    }
    let hash = hasher.finalize().to_hex();
    println!("golden hash: {hash}");
    assert_eq!(hash.as_str(), GOLDEN);
}
