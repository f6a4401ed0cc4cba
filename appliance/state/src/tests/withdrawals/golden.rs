//! What the golden script has of withdrawals; each with its sender.

use exchequer_domain::AdminId;
use exchequer_ledger::AccountKey;

use super::super::world::configure;
use super::*;
use crate::approvals::{ApprovalKeyId, Signature};
use crate::custody::WalletId;
use crate::deposits::{DepositId, ScannedBlock};
use crate::directives::DirectiveId;
use crate::withdrawals::{Answer, Reply, Waiting, WithdrawalPolicy};
use crate::{
    ApproveWithdrawal, BookChange, ChangeAddressBook, CommitBlocks, CommitMissed, CreateUser, DoubtToken,
    PayoutDecision, ReviewPayout, SetNonce, SetWithdrawalPolicy,
};

const EVM: Network = Network::Ethereum;
const ASSET: Asset = Asset(1);

fn paid(user: UserId, name: &str, memo: Option<&str>) -> Order {
    let (client_id, memo) = (name.to_owned(), memo.map(str::to_owned));
    let to = address("0x300");
    Order { user, client_id, asset: ASSET, network: EVM, to, memo, amount: 300, mode: FeeMode::Deduct }
}

/// What is to be run in a world as it is; in an empty one, for its kinds alone.
pub(in crate::tests) fn script(world: &World) -> Vec<(Actor, Body)> {
    let reason = || "why".to_owned();
    let operator = |body| (Actor::Operator, body);
    let user = UserId(world.state.users().count() + 1);
    let wallets = world.state.custody().wallets().count() as u32;
    let payer = Payer { wallet: WalletId(wallets + 1), index: 300 };
    let equity = world.state.ledger().find(&AccountKey { holder: Holder::Equity, asset: ASSET });
    let next = AccountId(world.state.ledger().accounts());
    let fund = super::super::world::post(0x7777, next, equity.unwrap_or(AccountId(0)), 100_000);
    let terms =
        Terms { deposit_min: 0, withdrawal_min: 3, withdrawal_max: 3_000, withdrawal_step: 1, withdrawal_fee: 10 };
    let list = ListAsset { network: EVM, asset: ASSET, coin: None, decimals: 8, terms, reason: reason() };
    let register = RegisterWallet {
        name: "golden".into(),
        role: WalletRole::Hot,
        family: ChainFamily::Evm,
        network: None,
        xpub: "xpub300".into(),
        addresses: vec![WalletAddress { address: address("0x301"), change: false, index: 300 }],
        pinned: true,
        reason: reason(),
    };
    let open = configure(EVM, |command| (command.state, command.fee_max) = (Some(NetworkState::Enabled), Some(3_000)));
    let add = BookChange::Add { network: EVM, address: address("0x300"), memo: None, label: "mine".into() };
    let only = BookChange::ListedOnly(true);
    let long = address("0x3000000000000000000000000000000000000300");
    let long = BookChange::Add { network: EVM, address: long, memo: None, label: "other".into() };
    let btc = Network::Bitcoin;
    let scanner = Actor::Worker(WorkerId { kind: WorkerKind::Deposit, network: Some(btc), instance: 1 });
    let doubt = DoubtToken { network: btc, token: address("0x300"), why: "300 are there".into(), decimals: Some(18) };
    let missed = CommitMissed {
        network: btc,
        directive: DirectiveId(300),
        block: block(300),
        sightings: vec![super::super::deposits::pay(btc, 300, 0, 300)],
        absent: vec![DepositId(300)],
    };
    let scanned = ScannedBlock { block: block(300), parent: block(299).hash, spent: Vec::new(), sightings: Vec::new() };
    let commit = CommitBlocks {
        network: EVM,
        parent: block(299),
        blocks: vec![scanned],
        more: false,
        head: 300,
        finalized: Some(300),
        agreed: 300,
    };
    let of_chain = Actor::Worker(WorkerId { kind: WorkerKind::Deposit, network: Some(EVM), instance: 1 });
    let (policy, if_version) = (WithdrawalPolicy::default(), Some(0));
    let ask = |order: Order| {
        let proof = Some(Proof { order: order.hash(), at: world.now });
        (Actor::User(user), Body::RequestWithdrawal(Box::new(RequestWithdrawal { order, proof })))
    };
    let unconfirmed = RequestWithdrawal { order: paid(user, "later", None), proof: None };
    let worker = |body| (worker(EVM), body);
    let decide = |withdrawal: u64, nonce| {
        let command = prepare(EVM, &[WithdrawalId(withdrawal)], Claim::Nonce(nonce), 300);
        worker(Body::PreparePayout(Box::new(PreparePayout { payer, ..command })))
    };
    let tell = |payout: u64, from, step| {
        let (network, payout, attempt) = (EVM, PayoutId(payout), 1);
        worker(Body::StepPayout(Box::new(StepPayout { network, payout, from, attempt, step })))
    };
    let (_, signed) =
        tell(1, Stage::Preparing, PayoutStep::Signed { tx: tx(300), raw: vec![3, 0, 0], record: vec![4] });
    let signed = (LEADER, signed);
    let answers = vec![Answer { endpoint: 3, reply: Reply::Refused { why: "nonce too low".into() } }];
    let review =
        ReviewPayout { payout: PayoutId(2), from: Stage::Review, decision: PayoutDecision::Bump, reason: reason() };
    let approve = ApproveWithdrawal {
        withdrawal: WithdrawalId(300),
        admin: AdminId(1),
        key: ApprovalKeyId(300),
        signature: Signature([3; 32], [4; 32]),
    };
    let wait = StepWithdrawal {
        withdrawal: WithdrawalId(3),
        from: Stage::Queued,
        step: WithdrawalStep::Wait(Waiting::SetAside { why: "no such output".into() }),
    };
    let account = OpenAccount { key: hot(EVM, ASSET), overdraft: false };
    vec![
        operator(open),
        operator(Body::ListAsset(Box::new(list))),
        operator(Body::RegisterWallet(Box::new(register))),
        operator(Body::CreateUser(CreateUser { label: "golden".into(), kyc_level: 3, fee_tier: 0 })),
        operator(Body::OpenAccounts(OpenAccounts { accounts: vec![account] })),
        operator(Body::PostTransfers(PostTransfers { transfers: vec![fund] })),
        operator(Body::CreditSandbox(CreditSandbox { user, asset: ASSET, amount: 9_000, id: TransferId(0x7778) })),
        (Actor::User(user), Body::ChangeAddressBook(ChangeAddressBook { user, change: add, proved: Some(world.now) })),
        operator(Body::SetWithdrawalPolicy(Box::new(SetWithdrawalPolicy { policy, if_version, reason: reason() }))),
        ask(paid(user, "one", None)),
        ask(paid(user, "two", Some("to 300"))),
        ask(paid(user, "three", None)),
        (Actor::User(user), Body::RequestWithdrawal(Box::new(unconfirmed))),
        operator(Body::ApproveWithdrawal(approve)),
        decide(1, 0),
        signed,
        tell(1, Stage::Signed, PayoutStep::Broadcast { answers }),
        (of_chain, Body::CommitBlocks(Box::new(commit))),
        tell(1, Stage::Broadcast, PayoutStep::Final { block: block(300), fee: 300 }),
        decide(2, 1),
        tell(2, Stage::Preparing, PayoutStep::Review { why: "look".into() }),
        operator(Body::ReviewPayout(Box::new(review))),
        worker(Body::StepWithdrawal(wait)),
        (Actor::User(user), Body::ChangeAddressBook(ChangeAddressBook { user, change: only, proved: None })),
        (Actor::User(user), Body::ChangeAddressBook(ChangeAddressBook { user, change: long, proved: Some(world.now) })),
        tell(2, Stage::Stuck, PayoutStep::Unknown { why: "nobody knows".into() }),
        (scanner, Body::CommitMissed(Box::new(missed))),
        (scanner, Body::DoubtToken(Box::new(doubt))),
        operator(Body::SetNonce(SetNonce { network: EVM, payer, next: 300, reason: reason() })),
    ]
}

pub(in crate::tests) fn done() -> Vec<Done> {
    vec![
        Done::WithdrawalRequested { withdrawal: WithdrawalId(300), stage: Stage::Queued, first: true },
        Done::WithdrawalMoved { stage: Stage::Cancelled },
        Done::PayoutPrepared { payout: PayoutId(300), attempt: 3 },
        Done::PayoutWaits { gas: true },
        Done::PayoutMoved { stage: Stage::Mined },
        Done::WithdrawalPolicySet { version: 300 },
        Done::AddressBookChanged,
        Done::MissedCommitted { taken: 300 },
        Done::NoncePassed { next: 300, chain: 400 },
        Done::NonceSet { next: 300 },
    ]
}

pub(in crate::tests) fn rejected() -> Vec<Rejection> {
    let refusal = |refusal| Rejection::Withdrawals(Box::new(refusal));
    vec![
        refusal(Refusal::Amount { min: 300, max: 400, step: 5 }),
        refusal(Refusal::Nonce { next: 300 }),
        refusal(Refusal::NonceBeyond),
    ]
}
