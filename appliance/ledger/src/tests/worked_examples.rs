//! The worked examples of the crate's README: postings, balances afterwards, and zero as the sum of each asset.

use exchequer_domain::Timestamp;

use super::world::{SECOND, World, transfer};
use crate::{
    AccountId, Asset, At, Command, Done, HoldId, Holder, Leg, Outcome, Reason, Revert, Side, Store, TransferId,
};

const BTC: Asset = Asset(1);
const USDT: Asset = Asset(2);
const ETH: Asset = Asset(3);
const BITCOIN: u32 = 1;
const ETHEREUM: u32 = 2;

/// The accounts of the examples.
struct Exchange {
    world: World,
    alice: [AccountId; 2],
    bob: [AccountId; 2],
    clearing: [AccountId; 2],
    fees: [AccountId; 2],
    deposits: [AccountId; 2],
    hot: [AccountId; 2],
    hot_eth: AccountId,
    gas_eth: AccountId,
    gas_btc: AccountId,
    equity_eth: AccountId,
    suspense: AccountId,
}

fn post(debit: AccountId, credit: AccountId, amount: u128) -> Leg {
    Leg::Post { debit, credit, amount }
}

fn hold(debit: AccountId, credit: AccountId, amount: u128) -> Leg {
    Leg::Hold { debit, credit, amount, expires: None }
}

fn capture(transfer: TransferId, leg: u8) -> Leg {
    Leg::Capture { hold: HoldId { transfer, leg }, amount: None }
}

impl Exchange {
    fn new() -> Exchange {
        let mut world = World::with_sizes(crate::limits::Sizes::STANDARD);
        let mut pair = |holder: fn(Asset) -> Holder| [BTC, USDT].map(|asset| world.open(holder(asset), asset, false));
        let alice = pair(|_| Holder::Customer { customer: 1, sub_account: 0 });
        let bob = pair(|_| Holder::Customer { customer: 2, sub_account: 0 });
        let clearing = pair(|_| Holder::Clearing);
        let fees = pair(|_| Holder::FeeIncome);
        let custody = |asset: Asset, store| Holder::Custody { network: asset.0, store };
        let deposits = [BTC, USDT].map(|asset| world.open(custody(asset, Store::Deposit), asset, false));
        let hot = [BTC, USDT].map(|asset| world.open(custody(asset, Store::Hot), asset, false));
        let hot_eth = world.open(Holder::Custody { network: ETHEREUM, store: Store::Hot }, ETH, false);
        let gas_eth = world.open(Holder::GasExpense { network: ETHEREUM }, ETH, false);
        let gas_btc = world.open(Holder::GasExpense { network: BITCOIN }, BTC, false);
        let equity_eth = world.open(Holder::Equity, ETH, false);
        let suspense = world.open(Holder::Suspense, BTC, false);
        Exchange { world, alice, bob, clearing, fees, deposits, hot, hot_eth, gas_eth, gas_btc, equity_eth, suspense }
    }

    /// Alice has 60,000 USDT, Bob 1 BTC; both deposited.
    fn funded() -> Exchange {
        let mut exchange = Exchange::new();
        let Exchange { world, alice, bob, deposits, .. } = &mut exchange;
        world.transfer(Reason::Deposit, vec![post(deposits[1], alice[1], 60_000_000_000)]).unwrap();
        world.transfer(Reason::Deposit, vec![post(deposits[0], bob[0], 100_000_000)]).unwrap();
        exchange
    }

    /// The balance of an account on its normal side.
    fn balance(&self, account: AccountId) -> u128 {
        let account = self.world.ledger.account(account).unwrap();
        account.sums.balance(account.key.holder.normal_side())
    }

    fn available(&self, account: AccountId) -> u128 {
        self.world.ledger.account(account).unwrap().available()
    }

