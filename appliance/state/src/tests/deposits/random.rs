//! Random chains against a list on paper: what is credited at the end is what the chain has.

use std::collections::BTreeMap;

use exchequer_domain::{BlockRef, Network};

use super::super::dice::Dice;
use super::super::world::between;
use super::{FIRST, Till, block, pay};
use crate::deposits::{DepositStage, Refusal, Sighting};
use crate::planted::{self, Bug};
use crate::{Body, CommitBlocks, Done, Rejection, ResumeChain, RewindBlocks};

const NETWORKS: [Network; 2] = [Network::Bitcoin, Network::Bsc];
/// The least that is credited, in minor units.
const LEAST: u128 = 100;

type Seen = BTreeMap<&'static str, u32>;

/// A payment on paper.
#[derive(Debug, Clone)]
struct Payment {
    network: Network,
    user: u64,
    amount: u128,
    /// The exchange's own: never credited.
    own: bool,
    at: Option<u64>,
    credited: bool,
    gathered: bool,
    /// Which of the gathered ones it is.
    turn: u64,
    /// What its user has by it, in minor units.
    came_to: i128,
    unlocked: bool,
}

/// A network on paper.
#[derive(Debug, Clone)]
struct Paper {
    tip: BlockRef,
    blocks: BTreeMap<u64, BlockRef>,
    agreed: u64,
    finalized: Option<u64>,
    settled: u64,
}

struct Run {
    dice: Dice,
    till: Till,
    papers: BTreeMap<Network, Paper>,
    payments: Vec<Payment>,
    /// What each user has by it, debts taken off.
    net: BTreeMap<u64, i128>,
    /// How many payments were gathered.
    turns: u64,
    fork: u8,
    seen: Seen,
}

fn finer(network: Network) -> u128 {
    if network == Network::Bitcoin { 1 } else { 10_000_000_000 }
}

impl Run {
    fn new(seed: u64) -> Run {
        let first = block(FIRST, 0);
        let blocks = BTreeMap::from([(FIRST, first)]);
        let paper = Paper { tip: first, blocks, agreed: 0, finalized: None, settled: 0 };
        let papers = NETWORKS.into_iter().map(|network| (network, paper.clone())).collect();
        let (dice, till, payments, net) = (Dice(seed), Till::new(), Vec::new(), BTreeMap::new());
        Run { dice, till, papers, payments, net, turns: 0, fork: 0, seen: Seen::new() }
    }

    fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    fn step(&mut self) -> Result<(), String> {
        let network = self.dice.of(&NETWORKS);
        match self.dice.below(10) {
            0..=5 => self.commit(network)?,
            6 | 7 => self.reorganise(network)?,
            _ => self.spend(),
        }
        self.compare()
    }

    /// A payment that is new, or one that is in no block.
    fn some_payment(&mut self, network: Network, height: u64) -> Sighting {
        let lost: Vec<usize> = (0..self.payments.len())
            .filter(|at| self.payments[*at].network == network && self.payments[*at].at.is_none())
            .collect();
        let at = if !lost.is_empty() && self.dice.once_in(2) {
            self.saw("included again");
            self.dice.of(&lost)
        } else {
            let whole = self.dice.of(&[1, 30, 60, 99, 100, 500]);
            let part = self.dice.below(finer(network).min(u128::from(u64::MAX)) as usize) as u128;
            let (user, own) = (self.dice.of(&[1, 2]), self.dice.once_in(8));
            let amount = whole * finer(network) + part;
            self.payments.push(Payment {
                network,
                user,
                amount,
                own,
                at: None,
                credited: false,
                gathered: false,
                turn: 0,
                came_to: 0,
                unlocked: false,
            });
            let at = self.payments.len() - 1;
            if own {
                self.till.sign(network, at as u64 + 1);
                self.saw("own");
            }
            at
        };
        self.payments[at].at = Some(height);
        let Payment { user, amount, own, .. } = self.payments[at];
        let from = if own { vec![super::address(network.family(), 3)] } else { vec![] };
        Sighting { from, ..pay(network, at as u64 + 1, user as u32 - 1, amount) }
    }

    fn commit(&mut self, network: Network) -> Result<(), String> {
        let mut payments = Vec::new();
        for ahead in 1..=self.dice.below(4) as u64 + 1 {
            let height = self.papers[&network].tip.height + ahead;
            let count = self.dice.below(3);
            payments.push((0..count).map(|_| self.some_payment(network, height)).collect());
        }
        let mut command = self.till.blocks(network, self.fork, payments, 0);
        let head = command.head;
        command.agreed = head - self.dice.of(&[0, 0, 1, 3]);
        command.finalized = (network != Network::Bitcoin).then(|| head - self.dice.of(&[1, 3, 6, 9]));
        let body = Body::CommitBlocks(Box::new(command.clone()));
        self.till.scan(network, body.clone()).map_err(|why| format!("{why:?}"))?;
        if self.dice.once_in(4) {
            let again = self.till.scan(network, body);
            let moved = Err(Rejection::Deposits(Refusal::CursorMoved { tip: Some(self.till.tip(network)) }));
            if again != moved {
                return Err(format!("a second time: {again:?}"));
            }
            self.saw("sent twice");
        }
        self.count(network, &command);
        Ok(())
    }

