//! The ledger's answers as people read them.

use exchequer_api::dto::{Account, LedgerBalance, LedgerEntry, LedgerTransfer, TransferPosted, TrialBalance};

use super::output::{columns, fields, or_nothing, text_or_nothing};

pub(super) fn accounts(accounts: &[Account]) -> String {
    let rows = accounts.iter().map(|account| {
        [
            account.account.to_string(),
            account.holder.clone(),
            account.asset.clone(),
            account.posted.clone(),
            account.held.clone(),
            account.reserved.clone(),
            account.available.clone(),
            account.entries.to_string(),
        ]
    });
    columns(["ACCOUNT", "HOLDER", "ASSET", "POSTED", "HELD", "RESERVED", "AVAILABLE", "ENTRIES"], rows)
}

pub(super) fn entries(entries: &[LedgerEntry]) -> String {
    let rows = entries.iter().map(|entry| {
        [
            entry.number.to_string(),
            entry.time.clone(),
            entry.kind.clone(),
            entry.reason.clone(),
            entry.debit_holder.clone(),
            entry.credit_holder.clone(),
            entry.asset.clone(),
            entry.amount.clone(),
            or_nothing(entry.balance.clone()),
            entry.transfer.clone(),
        ]
    });
    columns(["ENTRY", "TIME", "KIND", "REASON", "DEBIT", "CREDIT", "ASSET", "AMOUNT", "BALANCE", "TRANSFER"], rows)
}

pub(super) fn balance(balance: &LedgerBalance) -> String {
    fields([
        ("User", balance.user.to_string()),
        ("Asset", balance.asset.clone()),
        ("At", balance.at.clone()),
        ("Posted", balance.posted.clone()),
        ("Held", balance.held.clone()),
        ("Last entry", balance.last_entry.to_string()),
        ("Final", balance.is_final.to_string()),
    ])
}

pub(super) fn transfer(transfer: &LedgerTransfer) -> String {
    let mut rows = vec![
        ("Transfer", transfer.id.clone()),
        ("Status", transfer.status.clone()),
        ("Note", transfer.note.as_deref().map_or_else(|| or_nothing::<String>(None), text_or_nothing)),
        ("Reverted by", or_nothing(transfer.reverted_by.clone())),
    ];
    rows.extend(transfer.error.iter().map(|problem| ("Error", format!("{}: {}", problem.code, problem.message))));
    let head = fields(rows);
    if transfer.entries.is_empty() { head } else { format!("{head}\n\n{}", entries(&transfer.entries)) }
}

pub(super) fn posted(done: &TransferPosted) -> String {
    let before = if done.existed { " before" } else { "" };
    format!("Posted transfer {}{before}, entry {}", done.id, done.first_entry)
}

pub(super) fn trial_balance(balance: &TrialBalance) -> String {
    let rows = balance.assets.iter().flat_map(|asset| {
        let users = [asset.asset.clone(), "users".to_owned(), asset.users.clone(), asset.users_held.clone()];
        let system = asset
            .system
            .iter()
            .map(|account| [asset.asset.clone(), account.holder.clone(), account.posted.clone(), account.held.clone()]);
        let turnover = [asset.asset.clone(), "turnover".to_owned(), asset.turnover.clone(), or_nothing::<u64>(None)];
        std::iter::once(users).chain(system).chain([turnover])
    });
    columns(["ASSET", "HOLDER", "POSTED", "HELD"], rows)
}
