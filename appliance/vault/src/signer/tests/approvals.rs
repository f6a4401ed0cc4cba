//! Who may approve, and what.

use super::rig::*;
use crate::policy::{Approval, Code, Instruction, Intent};

fn with(order: &Instruction, approvals: Vec<Approval>) -> Intent {
    Intent::Withdrawal(vec![Instruction { approvals, ..order.clone() }])
}

/// Goal: beyond the bound of a rule so many distinct persons must have approved this very payment. Method: five ether, which
/// takes one; ten, which take two; and everything that is not an approval by two others.
#[test]
fn forged_duplicate_and_own_approvals_are_refused() {
    let rig = Rig::new();
    let ten = rig.evm(1, STRANGER, 10_000);
    let order = order(1, vec![]);
    let sign = |key| consent(key, &ten, &order);
    rig.refuses(&ten, with(&order, vec![]), Code::ApprovalMissing);
    rig.refuses(&ten, with(&order, vec![sign(1)]), Code::ApprovalMissing);
    rig.refuses(&ten, with(&order, vec![sign(1), sign(1)]), Code::ApprovalDuplicate);
    // Two keys of one person are one approval.
    rig.refuses(&ten, with(&order, vec![sign(2), sign(3)]), Code::ApprovalDuplicate);
    // A key that is not enrolled; an enrolled one's number over another key's signature.
    rig.refuses(&ten, with(&order, vec![sign(1), sign(9)]), Code::ApprovalForged);
    rig.refuses(&ten, with(&order, vec![sign(1), Approval { key: 2, ..sign(9) }]), Code::ApprovalForged);
    let mut flipped = sign(2);
    flipped.signature.replace_range(0..1, if flipped.signature.starts_with('0') { "1" } else { "0" });
    for signature in [flipped.signature, String::new(), "zz".repeat(64), "00".repeat(64)] {
        let forged = Approval { signature, ..sign(2) };
        rig.refuses(&ten, with(&order, vec![sign(1), forged]), Code::ApprovalForged);
    }
    // Another withdrawal, another end: neither is what was signed.
    let later = Instruction { until: exchequer_domain::Timestamp(u64::MAX), ..order.clone() };
    rig.refuses(&ten, with(&later, vec![sign(1), sign(2)]), Code::ApprovalForged);
    let other = Instruction { withdrawal: 13, ..order.clone() };
    rig.refuses(&ten, with(&other, vec![sign(1), sign(2)]), Code::ApprovalForged);
    rig.refuses(&ten, with(&order, vec![sign(1); 33]), Code::Malformed);
    rig.signed(&ten, with(&order, vec![sign(1), sign(2)]));

    let five = rig.evm(2, STRANGER, 5_000);
    let own = Instruction { withdrawal: 2, initiator: "ALICE ".into(), ..order };
    rig.refuses(&five, with(&own, vec![consent(1, &five, &own)]), Code::ApprovalOwn);
    rig.signed(&five, with(&own, vec![consent(4, &five, &own)]));
}

/// Goal: an approval is of one payment as it was: to whom, what, how much, with what words, at what cost; and it has an end.
#[test]
fn a_payload_that_changed_after_its_approval_is_refused() {
    let rig = Rig::new();
    let five = rig.evm(1, STRANGER, 5_000);
    let order = order(1, vec![]);
    let approved = consent(1, &five, &order);
    let refused = |unsigned: &_, order: &Instruction| {
        rig.refuses(unsigned, with(order, vec![approved.clone()]), Code::ApprovalForged);
    };
    refused(&rig.evm(1, STRANGER, 4_999), &order);
    refused(&rig.evm(1, "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65", 5_000), &order);
    refused(&five, &Instruction { withdrawal: 2, ..order.clone() });
    refused(&five, &Instruction { memo: Some("rent".into()), ..order.clone() });
    refused(&five, &Instruction { fee_cap: order.fee_cap + 1, ..order.clone() });
    rig.pass(86_400);
    rig.refuses(&five, with(&order, vec![approved.clone()]), Code::ApprovalExpired);
    rig.clock.store(NOON_US, std::sync::atomic::Ordering::SeqCst);
    let intent = with(&order, vec![approved]);
    rig.signed(&five, intent.clone());
    // What was signed in time is replaced later.
    rig.pass(90_000);
    let to = exchequer_chains::evm::account_of_text(STRANGER).unwrap();
    let action = exchequer_chains::evm::EvmAction::Transfer { to, amount: 5 * ETHER };
    rig.signed(&rig.evm_from(HOT, 1, action, 20_000_000_000), intent);
}

/// Goal: beyond the last rule nothing is paid, whoever approves it; and a coin without rules is paid to nobody.
#[test]
fn beyond_the_last_rule_nothing_is_paid() {
    let rig = Rig::new();
    let much = rig.evm(1, STRANGER, 15_001);
    let order = order(1, vec![]);
    let all = [1, 2, 4].map(|key| consent(key, &much, &order)).to_vec();
    rig.refuses(&much, with(&order, all), Code::NoRule);
}