    /// What the blocks come to on paper.
    fn count(&mut self, network: Network, command: &CommitBlocks) {
        let paper = self.papers.get_mut(&network).unwrap();
        for scanned in &command.blocks {
            paper.blocks.insert(scanned.block.height, scanned.block);
            paper.tip = scanned.block;
        }
        paper.agreed = command.agreed;
        paper.finalized = paper.finalized.max(command.finalized);
        let is_bitcoin = network == Network::Bitcoin;
        let most = if is_bitcoin { paper.agreed } else { paper.agreed.min(paper.finalized.unwrap_or(0)) };
        let (tradable_to, withdrawable_to) = ((paper.tip.height - 1).min(most), (paper.tip.height - 3).min(most));
        let settled = if is_bitcoin { withdrawable_to } else { paper.finalized.unwrap_or(0).min(paper.tip.height) };
        paper.settled = paper.settled.max(settled);
        let mut due: Vec<(u64, u64, usize)> = Vec::new();
        for (at, payment) in self.payments.iter().enumerate() {
            let counts = payment.network == network && !payment.own && !payment.credited && !payment.gathered;
            if let Some(height) = payment.at.filter(|height| counts && *height <= tradable_to) {
                due.push((height, self.number(at), at));
            }
        }
        due.sort_unstable();
        for (.., at) in due {
            self.credit(at);
        }
        for payment in self.payments.iter_mut().filter(|payment| payment.network == network && payment.credited) {
            payment.unlocked |= payment.at.is_some_and(|height| height <= withdrawable_to);
        }
    }

    /// The deposit's number, by which those of one block are in order.
    fn number(&self, at: usize) -> u64 {
        let network = self.payments[at].network;
        let found = self.till.world.state.deposits().of_tx(&self.till.world.rows, network, &super::tx(at as u64 + 1));
        found.unwrap().first().map_or(0, |deposit| deposit.id.0)
    }

    fn credit(&mut self, at: usize) {
        let Payment { network, user, amount, .. } = self.payments[at];
        let units = amount / finer(network);
        if units >= LEAST {
            (self.payments[at].credited, self.payments[at].came_to) = (true, units as i128);
            *self.net.entry(user).or_default() += units as i128;
            return self.saw("credited");
        }
        self.turns += 1;
        (self.payments[at].gathered, self.payments[at].turn) = (true, self.turns);
        let waits = |payment: &Payment| payment.gathered && payment.user == user && payment.network == network;
        let sum: u128 = self.payments.iter().filter(|payment| waits(payment)).map(|payment| payment.amount).sum();
        if sum / finer(network) >= LEAST {
            *self.net.entry(user).or_default() += (sum / finer(network)) as i128;
            // Each comes to what the sum grew by with it.
            let mut together: Vec<&mut Payment> = self.payments.iter_mut().filter(|payment| waits(payment)).collect();
            together.sort_by_key(|payment| payment.turn);
            let mut sum = 0;
            for payment in together {
                let before = sum / finer(network);
                sum += payment.amount;
                (payment.gathered, payment.credited) = (false, true);
                payment.came_to = (sum / finer(network) - before) as i128;
            }
            self.saw("credited together");
        } else {
            self.saw("gathered");
        }
    }

    fn reorganise(&mut self, network: Network) -> Result<(), String> {
        let paper = self.papers[&network].clone();
        let height = paper.tip.height.saturating_sub(1 + self.dice.below(20) as u64).max(FIRST);
        if height >= paper.tip.height {
            return Ok(());
        }
        let to = paper.blocks[&height];
        let strange = block(height, 99);
        let settles = height >= paper.settled;
        if settles && self.dice.once_in(5) {
            let lie = self.till.rewind(network, strange);
            return (lie == Err(Rejection::Deposits(Refusal::NotInRing)))
                .then_some(())
                .ok_or(format!("a lie: {lie:?}"));
        }
        let body = Body::RewindBlocks(RewindBlocks { network, from: paper.tip, to });
        let done = self.till.scan(network, body);
        if settles {
            if done != Ok(Done::BlocksRewound { tip: to }) {
                return Err(format!("rewinding to {height}: {done:?}"));
            }
            self.saw("reorganised");
        } else {
            if done != Ok(Done::ChainHalted) {
                return Err(format!("rewinding below {}: {done:?}", paper.settled));
            }
            let forced = self.dice.once_in(2).then_some(to);
            let resume = ResumeChain { network, to: forced, reason: "looked".into() };
            self.till.world.run(Body::ResumeChain(resume)).map_err(|why| format!("{why:?}"))?;
            self.saw(if forced.is_some() { "reorganised by persons" } else { "went on" });
            if forced.is_none() {
                return Ok(());
            }
        }
        self.fork = self.fork.wrapping_add(1).min(90);
        let paper = self.papers.get_mut(&network).unwrap();
        paper.tip = to;
        paper.blocks.retain(|at, _| *at <= height);
        paper.agreed = paper.agreed.min(height);
        if !settles {
            paper.settled = paper.settled.min(height);
            paper.finalized = paper.finalized.map(|finalized| finalized.min(height));
        }
        for payment in self.payments.iter_mut().filter(|payment| payment.network == network) {
            if payment.at.is_some_and(|at| at > height) {
                if payment.credited {
                    *self.net.entry(payment.user).or_default() -= payment.came_to;
                }
                (payment.at, payment.credited, payment.gathered, payment.unlocked) = (None, false, false, false);
            }
        }
        Ok(())
    }

