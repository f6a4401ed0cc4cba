//! Random lives of deposits, sweeps, top-ups and withdrawals on simulated chains with balances.

use std::collections::{BTreeMap, BTreeSet};

use exchequer_domain::{BlockHash, BlockRef, Timestamp};

use super::super::dice::Dice;
use super::super::withdrawals::{COIN, DOLLAR, coin, mint, on, order, request};
use super::super::world::SECOND;
use super::ocean::{DEPTH, Flow, Ocean, Tx};
use super::*;
use crate::custody::CoinState;
use crate::sweeps::SweepStatus;
use crate::withdrawals::{Attempt, Death, Payout, Purpose, WithdrawalId};
use crate::{Preparation, RewindBlocks};

pub(super) const NETWORKS: [Network; 3] = [NET, COINS, TRON];
/// What every transaction of the exchange's may cost, and what it costs.
const FEE_CAP: u64 = 1_000;
const FEE: u128 = 300;
/// What gas wallets have from the beginning, of what the hot wallets were given.
const STATION: u128 = 50_000_000;
const MINTED: u8 = 20;

pub(super) struct Life {
    pub(super) dice: Dice,
    pub(super) world: World,
    pub(super) oceans: BTreeMap<Network, Ocean>,
    /// The blocks that were told, from the first on.
    pub(super) told: BTreeMap<Network, Vec<BlockRef>>,
    number: u64,
    /// What each payout had signed, to be counted on chain.
    pub(super) signed: BTreeMap<PayoutId, (Network, BTreeSet<TxId>)>,
    /// Every transaction that was signed: the same bytes are sent again.
    pub(super) known: BTreeMap<TxId, Tx>,
    pub(super) stale: Vec<Command>,
    pub(super) seen: BTreeMap<&'static str, u32>,
}

pub(super) fn native(network: Network) -> Asset {
    match network.family() {
        ChainFamily::Bitcoin => BTC,
        ChainFamily::Evm => ETH,
        ChainFamily::Tron => TRX,
    }
}

pub(super) fn assets(network: Network) -> Vec<Asset> {
    if network == COINS { vec![BTC] } else { vec![native(network), USDT] }
}

pub(super) fn hot(network: Network) -> ChainAddress {
    address(match network.family() {
        ChainFamily::Bitcoin => "hotbitcoin0",
        ChainFamily::Evm => "hotevm0",
        ChainFamily::Tron => "hottron0",
    })
}

pub(super) fn station(network: Network) -> (Payer, ChainAddress) {
    match network.family() {
        ChainFamily::Tron => (Payer { wallet: GAS_TRON, index: 0 }, address("gastron0")),
        ChainFamily::Evm | ChainFamily::Bitcoin => (Payer { wallet: GAS_EVM, index: 0 }, address("gasevm0")),
    }
}

impl Life {
    pub(super) fn new(seed: u64) -> Life {
        let mut world = harbour();
        mint(&mut world, 0..MINTED);
        let mut oceans = BTreeMap::new();
        for network in NETWORKS {
            let mut begin = BTreeMap::new();
            let coin_of = native(network);
            for asset in assets(network) {
                let given = books(&world, network, Store::Hot, asset);
                let kept = if asset == coin_of { STATION } else { 0 };
                begin.insert((hot(network), asset), given - kept);
                begin.insert((station(network).1, asset), kept);
            }
            let minted = (0..MINTED).map(|number| (coin(number), (hot(COINS), COIN)));
            let minted = if network == COINS { minted.collect() } else { BTreeMap::new() };
            let (pool, blocks, settled, outputs) = (BTreeMap::new(), Vec::new(), 0, network == COINS);
            oceans.insert(network, Ocean { coin: coin_of, outputs, begin, minted, pool, blocks, settled });
            world.run(configure(network, |change| change.withdrawable = Some(DEPTH as u32 + 1))).unwrap();
        }
        let told = NETWORKS.map(|network| (network, vec![world.state.deposits().chains().get(network).tip.unwrap()]));
        let (dice, signed, known) = (Dice(seed), BTreeMap::new(), BTreeMap::new());
        let (told, stale, seen) = (told.into(), Vec::new(), BTreeMap::new());
        let mut life = Life { dice, world, oceans, told, number: 0, signed, known, stale, seen };
        NETWORKS.into_iter().for_each(|network| life.mine(network, 0));
        life
    }

    pub(super) fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    fn tell(&mut self, kind: WorkerKind, network: Network, body: Body) -> Result<Done, Rejection> {
        let actor = teller(&body, actor(kind, network));
        let command = Command { actor, ..by_worker(&mut self.world, network, body) };
        if self.dice.once_in(8) {
            self.stale.push(command.clone());
        }
        self.world.send(&command)
    }

