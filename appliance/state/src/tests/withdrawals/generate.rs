//! Random commands of withdrawals for the whole crate's logs, from a small domain: one network with a hot wallet that has money,
//! at the beginning of half of them.

use exchequer_domain::Timestamp;
use exchequer_ledger::AccountId;
use proptest::option;
use proptest::prelude::*;

use super::super::generate::reason;
use super::super::world::{START, configure, id, post};
use super::*;
use crate::custody::WalletId;
use crate::withdrawals::{Death, Waiting, WithdrawalPolicy};
use crate::{BookChange, ChangeAddressBook, PayoutDecision, ReviewPayout, SetWithdrawalPolicy};

const EVM: Network = Network::Ethereum;
/// The asset and the two users that every random log begins with, and the wallet that is registered first.
const ASSET: Asset = Asset(1);
const PAYER: Payer = Payer { wallet: WalletId(1), index: 0 };

/// What opens the network and funds its wallet, where nothing but accounts came before it.
pub(in crate::tests) fn founding() -> Vec<Command> {
    let open = configure(EVM, |change| {
        (change.state, change.fee_max) = (Some(NetworkState::Enabled), Some(FEE_MAX));
    });
    let terms =
        Terms { deposit_min: 0, withdrawal_min: 1, withdrawal_max: 1_000, withdrawal_step: 1, withdrawal_fee: 1 };
    let list = ListAsset { network: EVM, asset: ASSET, coin: None, decimals: 8, terms, reason: "test".into() };
    let wallet = RegisterWallet {
        name: "evm".into(),
        role: WalletRole::Hot,
        family: ChainFamily::Evm,
        network: None,
        xpub: "xpub".into(),
        addresses: vec![WalletAddress { address: address("0xhot"), change: false, index: 0 }],
        pinned: true,
        reason: "test".into(),
    };
    let account = OpenAccount { key: hot(EVM, ASSET), overdraft: false };
    let fund = post(0x9999, AccountId(3), AccountId(0), 50);
    let price = SetPrice { asset: ASSET, usd_micros: 1, source: "desk".into(), at: START };
    let bodies = [
        open,
        Body::ListAsset(Box::new(list)),
        Body::RegisterWallet(Box::new(wallet)),
        Body::OpenAccounts(OpenAccounts { accounts: vec![account] }),
        Body::PostTransfers(PostTransfers { transfers: vec![fund] }),
        Body::SetPrice(price),
    ];
    let numbered = (1_000..).zip(bodies);
    numbered.map(|(number, body)| Command { id: id(number), actor: Actor::Operator, epoch: None, body }).collect()
}

fn stage() -> impl Strategy<Value = Stage> {
    prop_oneof![
        4 => prop::sample::select(vec![Stage::Queued, Stage::Preparing, Stage::Signed, Stage::Broadcast]),
        1 => prop::sample::select(Stage::ALL),
    ]
}

fn ask() -> impl Strategy<Value = (Actor, Body)> {
    let parts = (1_u64..4, 0_u8..6, 1_u128..30, prop::bool::weighted(0.8), 0_u8..3, any::<bool>());
    parts.prop_map(|(user, name, amount, proved, to, deduct)| {
        let order = Order {
            user: UserId(user),
            client_id: format!("n{name}"),
            asset: ASSET,
            network: EVM,
            to: address(&format!("0x{to}")),
            memo: None,
            amount,
            mode: if deduct { FeeMode::Deduct } else { FeeMode::OnTop },
        };
        let proof = proved.then(|| Proof { order: order.hash(), at: START });
        let actor = Actor::User(order.user);
        (actor, Body::RequestWithdrawal(Box::new(RequestWithdrawal { order, proof })))
    })
}

