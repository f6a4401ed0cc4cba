//! The working set as its rows hold it: rows of accounts and holds, and the window of the journal behind them.

use std::collections::BTreeMap;

use crate::account::AccountRow;
use crate::accounts::Accounts;
use crate::codec::{self, DecodeError};
use crate::entry::Dirty;
use crate::halt::Halt;
use crate::hold::{Hold, hold_of_key};
use crate::ids::{IdRow, Known, Recent};
use crate::journal::{self, Block};
use crate::ledger::{Head, Ledger};
use crate::limits::Sizes;
use crate::posting::{Kind, Posting};
use crate::rows::{History, Table, for_each};
use crate::transfer::{HoldId, TransferId};

impl Ledger {
    /// The ledger as its rows hold it. Reads about 131,000 postings of the journal at most.
    ///
    /// # Errors
    /// The rows cannot be read, are damaged, contradict each other, or are of a newer program.
    pub fn load(history: &dyn History) -> Result<Ledger, Halt> {
        Ledger::load_with_sizes(history, Sizes::STANDARD)
    }

    pub(crate) fn load_with_sizes(history: &dyn History, sizes: Sizes) -> Result<Ledger, Halt> {
        let mut ledger = Ledger::with_sizes(sizes);
        let Some(row) = history.get(&Table::Head.key(&[]))? else { return Ok(ledger) };
        let head: Head = codec::decode(&row).map_err(|error| Halt::row(Table::Head, error))?;
        (ledger.next, ledger.chain, ledger.time) = (head.next, head.chain, head.time);
        (ledger.ids.from, ledger.ids.fence) = (head.ids_from, head.fence);
        ledger.load_accounts(history)?;
        let mut holds = load_holds(history)?;
        let start = head.horizon.min(head.ids_from);
        if start < head.next {
            let mut last = None;
            let from = journal::block_of(history, start)?.first;
            for_each(history, Table::Journal, Table::Journal.key(&from.to_be_bytes()), |key, value| {
                let block = Block::decode(&[&[Table::Journal as u8], key].concat(), value.to_vec())?.hashed();
                for posting in block.iter() {
                    let (number, posting) = posting?;
                    if number >= head.horizon {
                        ledger.replay(number, &posting, &mut holds)?;
                    }
                    if number >= head.ids_from && posting.leg == 0 && posting.kind != Kind::Expire {
                        ledger.recall(number, &posting);
                    }
                }
                last = Some((block.end(), block.hash));
                Ok(())
            })?;
            if last != Some((head.next, head.chain)) {
                return Err(Halt::RowDamaged { table: Table::Journal });
            }
        }
        for (id, hold) in holds {
            ledger.slot_mut(hold.debit)?.open_holds += 1;
            ledger.set_hold(id, Some(hold));
        }
        ledger.load_burnt(history)?;
        ledger.load_totals()?;
        Ok(ledger)
    }

    fn load_accounts(&mut self, history: &dyn History) -> Result<(), Halt> {
        let damaged = |error| Halt::row(Table::Account, error);
        for_each(history, Table::Account, Table::Account.key(&[]), |key, value| {
            let row: AccountRow = codec::decode(value).map_err(damaged)?;
            let (account, _) = self.add_account_by(row.key, row.overdraft, Accounts::append)?;
            if key != account.0.to_be_bytes() {
                return Err(damaged(DecodeError::Malformed));
            }
            let slot = self.slot_mut(account)?;
            (slot.sums, slot.last_posting, slot.postings) = (row.sums, row.last_posting, row.postings);
            Ok(())
        })?;
        if self.accounts.index() { Ok(()) } else { Err(damaged(DecodeError::Malformed)) }
    }

