//! A bank whose users deposit on a network that counts what everybody has: the ground on which sweeps and top-ups are played.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use exchequer_domain::{ChainAddress, Family, Network, NodeId, OutPoint, TxId, UserId, WorkerId};
use exchequer_state::custody::{WalletAddress, WalletRole};
use exchequer_state::ledger::{AccountKey, Asset, Holder, Side, Store};
use exchequer_state::settings::Value;
use exchequer_state::sweeps::{Holding, HoldingKey, SweepPlan};
use exchequer_state::withdrawals::{Errand, Payout};
use exchequer_state::{
    Actor, AllocateAddress, Body, CreateUser, RegisterWallet, SetPrice, SetSetting, StockAddresses, UpdateUser,
};
use exchequer_workers::chains::node::{
    Account, Asking, Broadcast, ChainNode, Doing, Fate, FeeFacts, Heads, OutputFacts, Trial, TrialCall, TronAccount,
};
use exchequer_workers::chains::rpc::Wide;
use exchequer_workers::chains::scan::{Block, EvmLog, EvmReceipt, EvmTx, Header, TronContract, TronInfo, TronTx};
use exchequer_workers::chains::{Coin, evm, tron};
use exchequer_workers::clock::{self, Clock};
use exchequer_workers::host::Outside;
use exchequer_workers::kinds::consolidation::Sweeps;
use exchequer_workers::kinds::deposit::{Counts, Round, Scanner};
use exchequer_workers::kinds::gas::TopUps;
use exchequer_workers::kinds::nodes::Nodes;
use exchequer_workers::kinds::paying::{Desk, Errands};
use exchequer_workers::kinds::withdrawal::Payments;
use exchequer_workers::money::Requests;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::super::super::super::ground::Ground as _;
use super::super::super::super::money::{Caller, Door};
use super::super::super::stage::Stage;
use super::super::Dice;
use super::super::link::{Faults, Inline};
use super::super::pool::{Gate, Net};
use super::super::purse::{HOT, TOKEN, address_on, open_bank};
use super::super::withdrawals::Hand;

/// From which number on addresses of the pool are, and those of the gas and the cold wallet.
pub(super) const POOL: u32 = 2_000;
pub(super) const GAS: u32 = 700;
pub(super) const COLD: u32 = 800;
/// Users with addresses.
pub(super) const USERS: u32 = 6;
/// Assets.
pub(super) const NATIVE: u32 = 1;
pub(super) const TOKENS: u32 = 2;
/// Gas, or energy, that a token's transfer uses.
const TOKEN_UNITS: u64 = 65_000;
/// Energy of a day that a TRX of stake gives.
const ENERGY_OF_TRX: u64 = 10;

/// Something that a stranger pays.
#[derive(Clone)]
struct Gift {
    height: u64,
    to: ChainAddress,
    coin: Coin,
    amount: u128,
    /// It is taken away, and nobody sees by whom.
    stolen: bool,
}

/// What everybody has, beside what the network's transactions move.
#[derive(Default)]
pub(super) struct Gifts(Vec<Gift>);

fn account_of(network: Network, address: &ChainAddress) -> [u8; 20] {
    match network.family() {
        Family::Tron => tron::account_of_text(address.as_str()).unwrap(),
        _ => evm::account_of_text(address.as_str()).unwrap(),
    }
}

/// What an address has of a coin up to a height.
fn balance(net: &Net, gifts: &Gifts, address: &ChainAddress, coin: &Coin, height: u64) -> u128 {
    let given = gifts.0.iter().filter(|gift| gift.height <= height && gift.to == *address && gift.coin == *coin);
    let signed = |gift: &Gift| i128::try_from(gift.amount).unwrap() * if gift.stolen { -1 } else { 1 };
    let mut has: i128 = given.map(signed).sum();
    for (header, tx) in net.mined().filter(|(header, _)| header.block.height <= height) {
        let effects = &tx.effects;
        let works = net.works(tx);
        for payment in effects.payments.iter().filter(|payment| works && payment.coin == *coin) {
            has += if payment.to == *address { payment.amount as i128 } else { 0 };
            has -= if effects.from[0] == *address { payment.amount as i128 } else { 0 };
        }
        if effects.from[0] == *address && *coin == Coin::Native {
            has -= i128::try_from(net.fee(header.block.height, tx)).unwrap();
        }
    }
    u128::try_from(has).unwrap_or_else(|_| panic!("{address} spent {has} that it had not"))
}

