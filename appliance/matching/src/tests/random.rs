//! Random commands to the market, to one restored from its rows, and to the naive one, compared after each.

use std::collections::BTreeMap;

use exchequer_domain::Timestamp;

use super::coverage::Coverage;
use super::dice::Dice;
use super::held::Held;
use super::naive::{Naive, covers};
use crate::limits::Limits;
use crate::planted::{Bug, plant};
use crate::{Command, Desk, Filters, Hold, Market, Owner, PhaseChange, Report, RowKey, Side, Worth};

const COMMANDS_OF_AN_EPISODE: u64 = 4_000;
/// Random logs of a short run; `EXCHEQUER_MATCHING_EPISODES` names another number, `EXCHEQUER_MATCHING_SEED` the first.
const EPISODES: u64 = 300;

/// A desk that writes down, and refuses what the naive one refuses.
#[derive(Debug, Default)]
pub(super) struct Notes(pub(super) Vec<Report>);

impl Desk for Notes {
    fn hold(&mut self, hold: &Hold) -> bool {
        covers(hold)
    }

    fn report(&mut self, report: Report) {
        self.0.push(report);
    }
}

type Rows = Vec<(RowKey, Option<Vec<u8>>)>;

fn drained(market: &mut Market) -> Rows {
    let mut rows = Vec::new();
    market.drain(|key, row| rows.push((key, row))).unwrap();
    rows
}

/// The market, the same restored from rows some time ago, the naive one, and what reports and rows say.
struct World {
    limits: Limits,
    market: Market,
    restored: Market,
    naive: Naive,
    held: Held,
    rows: BTreeMap<RowKey, Vec<u8>>,
}

impl World {
    fn new(limits: Limits, worth: Worth, filters: Filters) -> World {
        let market = Market::within(limits, worth, filters);
        let naive = Naive::new(limits, worth, filters);
        World { limits, restored: market.clone(), market, naive, held: Held::default(), rows: BTreeMap::new() }
    }

    fn run(&mut self, now: Timestamp, command: &Command) -> Vec<Report> {
        let (mut notes, mut again) = (Notes::default(), Notes::default());
        self.market.apply(now, command, &mut notes).unwrap();
        self.restored.apply(now, command, &mut again).unwrap();
        self.naive.reports.clear();
        self.naive.apply(now, command);
        assert_eq!(notes.0, self.naive.reports);
        assert_eq!(again.0, self.naive.reports, "of the restored market");
        self.held.take(&notes.0);
        notes.0
    }

    /// Prices and depth as the naive market sees them.
    fn compare(&self) {
        let World { market, naive, .. } = self;
        assert_eq!((market.phase(), market.due()), (naive.phase, naive.due()));
        assert_eq!(market.book().open_orders() as usize, naive.open_orders());
        let indication = market.indication().map(|found| (found.price.0, found.lots.0, found.surplus));
        assert_eq!(indication, naive.auction());
        for side in [Side::Buy, Side::Sell] {
            let depth = market.book().depth(side).map(|level| (level.price.0, level.lots.0, level.orders));
            let (depth, expected): (Vec<_>, _) = (depth.collect(), naive.depth(side));
            assert_eq!(depth, expected, "{side:?}");
            assert_eq!(market.book().best(side).map(|price| price.0), expected.first().map(|level| level.0));
        }
    }

    /// Every open order as the naive market sees it, alone and in its owner's list, and what is held for it.
    fn compare_orders(&self) {
        let views = self.naive.views();
        let mut owners: BTreeMap<Owner, Vec<_>> = BTreeMap::new();
        for view in &views {
            assert_eq!(self.market.order(view.id).as_ref(), Some(view));
            owners.entry(view.owner).or_default().insert(0, *view);
        }
        for (owner, views) in owners {
            assert_eq!(self.market.orders_of(owner).collect::<Vec<_>>(), views);
        }
        let mut all: Vec<_> = self.market.orders().collect();
        all.sort_unstable_by_key(|view| view.id);
        assert_eq!(all, views);
        self.held.compare(&views);
        for side in [Side::Buy, Side::Sell] {
            let held: u128 = views.iter().filter(|view| view.side == side).map(|view| view.held).sum();
            assert_eq!(self.market.held_in_all(side), held);
        }
    }

    /// Writes the rows that changed, each once; the restored market writes the same.
    fn drain(&mut self) {
        let rows = drained(&mut self.market);
        assert_eq!(rows, drained(&mut self.restored));
        let mut keys: Vec<RowKey> = rows.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), rows.len(), "a row is written twice");
        for (key, row) in rows {
            match row {
                Some(row) => drop(self.rows.insert(key, row)),
                None => {
                    let known = self.rows.remove(&key).is_some();
                    assert!(known || matches!(key, RowKey::Switch(_)), "{key:?} was never written");
                }
            }
        }
        assert_eq!(drained(&mut self.market), []);
        assert_eq!(drained(&mut self.restored), []);
    }

    /// Replaces the restored market by one from rows, in one order or the other, or from bytes.
    fn restore(&mut self, how: u64) {
        self.drain();
        let bytes = self.market.encode().unwrap();
        let of = |kind: fn(&RowKey) -> bool| self.rows.iter().filter(move |(key, _)| kind(key)).map(|(_, row)| row);
        let head = &self.rows[&RowKey::Head];
        assert!(head.len() <= 2048, "the head takes {} bytes", head.len());
        let orders = of(|key| matches!(key, RowKey::Order(_)));
        let switches = of(|key| matches!(key, RowKey::Switch(_)));
        let restored = match how {
            0 => Market::restore_within(self.limits, head, orders, switches),
            1 => Market::restore_within(self.limits, head, orders.rev(), switches.rev()),
            _ => Market::decode_within(self.limits, &bytes),
        };
        self.restored = restored.unwrap();
        assert_eq!(self.restored.encode().unwrap(), bytes);
    }
}