fn of_payout() -> impl Strategy<Value = Body> {
    let death = prop_oneof![
        Just(Death::NeverSigned),
        (0_u64..3, 0_u64..3).prop_map(|(next, name)| Death::NonceUsed { at: block(1), next, absent: vec![tx(name)] }),
    ];
    let replace = (0_u64..3, 1_000_u64..1_003).prop_map(|(nonce, fee_max)| PayoutStep::Replace {
        preparation: Box::new(Preparation { fee_max, ..preparation(Claim::Nonce(nonce), fee_max) }),
        proof: None,
    });
    let step = prop_oneof![
        6 => (0_u64..4).prop_map(signed),
        3 => Just(PayoutStep::Broadcast { answers: vec![] }),
        3 => (0_u64..3).prop_map(|height| PayoutStep::Seen { block: block(height) }),
        1 => Just(PayoutStep::Unseen),
        3 => (0_u128..2_000).prop_map(final_step),
        1 => Just(PayoutStep::Reverted { block: block(1), fee: 3 }),
        2 => Just(PayoutStep::Stuck),
        2 => replace,
        2 => (death, any::<bool>()).prop_map(|(proof, requeue)| PayoutStep::Dead { proof, requeue }),
        1 => Just(PayoutStep::Review { why: "look".into() }),
    ];
    (1_u64..4, stage(), 1_u16..3, step).prop_map(|(payout, from, attempt, step)| {
        let payout = PayoutId(payout);
        Body::StepPayout(Box::new(StepPayout { network: EVM, payout, from, attempt, step }))
    })
}

/// One command, by whoever.
pub(in crate::tests) fn command() -> impl Strategy<Value = Command> {
    let prepare = (1_u64..6, 0_u64..4).prop_map(|(withdrawal, nonce)| {
        let command = prepare(EVM, &[WithdrawalId(withdrawal)], Claim::Nonce(nonce), nonce);
        // The fee is out of the same purse.
        let preparation = Preparation { fee_max: 5, ..command.preparation };
        Body::PreparePayout(Box::new(PreparePayout { payer: PAYER, preparation, ..command }))
    });
    let what = || {
        prop_oneof![
            3 => Just(WithdrawalStep::Cancel),
            1 => reason().prop_map(|reason| WithdrawalStep::Reject { reason }),
            1 => Just(WithdrawalStep::Wait(Waiting::FeeTooHigh)),
        ]
    };
    let step = || {
        (1_u64..6, stage(), what()).prop_map(|(withdrawal, from, step)| {
            Body::StepWithdrawal(StepWithdrawal { withdrawal: WithdrawalId(withdrawal), from, step })
        })
    };
    let policy = (option::of(0_u32..3), any::<bool>(), reason()).prop_map(|(if_version, small_may_pass, reason)| {
        let policy = WithdrawalPolicy { small_may_pass, ..WithdrawalPolicy::default() };
        Body::SetWithdrawalPolicy(Box::new(SetWithdrawalPolicy { policy, if_version, reason }))
    });
    let review = (1_u64..4, stage(), reason()).prop_map(|(payout, from, reason)| {
        let decision = PayoutDecision::Bump;
        Body::ReviewPayout(Box::new(ReviewPayout { payout: PayoutId(payout), from, decision, reason }))
    });
    let book = (1_u64..3, 0_u8..3, any::<bool>(), any::<bool>()).prop_map(|(user, to, add, proved)| {
        let (network, address, memo) = (EVM, address(&format!("0x{to}")), None);
        let change = match add {
            true => BookChange::Add { network, address, memo, label: String::new() },
            false => BookChange::Archive { network, address, memo },
        };
        let proved = proved.then_some(Timestamp(START.0));
        Body::ChangeAddressBook(ChangeAddressBook { user: UserId(user), change, proved })
    });
    let operator = |body| (Actor::Operator, body);
    let by = prop_oneof![
        6 => ask(),
        5 => prepare.prop_map(|body| (worker(EVM), body)),
        8 => of_payout().prop_map(|body| (teller(&body, worker(EVM)), body)),
        2 => step().prop_map(|body| (worker(EVM), body)),
        2 => step().prop_map(operator),
        1 => policy.prop_map(operator),
        1 => review.prop_map(operator),
        1 => book.prop_map(operator),
    ];
    (2_200_u64..2_700, by).prop_map(|(number, (actor, body))| Command { id: id(number), actor, epoch: None, body })
}