    /// Brings accounts and holds to where they were behind a posting, and the queue as well.
    fn replay(&mut self, number: u64, posting: &Posting, holds: &mut BTreeMap<HoldId, Hold>) -> Result<(), Halt> {
        let sides = [
            (posting.debit, posting.debit_after, posting.dirties.debit),
            (posting.credit, posting.credit_after, posting.dirties.credit),
        ];
        for (account, after, dirties) in sides {
            let slot = self.slot_mut(account)?;
            if number > slot.last_posting {
                (slot.sums, slot.last_posting, slot.postings) = (after, number, slot.postings + 1);
            }
            if dirties {
                slot.dirty = true;
                self.dirty.push_back((number, Dirty::Account(account)));
            }
        }
        let id = posting.subject;
        match posting.kind {
            Kind::Hold => {
                let Posting { debit, credit, amount: remaining, expires, .. } = *posting;
                let hold =
                    Hold { debit, credit, remaining, expires, last_posting: number, dirty: true, has_row: false };
                holds.insert(id, hold);
            }
            Kind::Capture | Kind::Release | Kind::Expire => {
                // A hold without a row was resolved later in the window.
                if let Some(hold) = holds.get_mut(&id).filter(|hold| number > hold.last_posting) {
                    let rest = hold.remaining.checked_sub(posting.amount);
                    hold.remaining = rest.ok_or(Halt::Invariant("a hold holds what is taken"))?;
                    (hold.last_posting, hold.dirty) = (number, true);
                    if hold.remaining == 0 {
                        holds.remove(&id);
                    }
                }
            }
            Kind::Post | Kind::Revert => {}
        }
        if posting.dirties.hold {
            self.dirty.push_back((number, Dirty::Hold(id)));
        }
        Ok(())
    }

    fn recall(&mut self, first: u64, posting: &Posting) {
        let (id, postings) = (posting.transfer, posting.legs);
        if self.ids.is_packable(id) {
            self.ids.recent.push(Recent { id, first, postings });
            self.ids.known.insert(id, Known::Posted { first, postings });
        }
    }

    fn load_burnt(&mut self, history: &dyn History) -> Result<(), Halt> {
        let Some(from) = self.ids.fence.checked_add(1) else { return Ok(()) };
        let damaged = |error| Halt::row(Table::LateId, error);
        for_each(history, Table::LateId, Table::LateId.key(&from.to_be_bytes()), |key, value| {
            let id = key.try_into().map_err(|_| damaged(DecodeError::Malformed))?;
            let id = TransferId(u128::from_be_bytes(id));
            match codec::decode(value).map_err(damaged)? {
                IdRow::Posted { .. } => Err(damaged(DecodeError::Malformed)),
                IdRow::Burnt { as_of, .. } => {
                    self.ids.burnt.insert(id, as_of);
                    self.ids.known.insert(id, Known::Burnt);
                    Ok(())
                }
            }
        })
    }

    /// An asset's turnover is the sum of its accounts' debits, and of their credits.
    fn load_totals(&mut self) -> Result<(), Halt> {
        for slot in self.accounts.slots() {
            if let Some((_, total)) = self.totals.get_mut(slot.asset as usize) {
                let added = (
                    total.posted.checked_add(slot.sums.debits_posted),
                    total.pending.checked_add(slot.sums.debits_pending),
                );
                let (Some(posted), Some(pending)) = added else {
                    return Err(Halt::Invariant("sums fit into 128 bits"));
                };
                (total.posted, total.pending) = (posted, pending);
            }
        }
        self.check()
    }
}

fn load_holds(history: &dyn History) -> Result<BTreeMap<HoldId, Hold>, Halt> {
    let damaged = |error| Halt::row(Table::Hold, error);
    let mut holds = BTreeMap::new();
    for_each(history, Table::Hold, Table::Hold.key(&[]), |key, value| {
        let hold: Hold = codec::decode(value).map_err(damaged)?;
        let id = hold_of_key(key).ok_or(damaged(DecodeError::Malformed))?;
        holds.insert(id, Hold { has_row: true, ..hold });
        Ok(())
    })?;
    Ok(holds)
}
