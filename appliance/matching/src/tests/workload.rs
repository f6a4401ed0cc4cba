//! The published workload, reproduced from its generator, and the published answer to it.

use std::io::Write;
use std::process::Command;

use exchequer_domain::Timestamp;

use crate::workload::{Canonical, Exchange, Line, Message, Plain, TIMED_MESSAGES, encode, generate};

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

/// The SHA-256 of the canonical output of a run.
fn output(messages: &[Message], mut apply: impl FnMut(&Message, &mut dyn FnMut(Line))) -> String {
    let mut canonical = Canonical::default();
    let output = messages.chunks(10_000).enumerate().map(|(chunk, part)| {
        for (at, message) in part.iter().enumerate() {
            let sequence = (chunk * 10_000 + at) as u64;
            apply(message, &mut |line| canonical.report(sequence, message, line));
            canonical.end_message();
        }
        canonical.take().into_bytes()
    });
    let output = sha256(output.collect::<Vec<_>>());
    assert_eq!((canonical.trades, canonical.traded_lots), (166_293, 1_440_977));
    output
}

/// Goal: the workload is the published one, bit for bit, and so is the answer of the bare book and of the whole market;
/// no unit of money comes or goes. Method: SHA-256 of the file and of the canonical outputs of three million messages
/// over about a thousand resting orders.
#[test]
fn the_published_workload_has_the_published_answer() {
    let messages = generate(1, 1_000, TIMED_MESSAGES, 1_000).unwrap();
    assert_eq!(sha256([encode(&messages)]), FILE_SHA256);
    let mut book = Plain::with_capacity(messages.len());
    let plain = output(&messages, |message, mut tell| book.apply(message, &mut tell).unwrap());
    assert_eq!(plain, OUTPUT_SHA256);
    let mut exchange = Exchange::new(1_000, messages.len()).unwrap();
    let whole = output(&messages, |message, mut tell| exchange.apply(Timestamp(1), message, &mut tell).unwrap());
    assert_eq!(whole, OUTPUT_SHA256);
    assert!(exchange.balanced());
}
