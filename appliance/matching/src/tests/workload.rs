//! The published workload, reproduced from its generator, and the published answer to it.

use std::io::Write;
use std::process::{Command, Stdio};

use exchequer_domain::Timestamp;

use super::dice::Dice;
use crate::units::Side;
use crate::workload::{
    Ask, Canonical, Exchange, FileError, Line, Message, Plain, TIMED_MESSAGES, decode, encode, generate,
};

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
    let file = encode(&messages);
    assert_eq!(sha256(|take| take(&file)), published.file);
    assert_eq!(decode(&file).as_ref(), Ok(&messages));
    drop(file);
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

/// Goal: the bare book and the whole market give one answer to any file, also to cancels and modifications of orders that
/// are over or never were. Method: random messages.
#[test]
fn the_book_and_the_market_have_one_answer() {
    for seed in 0..50 {
        let mut dice = Dice(seed);
        let (mut book, mut exchange) = (Plain::default(), Exchange::new(10, 0).unwrap());
        let mut answers = [Canonical::default(), Canonical::default()];
        let mut orders = 0;
        for sequence in 0..2_000 {
            let (ask, order) = match dice.below(10) {
                0..4 => {
                    orders += 1;
                    (Ask::New { immediate: dice.one_in(4) }, orders)
                }
                4..7 => (Ask::Cancel, 1 + dice.below(orders + 2)),
                _ => (Ask::Modify, 1 + dice.below(orders + 2)),
            };
            // An order keeps its side and its user.
            let side = if order % 2 == 0 { Side::Buy } else { Side::Sell };
            let (lots, price) = (1 + dice.below(9) as u32, 95 + dice.below(10));
            let message = Message { ask, side, lots, order, price, user: order % 10 };
            let [plain, whole] = &mut answers;
            book.apply(&message, &mut |line| plain.report(sequence, &message, line)).unwrap();
            exchange.apply(Timestamp(1), &message, &mut |line| whole.report(sequence, &message, line)).unwrap();
            answers.iter_mut().for_each(Canonical::end_message);
        }
        let [plain, whole] = answers.map(|mut answer| answer.take());
        let difference = plain.lines().zip(whole.lines()).find(|(plain, whole)| plain != whole);
        assert!(plain == whole, "seed {seed}: {difference:?}");
        assert!(exchange.balanced(), "seed {seed}");
    }
}

/// Goal: a file that is not whole, or asks what no market can be asked, is refused with the place. Method: a small file,
/// cut at every byte, and with one field after the other out of its bounds.
#[test]
fn damaged_files_are_refused() {
    let file = encode(&generate(1, 10, 20, 5).unwrap());
    for cut in 0..file.len() {
        let why = if cut < 16 { FileError::Header } else { FileError::Length };
        assert_eq!(decode(&file[..cut]), Err(why), "{cut} bytes");
    }
    let change = |at: usize, byte: u8| {
        let mut file = file.clone();
        file[at] = byte;
        decode(&file)
    };
    assert_eq!(change(0, 0), Err(FileError::Header));
    assert_eq!(change(8, 2), Err(FileError::Header));
    // The second message: its kind, its side, whether it rests, and high bytes of order, price and user.
    for field in [0, 1, 2, 23, 31, 39] {
        assert_eq!(change(16 + 40 + field, 3), Err(FileError::Message(1)), "byte {field}");
    }
}
