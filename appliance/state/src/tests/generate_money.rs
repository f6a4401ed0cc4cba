//! Random commands of assets, users and transfers, good and bad, from a small domain.

use exchequer_domain::{Timestamp, UserId};
use exchequer_ledger as ledger;
use exchequer_ledger::{
    AccountId, AccountKey, Asset, Cause, Holder, Leg, OpenAccount, Reason, Store, Transfer, TransferId,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::generate::reason;
use super::world::{HOUR, SECOND, START};
use crate::users::UserStatus;
use crate::{
    Body, BulkTransfer, CreateAsset, CreateUser, CreateUsers, CreditSandbox, OpenAccounts, PostTransfers,
    RevertTransfer, TransferBetweenUsers, UpdateUser,
};

/// Numbers of transfers that say the same whenever they are said, by the kind of their command.
const CREDITS: u128 = 100;
const BETWEEN: u128 = 200;
const POSTS: u128 = 300;
const REVERTS: u128 = 400;

pub(super) fn body() -> impl Strategy<Value = Body> {
    let accounts = vec(open(), 0..6).prop_map(|accounts| Body::OpenAccounts(OpenAccounts { accounts }));
    let post = vec(transfer(), 0..6).prop_map(|transfers| Body::PostTransfers(PostTransfers { transfers }));
    let bulk = vec(transfer(), 0..4).prop_map(|transfers| Body::BulkTransfer(BulkTransfer { transfers }));
    prop_oneof![
        2 => new_asset(),
        3 => users(),
        3 => accounts,
        5 => post,
        4 => bulk,
        4 => revert(),
        4 => credit(),
        5 => between(),
    ]
}

fn credit() -> impl Strategy<Value = Body> {
    let wild = (user(), asset(), 0_u128..20, id()).prop_map(|(user, asset, amount, id)| CreditSandbox {
        user,
        asset,
        amount,
        id,
    });
    let number = prop_oneof![1 => 0_u128..3, 1 => 3_u128..8];
    let usual = number.prop_map(|number| CreditSandbox {
        user: UserId(1 + number as u64 % 2),
        asset: Asset(1),
        amount: 10 + number,
        id: id_of(CREDITS + number),
    });
    prop_oneof![1 => wild, 2 => usual].prop_map(Body::CreditSandbox)
}

fn between() -> impl Strategy<Value = Body> {
    let wild = (user(), user(), asset(), 0_u128..8, id(), note())
        .prop_map(|(from, to, asset, amount, id, note)| TransferBetweenUsers { from, to, asset, amount, id, note });
    let usual = (0_u128..8).prop_map(|number| TransferBetweenUsers {
        from: UserId(1 + number as u64 % 2),
        to: UserId(2 - number as u64 % 2),
        asset: Asset(1),
        amount: 1 + number,
        id: id_of(BETWEEN + number),
        note: None,
    });
    prop_oneof![1 => wild, 1 => usual].prop_map(Body::TransferBetweenUsers)
}

fn revert() -> impl Strategy<Value = Body> {
    let of = || {
        prop_oneof![
            2 => (0_u128..3).prop_map(|number| id_of(CREDITS + number)),
            2 => (0_u128..8).prop_map(|number| id_of(POSTS + number)),
            1 => id(),
        ]
    };
    let wild = (id(), id(), reason()).prop_map(|(id, of, reason)| RevertTransfer { id, of, reason });
    let usual = (0_u128..64, of()).prop_map(|(number, of)| RevertTransfer {
        id: id_of(REVERTS + number),
        of,
        reason: "wrong".into(),
    });
    let same = (0_u128..4).prop_map(|number| RevertTransfer {
        id: id_of(2 * REVERTS + number),
        of: id_of(CREDITS + number),
        reason: "wrong".into(),
    });
    prop_oneof![1 => wild, 4 => usual, 2 => same].prop_map(Body::RevertTransfer)
}

fn new_asset() -> impl Strategy<Value = Body> {
    let code = prop_oneof![2 => Just("BTC"), 2 => Just("USDT"), 2 => Just("ETH"), 1 => Just("eth")];
    (code, prop_oneof![9 => 0_u8..19, 1 => Just(19)], prop_oneof![9 => Just("A coin"), 1 => Just(" ")], reason())
        .prop_map(|(code, decimals, name, reason)| {
            Body::CreateAsset(CreateAsset { code: code.into(), decimals, name: name.into(), reason })
        })
}

fn users() -> impl Strategy<Value = Body> {
    let label = || prop_oneof![4 => Just(""), 4 => Just("Ada"), 1 => Just("\u{7}")].prop_map(str::to_owned);
    let one = (label(), level(), any::<u8>())
        .prop_map(|(label, kyc_level, fee_tier)| Body::CreateUser(CreateUser { label, kyc_level, fee_tier }));
    let many = (0_u32..3, level())
        .prop_map(|(count, kyc_level)| Body::CreateUsers(CreateUsers { count, kyc_level, fee_tier: 3 }));
    let status = prop_oneof![Just(UserStatus::Active), Just(UserStatus::Frozen)];
    let update = (user(), option::of(level()), option::of(0_u8..3), option::of(status), option::of(label()), reason());
    let update = update.prop_map(|(user, kyc_level, fee_tier, status, label, reason)| {
        Body::UpdateUser(UpdateUser { user, kyc_level, fee_tier, status, label, reason })
    });
    prop_oneof![2 => one, 1 => many, 3 => update]
}

fn level() -> impl Strategy<Value = u8> {
    prop_oneof![9 => 0_u8..4, 1 => Just(4)]
}

fn user() -> impl Strategy<Value = UserId> {
    prop_oneof![8 => 1_u64..4, 1 => 0_u64..9].prop_map(UserId)
}

fn asset() -> impl Strategy<Value = Asset> {
    prop_oneof![6 => Just(1), 2 => Just(2), 1 => 0_u32..5].prop_map(Asset)
}

/// Even numbers as they are, odd ones as time-ordered ids.
fn id_of(number: u128) -> TransferId {
    let ordered = u128::from(START.millis()) << 80 | 7 << 76 | 2 << 62 | number;
    TransferId(if number.is_multiple_of(2) { number } else { ordered })
}

/// Ids that others use as well, and one that is none.
fn id() -> impl Strategy<Value = TransferId> {
    let used = (0_u128..8, 0_u128..4).prop_map(|(number, kind)| id_of((kind + 1) * 100 + number));
    prop_oneof![10 => (1_u128..60).prop_map(id_of), 6 => used, 1 => Just(TransferId(0))]
}

fn note() -> impl Strategy<Value = Option<Box<str>>> {
    prop_oneof![4 => Just(None), 4 => Just(Some("rent".into())), 1 => Just(Some(" ".into()))]
}

fn open() -> impl Strategy<Value = OpenAccount> {
    let holder = prop_oneof![
        3 => (1_u64..3, 0_u16..2).prop_map(|(customer, sub_account)| Holder::Customer { customer, sub_account }),
        1 => user().prop_map(|user| Holder::Customer { customer: user.0, sub_account: 0 }),
        4 => (1_u32..3).prop_map(|network| Holder::Custody { network, store: Store::Hot }),
    ];
    let asset = prop_oneof![6 => Just(Asset(1)), 4 => Just(Asset(2)), 1 => asset()];
    (holder, asset, prop::bool::weighted(0.3))
        .prop_map(|(holder, asset, overdraft)| OpenAccount { key: AccountKey { holder, asset }, overdraft })
}

fn transfer() -> impl Strategy<Value = Transfer> {
    let cause = prop_oneof![6 => Just(Reason::Internal), 3 => Just(Reason::Trade), 1 => Just(Reason::Adjustment), 1 => Just(Reason::Reversal)];
    let cause = (cause, 0_u64..2).prop_map(|(reason, actor)| Cause {
        reason,
        actor: ledger::Actor::Customer(actor),
        reference: [9; 32],
    });
    let legs = prop_oneof![9 => vec(leg(), 1..3), 1 => vec(leg(), 0..4)];
    let wild =
        (id(), legs, cause, note()).prop_map(|(id, legs, cause, note)| Transfer { id, legs: legs.into(), cause, note });
    prop_oneof![2 => wild, 3 => (0_u128..8).prop_map(usual)]
}

/// Funds and moves what users 1 and 2 have, or holds it for an hour or a day.
fn usual(number: u128) -> Transfer {
    let [equity, ada, bob] = [0, 1, 2].map(AccountId);
    let fund = Leg::Post { debit: equity, credit: ada, amount: 5 + number };
    let hold = |hours| {
        let expires = Some(Timestamp(START.0 + hours * HOUR));
        Leg::Hold { debit: ada, credit: bob, amount: 1 + number, expires }
    };
    let legs = match number % 4 {
        0 => vec![fund],
        1 => vec![fund, hold(1)],
        2 => vec![Leg::Post { debit: ada, credit: bob, amount: 1 }],
        _ => vec![fund, hold(24)],
    };
    let cause = Cause { reason: Reason::Trade, actor: ledger::Actor::System, reference: [8; 32] };
    Transfer { id: id_of(POSTS + number), legs: legs.into(), cause, note: None }
}

fn leg() -> impl Strategy<Value = Leg> {
    let pair = prop_oneof![5 => (0_u32..6, 1_u32..6), 1 => (0_u32..9, 0_u32..9)];
    let amount = prop_oneof![20 => 1_u128..6, 1 => Just(0)];
    let expiry = prop_oneof![1 => Just(SECOND), 2 => Just(HOUR), 3 => Just(100 * HOUR)];
    let expires = option::of(expiry.prop_map(|after| Timestamp(START.0 + after)));
    (pair, amount, prop::bool::weighted(0.4), expires).prop_map(|((debit, offset), amount, is_hold, expires)| {
        let (debit, credit) = (AccountId(debit), AccountId((debit + offset) % 6));
        match is_hold {
            true => Leg::Hold { debit, credit, amount, expires },
            false => Leg::Post { debit, credit, amount },
        }
    })
}
