//! The published workload, reproduced from its generator, and the published answer to it.

use std::io::Write;
use std::process::Command;

use crate::workload::{Canonical, Plain, TIMED_MESSAGES, encode, generate};

const FILE_SHA256: &str = "cadb37ab4afc86b51f2f3aa2e2b934f9c6c0bbd71573596f36af66c2a76f7cd4";
const OUTPUT_SHA256: &str = "a81683baf5fdf9f1ba88503f7f77fffb25c5a2489639971637db61b3f25e8a20";

fn sha256(pieces: impl IntoIterator<Item = Vec<u8>>) -> String {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for piece in pieces {
        file.write_all(&piece).unwrap();
    }
    file.flush().unwrap();
    let output = Command::new("sha256sum").arg(file.path()).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

/// Goal: the workload is the published one, bit for bit, and so is the book's answer. Method: SHA-256 of the file and
/// of the canonical output of three million messages over about a thousand resting orders.
#[test]
fn the_published_workload_has_the_published_answer() {
    let messages = generate(1, 1_000, TIMED_MESSAGES, 1_000).unwrap();
    let mut book = Plain::with_capacity(messages.len());
    let mut canonical = Canonical::default();
    let output = messages.chunks(10_000).enumerate().map(|(chunk, part)| {
        for (at, message) in part.iter().enumerate() {
            let sequence = (chunk * 10_000 + at) as u64;
            book.apply(message, &mut |line| canonical.report(sequence, message, line)).unwrap();
            canonical.end_message();
        }
        canonical.take().into_bytes()
    });
    let output = sha256(output.collect::<Vec<_>>());
    assert_eq!((canonical.trades, canonical.traded_lots), (166_293, 1_440_977));
    assert_eq!(output, OUTPUT_SHA256);
    assert_eq!(sha256([encode(&messages)]), FILE_SHA256);
}