    pub(super) fn ocean(&mut self, network: Network) -> &mut Ocean {
        self.oceans.get_mut(&network).unwrap()
    }

    fn fresh(&mut self) -> TxId {
        self.number += 1;
        TxId(*blake3::hash(&[b"stranger".as_slice(), &self.number.to_be_bytes()].concat()).as_bytes())
    }

    /// Somebody pays to an address of the pool: a user's, or one that is nobody's.
    pub(super) fn pay_in(&mut self) {
        let network = self.dice.of(&NETWORKS);
        let asset = self.dice.of(&assets(network));
        let (index, amount) = (self.dice.below(POOL as usize) as u32, 1 + self.dice.below(9_000) as u128);
        let flow = Flow { asset, from: None, to: pool(network, index), amount };
        let id = self.fresh();
        let (payer, nonce, expires, inputs, fee, fails) = (None, None, None, Vec::new(), 0, false);
        self.ocean(network).pool.insert(id, Tx { id, payer, nonce, expires, inputs, flows: vec![flow], fee, fails });
    }

    /// A block, told as a scanner tells it.
    pub(super) fn mine(&mut self, network: Network, share: usize) {
        self.world.now = Timestamp(self.world.now.0 + 10 * SECOND);
        let (now, mut dice) = (self.world.now, self.dice.clone());
        let ours: BTreeSet<OutPoint> = self.oceans[&network].coins().into_keys().collect();
        self.ocean(network).mine(now, &mut dice, share);
        self.dice = dice;
        let (mut sightings, mut spent) = (Vec::new(), Vec::new());
        let ocean = &self.oceans[&network];
        for tx in ocean.blocks.last().unwrap() {
            spent.extend(tx.inputs.iter().filter(|input| ours.contains(input)).map(|input| (*input, tx.id)));
            for (vout, flow) in (0..).zip(&tx.flows).filter(|_| !tx.fails) {
                let is_own = flow.to == hot(network)
                    || flow.to == station(network).1
                    || (0..POOL).any(|index| flow.to == pool(network, index));
                if is_own {
                    let place =
                        if network == COINS { Place::Output(vout) } else { pay(network, 0, 0, flow.asset, 1).place };
                    let coin = (flow.asset == USDT).then(|| address("Token"));
                    let from = tx.payer.clone().unwrap_or(address("0xstranger"));
                    let (to, amount) = (flow.to.clone(), Some(flow.amount));
                    sightings.push(Sighting { tx: tx.id, place, to, coin, amount, from: vec![from], immature: 0 });
                }
            }
        }
        let parent = *self.told[&network].last().unwrap();
        let salt = [self.number.to_be_bytes(), self.world.index.to_be_bytes()].concat();
        let next = BlockRef { height: parent.height + 1, hash: BlockHash(*blake3::hash(&salt).as_bytes()) };
        let (base, settled) = (self.told[&network][0].height, self.oceans[&network].settled as u64);
        let finalized = (network != COINS).then_some(base + settled);
        let blocks = vec![ScannedBlock { block: next, parent: parent.hash, sightings, spent }];
        let (head, agreed) = (next.height, next.height);
        let commit = CommitBlocks { network, parent, blocks, more: false, head, finalized, agreed };
        send(&mut self.world, WorkerKind::Deposit, network, Body::CommitBlocks(Box::new(commit))).unwrap();
        self.told.get_mut(&network).unwrap().push(next);
    }

    pub(super) fn reorganise(&mut self, network: Network) {
        // The workers have just seen what vanishes now, and look again afterwards.
        self.observe_all(network);
        let mut dice = self.dice.clone();
        let stays = self.ocean(network).reorganise(&mut dice);
        self.dice = dice;
        let told = self.told.get_mut(&network).unwrap();
        let from = *told.last().unwrap();
        told.truncate(stays + 1);
        let to = *told.last().unwrap();
        if to != from {
            let rewind = Body::RewindBlocks(RewindBlocks { network, from, to });
            let done = send(&mut self.world, WorkerKind::Deposit, network, rewind);
            assert_eq!(done, Ok(Done::BlocksRewound { tip: to }));
            self.saw("reorganised");
        }
        self.observe_all(network);
    }

    /// The worker that gathers deposits says what it wants of everything that lies anywhere.
    pub(super) fn plan(&mut self, network: Network) {
        let mut wishes = Vec::new();
        if network == COINS {
            wishes.push(WishedSweep { index: None, asset: BTC, wish: Wish::Sweep, why: "coins".into() });
        } else {
            for one in self.world.state.holdings(&self.world.rows, network, None, 100).unwrap() {
                let index = one.key.index.unwrap();
                let gas = holding(&self.world, network, index, native(network)).map_or(0, |gas| gas.available());
                let (asset, why) = (one.key.asset, "it lies there".to_owned());
                let wish = match (asset == USDT, gas >= u128::from(FEE_CAP)) {
                    (true, false) => Wish::Gas { amount: u128::from(FEE_CAP) * 2 },
                    (true, true) => Wish::Sweep,
                    (false, _) if one.available() > u128::from(FEE_CAP) => Wish::Sweep,
                    (false, _) => continue,
                };
                wishes.push(WishedSweep { index: Some(index), asset, wish, why });
            }
        }
        if !wishes.is_empty() {
            let _ = self.tell(WorkerKind::Consolidation, network, Body::PlanSweeps(PlanSweeps { network, wishes }));
        }
    }