    /// A user gives something away that may be taken back later.
    fn spend(&mut self) {
        let from = self.dice.of(&[1, 2]);
        let has = self.till.has(from);
        if has == 0 {
            return;
        }
        let amount = 1 + self.dice.below(has as usize) as u128;
        let id = u128::from(self.till.world.index) + 1_000;
        self.till.world.run(between(from, 3 - from, amount, id)).unwrap();
        *self.net.entry(from).or_default() -= amount as i128;
        *self.net.entry(3 - from).or_default() += amount as i128;
        self.saw("spent");
    }

    fn compare(&mut self) -> Result<(), String> {
        for user in [1, 2] {
            let (has, owes) = (self.till.has(user) as i128, self.till.owes(user) as i128);
            let expected = self.net.get(&user).copied().unwrap_or_default();
            if has - owes != expected {
                return Err(format!("user {user} has {has} and owes {owes}, not {expected} in all"));
            }
            if owes > 0 {
                self.saw("owes");
            }
        }
        for network in NETWORKS {
            let came = self.payments.iter().filter(|payment| payment.network == network && payment.credited);
            let came: u128 = came.map(|payment| payment.amount).sum();
            let listing = self.till.world.state.custody().listing(network, exchequer_ledger::Asset(1)).unwrap();
            let ledger = self.till.custody(network) * finer(network) + listing.dust;
            if ledger != came {
                return Err(format!("{ledger} smallest units of {network} are in the ledger, {came} came"));
            }
        }
        for (at, payment) in self.payments.iter().enumerate() {
            let number = self.number(at);
            let stage = (number > 0).then(|| self.till.stage(number));
            let fits = match stage {
                None => payment.own,
                Some(DepositStage::Unlocked) => payment.unlocked,
                Some(DepositStage::Credited) => payment.credited && !payment.unlocked,
                Some(DepositStage::BelowMinimum) => payment.gathered,
                Some(DepositStage::Confirming) => payment.at.is_some() && !payment.credited && !payment.gathered,
                Some(DepositStage::Orphaned | DepositStage::Reversed) => payment.at.is_none(),
                Some(
                    DepositStage::Pending | DepositStage::Suspense | DepositStage::Replaced | DepositStage::Assigned,
                ) => false,
            };
            if !fits {
                return Err(format!("payment {at} is {stage:?}, on paper {payment:?}"));
            }
        }
        let known = self.payments.iter().filter(|payment| !payment.own).count() as u64;
        let last = self.till.world.state.deposits().last().0;
        (last == known).then_some(()).ok_or(format!("{last} deposits of {known} payments"))
    }
}

/// One run of so many steps; what it saw, or where it differed.
fn run(seed: u64, steps: usize) -> Result<Seen, String> {
    let mut run = Run::new(seed);
    for step in 0..steps {
        run.step().map_err(|why| format!("seed {seed}, step {step}: {why}"))?;
    }
    Ok(run.seen)
}

/// Goal: whatever is reorganised, sent twice, lied about, lagging or spent, users have what the chain has, every smallest unit
/// is accounted for, and each payment is one deposit. Method: random chains of two networks against the list on paper, compared
/// after every step; after each entry the rows hold the whole state.
#[test]
fn credits_are_those_of_the_chain() {
    let mut seen = Seen::new();
    for seed in 0..40 {
        for (what, count) in run(seed, 60).unwrap() {
            *seen.entry(what).or_default() += count;
        }
    }
    println!("{seen:#?}");
    for what in [
        "included again",
        "own",
        "sent twice",
        "credited",
        "credited together",
        "gathered",
        "reorganised",
        "reorganised by persons",
        "went on",
        "spent",
        "owes",
    ] {
        assert!(seen.get(what).is_some_and(|count| *count >= 20), "{what} is too rare");
    }
}

/// Goal: the list notices bugs. Method: each planted bug differs from the list within some of the runs.
#[test]
fn planted_bugs_are_caught() {
    for bug in Bug::OF_DEPOSITS {
        planted::plant(Some(bug));
        let caught = (0..40).find(|seed| run(*seed, 60).is_err());
        planted::plant(None);
        println!("{bug:?} is caught by seed {caught:?}");
        assert!(caught.is_some(), "{bug:?} is not caught");
    }
}