/// One random log.
fn run(seed: u64, seen: &mut Coverage) {
    let mut dice = Dice(seed);
    let (limits, worth, filters) = (dice.limits(), dice.worth(), dice.filters());
    let mut world = World::new(limits, worth, filters);
    let mut now = 1_000;
    for number in 0..COMMANDS_OF_AN_EPISODE {
        now += if dice.one_in(100) { dice.below(70_000_000) } else { dice.below(8) };
        let command = match number {
            20 => Command::SetPhase(PhaseChange::Trading),
            3_950 => Command::SetPhase(PhaseChange::Delisted),
            _ => dice.command(now, &worth, &world.naive),
        };
        let reports = world.run(Timestamp(now), &command);
        world.compare();
        seen.command(&command, &reports);
        if dice.one_in(12) {
            world.compare_orders();
        }
        if dice.one_in(20) {
            world.drain();
        }
        if dice.one_in(200) {
            world.restore(dice.below(3));
            seen.count("restored");
        }
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Goal: every report, every price and every depth is what the rules demand, every order is seen as it stands, reports
/// account for all that is held, and a market restored from the rows it wrote is the same from then on, rows included.
/// Method: random commands, good and bad, over all types and phases, to the market, a restored one and a naive one that
/// searches a list. Every outcome must be seen 100 times; the counts are printed. A failure prints the seed of its log.
#[test]
fn random_commands_have_the_naive_reports() {
    let episodes = number("EXCHEQUER_MATCHING_EPISODES", EPISODES);
    let first = number("EXCHEQUER_MATCHING_SEED", 0);
    let mut seen = Coverage::default();
    for seed in first..first + episodes {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed, &mut seen)));
        if let Err(panic) = result {
            println!("the log of seed {seed} failed: EXCHEQUER_MATCHING_SEED={seed} EXCHEQUER_MATCHING_EPISODES=1");
            std::panic::resume_unwind(panic);
        }
    }
    println!("{episodes} logs of {COMMANDS_OF_AN_EPISODE} commands, seeds from {first}");
    seen.finish(if episodes >= EPISODES { 100 } else { 0 });
}

/// Goal: the comparison can fail. Method: bugs of the kind that books are known for, planted one by one; each is caught
/// by one of the first logs.
#[test]
fn planted_bugs_are_caught() {
    for bug in Bug::ALL {
        plant(Some(bug));
        let caught = (0..100).find(|seed| {
            let log = || run(*seed, &mut Coverage::default());
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(log)).is_err()
        });
        plant(None);
        println!("{bug:?}: caught by seed {caught:?}");
        assert!(caught.is_some(), "{bug:?} was not caught");
    }
}

/// Goal: the same log gives the same reports and the same state hash, however often the market was restored meanwhile;
/// and bytes that are not whole are no market. Method: random logs applied straight, straight again, and with a restore
/// before every seventh command; cut and altered bytes.
#[test]
fn the_same_log_gives_the_same_hash() {
    for episode in 1_000..1_005 {
        let mut dice = Dice(episode);
        let (worth, filters) = (dice.worth(), dice.filters());
        let mut naive = Naive::new(Limits::FULL, worth, filters);
        let mut log = vec![(Timestamp(1), Command::SetPhase(PhaseChange::Trading))];
        for _ in 0..3_000 {
            let now = log[log.len() - 1].0.0 + dice.below(8);
            let command = dice.command(now, &worth, &naive);
            naive.apply(Timestamp(now), &command);
            log.push((Timestamp(now), command));
        }
        let run = |restore: usize| {
            let mut market = Market::new(worth, filters);
            let mut notes = Notes::default();
            for (at, (now, command)) in log.iter().enumerate() {
                if restore > 0 && at % restore == 0 {
                    market = Market::decode(&market.encode().unwrap()).unwrap();
                }
                market.apply(*now, command, &mut notes).unwrap();
            }
            (market.digest().unwrap(), notes.0, market.encode().unwrap())
        };
        let (digest, reports, bytes) = run(0);
        for restore in [0, 7] {
            let again = run(restore);
            assert_eq!((again.0, &again.1), (digest, &reports), "seed {episode}");
        }
        for cut in 0..bytes.len() {
            assert!(Market::decode(&bytes[..cut]).is_err(), "seed {episode}, {cut} bytes");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1 << dice.below(8);
            // It may be another market, but reading it never panics.
            let _ = Market::decode(&bytes);
        }
    }
}