    /// Per asset, what is owned equals what is owed.
    fn sums_to_zero(&self) {
        for asset in [BTC, USDT, ETH] {
            let accounts = (0..self.world.ledger.accounts()).filter_map(|id| self.world.ledger.account(AccountId(id)));
            let (mut owned, mut owed) = (0, 0);
            for account in accounts.filter(|account| account.key.asset == asset) {
                match account.key.holder.normal_side() {
                    Side::Debit => owned += account.sums.balance(Side::Debit),
                    Side::Credit => owed += account.sums.balance(Side::Credit),
                }
            }
            assert_eq!(owned, owed, "{asset:?}");
        }
    }
}

/// Goal: a deposit credits the customer against the deposit wallet.
#[test]
fn deposit() {
    let mut x = Exchange::new();
    x.world.transfer(Reason::Deposit, vec![post(x.deposits[0], x.alice[0], 150_000_000)]).unwrap();
    assert_eq!((x.balance(x.deposits[0]), x.balance(x.alice[0])), (150_000_000, 150_000_000));
    x.sums_to_zero();
}

/// Goal: two orders reserve money; one transfer settles the trade, both assets and both fees, or nothing.
#[test]
fn trade_with_fees() {
    let mut x = Exchange::funded();
    assert_eq!(x.world.ledger.reserve(x.alice[1], 60_000_000_000), Ok(true));
    assert_eq!(x.world.ledger.reserve(x.bob[0], 100_000_000), Ok(true));
    assert_eq!((x.balance(x.alice[1]), x.available(x.alice[1])), (60_000_000_000, 0));
    assert_eq!(x.world.ledger.reserve(x.alice[1], 1), Ok(false), "another order finds nothing left");
    assert!(x.world.ledger.check().is_ok());

    // Half of both orders meets at 60,000; 0.1 % of what each receives is the fee.
    let legs = vec![
        post(x.alice[1], x.bob[1], 30_000_000_000),
        post(x.bob[0], x.alice[0], 50_000_000),
        post(x.alice[0], x.fees[0], 50_000),
        post(x.bob[1], x.fees[1], 30_000_000),
    ];
    let id = x.world.id();
    let trade = transfer(id, Reason::Trade, legs);
    x.world.index += 1;
    let mut entry = x.world.ledger.enter(At { index: x.world.index, time: x.world.now }, &x.world.rows).unwrap();
    entry.unreserve(x.alice[1], 30_000_000_000).unwrap();
    entry.unreserve(x.bob[0], 50_000_000).unwrap();
    assert!(matches!(entry.run_transfer(&trade), Ok(Outcome::Done(Done::Posted { postings: 4, .. }))));
    let changes = entry.close().unwrap();
    x.world.rows.apply_changes(changes);
    assert_eq!((x.balance(x.alice[0]), x.balance(x.alice[1])), (49_950_000, 30_000_000_000));
    assert_eq!((x.balance(x.bob[0]), x.balance(x.bob[1])), (50_000_000, 29_970_000_000));
    assert_eq!((x.balance(x.fees[0]), x.balance(x.fees[1])), (50_000, 30_000_000));
    assert_eq!((x.available(x.alice[1]), x.available(x.bob[0])), (0, 0), "the other halves are still reserved");

    // Both cancel what is left.
    let mut entry = x.world.ledger.enter(At { index: x.world.index + 1, time: x.world.now }, &x.world.rows).unwrap();
    entry.unreserve(x.alice[1], 30_000_000_000).unwrap();
    entry.unreserve(x.bob[0], 50_000_000).unwrap();
    assert_eq!(entry.close(), Ok(vec![]), "a reservation is no row");
    assert_eq!((x.available(x.alice[1]), x.available(x.bob[0])), (30_000_000_000, 50_000_000));
    x.sums_to_zero();
}