    fn claim(&self, network: Network, payer: Payer) -> (Claim, Purpose) {
        if network == TRON {
            let expires = Timestamp(self.world.now.0 + 60 * SECOND);
            return (Claim::Window { reference: block(1), expires }, Purpose::Payment);
        }
        let lane = self.world.state.lane(&self.world.rows, network, payer).unwrap().unwrap_or_default();
        match lane.gaps.first() {
            Some(gap) => (Claim::Nonce(*gap), Purpose::Noop),
            None => (Claim::Nonce(lane.next), Purpose::Payment),
        }
    }

    fn decide(
        &mut self,
        network: Network,
        payer: Payer,
        errand: Errand,
        withdrawals: Vec<WithdrawalId>,
        claim: Option<Claim>,
    ) {
        let (claim, purpose) = claim.map_or_else(|| self.claim(network, payer), |claim| (claim, Purpose::Payment));
        let (errand, withdrawals) =
            if purpose == Purpose::Noop { (Errand::Withdrawals, vec![]) } else { (errand, withdrawals) };
        let role = self.world.state.custody().wallet(payer.wallet).unwrap().role;
        let kind = errand.worker(role);
        self.number += 1;
        let unsigned = self.number.to_be_bytes().to_vec();
        let preparation = Preparation { purpose, claim, unsigned, fee_max: FEE_CAP };
        let command =
            PreparePayout { network, payer, errand, withdrawals, preparation, chain_nonce: 0, settled_nonce: 0 };
        let what = command.errand.as_str();
        if let Ok(Done::PayoutPrepared { .. }) = self.tell(kind, network, Body::PreparePayout(Box::new(command))) {
            self.saw(what);
        }
    }

    pub(super) fn carry_on(&mut self, network: Network) {
        let plans: Vec<SweepPlan> = self.world.state.sweeps().plans(network).cloned().collect();
        for plan in plans {
            let index = plan.of.index.unwrap_or(0);
            match plan.status {
                SweepStatus::NeedsGas { amount } => {
                    let to = format!("{}", pool(network, index));
                    let one = Move { to_index: Some(index), ..of(native(network), &to, amount, Some(plan.id)) };
                    self.decide(network, station(network).0, Errand::TopUp(one), vec![], None);
                }
                SweepStatus::Ready => self.sweep(network, plan.id, index, plan.of.asset),
                SweepStatus::GasPending { .. }
                | SweepStatus::Sweeping { .. }
                | SweepStatus::Done { .. }
                | SweepStatus::Failed { .. } => {}
            }
        }
    }

    fn sweep(&mut self, network: Network, id: SweepId, index: u32, asset: Asset) {
        // Now and then somebody has it brought elsewhere, or tries more than there is.
        let to = if self.dice.once_in(9) { address("0xthief") } else { hot(network) };
        let more = if self.dice.once_in(7) { 1 } else { 0 };
        if network == COINS {
            let cold = self.world.state.cold_coins(&self.world.rows, COINS, None, 50).unwrap();
            let owned = cold.iter().filter(|coin| coin.deposit.is_some() || self.dice.clone().once_in(3));
            let coins: Vec<(OutPoint, u128)> = owned.map(|coin| (coin.outpoint, coin.amount)).take(4).collect();
            let sum: u128 = coins.iter().map(|(_, amount)| amount).sum();
            let Some(amount) = sum.checked_sub(u128::from(FEE_CAP)).filter(|amount| *amount > 0) else { return };
            let one = of(asset, &to.to_string(), amount + more, Some(id));
            let claim = Claim::Coins(coins.into_iter().map(|(outpoint, _)| outpoint).collect());
            return self.decide(network, Payer { wallet: POOL_BTC, index: 0 }, Errand::Sweep(one), vec![], Some(claim));
        }
        let payer = Payer { wallet: deposits_of(network), index };
        let free = |asset| holding(&self.world, network, index, asset).map_or(0, |one| one.available());
        let gas = u128::from(FEE_CAP);
        let amount = if asset == USDT { free(asset) } else { free(asset).saturating_sub(gas) };
        // A sweep whose gas is on its way elsewhere waits.
        if amount == 0 || (asset == USDT && free(native(network)) < gas) {
            return;
        }
        let one = of(asset, &to.to_string(), amount + more, Some(id));
        self.decide(network, payer, Errand::Sweep(one), vec![], None);
    }

