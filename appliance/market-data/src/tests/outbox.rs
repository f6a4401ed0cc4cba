//! The outbox against a plain list.

use std::sync::Arc;

use super::Random;
use crate::conflate::{Message, Outbox, Refused, Stream};
use crate::depth::{Diff, Level};

type Text = Vec<u8>;

/// What the table of [`crate::conflate`] says, on a list.
fn push(list: &mut Vec<Message<Text>>, message: Message<Text>) {
    let place = list.iter().position(|waiting| match (waiting, &message) {
        (Message::Latest(old, _), Message::Latest(new, _)) => old == new,
        (Message::Trailing(old, _), Message::Trailing(new, _)) => old == new,
        (Message::Depth(old, ..), Message::Depth(new, ..)) => old == new,
        _ => false,
    });
    match (place, message) {
        (Some(place), message @ Message::Latest(..)) => list[place] = message,
        (Some(place), message @ Message::Trailing(..)) => {
            list.remove(place);
            list.push(message);
        }
        (Some(place), Message::Depth(_, later, _)) => match &mut list[place] {
            Message::Depth(_, earlier, made) => {
                Arc::make_mut(earlier).merge(&later).unwrap();
                *made = None;
            }
            other => panic!("not a difference: {other:?}"),
        },
        (_, message) => list.push(message),
    }
}

/// Goal: what a slow reader gets, and in which order, is what the table says; the count of bytes is that of what waits;
/// the verdict falls exactly where the limit is passed. Method: random messages and readings beside a plain list.
#[test]
fn an_outbox_is_its_list() {
    let mut verdicts = 0;
    for seed in 0..100 {
        println!("seed {seed}");
        let random = &mut Random::new(seed);
        let limit = 2_000 + random.below(20_000) as usize;
        let (mut outbox, mut list) = (Outbox::new(limit), Vec::new());
        let mut updates = [0_u64; 3];
        for _ in 0..2_000 {
            if random.once_in(3) {
                let expected = (!list.is_empty()).then(|| list.remove(0));
                assert_eq!(outbox.pop(), expected);
                continue;
            }
            let content = vec![random.below(256) as u8; random.below(200) as usize];
            let book = random.below(3);
            let message = match random.below(6) {
                0..3 => Message::Event(content),
                3 => Message::Latest(Stream(10 + random.below(4) as u32), content),
                4 => Message::Trailing(Stream(20 + random.below(4) as u32), content),
                _ => {
                    let update = &mut updates[book as usize];
                    let (first, last) = (*update + 1, *update + 1 + random.below(3));
                    *update = last;
                    let level = Level { price: 1 + random.below(20), total: u128::from(random.below(3)) };
                    let diff = Diff { first, last, bids: vec![level], asks: vec![], checksum: last as u32 };
                    let made = random.once_in(2).then_some(content);
                    Message::Depth(Stream(30 + book as u32), Arc::new(diff), made)
                }
            };
            push(&mut list, message.clone());
            // A fresh outbox with the same list weighs the same.
            let mut fresh = Outbox::new(usize::MAX);
            list.iter().cloned().for_each(|message| fresh.push(message).unwrap());
            match outbox.push(message) {
                Ok(()) => assert_eq!((outbox.len(), outbox.bytes()), (list.len(), fresh.bytes())),
                Err(refused) => {
                    assert_eq!(refused, Refused::TooSlow { waiting: fresh.bytes(), limit });
                    assert!(fresh.bytes() > limit);
                    verdicts += 1;
                    break;
                }
            }
            assert!(outbox.bytes() <= limit);
        }
    }
    assert!((1..100).contains(&verdicts), "{verdicts} verdicts of 100");
}