/// An endpoint that knows what everybody has.
struct Counter {
    gate: Gate,
    net: Arc<Mutex<Net>>,
    gifts: Arc<Mutex<Gifts>>,
}

impl Counter {
    /// The block with what strangers paid.
    fn with_gifts(&self, block: Block) -> Block {
        let (gifts, network) = (self.gifts.lock(), self.net.lock().network);
        let height = block.header().block.height;
        let mut block = block;
        for (number, gift) in gifts.0.iter().enumerate().filter(|(_, gift)| gift.height == height && !gift.stolen) {
            let mut id = [0x66; 32];
            id[..8].copy_from_slice(&(number as u64).to_be_bytes());
            let (tx, to) = (TxId(id), account_of(network, &gift.to));
            let logs = match &gift.coin {
                Coin::Native => Vec::new(),
                Coin::Token(contract) => vec![transfer(account_of(network, contract), to, gift.amount)],
            };
            let stranger = [0xee; 20];
            match &mut block {
                Block::Evm(block) => {
                    let (target, value) = match &gift.coin {
                        Coin::Native => (to, gift.amount),
                        Coin::Token(contract) => (account_of(network, contract), 0),
                    };
                    let value = Wide::from(value);
                    block.txs.push(EvmTx { hash: tx, kind: 2, from: stranger, to: Some(target), value });
                    block.receipts.push(EvmReceipt { tx, ok: true, logs });
                }
                Block::Tron(block) => {
                    let contract = match &gift.coin {
                        Coin::Native => {
                            let amount = u64::try_from(gift.amount).unwrap();
                            TronContract::Transfer { from: stranger, to, amount }
                        }
                        Coin::Token(contract) => {
                            TronContract::Trigger { from: stranger, contract: account_of(network, contract) }
                        }
                    };
                    let receipt = (gift.coin != Coin::Native).then(|| "SUCCESS".to_owned());
                    block.txs.push(TronTx { id: tx, ok: true, contract });
                    block.infos.push(TronInfo { id: tx, ok: true, receipt, logs, internal: Vec::new() });
                }
                Block::Bitcoin(_) => panic!("coins are not played here"),
            }
        }
        block
    }
}

/// The log of a token's transfer from a stranger.
fn transfer(contract: [u8; 20], to: [u8; 20], amount: u128) -> EvmLog {
    let wide = |account: [u8; 20]| {
        let mut topic = [0; 32];
        topic[12..].copy_from_slice(&account);
        topic
    };
    let kind = [
        0xdd, 0xf2, 0x52, 0xad, 0x1b, 0xe2, 0xc8, 0x9b, 0x69, 0xc2, 0xb0, 0x68, 0xfc, 0x37, 0x8d, 0xaa, 0x95, 0x2b,
        0xa7, 0xf1, 0x63, 0xc4, 0xa1, 0x16, 0x28, 0xf5, 0x5a, 0x4d, 0xf5, 0x23, 0xb3, 0xef,
    ];
    let data = [[0; 16], amount.to_be_bytes()].concat();
    EvmLog { address: contract, topics: vec![kind, wide([0xee; 20]), wide(to)], data, removed: false }
}