    pub(super) fn ask(&mut self) {
        self.number += 1;
        let user = UserId(1 + self.dice.below(USERS as usize) as u64);
        let (network, asset, amount) = self.dice.of(&[(NET, USDT, 50 * DOLLAR), (COINS, BTC, 70_000_000)]);
        let order = on(network, asset, order(user, &format!("w{}", self.number), amount));
        if request(&mut self.world, order).is_ok() {
            self.saw("asked");
        }
    }

    pub(super) fn pay_out(&mut self) {
        for (network, asset) in [(NET, USDT), (COINS, BTC)] {
            let next = self.world.state.withdrawals().next(network, asset).next().map(|one| one.id);
            let Some(id) = next else { continue };
            let wallet = if network == COINS { HOT_BTC } else { HOT_EVM };
            let claim = (network == COINS).then(|| {
                let coins = self.world.state.custody().coins().of(COINS);
                let big = coins.filter(|coin| coin.state == CoinState::Free && coin.amount > 90_000_000);
                Claim::Coins(big.take(1).map(|coin| coin.outpoint).collect())
            });
            self.decide(network, Payer { wallet, index: 0 }, Errand::Withdrawals, vec![id], claim);
        }
    }

    fn address_of(&self, payout: &Payout) -> ChainAddress {
        let (own, gas) = (hot(payout.network), station(payout.network));
        if payout.payer == gas.0 {
            gas.1
        } else if payout.payer.wallet == deposits_of(payout.network) {
            pool(payout.network, payout.payer.index)
        } else {
            own
        }
    }

    /// Signs what is to be signed, and gives it to nodes, perhaps.
    pub(super) fn sign(&mut self, payout: &Payout) {
        let Some(latest) = payout.latest().cloned() else { return };
        let id = TxId(latest.digest.0);
        if payout.stage() != Stage::Preparing {
            return;
        }
        if self.dice.once_in(12) {
            let _ = self.step(payout, PayoutStep::Dead { proof: Death::NeverSigned, requeue: true });
            return self.saw("never signed");
        }
        let raw = latest.digest.0.to_vec();
        if self.step(payout, PayoutStep::Signed { tx: id, record: raw.clone(), raw }).is_err() {
            return;
        }
        let payer = self.address_of(payout);
        let paid = payout.withdrawals.iter().filter_map(|id| self.world.state.withdrawals().get(*id));
        let outputs = payout.network == COINS;
        let from = || (!outputs).then(|| payer.clone());
        let mut flows: Vec<Flow> = paid
            .map(|one| Flow { asset: one.order.asset, from: from(), to: one.order.to.clone(), amount: one.on_chain })
            .chain(payout.errand.moves().map(|one| Flow {
                asset: one.asset,
                from: from(),
                to: one.to.clone(),
                amount: one.on_chain,
            }))
            .collect();
        let Attempt { claim, purpose, .. } = latest;
        if purpose == Purpose::Noop {
            flows.clear();
        }
        let (mut fee, mut inputs) = (FEE, Vec::new());
        if let Claim::Coins(coins) = &claim {
            inputs = coins.clone();
            let all = self.oceans[&COINS].coins();
            let has: u128 = coins.iter().map(|coin| all.get(coin).map_or(0, |(_, amount)| *amount)).sum();
            let out: u128 = flows.iter().map(|flow| flow.amount).sum();
            let left = has.checked_sub(out).expect("coins are there that are spent");
            fee = left.min(u128::from(FEE_CAP));
            if left > fee {
                flows.push(Flow { asset: BTC, from: None, to: hot(COINS), amount: left - fee });
            }
        }
        let nonce = if let Claim::Nonce(nonce) = claim { Some(nonce) } else { None };
        let expires = if let Claim::Window { expires, .. } = claim { Some(expires) } else { None };
        let fails = !outputs && purpose == Purpose::Payment && self.dice.once_in(9);
        let tx = Tx { id, payer: Some(payer), nonce, expires, inputs, flows, fee, fails };
        self.signed.entry(payout.id).or_insert((payout.network, BTreeSet::new())).1.insert(id);
        self.known.insert(id, tx.clone());
        self.ocean(payout.network).pool.insert(id, tx);
        self.saw("signed");
    }

    pub(super) fn step(&mut self, payout: &Payout, step: PayoutStep) -> Result<Done, Rejection> {
        let role = self.world.state.custody().wallet(payout.payer.wallet).unwrap().role;
        let (network, from, attempt) = (payout.network, payout.stage(), payout.attempts.len() as u16);
        let command = StepPayout { network, payout: payout.id, from, attempt, step };
        self.tell(payout.errand.worker(role), network, Body::StepPayout(Box::new(command)))
    }
}
