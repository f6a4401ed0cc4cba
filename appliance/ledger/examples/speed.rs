//! What a transfer costs: nanoseconds of this thread's processor time, in entries of 8,190 over 10,000 accounts.
//!
//! `cargo run -p exchequer-ledger --features testing --example speed`. The rows go to a map in memory, which is not
//! counted.

use std::fs;
use std::io::{self, Write};

use exchequer_domain::Timestamp;
use exchequer_ledger::testing::MemoryRows;
use exchequer_ledger::{
    AccountId, AccountKey, Actor, Asset, At, Cause, Command, HoldId, Holder, Ledger, Leg, OpenAccount, Reason,
    Transfer, TransferId,
};

const ACCOUNTS: u64 = 10_000;
const BATCH: u128 = 8_190;
const BATCHES: u64 = 60;
const START_US: u64 = 1_764_000_000_000_000;

fn main() -> io::Result<()> {
    for (name, holds, repeats) in [("post", false, false), ("post, 2 % repeats", false, true), ("hold", true, false)] {
        let (ns, bytes, rows) = run(holds, repeats)?;
        writeln!(io::stdout(), "{name:>18}: {ns:.0} ns, {bytes:.0} bytes and {rows:.3} rows a transfer")?;
    }
    Ok(())
}

fn run(holds: bool, repeats: bool) -> io::Result<(f64, f64, f64)> {
    let (mut ledger, mut rows, mut random) = (Ledger::new(), MemoryRows::new(), 7_u64);
    let mut next = |end: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % end
    };
    let opens = (0..ACCOUNTS).map(|customer| {
        let key = AccountKey { holder: Holder::Customer { customer, sub_account: 0 }, asset: Asset(1) };
        Command::Open(OpenAccount { key, overdraft: true })
    });
    let opens: Vec<Command> = opens.collect();
    let applied = ledger.apply(At { index: 1, time: Timestamp(START_US) }, &opens, &rows).map_err(io::Error::other)?;
    rows.apply_changes(applied.changes);

    let cause = Cause { reason: Reason::Trade, actor: Actor::System, reference: [1; 32] };
    let (mut spent, mut bytes, mut written, mut number) = (0, 0, 0, 0_u128);
    for batch in 0..BATCHES {
        let time = Timestamp(START_US + batch * 60_000);
        let id = |number: u128| TransferId(u128::from(START_US / 1_000) << 80 | 7 << 76 | 2 << 62 | number);
        let mut commands: Vec<Command> = Vec::new();
        for place in 0..BATCH {
            number += 1;
            if repeats && place > 1_000 && next(50) == 0 {
                let again = commands[place as usize - 1 - next(1_000) as usize].clone();
                commands.push(again);
                continue;
            }
            let debit = AccountId(next(ACCOUNTS) as u32);
            let credit = AccountId(((u64::from(debit.0) + 1 + next(ACCOUNTS - 1)) % ACCOUNTS) as u32);
            let amount = u128::from(1 + next(1_000));
            let leg = match (holds, place % 2) {
                (true, 0) => Leg::Hold { debit, credit, amount, expires: None },
                (true, _) => Leg::Capture { hold: HoldId { transfer: id(number - 1), leg: 0 }, amount: None },
                (false, _) => Leg::Post { debit, credit, amount },
            };
            commands.push(Command::Transfer(Transfer { id: id(number), legs: leg.into(), cause, note: None }));
        }
        let before = thread_ns()?;
        let applied = ledger.apply(At { index: batch + 2, time }, &commands, &rows).map_err(io::Error::other)?;
        spent += thread_ns()? - before;
        written += applied.changes.len();
        bytes += applied.changes.iter().map(|change| change.key.len()).sum::<usize>();
        rows.apply_changes(applied.changes);
    }
    bytes += rows.iter().map(|(_, value)| value.len()).sum::<usize>();
    let transfers = BATCH as f64 * BATCHES as f64;
    Ok((spent as f64 / transfers, bytes as f64 / transfers, written as f64 / transfers))
}

/// What this thread has used of a processor.
fn thread_ns() -> io::Result<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let ns = text.split(' ').next().and_then(|text| text.parse().ok());
    ns.ok_or_else(|| io::Error::other("/proc/thread-self/schedstat has another form"))
}
