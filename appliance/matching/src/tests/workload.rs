//! The published workload, reproduced from its generator, and the published answer to it.

use std::io::Write;
use std::process::{Command, Stdio};

use exchequer_domain::Timestamp;

use crate::workload::{Canonical, Exchange, Line, Message, Plain, TIMED_MESSAGES, encode, generate};

/// What is published of a file, or what all engines that were asked agree on.
struct Published {
    resting: u32,
    file: &'static str,
    output: &'static str,
    trades: u64,
    lots: u64,
}

const SMALL: Published = Published {
    resting: 1_000,
    file: "cadb37ab4afc86b51f2f3aa2e2b934f9c6c0bbd71573596f36af66c2a76f7cd4",
    output: "a81683baf5fdf9f1ba88503f7f77fffb25c5a2489639971637db61b3f25e8a20",
    trades: 166_293,
    lots: 1_440_977,
};
/// Only the generator is published for this one; the hashes are those of the bare book, to see a change.
const LARGE: Published = Published {
    resting: 100_000,
    file: "1fdf3836ea1d14dab68975efe40fa8f80747809b79bf35f3f195e9bec7d3a261",
    output: "d9f3094ffa5adb4e6a127e48f1288b54dbe87056d346bb3889252ce8dc5e3f06",
    trades: 168_719,
    lots: 1_461_682,
};

/// The SHA-256 of pieces of bytes, by the system's program.
fn sha256(pieces: impl FnOnce(&mut dyn FnMut(&[u8]))) -> String {
    let mut program = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = program.stdin.take().unwrap();
    pieces(&mut |piece| input.write_all(piece).unwrap());
    drop(input);
    let output = program.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

/// Compares the canonical output of a run.
fn compare(published: &Published, messages: &[Message], mut apply: impl FnMut(&Message, &mut dyn FnMut(Line))) {
    let mut canonical = Canonical::default();
    let output = sha256(|take| {
        for (sequence, message) in messages.iter().enumerate() {
            apply(message, &mut |line| canonical.report(sequence as u64, message, line));
            canonical.end_message();
            if sequence % 10_000 == 0 {
                take(canonical.take().as_bytes());
            }
        }
        take(canonical.take().as_bytes());
    });
    assert_eq!((canonical.trades, canonical.traded_lots), (published.trades, published.lots));
    assert_eq!(output, published.output);
}

fn check(published: &Published) {
    let messages = generate(1, published.resting, TIMED_MESSAGES, 1_000).unwrap();
    assert_eq!(sha256(|take| take(&encode(&messages))), published.file);
    let mut book = Plain::with_capacity(messages.len());
    compare(published, &messages, |message, mut tell| book.apply(message, &mut tell).unwrap());
    let mut exchange = Exchange::new(1_000, messages.len()).unwrap();
    compare(published, &messages, |message, mut tell| exchange.apply(Timestamp(1), message, &mut tell).unwrap());
    assert!(exchange.balanced());
}

/// Goal: the workload is the published one, bit for bit, and so is the answer of the bare book and of the whole market;
/// no unit of money comes or goes. Method: SHA-256 of the file and of the canonical outputs of three million messages
/// over about a thousand resting orders.
#[test]
fn the_published_workload_has_the_published_answer() {
    check(&SMALL);
}

/// Goal: the same over about a hundred thousand resting orders, where the bare book and the whole market agree.
#[test]
fn the_large_workload_has_one_answer() {
    check(&LARGE);
}