impl ChainNode for Counter {
    fn name(&self) -> String {
        self.gate.name()
    }
    fn identify(&self) -> Asking<'_, bool> {
        self.gate.identify()
    }
    fn heads(&self) -> Asking<'_, Heads> {
        self.gate.heads()
    }
    fn header(&self, height: u64) -> Asking<'_, Option<Header>> {
        self.gate.header(height)
    }
    fn block(&self, height: u64) -> Asking<'_, Option<Block>> {
        Box::pin(async move { Ok(self.gate.block(height).await?.map(|block| self.with_gifts(block))) })
    }
    fn broadcast<'a>(&'a self, tx: TxId, raw: &'a [u8]) -> Doing<'a, Broadcast> {
        self.gate.broadcast(tx, raw)
    }
    fn fate(&self, tx: TxId) -> Asking<'_, Fate> {
        self.gate.fate(tx)
    }
    fn fees(&self) -> Asking<'_, FeeFacts> {
        self.gate.fees()
    }
    fn account<'a>(&'a self, address: &'a ChainAddress) -> Asking<'a, Account> {
        Box::pin(async move {
            let account = self.gate.account(address).await?;
            let net = self.net.lock();
            let has = balance(&net, &self.gifts.lock(), address, &Coin::Native, net.head());
            Ok(match account {
                Account::Evm { latest, pending, finalized, .. } => {
                    Account::Evm { latest, pending, finalized, balance: has }
                }
                Account::Tron(account) => {
                    let head = net.head();
                    let sun = |sun: u128| u64::try_from(sun).unwrap();
                    let (mut stake, mut lent) = net.staked_by(address, head);
                    if net.stakeless == Some(self.gate.name) {
                        (stake, lent) = (0, 0);
                    }
                    Account::Tron(TronAccount {
                        balance: sun(has - stake - lent),
                        energy: sun(net.lent_to(address, head)) / 1_000_000 * ENERGY_OF_TRX,
                        bandwidth_free: 600,
                        staked: sun(stake + lent),
                        energy_stake: sun(stake),
                        energy_lent: sun(lent),
                        energy_of_all: ENERGY_OF_TRX,
                        stake_of_all: 1,
                        ..account
                    })
                }
            })
        })
    }
    fn lent<'a>(&'a self, owner: &'a ChainAddress, to: &'a ChainAddress) -> Asking<'a, u64> {
        let net = self.net.lock();
        let lent = if *owner == address_on(Network::Tron, GAS) { net.lent_to(to, net.head()) } else { 0 };
        Box::pin(async move { Ok(u64::try_from(lent).unwrap()) })
    }
    fn outputs<'a>(&'a self, outputs: &'a [OutPoint]) -> Asking<'a, Vec<Option<OutputFacts>>> {
        self.gate.outputs(outputs)
    }
    fn balances<'a>(&'a self, of: &'a [(ChainAddress, Coin)], at: Header) -> Asking<'a, Vec<Option<u128>>> {
        let (net, gifts) = (self.net.lock(), self.gifts.lock());
        let height = at.block.height;
        let has = of.iter().map(|(address, coin)| Some(balance(&net, &gifts, address, coin, height))).collect();
        Box::pin(async move { Ok(has) })
    }
    fn decimals<'a>(&'a self, token: &'a ChainAddress) -> Asking<'a, Option<u8>> {
        self.gate.decimals(token)
    }
    fn trial<'a>(&'a self, call: &'a TrialCall) -> Asking<'a, Trial> {
        let (net, gifts) = (self.net.lock(), self.gifts.lock());
        let barred = net.barred.contains(call.from.as_str());
        let short = balance(&net, &gifts, &call.from, &Coin::Native, net.head()) < call.value;
        let units = if call.data.is_empty() { 21_000 } else { TOKEN_UNITS };
        let said = if barred || short {
            Trial::Reverted { reason: "as the test wants it".to_owned() }
        } else {
            Trial::Done { returned: Vec::new(), units }
        };
        Box::pin(async move { Ok(said) })
    }
}

/// Which worker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Consolidation,
    Gas,
    Withdrawal,
}

/// A worker at its desk.
pub(super) struct Clerk {
    desk: Desk,
    outside: Outside,
    errands: Box<dyn Errands>,
}