/// Goal: a withdrawal holds amount and fee, is captured when its transaction is confirmed, and the hot wallet cannot
/// promise more than it has.
#[test]
fn withdrawal() {
    let mut x = Exchange::funded();
    x.world.transfer(Reason::Sweep, vec![post(x.hot[0], x.deposits[0], 60_000_000)]).unwrap();
    let legs = vec![hold(x.bob[0], x.hot[0], 50_000_000), hold(x.bob[0], x.fees[0], 10_000)];
    let withdrawal = x.world.transfer(Reason::Withdrawal, legs).unwrap();
    assert_eq!((x.available(x.bob[0]), x.available(x.hot[0])), (49_990_000, 10_000_000));
    assert!(
        x.world.transfer(Reason::Withdrawal, vec![hold(x.bob[0], x.hot[0], 10_000_001)]).is_err(),
        "the hot wallet has promised the rest"
    );
    x.world.transfer(Reason::Withdrawal, vec![capture(withdrawal, 0), capture(withdrawal, 1)]).unwrap();
    x.world.transfer(Reason::Gas, vec![post(x.gas_btc, x.hot[0], 2_000)]).unwrap();
    assert_eq!((x.balance(x.bob[0]), x.balance(x.hot[0])), (49_990_000, 9_998_000));
    assert_eq!((x.balance(x.fees[0]), x.balance(x.gas_btc)), (10_000, 2_000));
    x.sums_to_zero();
}

/// Goal: a sweep moves coins between wallets; what is owed to customers does not change, the network's fee is an expense.
#[test]
fn sweep_and_gas() {
    let mut x = Exchange::funded();
    x.world.transfer(Reason::Funding, vec![post(x.hot_eth, x.equity_eth, 10u128.pow(18))]).unwrap();
    let legs = vec![post(x.hot[1], x.deposits[1], 60_000_000_000), post(x.gas_eth, x.hot_eth, 1_260_000_000_000_000)];
    x.world.transfer(Reason::Sweep, legs).unwrap();
    assert_eq!((x.balance(x.hot[1]), x.balance(x.deposits[1])), (60_000_000_000, 0));
    assert_eq!((x.balance(x.gas_eth), x.balance(x.hot_eth)), (1_260_000_000_000_000, 998_740_000_000_000_000));
    assert_eq!(x.balance(x.alice[1]), 60_000_000_000);
    // Assets (hot) and expenses (gas) on one side, equity on the other.
    x.sums_to_zero();
}

/// Goal: money of unknown owner waits in suspense and is assigned by an adjustment with a note, which can be reverted.
#[test]
fn adjustment() {
    let mut x = Exchange::new();
    x.world.transfer(Reason::Deposit, vec![post(x.deposits[0], x.suspense, 7_000)]).unwrap();
    let assigned = x.world.transfer(Reason::Adjustment, vec![post(x.suspense, x.alice[0], 7_000)]).unwrap();
    assert_eq!((x.balance(x.suspense), x.balance(x.alice[0])), (0, 7_000));
    x.sums_to_zero();
    let cause = super::world::cause(Reason::Reversal);
    let revert = Revert {
        id: x.world.id(),
        of: assigned,
        actor: cause.actor,
        reference: cause.reference,
        note: Some("it was Bob's".into()),
    };
    assert_eq!(x.world.run(Command::Revert(revert)), Ok(Done::Posted { first: 3, postings: 1 }));
    assert_eq!((x.balance(x.suspense), x.balance(x.alice[0])), (7_000, 0));
    x.sums_to_zero();
}

/// Goal: a hold that is good for a time gives its money back by itself.
#[test]
fn expiry() {
    let mut x = Exchange::funded();
    let expires = Some(Timestamp(x.world.now.0 + SECOND));
    let leg = Leg::Hold { debit: x.alice[1], credit: x.clearing[1], amount: 5, expires };
    let id = x.world.transfer(Reason::Order, vec![leg]).unwrap();
    x.world.now = Timestamp(x.world.now.0 + SECOND);
    let late = x.world.id();
    let capture = transfer(late, Reason::Trade, vec![capture(id, 0)]);
    assert!(x.world.run(Command::Transfer(capture)).is_err());
    assert_eq!((x.available(x.alice[1]), x.world.ledger.open_holds()), (60_000_000_000, 0));
    x.sums_to_zero();
}