/// The field.
pub(super) struct Field {
    pub(super) stage: Stage,
    pub(super) net: Arc<Mutex<Net>>,
    pub(super) network: Network,
    gifts: Arc<Mutex<Gifts>>,
    signer: Arc<Hand>,
    clock: Clock,
    epoch: u64,
    pid: u32,
}

impl Field {
    /// With the wallets of these roles beside the hot one.
    pub(super) async fn open(network: Network, gas: bool, cold: bool) -> Field {
        let mut stage = open_bank(network, 2).await;
        let wallet = |name: &str, role, number: Option<u32>| {
            let own = |number| WalletAddress { address: address_on(network, number), change: false, index: 0 };
            Body::RegisterWallet(Box::new(RegisterWallet {
                name: name.into(),
                role,
                family: network.family(),
                network: None,
                xpub: "xpub".into(),
                addresses: number.map(own).into_iter().collect(),
                pinned: role == WalletRole::Cold,
                reason: "test".into(),
            }))
        };
        stage.ground().run(wallet("deposits", WalletRole::Deposit, None));
        if gas {
            stage.ground().run(wallet("gas", WalletRole::Gas, Some(GAS)));
        }
        if cold {
            stage.ground().run(wallet("cold", WalletRole::Cold, Some(COLD)));
        }
        let entries = (0..USERS).map(|index| (address_on(network, POOL + index), [9; 32])).collect();
        let stock = StockAddresses { family: network.family(), first_index: 0, entries };
        stage.ground().run_as(Actor::Node(NodeId(1)), Body::StockAddresses(stock));
        for number in 0..USERS {
            let label = format!("depositor {number}");
            stage.ground().run(Body::CreateUser(CreateUser { label, kyc_level: 3, fee_tier: 0 }));
            let user = UserId(u64::from(number) + 3);
            stage.ground().run(Body::AllocateAddress(AllocateAddress { user, network, fresh: false }));
        }
        let epoch = stage.lead().await;
        let net = Arc::new(Mutex::new(Net::new(network, 1)));
        net.lock().lazy = 0;
        let (dice, ground) = (Mutex::new(Dice::new(2)), stage.shared.ground.clone());
        let signer = Arc::new(Hand { dice, ground, net: net.clone(), loses: 0 });
        let gifts = Arc::<Mutex<Gifts>>::default();
        let mut field = Field { stage, net, network, gifts, signer, clock: clock::of_runtime(), epoch, pid: 100 };
        // Stations have fuel from the beginning.
        let fuel = if network.family() == Family::Tron { 10_000_000_000 } else { 10_000_000 };
        for number in [GAS, HOT, HOT + 1] {
            field.give(&address_on(network, number), NATIVE, field.units(NATIVE, fuel));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        field.price();
        for _ in 0..12 {
            field.pass(12).await;
        }
        field
    }

    /// Smallest units of so many millionths of an asset.
    pub(super) fn units(&self, asset: u32, millionths: u128) -> u128 {
        match (asset, self.network.family()) {
            (NATIVE, Family::Evm) => millionths * 1_000_000_000_000,
            _ => millionths,
        }
    }

    pub(super) fn coin(&self, asset: u32) -> Coin {
        if asset == NATIVE { Coin::Native } else { Coin::Token(address_on(self.network, TOKEN)) }
    }

    /// A coin is worth 2,000 dollars, on TRON a tenth, a token a dollar.
    pub(super) fn price(&self) {
        let native = if self.network.family() == Family::Tron { 100_000 } else { 2_000_000_000 };
        for (asset, usd_micros) in [(NATIVE, native), (TOKENS, 1_000_000)] {
            let at = self.stage.ground().now();
            let set = SetPrice { asset: Asset(asset), usd_micros, source: "desk".into(), at };
            self.stage.ground().run(Body::SetPrice(set));
        }
    }

    /// A stranger pays, in the next block.
    pub(super) fn give(&self, to: &ChainAddress, asset: u32, amount: u128) {
        let height = self.net.lock().head() + 1;
        self.gifts.lock().0.push(Gift { height, to: to.clone(), coin: self.coin(asset), amount, stolen: false });
    }

    /// Somebody takes it, in a way that no block shows.
    pub(super) fn steal(&self, from: &ChainAddress, asset: u32, amount: u128) {
        let height = self.net.lock().head();
        self.gifts.lock().0.push(Gift { height, to: from.clone(), coin: self.coin(asset), amount, stolen: true });
    }

    /// A deposit to the address of this index, until it is final.
    pub(super) async fn deposit(&mut self, index: u32, asset: u32, amount: u128) {
        self.give(&self.address(index), asset, amount);
        for _ in 0..9 {
            self.pass(12).await;
        }
    }

    pub(super) fn address(&self, index: u32) -> ChainAddress {
        address_on(self.network, POOL + index)
    }

    /// What an address has of an asset at the head.
    pub(super) fn has(&self, address: &ChainAddress, asset: u32) -> u128 {
        let net = self.net.lock();
        balance(&net, &self.gifts.lock(), address, &self.coin(asset), net.head())
    }

    /// Lets time pass with a block, which is scanned.
    pub(super) async fn pass(&mut self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        {
            let mut net = self.net.lock();
            net.clock_ms = self.stage.ground().now().0 / 1_000 - (net.now_ms() - net.clock_ms);
            net.mine();
        }
        self.pid += 1;
        let worker: WorkerId = format!("deposit/{}-1", self.network).parse().unwrap();
        let (link, ticket) = self.link(worker);
        let mut scanner =
            Scanner::new(self.network, link, self.nodes(), Requests::new(&ticket), Arc::<Counts>::default());
        for _ in 0..40 {
            if matches!(scanner.round().await, Ok(Round::Idle)) {
                break;
            }
        }
        self.price();
    }

    fn link(&self, worker: WorkerId) -> (Arc<Inline>, Vec<u8>) {
        let caller = Caller { worker, epoch: self.epoch, pid: self.pid };
        let ticket = self.stage.shared.tickets.give(caller);
        let faults = Arc::new(Mutex::new(Faults { dice: Dice::new(1), lost: 0, deadly: 0, full: None }));
        let door = Door::new(self.stage.shared.clone());
        (Arc::new(Inline { door, caller, faults, died: Arc::new(Notify::new()) }), ticket)
    }

    fn nodes(&self) -> Nodes {
        let counter = |(name, number): (&'static str, u64)| {
            let gate = Gate { name, net: self.net.clone(), dice: Mutex::new(Dice::new(number)), fails: 0 };
            Arc::new(Counter { gate, net: self.net.clone(), gifts: self.gifts.clone() }) as Arc<dyn ChainNode>
        };
        let made: Vec<_> = [("one", 1), ("two", 2), ("three", 3)].into_iter().map(counter).collect();
        Arc::new(move |_, _| Ok(made.clone()))
    }

    /// A worker that begins now.
    pub(super) fn clerk(&mut self, who: Who) -> Clerk {
        self.pid += 1;
        let (kind, errands): (&str, Box<dyn Errands>) = match who {
            Who::Consolidation => ("consolidation", Box::new(Sweeps::every(Duration::ZERO))),
            Who::Gas => ("gas", Box::new(TopUps::every(Duration::ZERO))),
            Who::Withdrawal => ("withdrawal", Box::new(Payments::default())),
        };
        let worker: WorkerId = format!("{kind}/{}-1", self.network).parse().unwrap();
        let (link, ticket) = self.link(worker);
        let outside = Outside::new(self.clock.clone());
        let requests = Requests::new(&ticket);
        let desk = Desk::new(self.network, link, self.nodes(), self.signer.clone(), outside.clone(), requests);
        Clerk { desk, outside, errands }
    }

    /// One round of a worker.
    pub(super) async fn round(&self, clerk: &Clerk) -> Result<(), String> {
        clerk.outside.renew((self.clock)() + 1_000_000);
        clerk.desk.round(&*clerk.errands).await
    }

    /// Lets workers work for so many blocks; what they had to say.
    pub(super) async fn work(&mut self, clerks: &[&Clerk], blocks: u32) -> Vec<String> {
        let mut said = Vec::new();
        for _ in 0..blocks {
            for clerk in clerks {
                said.extend(self.round(clerk).await.err());
            }
            self.pass(12).await;
        }
        said
    }

    pub(super) fn set(&self, key: &str, value: i64) {
        self.set_to(key, Value::Integer(value));
    }

    pub(super) fn set_to(&self, key: &str, value: Value) {
        let (key, reason) = (format!("{key}@network:{}", self.network), "test".to_owned());
        self.stage.ground().run(Body::SetSetting(SetSetting { key, value, if_revision: None, reason }));
    }

    pub(super) fn freeze(&self, index: u32, frozen: bool) {
        use exchequer_state::users::UserStatus;
        let status = Some(if frozen { UserStatus::Frozen } else { UserStatus::Active });
        let user = UserId(u64::from(index) + 3);
        let (kyc_level, fee_tier, label, reason) = (None, None, None, "test".to_owned());
        self.stage.ground().run(Body::UpdateUser(UpdateUser { user, kyc_level, fee_tier, status, label, reason }));
    }

    fn key(&self, index: u32, asset: u32) -> HoldingKey {
        HoldingKey { network: self.network, index: Some(index), asset: Asset(asset) }
    }

    pub(super) fn holding(&self, index: u32, asset: u32) -> Option<Holding> {
        let key = self.key(index, asset);
        self.stage.ground().rows(|state, rows| state.holding(rows, key).unwrap()).unwrap()
    }

    /// Why it is not swept, as it was told.
    pub(super) fn told(&self, index: u32, asset: u32) -> String {
        self.holding(index, asset).and_then(|holding| holding.told).map(|told| told.why).unwrap_or_default()
    }

    pub(super) fn plans(&self) -> Vec<SweepPlan> {
        self.stage.ground().state(|state| state.sweeps().plans(self.network).cloned().collect()).unwrap()
    }

    /// Moves under way.
    pub(super) fn moves(&self) -> Vec<Payout> {
        self.stage.ground().state(|state| state.withdrawals().moves(self.network).cloned().collect()).unwrap()
    }

    /// Every move that there ever was, in order.
    pub(super) fn all_moves(&self) -> Vec<Payout> {
        let read = self.stage.ground().rows(|state, rows| {
            let all =
                (1..).map_while(|number| state.payout(rows, exchequer_state::withdrawals::PayoutId(number)).unwrap());
            all.filter(|payout| payout.errand.moves().is_some()).collect()
        });
        read.unwrap()
    }

    pub(super) fn top_ups(&self) -> usize {
        self.all_moves().iter().filter(|payout| matches!(payout.errand, Errand::TopUp(_))).count()
    }

    pub(super) fn sweeps(&self) -> usize {
        self.all_moves().iter().filter(|payout| matches!(payout.errand, Errand::Sweep(_))).count()
    }

    /// What a store of the ledger has, in minor units.
    pub(super) fn books(&self, store: Store, asset: u32) -> u128 {
        let holder = Holder::Custody { network: self.network as u32, store };
        let key = AccountKey { holder, asset: Asset(asset) };
        let account = self.stage.ground().state(|state| state.account(&key)).unwrap();
        account.map_or(0, |account| account.sums.balance(Side::Debit))
    }

    /// How often each address was paid on chain, and how much in all.
    pub(super) fn paid(&self, to: &ChainAddress) -> Vec<u128> {
        let all: BTreeMap<String, Vec<u128>> = self.net.lock().payments();
        all.get(to.as_str()).cloned().unwrap_or_default()
    }
}
